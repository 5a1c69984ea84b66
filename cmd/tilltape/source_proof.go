package main

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
)

// isProof tells a proof of an order by how it begins.
func isProof(name string, head []byte) bool { return !isURL(name) && audit.IsProof(head) }

// openProof opens a proof to be read as the log of its one order. Its parts have to fit each other; whether it is
// signed is for whoever names a key, so that is told each time.
func openProof(_ context.Context, name string) (*source, error) {
	b, err := readNote(name, "proof", audit.MaxOrderProof)
	if err != nil {
		return nil, err
	}
	proof, err := audit.ParseProof(b)
	if err != nil {
		return nil, proofError(err)
	}
	proven, err := proof.Claims()
	if err != nil {
		return nil, proofError(err)
	}
	verify := "tilltape verify " + name + " --public-key KEY"
	return &source{Reader: proofLog{proven}, name: name, close: func() error { return nil },
		proof: &proofFile{proof, len(b)},
		note: "this is the proof of one order, without its refused commands; who signed it is not checked here, but by:\n" +
			"      " + verify,
		part: &usageError{err: fmt.Errorf("%s is the proof of one order, and this takes a whole log", name),
			hint: "name the log that it is of; the proof itself is verified with: " + verify}}, nil
}

// proofError says what to do with a proof that cannot be read: whoever altered one byte of it may have made it look
// cut, or written by a newer version.
func proofError(err error) error {
	switch {
	case errors.Is(err, events.ErrUpgrade):
		return withHint(err, "upgrade first; if the newest version says the same, the proof was altered: ask for a new one")
	case errors.Is(err, seal.ErrMalformed), errors.Is(err, events.ErrDamaged):
		return withHint(err, "get the file again; if it is as it was sent, the proof was altered: ask for a new one")
	}
	return err
}

// proofFile is a proof as it was read.
type proofFile struct {
	*audit.Proof
	size int
}

// proofLog is the order of a proof, as a log that has no other.
type proofLog struct{ *audit.Proven }

func (l proofLog) stream() events.Stream { return l.Records[0].Stream }

// Read implements [store.Reader].
func (l proofLog) Read(ctx context.Context, stream events.Stream, after uint64) iter.Seq2[events.Record, error] {
	return l.those(ctx, func(r *events.Record) bool { return r.Stream == stream && r.Version > after })
}

// All implements [store.Reader].
func (l proofLog) All(ctx context.Context, from store.Cursor) iter.Seq2[events.Record, error] {
	if from.Position() > l.Log.Size {
		return func(yield func(events.Record, error) bool) {
			yield(events.Record{}, store.BeyondEnd("the proof's log", from.Position(), l.Log.Size))
		}
	}
	return l.those(ctx, func(r *events.Record) bool { return r.Position > from.Position() })
}

func (l proofLog) those(ctx context.Context, wanted func(*events.Record) bool) iter.Seq2[events.Record, error] {
	return func(yield func(events.Record, error) bool) {
		for i := range l.Records {
			if err := store.CheckContext(ctx, "read the proof"); err != nil {
				yield(events.Record{}, err)
				return
			}
			if wanted(&l.Records[i]) && !yield(l.Records[i], nil) {
				return
			}
		}
	}
}

// Lookup implements [store.Reader].
func (l proofLog) Lookup(_ context.Context, key events.Key) (events.Stream, error) {
	for i := range l.Records {
		for _, own := range l.Records[i].Keys {
			if own == key {
				return l.stream(), nil
			}
		}
	}
	return events.Stream{}, &store.NotFoundError{Key: key}
}

// Head implements [store.Reader].
func (l proofLog) Head(_ context.Context, stream events.Stream) (store.Head, error) {
	if stream != l.stream() {
		return store.Head{}, &store.NotFoundError{Stream: stream}
	}
	last := &l.Records[len(l.Records)-1]
	return store.Head{Stream: stream, Version: last.Version, Position: last.Position, Head: last.Head}, nil
}

// Heads implements [store.Reader].
func (l proofLog) Heads(ctx context.Context, filter store.Filter) iter.Seq2[store.Head, error] {
	return func(yield func(store.Head, error) bool) {
		h, err := l.Head(ctx, l.stream())
		if err == nil {
			err = filter.Check()
		}
		if err != nil || filter.Matches(h) {
			yield(h, err)
		}
	}
}
