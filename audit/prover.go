package audit

import (
	"context"
	"iter"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
)

// Prover is a log that proves its records by its seal while they are read. [Replay] finds it with a type assertion;
// store/bolt is one, and so is store/memory.
type Prover interface {
	// Proven returns what the seal says that the log holds, and a sequence of these records, oldest first. A record that
	// does not fit the seal is not yielded: it ends the sequence with an error that wraps [store.ErrDamaged]. A sequence
	// that ends without one has proven the checkpoint's root. What the records are held against is never made from the
	// records that are read. A log without a seal returns the zero checkpoint, and its records unproven.
	Proven(ctx context.Context) (seal.Checkpoint, iter.Seq2[events.Record, error], error)
}

// Pager is a Prover that leaves the decoding to whoever reads. [Replay] finds it with a type assertion and shares the
// decoding out: the log is read on one goroutine, and judged on another.
type Pager interface {
	// ProvenPages is [Prover]'s Proven in pages. Before each it calls into, once, for the page to fill, and begins it; the
	// page is filled with proven frames and yielded, and is then the caller's. An error comes with the page that has what
	// is before the bad place, and ends the sequence. It ends without one after the last record; the page that it asked
	// for then is empty.
	ProvenPages(ctx context.Context, into func() *store.Page) (seal.Checkpoint, iter.Seq2[*store.Page, error], error)
}

// reading gives a log's records, oldest first, to a hand, until their end or until it does not want more.
type reading func(context.Context, *hand)

// hand is what carries records away.
type hand struct {
	b    *batch      // to be filled, and told of the error that ends the records
	over func() bool // takes a full batch and sets another; false: nothing more is wanted
}

// proven reads the log from its beginning, by its seal where it has one. The checkpoint is set once reading has begun.
func proven(log store.Reader, sealed *seal.Checkpoint) reading {
	switch log := log.(type) {
	case Pager:
		return func(ctx context.Context, h *hand) {
			checkpoint, pages, err := log.ProvenPages(ctx, func() *store.Page { return h.b.page })
			if err != nil {
				h.b.err = err
				return
			}
			*sealed = checkpoint
			for _, h.b.err = range pages {
				if h.b.err != nil || !h.over() {
					return
				}
			}
		}
	case Prover:
		return func(ctx context.Context, h *hand) {
			checkpoint, records, err := log.Proven(ctx)
			if err != nil {
				h.b.err = err
				return
			}
			*sealed = checkpoint
			h.take(records)
		}
	}
	return func(ctx context.Context, h *hand) { h.take(log.All(ctx, store.Start())) }
}

// take gives records to the hand.
func (h *hand) take(records iter.Seq2[events.Record, error]) {
	for r, err := range records {
		if err != nil {
			h.b.err = err
			return
		}
		if !h.b.add(&r) && !h.over() {
			return
		}
	}
}
