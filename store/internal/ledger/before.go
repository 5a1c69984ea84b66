package ledger

import (
	"time"
	"unique"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

// Place is where a stream's record is. The zero Place is before its first.
type Place struct{ Version, Position uint64 }

// Summary is what is known of a stream at its newest record. It is replaced, never changed.
type Summary struct {
	Place
	Head events.Head
}

// Summarize is the summary of the stream whose newest record is r. It may be kept: it keeps nothing alive that the
// record is a part of.
func Summarize(r events.Record) *Summary {
	return &Summary{Place{r.Version, r.Position}, kept(r.Head)}
}

// Of is the summary as the head of the stream; the zero Head where there is none.
func (s *Summary) Of(stream events.Stream) store.Head {
	if s == nil {
		return store.Head{}
	}
	return store.Head{Stream: stream, Version: s.Version, Position: s.Position, Head: s.Head}
}

// Claim is the stream that owns a lookup key, and where it first said so.
type Claim struct {
	Owner    events.Stream
	Position uint64
}

// Before is the log as it was before a plan, as far as judging asks. An engine that has a server to ask has asked for
// the whole batch before the first of these questions.
//
// An error refuses the request that the question is about, and leaves the others alone; it is one of package store's.
type Before[L any] interface {
	// Newest returns the place of the newest record of the request's stream, the zero Place where it has none.
	Newest(r *Request[L]) (Place, error)
	// Owner returns the stream that owns a lookup key of the request, and false where none does.
	Owner(r *Request[L], key events.Key) (owner events.Stream, owned bool, err error)
}

// kept is the head as a reader of its frame gets it, its times in UTC and without a clock reading; and to be kept: its
// words, of which there are few, are not parts of a message that they would keep alive.
func kept(h events.Head) events.Head {
	for _, word := range []*string{&h.Status, &h.Phase} {
		*word = unique.Make(*word).Value()
	}
	for _, t := range []*time.Time{&h.StatusSince, &h.OperationSince, &h.ParkedSince, &h.AnomalySince, &h.DisputeBy,
		&h.Due} {
		if !t.IsZero() {
			*t = time.Unix(0, t.UnixNano()).UTC()
		}
	}
	return h
}
