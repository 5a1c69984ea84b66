package main

import (
	"bytes"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/internal/law"
)

func TestGraphDrawsEveryMachineInEachFormat(t *testing.T) {
	seen := map[string]string{}
	for _, m := range law.Machines() {
		for format, want := range map[string]string{formatMermaid: m.Mermaid(), formatDOT: m.DOT()} {
			name := m.String() + " in " + format
			code, out, errs := execute(t, "graph", "--machine", m.String(), "--format", format)
			assert.Equal(t, exitOK, code, name)
			assert.Empty(t, errs, name)
			assert.Equal(t, want, out, name)
			assert.Empty(t, seen[out], "%s is drawn like %s", name, seen[out])
			seen[out] = name
		}
	}
	assert.Len(t, seen, 6)
}

func TestGraphDefaultsToTheStatusInMermaid(t *testing.T) {
	code, out, _ := execute(t, "graph")
	assert.Equal(t, exitOK, code)
	assert.Equal(t, law.MachineStatus.Mermaid(), out)
}

func TestGraphMisused(t *testing.T) {
	tests := []struct {
		name, errs string
		args       []string
	}{
		{"empty format", "error: --format \"\": give mermaid, dot or svg\n",
			[]string{"--format="}},
		{"unknown machine", "error: --machine \"order\": give status, operation or gateway\n",
			[]string{"--machine", "order"}},
		{"a name cannot move the cursor", "error: --machine \"\\x1b[2J\": " +
			"give status, operation or gateway\n", []string{"--machine", "\x1b[2J"}},
		{"an argument", "error: a drawing of a source is of one order, and no --order says of which; it was given " +
			"\"status\"\n", []string{"status"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			code, out, errs := execute(t, append([]string{"graph"}, tt.args...)...)
			assert.Equal(t, exitUsage, code)
			assert.Empty(t, out)
			assert.Equal(t, tt.errs+"hint: see: tilltape graph --help\n", errs)
		})
	}
}

func TestGraphIsNeverColoured(t *testing.T) {
	var out, errs bytes.Buffer
	code := run(t.Context(), []string{"graph", "--format", "dot"},
		terminal{out: &out, err: &errs, colourOut: true, colourErr: true})
	require.Equal(t, exitOK, code)
	assert.Equal(t, law.MachineStatus.DOT(), out.String(), "another program reads it")
}

func TestGraphThatCannotBePrintedFails(t *testing.T) {
	var errs bytes.Buffer
	code := run(t.Context(), []string{"graph"}, terminal{out: brokenWriter{errors.New("no space left")}, err: &errs})
	assert.Equal(t, exitFailure, code)
	assert.Equal(t, "error: printing: no space left\n", errs.String())
}
