package store

import (
	"context"
	"iter"

	"github.com/tilltape/tilltape/events"
)

// Watcher is a log that tells at once when it grows. Find out with a type assertion.
type Watcher interface {
	// Watch yields every record after the cursor, and then whatever is appended, once it is durable: the log is its own
	// outbox. It does not poll. It ends only with an error: ctx's, [ErrClosed], or one that a read ends with. Loop bodies
	// as in [Reader.Read]; a slow one holds up nobody. A reader that keeps the cursor of the last record it has dealt with
	// gets every record at least once, over restarts too, and none is skipped.
	Watch(ctx context.Context, from Cursor) iter.Seq2[events.Record, error]
}

// Checkpointer is a log that seals itself: nothing in it can be altered unseen by whoever kept a checkpoint.
type Checkpointer interface {
	// Checkpoint returns what the log holds now, signed: its origin, the number of its records and the root of the Merkle
	// tree over them, as a signed note in C2SP form (package seal reads it). It tells of durable records only.
	Checkpoint(ctx context.Context) ([]byte, error)
}
