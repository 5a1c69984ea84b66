package bolt_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
)

// proveFrames walks the log's frames by its seal, to their end or to the first error, and returns the root over them.
func proveFrames(t *testing.T, log *bolt.Log) (c seal.Checkpoint, over seal.Checkpoint, err error) {
	t.Helper()
	c, frames, err := log.ProvenFrames(context.Background())
	require.NoError(t, err)
	var hashed seal.Tree
	for f, err := range frames {
		if err != nil {
			return c, seal.Checkpoint{Size: hashed.Size(), Root: hashed.Root()}, err
		}
		decoded, err := events.DecodeFrame(f.Bytes)
		require.NoError(t, err)
		require.Equal(t, decoded, f.Record)
		hashed.Append(seal.LeafHash(f.Bytes))
	}
	return c, seal.Checkpoint{Origin: c.Origin, Size: hashed.Size(), Root: hashed.Root()}, nil
}

func TestProvenFrames_AreWhatTheSealIsOver(t *testing.T) {
	for _, count := range []int{0, 1, 256, 600} {
		log := openLog(t, lengthy(t, count), &bolt.Config{ReadOnly: true})
		c, over, err := proveFrames(t, log)
		require.NoError(t, err)
		assert.Equal(t, tree(t, log), c)
		assert.Equal(t, c, over)
	}
}

func TestProvenFrames_EndAtARecordThatWasAltered(t *testing.T) {
	sound, _ := toAlter(t, nil)
	for _, position := range []uint64{inTile, afterTile} {
		path := filepath.Join(t.TempDir(), "orders.log")
		copyFile(t, sound, path)
		log := openLog(t, path, nil)
		rotRecord(t, path, position)
		_, over, err := proveFrames(t, log)
		require.ErrorIs(t, err, store.ErrDamaged)
		assert.Equal(t, position-1, over.Size)
		n := 0
		for _, err := range log.Frames(context.Background(), store.Start()) {
			require.NoError(t, err, "without the seal it reads well")
			n++
		}
		assert.Equal(t, alteredRecords, n)
	}
}

func TestProvenFrames_OfALogWithoutASeal(t *testing.T) {
	log := openLog(t, filepath.Join(t.TempDir(), "orders.log"), &bolt.Config{Unsealed: true})
	lengthen(t, log, "o", 0, 3)
	c, over, err := proveFrames(t, log)
	require.NoError(t, err)
	assert.Zero(t, c)
	assert.EqualValues(t, 3, over.Size)
	require.NoError(t, log.Close())
	_, _, err = log.ProvenFrames(context.Background())
	require.ErrorIs(t, err, store.ErrClosed)
}
