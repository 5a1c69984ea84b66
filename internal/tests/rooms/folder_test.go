package rooms_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/internal/folder"
)

func TestSync(t *testing.T) {
	assert.NoError(t, folder.Sync(t.TempDir()))
	if runtime.GOOS != "windows" {
		assert.ErrorIs(t, folder.Sync(filepath.Join(t.TempDir(), "none")), fs.ErrNotExist)
	}
}

// A folder cannot be linked, so it stands for a file where there are no links.
func TestNameTakesNoPlace(t *testing.T) {
	for kind, isFolder := range map[string]bool{"by a link": false, "where there are none": true} {
		t.Run(kind, func(t *testing.T) {
			dir := t.TempDir()
			aside, path := filepath.Join(dir, "aside"), filepath.Join(dir, "name")
			if isFolder {
				require.NoError(t, os.Mkdir(aside, 0o700))
			} else {
				require.NoError(t, os.WriteFile(aside, []byte("whole"), 0o600))
			}
			require.NoError(t, folder.Name(aside, path))
			assert.NoFileExists(t, aside)
			info, err := os.Stat(path)
			require.NoError(t, err)
			assert.Equal(t, isFolder, info.IsDir())

			require.NoError(t, os.Rename(path, aside))
			require.NoError(t, os.WriteFile(path, []byte("theirs"), 0o600))
			require.ErrorIs(t, folder.Name(aside, path), fs.ErrExist)
			_, err = os.Stat(aside)
			require.NoError(t, err, "it is kept")
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.Equal(t, "theirs", string(text))
			require.ErrorIs(t, folder.Name(filepath.Join(dir, "none"), filepath.Join(dir, "other")), fs.ErrNotExist)
		})
	}
}
