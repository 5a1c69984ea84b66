package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

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

// An interrupt that comes when the new log is made does not say that nothing was.
func TestAnInterruptBehindASalvageIsTooLate(t *testing.T) {
	aDay(t)
	var out, errs bytes.Buffer
	code := run(interruptedAt(t, 0), []string{"salvage", dayLog, "new.tilltape"},
		terminal{out: &out, err: &errs, env: os.Getenv})
	assert.Equal(t, exitOK, code, errs.String())
	assert.Contains(t, out.String(), "whole: nothing is missing")
	assert.FileExists(t, "new.tilltape")
}

// A process that takes too much is told first, so that it leaves nothing half made, and ends in any case.
func TestAMemoryLimitIsToldBeforeItIsKept(t *testing.T) {
	const limit = 100
	for name, c := range map[string]struct {
		used  []uint64 // at each look; the last one from then on
		looks int      // after which it has to end
	}{
		"cleans up too slowly": {[]uint64{99, 100, 101, 50}, 3 + memoryGrace},
		"takes twice as much":  {[]uint64{99, 101, 150, 200, 201}, 5},
		"takes it at once":     {[]uint64{1000}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			tick := make(chan time.Time, c.looks)
			for range c.looks {
				tick <- time.Time{}
			}
			looks, told, toldAt := 0, 0, 0
			used := func() uint64 {
				looks++
				return c.used[min(looks, len(c.used))-1]
			}
			limitMemory(limit, used, tick, func() { told++; toldAt = looks })
			assert.Equal(t, c.looks, looks)
			assert.Equal(t, 1, told)
			assert.Greater(t, c.used[toldAt-1], uint64(limit))
		})
	}
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
