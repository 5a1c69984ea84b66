package store

import (
	"context"
	"iter"

	"github.com/tilltape/tilltape/events"
)

// Watcher is a log that tells at once when it grows. Find out with a type assertion.
type Watcher interface {
	// Watch yields every record after the cursor, and then whatever is appended, once it is durable: the log is its own
	// outbox. It does not poll. It ends only with an error: ctx's, [ErrClosed], or one that a read ends with. Loop bodies as
	// in [Log.Read]; a slow one holds up nobody. A reader that keeps the cursor of the last record it has dealt with gets
	// every record at least once, over restarts too, and none is skipped.
	Watch(ctx context.Context, from Cursor) iter.Seq2[events.Record, error]
}

// Checkpointer is a log that seals itself: nothing in it can be altered unseen by whoever kept a checkpoint.
type Checkpointer interface {
	// Checkpoint returns what the log holds now, signed: its origin, the number of its records and the root of the Merkle tree
	// over them, as a signed note in C2SP form (package seal reads it). It tells of durable records only.
	Checkpoint(ctx context.Context) ([]byte, error)
}

// Snapshotter is a log that can be backed up while it is used.
type Snapshotter interface {
	// Backup writes a copy of the log, as it is at the beginning of the call, to a new file at the path. The file appears
	// there only once it is complete, verified and durable, and can be opened at once. Appends go on meanwhile. progress,
	// where it is not nil, is told now and then how many of how many records are copied.
	Backup(ctx context.Context, path string, progress func(done, total uint64)) error
}
