package seal_test

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/seal"
)

func TestPrefixes_AreTheTreesThatEndWhereAPerfectSubtreeDoes(t *testing.T) {
	var tree seal.Tree
	roots := map[uint64]seal.Hash{}
	frontiers := map[uint64][]byte{0: tree.AppendFrontier(nil)}
	for n := range uint64(1000) {
		tree.Append(seal.LeafHash(binary.BigEndian.AppendUint64(nil, n)))
		roots[n+1], frontiers[n+1] = tree.Root(), tree.AppendFrontier(nil)
	}
	none, err := seal.Prefixes(frontiers[0])
	require.NoError(t, err)
	assert.Empty(t, none)
	for size, want := range map[uint64][]uint64{1: {1}, 12: {8, 12}, 320: {256, 320}, 512: {512},
		1000: {512, 768, 896, 960, 992, 1000}} {
		got, err := seal.Prefixes(frontiers[size])
		require.NoError(t, err)
		var sizes []uint64
		for _, p := range got {
			sizes = append(sizes, p.Size)
			assert.Equal(t, roots[p.Size], p.Root, "%d of %d", p.Size, size)
		}
		assert.Equal(t, want, sizes)
	}
	for size, full := range map[uint64]uint64{0: 0, 12: 0, 255: 0, 256: 256, 320: 256, 1000: 768} {
		got, err := seal.FullTiles(frontiers[size])
		require.NoError(t, err)
		assert.Equal(t, frontiers[full], got)
	}
}

func TestPrefixes_RefuseWhatIsNoFrontier(t *testing.T) {
	for _, bad := range [][]byte{nil, make([]byte, 7), append(make([]byte, 7), 1), make([]byte, 8+32)} {
		_, err := seal.Prefixes(bad)
		require.ErrorIs(t, err, seal.ErrDamaged)
		_, err = seal.FullTiles(bad)
		require.ErrorIs(t, err, seal.ErrDamaged)
	}
}
