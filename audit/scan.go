package audit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
)

// gapsMax is how many positions a scan goes past that cannot be read. A log with more is to be salvaged, not verified.
const gapsMax = 4096

// ProvenFramer is a log that proves its stored bytes by its seal while they are read, as a [Prover] does its records.
// [Verify] finds it with a type assertion; where a log is none, it is held against its seal as a whole, and read once
// more where that does not fit.
type ProvenFramer interface {
	// ProvenFrames is [Prover.Proven] with each record's stored bytes, as [store.Framer] has them.
	ProvenFrames(ctx context.Context) (seal.Checkpoint, iter.Seq2[store.Frame, error], error)
}

// mark is a checkpoint on the way: what the log's first records must come to.
type mark struct {
	seal.Checkpoint
	kind   markKind
	state  State     // not checked until that many records are read
	before int       // the index of the newest mark that held when this one was passed; -1: none
	got    seal.Hash // what they come to
}

// markKind is who vouches for a mark.
type markKind uint8

const (
	markGiven    markKind = iota // the auditor, by a checkpoint that was kept
	markSeal                     // the log's own seal
	markEdge                     // the seal of a damaged file, of the log's beginning
	markAncestry                 // the log, of what it was copied from
)

// gap is positions whose records could not be read.
type gap struct {
	position, until uint64
	err             error
}

// scan reads a log's frames as they are stored, hashes them, and goes on after those that cannot be read. It runs on
// the goroutine that reads; the others look at it when that has ended.
type scan struct {
	log    store.Framer
	held   iter.Seq2[store.Frame, error] // frames that are proven as they are read; nil: there is no such
	tree   seal.Tree
	marks  []mark // by size
	passed int    // of the marks
	good   int    // the index of the newest that holds; -1: none
	gaps   []gap
	strays []error // what stands out of its place
	tile   error   // what the log's own hashes were found to be while they proved frames; nil: sound
	last   uint64  // the newest position that was read or gone past
	gaveUp bool    // after gapsMax
	short  bool    // the source says that it ends before its end
}

// endsHere reports whether an error is that a source is cut off: what follows it is missing, and not damaged.
func endsHere(err error) bool {
	e, ok := errors.AsType[interface {
		error
		Ends() bool
	}](err)
	return ok && e.Ends()
}

// begin takes the marks on the way.
func (s *scan) begin(marks []mark) {
	s.marks, s.good = marks, -1
	slices.SortStableFunc(s.marks, func(a, b mark) int { return cmp.Compare(a.Size, b.Size) })
	s.pass()
}

// survivor is a log that goes on after damage by itself: see [DamagedLog]. An export is: it can only be read from its
// beginning.
type survivor interface {
	Surviving(ctx context.Context) iter.Seq2[store.Frame, error]
}

// records yields what can be read. Damage does not end it; whatever else a log answers does.
func (s *scan) records(ctx context.Context) iter.Seq2[events.Record, error] {
	if log, ok := s.log.(survivor); ok {
		return s.surviving(log.Surviving(ctx))
	}
	return func(yield func(events.Record, error) bool) {
		for frames := s.held; ; frames = nil {
			if frames == nil {
				frames = s.log.Frames(ctx, store.After(events.Record{Position: s.last}))
			}
			more, err := s.run(frames, yield)
			switch {
			case err != nil && endsHere(err):
				s.short = true
				return
			case err == nil && !more, len(s.gaps) > 0 && errors.Is(err, store.ErrInvalid): // after the end
				return
			case err == nil, !errors.Is(err, store.ErrDamaged) && !errors.Is(err, store.ErrNewerFormat):
				yield(events.Record{}, err)
				return
			case s.held != nil && !isAt(err, s.last+1): // not the record's own: it is read without the proof
				s.tile, s.held = err, nil
				continue
			}
			s.held = nil
			if s.gaps = append(s.gaps, gap{s.last + 1, s.last + 1, err}); len(s.gaps) == gapsMax {
				s.gaveUp = true
				return
			}
			s.last++
		}
	}
}

// isAt reports whether an error is of the record at a position.
func isAt(err error, position uint64) bool {
	damage, ok := errors.AsType[*store.DamagedError](err)
	return ok && damage.Position == position
}

// run yields the records of frames until an error. more is false where there is nothing to go on for.
func (s *scan) run(frames iter.Seq2[store.Frame, error], yield func(events.Record, error) bool) (more bool, err error) {
	for f, err := range frames {
		if err != nil {
			return true, err
		}
		if f.Record.Position != s.last+1 {
			return true, &store.DamagedError{Log: "log", Position: s.last + 1,
				Reason: fmt.Sprintf("position %d follows position %d", f.Record.Position, s.last)}
		}
		s.last++
		s.hash(f.Bytes)
		if !yield(f.Record, nil) {
			return false, nil
		}
	}
	return false, nil
}

// hash takes the next record's stored bytes into the tree, as long as none before is missing.
func (s *scan) hash(frame []byte) {
	if len(s.gaps) == 0 {
		s.tree.Fold(seal.LeafHash(frame))
		s.pass()
	}
}

// pass holds the marks of just this size against the records so far.
func (s *scan) pass() {
	for ; s.passed < len(s.marks) && s.marks[s.passed].Size == s.tree.Size(); s.passed++ {
		m := &s.marks[s.passed]
		m.got, m.state, m.before = s.tree.Root(), StateProven, s.good
		if m.got != m.Root {
			m.state = StateWrong
			continue
		}
		s.good = s.passed
	}
}
