package order

import (
	"fmt"

	"github.com/tilltape/tilltape/events"
)

// Of a capture or refund that is not in the amounts APO may tell two amounts. Neither word is known to be the newer one
// until an inquiry that was begun after both says so: until then the larger is reserved, and nothing finds a place.

// larger takes the larger amount of what is on record; one in another currency has none that could be compared.
func (t *transfer) larger(was *transfer) {
	t.minor = max(t.minor, was.minor)
	t.set(markForeign, t.has(markForeign) || was.has(markForeign))
}

// tellsLarger reports whether what APO works on, or tells in a state not known here, is told of more than before.
func (o *Order) tellsLarger(at int, f *Fact) bool {
	t := &o.book[at]
	return t.is(transferContradicted) && t.marks&(markPending|markUnclear) != 0 && f.Amount.Minor > t.minor
}

// tellsNewer reports whether an anomaly that was told before has, as the newest word, another amount of what may stand
// than is on record. Nothing, in whatever currency, is no other amount.
func (o *Order) tellsNewer(e *events.AnomalyObserved) bool {
	t, at, ok := o.strange(e)
	return ok && at >= 0 && t.minor > 0 && t.is(transferContradicted) && o.book[at].is(transferContradicted) &&
		!t.alike(&o.book[at]) && o.supersedes(&e.Proof, &o.book[at])
}

// observeOtherwise keeps what may stand in doubt where a word that is not the newest tells it with another amount. It
// reports whether that is so. What APO worked on has an amount once it is done.
func (d *decision) observeOtherwise(f *Fact, at int) bool {
	if at < 0 {
		return false
	}
	t := &d.o.book[at]
	if !t.is(transferContradicted) || t.marks&(markPending|markUnclear|markPerhaps) != 0 || t.minor <= 0 ||
		t.minor == f.Amount.Minor && !t.has(markForeign) || d.o.supersedes(&f.Proof, t) {
		return false
	}
	before := "an amount in another currency"
	if !t.has(markForeign) {
		before = d.o.money(t.minor).String()
	}
	d.anomaly(events.TransferContradicts, f, fmt.Sprintf("%s now, %s before", f.Amount, before))
	return true
}

// foldHeldUnequal remembers that a refund which is held was told with two amounts. It reports whether one is held.
func (o *Order) foldHeldUnequal(r *events.Record, e *events.AnomalyObserved) bool {
	i := o.findHeld(e.TransferID, e.RequestID)
	if i < 0 {
		return false
	}
	h := o.Held[i]
	if h.Minor == e.Amount.Minor || e.Amount.Minor <= 0 || o.newestOfHeld(&e.Proof, &h) {
		return true // the newest word follows
	}
	h.Minor, h.doubt = max(h.Minor, e.Amount.Minor), uint32(r.Version)
	o.Held = append(o.Held[:0:0], o.Held...)
	o.Held[i] = h
	o.watchSoon(r)
	return true
}

// carryDoubt keeps a refund that was held in doubt where it has its place now, and two amounts.
func (o *Order) carryDoubt(r *events.Record, e *events.RefundSucceeded) {
	i := o.findHeld(e.RefundID, e.RefundRequestID)
	if i < 0 || o.Held[i].doubt == 0 {
		return
	}
	if at := o.placed(refunds, e.RefundID, e.RefundRequestID); o.counted(at) {
		o.doubt(at, o.Held[i].doubt)
		o.book[at].set(markUnequal, true)
		o.watchSoon(r)
	}
}
