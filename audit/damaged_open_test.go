package audit_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/logfile"
	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
)

// Files that do not open any more, and what Verify says of them all the same.

// verifyDamaged verifies a file that Open refuses.
func verifyDamaged(t *testing.T, path string, cfg *audit.VerifyConfig) *audit.Report {
	t.Helper()
	_, err := bolt.Open(path, &bolt.Config{ReadOnly: true})
	require.ErrorIs(t, err, store.ErrDamaged)
	return survivorsOf(t, path, cfg)
}

func survivorsOf(t *testing.T, path string, cfg *audit.VerifyConfig) *audit.Report {
	t.Helper()
	log, err := bolt.OpenDamaged(path)
	require.NoError(t, err)
	defer func() { require.NoError(t, log.Close()) }()
	r, err := audit.VerifyDamaged(context.Background(), log, cfg)
	require.NoError(t, err)
	_, err = json.Marshal(r)
	require.NoError(t, err)
	assert.NotEqual(t, audit.StateProven, r.Level(audit.LevelBytes).State)
	return r
}

// opens returns the error with which a file does not open for reading; nil: it does.
func opens(t *testing.T, path string) error {
	t.Helper()
	log, err := bolt.Open(path, &bolt.Config{ReadOnly: true})
	if err == nil {
		require.NoError(t, log.Close())
	}
	return err
}

// pageBytes is the size of a page of bbolt's, and used how many bytes of the file are in use.
func pageBytes(t *testing.T, path string) (size, used int) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true})
	require.NoError(t, err)
	require.NoError(t, db.View(func(tx *bbolt.Tx) error { used = int(tx.Size()); return nil }))
	size = db.Info().PageSize
	require.NoError(t, db.Close())
	return size, used
}

// leafOf is the number of the page that has a position's chunk.
func leafOf(t *testing.T, path string, position uint64) int {
	t.Helper()
	image, err := os.ReadFile(path)
	require.NoError(t, err)
	var chunk []byte
	inFile(t, path, func(tx *bbolt.Tx) error { chunk = chunkAt(t, tx, position); return nil })
	at := bytes.LastIndex(image, chunk)
	require.Positive(t, at)
	size, _ := pageBytes(t, path)
	return at / size
}

type refused struct {
	damage   func(t *testing.T, path string)
	want     audit.Problem
	from, to uint64 // where; to is 0 for one position
	judged   uint64 // records found legal at least
	state    audit.State
}

// refusedCorpus is damage that keeps a file from being opened.
var refusedCorpus = map[string]refused{
	"the tail cut": {func(t *testing.T, path string) {
		inFile(t, path, func(tx *bbolt.Tx) error { return tx.Bucket([]byte("log")).Delete(number(320)) })
	}, audit.EndsEarly, 320, 320, 319, audit.StateNotChecked},
	"a bit behind the last full tile": {func(t *testing.T, path string) {
		inFile(t, path, func(tx *bbolt.Tx) error {
			chunk := chunkAt(t, tx, 300)
			chunk[30] ^= 1
			return put(tx, 300, chunk)
		})
	}, audit.DamagedRecord, 300, 0, 315, audit.StateNotChecked},
	"a record behind the last full tile edited, its checksum renewed": {func(t *testing.T, path string) {
		editIn(t, path, 300, func(r *events.Record) { r.Actor = "mallory" })
	}, audit.AlteredSeal, 257, 320, 320, audit.StateWrong},
	"two records removed, one in a tile and one behind": {func(t *testing.T, path string) {
		inFile(t, path, func(tx *bbolt.Tx) error {
			return errorsOf(tx.Bucket([]byte("log")).Delete(number(fileSpot)), tx.Bucket([]byte("log")).Delete(number(301)))
		})
	}, audit.DamagedRecord, fileSpot, 0, 310, audit.StateNotChecked},
	"a record in a tile edited, and the tail cut": {func(t *testing.T, path string) {
		editIn(t, path, fileSpot, func(r *events.Record) { r.Actor = "mallory" })
		inFile(t, path, func(tx *bbolt.Tx) error { return tx.Bucket([]byte("log")).Delete(number(320)) })
	}, audit.AlteredRecord, fileSpot, 0, 310, audit.StateNotChecked},
	"an index entry, not its checksum": {func(t *testing.T, path string) {
		inFile(t, path, func(tx *bbolt.Tx) error {
			key, value := tx.Bucket([]byte("heads")).Cursor().First()
			value = bytes.Clone(value)
			value[3] ^= 1
			return tx.Bucket([]byte("heads")).Put(bytes.Clone(key), value)
		})
	}, audit.AlteredIndex, 0, 0, 320, audit.StateProven},
	"a tile replaced": {func(t *testing.T, path string) {
		inFile(t, path, func(tx *bbolt.Tx) error {
			key, tile := tx.Bucket([]byte("tiles")).Cursor().First()
			tile = bytes.Clone(tile)
			tile[40] ^= 1
			return tx.Bucket([]byte("tiles")).Put(bytes.Clone(key), tile)
		})
	}, audit.AlteredSeal, 0, 0, 320, audit.StateProven},
	"a tile removed": {func(t *testing.T, path string) {
		inFile(t, path, func(tx *bbolt.Tx) error {
			key, _ := tx.Bucket([]byte("tiles")).Cursor().First()
			return tx.Bucket([]byte("tiles")).Delete(bytes.Clone(key))
		})
	}, audit.AlteredSeal, 0, 0, 320, audit.StateProven},
	"what it says of itself": {func(t *testing.T, path string) {
		inFile(t, path, func(tx *bbolt.Tx) error {
			return tx.Bucket([]byte("meta")).Put([]byte("origin"), []byte("shop.example/other/AAAA"))
		})
	}, audit.AlteredSeal, 0, 0, 320, audit.StateProven},
	"the position that its heads cover": {func(t *testing.T, path string) {
		inFile(t, path, func(tx *bbolt.Tx) error {
			return tx.Bucket([]byte("meta")).Put([]byte("covered"), number(1<<40))
		})
	}, audit.AlteredSeal, 0, 0, 320, audit.StateProven},
	"a bucket missing": {func(t *testing.T, path string) {
		inFile(t, path, func(tx *bbolt.Tx) error { return tx.DeleteBucket([]byte("due")) })
	}, audit.AlteredIndex, 0, 0, 320, audit.StateProven},
	"both header pages": {func(t *testing.T, path string) {
		overwriteAt(t, path, 20, bytes.Repeat([]byte{7}, 60))
		overwriteAt(t, path, pageBytesUsual+20, bytes.Repeat([]byte{7}, 60))
	}, audit.AlteredIndex, 0, 0, 320, audit.StateProven},
}

