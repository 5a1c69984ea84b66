package export

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/words"
	"github.com/tilltape/tilltape/store"
)

// OrdersMax is how many orders a filter can name: the header that names them stays a line that people can look at.
const OrdersMax = 10_000

// Filter says which records an export has. The zero value takes all.
type Filter struct {
	// Orders are the ids of the orders whose records are taken, their refused commands among them. None: every order.
	Orders []string
	// From and Until bound when a record was written ([events.Record.Recorded]): at From or later, and before Until. A
	// zero time is no bound.
	From, Until time.Time
}

// Everything tells whether the filter takes every record.
func (f Filter) Everything() bool { return len(f.Orders) == 0 && !f.timed() }

func (f Filter) timed() bool { return !f.From.IsZero() || !f.Until.IsZero() }

// Matches tells whether the filter takes the record. The orders of a filter that was not checked may be in any order.
func (f Filter) Matches(r events.Record) bool { return f.selector()(&r) }

// selector is Matches for many records: a filter of ten thousand orders costs as much as one of one.
func (f Filter) selector() func(*events.Record) bool {
	orders := make(map[string]bool, len(f.Orders))
	for _, id := range f.Orders {
		orders[id] = true
	}
	return func(r *events.Record) bool {
		return (len(orders) == 0 || orders[r.Stream.ID]) && (f.From.IsZero() || !r.Recorded.Before(f.From)) &&
			(f.Until.IsZero() || r.Recorded.Before(f.Until))
	}
}

// normal is the filter in the one form that a header has it in. The error wraps [store.ErrInvalid].
func (f Filter) normal() (Filter, error) {
	if len(f.Orders) > OrdersMax {
		return f, fmt.Errorf("%w: filter: %s; name at most %d, or export everything", store.ErrInvalid,
			words.Counted(uint64(len(f.Orders)), "order"),
			OrdersMax)
	}
	for _, id := range f.Orders {
		if err := store.CheckStream(events.OrderStream(id)); err != nil {
			return f, fmt.Errorf("filter: %w", err)
		}
	}
	if !f.From.IsZero() && !f.Until.IsZero() && !f.From.Before(f.Until) {
		return f, fmt.Errorf("%w: filter: from %s is not before until %s; give a time range that has a beginning and an end",
			store.ErrInvalid, stamp(f.From), stamp(f.Until))
	}
	for what, t := range map[string]time.Time{"from": f.From, "until": f.Until} {
		if !t.IsZero() && !time.Unix(0, t.UnixNano()).Equal(t) {
			return f, fmt.Errorf("%w: filter: %s is a time that no log can hold; give one after 1677 and before 2262",
				store.ErrInvalid, what)
		}
	}
	orders := slices.Clone(f.Orders)
	slices.Sort(orders)
	return Filter{Orders: slices.Compact(orders), From: f.From.UTC(), Until: f.Until.UTC()}, nil
}

// String says in words what the filter takes.
func (f Filter) String() string {
	if f.Everything() {
		return "everything"
	}
	var parts []string
	switch n := len(f.Orders); {
	case n == 1:
		parts = append(parts, fmt.Sprintf("order %q", f.Orders[0]))
	case n > 1:
		parts = append(parts, fmt.Sprintf("%s, %q the first", words.Counted(uint64(n), "order"), f.Orders[0]))
	}
	if !f.From.IsZero() {
		parts = append(parts, "written from "+f.From.UTC().Format(time.RFC3339Nano))
	}
	if !f.Until.IsZero() {
		parts = append(parts, "written before "+f.Until.UTC().Format(time.RFC3339Nano))
	}
	return strings.Join(parts, ", ")
}
