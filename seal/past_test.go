package seal_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/seal"
)

// pastOf is the past of the tree over all of d, and what it read.
func pastOf(d []seal.Hash) (past *seal.Past, calls, tiles *int) {
	tree, s := grow(d)
	calls, tiles = new(int), new(int)
	return seal.NewPast(tree, func(ids []seal.TileID, bytes [][]byte) (err error) {
		*calls, *tiles = *calls+1, *tiles+len(ids)
		for i, id := range ids {
			if bytes[i], err = s.Tile(id.Level, id.Index); err != nil {
				return err
			}
		}
		return nil
	}), calls, tiles
}

// TestPastIsTheRFCs: out of a tree of 70 000 leaves, which has tiles on two levels, every size before is answered as by
// the RFC.
func TestPastIsTheRFCs(t *testing.T) {
	d := leaves(70_000)
	past, _, _ := pastOf(d)
	for _, size := range []int{0, 1, 2, 7, 255, 256, 257, 600, 65_535, 65_536, 65_537, 69_999, 70_000} {
		root, err := past.RootAt(uint64(size))
		require.NoError(t, err)
		require.Equal(t, mth(d[:size]), root, "root over %d", size)
		for _, n := range []int{0, size / 3, size - 1, size} { // the oracle recomputes whole trees
			if 0 <= n && n < size {
				proof, err := past.ProveInclusion(uint64(size), uint64(n))
				require.NoError(t, err)
				require.Equal(t, auditPath(n, d[:size]), nilIfNone(proof), "leaf %d of %d", n, size)
			}
			if n > 0 && n <= size {
				proof, err := past.ProveConsistency(uint64(n), uint64(size))
				require.NoError(t, err)
				require.Equal(t, consistency(n, d[:size]), nilIfNone(proof), "%d of %d", n, size)
			}
		}
	}
}

// TestPastReadsLittle: what a source without a tree reads in 511 calls, for each of the three, it reads in one at most.
func TestPastReadsLittle(t *testing.T) {
	const size = 131_071
	d := leaves(size)
	_, s := grow(d)
	plain := &counting{Source: s.at(size)}
	want, err := seal.RootAt(plain, size)
	require.NoError(t, err)
	assert.Equal(t, 511, plain.calls, "what the doc comment says")

	past, calls, tiles := pastOf(d)
	root, err := past.RootAt(size)
	require.NoError(t, err)
	assert.Equal(t, want, root)
	assert.Zero(t, *calls, "the edge is in memory")
	_, err = past.ProveInclusion(size, 1000)
	require.NoError(t, err)
	assert.Equal(t, []int{1, 2}, []int{*calls, *tiles}, "the leaf's tile and the one above it")
	_, err = past.ProveInclusion(size, 1001)
	require.NoError(t, err)
	assert.Equal(t, 1, *calls, "they are known")

	past, calls, tiles = pastOf(d)
	_, err = past.ProveConsistency(70_000, 100_000)
	require.NoError(t, err)
	assert.Equal(t, 1, *calls)
	assert.LessOrEqual(t, *tiles, 4)
}

// counting counts the calls of a source.
type counting struct {
	seal.Source
	calls int
}

func (c *counting) Tile(level int, index uint64) ([]byte, error) {
	c.calls++
	return c.Source.Tile(level, index)
}

func (c *counting) Leaf(n uint64) (seal.Hash, error) {
	c.calls++
	return c.Source.Leaf(n)
}

// TestPastProvesWhatItReads: a tile that does not lead to the tree in memory is named, and nothing is made of it.
func TestPastProvesWhatItReads(t *testing.T) {
	d := leaves(70_000)
	for _, bad := range []seal.TileID{{Level: 0, Index: 3}, {Level: 1, Index: 0}} {
		tree, s := grow(d)
		past := seal.NewPast(tree, func(ids []seal.TileID, bytes [][]byte) error {
			for i, id := range ids {
				b, err := s.Tile(id.Level, id.Index)
				if err != nil {
					return err
				}
				if bytes[i] = b; id == bad {
					bytes[i] = append([]byte{b[0] ^ 1}, b[1:]...)
				}
			}
			return nil
		})
		_, err := past.ProveInclusion(70_000, 3*seal.TileWidth+7)
		var damage *seal.DamagedError
		require.ErrorAs(t, err, &damage)
		assert.Equal(t, map[int]string{0: "tile 0/3", 1: "tile 1/0"}[bad.Level], damage.What)
	}
	tree, _ := grow(d)
	short := seal.NewPast(tree, func(_ []seal.TileID, bytes [][]byte) error { bytes[0] = make([]byte, 5); return nil })
	_, err := short.RootAt(69_000)
	require.ErrorIs(t, err, seal.ErrDamaged)
	own := errors.New("no disk")
	failing := seal.NewPast(tree, func([]seal.TileID, [][]byte) error { return own })
	_, err = failing.RootAt(69_000)
	require.ErrorIs(t, err, own)
}

func TestPastRefusals(t *testing.T) {
	past, _, _ := pastOf(leaves(5))
	_, err := past.RootAt(6)
	require.ErrorIs(t, err, seal.ErrInvalid)
	_, err = past.ProveInclusion(6, 1)
	require.ErrorIs(t, err, seal.ErrInvalid)
	_, err = past.ProveInclusion(4, 4)
	require.ErrorIs(t, err, seal.ErrInvalid)
	_, err = past.ProveConsistency(4, 6)
	require.ErrorIs(t, err, seal.ErrInvalid)
	_, err = past.ProveConsistency(4, 3)
	require.ErrorIs(t, err, seal.ErrInvalid)
	proof, err := past.ProveConsistency(0, 3)
	require.NoError(t, err)
	assert.Empty(t, proof)
}
