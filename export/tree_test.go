package export_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/export"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
)

var _ audit.Sealer = (*export.Log)(nil)

// An export knows its root and proves how its log grew, as the log does.
func TestAnExportKnowsItsRoot(t *testing.T) {
	original := inMemory(t)
	sold(t, original, 140) // more than a tile
	_, text := exported(t, original, nil)
	log := opened(t, text)
	want, err := original.(audit.Sealer).Tree(t.Context())
	require.NoError(t, err)
	require.Greater(t, want.Size, uint64(seal.TileWidth))
	got, err := log.Tree(t.Context())
	require.NoError(t, err)
	assert.Equal(t, want, got)

	roots := map[uint64]seal.Hash{}
	var tree seal.Tree
	for f, err := range original.(store.Framer).Frames(t.Context(), store.Start()) {
		require.NoError(t, err)
		tree.Append(seal.LeafHash(f.Bytes))
		roots[tree.Size()] = tree.Root()
	}
	for _, old := range []uint64{1, 255, 256, 257, want.Size} {
		proof, err := log.ProveConsistency(t.Context(), old, want.Size)
		require.NoError(t, err)
		require.NoError(t, seal.VerifyConsistency(proof, old, roots[old], want.Size, want.Root), "from %d on", old)
	}
	_, err = log.ProveConsistency(t.Context(), 1, want.Size+1)
	require.ErrorIs(t, err, seal.ErrInvalid)
}

// What the stored bytes do not come to is nothing to sign, and a part of a log has no root.
func TestAnExportWithoutARoot(t *testing.T) {
	original := inMemory(t)
	sold(t, original, 3)
	_, other := exported(t, original, nil)
	whole := inMemory(t)
	everyKind(t, whole)
	_, text := exported(t, whole, nil)
	header, _, _ := bytes.Cut(text, []byte("\n"))
	mixed := opened(t, joined(append([]string{string(header)}, lines(other)[1:]...)...))
	_, err := mixed.Tree(t.Context())
	require.ErrorIs(t, err, store.ErrDamaged)
	_, err = mixed.ProveConsistency(t.Context(), 1, 2)
	require.ErrorIs(t, err, store.ErrDamaged)

	_, part := exported(t, original, &export.Config{Filter: export.Filter{Orders: []string{"o-1"}}})
	_, err = opened(t, part).Tree(t.Context())
	require.ErrorIs(t, err, export.ErrFiltered)
	_, err = opened(t, part).ProveConsistency(t.Context(), 1, 2)
	require.ErrorIs(t, err, export.ErrFiltered)
	require.ErrorContains(t, err, "export the log without a filter")
}
