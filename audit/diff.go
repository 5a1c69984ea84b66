package audit

import (
	"context"
	"fmt"
	"hash/maphash"
	"iter"
	"strings"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
)

// Side is one of the two things that [Diff] compares: a log, or an export of one, at a point of its past.
type Side struct {
	Log store.Reader
	At  Point // the zero Point: as it is now
	// Progress is called now and then with the records read so far; it may be nil.
	Progress func(records uint64)
}

// Change is an order of which the two sides do not say the same.
type Change struct {
	OrderID string
	// Before and After are the order on the two sides; nil on the side that does not have it.
	Before, After *order.Order
	// Fields are what differs, by the names of docs/reference/json.md; empty where one side does not have the order.
	Fields []FieldChange
}

// FieldChange is one thing that differs, in words for people: amounts in decimals.
type FieldChange struct{ Name, Before, After string }

// fieldHistory is what differs where two orders come to the same by other records.
const fieldHistory = "history"

// Diff yields the orders of which the two sides do not say the same, by id. Positions do not count: a log and one that
// was made of its records are the same. What counts is how each order stands, and whether it came there by the same
// facts at the same times by the same people. Refused commands are left out: they change nothing.
//
// The error is that of [At] for the side where it arose. Cost: a replay of each side, up to its point; memory is two
// replays' and some 100 bytes an order.
func Diff(ctx context.Context, before, after Side) iter.Seq2[Change, error] {
	return func(yield func(Change, error) bool) {
		seed := maphash.MakeSeed()
		a, err := before.fold(ctx, seed)
		if err != nil {
			yield(Change{}, fmt.Errorf("the first side: %w", err))
			return
		}
		b, err := after.fold(ctx, seed)
		if err != nil {
			yield(Change{}, fmt.Errorf("the second side: %w", err))
			return
		}
		nextA, stopA := iter.Pull(a.Orders())
		defer stopA()
		nextB, stopB := iter.Pull(b.Orders())
		defer stopB()
		oa, okA := nextA()
		ob, okB := nextB()
		for okA || okB {
			var c Change
			switch {
			case !okB || okA && oa.ID < ob.ID:
				c = Change{OrderID: oa.ID, Before: &oa}
			case !okA || ob.ID < oa.ID:
				c = Change{OrderID: ob.ID, After: &ob}
			default:
				c = Change{OrderID: oa.ID, Before: &oa, After: &ob}
				c.Fields = fieldsOf(&oa, &ob)
				if len(c.Fields) == 0 && a.digests[oa.ID] != b.digests[ob.ID] {
					c.Fields = []FieldChange{{fieldHistory, "other records", "other records"}}
				}
			}
			if (c.Before == nil || c.After == nil || len(c.Fields) > 0) && !yield(c.own(), nil) {
				return
			}
			// c points at these, so the next are others
			if c.Before != nil {
				oa, okA = nextA()
			}
			if c.After != nil {
				ob, okB = nextB()
			}
		}
	}
}

// own is the change with orders of its own.
func (c Change) own() Change {
	if c.Before != nil {
		o := *c.Before
		c.Before = &o
	}
	if c.After != nil {
		o := *c.After
		c.After = &o
	}
	return c
}

// folded is a side with what tells two histories apart.
type folded struct {
	*Replayed
	digests map[string]uint64 // of an order's records, wherever they stand
}

func (s Side) fold(ctx context.Context, seed maphash.Seed) (folded, error) {
	f := folded{digests: map[string]uint64{}}
	var frame []byte
	each := func(r events.Record, o order.Order) (err error) {
		if r.Stream.Category != events.CategoryOrder {
			return nil
		}
		// Where it stands among other orders' records is not of it.
		r.Position, r.Previous = r.Version, r.Version-1
		if frame, err = events.AppendFrame(frame[:0], r); err != nil {
			return err
		}
		var h maphash.Hash
		h.SetSeed(seed)
		_, known := f.digests[o.ID]
		maphash.WriteComparable(&h, f.digests[o.ID])
		_, _ = h.Write(frame)
		id := o.ID
		if !known {
			id = strings.Clone(id) // the record's own text would keep its frame
		}
		f.digests[id] = h.Sum64()
		return nil
	}
	replayed, err := At(ctx, s.Log, s.At, &Config{Progress: s.Progress, Each: each})
	f.Replayed = replayed
	return f, err
}

// fieldsOf is what differs between two orders of one id.
func fieldsOf(a, b *order.Order) (all []FieldChange) {
	field := func(name, before, after string) {
		if before != after {
			all = append(all, FieldChange{name, before, after})
		}
	}
	money := func(minor int64, o *order.Order) string {
		return order.Money{Minor: minor, Currency: o.Amount.Currency}.String()
	}
	field("status", a.Status.String(), b.Status.String())
	field("words", a.Words(), b.Words())
	field("paymentRequestId", a.PaymentRequestID, b.PaymentRequestID)
	field("paymentId", a.PaymentID, b.PaymentID)
	field("amount", a.Amount.String(), b.Amount.String())
	field("authorized", money(a.Authorized, a), money(b.Authorized, b))
	field("captured", money(a.Captured, a), money(b.Captured, b))
	field("refunded", money(a.Refunded, a), money(b.Refunded, b))
	field("disputed", money(a.Disputed, a), money(b.Disputed, b))
	field("late", lateWords(a), lateWords(b))
	field("gatewayCapture", a.Gateway.String(), b.Gateway.String())
	field("operations", operationWords(a), operationWords(b))
	field("anomalies", anomalyWords(a), anomalyWords(b))
	field("version", fmt.Sprint(a.Version), fmt.Sprint(b.Version))
	return all
}

func lateWords(o *order.Order) string {
	if o.Late == (order.Late{}) {
		return "none"
	}
	of := func(minor int64) string { return order.Money{Minor: minor, Currency: o.Amount.Currency}.String() }
	return fmt.Sprintf("authorized %s, captured %s, refunded %s, disputed %s", of(o.Late.Authorized), of(o.Late.Captured),
		of(o.Late.Refunded), of(o.Late.Disputed))
}

func operationWords(o *order.Order) string {
	var words []string
	for _, p := range o.Operations() {
		words = append(words, strings.TrimSpace(p.Verb().String()+of(p.Amount))+" "+p.Phase.String())
	}
	return orNone(words)
}

func anomalyWords(o *order.Order) string {
	var words []string
	for _, a := range o.Anomalies {
		words = append(words, fmt.Sprintf("%s (record %d)", a.Reason, a.Version))
	}
	return orNone(words)
}

func orNone(words []string) string {
	if len(words) == 0 {
		return "none"
	}
	return strings.Join(words, ", ")
}
