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
