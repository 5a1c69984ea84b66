package bolt_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store/bolt"
)

// names are what is in the directory.
func names(t *testing.T, dir string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

// However many make the same log at once, there is one, and nobody's appends are in another.
func TestManyMakeOneLog(t *testing.T) {
	const makers = 8
	dir := t.TempDir()
	path := filepath.Join(dir, "orders.log")
	var all sync.WaitGroup
	for i := range makers {
		all.Go(func() {
			log, err := bolt.Open(path, &bolt.Config{LockTimeout: time.Minute, Journal: i%2 == 0})
			if assert.NoError(t, err) {
				id := fmt.Sprintf("o-%d", i)
				_, err = log.Append(context.Background(), events.OrderStream(id), 0, record(id))
				assert.NoError(t, err)
				assert.NoError(t, log.Close())
			}
		})
	}
	all.Wait()
	assert.Equal(t, []string{"orders.log"}, names(t, dir))
	holds(t, path, nil, makers)
}

// An empty file may be there for its mode or its owner, and a link for another disk: the log is made in it then.
func TestAnEmptyFileIsFilledWhereItIs(t *testing.T) {
	for name, at := range map[string]func(t *testing.T, dir, path string){
		"empty": func(t *testing.T, _, path string) { require.NoError(t, os.WriteFile(path, nil, 0o640)) },
		"link to an empty file": func(t *testing.T, dir, path string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, "far"), nil, 0o640))
			require.NoError(t, os.Symlink("far", path))
		},
		"link to no file": func(t *testing.T, _, path string) { require.NoError(t, os.Symlink("far", path)) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "orders.log")
			at(t, dir, path)
			before := names(t, dir)
			link, _ := os.Readlink(path)
			was, _ := os.Stat(path)
			log, err := bolt.Open(path, nil)
			require.NoError(t, err)
			require.NoError(t, log.Close())
			still, _ := os.Readlink(path)
			assert.Equal(t, link, still)
			is, err := os.Stat(path)
			require.NoError(t, err)
			assert.NotZero(t, is.Size())
			if was == nil {
				before = append([]string{"far"}, before...)
			} else {
				assert.True(t, os.SameFile(was, is))
			}
			assert.Equal(t, before, names(t, dir))
		})
	}
}
