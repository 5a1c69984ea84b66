package jsonform

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"slices"
	"time"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// appendText appends a string as JSON has it: only the quote, the backslash and control characters are escaped. ok is
// false where it is not UTF-8.
func appendText(b []byte, s string) (_ []byte, ok bool) {
	if allOrdinary(s) {
		b = append(b, '"')
		b = append(b, s...)
		return append(b, '"'), true
	}
	b = append(b, '"')
	from, ok := 0, true
	for at := 0; at < len(s); {
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

// allOrdinary reports whether a text is ASCII and stands in a string as it is, as nearly all do. It looks at eight
// bytes at a time, at the end at some of them twice.
func allOrdinary(s string) bool {
	if len(s) < wordSize {
		for i := range len(s) {
			if c := s[i]; c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' {
				return false
			}
		}
		return true
	}
	last := s[len(s)-wordSize:]
	for ; len(s) > wordSize; s = s[wordSize:] {
		if !ordinary(wordOf(s)) {
			return false
		}
	}
	return ordinary(wordOf(last))
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
	secondSize = len("2006-01-02T15:04:05")
	daySeconds = 24 * 60 * 60
	hourSecs   = 60 * 60
	minuteSecs = 60
	// What 64 bits of nanoseconds can tell, in whole seconds, as the log's frames have times.
	secondsMin = math.MinInt64/1_000_000_000 + 1
	secondsMax = math.MaxInt64/1_000_000_000 - 1
)

// calendar writes times. It remembers the last second and the last day, which most times of a record share with their
// neighbours: dates are what takes long.
type calendar struct {
	second, day int64
	text        [secondSize]byte // of that second
	valid       bool
}

// append appends the time in UTC with nine decimals. ok is false outside of what a log can hold.
func (c *calendar) append(b []byte, t time.Time) (_ []byte, ok bool) {
	second := t.Unix()
	if !c.valid || second != c.second {
		if second < secondsMin || second > secondsMax {
			nanos := t.UnixNano()
			if nanos == math.MinInt64 || !time.Unix(0, nanos).Equal(t) {
				return b, false
			}
		}
		c.turn(second)
	}
	b = append(b, c.text[:]...)
	n := t.Nanosecond()
	b = append(b, '.', '0'+byte(n/100_000_000))
	for div := 1_000_000; div > 0; div /= 100 {
		b = append(b, pairs[n/div%100]...)
	}
	return append(b, 'Z'), true
}

// turn makes the text of a second.
func (c *calendar) turn(second int64) {
	day, rest := second/daySeconds, int(second%daySeconds)
	if rest < 0 {
		day, rest = day-1, rest+daySeconds
	}
	b := c.text[:0]
	if !c.valid || day != c.day {
		year, month, dayOfMonth := time.Unix(second, 0).UTC().Date()
		b = append(append(append(b, pairs[year/100]...), pairs[year%100]...), '-')
		b = append(append(b, pairs[month]...), '-')
		b = append(append(b, pairs[dayOfMonth]...), 'T')
	} else {
		b = c.text[:len("2006-01-02T")]
	}
	b = append(append(b, pairs[rest/hourSecs]...), ':')
	b = append(append(b, pairs[rest%hourSecs/minuteSecs]...), ':')
	_ = append(b, pairs[rest%minuteSecs]...) // in its place
	c.second, c.day, c.valid = second, day, true
}

// pairs are the numbers below a hundred in two digits.
var pairs = func() (all [100]string) {
	for n := range all {
		all[n] = string([]byte{'0' + byte(n/10), '0' + byte(n%10)})
	}
	return all
}()

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

const (
	alphabet  = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	sixBits   = 6
	pairBits  = 2 * sixBits
	pairsMask = 1<<pairBits - 1
	stride    = 6 // bytes that are written as eight characters at a time
)

// inBase64 is what twelve bits are in base64, the first character in the low byte.
var inBase64 = func() (all [1 << pairBits]uint16) {
	for n := range all {
		all[n] = uint16(alphabet[n>>sixBits]) | uint16(alphabet[n&(1<<sixBits-1)])<<8
	}
	return all
}()

// appendBase64 is what encoding/base64 does, in half the time: of a record with its frame and a message that is much.
func appendBase64(b, src []byte) []byte {
	b = slices.Grow(b, base64.StdEncoding.EncodedLen(len(src)))
	for len(src) >= wordSize {
		v := binary.BigEndian.Uint64(src) >> 16
		b = binary.LittleEndian.AppendUint64(b, uint64(inBase64[v>>(3*pairBits)])|
			uint64(inBase64[v>>(2*pairBits)&pairsMask])<<16|uint64(inBase64[v>>pairBits&pairsMask])<<32|
			uint64(inBase64[v&pairsMask])<<48)
		src = src[stride:]
	}
	return base64.StdEncoding.AppendEncode(b, src)
}
