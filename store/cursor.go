package store

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/tilltape/tilltape/events"
)

// Cursor is a place in a log, between two records. It is opaque: keep it, hand it back to the same log, and compare it
// for equality only. The zero value is [Start]. Its text form ([Cursor.String], [ParseCursor]) and its methods for
// encoding packages let it be kept in a file or a database column.
type Cursor struct{ position uint64 }

// cursorPrefix begins a cursor's text, so that a bare number that means something else is not taken for a cursor.
const cursorPrefix = "after-"

// Start is the place before a log's first record.
func Start() Cursor { return Cursor{} }

// After is the place right after a record that a log returned.
func After(r events.Record) Cursor { return Cursor{position: r.Position} }

// Position is the position of the record right before the cursor, 0 for [Start]. It is for implementations of [Log].
func (c Cursor) Position() uint64 { return c.position }

// String is the text that [ParseCursor] reads, at most 26 bytes of ASCII that need no escaping in a URL or a file name.
func (c Cursor) String() string { return cursorPrefix + strconv.FormatUint(c.position, 10) }

// ParseCursor reads what [Cursor.String] wrote. Every cursor has exactly one text; anything else is refused with an
// error that wraps [ErrInvalid].
func ParseCursor(text string) (Cursor, error) {
	digits, ok := strings.CutPrefix(text, cursorPrefix)
	position, err := strconv.ParseUint(digits, 10, 64)
	c := Cursor{position: position}
	if !ok || err != nil || c.String() != text {
		return Cursor{}, fmt.Errorf("%w: cursor %.40q: it reads like \"after-42\"; pass what Cursor.String returned, or "+
			"use store.Start to begin again",
			ErrInvalid, text)
	}
	return c, nil
}

// MarshalText is [Cursor.String], for JSON and the like.
func (c Cursor) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText is [ParseCursor], for JSON and the like.
func (c *Cursor) UnmarshalText(text []byte) error {
	parsed, err := ParseCursor(string(text))
	if err != nil {
		return err
	}
	*c = parsed
	return nil
}

// BeyondEnd is what a log whose newest position is end answers to a cursor after a later one. It wraps [ErrInvalid]: a
// reader that waited at such a cursor would miss every record up to it.
func BeyondEnd(log string, cursor, end uint64) error {
	return fmt.Errorf("%w: cursor %s: %s ends at position %d; the cursor is of another log, or this one was restored "+
		"from an older copy: start again from store.Start",
		ErrInvalid, Cursor{position: cursor}, log, end)
}
