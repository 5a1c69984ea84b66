package seal_test

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tilltape/tilltape/seal"
)

// tape is a source as a store keeps one: the tiles that became full, and the records of the others. It refuses what a
// source is never asked for.
type tape struct {
	tiles  map[string][]byte
	leaves []seal.Hash
	size   uint64 // the size asked about
	reads  int    // of tiles
}

func (s *tape) Tile(level int, index uint64) ([]byte, error) {
	s.reads++
	if (index+1)<<(8*(level+1)) > s.size {
		return nil, fmt.Errorf("tile %d/%d is not full at size %d", level, index, s.size)
	}
	b, ok := s.tiles[fmt.Sprint(level, "/", index)]
	if !ok {
		return nil, fmt.Errorf("tile %d/%d was never handed out", level, index)
	}
	return b, nil
}

func (s *tape) Leaf(n uint64) (seal.Hash, error) {
	if n >= s.size || n < s.size&^255 {
		return seal.Hash{}, fmt.Errorf("leaf %d is not in the unfull tile at size %d", n, s.size)
	}
	return s.leaves[n], nil
}

// at returns the tape for questions about that size.
func (s *tape) at(size int) *tape { return &tape{tiles: s.tiles, leaves: s.leaves, size: uint64(size)} }

// keep stores the tiles that the tree hands out.
func (s *tape) keep(t *seal.Tree) {
	for _, tile := range t.Full() {
		b, _ := tile.AppendBinary(nil)
		s.tiles[fmt.Sprint(tile.Level, "/", tile.Index)] = b
	}
}

// grow returns a tree of the leaves and the tape that it left behind.
func grow(d []seal.Hash) (*seal.Tree, *tape) {
	t, s := new(seal.Tree), &tape{tiles: map[string][]byte{}, leaves: d}
	for _, h := range d {
		t.Append(h)
		s.keep(t)
	}
	return t, s.at(len(d))
}

func TestRootIsTheRFCsAtEverySize(t *testing.T) {
	d := leaves(1100)
	tree, s := grow(nil)
	s.leaves = d
	roots := make([]seal.Hash, len(d))
	for n := range d {
		roots[n] = mth(d[:n])
		require.Equal(t, uint64(n), tree.Size())
		require.Equal(t, roots[n], tree.Root(), "size %d", n)
		tree.Append(d[n])
		s.keep(tree)
	}
	for n := range d {
		root, err := seal.RootAt(s.at(n), uint64(n))
		require.NoError(t, err)
		require.Equal(t, roots[n], root, "size %d", n)
	}
}

func TestTilesAreHandedOutOnceAndOnlyFull(t *testing.T) {
	d := leaves(256*257 + 3)
	var tree seal.Tree
	var names []string
	for i, h := range d {
		tree.Append(h)
		if i%1000 == 999 || i == len(d)-1 {
			for _, tile := range tree.Full() {
				require.Len(t, tile.Hashes, seal.TileWidth)
				if tile.Level == 0 {
					require.Equal(t, d[tile.Index*256:][:256], tile.Hashes)
				} else {
					for j, h := range tile.Hashes {
						require.Equal(t, mth(d[j*256:][:256]), h)
					}
				}
				names = append(names, fmt.Sprint(tile.Level, "/", tile.Index))
			}
		}
	}
	assert.Empty(t, tree.Full())
	require.Len(t, names, 258)
	assert.Equal(t, []string{"0/0", "0/1"}, names[:2])
	assert.Equal(t, []string{"0/255", "1/0", "0/256"}, names[255:])
}

func TestWhoFoldsKeepsNoTiles(t *testing.T) {
	d := leaves(256*256 + 1)
	var tree seal.Tree
	for _, h := range d {
		tree.Fold(h)
	}
	assert.Equal(t, mth(d), tree.Root())
	assert.Empty(t, tree.Full())
}

func TestLoadGivesTheTreeBack(t *testing.T) {
	all := leaves(67_600)
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.OneOf(rapid.IntRange(0, 1200), rapid.IntRange(65_000, 67_000)).Draw(t, "size")
		more := rapid.IntRange(0, 600).Draw(t, "more")
		d := all[:n+more]
		tree, s := grow(d[:n])
		s.leaves = d

		loaded, err := seal.Load(tree.AppendFrontier(nil), s)
		require.NoError(t, err)
		for _, h := range d[n:] {
			tree.Append(h)
			loaded.Append(h)
		}
		assert.Equal(t, tree.Root(), loaded.Root())
		assert.Equal(t, tree.Full(), loaded.Full())
		assert.Equal(t, tree.AppendFrontier(nil), loaded.AppendFrontier(nil))
	})
}

func TestFrontierIsTheSizeAndItsPerfectSubtrees(t *testing.T) {
	d := leaves(600)
	for n := range d {
		tree, _ := grow(d[:n])
		want := binary.BigEndian.AppendUint64([]byte("before"), uint64(n))
		at := 0
		for k := 62; k >= 0; k-- {
			if n>>k&1 == 1 {
				root := mth(d[at : at+1<<k])
				want = append(want, root[:]...)
				at += 1 << k
			}
		}
		require.Equal(t, want, tree.AppendFrontier([]byte("before")))
		require.Len(t, want, 6+8+32*bits.OnesCount(uint(n)))
	}
}

func TestCopiesAreIndependent(t *testing.T) {
	d, other := leaves(1200), leaves(2400)[1200:]
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 600).Draw(t, "size")
		a := rapid.IntRange(0, 600).Draw(t, "first goes on by")
		b := rapid.IntRange(0, 600).Draw(t, "copy goes on by")
		again := rapid.IntRange(0, 600).Draw(t, "taken back, first goes on by")

		tree, _ := grow(d[:n])
		clone := tree.Clone()
		saved := tree.Clone()
		for i := range max(a, b) {
			if i < a {
				tree.Append(d[n+i])
			}
			if i < b {
				clone.Append(other[i])
			}
		}
		forked := append(append([]seal.Hash{}, d[:n]...), other[:b]...)
		assert.Equal(t, mth(d[:n+a]), tree.Root())
		assert.Equal(t, mth(forked), clone.Root())
		same, _ := grow(nil)
		for i, h := range forked {
			same.Append(h)
			if i == n-1 {
				same.Full()
			}
		}
		assert.Equal(t, same.Full(), clone.Full(), "the copy's tiles have its own leaves")

		tree.CopyFrom(saved)
		assert.Equal(t, mth(d[:n]), tree.Root(), "taken back")
		for _, h := range other[:again] {
			tree.Append(h)
		}
		assert.Equal(t, mth(append(append([]seal.Hash{}, d[:n]...), other[:again]...)), tree.Root())
		assert.Equal(t, mth(d[:n]), saved.Root())
	})
}

func TestACopyKeepsTheTilesNotYetHandedOut(t *testing.T) {
	d, other := leaves(1300), leaves(2600)[1300:]
	for waiting := range 5 { // tiles, so that the list of them has room for more at some of the numbers
		n := 256*waiting + 20
		var tree seal.Tree
		for _, h := range d[:n] {
			tree.Append(h)
		}
		clone := tree.Clone()
		for i := range 256 {
			clone.Append(other[i])
			tree.Append(d[n+i])
		}
		first, second := tree.Full(), clone.Full()
		require.Len(t, first, waiting+1)
		require.Len(t, second, waiting+1)
		assert.Equal(t, first[:waiting], second[:waiting])
		assert.Equal(t, d[n-20:n+236], first[waiting].Hashes)
		assert.Equal(t, append(slices.Clone(d[n-20:n]), other[:236]...), second[waiting].Hashes)
	}
}
