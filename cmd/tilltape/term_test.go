package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPaint(t *testing.T) {
	on, off := terminal{colourOut: true}, terminal{colourErr: true}
	assert.Equal(t, "\x1b[1mx\x1b[0m", on.paint(bold, "x"))
	assert.Equal(t, "x", on.paintErr(bold, "x"), "each stream has its own answer")
	assert.Equal(t, "x", off.paint(bold, "x"))
	assert.Equal(t, "\x1b[1;31mx\x1b[0m", off.paintErr(red, "x"))
}

func TestErrorLineIsPaintedOnATerminal(t *testing.T) {
	var errs bytes.Buffer
	report(t.Context(), terminal{err: &errs, colourErr: true}, withHint(errPlain, "wait"))
	assert.Equal(t, "\x1b[1;31merror:\x1b[0m log day.tape: is locked\n\x1b[1mhint:\x1b[0m wait\n", errs.String())
}

func TestNoColourWithoutATerminal(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	require.NoError(t, err)
	defer file.Close()
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	require.NoError(t, err)
	defer null.Close()
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	defer w.Close()

	for _, f := range []*os.File{file, null, w} {
		assert.False(t, interactive(f), f.Name())
		got := newTerminal(f, f, func(string) string { return "" })
		assert.False(t, got.colourOut)
		assert.False(t, got.colourErr)
	}
}

func TestInteractiveOfAClosedFile(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	require.NoError(t, err)
	require.NoError(t, file.Close())
	assert.False(t, interactive(file))
}

// A pseudo-terminal's master is a terminal to everything that asks, and needs nothing but the device.
func TestColourOnATerminalUnlessUnwanted(t *testing.T) {
	tty, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no pseudo-terminal here: %v", err)
	}
	defer tty.Close()
	tests := []struct {
		name string
		env  map[string]string
		want bool
	}{
		{"plain", nil, true},
		{"a usual terminal", map[string]string{"TERM": "xterm-256color"}, true},
		{"NO_COLOR", map[string]string{"NO_COLOR": "1"}, false},
		{"NO_COLOR with any word", map[string]string{"NO_COLOR": "false"}, false},
		{"NO_COLOR empty does not count", map[string]string{"NO_COLOR": ""}, true},
		{"a dumb terminal", map[string]string{"TERM": "dumb"}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := newTerminal(tty, tty, func(key string) string { return tt.env[key] })
			assert.Equal(t, tt.want, got.colourOut)
			assert.Equal(t, tt.want, got.colourErr)
		})
	}
}
