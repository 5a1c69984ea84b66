//go:build linux || darwin

package bolt_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
)

// nobody is a user to whom permissions apply; to the system's administrator, whom tests may run as, they do not.
const nobody = 65534

// childNobody opens the file for writing and for reading, as a user that may do only some of it, and appends if it can.
func childNobody(path string) {
	if os.Geteuid() == 0 {
		must(syscall.Setgid(nobody))
		must(syscall.Setuid(nobody))
	}
	for _, readOnly := range []bool{false, true} {
		log, err := bolt.Open(path, &bolt.Config{ReadOnly: readOnly})
		if err != nil {
			fmt.Printf("%t refused: %t %s\n", readOnly, isContract(err), err)
			continue
		}
		all, err := readAll(log)
		must(err)
		_, err = log.Append(context.Background(), events.OrderStream("new"), 0, record("new"))
		fmt.Printf("%t %d records, append: %v\n", readOnly, len(all), err)
		must(log.Close())
	}
}

func TestPermissions(t *testing.T) {
	for name, c := range map[string]struct {
		file, directory  os.FileMode
		writing, reading string
	}{
		"a read-only file":                       {0o444, 0o777, "not permit", "6 records"},
		"a read-only file and directory":         {0o444, 0o555, "not permit", "6 records"},
		"a file of others in a closed directory": {0o444, 0o000, "not permit", "not permit"},
		"a file for its owner alone":             {0o400, 0o755, "not permit", "not permit"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filled(t, 2, 3)
			if os.Geteuid() != 0 && c.file == 0o400 {
				t.Skip("the test's user owns the file")
			}
			before, err := os.ReadFile(path)
			require.NoError(t, err)
			directory := filepath.Dir(path)
			require.NoError(t, os.Chmod(filepath.Dir(directory), 0o755)) // a test's own directory is closed to others
			require.NoError(t, os.Chmod(path, c.file))
			require.NoError(t, os.Chmod(directory, c.directory))
			t.Cleanup(func() { _ = os.Chmod(directory, 0o700) })

			_, lines := child(t, "nobody", path)
			for _, want := range []string{c.writing, c.reading} {
				require.True(t, lines.Scan(), "the child has ended")
				assert.Contains(t, lines.Text(), want)
				if strings.Contains(want, "permit") {
					assert.Contains(t, lines.Text(), "refused: true log "+path)
				} else {
					assert.Contains(t, lines.Text(), "without Config.ReadOnly", "an append says why it cannot be")
				}
			}
			require.NoError(t, os.Chmod(directory, 0o700))
			after, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.True(t, bytes.Equal(before, after), "nothing was written")
		})
	}
}

// TestUnderItsFeet takes an open log's file away, puts another in its place, or lets it grow. What is kept in a file
// that nobody will find is not acknowledged; the log says so, does not hang, and touches no other file.
func TestUnderItsFeet(t *testing.T) {
	other := []byte("somebody else's\n")
	for name, change := range map[string]func(t *testing.T, path string){
		"removed": func(t *testing.T, path string) { require.NoError(t, os.Remove(path)) },
		"moved":   func(t *testing.T, path string) { require.NoError(t, os.Rename(path, path+".moved")) },
		"replaced": func(t *testing.T, path string) {
			require.NoError(t, os.Rename(path, path+".moved"))
			require.NoError(t, os.WriteFile(path, other, 0o600))
		},
		"grown": func(t *testing.T, path string) {
			file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
			require.NoError(t, err)
			_, err = file.Write(bytes.Repeat([]byte{'x'}, 3*pageSize+1))
			require.NoError(t, err)
			require.NoError(t, file.Close())
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filled(t, 3, 3)
			log, err := bolt.Open(path, &bolt.Config{MapSize: 1})
			require.NoError(t, err)
			change(t, path)

			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			appended := 0
			for n := range 40 {
				_, err := log.Append(ctx, events.OrderStream("after"), uint64(n), bulky(fmt.Sprintf("after-%d", n)))
				if err != nil {
					assert.True(t, isContract(err), "%v", err)
					break
				}
				appended++
			}
			if name == "grown" {
				assert.Equal(t, 40, appended)
				require.NoError(t, log.Verify(ctx, nil))
			} else {
				assert.Zero(t, appended)
				_, err := readAll(log)
				isClear(t, err, store.ErrStorage, path, "removed, moved or replaced", "put it back")
			}
			require.NoError(t, log.Close())

			if name == "replaced" {
				there, err := os.ReadFile(path)
				require.NoError(t, err)
				assert.Equal(t, other, there)
			}
			if name == "removed" {
				assert.NoFileExists(t, path)
				return
			}
			reopened := path
			if _, err := os.Stat(path + ".moved"); err == nil {
				reopened += ".moved"
			}
			again, err := bolt.Open(reopened, nil)
			require.NoError(t, err)
			all, err := readAll(again)
			require.NoError(t, err)
			assert.GreaterOrEqual(t, len(all), 9+appended, "the file that was opened has what was acknowledged")
			require.NoError(t, again.Close())
		})
	}
}
