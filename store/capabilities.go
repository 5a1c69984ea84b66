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

// Framer is a log that hands out its records together with the bytes that it keeps of them: for whoever exports or
// copies a log, or holds it against a seal. Find out with a type assertion.
type Framer interface {
	// Frames is [Reader.All] with each record's bytes: every record after the cursor in the order of commits, under the
	// same terms for cursors, loop bodies, the end of ctx and errors. What it yields has passed all that All holds a
	// record against, and no more: a frame that was altered together with its checksums is found by a log's seal alone.
	//
	// Cost: All's, and a copy of the bytes in memory that is used again.
	Frames(ctx context.Context, from Cursor) iter.Seq2[Frame, error]
}

// Frame is a record with the bytes that stand for it.
type Frame struct {
	Record events.Record // as All yields it; it shares no memory with Bytes and may be kept
	// Bytes are the whole frame as it is stored, from the first byte of its length to the last of its payload: what
	// [events.DecodeFrame] reads Record from, and what the record's leaf in a sealed log's tree is the hash of. They are
	// only to be read, and only until the loop goes on; copy what is kept longer.
	Bytes []byte
}

// Checkpointer is a log that seals itself: nothing in it can be altered unseen by whoever kept a checkpoint.
type Checkpointer interface {
	// Checkpoint returns what the log holds now, signed: its origin, the number of its records and the root of the Merkle
	// tree over them, as a signed note in C2SP form (package seal reads it). It tells of durable records only.
	Checkpoint(ctx context.Context) ([]byte, error)
}
