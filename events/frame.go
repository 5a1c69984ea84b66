package events

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// FrameVersion is the version of the frame's own form.
const FrameVersion = 1

const (
	timeSize = 8 // nanoseconds since the epoch, big-endian two's complement
	// strings of smaller frames share one copy of it; a larger one (kept bodies) would be held by any of them
	shareMax  = 4 << 10
	namesRoom = 3 * uuidText // such a copy also has the UUIDs of a record, its stream and its command
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

// DecodeFrame reads exactly one frame. The record shares no memory with src. What it accepts, [AppendFrame] writes
// again byte for byte, unless an older kind was lifted to its newest version. The error is a *[FrameError] for damage
// and an *[UpgradeError] for what a newer version wrote.
//
// Cost: about a microsecond and two allocations, one for the fact and one for the strings and a kept body, which share
// a copy of the frame; lookup keys take two more, and a kept message one. In a frame above 4 KiB every string is a copy
// of itself.
func DecodeFrame(src []byte) (Record, error) { return current.decodeFrame(src) }

func (c codec) decodeFrame(src []byte) (r Record, err error) {
	size, err := FrameSize(src)
	if err != nil {
		return Record{}, err
	}
	begin, _, _ := lengthOf(src)
	switch {
	case size != len(src):
		return Record{}, &FrameError{Offset: size, Field: "frame",
			Problem: fmt.Sprintf("is followed by %d more bytes", len(src)-size)}
	case size == begin:
		return Record{}, &FrameError{Offset: size, Field: "format version", Problem: "is missing", Err: ErrTruncated}
	case src[begin] > FrameVersion:
		return Record{}, &UpgradeError{What: "frame", Found: fmt.Sprintf("format %d", src[begin]),
			Known: fmt.Sprintf("format %d", FrameVersion)}
	case src[begin] != FrameVersion:
		return Record{}, &FrameError{Offset: begin, Field: "format version", Problem: "is none that was ever written"}
	}
	h := header{b: src, at: begin + 1}
	if len(src) <= shareMax {
		h.copy.Grow(len(src) + namesRoom)
		h.copy.Write(src)
		h.text = h.copy.String()
	}
	name, version := h.record(&r)
	if h.err != nil {
		return Record{}, h.err
	}
	begin, ok := h.span("payload")
	if !ok {
		return Record{}, h.err
	}
	if h.at != len(src) {
		return Record{}, &FrameError{Offset: h.at, Field: "payload",
			Problem: fmt.Sprintf("is followed by %d more bytes", len(src)-h.at)}
	}
	if r.Event, err = c.decode(name, version, src, h.text, begin, h.at); err != nil {
		return Record{}, err
	}
	if h.odd {
		if err := r.check(); err != nil {
			return Record{}, &FrameError{Offset: begin, Field: "header", Problem: "has what could not be written: " +
				err.Error()}
		}
	}
	return r, nil
}

// header reads a frame's fields one after another.
type header struct {
	b    []byte
	text string          // a copy of it, to share; empty where fields must not
	copy strings.Builder // of the frame, and room for ids that are shorter in it
	at   int
	keys int  // not read yet, while they are being read
	odd  bool // some text is not plainly an id: only then is the record checked once more, as a whole
	err  error
}

func (h *header) record(r *Record) (name string, version uint64) {
	name = h.str("kind", IDMax)
	version = h.number("kind version")
	r.Stream.Category = h.str("category", CategoryMax)
	r.Stream.ID = h.id("stream id")
	r.Version = h.number("version")
	r.Position = h.number("position")
	r.Previous = h.number("previous position")
	r.Recorded = h.time("recorded time")
	r.Occurred = h.moment("occurred time", r.Recorded, time.Time{})
	r.ID = h.id("record id")
	r.CommandID = h.id("command id")
	r.Actor = h.str("actor", IDMax)
	r.Head.Status = h.str("head's status", IDMax)
	r.Head.StatusSince = h.moment("head's status time", r.Recorded, r.Occurred)
	r.Head.Phase = h.str("head's phase", IDMax)
	h.since(r)
	r.Head.Due = h.moment("head's due time", r.Recorded, r.Occurred)
	keys := h.number("number of keys")
	if h.err == nil && keys > KeysMax {
		h.fail("number of keys", fmt.Sprintf("is %d, at most %d fit", keys, KeysMax))
	}
	for i := uint64(0); i < keys && h.err == nil; i++ {
		if r.Keys == nil {
			r.Keys = make([]Key, 0, keys)
		}
		h.keys = int(keys - i)
		key := h.key()
		r.Keys = append(r.Keys, key)
		h.odd = h.odd || key == ""
	}
	h.odd = h.odd || r.Stream.Category == "" || r.Stream.ID == "" || r.ID == ""
	return name, version
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
