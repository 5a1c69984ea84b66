package viewer

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/store/memory"
)

// large is a log whose copy is more than a connection takes before its other end reads.
type large struct{ *memory.Log }

const largeBytes = 64 << 20

func (large) Backup(_ context.Context, path string, _ func(done, total uint64)) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := file.Truncate(largeBytes); err != nil {
		return err
	}
	return file.Close()
}

// A process that is killed while somebody fetches a backup slowly leaves nothing behind.
func TestABackupThatIsFetchedHasNoNameAnyMore(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the system keeps the name of a file that is open")
	}
	folder := t.TempDir()
	w := worldOn(t, large{memory.New()}, func(c *Config) { c.BackupFolder = folder })
	server := httptest.NewServer(w.v)
	defer server.Close()
	answer, err := http.Get(server.URL + "/log/backup")
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	require.Equal(t, http.StatusOK, answer.StatusCode)
	left, err := os.ReadDir(folder)
	require.NoError(t, err)
	assert.Empty(t, left, "its reader has not taken a byte yet")
	n, err := io.Copy(io.Discard, answer.Body)
	require.NoError(t, err)
	assert.Equal(t, int64(largeBytes), n)
}

// What a killed process left goes, once no process can be making it any more; nothing else does.
func TestWhatAKilledBackupLeftIsRemoved(t *testing.T) {
	folder := t.TempDir()
	old, young := time.Now().Add(-staleAfter-time.Minute), time.Now().Add(-TransferTimeout)
	puts := func(name string, at time.Time) {
		require.NoError(t, os.Mkdir(filepath.Join(folder, name), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(folder, name, "backup"), []byte("half a copy"), 0o600))
		require.NoError(t, os.Chtimes(filepath.Join(folder, name), at, at))
	}
	names := func() (all []string) {
		entries, err := os.ReadDir(folder)
		require.NoError(t, err)
		for _, e := range entries {
			all = append(all, e.Name())
		}
		return all
	}
	puts(backupPrefix+"1", old)
	puts(backupPrefix+"2", young)
	puts("another", old)
	require.NoError(t, os.WriteFile(filepath.Join(folder, backupPrefix+"notes"), nil, 0o600))
	require.NoError(t, os.Chtimes(filepath.Join(folder, backupPrefix+"notes"), old, old))
	w := worldOn(t, &copying{Log: memory.New()}, func(c *Config) { c.BackupFolder = folder })
	stay := []string{"another", backupPrefix + "2", backupPrefix + "notes"}
	assert.Equal(t, stay, names(), "when it starts")
	puts(backupPrefix+"3", old)
	assert.Equal(t, "a copy", w.get("/log/backup"))
	assert.Equal(t, stay, names(), "before it makes another")
}
