package storetest_test

import (
	"context"
	"iter"
	"slices"
	"sync"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

// The broken logs whose fault is in their heads.

// unsorted yields heads in the order of [store.AllOrders], whatever was asked for.
type unsorted struct{ store.Log }

func (l unsorted) Heads(ctx context.Context, filter store.Filter) iter.Seq2[store.Head, error] {
	return func(yield func(store.Head, error) bool) {
		for h, err := range l.Log.Heads(ctx, store.AllOrders()) {
			if filter.Matches(h) && !yield(h, err) {
				return
			}
		}
	}
}

// stale files every order under its first head.
type stale struct {
	store.Log
	first sync.Map
}

func (l *stale) Heads(ctx context.Context, filter store.Filter) iter.Seq2[store.Head, error] {
	return func(yield func(store.Head, error) bool) {
		for h, err := range l.Log.Heads(ctx, store.AllOrders()) {
			first, _ := l.first.LoadOrStore(h.Stream, h)
			if h = first.(store.Head); filter.Matches(h) && !yield(h, err) {
				return
			}
		}
	}
}

// hiding does not tell of an anomaly beside a parked operation, as a head with one attention would.
type hiding struct{ store.Log }

func (l hiding) Heads(ctx context.Context, filter store.Filter) iter.Seq2[store.Head, error] {
	return only(l.Log.Heads(ctx, filter), func(h store.Head) bool {
		return filter.Word() != events.AttentionAnomaly.String() || h.ParkedSince.IsZero()
	})
}

// only leaves out what keep does not want.
func only(heads iter.Seq2[store.Head, error], keep func(store.Head) bool) iter.Seq2[store.Head, error] {
	return func(yield func(store.Head, error) bool) {
		for h, err := range heads {
			if (err != nil || keep(h)) && !yield(h, err) {
				return
			}
		}
	}
}

// byStatus has an index of outstanding operations that is ordered by another time.
type byStatus struct{ store.Log }

func (l byStatus) Heads(ctx context.Context, filter store.Filter) iter.Seq2[store.Head, error] {
	if filter.Index() != store.IndexOutstanding {
		return l.Log.Heads(ctx, filter)
	}
	return only(l.Log.Heads(ctx, store.AllOrders()), filter.Matches)
}

// lenient takes the zero filter for one that takes all orders.
type lenient struct{ store.Log }

func (l lenient) Heads(ctx context.Context, filter store.Filter) iter.Seq2[store.Head, error] {
	if filter == (store.Filter{}) {
		filter = store.AllOrders()
	}
	return l.Log.Heads(ctx, filter)
}

// matching is all heads that a filter takes, in its order, limits apart.
func matching(ctx context.Context, log store.Log, takes func(store.Head) bool,
	filter store.Filter) iter.Seq2[store.Head, error] {
	if filter.Check() != nil {
		return log.Heads(ctx, filter)
	}
	return func(yield func(store.Head, error) bool) {
		var all []store.Head
		for h, err := range log.Heads(ctx, store.AllOrders()) {
			if err != nil {
				yield(h, err)
				return
			}
			if takes(h) {
				all = append(all, h)
			}
		}
		slices.SortFunc(all, filter.Compare)
		for _, h := range all {
			if !yield(h, nil) {
				return
			}
		}
	}
}

// most ends a sequence at the filter's limit.
func most(filter store.Filter, heads iter.Seq2[store.Head, error]) iter.Seq2[store.Head, error] {
	n, limited := filter.Most()
	return func(yield func(store.Head, error) bool) {
		left := n
		for h, err := range heads {
			if left--; !yield(h, err) || limited && left <= 0 {
				return
			}
		}
	}
}

// unlimited yields all that match, whatever the limit.
type unlimited struct{ store.Log }

func (l unlimited) Heads(ctx context.Context, filter store.Filter) iter.Seq2[store.Head, error] {
	return matching(ctx, l.Log, filter.Matches, filter)
}

// inclusive begins a page with the head that it is to begin after.
type inclusive struct{ store.Log }

func (l inclusive) Heads(ctx context.Context, filter store.Filter) iter.Seq2[store.Head, error] {
	_, id, _ := filter.From()
	return most(filter, matching(ctx, l.Log, func(h store.Head) bool { return filter.Matches(h) || h.Stream.ID == id },
		filter))
}

// byTimeAlone begins a page after the last one's time, without those that have the same.
type byTimeAlone struct{ store.Log }

func (l byTimeAlone) Heads(ctx context.Context, filter store.Filter) iter.Seq2[store.Head, error] {
	at, _, _ := filter.From()
	return most(filter, matching(ctx, l.Log, func(h store.Head) bool {
		return filter.Matches(h) &&
			!filter.Time(h).Equal(at)
	}, filter))
}

// fleeting leaves what changes while it walks for the end, which a walk with a limit never comes to.
type fleeting struct{ store.Log }

func (l fleeting) Heads(ctx context.Context, filter store.Filter) iter.Seq2[store.Head, error] {
	if filter.Check() != nil {
		return l.Log.Heads(ctx, filter)
	}
	return most(filter, only(matching(ctx, l.Log, filter.Matches, filter), func(h store.Head) bool {
		now, err := l.Log.Head(ctx, h.Stream)
		return err == nil && now.Version == h.Version
	}))
}
