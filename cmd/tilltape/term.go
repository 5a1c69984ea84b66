package main

import (
	"io"
	"os"
	"time"
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

// The words of --color.
const (
	colourAuto   = "auto"
	colourAlways = "always"
	colourNever  = "never"
)

// terminal is where a command writes, and how: made with newTerminal, or in a test from two buffers, and settled by the
// flags that every command has before a command's own code runs.
type terminal struct {
	out, err             io.Writer
	colourOut, colourErr bool
	liveOut              bool                // standard output is one, and rows are seen as they come
	liveErr              bool                // standard error is a terminal: long work shows there how far it is
	env                  func(string) string // nil: an empty environment
	times                string              // the word of --time; empty is timeISO
	at                   time.Time           // what "now" is; zero: the clock says
	clock                func() time.Time    // for how long work takes; nil: time.Now
}

// newTerminal looks at the two streams and the environment once.
func newTerminal(out, err *os.File, getenv func(string) string) terminal {
	wanted := getenv("NO_COLOR") == "" && getenv("TERM") != "dumb"
	return terminal{
		out: out, err: err,
		colourOut: wanted && interactive(out),
		colourErr: wanted && interactive(err),
		liveOut:   interactive(out),
		liveErr:   interactive(err),
		env:       getenv,
	}
}

// setColour takes the word of --color.
func (t *terminal) setColour(word string) {
	if word != colourAuto {
		t.colourOut, t.colourErr = word == colourAlways, word == colourAlways
	}
}

// getenv is the variable's value; empty where it is not set.
func (t *terminal) getenv(name string) string {
	if t.env == nil {
		return ""
	}
	return t.env(name)
}

// now is the moment that ages are told from and that rules are asked about, in UTC.
func (t *terminal) now() time.Time {
	if t.at.IsZero() {
		return time.Now().UTC()
	}
	return t.at
}

// paint gives text for standard output its style, or returns it as it is where there is no colour.
func (t terminal) paint(s style, text string) string { return paint(t.colourOut, s, text) }

// paintErr is paint for standard error.
func (t terminal) paintErr(s style, text string) string { return paint(t.colourErr, s, text) }

func paint(colour bool, s style, text string) string {
	if !colour || text == "" {
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
