package jsonform

import (
	"math"
	"time"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// appendText appends a string as JSON has it: only the quote, the backslash and control characters are escaped. ok is
// false where it is not UTF-8.
func appendText(b []byte, s string) (_ []byte, ok bool) {
	b = append(b, '"')
	from, ok := 0, true
	for at := 0; at < len(s); {
		if len(s)-at >= wordSize && ordinary(wordOf(s[at:])) {
			at += wordSize
			continue
		}
		c := s[at]
		switch {
		case c >= utf8.RuneSelf:
			r, size := utf8.DecodeRuneInString(s[at:])
			ok = ok && (r != utf8.RuneError || size > 1)
			at += size
		case c >= ' ' && c != '"' && c != '\\':
			at++
		default:
			b = appendEscape(append(b, s[from:at]...), c)
			at++
			from = at
		}
	}
	return append(append(b, s[from:]...), '"'), ok
}

func appendEscape(b []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\b':
		return append(b, '\\', 'b')
	case '\f':
		return append(b, '\\', 'f')
	case '\n':
		return append(b, '\\', 'n')
	case '\r':
		return append(b, '\\', 'r')
	case '\t':
		return append(b, '\\', 't')
	}
	return append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xf])
}

const wordSize = 8

func wordOf[S string | []byte](s S) uint64 {
	_ = s[wordSize-1]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// ordinary reports whether eight bytes are ASCII and stand in a string as they are. A borrow out of a byte that is not
// hides nothing: that byte is found already.
func ordinary(w uint64) bool {
	const ones = 0x0101010101010101
	quote, back := w^ones*'"', w^ones*'\\'
	return (w|(w-ones*' ')&^w|(quote-ones)&^quote|(back-ones)&^back)&(ones*0x80) == 0
}

const (
	timeSize   = len("2006-01-02T15:04:05.000000000Z")
	dateSize   = len("2006-01-02")
	daySeconds = 24 * 60 * 60
	hourSecs   = 60 * 60
	minuteSecs = 60
	nanoDigits = 9
	// What 64 bits of nanoseconds can tell, in whole seconds, as the log's frames have times.
	secondsMin = math.MinInt64/1_000_000_000 + 1
	secondsMax = math.MaxInt64/1_000_000_000 - 1
)

// calendar writes times. It remembers the last date, which most times of a log share with their neighbours: the date is
// what takes long.
type calendar struct {
	day   int64
	date  [dateSize]byte
	valid bool
}

// append appends the time in UTC with nine decimals. ok is false outside of what a log can hold.
func (c *calendar) append(b []byte, t time.Time) (_ []byte, ok bool) {
	seconds := t.Unix()
	if seconds < secondsMin || seconds > secondsMax {
		nanos := t.UnixNano()
		if nanos == math.MinInt64 || !time.Unix(0, nanos).Equal(t) {
			return b, false
		}
	}
	day := seconds / daySeconds
	rest := seconds % daySeconds
	if rest < 0 {
		day, rest = day-1, rest+daySeconds
	}
	if !c.valid || day != c.day {
		year, month, dayOfMonth := time.Unix(day*daySeconds, 0).UTC().Date()
		date := append2(appendYear(c.date[:0], year), '-', int(month))
		append2(date, '-', dayOfMonth)
		c.day, c.valid = day, true
	}
	r := int(rest)
	b = append(b, c.date[:]...)
	b = append2(b, 'T', r/hourSecs)
	b = append2(b, ':', r%hourSecs/minuteSecs)
	b = append2(b, ':', r%minuteSecs)
	var nanos [nanoDigits]byte
	for i, n := nanoDigits-1, t.Nanosecond(); i >= 0; i, n = i-1, n/10 {
		nanos[i] = '0' + byte(n%10)
	}
	b = append(append(b, '.'), nanos[:]...)
	return append(b, 'Z'), true
}

// parse reads a time that append wrote: nothing else comes out as it went in.
func (c *calendar) parse(text []byte) (t time.Time, ok bool) {
	if len(text) != timeSize {
		return time.Time{}, false
	}
	number := func(from, to int) (n int) {
		for _, digit := range text[from:to] {
			n = n*10 + int(digit) - '0'
		}
		return n
	}
	t = time.Date(number(0, 4), time.Month(number(5, 7)), number(8, 10), number(11, 13), number(14, 16), number(17, 19),
		number(20, 29), time.UTC)
	var room [timeSize]byte
	again, held := c.append(room[:0], t)
	if !held || string(again) != string(text) {
		return time.Time{}, false
	}
	return t, true
}

func appendYear(b []byte, year int) []byte {
	return append(b, '0'+byte(year/1000), '0'+byte(year/100%10), '0'+byte(year/10%10), '0'+byte(year%10))
}

func append2(b []byte, before byte, n int) []byte {
	return append(b, before, '0'+byte(n/10), '0'+byte(n%10))
}
