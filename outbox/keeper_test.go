package outbox_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/outbox"
	"github.com/tilltape/tilltape/store"
)

func TestKeepers(t *testing.T) {
	for name, keeper := range map[string]outbox.Keeper{
		"memory": outbox.MemoryKeeper(),
		"file":   outbox.FileKeeper(filepath.Join(t.TempDir(), "made", "when needed")),
	} {
		t.Run(name, func(t *testing.T) {
			s, err := keeper.Load(t.Context(), "a")
			require.NoError(t, err)
			assert.Zero(t, s)
			one := outbox.State{Revision: 1, Cursor: store.After(events.Record{Position: 7}),
				Parked: []outbox.Parked{{Stream: events.OrderStream(`o/"1"é`), Version: 3, Position: 5, Since: dawn,
					Problem: "it answered 422"}}}
			require.NoError(t, keeper.Save(t.Context(), "a", one))
			s, err = keeper.Load(t.Context(), "a")
			require.NoError(t, err)
			assert.Equal(t, one, s)
			s, err = keeper.Load(t.Context(), "b")
			require.NoError(t, err)
			assert.Zero(t, s, "each name has its own")

			for _, revision := range []uint64{0, 1, 3} {
				err := keeper.Save(t.Context(), "a", outbox.State{Revision: revision})
				assert.ErrorIs(t, err, outbox.ErrTaken, revision)
			}
			s, err = keeper.Load(t.Context(), "a")
			require.NoError(t, err)
			assert.Equal(t, one, s, "what was refused has changed nothing")
			require.NoError(t, keeper.Save(t.Context(), "a", outbox.State{Revision: 2}))
		})
	}
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
