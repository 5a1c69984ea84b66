package audit_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/crc32"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
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

// The corpus of damaged logs, as files: what a disk does, and whoever edits a file and renews its checksums. The log's
// own seal tells the record. docs/reference/log-format-bbolt.md has the format.

const (
	fileOrders = 80 // 320 records: one full tile, and 64 after it
	fileSpot   = 90 // in the full tile
)

// shopFileOf is a closed file of so many orders, a record a commit, and so a chunk a record; and its checkpoint.
func shopFileOf(t *testing.T, orders int) (path string, signed []byte) {
	t.Helper()
	if orders == fileOrders {
		return usualFile(t)
	}
	return newShopFile(t, orders)
}

// usual is the file that most tests copy and damage: its signatures and commits take a second.
var usual struct{ image, signed []byte }

func usualFile(t *testing.T) (path string, signed []byte) {
	t.Helper()
	if usual.image == nil {
		made, signed := newShopFile(t, fileOrders)
		image, err := os.ReadFile(made)
		require.NoError(t, err)
		usual.image, usual.signed = image, signed
	}
	path = filepath.Join(t.TempDir(), "orders.tilltape")
	require.NoError(t, logfile.Write(path, usual.image))
	return path, bytes.Clone(usual.signed)
}

func newShopFile(t *testing.T, orders int) (path string, signed []byte) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "orders.tilltape")
	log, err := bolt.Open(path, &bolt.Config{Signer: signer()})
	require.NoError(t, err)
	fillWith(t, log, shopOf(t, 0, orders))
	signed = checkpointOf(t, log)
	require.NoError(t, log.Close())
	return path, signed
}

func number(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// summedWith is a value with its checksum, as the lazy buckets have it.
func summedWith(key, value []byte) []byte {
	table := crc32.MakeTable(crc32.Castagnoli)
	return binary.BigEndian.AppendUint32(bytes.Clone(value), crc32.Update(crc32.Checksum(key, table), table, value))
}

// chunkOf is what a file keeps for a commit of one frame.
func chunkOf(frame []byte) []byte {
	sum := crc32.Checksum(frame, crc32.MakeTable(crc32.Castagnoli))
	return binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint32(bytes.Clone(frame), sum), 1)
}

const directoryBytes = 4 + 2 // of a chunk of one frame

// inFile changes what is in the file's buckets.
func inFile(t *testing.T, path string, change func(tx *bbolt.Tx) error) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, nil)
	require.NoError(t, err)
	require.NoError(t, db.Update(change))
	require.NoError(t, db.Close())
}

// chunkAt is the chunk of a position, to be changed.
func chunkAt(t *testing.T, tx *bbolt.Tx, position uint64) []byte {
	t.Helper()
	chunk := bytes.Clone(tx.Bucket([]byte("log")).Get(number(position)))
	require.NotEmpty(t, chunk, "a record a commit")
	return chunk
}

func put(tx *bbolt.Tx, position uint64, chunk []byte) error {
	return tx.Bucket([]byte("log")).Put(number(position), chunk)
}

// editIn writes the record at a position anew, with its checksum.
func editIn(t *testing.T, path string, position uint64, change func(*events.Record)) {
	t.Helper()
	inFile(t, path, func(tx *bbolt.Tx) error {
		chunk := chunkAt(t, tx, position)
		r, err := events.DecodeFrame(chunk[:len(chunk)-directoryBytes])
		require.NoError(t, err)
		change(&r)
		frame, err := events.AppendFrame(nil, r)
		require.NoError(t, err)
		return put(tx, position, chunkOf(frame))
	})
}

