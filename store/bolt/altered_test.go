package bolt_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/logfile"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
)

// rot flips a bit of every place in the file where these bytes stand, at an offset from their beginning, whether or not
// a log has the file open. It returns how many there were.
func rot(t *testing.T, path string, what []byte, offset int) (places int) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	defer file.Close()
	image, err := os.ReadFile(path)
	require.NoError(t, err)
	all := logfile.Places(image, what)
	for _, at := range all {
		_, err := file.WriteAt([]byte{image[at+offset] ^ 1}, int64(at+offset))
		require.NoError(t, err)
	}
	return len(all)
}

// altered is the log that these tests alter: a full tile of the seal, and records after it.
const (
	alteredRecords = 300
	inTile         = 90  // the position of a record whose leaf is in the tile
	afterTile      = 290 // and of one whose leaf nothing but the frontier covers
)

func alteredID(position uint64) string { return fmt.Sprintf("r-%04d", position) }

// telling is a record whose payload can be found in the file.
func telling(position uint64) events.Record {
	r := record(alteredID(position))
	r.Event = events.PaymentPending{PaymentID: "payment-of-" + alteredID(position)}
	return r
}

// rotRecord changes a letter in the payload of the record at the position, which stays a record that reads well: the
// checksum in its chunk's directory fits what it has become. So only the seal can tell.
func rotRecord(t *testing.T, path string, position uint64) {
	t.Helper()
	require.Positive(t, rotFrame(t, path, []byte("payment-of-"+alteredID(position)), 0), "the record is in the file")
}

// rotFrame does so with a bit at an offset of what stands in a frame, wherever that is, and returns at how many places.
func rotFrame(t *testing.T, path string, what []byte, offset int) (places int) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	defer file.Close()
	image, err := os.ReadFile(path)
	require.NoError(t, err)
	all := logfile.Places(image, what)
	for _, at := range all {
		at += offset
		begin, size, sum := logfile.FrameAround(image, at)
		require.Positive(t, size)
		frame := bytes.Clone(image[begin : begin+size])
		frame[at-begin] ^= 1
		_, err := file.WriteAt(frame, int64(begin))
		require.NoError(t, err)
		_, err = file.WriteAt(binary.BigEndian.AppendUint32(nil, logfile.FrameSum(frame)), int64(sum))
		require.NoError(t, err)
	}
	return len(all)
}

// toAlter makes the log in memory, closed, and the checkpoint it has.
func toAlter(t *testing.T, config *bolt.Config) (path string, was seal.Checkpoint) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "orders.log")
	log, err := bolt.Open(path, config)
	require.NoError(t, err)
	for position := uint64(1); position <= alteredRecords; position++ {
		_, err := log.Append(context.Background(), events.OrderStream("o-"+alteredID(position)), 0, telling(position))
		require.NoError(t, err)
	}
	was = tree(t, log)
	require.NoError(t, log.Close())
	return path, was
}

// TestNothingVouchesForAnAlteredRecord: a record that changes in the file under an open log, for writing or for
// reading, is named by all that reads it against the seal, and no copy is made of it. What is signed stays the root
// over what was appended.
func TestNothingVouchesForAnAlteredRecord(t *testing.T) {
	ctx, signer := context.Background(), newSigner(t, "shop.example")
	sound, was := toAlter(t, &bolt.Config{Signer: signer})
	for _, position := range []uint64{inTile, afterTile} {
		for name, config := range map[string]*bolt.Config{
			"writing": {Signer: signer}, "reading": {Signer: signer, ReadOnly: true},
		} {
			t.Run(fmt.Sprintf("position %d, %s", position, name), func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "orders.log")
				copyFile(t, sound, path)
				log := openLog(t, path, config)
				rotRecord(t, path, position)

				at := fmt.Sprintf("position %d:", position)
				isClear(t, log.Verify(ctx, nil), store.ErrDamaged, path, at, "seal")
				isClear(t, log.Backup(ctx, path+".backup", nil), store.ErrDamaged, path, at, "seal")
				left, err := os.ReadDir(filepath.Dir(path))
				require.NoError(t, err)
				assert.Len(t, left, 1, "no copy lies about: %v", left)
				_, err = log.Prove(ctx, position)
				isClear(t, err, store.ErrDamaged, path, "seal")

				assert.Equal(t, was, tree(t, log))
				signed, err := log.Checkpoint(ctx)
				require.NoError(t, err)
				now, err := seal.Open(signed, signer.Verifier())
				require.NoError(t, err)
				assert.Equal(t, was, now)
				for _, old := range []uint64{3, 256, 289, 299, 300} {
					proof, err := log.ProveConsistency(ctx, old, alteredRecords)
					if err != nil {
						isClear(t, err, store.ErrDamaged, path, "seal")
						continue
					}
					before := rootOver(t, sound, old)
					require.NoError(t, seal.VerifyConsistency(proof, old, before, was.Size, was.Root), "what is handed out holds")
				}
			})
		}
	}
}

