package events

import (
	"fmt"
	"math"
	"time"
	"unicode/utf8"
	"unsafe"

	"google.golang.org/protobuf/encoding/protowire"
)

// wire walks a payload in protobuf wire format, writing or reading: each fact describes its fields once, and the same
// description does both, so that the two cannot disagree. Fields come in ascending order, are left out when empty, and
// have numbers up to 15, whose tags take one byte: that is the one form a payload has.
type wire struct {
	name    string // of the kind, for errors
	writing bool
	dry     bool   // writing: only check
	own     bool   // writing, dry: have the fact be what a reader would get, sharing only strings with what it was
	b       []byte // writing: the frame so far; reading: what holds the payload
	// reading: a copy of b, made for this record, that fields may share; empty where they must not
	text    string
	at, end int              // reading: what is left of the message being read
	asked   protowire.Number // reading: the field last asked for in that message
	err     error
}

// span is an open message: where its bytes begin (writing) or where the one around it goes on (reading).
type span struct {
	begin int
	end   int
	asked protowire.Number
}

func (w *wire) damaged(field, problem string) {
	if w.err == nil {
		w.err = &FrameError{Offset: w.at, Field: field, Problem: problem}
	}
}

func (w *wire) invalid(field, problem string, err error) {
	if w.err == nil {
		w.err = &InvalidError{Field: w.name + ": " + field, Problem: problem, Err: err}
	}
}

func (w *wire) tooLong(field string, size, most int) {
	w.invalid(field, fmt.Sprintf("has %d bytes; give at most %d", size, most), ErrTooLarge)
}

func tagOf(n protowire.Number, t protowire.Type) byte { return byte(n)<<3 | byte(t) }

// tag reports whether field n of type t comes next, and reads its tag.
func (w *wire) tag(n protowire.Number, t protowire.Type) bool {
	w.asked = n
	if w.at >= w.end || w.b[w.at] != tagOf(n, t) || w.err != nil {
		return false
	}
	w.at++
	return true
}

// varint reads a number in its shortest form.
func (w *wire) varint(field string) uint64 {
	if w.at < w.end && w.b[w.at] < 0x80 { // nearly all are one byte
		w.at++
		return uint64(w.b[w.at-1])
	}
	v, size := protowire.ConsumeVarint(w.b[w.at:w.end])
	if size < 0 || size != protowire.SizeVarint(v) {
		w.damaged(field, "is not a number in its shortest form")
		return 0
	}
	w.at += size
	return v
}

// uint is a varint; zero is left out.
func (w *wire) uint(n protowire.Number, field string, v *uint64) {
	if w.writing {
		if *v != 0 && !w.dry {
			w.b = protowire.AppendVarint(append(w.b, tagOf(n, protowire.VarintType)), *v)
		}
		return
	}
	if !w.tag(n, protowire.VarintType) {
		return
	}
	if *v = w.varint(field); *v == 0 {
		w.damaged(field, "is 0, which is left out where it belongs")
	}
}

func (w *wire) int(n protowire.Number, field string, v *int64) {
	u := uint64(*v)
	w.uint(n, field, &u)
	*v = int64(u)
}

func (w *wire) bool(n protowire.Number, field string, v *bool) {
	var u uint64
	if *v {
		u = 1
	}
	w.uint(n, field, &u)
	if u > 1 {
		w.damaged(field, "is neither true nor false")
	}
	*v = u == 1
}

// enum is one of the values 0 to most; a higher one was written by a newer version.
func enum[T ~uint8](w *wire, n protowire.Number, field string, v *T, most T) {
	u := uint64(*v)
	w.uint(n, field, &u)
	switch {
	case u <= uint64(most):
		*v = T(u)
	case w.writing:
		w.invalid(field, fmt.Sprintf("is %d, which has no name; give 0 to %d", u, most), nil)
	case w.err == nil:
		w.err = &UpgradeError{What: w.name, Found: fmt.Sprintf("%s %d", field, u), Known: fmt.Sprintf("0 to %d", most)}
	}
}

// time is nanoseconds since the Unix epoch; the zero time is left out, so the epoch itself is there with value 0.
func (w *wire) time(n protowire.Number, field string, v *time.Time) {
	if w.writing {
		if v.IsZero() {
			*v = time.Time{}
			return
		}
		nanos, ok := nanosOf(*v)
		if !ok {
			w.invalid(field, outsideYears, nil)
			return
		}
		if w.own {
			*v = time.Unix(0, nanos).UTC()
		}
		if !w.dry {
			w.b = protowire.AppendFixed64(append(w.b, tagOf(n, protowire.Fixed64Type)), uint64(nanos))
		}
		return
	}
	if !w.tag(n, protowire.Fixed64Type) {
		return
	}
	got, size := protowire.ConsumeFixed64(w.b[w.at:w.end])
	if size < 0 || int64(got) == math.MinInt64 {
		w.damaged(field, "is not a time")
		return
	}
	*v = time.Unix(0, int64(got)).UTC()
	w.at += size
}