// fileCorpus is what is done to a file, and where and as what it has to be found.
var fileCorpus = map[string]struct {
	damage func(t *testing.T, path string)
	want   audit.Problem
	at     uint64
}{
	"one bit": {func(t *testing.T, path string) {
		inFile(t, path, func(tx *bbolt.Tx) error {
			chunk := chunkAt(t, tx, fileSpot)
			chunk[30] ^= 1
			return put(tx, fileSpot, chunk)
		})
	}, audit.DamagedRecord, fileSpot},
	"one byte of a directory": {func(t *testing.T, path string) {
		inFile(t, path, func(tx *bbolt.Tx) error {
			chunk := chunkAt(t, tx, fileSpot)
			chunk[len(chunk)-1] = 7
			return put(tx, fileSpot, chunk)
		})
	}, audit.DamagedRecord, fileSpot},
	"a record edited, its checksum renewed": {func(t *testing.T, path string) {
		editIn(t, path, fileSpot, func(r *events.Record) { r.Actor = "mallory" })
	}, audit.AlteredRecord, fileSpot},
	"re-encoded": {func(t *testing.T, path string) {
		inFile(t, path, func(tx *bbolt.Tx) error {
			chunk := chunkAt(t, tx, fileSpot)
			return put(tx, fileSpot, chunkOf(lengthenFrame(chunk[:len(chunk)-directoryBytes])))
		})
	}, audit.AlteredRecord, fileSpot},
	"removed": {func(t *testing.T, path string) {
		inFile(t, path, func(tx *bbolt.Tx) error { return tx.Bucket([]byte("log")).Delete(number(fileSpot)) })
	}, audit.DamagedRecord, fileSpot},
	"swapped": {func(t *testing.T, path string) {
		inFile(t, path, func(tx *bbolt.Tx) error {
			one, other := chunkAt(t, tx, fileSpot), chunkAt(t, tx, fileSpot+1)
			require.NoError(t, put(tx, fileSpot, other))
			return put(tx, fileSpot+1, one)
		})
	}, audit.AlteredRecord, fileSpot},
	"doubled": {func(t *testing.T, path string) {
		inFile(t, path, func(tx *bbolt.Tx) error { return put(tx, fileSpot+1, chunkAt(t, tx, fileSpot)) })
	}, audit.AlteredRecord, fileSpot + 1},
	"a head that lies": {func(t *testing.T, path string) {
		editIn(t, path, fileSpot, func(r *events.Record) { r.Head.Status = "refunded" })
	}, audit.AlteredRecord, fileSpot},
	"an index of heads edited": {func(t *testing.T, path string) {
		inFile(t, path, func(tx *bbolt.Tx) error {
			heads := tx.Bucket([]byte("heads"))
			key, _ := heads.Cursor().First()
			_, other := heads.Cursor().Last()
			return heads.Put(bytes.Clone(key), summedWith(key, other[:len(other)-4]))
		})
	}, audit.AlteredIndex, 0},
	"a lookup key led astray": {func(t *testing.T, path string) {
		inFile(t, path, func(tx *bbolt.Tx) error {
			keys := tx.Bucket([]byte("keys"))
			key, _ := keys.Cursor().First()
			_, other := keys.Cursor().Last()
			return keys.Put(bytes.Clone(key), summedWith(key, other[:len(other)-4]))
		})
	}, audit.AlteredIndex, 0},
	"a lookup key removed": {func(t *testing.T, path string) {
		inFile(t, path, func(tx *bbolt.Tx) error {
			cursor := tx.Bucket([]byte("keys")).Cursor()
			key, _ := cursor.First()
			return tx.Bucket([]byte("keys")).Delete(bytes.Clone(key))
		})
	}, audit.AlteredIndex, 0},
}