// rootOver is the root over the first records of a log, from their bytes alone.
func rootOver(t *testing.T, path string, size uint64) seal.Hash {
	t.Helper()
	log, err := bolt.Open(path, &bolt.Config{ReadOnly: true})
	require.NoError(t, err)
	defer log.Close()
	var over seal.Tree
	for _, frame := range frames(t, log)[:size] {
		over.Append(seal.LeafHash([]byte(frame)))
	}
	return over.Root()
}

// TestAnAlteredFile: the same in a file that nobody had open. What the frontier alone covers is refused by every
// opening, with the records to look at; what a full tile covers is named by whatever reads all of it.
func TestAnAlteredFile(t *testing.T) {
	ctx := context.Background()
	sound, _ := toAlter(t, nil)
	path := filepath.Join(t.TempDir(), "orders.log")
	copyFile(t, sound, path)
	rotRecord(t, path, afterTile)
	for _, config := range []*bolt.Config{nil, {ReadOnly: true}} {
		_, err := bolt.Open(path, config)
		isClear(t, err, store.ErrDamaged, path, "positions 289 to 296")
	}
	_, err := bolt.Compact(ctx, path, nil)
	isClear(t, err, store.ErrDamaged, path)

	copyFile(t, sound, path)
	rotRecord(t, path, inTile)
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	_, err = bolt.Compact(ctx, path, nil)
	isClear(t, err, store.ErrDamaged, path, "position 90:", "seal")
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, len(before), len(after), "the log is where it was")
	for _, config := range []*bolt.Config{nil, {ReadOnly: true}} {
		log := openLog(t, path, config)
		isClear(t, log.Verify(ctx, nil), store.ErrDamaged, path, "position 90:")
		isClear(t, log.Backup(ctx, path+".backup", nil), store.ErrDamaged, path, "position 90:")
		require.NoError(t, log.Close())
	}
}

// TestRecoveryProvesWhatItReads: what a crash left to be read again is held against the seal before it goes into the
// heads and keys, wherever in the log it stands.
func TestRecoveryProvesWhatItReads(t *testing.T) {
	path := filepath.Join(t.TempDir(), "orders.log")
	log, err := bolt.Open(path, nil)
	require.NoError(t, err)
	for position := uint64(1); position <= alteredRecords; position++ {
		_, err := log.Append(context.Background(), events.OrderStream("o-"+alteredID(position)), 0, telling(position))
		require.NoError(t, err)
	}
	killed := killedCopy(t, path)
	require.NoError(t, log.Close())
	rotRecord(t, killed, inTile)
	for _, config := range []*bolt.Config{{ReadOnly: true}, nil} {
		_, err := bolt.Open(killed, config)
		isClear(t, err, store.ErrDamaged, killed, "position 90:", "seal")
	}
}

// TestAncestorIsWhatWasSealed: a backup that goes on says what it held before by the seal, not by what its records give
// now.
func TestAncestorIsWhatWasSealed(t *testing.T) {
	path, was := toAlter(t, nil)
	log := openLog(t, path, nil)
	backup := path + ".backup"
	require.NoError(t, log.Backup(context.Background(), backup, nil))
	rotRecord(t, backup, inTile)
	again := openLog(t, backup, nil)
	past, err := again.Ancestry(context.Background())
	require.NoError(t, err)
	assert.Equal(t, []seal.Checkpoint{was}, past)
}

// TestAlteredTileIsNamed: an altered tile is told from an altered record, also where only tiles above cover it.
func TestAlteredTileIsNamed(t *testing.T) {
	path, _ := toAlter(t, nil)
	log := openLog(t, path, nil)
	var tile []byte
	withFile(t, path, func(tx *bbolt.Tx) { tile = bytes.Clone(tx.Bucket([]byte("tiles")).Get(make([]byte, 9))) })
	require.Positive(t, rot(t, path, tile[7*32:8*32], 5))
	isClear(t, log.Verify(context.Background(), nil), store.ErrDamaged, path, "tile 0/0")
	isClear(t, log.Backup(context.Background(), path+".backup", nil), store.ErrDamaged, path, "tile 0/0")
}

// withFile reads a file that a log may have open, from a copy.
func withFile(t *testing.T, path string, read func(tx *bbolt.Tx)) {
	t.Helper()
	db, err := bbolt.Open(killedCopy(t, path), 0, &bbolt.Options{ReadOnly: true})
	require.NoError(t, err)
	require.NoError(t, db.View(func(tx *bbolt.Tx) error { read(tx); return nil }))
	require.NoError(t, db.Close())
}
