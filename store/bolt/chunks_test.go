package bolt

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"
	"pgregory.net/rapid"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

// TestDirectory: every frame of a chunk is found, and whatever bit of the directory is wrong, another frame than the
// one asked for never comes out of it.
func TestDirectory(t *testing.T) {
	log := openTest(t)
	const count = 5
	var frames []byte
	var ends []int
	for position := uint64(1); position <= count; position++ {
		r := testRecord(fmt.Sprintf("r-%d", position))
		r.Stream, r.Version, r.Position = events.OrderStream("o-1"), position, position
		var err error
		frames, err = events.AppendFrame(frames, r)
		require.NoError(t, err)
		ends = append(ends, len(frames))
	}
	var c chunks
	c.cut(1, frames, ends)
	require.Len(t, c.list, 1)
	sound := bytes.Clone(c.value(c.list[0]))
	read := func(value []byte) (bad int) {
		err := log.db.Update(func(tx *bbolt.Tx) error {
			require.NoError(t, tx.Bucket([]byte(bucketLog)).Put(number(count), value))
			for position := uint64(1); position <= count; position++ {
				r, err := newFrames(log, reading{Tx: tx}).record(position)
				if err != nil {
					require.ErrorIs(t, err, store.ErrDamaged)
					bad++
					continue
				}
				require.Equal(t, position, r.Position)
			}
			return nil
		})
		require.NoError(t, err)
		return bad
	}
	require.Zero(t, read(sound))
	for i := len(sound) - directorySize(count); i < len(sound); i++ {
		for bit := range 8 {
			value := bytes.Clone(sound)
			value[i] ^= 1 << bit
			require.Positive(t, read(value), "byte %d, bit %d", i, bit)
		}
	}
	for size := range directorySize(count) + 1 {
		require.Equal(t, count, read(sound[len(sound)-size:]), "only the last %d bytes", size)
	}
}

// TestChunksAreFilled: a chunk is closed by the frame that would make its value too long, and never before.
func TestChunksAreFilled(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		const before, count = 7, 60
		var sizes, ends []int
		for range count {
			size := rapid.OneOf(rapid.IntRange(100, 900), rapid.IntRange(chunkMax-200, chunkMax+10)).Draw(rt, "size")
			sizes = append(sizes, size)
			ends = append(ends, size)
			if n := len(ends); n > 1 {
				ends[n-1] += ends[n-2]
			}
		}
		var cut chunks
		cut.cut(before+1, make([]byte, ends[count-1]), ends)
		frames := 0
		for i, c := range cut.list {
			value := cut.value(c)
			require.Len(rt, value, cut.size(c))
			n := int(binary.BigEndian.Uint16(value[len(value)-2:]))
			require.True(rt, len(value) <= chunkMax || n == 1, "%d frames in %d bytes", n, len(value))
			if frames += n; i < len(cut.list)-1 {
				require.Greater(rt, len(value)+sizes[frames]+directorySize(1), chunkMax, "there was room for one more")
			}
			require.EqualValues(rt, before+frames, c.last)
		}
		require.Equal(rt, count, frames)
	})
}
