//go:build linux || darwin

package bolt_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/store/bolt"
)

// TestJournalHasTheFilesMode: whoever is let into the one reads both.
func TestJournalHasTheFilesMode(t *testing.T) {
	path := filepath.Join(t.TempDir(), "orders.log")
	holds(t, path, nil, 0)
	for _, mode := range []fs.FileMode{0o600, 0o640} {
		require.NoError(t, os.Chmod(path, mode))
		log, err := bolt.Open(path, &bolt.Config{Journal: true})
		require.NoError(t, err)
		info, err := os.Stat(beside(path))
		require.NoError(t, err)
		assert.Equal(t, mode, info.Mode().Perm())
		require.NoError(t, log.Close())
	}
}
