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
	p := log.newPlan()
	for position := uint64(1); position <= count; position++ {
		r := testRecord(fmt.Sprintf("r-%d", position))
		r.Stream, r.Version, r.Position = events.OrderStream("o-1"), position, position
		var err error
		p.frames, err = events.AppendFrame(p.frames, r)
		require.NoError(t, err)
		p.take(position, len(p.frames))
	}
	require.Len(t, p.chunks, 1)
	sound := bytes.Clone(p.value(p.chunks[0]))
	read := func(value []byte) (bad int) {
		err := log.db.Update(func(tx *bbolt.Tx) error {
			require.NoError(t, tx.Bucket([]byte(bucketLog)).Put(number(count), value))
			for position := uint64(1); position <= count; position++ {
				r, err := newFrames(log, tx).record(position)
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
		p := &plan{}
		var sizes []int
		for position := uint64(1); position <= 60; position++ {
			size := rapid.OneOf(rapid.IntRange(100, 900), rapid.IntRange(chunkMax-200, chunkMax+10)).Draw(rt, "size")
			sizes = append(sizes, size)
			p.frames = append(p.frames, make([]byte, size)...)
			p.take(position, len(p.frames))
		}
		frames := 0
		for i, c := range p.chunks {
			value := p.value(c)
			require.Len(rt, value, p.size(c))
			n := int(binary.BigEndian.Uint16(value[len(value)-2:]))
			require.True(rt, len(value) <= chunkMax || n == 1, "%d frames in %d bytes", n, len(value))
			if frames += n; i < len(p.chunks)-1 {
				require.Greater(rt, len(value)+sizes[frames]+directorySize(1), chunkMax, "there was room for one more")
			}
			require.EqualValues(rt, frames, c.last)
		}
		require.Equal(rt, 60, frames)
	})
}
