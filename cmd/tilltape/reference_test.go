package main

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The page is what the commands tell of themselves.
func TestTheReferenceIsWhatTheCommandsTell(t *testing.T) {
	page, err := os.ReadFile("../../docs/reference/cli.md")
	require.NoError(t, err)
	written := filepath.Join(t.TempDir(), "cli.md")
	code, out, errs := execute(t, referenceCommand, written)
	require.Equal(t, exitOK, code, errs)
	assert.Empty(t, out)
	made, err := os.ReadFile(written)
	require.NoError(t, err)
	assert.Equal(t, string(made), string(page), "go generate ./... in cmd/tilltape writes it again")
	for _, c := range theTree() {
		if ours(c) {
			assert.Contains(t, string(page), "\n## "+c.Name()+"\n")
			assert.Contains(t, string(page), "\n"+c.Short+".\n")
		}
	}
	assert.NotContains(t, string(page), crashCommand)
	code, _, errs = execute(t, referenceCommand, filepath.Join(t.TempDir(), "none", "cli.md"))
	assert.Equal(t, exitFailure, code)
	assert.Contains(t, errs, "hint: name a file that can be written")
	assert.NotEmpty(t, reference(rootCommand(&terminal{out: io.Discard, err: io.Discard}, func() {})))
}