// verifyFile verifies a file that is opened for reading, as an auditor does. A file that does not open is caught, too.
func verifyFile(t *testing.T, path string, cfg *audit.VerifyConfig) (*audit.Report, error) {
	t.Helper()
	log, err := bolt.Open(path, &bolt.Config{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	defer func() { require.NoError(t, log.Close()) }()
	return verify(t, log, cfg), nil
}

func TestFileCorpus_IsCaughtAtItsPosition(t *testing.T) {
	whole, signed := shopFileOf(t, fileOrders)
	cfg := withCheckpoints(signed)
	cfg.Keys = nil // it is not about signatures
	r, err := verifyFile(t, whole, cfg)
	require.NoError(t, err)
	require.Empty(t, r.Findings, "the untouched log is clean")
	require.Equal(t, audit.StateProven, r.Level(audit.LevelBytes).State)
	for i, name := range slices.Sorted(maps.Keys(fileCorpus)) {
		if !long.Each(i, 3) {
			continue
		}
		tt := fileCorpus[name]
		path := duplicate(t, whole)
		tt.damage(t, path)
		r, err := verifyFile(t, path, cfg)
		require.NoError(t, err, name)
		f, found := r.First()
		require.True(t, found, name)
		assert.Equal(t, tt.want, f.Problem, "%s: %+v", name, r.Findings)
		if tt.at != 0 {
			assert.Equal(t, []uint64{tt.at, 0}, []uint64{f.Position, f.Until}, "%s: %+v", name, f)
			assert.LessOrEqual(t, r.Missing, uint64(2), name)
			assert.GreaterOrEqual(t, r.Level(audit.LevelLegality).Checked, uint64(4*fileOrders-8), "others are judged on")
		} else {
			assert.EqualValues(t, 4*fileOrders, r.Level(audit.LevelLegality).Checked, name)
			assert.Equal(t, audit.StateProven, r.Held[0].State, "%s: the records are what they were", name)
		}
		assert.Equal(t, audit.Altered, r.Outcome(), name)
	}
}

// The newest records are held against the seal as the file is opened, which then is no log to anybody but a
// verification that says where it ends.
func TestFileCorpus_TheTailCut(t *testing.T) {
	whole, signed := shopFileOf(t, 3)
	inFile(t, whole, func(tx *bbolt.Tx) error { return tx.Bucket([]byte("log")).Delete(number(12)) })
	_, err := verifyFile(t, whole, nil)
	require.ErrorIs(t, err, store.ErrDamaged)
	r := verifyDamaged(t, whole, withCheckpoints(signed))
	require.Len(t, r.Findings, 2, "by its own seal, and by the checkpoint")
	for _, f := range r.Findings {
		assert.Equal(t, []any{audit.EndsEarly, uint64(12), uint64(12)}, []any{f.Problem, f.Position, f.Until})
	}
	assert.Equal(t, audit.CutOff, r.Outcome())
	assert.EqualValues(t, 11, r.Level(audit.LevelLegality).Checked)
}

// A tile that was replaced under an open log: the records are sound, and the finding says so.
func TestFileCorpus_ATileReplaced(t *testing.T) {
	path, signed := shopFileOf(t, fileOrders)
	var leaf seal.Hash
	inFile(t, path, func(tx *bbolt.Tx) error {
		chunk := chunkAt(t, tx, fileSpot)
		leaf = seal.LeafHash(chunk[:len(chunk)-directoryBytes])
		return nil
	})
	log, err := bolt.Open(path, &bolt.Config{ReadOnly: true})
	require.NoError(t, err)
	defer func() { require.NoError(t, log.Close()) }()
	image, err := os.ReadFile(path)
	require.NoError(t, err)
	at := bytes.Index(image, leaf[:])
	require.Positive(t, at, "the tile has the record's hash")
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	_, err = file.WriteAt([]byte{leaf[0] ^ 1}, int64(at))
	require.NoError(t, err)
	require.NoError(t, file.Close())

	r := verify(t, log, withCheckpoints(signed))
	require.Len(t, r.Findings, 1)
	assert.Equal(t, audit.AlteredSeal, r.Findings[0].Problem)
	assert.Contains(t, r.Findings[0].Detail, "tile")
	assert.Equal(t, audit.StateProven, r.Held[0].State, "the records are those of the checkpoint all the same")
	assert.EqualValues(t, 4*fileOrders, r.Level(audit.LevelLegality).Checked)
}

// restoredBackup is a log of three orders that is a backup's, with a checkpoint of before it, and one of what the log
// that was backed up went on to.
func restoredBackup(t *testing.T) (restored *bolt.Log, early, late []byte) {
	t.Helper()
	path, early := shopFileOf(t, 3)
	log, err := bolt.Open(path, &bolt.Config{Signer: signer()})
	require.NoError(t, err)
	backup := filepath.Join(t.TempDir(), "backup.tilltape")
	require.NoError(t, log.Backup(t.Context(), backup, nil))
	fillWith(t, log, shopOf(t, 3, 5))
	late = checkpointOf(t, log)
	require.NoError(t, log.Close())
	restored, err = bolt.Open(backup, &bolt.Config{Signer: signer()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, restored.Close()) })
	return restored, early, late
}

// A backup that went back in time and on from there says so itself, and an auditor with a later checkpoint sees what is
// gone.
func TestFileCorpus_ARestoredBackupThatForked(t *testing.T) {
	restored, early, late := restoredBackup(t)
	for name, more := range map[string][]events.Record{"at once": nil, "grown as long": shopOf(t, 7, 9)} {
		fillWith(t, restored, more)
		r := verify(t, restored, withCheckpoints(early))
		require.Empty(t, r.Findings, "%s: what was before the backup is there", name)
		r = verify(t, restored, withCheckpoints(early, late))
		require.Len(t, r.Findings, 1, name)
		f := r.Findings[0]
		assert.Equal(t, []any{audit.Forked, uint64(13), uint64(20)}, []any{f.Problem, f.Position, f.Until}, name)
		assert.Equal(t, audit.Altered, r.Outcome(), name)
	}

	forged, err := seal.Open(early, signer().Verifier())
	require.NoError(t, err)
	forged.Size, forged.Root[0] = 5, forged.Root[0]^1
	signed, err := signer().Sign(forged)
	require.NoError(t, err)
	r := verify(t, restored, withCheckpoints(signed))
	require.Len(t, r.Findings, 1)
	assert.Equal(t, audit.Rewritten, r.Findings[0].Problem, "a checkpoint of before the backup tells of no fork")
}

// An engine that does not prove its frames one by one is read once more, and names the record all the same.
func TestVerify_LocatesByTheRecordsProof(t *testing.T) {
	path, signed := shopFileOf(t, fileOrders)
	editIn(t, path, fileSpot, func(r *events.Record) { r.Actor = "mallory" })
	log, err := bolt.Open(path, &bolt.Config{ReadOnly: true})
	require.NoError(t, err)
	defer func() { require.NoError(t, log.Close()) }()
	r := verify(t, onlyRecords{log, log, log}, withCheckpoints(signed))
	require.Len(t, r.Findings, 2)
	f, _ := r.First()
	assert.Equal(t, []any{audit.AlteredRecord, uint64(fileSpot)}, []any{f.Problem, f.Position})
	assert.Equal(t, audit.Rewritten, r.Findings[0].Problem, "which the record explains")
}

// onlyRecords is a log whose seal proves records and no frames.
type onlyRecords struct {
	store.Reader
	store.Framer
	audit.Prover
}

// Heads that the facts do not come to are found in a log that does not verify them itself.
func TestVerify_HeadsAreHeldAgainstTheFacts(t *testing.T) {
	log := shopInMemory(t, 3)
	r := verify(t, headless{log, log, "order-20261123-000001"}, nil)
	require.Len(t, r.Findings, 2)
	assert.Equal(t, []any{audit.AlteredIndex, "order-20261123-000001", "the log lists no head of the order"},
		[]any{r.Findings[0].Problem, r.Findings[0].Stream.ID, r.Findings[0].Detail})
	assert.Equal(t, audit.AlteredIndex, r.Findings[1].Problem)
	assert.Contains(t, r.Findings[1].Detail, `says version 9, "captured"`)
	assert.Equal(t, audit.StateWrong, r.Level(audit.LevelBytes).State)
}

// headless is a log that lists no head of one order, and a wrong version of others.
type headless struct {
	store.Reader
	store.Framer
	without string
}

func (l headless) Heads(ctx context.Context, f store.Filter) iter.Seq2[store.Head, error] {
	return func(yield func(store.Head, error) bool) {
		for head, err := range l.Reader.Heads(ctx, f) {
			if head.Stream.ID == l.without {
				continue
			}
			if head.Stream.ID == "order-20261123-000002" {
				head.Version = 9
			}
			if !yield(head, err) {
				return
			}
		}
	}
}
