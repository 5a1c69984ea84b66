package export

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
)

// All implements [store.Reader]. A filtered export yields the records that it has, each once it was found to be in the
// log; there are gaps between their positions.
func (l *Log) All(ctx context.Context, from store.Cursor) iter.Seq2[events.Record, error] {
	return func(yield func(events.Record, error) bool) {
		for s, err := range l.after(ctx, from) {
			if !yield(s.Record, err) || err != nil {
				return
			}
		}
	}
}

// Frames implements [store.Framer]: All, with the stored bytes of each record.
func (l *Log) Frames(ctx context.Context, from store.Cursor) iter.Seq2[store.Frame, error] {
	return func(yield func(store.Frame, error) bool) {
		for s, err := range l.after(ctx, from) {
			if !yield(s.Frame, err) || err != nil {
				return
			}
		}
	}
}

// after yields what the export has after the cursor. The lines before are passed over without a look at them.
func (l *Log) after(ctx context.Context, from store.Cursor) iter.Seq2[stored, error] {
	return func(yield func(stored, error) bool) {
		if end := l.header.Checkpoint.Size; from.Position() > end {
			yield(stored{}, store.BeyondEnd("export "+l.name, from.Position(), end))
			return
		}
		everything, takes := l.header.Filter.Everything(), l.header.Filter.selector()
		var last uint64
		for ln, err := range l.lines(ctx) {
			if err == nil && everything && ln.number-1 <= from.Position() {
				last = ln.number - 1
				continue
			}
			var s stored
			if err == nil {
				s, err = l.parse(ln, last, takes)
				last = s.Record.Position
			}
			if err == nil && last <= from.Position() {
				continue
			}
			if !yield(s, err) || err != nil {
				return
			}
		}
	}
}

// parse reads a line. last is the position of the record before.
func (l *Log) parse(ln line, last uint64, takes func(*events.Record) bool) (stored, error) {
	h := l.header
	s, err := h.parseRecord(ln.bytes)
	position := s.Record.Position
	if err != nil {
		position = claimed(ln.bytes)
	}
	wrong := func(reason string, err error) (stored, error) {
		return stored{}, l.lineError(ln.number, position, reason, err)
	}
	switch {
	case errors.Is(err, store.ErrNewerFormat) && !h.Filter.Everything() && !h.holds(&s, position):
		return wrong("its proof does not lead to the root in the header", nil) // so nobody wrote it
	case err != nil:
		return wrong("it is not what an export writes: "+err.Error(), err)
	case h.Filter.Everything():
		if want := ln.number - 1; position != want {
			return wrong(fmt.Sprintf("the record of position %d belongs here", want), nil)
		}
		return s, nil
	case position <= last || position > h.Checkpoint.Size:
		return wrong(fmt.Sprintf("a record after position %d and up to %d belongs here", last, h.Checkpoint.Size), nil)
	case !takes(&s.Record):
		return wrong("the header's filter does not take this record", nil)
	}
	if !h.holds(&s, position) {
		return wrong("its proof does not lead to the root in the header", nil)
	}
	return s, nil
}

// holds tells whether the proof in a line leads from its stored bytes to the header's root.
func (h *Header) holds(s *stored, position uint64) bool {
	return seal.VerifyInclusion(s.proof, h.Checkpoint.Size, h.Checkpoint.Root, position-1, seal.LeafHash(s.Bytes)) == nil
}

// Proven returns what the header says that the log held, and a sequence of just these records, oldest first, which
// begins only once the stored bytes of all of them were found to come to the header's root: so nothing is yielded that
// the root does not cover. The root is as good as what the header has it from: hold it against a checkpoint that you
// have from elsewhere. A filtered export is refused with [ErrFiltered].
func (l *Log) Proven(ctx context.Context) (seal.Checkpoint, iter.Seq2[events.Record, error], error) {
	if err := l.usable(ctx, "read the seal"); err != nil {
		return seal.Checkpoint{}, nil, err
	}
	if !l.header.Filter.Everything() {
		return seal.Checkpoint{}, nil, filteredError(l.name, "proves each of them, never that there are no others", l.header)
	}
	return l.header.Checkpoint, func(yield func(events.Record, error) bool) {
		for s, err := range l.proven(ctx) {
			if !yield(s.Record, err) || err != nil {
				return
			}
		}
	}, nil
}

// proven yields all records, with their stored bytes, of an export of everything.
func (l *Log) proven(ctx context.Context) iter.Seq2[stored, error] {
	return func(yield func(stored, error) bool) {
		if err := l.comes(ctx); err != nil {
			yield(stored{}, err)
			return
		}
		var tree seal.Tree
		for s, err := range l.after(ctx, store.Start()) {
			if err == nil {
				tree.Fold(seal.LeafHash(s.Bytes))
			}
			if !yield(s, err) || err != nil {
				return
			}
		}
		if tree.Root() != l.header.Checkpoint.Root {
			yield(stored{}, l.rootError(tree.Root()))
		}
	}
}

// comes tells whether the stored bytes come to the header's root. Where they do not, the first line that is wrong by
// itself is named, if there is one.
func (l *Log) comes(ctx context.Context) error {
	var tree seal.Tree
	var frame []byte
	var first error
	for ln, err := range l.lines(ctx) {
		ok := false
		if err == nil {
			frame, ok = frameOf(frame[:0], ln.bytes)
		}
		if !ok {
			first = err
			break
		}
		tree.Fold(seal.LeafHash(frame))
	}
	if first == nil && tree.Root() == l.header.Checkpoint.Root {
		return nil
	}
	for _, err := range l.after(ctx, store.Start()) {
		if at, ok := errors.AsType[*LineError](err); ok && errors.Is(err, store.ErrNewerFormat) {
			return l.lineError(at.Line, at.Position, at.Reason, nil) // it is not in the root: nobody wrote it
		}
		if err != nil {
			return err
		}
	}
	return l.rootError(tree.Root())
}

func (l *Log) rootError(is seal.Hash) error {
	return &store.DamagedError{Log: "export " + l.name, Reason: fmt.Sprintf("its records come to the root %s, and its "+
		"header says %s", is, l.header.Checkpoint.Root)}
}

// Ancestry is what the log held under each of its earlier origins, oldest first, by the header.
func (l *Log) Ancestry(ctx context.Context) ([]seal.Checkpoint, error) {
	return l.header.Ancestry, l.usable(ctx, "read the ancestry")
}

// Checkpoint implements [store.Checkpointer] with what the log signed when it was exported; without that it is
// [store.ErrInvalid].
func (l *Log) Checkpoint(ctx context.Context) ([]byte, error) {
	if err := l.usable(ctx, "read the checkpoint"); err != nil {
		return nil, err
	}
	if l.header.Signed == nil {
		return nil, fmt.Errorf("%w: export %s has no signed checkpoint; export the log with its signer's key",
			store.ErrInvalid, l.name)
	}
	return l.header.Signed, nil
}

// Verify reads the export whole and holds every line against what is written, and the records against the header's
// root: all together, or in a filtered export each by its proof. progress may be nil.
func (l *Log) Verify(ctx context.Context, progress func(done, total uint64)) error {
	records := l.after(ctx, store.Start())
	if l.header.Filter.Everything() {
		records = l.proven(ctx)
	}
	var done uint64
	for _, err := range records {
		if err != nil {
			return err
		}
		if done++; progress != nil && done%progressEvery == 0 {
			progress(done, l.header.Count)
		}
	}
	return nil
}
