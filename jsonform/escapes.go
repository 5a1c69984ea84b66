package jsonform

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

const unicodeEscape = 6 // bytes of \u and its four digits

// escape reads one escape, or the two of a surrogate pair.
func (s *scanner) escape() bool {
	if s.at+1 == len(s.src) {
		return s.fail("a string has no end")
	}
	switch s.src[s.at+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.at += 2
		return true
	case 'u':
		r := hexRune(s.src[s.at:])
		if r >= 0 && !utf16.IsSurrogate(r) {
			s.at += unicodeEscape
			return true
		}
		if r >= 0 && utf16.DecodeRune(r, hexRune(s.src[min(s.at+unicodeEscape, len(s.src)):])) != utf8.RuneError {
			s.at += 2 * unicodeEscape
			return true
		}
	}
	return s.fail("no character is escaped so")
}

// hexRune is what a \u and four digits at the beginning stand for; -1 where there are none.
func hexRune(b []byte) rune {
	if len(b) < unicodeEscape || b[0] != '\\' || b[1] != 'u' {
		return -1
	}
	n, err := strconv.ParseUint(string(b[2:unicodeEscape]), 16, 16)
	if err != nil {
		return -1
	}
	return rune(n)
}

// textOf is the text of a string that was read.
func textOf(b []byte, escaped bool) string {
	if !escaped {
		return string(b)
	}
	out := make([]byte, 0, len(b))
	for at := 0; at < len(b); {
		if b[at] != '\\' {
			out = append(out, b[at])
			at++
			continue
		}
		switch c := b[at+1]; c {
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			r := hexRune(b[at:])
			if utf16.IsSurrogate(r) {
				at += unicodeEscape
				r = utf16.DecodeRune(r, hexRune(b[at:]))
			}
			out = utf8.AppendRune(out, r)
			at += unicodeEscape
			continue
		default:
			out = append(out, c)
		}
		at += 2
	}
	return string(out)
}
