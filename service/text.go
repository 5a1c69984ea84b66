package service

import (
	"bytes"
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// textError is about text in the body that stands for no characters.
type textError struct{ at int }

func (e *textError) Error() string {
	return fmt.Sprintf("has text that is no Unicode, at byte %d", e.at)
}

// noText is where a value that is JSON has the first text that stands for no characters: bytes that are no UTF-8, or
// one half of a surrogate pair without the other; -1: nowhere. Package json puts U+FFFD in its place, and an id that
// was altered is another order's.
func noText(whole []byte) int {
	for at := 0; at < len(whole); {
		if whole[at] == '\\' { // they are in strings alone
			long := escape(whole[at:])
			if long == 0 {
				return at
			}
			at += long
			continue
		}
		r, long := utf8.DecodeRune(whole[at:])
		if r == utf8.RuneError && long == 1 {
			return at
		}
		at += long
	}
	return -1
}

// escape is how long the escape is that text begins with, a surrogate pair as one; 0: it has one half of a pair.
func escape(text []byte) int {
	const (
		short = len(`\n`)
		long  = len(`\ud83d`)
	)
	one, is := unit(text)
	switch {
	case !is:
		return short
	case !utf16.IsSurrogate(one):
		return long
	}
	other, is := unit(text[long:])
	if !is || utf16.DecodeRune(one, other) == utf8.RuneError {
		return 0
	}
	return 2 * long
}

// unit is the code unit of UTF-16 that text begins with, if it does with one in four digits.
func unit(text []byte) (r rune, is bool) {
	digits, is := bytes.CutPrefix(text, []byte(`\u`))
	if !is {
		return 0, false
	}
	n, err := strconv.ParseUint(string(digits[:4]), 16, 16) // whole: it was found to be JSON
	return rune(n), err == nil
}