const pageBytesUsual = 4096

func errorsOf(all ...error) error {
	for _, err := range all {
		if err != nil {
			return err
		}
	}
	return nil
}

func overwriteAt(t *testing.T, path string, at int64, by []byte) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	_, err = file.WriteAt(by, at)
	require.NoError(t, err)
	require.NoError(t, file.Close())
}

func TestVerifyDamaged_SaysLevelByLevelWhatIsWrong(t *testing.T) {
	whole, signed := shopFileOf(t, fileOrders)
	cfg := withCheckpoints(signed)
	cfg.Keys = nil // it is not about signatures
	for name, tt := range refusedCorpus {
		path := duplicate(t, whole)
		tt.damage(t, path)
		r := verifyDamaged(t, path, cfg)
		f, found := r.First()
		require.True(t, found, name)
		assert.Equal(t, []any{tt.want, tt.from, tt.to}, []any{f.Problem, f.Position, f.Until}, "%s: %+v", name, r.Findings)
		assert.GreaterOrEqual(t, r.Level(audit.LevelLegality).Checked, tt.judged, name)
		assert.Equal(t, tt.state, r.Held[0].State, "%s: %+v", name, r.Findings)
		assert.NotEqual(t, audit.Clean, r.Outcome(), name)
	}
}

// A whole page of records that cannot be read is a hole of just its records, and all behind it is judged.
func TestVerifyDamaged_APageOfRecords(t *testing.T) {
	whole, signed := shopFileOf(t, fileOrders)
	leaf := leafOf(t, whole, fileSpot)
	size, _ := pageBytes(t, whole)
	cfg := withCheckpoints(signed)
	for name, damage := range map[string]func(path string){
		"zeroed": func(path string) { overwriteAt(t, path, int64(leaf*size), make([]byte, size)) },
		"flags":  func(path string) { overwriteAt(t, path, int64(leaf*size)+8, []byte{0xff}) },
	} {
		path := duplicate(t, whole)
		damage(path)
		r := verifyDamaged(t, path, cfg)
		f, found := r.First()
		require.True(t, found, name)
		assert.Equal(t, audit.DamagedRecord, f.Problem, name)
		assert.LessOrEqual(t, f.Position, uint64(fileSpot), name)
		assert.GreaterOrEqual(t, f.Until, uint64(fileSpot), name)
		assert.Equal(t, r.Missing, f.Until-f.Position+1, "%s: one hole", name)
		assert.Less(t, r.Missing, uint64(64), name)
		assert.Equal(t, uint64(320), r.Records+r.Missing, name)
		assert.Greater(t, r.Level(audit.LevelLegality).Checked, uint64(240), name)
	}
}

