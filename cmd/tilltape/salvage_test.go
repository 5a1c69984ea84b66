package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestAnInterruptedSalvageLeavesNothing at the path of the new log.
func TestAnInterruptedSalvageLeavesNothing(t *testing.T) {
	dir := aDay(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, errs bytes.Buffer
	code := run(ctx, []string{"salvage", dayLog, "new.tilltape"}, terminal{out: &out, err: &errs, env: os.Getenv})
	assert.Equal(t, exitInterrupted, code, errs.String())
	assert.Equal(t, "error: interrupted\n", errs.String())
	left, err := filepath.Glob(filepath.Join(dir, "*new*"))
	require.NoError(t, err)
	assert.Empty(t, left)
}

// TestASalvageFitsATerminal of eighty columns.
func TestASalvageFitsATerminal(t *testing.T) {
	aDay(t)
	loseRecord(t, dayLog, "o-03", 2)
	code, out, errs := execute(t, "salvage", dayLog, "new.tilltape", "--with", noonLog)
	require.Equal(t, exitOK, code, errs)
	_, backup, errs := execute(t, "backup", "new.tilltape", "copy.tilltape")
	require.Empty(t, errs)
	for line := range strings.Lines(out + backup) {
		assert.LessOrEqual(t, len([]rune(line)), textWidth+1, line)
	}
	assert.Contains(t, backup, "before   ", "the new log says what it was before")

	loseRecord(t, noonLog, "o-01", 1)
	code, out, errs = execute(t, "salvage", noonLog, "none.tilltape")
	require.Equal(t, exitCut, code, errs)
	assert.Contains(t, out, "\nnew log    none: the first record is not there, or not proven\n")
	for line := range strings.Lines(out) {
		assert.LessOrEqual(t, len([]rune(line)), textWidth+1, line)
	}
}
