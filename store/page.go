package store

import (
	"errors"
	"fmt"

	"github.com/tilltape/tilltape/events"
)

// Bounds of a [Page].
const (
	PageMax      = 128     // records
	PageBytesMax = 1 << 20 // of frames; the one that passes it is the page's last
)

// Page is records that stand one after another in a log, as their frames in memory of its own: what a log hands to
// those who decode when and where it suits them. The zero value is empty. Its memory is used again by Begin. It is for
// one goroutine at a time.
type Page struct {
	log    string
	first  uint64
	frames []byte
	ends   []int
}

// Begin empties the page for records from a position on. log is what errors call the log.
func (p *Page) Begin(log string, first uint64) {
	p.log, p.first, p.frames, p.ends = log, first, p.frames[:0], p.ends[:0]
}

// Full tells whether a page has enough.
func (p *Page) Full() bool { return len(p.ends) >= PageMax || len(p.frames) >= PageBytesMax }

// Add copies the next record's frame into the page and returns the copy, which is good until the next Add. An engine
// that proves its records proves the copy: what the frame was copied from may change.
func (p *Page) Add(frame []byte) []byte {
	p.frames = append(p.frames, frame...)
	p.ends = append(p.ends, len(p.frames))
	return p.Frame(len(p.ends) - 1)
}

// Drop takes the frame that was added last away again.
func (p *Page) Drop() {
	last := len(p.ends) - 1
	p.frames, p.ends = p.frames[:p.begin(last)], p.ends[:last]
}

// Len is how many records the page has.
func (p *Page) Len() int { return len(p.ends) }

// Size is how many bytes its frames have.
func (p *Page) Size() int { return len(p.frames) }

// Frame is the bytes of the i-th record, counted from 0. They are the page's, and end with its next Begin.
func (p *Page) Frame(i int) []byte {
	begin, end := p.begin(i), p.ends[i]
	return p.frames[begin:end:end]
}

func (p *Page) begin(i int) int {
	if i == 0 {
		return 0
	}
	return p.ends[i-1]
}

// Decode makes *r the i-th record, once it is proven to say that it is of its position. With a decoder the record's
// texts are parts of the page, as [events.Decoder.Decode] says; without one, nil, it shares no memory with it. The
// error is [Unreadable]'s, or a *[DamagedError]; after one *r is the zero record. Cost: that of decoding one frame.
func (p *Page) Decode(d *events.Decoder, i int, r *events.Record) (err error) {
	if d == nil {
		*r, err = events.DecodeFrame(p.Frame(i))
	} else {
		err = d.Decode(r, p.Frame(i))
	}
	position := p.first + uint64(i)
	switch {
	case err != nil:
		return Unreadable(p.log, position, err)
	case r.Position != position:
		err = &DamagedError{Log: p.log, Position: position,
			Reason: fmt.Sprintf("the record here says that its position is %d", r.Position)}
		*r = events.Record{}
	}
	return err
}

// Unreadable is the error of a frame that stands at a position of a log and that package events could not decode, whose
// error it is given: a *[DamagedError], or one that wraps [ErrNewerFormat].
func Unreadable(log string, position uint64, err error) error {
	if errors.Is(err, events.ErrUpgrade) {
		return fmt.Errorf("%s, position %d: %w: %w", log, position, ErrNewerFormat, err)
	}
	reason := err.Error()
	if frame, ok := errors.AsType[*events.FrameError](err); ok { // without its own way out: the log's is said once
		reason = fmt.Sprintf("at byte %d of the record, %s %s", frame.Offset, frame.Field, frame.Problem)
	}
	return &DamagedError{Log: log, Position: position, Reason: reason}
}
