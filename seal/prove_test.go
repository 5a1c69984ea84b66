package seal_test

import (
	"encoding/hex"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/seal"
)

// The eight records that implementations of Certificate Transparency compare themselves with, and the roots of the
// trees over the first n of them.
var ctRecords = []string{"", "00", "10", "2021", "3031", "40414243", "5051525354555657",
	"606162636465666768696a6b6c6d6e6f"}

var ctRoots = []string{
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
	"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
	"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
	"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
	"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
	"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
	"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
	"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}

func TestKnownRoots(t *testing.T) {
	var tree seal.Tree
	for n, want := range ctRoots {
		root := tree.Root()
		assert.Equal(t, want, hex.EncodeToString(root[:]), "%d records", n)
		if n < len(ctRecords) {
			record, err := hex.DecodeString(ctRecords[n])
			require.NoError(t, err)
			tree.Append(seal.LeafHash(record))
		}
	}
}

func TestLeafHashIsTheSameHoweverLongTheFrame(t *testing.T) {
	frame := make([]byte, 70_000)
	for i := range frame {
		frame[i] = byte(i * i >> 3)
	}
	for _, n := range []int{0, 1, 63, 64, 400, 1022, 1023, 1024, 1025, 65_535, len(frame)} {
		assert.Equal(t, oracleLeaf(frame[:n]), seal.LeafHash(frame[:n]), "%d bytes", n)
	}
}

func TestHotPathDoesNotAllocate(t *testing.T) {
	frame := make([]byte, 4096)
	assert.Zero(t, testing.AllocsPerRun(100, func() { seal.LeafHash(frame[:400]) }))
	assert.Zero(t, testing.AllocsPerRun(100, func() { seal.LeafHash(frame) }))
	var tree, saved seal.Tree
	tree.Append(seal.LeafHash(frame))
	assert.Zero(t, testing.AllocsPerRun(100, func() { tree.Append(seal.Hash{}) }))
	assert.Zero(t, testing.AllocsPerRun(100, func() { saved.CopyFrom(&tree) }))
	assert.Zero(t, testing.AllocsPerRun(100, func() { tree.Root() }))
}

func TestInclusionIsTheRFCsAtEverySizeAndPlace(t *testing.T) {
	d := leaves(600)
	_, s := grow(d)
	for size := 1; size <= len(d); size++ {
		if size > 70 && size%256 > 1 && !long.Each(size, 5) {
			continue
		}
		root := mth(d[:size])
		step := 1
		if size > 70 && size%256 > 1 {
			step = long.Walk(37, 307) // every place at every size takes a minute; the oracle recomputes whole trees
		}
		for n := size % step; n < size; n += step {
			proof, err := seal.ProveInclusion(s.at(size), uint64(size), uint64(n))
			require.NoError(t, err)
			require.Equal(t, auditPath(n, d[:size]), nilIfNone(proof), "place %d of %d", n, size)
			require.NoError(t, seal.VerifyInclusion(proof, uint64(size), root, uint64(n), d[n]))
		}
	}
}

func TestConsistencyIsTheRFCsForSampledPairs(t *testing.T) {
	d := leaves(1200)
	_, s := grow(d)
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(0, len(d)).Draw(t, "size")
		old := rapid.IntRange(0, size).Draw(t, "old")
		proof, err := seal.ProveConsistency(s.at(size), uint64(old), uint64(size))
		require.NoError(t, err)
		if old > 0 {
			require.Equal(t, consistency(old, d[:size]), nilIfNone(proof))
		}
		require.NoError(t, seal.VerifyConsistency(proof, uint64(old), mth(d[:old]), uint64(size), mth(d[:size])))
	})
}

func TestConsistencyOfAllSmallPairs(t *testing.T) {
	d := leaves(40)
	_, s := grow(d)
	for size := range d {
		for old := 1; old <= size; old++ {
			proof, err := seal.ProveConsistency(s.at(size), uint64(old), uint64(size))
			require.NoError(t, err)
			require.Equal(t, consistency(old, d[:size]), nilIfNone(proof), "%d to %d", old, size)
			require.NoError(t, seal.VerifyConsistency(proof, uint64(old), mth(d[:old]), uint64(size), mth(d[:size])))
		}
	}
}

