package main

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/internal/tests/pgserver"
)

// A log in a file becomes one in a database, and its export has the same records.
func TestImportIntoADatabase(t *testing.T) {
	server := pgserver.Shared(t)
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

// Whatever is interrupted leaves nothing, neither under its name nor beside it.
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
	for _, args := range [][]string{{"export", dayLog, "new.jsonl"}, {"export", dayLog, "new.xlsx", "-o", "xlsx"},
		{"export", dayLog, "new.csv", "-o", "csv"}, {"export", dayLog, "one.jsonl", "--order", "o-06"},
		{"import", dayLog, "new.tilltape"}} {
		ctx, interrupt := context.WithCancel(t.Context())
		interrupt()
		var out, errs bytes.Buffer
		assert.Equal(t, exitInterrupted, run(ctx, args, terminal{out: &out, err: &errs, env: os.Getenv}), args)
		assert.Empty(t, out.String(), args)
		assert.Equal(t, before, names(), args)
	}
}
