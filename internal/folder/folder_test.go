package folder_test

import (
	"io/fs"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tilltape/tilltape/internal/folder"
)

func TestSync(t *testing.T) {
	assert.NoError(t, folder.Sync(t.TempDir()))
	if runtime.GOOS != "windows" {
		assert.ErrorIs(t, folder.Sync(filepath.Join(t.TempDir(), "none")), fs.ErrNotExist)
	}
}
