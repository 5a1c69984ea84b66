package bolt_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/tilltape/tilltape/internal/tests/logfile"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
)

// TestTruncated: a file that was cut short anywhere is told as that, before a page of it is read, and in our words.
func TestTruncated(t *testing.T) {
	path := filled(t, 20, 5)
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	used := usedBytes(t, path)
	sizes := []int{1, 16, 20, 60, 4095, 4096, 4097, 8191, 8192, 8193, used - 4096, used - 1}
	for size := 100; size < used; size += used / 120 {
		sizes = append(sizes, size)
	}
	for _, size := range sizes {
		require.NoError(t, logfile.Write(path, whole[:size]))
		for _, config := range []*bolt.Config{nil, {ReadOnly: true}} {
			_, err := bolt.Open(path, config)
			if size < 20 { // not enough of it left to tell what it was
				isClear(t, err, bolt.ErrNotALog, path)
				continue
			}
			isClear(t, err, store.ErrDamaged, path, "it was cut short", fmt.Sprintf("%d bytes", size), "backup")
			for _, theirs := range []string{"runtime", "nil pointer", "invalid", "mmap"} {
				assert.NotContains(t, err.Error(), theirs)
			}
		}
	}
	require.NoError(t, logfile.Write(path, whole[:used]))
	log, err := bolt.Open(path, nil)
	require.NoError(t, err, "what was cut off beyond the used pages is no loss")
	require.NoError(t, log.Close())
}

// usedBytes is where the file's used part ends: bbolt lets files grow ahead of need.
func usedBytes(t *testing.T, path string) (size int) {
	db, err := bbolt.Open(path, 0, &bbolt.Options{ReadOnly: true})
	require.NoError(t, err)
	require.NoError(t, db.View(func(tx *bbolt.Tx) error { size = int(tx.Size()); return nil }))
	require.NoError(t, db.Close())
	return size
}
