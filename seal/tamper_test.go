package seal_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/seal"
)

// flips calls f with b changed in one bit, for every byte of it, and changes it back.
func flips(b []byte, f func(at int)) {
	for i := range b {
		b[i] ^= 1 << (i % 8)
		f(i)
		b[i] ^= 1 << (i % 8)
	}
}

func TestNoByteOfAProofCanChange(t *testing.T) {
	d := leaves(300)
	_, s := grow(d)
	root := mth(d)
	proof, err := seal.ProveInclusion(s, 300, 290)
	require.NoError(t, err)
	verify := func() error { return seal.VerifyInclusion(proof, 300, root, 290, d[290]) }
	require.NoError(t, verify())
	for i := range proof {
		flips(proof[i][:], func(at int) { require.ErrorIs(t, verify(), seal.ErrProof, "hash %d, byte %d", i, at) })
	}
	flips(root[:], func(at int) { require.ErrorIs(t, verify(), seal.ErrProof, "root, byte %d", at) })
	flips(d[290][:], func(at int) { require.ErrorIs(t, verify(), seal.ErrProof, "leaf, byte %d", at) })
	require.ErrorIs(t, seal.VerifyInclusion(proof[:len(proof)-1], 300, root, 290, d[290]), seal.ErrProof, "shorter")
	require.ErrorIs(t, seal.VerifyInclusion(append(slices.Clone(proof), root), 300, root, 290, d[290]), seal.ErrProof,
		"longer")
	for n := range uint64(300) {
		if n != 290 {
			require.ErrorIs(t, seal.VerifyInclusion(proof, 300, root, n, d[290]), seal.ErrProof, "elsewhere")
		}
	}
	require.NoError(t, verify())
}

func TestNoByteOfAConsistencyProofCanChange(t *testing.T) {
	d := leaves(300)
	_, s := grow(d)
	old, root := mth(d[:77]), mth(d)
	proof, err := seal.ProveConsistency(s, 77, 300)
	require.NoError(t, err)
	verify := func() error { return seal.VerifyConsistency(proof, 77, old, 300, root) }
	require.NoError(t, verify())
	for i := range proof {
		flips(proof[i][:], func(at int) { require.ErrorIs(t, verify(), seal.ErrProof, "hash %d, byte %d", i, at) })
	}
	flips(root[:], func(at int) { require.ErrorIs(t, verify(), seal.ErrProof, "root, byte %d", at) })
	flips(old[:], func(at int) { require.ErrorIs(t, verify(), seal.ErrProof, "old root, byte %d", at) })
}

func TestEveryByteOfAFrameCounts(t *testing.T) {
	for _, n := range []int{1, 400, 1100} {
		frame := make([]byte, n)
		want := seal.LeafHash(frame)
		flips(frame, func(at int) { require.NotEqual(t, want, seal.LeafHash(frame), "byte %d of %d", at, n) })
		require.NotEqual(t, want, seal.LeafHash(append(frame, 0)), "one byte more")
	}
}

// At 256*256+256+3 records the edge has leaves at level 0 and one root at each of the levels 1 and 2; at 700, roots of
// two tiles.
func TestLoadDetectsEveryByteOfTheEdge(t *testing.T) {
	for _, n := range []int{256*256 + 256 + 3, 700}[:long.Rounds(2, 1)] {
		tree, s := grow(leaves(n))
		frontier := tree.AppendFrontier(nil)
		refused := func(what string) func(at int) {
			return func(at int) {
				_, err := seal.Load(frontier, s)
				require.Error(t, err, "%s, byte %d", what, at)
			}
		}
		for i := n &^ 255; i < n; i++ {
			flips(s.leaves[i][:2], refused("leaf"))
		}
		flips(frontier, refused("frontier"))
		edge := []string{"0/0", "0/1"}
		if n > 256*256 {
			edge = []string{"0/256", "1/0"}
		}
		for _, tile := range edge {
			flips(s.tiles[tile][:300], refused("tile "+tile))
			flips(s.tiles[tile][8_000:], refused("tile "+tile))
		}
		_, err := seal.Load(frontier, s)
		require.NoError(t, err, "all changed back")
	}
}

// TestLoadNamesTheRecords: the hash of the frontier that does not fit says which records to look at.
func TestLoadNamesTheRecords(t *testing.T) {
	tree, s := grow(leaves(256*256 + 256 + 3))
	frontier := tree.AppendFrontier(nil)
	for i, words := range []string{"positions 1 to 65536,", "positions 65537 to 65792,", "positions 65793 to 65794,",
		"positions 65795 to 65795,"} {
		frontier[8+32*i] ^= 1
		_, err := seal.Load(frontier, s)
		require.ErrorIs(t, err, seal.ErrDamaged)
		assert.ErrorContains(t, err, words)
		frontier[8+32*i] ^= 1
	}
}

func TestFrontiersOfTheWrongLength(t *testing.T) {
	tree, s := grow(leaves(300))
	frontier := tree.AppendFrontier(nil)
	for n := range frontier {
		_, err := seal.Load(frontier[:n], s)
		require.ErrorIs(t, err, seal.ErrDamaged, "cut to %d bytes", n)
	}
	_, err := seal.Load(append(frontier, 0), s)
	require.ErrorIs(t, err, seal.ErrDamaged)
	huge := make([]byte, 8+32)
	huge[0] = 1
	_, err = seal.Load(huge, s)
	require.ErrorIs(t, err, seal.ErrDamaged)
	assert.ErrorContains(t, err, "no tree has more")

	empty, err := seal.Load(make([]byte, 8), s)
	require.NoError(t, err)
	assert.Equal(t, new(seal.Tree), empty)
}

func TestTilesOfTheWrongLength(t *testing.T) {
	_, s := grow(leaves(300))
	for _, n := range []int{0, 32, seal.TileSize - 32, seal.TileSize - 1, seal.TileSize + 1} {
		short := &tape{tiles: map[string][]byte{"0/0": make([]byte, n)}, leaves: s.leaves, size: s.size}
		_, err := seal.RootAt(short, 300)
		damaged := &seal.DamagedError{}
		require.ErrorAs(t, err, &damaged)
		assert.Equal(t, "tile 0/0", damaged.What)
		_, err = seal.ParseTile(0, 0, short.tiles["0/0"])
		require.ErrorIs(t, err, seal.ErrDamaged)
	}
	tile, err := seal.ParseTile(3, 9, s.tiles["0/0"])
	require.NoError(t, err)
	assert.Equal(t, seal.Tile{Level: 3, Index: 9, Hashes: s.leaves[:256]}, tile)
	b, err := tile.AppendBinary([]byte("before"))
	require.NoError(t, err)
	assert.Equal(t, append([]byte("before"), s.tiles["0/0"]...), b)
}

func TestEveryByteOfATileCountsForTheRoot(t *testing.T) {
	d := leaves(256)
	_, s := grow(d)
	root := mth(d)
	flips(s.tiles["0/0"], func(at int) {
		if at%7 == 0 {
			got, err := seal.RootAt(s, 256)
			require.NoError(t, err)
			require.NotEqual(t, root, got, "byte %d", at)
		}
	})
}
