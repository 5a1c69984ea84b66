package tilltape

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/engine"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
)

// listPage is how many heads a list asks of an index at a time. Their ids and times are all that it keeps in memory.
const listPage = 1024

// Anomalies yields the orders in which a contradiction stands open: a payment that arrived after the cancel, a capture
// that failed after it had succeeded, amounts that do not agree. [order.Order.Anomalies] names them, oldest first, and
// [order.Order.Late] has the money that [Orders.Compensate] can give back; [Orders.ClearAnomaly] closes one. The orders
// come oldest first: in the order of the time of their oldest open anomaly, orders of equal time by id.
//
// They are found by one walk of the log's index of open anomalies, 1024 at a time, whose ids and times are all that is
// kept in memory; and an order that is yielded is read, so that it comes as it then stands.
//
// The loop's body may give commands. An order whose anomalies were all closed before its turn is left out; one that
// gets its first while the list runs comes or does not, and not twice. An order of several comes again where the oldest
// is closed while the list runs, and its next one has its turn more than a page later. An error ends the sequence: the
// log's, or the context's.
func (r *Reader) Anomalies(ctx context.Context) iter.Seq2[order.Order, error] {
	return r.listed(store.Attention(events.AttentionAnomaly)).seq(ctx)
}

// Outstanding yields the orders with an operation whose outcome is not known: APO was asked, or is about to be, and has
// not said that it was done or refused. They come oldest first: in the order of the time since when it is so
// ([order.Operation.Since]), whatever has been tried meanwhile, orders of equal time by id; refunds that APO works on
// are among them. What is parked waits for a person, and nothing ends it but APO's word or [Orders.Resolve]; the others
// settling still sees to. [order.Order.Operations] says what was asked, how often, what APO answered and when it is
// asked next.
//
// They are found by one walk of the log's index of outstanding operations. Memory, loop bodies, changes meanwhile and
// errors are as in [Reader.Anomalies].
func (r *Reader) Outstanding(ctx context.Context) iter.Seq2[order.Order, error] {
	return r.listed(store.Outstanding()).seq(ctx)
}

// Disputes yields the orders with a dispute that waits for its defence: the buyer disputes the payment, and no
// documents are with APO that defend it. They come in the order of the time until when the first such dispute of an
// order can be defended, so that what is due first comes first, and what is overdue before it; where APO has not told
// that time, it is when the dispute became known. Orders of equal time come by id. [order.Order.Disputes] has all
// disputes of an order. One that is defended, or cannot be, or ended, needs nobody.
//
// They are found by one walk of the log's index of such disputes. Memory, loop bodies and errors are as in
// [Reader.Anomalies]. An order whose defence is put off while the list runs may come again.
func (r *Reader) Disputes(ctx context.Context) iter.Seq2[order.Order, error] {
	l := r.listed(store.Attention(events.AttentionDispute))
	l.ahead = true
	return l.seq(ctx)
}

func (r *Reader) listed(filter store.Filter) *list {
	return &list{r: r, filter: filter}
}

// list is the orders that an index names, in its order, each as it stands when its turn comes.
type list struct {
	r      *Reader
	filter store.Filter
	ahead  bool // its times are until when, and not since when: they tell nothing of when an order came to be listed

	began time.Time  // when the list did
	begun bool       // a page has been read
	last  store.Head // of the newest page
}

func (l *list) seq(ctx context.Context) iter.Seq2[order.Order, error] {
	return func(yield func(order.Order, error) bool) {
		one := *l // a sequence may be run again
		one.began = one.r.now()
		for more, wanted := true, true; more && wanted; {
			page, err := one.page(ctx)
			if err != nil {
				yield(order.Order{}, err)
				return
			}
			more, wanted = one.yield(ctx, page, yield)
			more = more || len(page) == listPage
		}
	}
}

// page returns the next heads, in order.
func (l *list) page(ctx context.Context) (page []store.Head, err error) {
	rest := l.filter
	if l.begun {
		rest = rest.After(l.last)
	}
	for h, err := range l.r.log.Heads(ctx, rest.Limit(listPage)) {
		if err != nil {
			return nil, listError(err)
		}
		h.Stream.ID = strings.Clone(h.Stream.ID) // and not the record that it is a part of
		h.Status, h.Phase = "", ""
		page = append(page, h)
	}
	slices.SortFunc(page, l.filter.Compare) // what moved while it was read may have come out of order
	return page, nil
}

// young tells whether an order's place is of a time since the list began. It may have come already, with what was
// before. A time that is still to come was written by a clock that was ahead.
func (l *list) young(h *store.Head) bool {
	since := l.filter.Time(*h)
	return !l.ahead && since.After(l.began) && !since.After(l.r.now())
}

// yield yields a page's orders as they stand now. It reports whether one has moved to after the page, and whether the
// caller wants more.
func (l *list) yield(ctx context.Context, page []store.Head, yield func(order.Order, error) bool) (moved, wanted bool) {
	came, first := make(map[string]bool, len(page)), !l.begun
	if l.begun = true; len(page) > 0 {
		l.last = page[len(page)-1]
	}
	for len(page) > 0 {
		h := page[0]
		page = page[1:]
		if came[h.Stream.ID] || !first && l.young(&h) {
			continue
		}
		o, err := l.r.Get(ctx, h.Stream.ID)
		if err != nil {
			yield(order.Order{}, err)
			return false, false
		}
		now := store.Head{Stream: h.Stream, Head: o.Head()}
		later := l.filter.Compare(now, h) > 0
		switch {
		case !l.filter.Matches(now), later && l.young(&now):
			continue
		case l.filter.Compare(now, l.last) > 0:
			moved = true
			continue
		case later: // its turn comes in this page
			i, _ := slices.BinarySearchFunc(page, now, l.filter.Compare)
			page = slices.Insert(page, i, now)
			continue
		}
		came[h.Stream.ID] = true
		if !yield(o, nil) {
			return false, false
		}
	}
	return moved, true
}

// listError says what could not be done.
func listError(err error) error {
	return fmt.Errorf("%w; what was listed so far stands", engine.Say(err, "listing orders"))
}
