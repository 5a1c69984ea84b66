package outbox_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/outbox"
	"github.com/tilltape/tilltape/outbox/outboxtest"
)

func TestKeepers(t *testing.T) {
	t.Run("memory", func(t *testing.T) {
		keeper := outbox.MemoryKeeper()
		outboxtest.TestKeeper(t, func() outbox.Keeper { return keeper })
	})
	t.Run("file", func(t *testing.T) {
		folder := filepath.Join(t.TempDir(), "made", "when needed")
		outboxtest.TestKeeper(t, func() outbox.Keeper { return outbox.FileKeeper(folder) })
	})
}

func TestWhatIsKeptAndUnreadable(t *testing.T) {
	folder := t.TempDir()
	keeper := outbox.FileKeeper(folder)
	for _, text := range []string{"", "{", "{}", `{"revision":1,"cursor":"42"}`} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, "a.json"), []byte(text), 0o600))
		_, err := keeper.Load(t.Context(), "a")
		assert.ErrorIs(t, err, outbox.ErrKept, text)
		assert.ErrorIs(t, keeper.Save(t.Context(), "a", outbox.State{Revision: 1}), outbox.ErrKept, text)
	}
	file := filepath.Join(folder, "no folder")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	assert.ErrorIs(t, outbox.FileKeeper(file).Save(t.Context(), "a", outbox.State{Revision: 1}), outbox.ErrKept)
	left, err := filepath.Glob(filepath.Join(folder, "*.partial"))
	require.NoError(t, err)
	assert.Empty(t, left)
}

func TestASaveThatFailsLeavesTheOldPlace(t *testing.T) {
	folder := t.TempDir()
	keeper := outbox.FileKeeper(folder)
	require.NoError(t, keeper.Save(t.Context(), "a", outbox.State{Revision: 1}))
	// A folder cannot be replaced by a file.
	path := filepath.Join(folder, "b.json")
	require.NoError(t, os.MkdirAll(filepath.Join(path, "x"), 0o700))
	assert.ErrorIs(t, keeper.Save(t.Context(), "b", outbox.State{Revision: 1}), outbox.ErrKept)
	left, err := filepath.Glob(filepath.Join(folder, "*.partial"))
	require.NoError(t, err)
	assert.Empty(t, left, "nothing is left half-written")
	s, err := keeper.Load(t.Context(), "a")
	require.NoError(t, err)
	assert.Equal(t, uint64(1), s.Revision)
}
