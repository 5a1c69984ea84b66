package seal_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/seal"
)

// TestLeavesAreTheTrees: at the edges of tiles and levels every leaf is the one that was appended, in order and in
// jumps.
func TestLeavesAreTheTrees(t *testing.T) {
	for _, n := range []int{1, 255, 256, 257, 700, 256*256 + 256 + 3} {
		d := leaves(n)
		tree, s := grow(d)
		proven := seal.NewLeaves(tree)
		for i := range uint64(n) {
			h, err := proven.At(s, i)
			require.NoError(t, err)
			require.Equal(t, d[i], h, "leaf %d of %d", i, n)
		}
		assert.LessOrEqual(t, s.reads, n/256+n/256/256, "each tile once, in order")
		for i := uint64(n); i > 0; i -= min(i, 97) {
			h, err := proven.At(s, i-1)
			require.NoError(t, err)
			require.Equal(t, d[i-1], h, "leaf %d of %d", i-1, n)
		}
		_, err := proven.At(s, uint64(n))
		require.ErrorIs(t, err, seal.ErrInvalid)
	}
}

// TestLeavesSeeThroughTheirSource: the tree in memory alone is believed, so any byte of any tile is found, and the tile
// named.
func TestLeavesSeeThroughTheirSource(t *testing.T) {
	const n = 256*256 + 256 + 3
	tree, s := grow(leaves(n))
	for _, tile := range []string{"0/0", "0/17", "0/256", "1/0"} {
		flips(s.tiles[tile], func(at int) {
			if at%61 != 0 {
				return
			}
			first := uint64(0)
			if tile == "0/17" || tile == "0/256" {
				first = map[string]uint64{"0/17": 17 * 256, "0/256": 256 * 256}[tile]
			}
			_, err := seal.NewLeaves(tree).At(s, first)
			damaged := &seal.DamagedError{}
			require.ErrorAs(t, err, &damaged, "%s, byte %d", tile, at)
			require.Equal(t, "tile "+tile, damaged.What)
		})
	}
	s.tiles["0/0"] = s.tiles["0/0"][1:]
	_, err := seal.NewLeaves(tree).At(s, 3)
	require.ErrorIs(t, err, seal.ErrDamaged)
	_, err = seal.NewLeaves(tree).At(broken{assert.AnError}, 3)
	require.ErrorIs(t, err, assert.AnError)
	_, err = seal.NewLeaves(tree).At(broken{assert.AnError}, n-1)
	require.NoError(t, err, "what the tree has in memory is not read")
}
