package tilltape

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
)

// listPage is how many orders a list finds in one walk over the index. Their ids and times are all that it keeps in memory.
const listPage = 4096

// Anomalies yields the orders in which a contradiction stands open: a payment that arrived after the cancel, a capture that
// failed after it had succeeded, amounts that do not agree. [order.Order.Anomalies] names them, oldest first, and
// [order.Order.Late] has the money that [Orders.Compensate] can give back; [Orders.ClearAnomaly] closes one. The orders come
// oldest first: in the order of the time of their oldest open anomaly, orders of equal time by id.
//
// They are found by the log's index of what needs attention. The index is walked once for each 4096 orders that are
// yielded, each walk reads the stream of every order that needs attention, whatever for, and an order that is yielded is
// read once more, so that it comes as it then stands. Memory holds the ids and times of 4096 orders at the most, however many there are.
//
// The loop's body may give commands. An order whose anomalies were all closed before its turn is left out; one that gets
// its first while the list runs comes or does not, and not twice. An order of several comes again where the oldest is closed
// while the list runs, and more than 4096 stand open. An error ends the sequence: the log's, or the context's.
func (r *Reader) Anomalies(ctx context.Context) iter.Seq2[order.Order, error] {
	l := list{r: r, filter: store.Filter{Attention: store.AnyAttention},
		candidate: func(*store.Head) bool { return true }, // a parked operation hides an anomaly beside it from the head
		since: func(o *order.Order) (at time.Time, open bool) {
			for i := range o.Anomalies {
				if a := &o.Anomalies[i]; i == 0 || a.At.Before(at) { // they stand in the order of the log, and a clock can go back
					at = a.At
				}
			}
			return at, len(o.Anomalies) > 0
		}}
	return l.seq(ctx)
}

// Outstanding yields the orders with an operation whose outcome is not known: APO was asked, or is about to be, and has not
// said that it was done or refused. They come oldest first: in the order of the time since when it is so
// ([order.Operation.Since]), whatever has been tried meanwhile, orders of equal time by id. What is parked waits for a
// person, and nothing ends it but APO's word or [Orders.Resolve]; the others settling still sees to. [order.Order.Operation]
// says what was asked, how often, what APO answered and when it is asked next.
//
// They are found by the log's index of due orders: as long as an outcome is not known something is due. The index is walked
// once for each 4096 orders that are yielded, and each walk passes every order that anything is due for, also where that is
// only the next look at money that is at rest, and reads the stream of every one with an operation under way. Memory, loop
// bodies, changes meanwhile and errors are as in [Reader.Anomalies].
func (r *Reader) Outstanding(ctx context.Context) iter.Seq2[order.Order, error] {
	l := list{r: r, filter: store.Filter{DueBy: endOfTime()},
		candidate: func(h *store.Head) bool { return h.Phase != order.Idle.String() },
		since: func(o *order.Order) (time.Time, bool) {
			return o.Operation.Since, o.Operation.Outstanding()
		}}
	return l.seq(ctx)
}

// endOfTime is later than whatever is due.
func endOfTime() time.Time { return time.Unix(0, math.MaxInt64).UTC() }

// list is the orders of some heads, in an order that no index has.
type list struct {
	r         *Reader
	filter    store.Filter
	candidate func(*store.Head) bool                          // it may belong
	since     func(*order.Order) (at time.Time, belongs bool) // the order itself, which may be newer than its head
}

// place is where an order stands in a list.
type place struct {
	since time.Time
	id    string
}

func (p place) compare(other place) int {
	if c := p.since.Compare(other.since); c != 0 {
		return c
	}
	return strings.Compare(p.id, other.id)
}

func (l *list) place(o *order.Order) (place, bool) {
	since, belongs := l.since(o)
	return place{since, o.ID}, belongs
}

func (l *list) seq(ctx context.Context) iter.Seq2[order.Order, error] {
	return func(yield func(order.Order, error) bool) {
		began, beyond, more := l.r.now(), place{}, true
		for more {
			var page []place
			var err error
			if page, more, err = l.page(ctx, beyond, began); err != nil {
				yield(order.Order{}, err)
				return
			}
			if len(page) == 0 {
				return
			}
			beyond = page[len(page)-1]
			moved, wanted := l.yield(ctx, page, yield)
			if !wanted {
				return
			}
			more = more || moved
		}
	}
}

// page finds the oldest orders beyond a place, in order, and whether there are more than it holds.
func (l *list) page(ctx context.Context, beyond place, began time.Time) (page []place, more bool, err error) {
	first := beyond == place{}
	for h, err := range l.r.log.Heads(ctx, l.filter) {
		if err != nil {
			return nil, false, listError(err)
		}
		if !l.candidate(&h) {
			continue
		}
		o, err := l.r.Get(ctx, h.Stream.ID)
		if err != nil {
			return nil, false, err
		}
		p, belongs := l.place(&o)
		if !belongs || p.compare(beyond) <= 0 {
			continue
		}
		if !first && p.since.After(began) && !p.since.After(l.r.now()) {
			continue // it began while the list runs: its order may have come already, with what was before
		}
		i, known := slices.BinarySearchFunc(page, p, place.compare)
		if known { // an index may tell an order that moves in it twice
			continue
		}
		if len(page) == listPage {
			more = true
			if i == listPage {
				continue
			}
			page = page[:listPage-1]
		}
		p.id = strings.Clone(p.id) // and not the record that it is a part of
		page = slices.Insert(page, i, p)
	}
	return page, more, nil
}

// yield yields a page's orders as they stand now. It reports whether one has moved beyond the page, and whether the caller
// wants more.
func (l *list) yield(ctx context.Context, page []place, yield func(order.Order, error) bool) (moved, wanted bool) {
	last, came := page[len(page)-1], make(map[string]bool, len(page))
	for len(page) > 0 {
		p := page[0]
		page = page[1:]
		o, err := l.r.Get(ctx, p.id)
		if err != nil {
			yield(order.Order{}, err)
			return false, false
		}
		now, belongs := l.place(&o)
		switch {
		case !belongs || came[p.id]:
			continue
		case now.compare(last) > 0:
			moved = true
			continue
		case now.compare(p) > 0: // its turn comes later
			if i, known := slices.BinarySearchFunc(page, now, place.compare); !known {
				page = slices.Insert(page, i, place{now.since, p.id})
			}
			continue
		}
		came[p.id] = true
		if !yield(o, nil) {
			return false, false
		}
	}
	return moved, true
}

// listError says what could not be done; the error of a context that ended says so itself.
func listError(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fmt.Errorf("listing orders: %w; what was listed so far stands", err)
}
