package outbox

import (
	"context"

	"github.com/tilltape/tilltape/store"
)

// turn is a mutex that is waited for no longer than a context lasts: what is done while it is held can take as long as
// a disk, a server or a receiver does.
type turn chan struct{}

func newTurn() turn { return make(turn, 1) }

// take waits for its turn. It is given at once where nobody has it, however ctx stands: what was reached can so be kept
// when ctx ends.
func (t turn) take(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	default:
	}
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return store.CheckContext(ctx, "wait for its turn with the consumer")
	}
}

func (t turn) give() { <-t }
