package rooms_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/internal/tests/logfile"
)

// A file with holes holds the bytes that it was given, whatever was there before.
func TestALogsFileIsWrittenWithHoles(t *testing.T) {
	path, other := filepath.Join(t.TempDir(), "orders.log"), filepath.Join(t.TempDir(), "orders.log")
	zeros := make([]byte, 1<<20)
	for name, image := range map[string][]byte{
		"nothing":                   {},
		"zeros":                     zeros,
		"a byte":                    {7},
		"a beginning":               append([]byte("head"), zeros...),
		"an end":                    append(bytes.Clone(zeros[:5000]), "tail"...),
		"a hole between":            bytes.Join([][]byte{[]byte("head"), zeros, []byte("tail")}, nil),
		"no hole":                   bytes.Repeat([]byte("full"), 100_000),
		"what is no block's length": zeros[:4095],
	} {
		require.NoError(t, os.WriteFile(path, bytes.Repeat([]byte("what was there"), 200_000), 0o600))
		require.NoError(t, logfile.Write(path, image))
		require.NoError(t, logfile.Copy(path, other))
		for _, path := range []string{path, other} {
			have, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.True(t, bytes.Equal(image, have), name)
		}
	}
	require.ErrorIs(t, logfile.Copy(path+".none", other), os.ErrNotExist)
	require.Error(t, logfile.Write(t.TempDir(), nil))
}
