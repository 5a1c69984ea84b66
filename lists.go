package tilltape

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"time"

	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
)

// Anomalies yields the orders in which a contradiction stands open: a payment that arrived after the cancel, a capture that
// failed after it had succeeded, amounts that do not agree. [order.Order.Anomalies] names them, oldest first, and
// [order.Order.Late] has the money that [Orders.Compensate] can give back; [Orders.ClearAnomaly] closes one. The orders come
// in the order of the time since when they need somebody, the longest first.
//
// They are found by the log's index of what needs attention and read one at a time, so memory does not grow with their
// number. Cost: one read of an order's stream for each one that needs attention. The loop's body may give commands. An order
// that changes meanwhile may come twice; one whose anomaly stays open is never left out. An error ends the sequence: the
// log's, or the context's.
func (s *Orders) Anomalies(ctx context.Context) iter.Seq2[order.Order, error] {
	return func(yield func(order.Order, error) bool) {
		s.each(ctx, store.Filter{Attention: store.AnyAttention}, yield,
			func(store.Head) bool { return true }, // a parked operation hides an anomaly beside it from the head
			func(o *order.Order) bool { return len(o.Anomalies) > 0 })
	}
}

// Outstanding yields the orders with an operation whose outcome is not known: APO was asked, or is about to be, and has not
// said that it was done or refused. First come those that were given to a person, parked the longest ago first: they are
// the oldest, and nothing ends them but APO's word or [Orders.Resolve]. Then come those that settling still sees to, in the
// order in which APO is asked next. [order.Order.Operation] says what was asked, since when, how often and what APO answered.
//
// Both are found by the log's indexes and read one at a time, so memory does not grow with their number. Cost: one read of an
// order's stream for each one yielded, and one entry of the index of due orders for each order that anything is due for, also
// where that is only the next look at money that is at rest. Loop bodies, changes meanwhile and errors are as in
// [Orders.Anomalies].
func (s *Orders) Outstanding(ctx context.Context) iter.Seq2[order.Order, error] {
	return func(yield func(order.Order, error) bool) {
		began := s.now()
		parked := order.Parked.String()
		outstanding := func(o *order.Order) bool { return o.Operation.Outstanding() }
		more := s.each(ctx, store.Filter{Attention: order.AttentionParked}, yield, func(store.Head) bool { return true }, outstanding)
		if !more {
			return
		}
		// What is parked while the list runs is found here: it is due for its weekly inquiry.
		s.each(ctx, store.Filter{DueBy: endOfTime()}, yield, func(h store.Head) bool {
			return h.Phase != order.Idle.String() && (h.Phase != parked || h.AttentionSince.After(began))
		}, outstanding)
	}
}

// endOfTime is later than whatever is due.
func endOfTime() time.Time { return time.Unix(0, math.MaxInt64).UTC() }

// each yields the orders behind the heads that match the filter, as far as the head and then the order itself, which may
// be newer, are wanted. It reports whether the caller wants more.
func (s *Orders) each(ctx context.Context, filter store.Filter, yield func(order.Order, error) bool,
	head func(store.Head) bool, wanted func(*order.Order) bool) (more bool) {
	for h, err := range s.log.Heads(ctx, filter) {
		if err != nil {
			yield(order.Order{}, unlisted(err))
			return false
		}
		if !head(h) {
			continue
		}
		o, err := s.Get(ctx, h.Stream.ID)
		if err != nil {
			yield(order.Order{}, err)
			return false
		}
		if wanted(&o) && !yield(o, nil) {
			return false
		}
	}
	return true
}

// unlisted says what could not be done; the error of a context that ended says so itself.
func unlisted(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fmt.Errorf("listing orders: %w; what was listed so far stands", err)
}
