package main

import (
	"io"
	"os"
)

// style is the inside of a terminal's SGR sequence.
type style string

// The styles in use; each must be readable on light and dark grounds.
const (
	bold   style = "1"
	red    style = "1;31"
	green  style = "32"
	yellow style = "33"
	dim    style = "2"
	cyan   style = "36"
)

// terminal is where a command writes and whether there is colour. Make one with newTerminal,
// or in a test from two buffers.
type terminal struct {
	out, err             io.Writer
	colourOut, colourErr bool
}

// newTerminal looks at the two streams and the environment once.
func newTerminal(out, err *os.File, getenv func(string) string) terminal {
	wanted := getenv("NO_COLOR") == "" && getenv("TERM") != "dumb"
	return terminal{
		out: out, err: err,
		colourOut: wanted && interactive(out),
		colourErr: wanted && interactive(err),
	}
}

// paint gives text for standard output its style, or returns it as it is where there is no colour.
func (t terminal) paint(s style, text string) string { return paint(t.colourOut, s, text) }

// paintErr is paint for standard error.
func (t terminal) paintErr(s style, text string) string { return paint(t.colourErr, s, text) }

func paint(colour bool, s style, text string) string {
	if !colour {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

// interactive tells a terminal from a pipe, a file and the null device. The last is a character device too on Unix,
// which is why the mode alone does not do.
func interactive(f *os.File) bool {
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}
