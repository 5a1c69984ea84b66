package events

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// FrameVersion is the version of the frame's own form.
const FrameVersion = 1

const (
	prefixSize = 2       // the frame's length without the prefix, big-endian
	timeSize   = 8       // nanoseconds since the epoch, big-endian two's complement
	shareMax   = 4 << 10 // strings of smaller frames share one copy of it; a larger one (kept bodies) would be held by any of them
	zeroNanos  = math.MinInt64
)

// AppendFrame appends the record's frame to dst. A record has exactly one frame. The error is an *[InvalidError].
func AppendFrame(dst []byte, r Record) ([]byte, error) {
	if err := r.Validate(); err != nil {
		return dst, err
	}
	return current.appendFrame(dst, &r)
}

func (c codec) appendFrame(dst []byte, r *Record) ([]byte, error) {
	name, version, payload, err := c.encode(r.Event)
	if err != nil {
		return dst, unfit(r.Event.Kind(), err)
	}
	start := len(dst)
	b := append(dst, 0, 0, FrameVersion)
	b = appendText(b, name)
	b = protowire.AppendVarint(b, version)
	b = appendText(b, r.Stream.Category)
	b = appendText(b, r.Stream.ID)
	b = protowire.AppendVarint(b, r.Version)
	b = protowire.AppendVarint(b, r.Position)
	b = protowire.AppendVarint(b, r.Previous)
	b = appendTime(b, r.Recorded)
	b = appendTime(b, r.Occurred)
	b = appendText(b, r.ID)
	b = appendText(b, r.CommandID)
	b = appendText(b, r.Actor)
	b = appendText(b, r.Head.Status)
	b = appendTime(b, r.Head.StatusSince)
	b = appendText(b, r.Head.Phase)
	b = appendText(b, r.Head.Attention)
	b = appendTime(b, r.Head.AttentionSince)
	b = appendTime(b, r.Head.Due)
	b = protowire.AppendVarint(b, uint64(len(r.Keys)))
	for _, k := range r.Keys {
		b = appendText(b, string(k))
	}
	b = protowire.AppendBytes(b, payload)
	size := len(b) - start
	if size > FrameMax {
		return dst, &InvalidError{Field: string(r.Event.Kind()), Problem: fmt.Sprintf("needs a frame of %d bytes, at most %d fit; keep less of the message", size, FrameMax), Err: ErrTooLarge}
	}
	binary.BigEndian.PutUint16(b[start:], uint16(size-prefixSize))
	return b, nil
}

// unfit words an error of a payload's encoding as one about the record.
func unfit(k Kind, err error) error {
	problem := err.Error()
	if f, ok := err.(*FrameError); ok {
		problem = f.Field + " " + f.Problem
	}
	return &InvalidError{Field: string(k), Problem: "does not fit: " + problem}
}

func appendText(b []byte, s string) []byte { return protowire.AppendString(b, s) }

func appendTime(b []byte, t time.Time) []byte {
	nanos := int64(zeroNanos)
	if !t.IsZero() {
		nanos = t.UnixNano()
	}
	return binary.BigEndian.AppendUint64(b, uint64(nanos))
}

// FrameSize returns the length of the first frame in src, so that frames written one after another can be parted. The
// error wraps [ErrTruncated] where src ends before the frame does.
func FrameSize(src []byte) (int, error) {
	if len(src) < prefixSize {
		return 0, &FrameError{Offset: len(src), Field: "length", Problem: "is missing", Err: ErrTruncated}
	}
	size := prefixSize + int(binary.BigEndian.Uint16(src))
	if size > len(src) {
		return 0, &FrameError{Offset: len(src), Field: "frame", Problem: fmt.Sprintf("ends; it says that it has %d bytes", size), Err: ErrTruncated}
	}
	return size, nil
}

