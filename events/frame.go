package events

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// FrameVersion is the version of the frame's own form.
const FrameVersion = 1

const (
	timeSize  = 8 // nanoseconds since the epoch, big-endian two's complement
	zeroNanos = math.MinInt64
)

// How a frame has a time that often is none or one that stands before it.
const (
	momentNone     = 0
	momentRecorded = 1
	momentOccurred = 2
	momentOwn      = timeSize // as many bytes follow
)

// AppendFrame appends the record's frame to dst and returns the longer slice; where it fails, dst as it was. A record
// has exactly one frame. The error is an *[InvalidError], for what [Record.Validate] finds. Cost: about a microsecond,
// and no allocation where dst has room.
func AppendFrame(dst []byte, r Record) ([]byte, error) {
	if err := r.check(); err != nil {
		return dst, err
	}
	b, _, err := current.appendFrame(dst, &r)
	return b, err
}

// appendFrame also says where in the frame the record's place begins.
func (c codec) appendFrame(dst []byte, r *Record) (b []byte, place int, err error) {
	name, version, kind, err := c.kind(r.Event)
	if err != nil {
		return dst, 0, err
	}
	start := len(dst)
	b = append(dst, make([]byte, lengthSize)...)
	b = append(b, FrameVersion)
	b = protowire.AppendString(b, name)
	b = protowire.AppendVarint(b, version)
	b = protowire.AppendString(b, r.Stream.Category)
	b = AppendID(b, r.Stream.ID)
	place = len(b) - start
	b = protowire.AppendVarint(b, r.Version)
	b = protowire.AppendVarint(b, r.Position)
	b = protowire.AppendVarint(b, r.Previous)
	b = appendTime(b, r.Recorded)
	b = r.appendMoment(b, r.Occurred, time.Time{})
	b = AppendID(b, r.ID)
	b = AppendID(b, r.CommandID)
	b = protowire.AppendString(b, r.Actor)
	b = protowire.AppendString(b, r.Head.Status)
	b = r.appendMoment(b, r.Head.StatusSince, r.Occurred)
	b = protowire.AppendString(b, r.Head.Phase)
	b = r.appendSince(b)
	b = r.appendMoment(b, r.Head.Due, r.Occurred)
	b = protowire.AppendVarint(b, uint64(len(r.Keys)))
	for _, k := range r.Keys {
		b = AppendKey(b, k)
	}
	b = append(b, 0)
	begin := len(b)
	w := kind.encode(wire{name: string(r.Event.Kind()), writing: true, b: b}, r.Event)
	if w.err != nil {
		return dst, 0, w.err
	}
	b = sized(w.b, begin)
	length := len(b) - start - lengthSize
	if size := sizeOf(length); size > FrameMax {
		return dst, 0, &InvalidError{Field: w.name,
			Problem: fmt.Sprintf("needs a frame of %d bytes; keep less, at most %d fit", size, FrameMax), Err: ErrTooLarge}
	}
	if length > lengthMax {
		b = slices.Insert(b, start+lengthSize, make([]byte, longerSize)...)
		place += longerSize
	}
	appendLength(b[:start], length)
	return b, place, nil
}

func appendTime(b []byte, t time.Time) []byte {
	return binary.BigEndian.AppendUint64(b, uint64(nanos(t)))
}

func nanos(t time.Time) int64 {
	if t.IsZero() {
		return zeroNanos
	}
	return t.UnixNano()
}

// appendMoment appends a time in its shortest form. occurred is the fact's time, where it stands before this one.
func (r *Record) appendMoment(b []byte, t, occurred time.Time) []byte {
	switch n := nanos(t); n {
	case zeroNanos:
		return append(b, momentNone)
	case nanos(r.Recorded):
		return append(b, momentRecorded)
	case nanos(occurred):
		return append(b, momentOccurred)
	default:
		return appendTime(append(b, momentOwn), t)
	}
}

