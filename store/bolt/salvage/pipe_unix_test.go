//go:build unix

package salvage_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/store/bolt"
	"github.com/tilltape/tilltape/store/bolt/salvage"
)

// Whoever opens a pipe waits for somebody who writes into it.
func TestAPipeIsNotWaitedFor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	require.NoError(t, syscall.Mkfifo(path, 0o600))
	done := make(chan error, 1)
	go func() {
		_, err := salvage.Read(t.Context(), path, nil)
		done <- err
	}()
	select {
	case err := <-done:
		assert.ErrorIs(t, err, bolt.ErrNotALog)
	case <-time.After(20 * time.Second):
		writer, err := os.OpenFile(path, os.O_RDWR, 0) // lets it go
		require.NoError(t, err)
		require.NoError(t, writer.Close())
		<-done
		t.Fatal("it waited for a writer")
	}
}
