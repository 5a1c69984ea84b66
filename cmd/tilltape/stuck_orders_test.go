package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The commands of the page for three in the morning run as they stand there.
func TestThePageOfStuckOrdersRuns(t *testing.T) {
	page, err := os.ReadFile("../../docs/operating/stuck-orders.md")
	require.NoError(t, err)
	_, block, ok := strings.Cut(string(page), "runs these lines. -->\n```sh\n")
	require.True(t, ok)
	block, _, _ = strings.Cut(block, "```")
	aDay(t)
	n := 0
	for line := range strings.Lines(block) {
		line, _, _ = strings.Cut(strings.TrimSpace(line), "  #")
		line, _, _ = strings.Cut(line, " > ")
		words := strings.Fields(line)
		require.Equal(t, "tilltape", words[0])
		var out, errs bytes.Buffer
		code := run(t.Context(), words[1:], terminal{out: &out, err: &errs, env: os.Getenv})
		differs := words[1] == "diff" && code == diffDiffers
		assert.True(t, code == exitOK || code == exitOpen || differs, "%s: %d %s", line, code, errs.String())
		assert.NotEmpty(t, out.String(), line)
		n++
	}
	assert.Greater(t, n, 8)
}
