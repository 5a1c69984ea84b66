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

// TestEveryAnswerFitsATerminal of eighty columns, on a log with an order of every kind.
func TestEveryAnswerFitsATerminal(t *testing.T) {
	aDay(t)
	lines := 0
	for _, command := range []string{"list S", "due S", "anomalies S", "refusals S", "replay S", "verify S", "at S 105",
		"verify S --apo-key apo.pub", "verify S --checkpoint kept.note --public-key orders.pub", "diff S yesterday.tilltape",
		"show S o-01", "show S o-06", "show S o-09", "show S o-11", "show S o-12", "show S o-15", "history S o-04",
		"history S o-11", "history S o-12", "evidence S o-06", "evidence S o-06 --apo-key apo.pub", "evidence S o-11",
		"checkpoint S", "checkpoint S --since kept.note --public-key orders.pub", "export S one.jsonl --order o-06",
		"checkpoint S --key-file orders.key --roll roll", "checkpoint S --check-roll roll --public-key orders.pub",
		"export S all.jsonl", "import all.jsonl new.tilltape", "verify one.jsonl", "backup S copy.tilltape", "compact S",
		"prove S o-09 o-09.proof --key-file orders.key", "verify o-09.proof --public-key orders.pub"} {
		var out, errs bytes.Buffer
		words := strings.Fields(strings.ReplaceAll(command, " S", " "+dayLog))
		code := run(t.Context(), words, terminal{out: &out, err: &errs, env: os.Getenv})
		require.NotEqual(t, exitUsage, code, "%s: %s", command, errs.String())
		for line := range strings.Lines(out.String() + errs.String()) {
			if !strings.HasPrefix(line, "— ") { // a signature is one word
				assert.LessOrEqual(t, len([]rune(line)), textWidth+1, "%s: %s", command, line)
			}
			lines++
		}
	}
	assert.Greater(t, lines, 300)
}
