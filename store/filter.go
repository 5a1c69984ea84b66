package store

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/tilltape/tilltape/events"
)

// Filter says which orders' heads are asked for and in what order they come: by the time that the filter is about,
// heads of equal time by the order's id. Make one with [AllOrders], [InStatus], [DueBy], [Outstanding] or [Attention];
// the zero Filter asks for nothing, and a log refuses it with [ErrInvalid]. A Filter is a value, which its methods
// never change.
//
// A list that is read in pages asks for so many at a time, and goes on after the last one it got:
//
//	page := store.InStatus("paid").Limit(100)
//	next := page.After(last)
type Filter struct {
	index   Index
	word    string
	reason  events.Attention
	until   time.Time
	from    place
	goesOn  bool // from says after what
	limit   int  // 0: none
	problem string
}

// place is where a head stands in a filter's order.
type place struct {
	at time.Time
	id string
}

// Index is a way in which a log files orders: each order that is in it by one time of its head.
type Index uint8

// The indexes. Those with a word keep apart what has another one.
const (
	_                Index = iota
	IndexStatus            // every order, by StatusSince; the word is its status
	IndexDue               // orders with a due time, by it
	IndexOutstanding       // orders with an operation outstanding, by OperationSince
	IndexAttention         // orders that need a person, once a reason, by since when they do; the word is the reason
)

// AllOrders asks for every order, by the time since when it has its status.
func AllOrders() Filter { return Filter{index: IndexStatus} }

// InStatus asks for the orders in that status, by the time since when they are.
func InStatus(status string) Filter {
	f := Filter{index: IndexStatus, word: status}
	if status == "" {
		f.problem = "a status that is empty; name one, or use AllOrders"
	}
	return f
}

// DueBy asks for the orders that something is due for at that time or before, by due time.
func DueBy(at time.Time) Filter {
	f := Filter{index: IndexDue, until: at.UTC()}
	if at.IsZero() {
		f.problem = "no time to be due by; give one, however late"
	}
	return f
}

// Outstanding asks for the orders with an operation whose outcome is not known, by the time since when it is so.
func Outstanding() Filter { return Filter{index: IndexOutstanding} }

// Attention asks for the orders that need a person for that reason, by the time since when they do; of
// [events.AttentionDispute], by the time until when ([events.Head.Since]).
func Attention(reason events.Attention) Filter {
	f := Filter{index: IndexAttention, reason: reason, word: reason.String()}
	if f.word == "" {
		f.problem = fmt.Sprintf("attention %d, which is none; use one of package events", reason)
	}
	return f
}

// Limit asks for the first n of them at most; n is at least 1.
func (f Filter) Limit(n int) Filter {
	if f.limit = n; n < 1 && f.problem == "" {
		f.problem = fmt.Sprintf("a limit of %d; give at least 1, or none", n)
	}
	return f
}

// After asks for those that come after h, which was got by the same filter.
func (f Filter) After(h Head) Filter {
	f.from, f.goesOn = place{f.Time(h).UTC(), h.Stream.ID}, true
	return f
}

// Check tells whether the filter is one that a log can answer. An error wraps [ErrInvalid].
func (f Filter) Check() error {
	switch {
	case f.index == 0:
		return fmt.Errorf("%w: filter: it asks for nothing; make one with store.AllOrders, InStatus, DueBy, Outstanding or "+
			"Attention", ErrInvalid)
	case f.problem != "":
		return fmt.Errorf("%w: filter with %s", ErrInvalid, f.problem)
	}
	return nil
}

// Matches tells whether the filter takes the order with that head, limits apart.
func (f Filter) Matches(h Head) bool { return f.Takes(h.Stream.ID, &h.Head) }

// Takes is Matches of an order's id and head where they lie: for implementations that look at many for a few.
func (f *Filter) Takes(id string, h *events.Head) bool {
	switch f.index {
	case IndexStatus:
		if f.word != "" && h.Status != f.word {
			return false
		}
	case IndexDue:
		if h.Due.IsZero() || h.Due.After(f.until) {
			return false
		}
	case IndexOutstanding:
		if h.OperationSince.IsZero() {
			return false
		}
	case IndexAttention:
		if h.Since(f.reason).IsZero() {
			return false
		}
	default:
		return false
	}
	return !f.goesOn || place{f.timeOf(h), id}.compare(f.from) > 0
}

// Time returns the time of h that the filter is about.
func (f Filter) Time(h Head) time.Time { return f.timeOf(&h.Head) }

func (f *Filter) timeOf(h *events.Head) time.Time {
	switch f.index {
	case IndexDue:
		return h.Due
	case IndexOutstanding:
		return h.OperationSince
	case IndexAttention:
		return h.Since(f.reason)
	}
	return h.StatusSince
}

// Compare says which of two heads comes first: below 0 where a does, 0 where they are of one order and time.
func (f Filter) Compare(a, b Head) int { return f.placeOf(a).compare(f.placeOf(b)) }

func (f Filter) placeOf(h Head) place { return place{f.Time(h), h.Stream.ID} }

func (p place) compare(other place) int {
	return cmp.Or(p.at.Compare(other.at), strings.Compare(p.id, other.id))
}

// Index returns the index that answers the filter. This and the methods below are for implementations of [Log].
func (f Filter) Index() Index { return f.index }

// Word returns the word whose orders are asked for; empty: all words, or the index has none.
func (f Filter) Word() string { return f.word }

// Until returns the last time that is asked for; the zero time where there is no last.
func (f Filter) Until() time.Time { return f.until }

// From returns after which time and order id the answer begins; ok is false where it begins with the first.
func (f Filter) From() (at time.Time, id string, ok bool) { return f.from.at, f.from.id, f.goesOn }

// Most returns how many heads are asked for at most; ok is false where there is no limit.
func (f Filter) Most() (n int, ok bool) { return f.limit, f.limit > 0 }

// String says in words what is asked for.
func (f Filter) String() string {
	var text string
	switch f.index {
	case IndexStatus:
		text = "all orders"
		if f.word != "" {
			text = fmt.Sprintf("orders in status %q", f.word)
		}
	case IndexDue:
		text = "orders due by " + f.until.Format(time.RFC3339Nano)
	case IndexOutstanding:
		text = "orders with an operation outstanding"
	case IndexAttention:
		text = fmt.Sprintf("orders with the attention %q", f.word)
	default:
		return "no orders"
	}
	if f.goesOn {
		text += fmt.Sprintf(", after %s %q", f.from.at.Format(time.RFC3339Nano), f.from.id)
	}
	if f.limit > 0 {
		text += fmt.Sprintf(", at most %d", f.limit)
	}
	return text
}
