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

// proven reads the log from its beginning, by its seal where it has one. The checkpoint is set once reading has begun.
func proven(log store.Reader, sealed *seal.Checkpoint) reading {
	prover, ok := log.(Prover)
	if !ok {
		return func(ctx context.Context) iter.Seq2[events.Record, error] { return log.All(ctx, store.Start()) }
	}
	return func(ctx context.Context) iter.Seq2[events.Record, error] {
		return func(yield func(events.Record, error) bool) {
			checkpoint, records, err := prover.Proven(ctx)
			if err != nil {
				yield(events.Record{}, err)
				return
			}
			*sealed = checkpoint
			records(yield)
		}
	}
}
