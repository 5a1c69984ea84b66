package seal_test

import (
	"math/bits"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tilltape/tilltape/seal"
)

// without is what proves the shown leaves of D[begin:], by its definition: from left to right, MTH of each largest
// subtree that holds none.
func without(d []seal.Hash, begin int, shown []uint64) []seal.Hash {
	end := begin + len(d)
	holds := slices.ContainsFunc(shown, func(n uint64) bool { return int(n) >= begin && int(n) < end })
	switch {
	case !holds:
		return []seal.Hash{mth(d)}
	case len(d) == 1:
		return nil
	}
	k := oracleSplit(len(d))
	return append(without(d[:k], begin, shown), without(d[k:], begin+k, shown)...)
}

func together(d []seal.Hash, shown []uint64) (*seal.Together, []seal.Hash) {
	t := new(seal.Together)
	var held []seal.Hash
	for i, h := range d {
		show := slices.Contains(shown, uint64(i))
		t.Append(h, show)
		if show {
			held = append(held, h)
		}
	}
	return t, held
}

func TestLeavesAreProvenTogether(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := leaves(rapid.IntRange(1, 700).Draw(t, "size"))
		size := uint64(len(d))
		shown := rapid.SliceOfNDistinct(rapid.Uint64Range(0, size-1), 1, min(9, len(d)), rapid.ID[uint64]).Draw(t, "shown")
		slices.Sort(shown)
		all, held := together(d, shown)
		assert.Equal(t, size, all.Size())
		assert.Equal(t, mth(d), all.Root())
		proof := all.Proof()
		assert.Equal(t, len(without(d, 0, shown)), len(proof))
		if want := without(d, 0, shown); len(want) > 0 {
			assert.Equal(t, want, proof)
		}
		require.NoError(t, seal.VerifyTogether(proof, size, mth(d), shown, held))
		if len(proof) > 0 {
			at := rapid.IntRange(0, len(proof)-1).Draw(t, "at")
			changed := slices.Clone(proof)
			changed[at][at%32] ^= 1
			assert.ErrorIs(t, seal.VerifyTogether(changed, size, mth(d), shown, held), seal.ErrProof)
			assert.ErrorIs(t, seal.VerifyTogether(slices.Delete(slices.Clone(proof), at, at+1), size, mth(d), shown, held),
				seal.ErrProof)
		}
		assert.ErrorIs(t, seal.VerifyTogether(append(proof, d[0]), size, mth(d), shown, held), seal.ErrProof)
		held[0][0] ^= 1
		assert.ErrorIs(t, seal.VerifyTogether(proof, size, mth(d), shown, held), seal.ErrProof)
	})
}

func TestAProofTogetherIsOfTheseLeavesAtThesePlaces(t *testing.T) {
	d := leaves(100)
	all, held := together(d, []uint64{3, 50, 51})
	proof, root := all.Proof(), all.Root()
	verify := func(size uint64, places []uint64, leaves []seal.Hash) error {
		return seal.VerifyTogether(proof, size, root, places, leaves)
	}
	require.NoError(t, verify(100, []uint64{3, 50, 51}, held))
	assert.ErrorIs(t, verify(100, []uint64{2, 50, 51}, held), seal.ErrProof)
	// Sizes between 65 and 128 part at the same place: a proof is of a root and the size that was signed beside it.
	assert.ErrorIs(t, verify(129, []uint64{3, 50, 51}, held), seal.ErrProof)
	assert.ErrorIs(t, verify(100, []uint64{3, 50}, held[:2]), seal.ErrProof)
	assert.ErrorIs(t, verify(100, []uint64{3, 51, 50}, held), seal.ErrInvalid)
	assert.ErrorIs(t, verify(100, []uint64{3, 50, 50}, held), seal.ErrInvalid)
	assert.ErrorIs(t, verify(100, []uint64{3, 50, 100}, held), seal.ErrInvalid)
	assert.ErrorIs(t, verify(100, []uint64{3, 50}, held), seal.ErrInvalid)
	assert.ErrorIs(t, verify(100, nil, nil), seal.ErrInvalid)
	assert.ErrorIs(t, verify(seal.MaxSize+1, []uint64{3, 50, 51}, held), seal.ErrInvalid)
}

func TestWhatWaysHaveInCommonIsProvenOnce(t *testing.T) {
	const height = 12
	d := leaves(1 << height)
	for shown, want := range map[[2]uint64]int{
		{0, 1}:               height - 1,       // neighbours
		{0, 1 << 11}:         2 * (height - 1), // one in each half
		{1<<11 - 1, 1 << 11}: 2 * (height - 1), // neighbours that the root parts
		{0, 2}:               height - 2 + 2,   // under one node of four
	} {
		all, _ := together(d, shown[:])
		assert.Len(t, all.Proof(), want, "leaves %v", shown)
	}
	none, _ := together(d, nil)
	assert.Empty(t, none.Proof())
	assert.Equal(t, mth(nil), new(seal.Together).Root())
	assert.Empty(t, new(seal.Together).Proof())
	assert.Equal(t, height, bits.TrailingZeros64(none.Size()))
}

func TestAskingForAProofChangesNothing(t *testing.T) {
	d := leaves(300)
	all, _ := together(nil, nil)
	for i, h := range d {
		all.Append(h, i%7 == 0)
		var shown []uint64
		for n := 0; n <= i; n += 7 {
			shown = append(shown, uint64(n))
		}
		require.Equal(t, mth(d[:i+1]), all.Root())
		require.Equal(t, without(d[:i+1], 0, shown), append([]seal.Hash(nil), all.Proof()...), "of %d", i+1)
	}
}
