package ledger

import (
	"context"
	"iter"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

// Watched is a log that can be followed.
type Watched interface {
	All(ctx context.Context, from store.Cursor) iter.Seq2[events.Record, error]
	// Grown returns a channel that is closed once readers may see a record after the position, or the log has failed.
	Grown(position uint64) <-chan struct{}
	// Ended is closed when closing begins; All fails from then on.
	Ended() <-chan struct{}
}

// Watch is [store.Watcher]'s Watch: All, and again from where it ended as soon as there is more. It does not poll.
func Watch(ctx context.Context, log Watched, from store.Cursor) iter.Seq2[events.Record, error] {
	return func(yield func(events.Record, error) bool) {
		for {
			for r, err := range log.All(ctx, from) {
				if !yield(r, err) || err != nil {
					return
				}
				from = store.After(r)
			}
			select {
			case <-log.Grown(from.Position()):
			case <-log.Ended():
			case <-ctx.Done():
			}
		}
	}
}