// Three levels, so that edges lie in tiles of tiles, and sizes of the past in a source that has grown.
func TestLargeTrees(t *testing.T) {
	d := leaves(256*256 + 5_000)
	_, s := grow(d)
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(256*256-100, len(d)).Draw(t, "size")
		n := rapid.IntRange(0, size-1).Draw(t, "n")
		root, err := seal.RootAt(s.at(size), uint64(size))
		require.NoError(t, err)
		inclusion, err := seal.ProveInclusion(s.at(size), uint64(size), uint64(n))
		require.NoError(t, err)
		require.NoError(t, seal.VerifyInclusion(inclusion, uint64(size), root, uint64(n), d[n]))
		old, err := seal.RootAt(s.at(n+1), uint64(n+1))
		require.NoError(t, err)
		proof, err := seal.ProveConsistency(s.at(size), uint64(n+1), uint64(size))
		require.NoError(t, err)
		require.NoError(t, seal.VerifyConsistency(proof, uint64(n+1), old, uint64(size), root))
		if rapid.IntRange(0, 9).Draw(t, "against the oracle") == 0 {
			require.Equal(t, mth(d[:size]), root)
			require.Equal(t, auditPath(n, d[:size]), nilIfNone(inclusion))
		}
	})
}

func TestEveryTreeBeginsWithTheEmptyOne(t *testing.T) {
	d := leaves(5)
	empty, root := mth(nil), mth(d)
	require.NoError(t, seal.VerifyConsistency(nil, 0, empty, 5, root))
	require.NoError(t, seal.VerifyConsistency(nil, 0, empty, 0, empty))
	for name, err := range map[string]error{
		"another old root":       seal.VerifyConsistency(nil, 0, root, 5, root),
		"an empty tree's root":   seal.VerifyConsistency(nil, 0, empty, 0, root),
		"a proof of nothing":     seal.VerifyConsistency(d[:1], 0, empty, 5, root),
		"two roots at one size":  seal.VerifyConsistency(nil, 5, empty, 5, root),
		"a proof of one and all": seal.VerifyConsistency(d[:1], 5, root, 5, root),
	} {
		assert.ErrorIs(t, err, seal.ErrProof, name)
	}
}

func TestPlacesOutsideTheTreeAreInvalid(t *testing.T) {
	_, s := grow(leaves(3))
	const tooLarge = seal.MaxSize + 1
	_, inclusion := seal.ProveInclusion(s, 3, 3)
	_, consistent := seal.ProveConsistency(s, 4, 3)
	_, root := seal.RootAt(s, tooLarge)
	_, hugeInclusion := seal.ProveInclusion(s, tooLarge, 0)
	_, hugeConsistency := seal.ProveConsistency(s, 1, 1<<63)
	for name, err := range map[string]error{
		"prove a leaf beyond":    inclusion,
		"prove backwards":        consistent,
		"root of too large":      root,
		"inclusion in too large": hugeInclusion,
		"too large continues":    hugeConsistency,
		"verify a leaf beyond":   seal.VerifyInclusion(nil, 3, seal.Hash{}, 3, seal.Hash{}),
		"verify backwards":       seal.VerifyConsistency(nil, 4, seal.Hash{}, 3, seal.Hash{}),
		"verify in too large":    seal.VerifyInclusion(nil, tooLarge, seal.Hash{}, 3, seal.Hash{}),
		"verify to too large":    seal.VerifyConsistency(nil, 4, seal.Hash{}, 1<<63, seal.Hash{}),
	} {
		require.ErrorIs(t, err, seal.ErrInvalid, name)
		_, typed := errors.AsType[*seal.InvalidError](err)
		assert.True(t, typed, name)
	}
	require.ErrorIs(t, seal.VerifyInclusion(nil, seal.MaxSize, seal.Hash{}, 0, seal.Hash{}), seal.ErrProof,
		"the largest tree is computed with")
}

// broken fails at everything, as a disk does.
type broken struct{ err error }

func (b broken) Tile(int, uint64) ([]byte, error) { return nil, b.err }
func (b broken) Leaf(uint64) (seal.Hash, error)   { return seal.Hash{}, b.err }

func TestErrorsOfTheSourceComeThrough(t *testing.T) {
	disk := errors.New("disk on fire")
	tree, _ := grow(leaves(300))
	_, err := seal.Load(tree.AppendFrontier(nil), broken{disk})
	require.ErrorIs(t, err, disk)
	assert.ErrorContains(t, err, "leaf 256")
	_, err = seal.RootAt(broken{disk}, 256)
	require.ErrorIs(t, err, disk)
	assert.ErrorContains(t, err, "tile 0/0")
	_, err = seal.ProveInclusion(broken{disk}, 300, 0)
	require.ErrorIs(t, err, disk)
	_, err = seal.ProveConsistency(broken{disk}, 10, 300)
	require.ErrorIs(t, err, disk)
}

// nilIfNone makes no hashes equal to no hashes.
func nilIfNone(proof []seal.Hash) []seal.Hash {
	if len(proof) == 0 {
		return nil
	}
	return proof
}
