package jsonform

import (
	"bytes"
	"errors"
	"strings"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

// AppendFact appends a fact as one JSON object and returns the longer slice; where it fails, dst as it was. The error
// is a *[ValueError]. Cost: about a microsecond, and three more for a kept message of half a kilobyte; no allocation
// where dst has room.
func AppendFact(dst []byte, e events.Event) ([]byte, error) {
	if e == nil {
		return dst, &ValueError{Problem: "is no fact; give one"}
	}
	f := begin(dst)
	f.given.record.Event = e
	factMembers(f, &f.given.record.Event)
	return f.end(dst)
}

// DecodeFact reads exactly one fact. It shares no memory with src. The error is a *[DocumentError].
func DecodeFact(src []byte) (e events.Event, err error) {
	if err = read(src, func(f *form) { factMembers(f, &e) }); err != nil {
		return nil, err
	}
	// A fact is held to what a log can hold in a record that has nothing wrong with it.
	probe := events.Record{ID: "probe", Stream: events.OrderStream("probe"), Event: e}
	if err := probe.Validate(); err != nil {
		return nil, unfit(err, "")
	}
	return e, nil
}

// AppendMessage appends a message's body as a document shows it, decoded, and returns the longer slice: without spaces,
// its members in their order, its digits as they are. shown is false, and dst as it was, where the body is not JSON
// that all readers take alike: docs/reference/json.md tells what that leaves out. Cost: some microseconds.
func AppendMessage(dst, body []byte) (_ []byte, shown bool) {
	f := forms.Get().(*form)
	defer f.release()
	decoded, shown := f.decoded(body)
	if !shown {
		return dst, false
	}
	return append(dst, decoded...), true
}

// AppendRecord appends a record as one JSON object, without a line break, and returns the longer slice; where it fails,
// dst as it was. Every record that a frame can hold has a form; the error for others is a *[ValueError], but lengths
// are looked at when they are read, not when they are written. Cost: as of [AppendFact].
func AppendRecord(dst []byte, r events.Record) ([]byte, error) { return AppendStored(dst, r, nil) }

// AppendStored is [AppendRecord] with the bytes that the log has of the record, as a member "frame" in base64. They are
// not looked at here.
func AppendStored(dst []byte, r events.Record, frame []byte) ([]byte, error) {
	f := begin(dst)
	f.given.record, f.given.frame = r, frame
	recordMembers(f, &f.given.record, &f.given.frame)
	return f.end(dst)
}

// DecodeRecord reads exactly one record, and the stored bytes where the document has them: then these are the record's
// own, or there is an error. What it accepts, [AppendRecord] or [AppendStored] writes again in the one form. The record
// shares no memory with src. The error is a *[DocumentError]. Cost: some tens of microseconds; a few, where the stored
// bytes are there and the document is as [AppendStored] wrote it.
func DecodeRecord(src []byte) (r events.Record, frame []byte, err error) {
	if r, frame, ok := asWritten(src); ok {
		return r, frame, nil
	}
	if err := read(src, func(f *form) { recordMembers(f, &r, &frame) }); err != nil {
		return events.Record{}, nil, err
	}
	if frame == nil {
		if err := r.Validate(); err != nil {
			return events.Record{}, nil, unfit(err, "fact")
		}
	} else if err := sameFrame(r, frame); err != nil {
		return events.Record{}, nil, err
	}
	return r, frame, nil
}

// DecodeStored reads exactly what [AppendStored] wrote of a record and its stored bytes, byte for byte: [DecodeRecord]
// of the documents that no tool between here and there has touched. It shares no memory with src. The error is a
// *[DocumentError]. Cost: as of writing it, and of reading the frame.
func DecodeStored(src []byte) (r events.Record, frame []byte, err error) {
	r, frame, ok := asWritten(src)
	if ok && bytes.HasSuffix(src, []byte(storedEnd)) {
		return r, frame, nil
	}
	switch _, frame, err = DecodeRecord(src); {
	case err != nil:
	case frame == nil:
		err = &DocumentError{Path: "frame", Problem: "is missing; only what has its stored bytes is read here"}
	default:
		err = &DocumentError{Problem: "is not spelled as it was written: spaces, the order of members, or escaped " +
			"characters differ; use DecodeRecord for what other tools have written"}
	}
	return events.Record{}, nil, err
}

// What stands before and after the stored bytes, which come last.
const (
	storedBegin = `,"frame":"`
	storedEnd   = `"}`
)

// asWritten reads a document that is just what AppendStored makes of the frame in it: to make that again and compare it
// costs less than to look at every member.
func asWritten(src []byte) (r events.Record, frame []byte, ok bool) {
	doc, last := bytes.CutSuffix(bytes.TrimRight(src, " \t\r\n"), []byte(storedEnd))
	at := bytes.LastIndexByte(doc, '"') + 1 // base64 has none
	if !last || !bytes.HasSuffix(doc[:at], []byte(storedBegin)) {
		return events.Record{}, nil, false
	}
	frame, err := fromBase64(doc[at:])
	if err != nil {
		return events.Record{}, nil, false
	}
	if r, err = events.DecodeFrame(frame); err != nil {
		return events.Record{}, nil, false
	}
	again, err := AppendStored(make([]byte, 0, len(src)), r, frame)
	if err != nil || !bytes.Equal(again, src[:len(doc)+len(storedEnd)]) {
		return events.Record{}, nil, false
	}
	return r, frame, true
}

// sameFrame says whether a frame holds that record. One of an older kind does if it is lifted to it.
func sameFrame(r events.Record, frame []byte) error {
	got, err := events.AppendFrame(make([]byte, 0, len(frame)), r)
	if err != nil {
		return unfit(err, "fact")
	}
	if bytes.Equal(got, frame) { // a record has one frame
		return nil
	}
	stored, err := events.DecodeFrame(frame)
	if err != nil {
		return &DocumentError{Path: "frame", Problem: "cannot be read: " + err.Error(), Err: err}
	}
	lifted, err := events.AppendFrame(nil, stored)
	if err != nil || !bytes.Equal(got, lifted) {
		return &DocumentError{Path: "frame", Problem: "holds another record than the document tells; the frame counts"}
	}
	return nil
}

func recordMembers(f *form, r *events.Record, frame *[]byte) {
	f.mustNumber("position", &r.Position)
	f.stream("stream", &r.Stream)
	f.mustNumber("version", &r.Version)
	f.number("previous", &r.Previous)
	f.mustText("id", &r.ID)
	f.moment("recorded", &r.Recorded)
	f.moment("occurred", &r.Occurred)
	f.text("commandId", &r.CommandID)
	f.text("actor", &r.Actor)
	part(f, "head", &r.Head, headMembers)
	f.keys("keys", &r.Keys)
	f.fact("fact", &r.Event)
	f.bytes("frame", frame)
}

// stream is always there.
func (f *form) stream(name string, s *events.Stream) {
	if o, ok := f.mustOpen(name); ok {
		streamMembers(f, s)
		f.close(o)
	}
}

func streamMembers(f *form, s *events.Stream) {
	f.mustText("category", &s.Category)
	f.mustText("id", &s.ID)
}

func headMembers(f *form, h *events.Head) {
	f.text("status", &h.Status)
	f.moment("statusSince", &h.StatusSince)
	f.text("phase", &h.Phase)
	f.moment("operationSince", &h.OperationSince)
	f.moment("parkedSince", &h.ParkedSince)
	f.moment("anomalySince", &h.AnomalySince)
	f.moment("disputeBy", &h.DisputeBy)
	f.moment("due", &h.Due)
}

// AppendHead appends the summary of a stream, as [AppendRecord] does a record.
func AppendHead(dst []byte, h store.Head) ([]byte, error) {
	f := begin(dst)
	storeHeadMembers(f, &h)
	return f.end(dst)
}

// DecodeHead reads exactly one summary. The error is a *[DocumentError].
func DecodeHead(src []byte) (h store.Head, err error) {
	if err := read(src, func(f *form) { storeHeadMembers(f, &h) }); err != nil {
		return store.Head{}, err
	}
	// As of a fact: a head stands in a record.
	probe := events.Record{ID: "probe", Stream: h.Stream, Head: h.Head, Event: events.AnomalyCleared{}}
	if err := probe.Validate(); err != nil {
		return store.Head{}, unfit(err, "")
	}
	return h, nil
}

func storeHeadMembers(f *form, h *store.Head) {
	f.stream("stream", &h.Stream)
	f.mustNumber("version", &h.Version)
	f.mustNumber("position", &h.Position)
	part(f, "head", &h.Head, headMembers)
}

// unfit says of a value that was read whole what no log can hold of it. fact is the path of its fact.
func unfit(err error, fact string) error {
	invalid, is := errors.AsType[*events.InvalidError](err)
	if !is {
		return &DocumentError{Problem: "cannot be held by a log: " + err.Error()}
	}
	path, problem := "", invalid.Error()
	if kind, field, of := strings.Cut(invalid.Field, ": "); of && strings.Contains(kind, ".") {
		path, problem = fact, camel(field)+" "+invalid.Problem
	}
	return &DocumentError{Path: path, Problem: "cannot be held by a log: " + problem, Err: invalid.Err}
}

// camel is a payload's name of a field as it is spelt here.
func camel(snake string) string {
	words := strings.Split(snake, "_")
	for i, w := range words {
		if i > 0 && w != "" {
			words[i] = strings.ToUpper(w[:1]) + w[1:]
		}
	}
	return strings.Join(words, "")
}
