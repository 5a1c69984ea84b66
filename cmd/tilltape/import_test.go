package main

import (
	"bytes"
	"context"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/internal/tests/pgserver"
)

// A log in a file becomes one in a database, and its export has the same records.
func TestImportIntoADatabase(t *testing.T) {
	server := pgserver.SharedWhole(t)
	url := inSchema(server.URL(), server.Schema(t))
	aDay(t)
	code, _, errs := execute(t, "export", dayLog, "day.jsonl")
	require.Equal(t, exitOK, code, errs)
	code, out, errs := execute(t, "import", "day.jsonl", url)
	require.Equal(t, exitOK, code, errs)
	assert.Contains(t, out, "records, root ")
	code, again, errs := execute(t, "export", url, standardOutput)
	require.Equal(t, exitOK, code, errs)
	day, err := os.ReadFile("day.jsonl")
	require.NoError(t, err)
	header, records, _ := strings.Cut(string(day), "\n")
	newHeader, newRecords, _ := strings.Cut(again, "\n")
	assert.True(t, records == newRecords, "byte for byte")
	assert.NotEqual(t, header, newHeader)
	assert.Contains(t, newHeader, `"ancestry":[{"origin":"`, "and it says what it came from")

	code, _, errs = execute(t, "import", "day.jsonl", url)
	assert.Equal(t, exitOK, code, "again, it goes on where it was: %s", errs)
	code, _, _ = execute(t, "import", noonLog, url)
	assert.Equal(t, exitFailure, code, "another log is not what stands there")
}

// interrupting is a context that ends once it was looked at so often.
type interrupting struct {
	context.Context
	interrupt context.CancelFunc
	looks     atomic.Int64
}

func interruptedAt(t *testing.T, look int64) *interrupting {
	c := &interrupting{}
	c.Context, c.interrupt = context.WithCancel(t.Context())
	t.Cleanup(c.interrupt)
	c.looks.Store(look)
	return c
}

// Err implements [context.Context].
func (c *interrupting) Err() error {
	if c.looks.Add(-1) < 0 {
		c.interrupt()
	}
	return c.Context.Err()
}

// Whatever is interrupted, wherever it is, leaves nothing, neither under its name nor beside it, and the log as it was.
func TestAnInterruptLeavesNoHalfFile(t *testing.T) {
	aDay(t)
	names := func() (all []string) {
		files, err := os.ReadDir(".")
		require.NoError(t, err)
		for _, f := range files {
			all = append(all, f.Name())
		}
		return all
	}
	before := names()
	held := func(line string) []byte {
		if strings.HasPrefix(line, "compact") { // bbolt notes in a header that it had the file open
			code, out, errs := execute(t, "replay", dayLog)
			require.Equal(t, exitOK, code, errs)
			return []byte(out)
		}
		log, err := os.ReadFile(dayLog)
		require.NoError(t, err)
		return log
	}
	for _, line := range []string{"export S new.jsonl", "export S new.xlsx -o xlsx", "export S new.csv -o csv",
		"export S one.jsonl --order o-06", "import S new.tilltape", "backup S new.tilltape", "verify S", "replay S",
		"checkpoint S --key-file orders.key --roll new.roll", "diff yesterday.tilltape S",
		"prove S o-06 new.proof --key-file orders.key", "compact S"} {
		cut, log := 0, held(line)
		for look := int64(0); ; look = 2*look + 1 {
			var out, errs bytes.Buffer
			code := run(interruptedAt(t, look), strings.Fields(strings.ReplaceAll(line, " S", " "+dayLog)),
				terminal{out: &out, err: &errs, env: os.Getenv})
			if code != exitInterrupted {
				require.Contains(t, []int{exitOK, diffDiffers}, code, "%s: %s", line, errs.String())
				break
			}
			cut++
			require.Equal(t, before, names(), "%s at look %d", line, look)
			require.True(t, bytes.Equal(log, held(line)), "%s at look %d", line, look)
		}
		assert.Positive(t, cut, line)
		for _, name := range names() {
			if !slices.Contains(before, name) {
				require.NoError(t, os.Remove(name))
			}
		}
	}
}