// Links that lead in a circle end, and a file that was cut short is read as far as it goes.
func TestVerifyDamaged_LinksAndEnds(t *testing.T) {
	whole, _ := shopFileOf(t, fileOrders)
	size, used := pageBytes(t, whole)
	image, err := os.ReadFile(whole)
	require.NoError(t, err)
	leaf := leafOf(t, whole, fileSpot)
	branch := 0 // the page of branches that links to the leaf
	for page := 2; page < len(image)/size; page++ {
		p := image[page*size : (page+1)*size]
		if binary.NativeEndian.Uint16(p[8:]) != 1 || int(binary.NativeEndian.Uint64(p)) != page {
			continue
		}
		for i := range int(binary.NativeEndian.Uint16(p[10:])) {
			if int(binary.NativeEndian.Uint64(p[16+16*i+8:])) == leaf {
				branch = page
				path := duplicate(t, whole)
				overwriteAt(t, path, int64(page*size+16+16*i+8), binary.NativeEndian.AppendUint64(nil, uint64(page)))
				if opens(t, path) == nil {
					continue // an older copy
				}
				r := verifyDamaged(t, path, nil)
				assert.Positive(t, r.Missing)
				assert.Greater(t, r.Records, uint64(250))
			}
		}
	}
	require.Positive(t, branch)
	path := duplicate(t, whole)
	require.NoError(t, os.Truncate(path, int64(used/2/size*size)))
	r := verifyDamaged(t, path, nil)
	assert.NotEqual(t, audit.Clean, r.Outcome())
}

// Whatever is damaged, a verification ends with a report, and where Open refuses a file it says that something is
// wrong. What it judges are records that the whole file has.
func TestVerifyDamaged_RandomDamage(t *testing.T) {
	whole, _ := shopFileOf(t, fileOrders)
	image, err := os.ReadFile(whole)
	require.NoError(t, err)
	_, used := pageBytes(t, whole)
	leaves := map[seal.Hash]bool{}
	log, err := bolt.Open(whole, &bolt.Config{ReadOnly: true})
	require.NoError(t, err)
	for f, err := range log.Frames(context.Background(), store.Start()) {
		require.NoError(t, err)
		leaves[seal.LeafHash(f.Bytes)] = true
	}
	require.NoError(t, log.Close())
	chance := rand.New(rand.NewPCG(1, 2))
	found := 0
	path := filepath.Join(t.TempDir(), "orders.tilltape") // one for all: together they would fill a disk
	for range long.Walk(1500, 15) {
		damaged := bytes.Clone(image)
		for range 1 + chance.IntN(20) {
			at := chance.IntN(used)
			switch chance.IntN(4) {
			case 0:
				clear(damaged[at/4096*4096:][:4096])
			case 1:
				copy(damaged[at/4096*4096:], damaged[chance.IntN(used)/4096*4096:][:4096])
			default:
				damaged[at] ^= 1 << chance.IntN(8)
			}
		}
		require.NoError(t, logfile.Write(path, damaged))
		refused := opens(t, path)
		if refused == nil {
			continue
		}
		if d, err := bolt.OpenDamaged(path); err != nil {
			require.NotErrorIs(t, refused, store.ErrDamaged)
			continue
		} else {
			for f, err := range d.Surviving(context.Background()) {
				if err == nil {
					require.True(t, leaves[seal.LeafHash(f.Bytes)], "position %d", f.Record.Position)
				}
			}
			require.NoError(t, d.Close())
		}
		found++
		r := survivorsOf(t, path, nil)
		require.NotEqual(t, audit.Clean, r.Outcome())
	}
	assert.GreaterOrEqual(t, found, 8)
}

// What is left of a file is nothing that reads a log, so nobody takes it for one.
func TestOpenDamaged_IsNoLog(t *testing.T) {
	path, _ := shopFileOf(t, 3)
	d, err := bolt.OpenDamaged(path)
	require.NoError(t, err)
	defer func() { require.NoError(t, d.Close()) }()
	_, reader := any(d).(store.Reader)
	_, framer := any(d).(store.Framer)
	_, prover := any(d).(audit.Prover)
	_, pager := any(d).(audit.Pager)
	assert.Equal(t, []bool{false, false, false, false}, []bool{reader, framer, prover, pager})
	require.NoError(t, d.Refusal(), "a sound file opens")
	r, err := audit.VerifyDamaged(context.Background(), d, nil)
	require.NoError(t, err)
	assert.Empty(t, r.Findings)
	assert.Equal(t, "indexes were not verified", r.Level(audit.LevelBytes).Why)
	_, err = bolt.OpenDamaged(path + ".none")
	require.ErrorIs(t, err, store.ErrStorage)
}

// Of a file without one whole record nothing is proven, and nobody is told that its records are what they were.
func TestVerifyDamaged_NothingCanBeRead(t *testing.T) {
	path, signed := shopFileOf(t, 3)
	require.NoError(t, os.Truncate(path, 3_000))
	for _, cfg := range []*audit.VerifyConfig{nil, withCheckpoints(signed)} {
		r := verifyDamaged(t, path, cfg)
		for _, level := range []audit.Level{audit.LevelBytes, audit.LevelLegality, audit.LevelMoney} {
			assert.NotEqual(t, audit.StateProven, r.Level(level).State, level)
			assert.Contains(t, r.Level(level).Why, "not one record can be read", level)
		}
		for _, f := range r.Findings {
			assert.NotEqual(t, audit.AlteredIndex, f.Problem, "%+v", f)
		}
		assert.NotEqual(t, audit.Clean, r.Outcome())
	}
}
