package export

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/tilltape/tilltape/store"
)

// Surviving yields what can be read of a damaged export of everything in one pass, by position and each once, for a
// verification. For a line that is not what is written it yields a *store.DamagedError with the position that belongs
// there, or a [*LineError] where a newer version wrote it, and goes on after it. A position that is passed over has no
// line. A line that is whole and stands out of its place, and whatever comes after the last, is an error with the
// line's bytes beside it. Where the export is cut off, the last error wraps [ErrCutOff]. A filtered export is refused
// with [ErrFiltered]: nothing says which positions it should have.
func (l *Log) Surviving(ctx context.Context) iter.Seq2[store.Frame, error] {
	return func(yield func(store.Frame, error) bool) {
		if !l.header.Filter.Everything() {
			yield(store.Frame{}, filteredError(l.name, "does not say which positions it should have", l.header))
			return
		}
		s := &surviving{log: l, yield: yield}
		for ln, err := range l.lines(ctx) {
			if err != nil {
				s.ends(ln, err)
				return
			}
			if !s.line(ln) {
				return
			}
		}
		_ = s.settle(l.header.Count + 1)
	}
}

// surviving is a pass over a damaged export. Whether a line that does not fit stands in the place of another, or was
// put between two, the next line tells; so one of them waits for it.
type surviving struct {
	log   *Log
	yield func(store.Frame, error) bool
	last  uint64       // the newest position that was yielded
	bad   error        // of a line that is not what is written; nil: none waits
	ahead *store.Frame // of a line whose position is not the next one; nil: none waits
	told  error        // what is to be said of it where it is out of its place
}

// line takes the next line.
func (s *surviving) line(ln line) (more bool) {
	parsed, err := s.log.header.parseRecord(ln.bytes)
	place := s.last + 1
	if err != nil {
		if !s.settle(s.log.header.Count + 1) {
			return false
		}
		if s.bad = err; !errors.Is(err, store.ErrNewerFormat) {
			s.bad = s.damage(s.last+1, ln, "it is not what an export writes: "+err.Error())
		}
		return true
	}
	position := parsed.Record.Position
	switch {
	case position <= s.last || position > s.log.header.Checkpoint.Size:
		return s.settle(position) && s.stray(parsed.Bytes, s.outOfPlace(place, ln, position))
	case s.ahead != nil && position <= s.ahead.Record.Position: // so that one was out of its place
		ahead := s.ahead.Bytes
		if s.ahead = nil; !s.stray(ahead, s.told) {
			return false
		}
	case !s.settle(position):
		return false
	}
	if position == s.last+1 {
		return s.give(parsed.Frame)
	}
	parsed.Bytes = bytes.Clone(parsed.Bytes)
	s.ahead, s.told = &parsed.Frame, s.outOfPlace(s.last+1, ln, position)
	return true
}

// settle yields what waits, where the next line is of that position: what is not in its way is in its place.
func (s *surviving) settle(next uint64) (more bool) {
	if bad := s.bad; bad != nil {
		s.bad = nil
		if s.last+1 >= next { // it was put between two
			return s.stray(nil, bad)
		}
		s.last++
		return s.yield(store.Frame{}, bad)
	}
	if ahead := s.ahead; ahead != nil {
		s.ahead = nil
		return s.give(*ahead)
	}
	return true
}

func (s *surviving) give(f store.Frame) (more bool) {
	s.last = f.Record.Position
	return s.yield(f, nil)
}

// stray yields what stands where nothing of it belongs.
func (s *surviving) stray(text []byte, err error) (more bool) {
	if text == nil {
		text = []byte{}
	}
	return s.yield(store.Frame{Bytes: text}, err)
}

// ends yields what there is where the lines end with an error.
func (s *surviving) ends(ln line, err error) {
	at, ok := errors.AsType[*LineError](err)
	switch {
	case !s.settle(s.log.header.Count + 1):
	case !ok || at.Ends():
		s.yield(store.Frame{}, err)
	case at.Line > s.log.header.Count+1:
		s.stray(ln.bytes, s.damage(s.last+1, line{number: at.Line}, at.Reason))
	default:
		s.yield(store.Frame{}, s.damage(s.last+1, line{number: at.Line}, at.Reason))
	}
}

func (s *surviving) outOfPlace(place uint64, ln line, position uint64) error {
	return s.damage(place, ln, fmt.Sprintf("the record of position %d stands where that of position %d belongs", position,
		place))
}

func (s *surviving) damage(place uint64, ln line, reason string) error {
	return &store.DamagedError{Log: "export " + s.log.name, Position: place,
		Reason: fmt.Sprintf("line %d: %s", ln.number, reason)}
}
