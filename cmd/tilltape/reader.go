package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/order/window"
	"github.com/tilltape/tilltape/store"
)

// reader asks a source about its orders as of the terminal's now. Its policy is the library's default and the cancel
// windows that Antom documents, for orders whose acquirer is Antom: what a service has beside that, it alone knows.
func (t *terminal) reader(s *source) (*tilltape.Reader, error) {
	return tilltape.NewReader(s.Reader, &tilltape.Config{Now: t.now, Policy: order.Policy{Windows: window.Antom()}})
}

// has returns nil if the source has the order, or commands about it that were refused.
func (s *source) has(ctx context.Context, id string) error {
	if err := events.CheckID("order id", id); err != nil {
		return ofOrder(s, id, err)
	}
	for _, category := range []string{events.CategoryOrder, events.CategoryRefusal} {
		_, err := s.Head(ctx, events.Stream{Category: category, ID: id})
		if !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	return ofOrder(s, id, order.ErrUnknownOrder)
}

// ofOrder says in the words of the command line what was wrong with an order's id.
func ofOrder(s *source, id string, err error) error {
	switch {
	case errors.Is(err, order.ErrUnknownOrder):
		return withHint(fmt.Errorf("order %q is %w in %s", id, errNotFound, s.name),
			"list the orders with: tilltape list "+s.name)
	case errors.Is(err, events.ErrInvalid), errors.Is(err, order.ErrInvalid):
		return &usageError{err: err, hint: "an order's id is 1 to 64 bytes of printable characters"}
	}
	return err
}