// FrameSize returns the length of the first frame in src, so that frames written one after another can be parted. The
// error wraps [ErrTruncated] where src ends before the frame does.
func FrameSize(src []byte) (int, error) {
	begin, length, err := lengthOf(src)
	if err != nil {
		return 0, err
	}
	size := begin + length
	if size > len(src) {
		return 0, &FrameError{Offset: len(src), Field: "frame",
			Problem: fmt.Sprintf("ends; it says that it has %d bytes", size), Err: ErrTruncated}
	}
	return size, nil
}

func (h *header) fail(field, problem string) {
	if h.err == nil {
		h.err = &FrameError{Offset: h.at, Field: field, Problem: problem}
	}
}

func (h *header) number(field string) uint64 {
	if h.err != nil {
		return 0
	}
	if h.at < len(h.b) && h.b[h.at] < 0x80 { // nearly all are one byte
		h.at++
		return uint64(h.b[h.at-1])
	}
	v, n := protowire.ConsumeVarint(h.b[h.at:])
	if n < 0 || n != protowire.SizeVarint(v) {
		h.fail(field, "is not a number in its shortest form")
		return 0
	}
	h.at += n
	return v
}

func (h *header) time(field string) time.Time {
	if h.err != nil {
		return time.Time{}
	}
	if len(h.b)-h.at < timeSize {
		h.fail(field, "is cut short")
		return time.Time{}
	}
	n := int64(binary.BigEndian.Uint64(h.b[h.at:]))
	h.at += timeSize
	if n == zeroNanos {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}

// moment reads what appendMoment writes, and nothing that it would write otherwise.
func (h *header) moment(field string, recorded, occurred time.Time) (t time.Time) {
	if h.err != nil {
		return time.Time{}
	}
	if h.at == len(h.b) {
		h.fail(field, "is cut short")
		return time.Time{}
	}
	form := h.b[h.at]
	h.at++
	switch form {
	case momentNone:
		return time.Time{}
	case momentRecorded:
		t = recorded
	case momentOccurred:
		if t = occurred; t.Equal(recorded) {
			t = time.Time{}
		}
	case momentOwn:
		if t = h.time(field); t.Equal(recorded) || t.Equal(occurred) {
			t = time.Time{}
		}
	}
	if t.IsZero() {
		h.fail(field, "is not a time in its shortest form")
	}
	return t
}

// span reads a length and returns where that many bytes begin.
func (h *header) span(field string) (begin int, ok bool) {
	size := h.number(field)
	if h.err == nil && size > uint64(len(h.b)-h.at) {
		h.fail(field, "is longer than what is left")
	}
	if h.err != nil {
		return 0, false
	}
	begin = h.at
	h.at += int(size)
	return begin, true
}

// str reads a text of at most most bytes, which is less than the 128 that would make its length take two.
func (h *header) str(field string, most int) string {
	if at := h.at + 1; h.text != "" && h.err == nil && at <= len(h.b) { // where all is well
		if n := int(h.b[at-1]); n <= most && n <= len(h.b)-at && plain(h.text[at:at+n]) {
			h.at = at + n
			return h.text[at:h.at]
		}
	}
	n := h.number(field)
	if h.err == nil && n > uint64(most) {
		h.fail(field, fmt.Sprintf("has %d bytes, at most %d fit", n, most))
	}
	if h.err != nil {
		return ""
	}
	return h.take(field, int(n))
}

// take reads so many bytes of text.
func (h *header) take(field string, n int) string {
	if n > len(h.b)-h.at {
		h.fail(field, "is longer than what is left")
		return ""
	}
	var s string
	if h.text != "" {
		s = h.text[h.at : h.at+n]
	} else {
		s = string(h.b[h.at : h.at+n])
	}
	h.at += n
	if plain(s) {
		return s
	}
	h.odd = true
	if !utf8.ValidString(s) {
		h.fail(field, "is not UTF-8")
		return ""
	}
	return s
}
