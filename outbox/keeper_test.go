package outbox_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
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

// What is no state is not taken into memory whole, and no state is saved that could not be read again.
func TestWhatIsKeptHasABound(t *testing.T) {
	folder := t.TempDir()
	keeper := outbox.FileKeeper(folder)
	full := outbox.State{Revision: 1}
	for i := range outbox.ParkedMax { // each byte of a problem may take six
		full.Parked = append(full.Parked, outbox.Parked{Stream: events.OrderStream(fmt.Sprint(i)),
			Problem: strings.Repeat("\x01", outbox.ProblemMax)})
	}
	require.NoError(t, keeper.Save(t.Context(), "full", full))
	s, err := keeper.Load(t.Context(), "full")
	require.NoError(t, err)
	assert.Equal(t, full, s)
	for i := range full.Parked {
		full.Parked[i].Problem += full.Parked[i].Problem + full.Parked[i].Problem
	}
	full.Revision = 2
	assert.ErrorIs(t, keeper.Save(t.Context(), "full", full), outbox.ErrKept)
	s, err = keeper.Load(t.Context(), "full")
	require.NoError(t, err)
	assert.EqualValues(t, 1, s.Revision, "and what was saved is as it was")

	huge := filepath.Join(folder, "huge.json")
	require.NoError(t, os.WriteFile(huge, []byte(`{"revision":1}`), 0o600))
	require.NoError(t, os.Truncate(huge, 64<<30)) // a hole
	_, err = keeper.Load(t.Context(), "huge")
	assert.ErrorIs(t, err, outbox.ErrKept)
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