// str is text of at most most bytes; the empty one is left out. Any character may be in it, since what others call
// their things is not ours to judge.
func (w *wire) str(n protowire.Number, field string, v *string, most int) {
	if w.writing {
		switch {
		case len(*v) > most:
			w.tooLong(field, len(*v), most)
		case !utf8.ValidString(*v):
			w.invalid(field, "is not UTF-8; give text", nil)
		case *v != "" && !w.dry:
			w.b = protowire.AppendString(append(w.b, tagOf(n, protowire.BytesType)), *v)
		}
		return
	}
	if !w.tag(n, protowire.BytesType) {
		return
	}
	raw := w.piece(field, most)
	switch {
	case raw == nil:
	case !utf8.Valid(raw):
		w.damaged(field, "is not UTF-8")
	case w.text != "":
		*v = w.text[w.at-len(raw) : w.at]
	default:
		*v = string(raw)
	}
}

// bytes is any bytes, at most most of them; none are left out. What is read shares the copy that strings share.
func (w *wire) bytes(n protowire.Number, field string, v *[]byte, most int) {
	if w.writing {
		switch {
		case len(*v) > most:
			w.tooLong(field, len(*v), most)
		case w.own:
			*v = append([]byte(nil), *v...)
		case len(*v) > 0 && !w.dry:
			w.b = protowire.AppendBytes(append(w.b, tagOf(n, protowire.BytesType)), *v)
		}
		return
	}
	if !w.tag(n, protowire.BytesType) {
		return
	}
	raw := w.piece(field, most)
	switch {
	case raw == nil:
	case w.text != "":
		// The text is a copy in memory of its own, which can be written to, and no string has these bytes: a caller
		// that changes them changes nothing else. Copied again they would be a tenth of what reading a record takes of
		// memory.
		*v = unsafe.Slice(unsafe.StringData(w.text[w.at-len(raw):w.at]), len(raw))
	default:
		*v = append([]byte(nil), raw...)
	}
}

// piece reads the length and the 1 to most bytes of a field, which still lie in w.b; nil where they are damaged.
func (w *wire) piece(field string, most int) []byte {
	if at := w.at + 1; at <= w.end { // most are short, and all is well with them
		if size := int(w.b[at-1]); size-1 < min(most, 0x7f) && size > 0 && size <= w.end-at {
			w.at = at + size
			return w.b[at:w.at]
		}
	}
	size, ok := w.length(field)
	switch {
	case !ok:
		return nil
	case size == 0:
		w.damaged(field, "is empty; it would be left out")
		return nil
	case size > most:
		w.damaged(field, fmt.Sprintf("has %d bytes, at most %d fit", size, most))
		return nil
	}
	w.at += size
	return w.b[w.at-size : w.at]
}

// length reads the length of a field of bytes, and leaves the bytes themselves.
func (w *wire) length(field string) (int, bool) {
	size := w.varint(field)
	if size > uint64(w.end-w.at) {
		w.damaged(field, "is longer than what is left")
	}
	return int(size), w.err == nil
}

// open begins a message; where it reports true, its fields are walked next and close ends it.
func (w *wire) open(n protowire.Number, field string) (span, bool) {
	if w.writing {
		if !w.dry {
			w.b = append(w.b, tagOf(n, protowire.BytesType), 0)
		}
		return span{begin: len(w.b)}, true
	}
	if !w.tag(n, protowire.BytesType) {
		return span{}, false
	}
	size, ok := w.length(field)
	if !ok {
		return span{}, false
	}
	outer := span{begin: w.at, end: w.end, asked: w.asked}
	w.end, w.asked = w.at+size, 0
	return outer, true
}

// close ends a message. An empty one is left out, unless it is optional: then being there says something.
func (w *wire) close(s span, field string, optional bool) {
	switch {
	case w.dry:
	case w.writing && len(w.b) == s.begin && !optional:
		w.b = w.b[:s.begin-2] // tag and length
	case w.writing:
		w.b = sized(w.b, s.begin)
	default:
		w.done()
		if w.end == s.begin && !optional {
			w.damaged(field, "is empty; it would be left out")
		}
		w.end, w.asked = s.end, s.asked
	}
}

// sized puts the length of b[begin:] before it, where one byte was kept free.
func sized(b []byte, begin int) []byte {
	size := len(b) - begin
	more := protowire.SizeVarint(uint64(size)) - 1
	for range more {
		b = append(b, 0)
	}
	copy(b[begin+more:], b[begin:begin+size])
	protowire.AppendVarint(b[:begin-1], uint64(size))
	return b
}

// done checks that the message was read whole. What is left may be a field that a newer version added: it must not be
// dropped silently, because what it says might matter to the order.
func (w *wire) done() {
	if w.err != nil || w.at == w.end {
		return
	}
	number, _, size := protowire.ConsumeTag(w.b[w.at:w.end])
	switch {
	case size < 0 || size != protowire.SizeTag(number):
		w.damaged(w.name, "goes on with bytes that begin no field")
	case number <= w.asked:
		w.damaged(w.name, fmt.Sprintf("has field %d twice, out of order or of another type", number))
	default:
		w.err = &UpgradeError{What: w.name, Found: fmt.Sprintf("field %d", number),
			Known: fmt.Sprintf("fields 1 to %d", w.asked)}
	}
}

const outsideYears = "lies outside the years 1678 to 2262; check the clock it comes from"

// nanosOf is the time as nanoseconds since the epoch; ok is false outside of what 64 bits hold.
func nanosOf(t time.Time) (int64, bool) {
	nanos := t.UnixNano()
	return nanos, nanos != math.MinInt64 && time.Unix(0, nanos).Equal(t)
}
