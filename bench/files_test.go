package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCopyDir(t *testing.T) {
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "copy")
	require.NoError(t, os.MkdirAll(filepath.Join(from, "deep"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(from, "a"), []byte("one"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(from, "deep", "b"), make([]byte, 100_000), 0o600))
	require.NoError(t, copyDir(from, to))
	b, err := os.ReadFile(filepath.Join(to, "a"))
	require.NoError(t, err)
	assert.Equal(t, "one", string(b))
	b, err = os.ReadFile(filepath.Join(to, "deep", "b"))
	require.NoError(t, err)
	assert.Len(t, b, 100_000)
	require.ErrorIs(t, copyDir(from, to), os.ErrExist, "nothing is written over")

	n, err := allocatedUnder(to)
	require.NoError(t, err)
	assert.GreaterOrEqual(t, n, int64(100_003))
	assert.Less(t, n, int64(200_000))
}

func TestWrittenBytes_GrowWithWhatIsWritten(t *testing.T) {
	before, known := writtenBytes()
	if !known {
		t.Skip("this system does not tell")
	}
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	require.NoError(t, err)
	_, err = f.Write(make([]byte, 1<<20))
	require.NoError(t, err)
	require.NoError(t, syncData(f))
	require.NoError(t, f.Close())
	after, _ := writtenBytes()
	if after == before {
		t.Skip("the file system below the temporary directory is not counted")
	}
	assert.GreaterOrEqual(t, after-before, int64(1<<20))
}
