package events

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// Prepared is a record's frame but for its place in the log. A writer of a log encodes records with it before their
// turn has come, and only copies bytes when it has. The zero value holds nothing. It may be used by many goroutines at
// once.
type Prepared struct {
	bytes []byte // the frame without its length and without the three numbers of its place
	at    int    // where they belong
}

// placeMax is the most bytes that version, position and previous position take.
const placeMax = 3 * 10

// Prepare validates and encodes the record, whose Version, Position and Previous are ignored. It keeps nothing of the
// record. Cost and errors are those of [AppendFrame], and one allocation.
func Prepare(r Record) (Prepared, error) {
	if err := r.check(); err != nil {
		return Prepared{}, err
	}
	r.Version, r.Position, r.Previous = 1, 1, 1 // one byte each, taken out again
	b, at, err := current.appendFrame(make([]byte, 0, preparedSize), &r)
	if err != nil {
		return Prepared{}, err
	}
	begin, _, err := lengthOf(b)
	return Prepared{bytes: append(b[begin:at], b[at+3:]...), at: at - begin}, err
}

// preparedSize holds most frames, so that encoding grows no slice.
const preparedSize = 768

// SizeMax is the most bytes that the frame can have, whatever its place.
func (p Prepared) SizeMax() int { return sizeOf(len(p.bytes) + placeMax) }

// AppendFrame appends the frame of the record at its place to dst: the bytes that the function [AppendFrame] gives for
// the record with the same Version, Position and Previous. The error is an *[InvalidError] where the place makes the
// frame longer than [FrameMax]; dst is returned as it was then. Cost: a copy.
func (p Prepared) AppendFrame(dst []byte, version, position, previous uint64) ([]byte, error) {
	length := len(p.bytes) + protowire.SizeVarint(version) + protowire.SizeVarint(position) +
		protowire.SizeVarint(previous)
	if size := sizeOf(length); size > FrameMax {
		return dst, &InvalidError{Field: "frame",
			Problem: fmt.Sprintf("would have %d bytes; keep less, at most %d fit", size, FrameMax), Err: ErrTooLarge}
	}
	b := appendLength(dst, length)
	b = append(b, p.bytes[:p.at]...)
	b = protowire.AppendVarint(b, version)
	b = protowire.AppendVarint(b, position)
	b = protowire.AppendVarint(b, previous)
	return append(b, p.bytes[p.at:]...), nil
}

// PrepareFrame prepares the record that a frame holds for another place, byte for byte, and returns it as [DecodeFrame]
// does, with whose errors. A kind that an older version wrote stays as it was written: whoever places the same frames
// in the same order has the same bytes, whatever version of this package it is. Cost: DecodeFrame's and a copy.
func PrepareFrame(frame []byte) (Prepared, Record, error) {
	r, err := DecodeFrame(frame)
	if err != nil {
		return Prepared{}, Record{}, err
	}
	begin, _, _ := lengthOf(frame)
	h := header{b: frame, at: begin + 1}
	h.str("kind", IDMax)
	h.number("kind version")
	h.str("category", CategoryMax)
	h.id("stream id")
	at := h.at - begin
	h.number("version")
	h.number("position")
	h.number("previous position")
	place := h.at - begin - at
	p := Prepared{bytes: append([]byte(nil), frame[begin:]...), at: at}
	p.bytes = append(p.bytes[:at], p.bytes[at+place:]...)
	return p, r, h.err
}

// AsRead returns the record as a reader of its frame gets it, with the place that it has: times are UTC with
// nanoseconds. It shares nothing with r that can be written to, but strings, of which any may keep the memory alive
// that it is a part of. The error is that of [AppendFrame], for a fact that cannot be written; the rest is not checked.
// Cost: a third of [DecodeFrame]'s, and three fifths where there is a message; it allocates the fact, the keys, and a
// kept message.
func AsRead(r Record) (Record, error) {
	if r.Event == nil {
		return Record{}, r.check()
	}
	name, _, k, err := current.kind(r.Event)
	if err != nil {
		return Record{}, err
	}
	if r.Event, err = k.own(wire{name: name, writing: true, dry: true, own: true}, r.Event); err != nil {
		return Record{}, err
	}
	for _, t := range []*time.Time{&r.Recorded, &r.Occurred, &r.Head.StatusSince, &r.Head.OperationSince,
		&r.Head.ParkedSince, &r.Head.AnomalySince, &r.Head.DisputeBy, &r.Head.Due} {
		if t.IsZero() {
			*t = time.Time{}
		} else {
			*t = time.Unix(0, t.UnixNano()).UTC()
		}
	}
	r.Keys = append([]Key(nil), r.Keys...)
	return r, nil
}
