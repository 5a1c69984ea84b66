//go:build linux || darwin

package bolt_test

import (
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestPipeAtAJournalsPlace: who opens it would wait for ever.
func TestPipeAtAJournalsPlace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "orders.log")
	require.NoError(t, syscall.Mkfifo(beside(path), 0o600))
	holds(t, path, nil, 0)
	holds(t, path, nil, 0)
}
