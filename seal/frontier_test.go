package seal_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/seal"
)

// grown is the tree of so many leaves, with one of them altered; -1: none.
func grown(size, altered int) *seal.Tree {
	t := new(seal.Tree)
	for i := range size {
		leaf := fmt.Sprint("leaf ", i)
		if i == altered {
			leaf += ", altered"
		}
		t.Append(seal.LeafHash([]byte(leaf)))
	}
	return t
}

func TestFrontierRoot_IsTheTrees(t *testing.T) {
	for _, size := range []int{0, 1, 2, 3, 255, 256, 257, 300, 511, 512, 70_000} {
		tree := grown(size, -1)
		n, root, err := seal.FrontierRoot(tree.AppendFrontier(nil))
		require.NoError(t, err)
		assert.Equal(t, uint64(size), n)
		assert.Equal(t, tree.Root(), root, "of %d leaves", size)
	}
}

func TestFrontierRoot_OfWhatIsNoFrontier(t *testing.T) {
	whole := grown(300, -1).AppendFrontier(nil)
	for _, b := range [][]byte{nil, whole[:7], whole[:len(whole)-1], append(whole[:len(whole):len(whole)], 0)} {
		_, _, err := seal.FrontierRoot(b)
		require.ErrorIs(t, err, seal.ErrDamaged)
	}
}

func TestFrontierDifference_NamesTheSubtree(t *testing.T) {
	const size = 300 // 256, 32, 8 and 4
	whole := grown(size, -1).AppendFrontier(nil)
	_, _, differs := seal.FrontierDifference(whole, whole)
	assert.False(t, differs)
	for altered, want := range map[int][2]uint64{
		0: {0, 256}, 255: {0, 256}, 256: {256, 288}, 287: {256, 288}, 288: {288, 296}, 299: {296, 300},
	} {
		first, last, differs := seal.FrontierDifference(whole, grown(size, altered).AppendFrontier(nil))
		assert.True(t, differs)
		assert.Equal(t, want, [2]uint64{first, last}, "leaf %d altered", altered)
	}
	_, _, differs = seal.FrontierDifference(whole, grown(299, -1).AppendFrontier(nil))
	assert.False(t, differs, "of two sizes")
}
