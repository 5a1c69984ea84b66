package tilltape

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
)

// Get returns the order as its facts tell it. Cost: one read of its stream. The error wraps [order.ErrUnknownOrder]
// where there is none.
func (s *Orders) Get(ctx context.Context, id string) (order.Order, error) {
	if err := usable(id, nil); err != nil {
		return order.Order{}, err
	}
	var o order.Order
	for r, err := range s.log.Read(ctx, events.OrderStream(id), 0) {
		if err != nil {
			return order.Order{}, unread(id, err)
		}
		o = order.Evolve(o, r)
	}
	if o.Version == 0 {
		return order.Order{}, named(id, nil, order.ErrUnknownOrder)
	}
	return o, nil
}

// unread says which order could not be read; the error of a context that ended says so itself.
func unread(id string, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fmt.Errorf("order %q: reading it: %w", id, err)
}

// Actions says for every command whether the order would take it now, and if not why, because of which record, and what
// to do instead.
func (s *Orders) Actions(ctx context.Context, id string) ([]order.Action, error) {
	o, err := s.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	return o.Actions(s.env()), nil
}

// History yields the order's facts in order. An order that is not on record has none. The loop's body may give commands.
func (s *Orders) History(ctx context.Context, id string) iter.Seq2[events.Record, error] {
	return s.log.Read(ctx, events.OrderStream(id), 0)
}

// Refusals yields the order's refused commands in order, as [events.CommandRefused]: who wanted what, and why it was not
// done. An order's first [order.RefusalsMax] refusals for a reason stand there each by itself, then one a day with how many
// it stands for. They are recorded as well as can be, beside the answer: one that the log does not take, or that comes while
// very many wait, is left out. The loop's body may give commands.
func (s *Orders) Refusals(ctx context.Context, id string) iter.Seq2[events.Record, error] {
	return s.log.Read(ctx, events.RefusalStream(id), 0)
}
