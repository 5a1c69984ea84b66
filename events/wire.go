package events

import (
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// Bounds of what a payload's fields take, in bytes.
const (
	fieldMax         = TextMax // identifiers of others, codes and free text
	evidenceFieldMax = 4 << 10 // a signed path, a signature
)

// wire walks a payload in protobuf wire format, writing or reading: each fact describes its fields once, and the same
// description does both, so that the two cannot disagree. Fields come in ascending order and are left out when empty;
// that is the one form a payload has.
type wire struct {
	writing bool
	b       []byte // written so far, or still to be read
	text    string // reading: the same bytes as b, as a string that fields may share; empty where they must not
	at      int    // reading: offset of b in the payload, for errors
	err     error
}

// tag reports whether the next field to be read is number n, and consumes its tag.
func (w *wire) tag(n protowire.Number, t protowire.Type) bool {
	if w.err != nil || len(w.b) == 0 {
		return false
	}
	number, typ, size := protowire.ConsumeTag(w.b)
	switch {
	case size < 0:
		w.fail(n, "has an unreadable tag")
		return false
	case number != n:
		return false
	case typ != t:
		w.fail(n, "has another wire type")
		return false
	case size != protowire.SizeTag(n):
		w.fail(n, "has a tag that is longer than need be")
		return false
	}
	w.skip(size)
	return true
}

func (w *wire) skip(n int) {
	w.b = w.b[n:]
	w.at += n
	if w.text != "" {
		w.text = w.text[n:]
	}
}

func (w *wire) fail(n protowire.Number, problem string) {
	if w.err == nil {
		w.err = &FrameError{Offset: w.at, Field: fmt.Sprintf("payload field %d", n), Problem: problem}
	}
}

// uint is a varint; zero is left out.
func (w *wire) uint(n protowire.Number, v *uint64) {
	if w.writing {
		if *v != 0 {
			w.b = protowire.AppendTag(w.b, n, protowire.VarintType)
			w.b = protowire.AppendVarint(w.b, *v)
		}
		return
	}
	if !w.tag(n, protowire.VarintType) {
		return
	}
	got, size := protowire.ConsumeVarint(w.b)
	if size < 0 || got == 0 || size != protowire.SizeVarint(got) {
		w.fail(n, "is not a number in its shortest form")
		return
	}
	*v = got
	w.skip(size)
}

func (w *wire) int(n protowire.Number, v *int64) {
	u := uint64(*v)
	w.uint(n, &u)
	*v = int64(u)
}

func (w *wire) bool(n protowire.Number, v *bool) {
	var u uint64
	if *v {
		u = 1
	}
	w.uint(n, &u)
	if u > 1 {
		w.fail(n, "is neither true nor false")
	}
	*v = u == 1
}

// enum is one of the values 0 to most; a higher one was written by a newer version.
func enum[T ~uint8](w *wire, n protowire.Number, v *T, most T) {
	u := uint64(*v)
	w.uint(n, &u)
	if u > uint64(most) && w.err == nil {
		if w.writing {
			w.fail(n, fmt.Sprintf("is %d, which has no name", u))
		} else {
			w.err = &UpgradeError{What: fmt.Sprintf("payload field %d", n), Found: fmt.Sprint(u), Known: fmt.Sprint(most)}
		}
		return
	}
	*v = T(u)
}

// time is nanoseconds since the Unix epoch; the zero time is left out, so the epoch itself is there with value 0.
func (w *wire) time(n protowire.Number, v *time.Time) {
	if w.writing {
		if v.IsZero() {
			return
		}
		nanos, ok := nanosOf(*v)
		if !ok {
			w.fail(n, "is a time outside the years 1678 to 2262")
			return
		}
		w.b = protowire.AppendTag(w.b, n, protowire.Fixed64Type)
		w.b = protowire.AppendFixed64(w.b, uint64(nanos))
		return
	}
	if !w.tag(n, protowire.Fixed64Type) {
		return
	}
	got, size := protowire.ConsumeFixed64(w.b)
	if size < 0 || int64(got) == math.MinInt64 {
		w.fail(n, "is not a time")
		return
	}
	*v = time.Unix(0, int64(got)).UTC()
	w.skip(size)
}

func (w *wire) str(n protowire.Number, v *string) { w.bounded(n, v, fieldMax) }

func (w *wire) bounded(n protowire.Number, v *string, most int) {
	if w.writing {
		switch {
		case *v == "":
		case len(*v) > most:
			w.fail(n, fmt.Sprintf("has %d bytes, at most %d fit", len(*v), most))
		case !utf8.ValidString(*v):
			w.fail(n, "is not UTF-8")
		default:
			w.b = protowire.AppendTag(w.b, n, protowire.BytesType)
			w.b = protowire.AppendString(w.b, *v)
		}
		return
	}
	size, ok := w.length(n)
	if !ok {
		return
	}
	switch {
	case size == 0 || size > most || !utf8.Valid(w.b[:size]):
		w.fail(n, "is empty, too long or not UTF-8")
		return
	case w.text != "":
		*v = w.text[:size]
	default:
		*v = string(w.b[:size])
	}
	w.skip(size)
}

func (w *wire) bytes(n protowire.Number, v *[]byte, most int) {
	if w.writing {
		switch {
		case len(*v) > most:
			w.fail(n, fmt.Sprintf("has %d bytes, at most %d fit", len(*v), most))
		case len(*v) > 0:
			w.b = protowire.AppendTag(w.b, n, protowire.BytesType)
			w.b = protowire.AppendBytes(w.b, *v)
		}
		return
	}
	size, ok := w.length(n)
	if !ok {
		return
	}
	if size == 0 || size > most {
		w.fail(n, "is empty or too long")
		return
	}
	*v = append([]byte(nil), w.b[:size]...)
	w.skip(size)
}

// length reads the tag and length of a field of bytes, and leaves the bytes themselves.
func (w *wire) length(n protowire.Number) (int, bool) {
	if !w.tag(n, protowire.BytesType) {
		return 0, false
	}
	size, used := protowire.ConsumeVarint(w.b)
	if used < 0 || used != protowire.SizeVarint(size) || size > uint64(len(w.b)-used) {
		w.fail(n, "has a length that does not fit")
		return 0, false
	}
	w.skip(used)
	return int(size), true
}

// message is a nested message; an empty one is left out.
func message[T any](w *wire, n protowire.Number, v *T, walk func(*wire, *T)) {
	if w.writing {
		w.write(n, func(w *wire) { walk(w, v) }, false)
		return
	}
	size, ok := w.length(n)
	if !ok {
		return
	}
	if size == 0 {
		w.fail(n, "is empty")
		return
	}
	read(w, n, size, v, walk)
}

// optional is a nested message that may be absent; nil is left out, an empty one is not.
func optional[T any](w *wire, n protowire.Number, v **T, walk func(*wire, *T)) {
	if w.writing {
		if *v != nil {
			w.write(n, func(w *wire) { walk(w, *v) }, true)
		}
		return
	}
	size, ok := w.length(n)
	if !ok {
		return
	}
	*v = new(T)
	read(w, n, size, *v, walk)
}

func (w *wire) write(n protowire.Number, walk func(*wire), empty bool) {
	inner := wire{writing: true, err: w.err}
	walk(&inner)
	w.err = inner.err
	if len(inner.b) > 0 || empty {
		w.b = protowire.AppendTag(w.b, n, protowire.BytesType)
		w.b = protowire.AppendBytes(w.b, inner.b)
	}
}

func read[T any](w *wire, n protowire.Number, size int, v *T, walk func(*wire, *T)) {
	inner := wire{b: w.b[:size], at: w.at}
	if w.text != "" {
		inner.text = w.text[:size]
	}
	walk(&inner, v)
	inner.end()
	if inner.err != nil && w.err == nil {
		w.err = inner.err
	}
	w.skip(size)
}

// end checks that everything was read. What is left is a field this version does not know: it must not be dropped
// silently, because what it says might matter.
func (w *wire) end() {
	if w.err != nil || len(w.b) == 0 {
		return
	}
	number, _, size := protowire.ConsumeTag(w.b)
	if size < 0 {
		w.fail(0, "has an unreadable tag")
		return
	}
	w.err = &UpgradeError{What: "a payload field", Found: fmt.Sprintf("field %d", number), Known: "fields in ascending order up to what this version writes"}
}

// nanosOf is the time as nanoseconds since the epoch; ok is false outside of what 64 bits hold.
func nanosOf(t time.Time) (int64, bool) {
	nanos := t.UnixNano()
	return nanos, nanos != math.MinInt64 && time.Unix(0, nanos).Equal(t)
}

// clean reports whether a text has neither control characters nor invalid UTF-8.
func clean(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 })
}