// DecodeFrame reads exactly one frame. The record shares no memory with src. What it accepts, [AppendFrame] writes again
// byte for byte, unless an older kind was lifted to its newest version. The error is a *[FrameError] for damage and an
// *[UpgradeError] for what a newer version wrote.
func DecodeFrame(src []byte) (Record, error) { return current.decodeFrame(src) }

func (c codec) decodeFrame(src []byte) (Record, error) {
	size, err := FrameSize(src)
	switch {
	case err != nil:
		return Record{}, err
	case size != len(src):
		return Record{}, &FrameError{Offset: size, Field: "frame", Problem: fmt.Sprintf("is followed by %d more bytes", len(src)-size)}
	case size == prefixSize:
		return Record{}, &FrameError{Offset: size, Field: "format version", Problem: "is missing", Err: ErrTruncated}
	case src[prefixSize] > FrameVersion:
		return Record{}, &UpgradeError{What: "the frame", Found: fmt.Sprintf("format %d", src[prefixSize]), Known: fmt.Sprintf("format %d", FrameVersion)}
	case src[prefixSize] != FrameVersion:
		return Record{}, &FrameError{Offset: prefixSize, Field: "format version", Problem: "is none that was ever written"}
	}
	h := header{b: src, at: prefixSize + 1}
	if len(src) <= shareMax {
		h.text = string(src)
	}
	r, name, version := h.record()
	if h.err != nil {
		return Record{}, h.err
	}
	at := h.at
	payload, text := h.bytes("payload")
	if h.err == nil && h.at != len(src) {
		h.fail("payload", fmt.Sprintf("is followed by %d more bytes", len(src)-h.at))
	}
	if h.err != nil {
		return Record{}, h.err
	}
	r.Event, err = c.decode(name, version, payload, text)
	if err != nil {
		return Record{}, placed(err, at)
	}
	if err := r.Validate(); err != nil {
		return Record{}, &FrameError{Offset: at, Field: "record", Problem: "is not one that could be written: " + err.Error()}
	}
	return r, nil
}

// placed says where in the frame a payload's damage is.
func placed(err error, payload int) error {
	if f, ok := err.(*FrameError); ok {
		f.Offset += payload
	}
	return err
}

// header reads a frame's fields one after another.
type header struct {
	b    []byte
	text string // the same, to share; empty where fields must not
	at   int
	err  error
}

