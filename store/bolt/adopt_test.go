package bolt_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
	"github.com/tilltape/tilltape/store/sealed"
)

// A log that was copied record by record says what it is a copy of, also where it is copied on, and whoever kept the
// first one's checkpoint finds it in the last one's ancestry.
func TestAdopt_ACopyOfACopySaysWhereItIsFrom(t *testing.T) {
	ctx := context.Background()
	first, err := bolt.Open(filled(t, 5, 60), &bolt.Config{ReadOnly: true})
	require.NoError(t, err)
	defer func() { require.NoError(t, first.Close()) }()
	was, err := first.Tree(ctx)
	require.NoError(t, err)

	original, want := first, []seal.Checkpoint{was}
	for _, name := range []string{"second", "third"} {
		path := filepath.Join(t.TempDir(), name)
		to, err := bolt.Open(path, nil)
		require.NoError(t, err)
		_, err = sealed.Copy(ctx, original, to, nil)
		require.NoError(t, err)
		_, err = sealed.Copy(ctx, original, to, nil)
		require.NoError(t, err, "the same call again changes nothing")
		past, err := to.Ancestry(ctx)
		require.NoError(t, err)
		assert.Equal(t, want, past, name)
		is, err := to.Tree(ctx)
		require.NoError(t, err)
		assert.Equal(t, was.Root, is.Root)
		assert.NotEqual(t, was.Origin, is.Origin, "a log of its own")
		require.NoError(t, to.Verify(ctx, nil))
		require.NoError(t, to.Close())
		original, err = bolt.Open(path, &bolt.Config{ReadOnly: true})
		require.NoError(t, err)
		defer func() { require.NoError(t, original.Close()) }()
		want = append(want, is)
	}
	require.ErrorIs(t, original.Adopt(ctx, want), store.ErrReadOnly)

	bare, err := bolt.Open(filepath.Join(t.TempDir(), "bare"), &bolt.Config{Unsealed: true})
	require.NoError(t, err)
	require.ErrorIs(t, bare.Adopt(ctx, want), store.ErrInvalid)
	require.NoError(t, bare.Close())
	require.ErrorIs(t, bare.Adopt(ctx, want), store.ErrClosed)
	named, err := bolt.Open(filepath.Join(t.TempDir(), "named"), nil)
	require.NoError(t, err)
	require.ErrorIs(t, named.Adopt(ctx, []seal.Checkpoint{{Origin: "no origin", Root: new(seal.Tree).Root()}}),
		store.ErrDamaged)
	require.NoError(t, named.Close())
}