func (h *header) record() (r Record, name string, version uint64) {
	name = h.str("kind", IDMax)
	version = h.number("kind version")
	r.Stream.Category = h.str("category", CategoryMax)
	r.Stream.ID = h.str("stream id", IDMax)
	r.Version = h.number("version")
	r.Position = h.number("position")
	r.Previous = h.number("previous position")
	r.Recorded = h.time("recorded time")
	r.Occurred = h.time("occurred time")
	r.ID = h.str("record id", IDMax)
	r.CommandID = h.str("command id", IDMax)
	r.Actor = h.str("actor", IDMax)
	r.Head.Status = h.str("head's status", IDMax)
	r.Head.StatusSince = h.time("head's status time")
	r.Head.Phase = h.str("head's phase", IDMax)
	r.Head.Attention = h.str("head's attention", IDMax)
	r.Head.AttentionSince = h.time("head's attention time")
	r.Head.Due = h.time("head's due time")
	keys := h.number("number of keys")
	if h.err == nil && keys > KeysMax {
		h.fail("number of keys", fmt.Sprintf("is %d, at most %d fit", keys, KeysMax))
	}
	for i := uint64(0); i < keys && h.err == nil; i++ {
		if r.Keys == nil {
			r.Keys = make([]Key, 0, keys)
		}
		r.Keys = append(r.Keys, Key(h.str("key", KeyMax)))
	}
	return r, name, version
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
	nanos := int64(binary.BigEndian.Uint64(h.b[h.at:]))
	h.at += timeSize
	if nanos == zeroNanos {
		return time.Time{}
	}
	return time.Unix(0, nanos).UTC()
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

func (h *header) str(field string, most int) string {
	begin, ok := h.span(field)
	if !ok {
		return ""
	}
	switch raw := h.b[begin:h.at]; {
	case len(raw) > most:
		h.fail(field, fmt.Sprintf("has %d bytes, at most %d fit", len(raw), most))
		return ""
	case !utf8.Valid(raw):
		h.fail(field, "is not UTF-8")
		return ""
	case h.text != "":
		return h.text[begin:h.at]
	default:
		return string(raw)
	}
}

func (h *header) bytes(field string) (raw []byte, text string) {
	begin, ok := h.span(field)
	if !ok {
		return nil, ""
	}
	if h.text != "" {
		text = h.text[begin:h.at]
	}
	return h.b[begin:h.at], text
}

// Validate says whether a log can hold the record. The place that a store gives it (version, position, previous) is not
// looked at. The error is an *[InvalidError] that names the field.
func (r Record) Validate() error {
	if err := CheckID("record id", r.ID); err != nil {
		return err
	}
	if err := r.Stream.check(); err != nil {
		return err
	}
	for _, f := range []struct{ field, id string }{{"command id", r.CommandID}, {"actor", r.Actor}, {"head's status", r.Head.Status},
		{"head's phase", r.Head.Phase}, {"head's attention", r.Head.Attention}} {
		if f.id == "" {
			continue
		}
		if err := CheckID(f.field, f.id); err != nil {
			return err
		}
	}
	for _, f := range []struct {
		field string
		t     time.Time
	}{{"recorded time", r.Recorded}, {"occurred time", r.Occurred}, {"head's status time", r.Head.StatusSince},
		{"head's attention time", r.Head.AttentionSince}, {"head's due time", r.Head.Due}} {
		if _, ok := nanosOf(f.t); !ok && !f.t.IsZero() {
			return &InvalidError{Field: f.field, Problem: "lies outside the years 1678 to 2262; check the clock"}
		}
	}
	if r.Event == nil {
		return &InvalidError{Field: "event", Problem: "is missing; a record carries exactly one fact"}
	}
	return checkKeys(r.Keys)
}

func (s Stream) check() error {
	if len(s.Category) > CategoryMax {
		return &InvalidError{Field: "category", Problem: fmt.Sprintf("has %d bytes; give at most %d", len(s.Category), CategoryMax), Err: ErrInvalidID}
	}
	if err := CheckID("category", s.Category); err != nil {
		return err
	}
	return CheckID("stream id", s.ID)
}

func checkKeys(keys []Key) error {
	if len(keys) > KeysMax {
		return &InvalidError{Field: "keys", Problem: fmt.Sprintf("are %d; give at most %d", len(keys), KeysMax)}
	}
	for _, k := range keys {
		if k == "" || len(k) > KeyMax || !clean(string(k)) {
			return &InvalidError{Field: "key", Problem: fmt.Sprintf("%.120q is not usable; give 1 to %d bytes of text without control characters", string(k), KeyMax), Err: ErrInvalidID}
		}
	}
	return nil
}

// CheckID says whether an identifier is usable: 1 to [IDMax] bytes of UTF-8 without control characters and without "/",
// so that it can stand in a path, a log line and a message. The error names it and wraps [ErrInvalidID].
func CheckID(name, id string) error {
	problem := ""
	switch {
	case id == "":
		problem = fmt.Sprintf("is empty; give 1 to %d bytes", IDMax)
	case len(id) > IDMax:
		problem = fmt.Sprintf("has %d bytes; give at most %d", len(id), IDMax)
	case !utf8.ValidString(id):
		problem = fmt.Sprintf("%q is not UTF-8; give text", id)
	case !clean(id):
		problem = fmt.Sprintf("%q has a control character (NUL, newline, …); leave it out", id)
	case strings.Contains(id, "/"):
		problem = fmt.Sprintf("%q has a slash; leave it out", id)
	default:
		return nil
	}
	return &InvalidError{Field: name, Problem: problem, Err: ErrInvalidID}
}
