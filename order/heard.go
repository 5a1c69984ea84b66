package order

import (
	"fmt"
	"slices"

	"github.com/tilltape/tilltape/events"
)

// heard is what an inquiry's answer says as a whole, and none of its facts by itself. An answer that contradicts itself
// decides nothing: it has no newest word.
type heard struct {
	facts   []Fact         // as it tells them; what it tells otherwise too is marked
	moved   bool           // a capture or refund was done
	alive   bool           // the payment stands, and nothing of it was cancelled as a whole
	amounts bool           // the payment has more than one amount
	paid    bool           // the payment was done
	held    bool           // it is authorized
	whole   bool           // it was made in one step
	failed  bool           // the payment failed
	undone  bool           // it was cancelled as a whole
	named   *names[string] // of a long one

	digested *names[uint64] // made where it is asked for

	raises map[Money]bool // totals that it says the payment was raised to; made where they are asked for
}

func (o *Order) heardOf(pic *Picture) heard {
	h := heard{facts: slices.Clone(pic.Facts), alive: pic.State == StateSuccess}
	var told []Money // amounts of the payment, each once
	for i := range h.facts {
		f := &h.facts[i]
		switch f.Kind {
		case CaptureSucceeded, RefundSucceeded:
			h.moved = true
		case PaymentCancelled:
			part := o.releasesPart(f)
			h.alive, h.undone = h.alive && part, h.undone || !part
		case PaymentFailed:
			h.failed = true
		case PaymentSucceeded, PaymentAuthorized, PaymentPaid:
			h.paid = true
			succeeded := f.Kind == PaymentSucceeded
			h.held = h.held || o.onlyHeld(f)
			h.whole = h.whole || f.Kind == PaymentPaid || succeeded && o.CaptureMode == CaptureNone
			if !h.amounts && !slices.Contains(told, f.Amount) {
				h.amounts = slices.ContainsFunc(told, func(other Money) bool {
					return !h.raisedTo(f.Amount, other) && !o.heldBoth(f.Amount, other)
				})
				told = append(told, f.Amount)
			}
		}
	}
	if h.both() { // what counts is the same, whichever is told first
		slices.SortStableFunc(h.facts, func(a, b Fact) int { return lastly(o.onlyHeld(&a), o.onlyHeld(&b)) })
	}
	o.splitAll(h.facts)
	h.index()
	return h
}

// both reports whether the answer says that the payment was made in one step and that it is held.
func (h *heard) both() bool { return h.held && h.whole }

// onlyHeld reports whether a fact is that the payment is held, and not that it was made in one step.
func (o *Order) onlyHeld(f *Fact) bool {
	return f.Kind == PaymentAuthorized || f.Kind == PaymentSucceeded && o.CaptureMode != CaptureNone
}

// lastly orders what is not before what is.
func lastly(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// splitAll marks what one answer tells in two ways, also where each of them names the transfer by another of the
// identifiers that are on record.
func (o *Order) splitAll(facts []Fact) {
	if len(facts) >= namesMin {
		o.splitLong(facts)
		return
	}
	places := make([]int, len(facts))
	for i := range facts {
		f := &facts[i]
		places[i] = -1
		if f.about() != 0 {
			places[i] = o.placed(f.about(), f.TransferID, f.RequestID)
		}
		for j := range facts[:i] {
			if other := &facts[j]; f.splits(other, places[i] >= 0 && places[i] == places[j]) {
				f.split, other.split = true, true
			}
		}
	}
}

// raisedTo reports whether two amounts of a payment are one, or one of them is not told, or a total that the same
// answer says it was raised to.
func (h *heard) raisedTo(a, b Money) bool {
	if a == b || a == (Money{}) || b == (Money{}) {
		return true
	}
	if h.raises == nil {
		h.raises = make(map[Money]bool)
		for i := range h.facts {
			if h.facts[i].Kind == PaymentRaised {
				h.raises[h.facts[i].Amount] = true
			}
		}
	}
	to := func(total, from Money) bool {
		return h.raises[total] && (from.Currency != total.Currency || from.Minor < total.Minor)
	}
	return to(a, b) || to(b, a)
}

// heldBoth reports whether two amounts of a payment that was raised are on record as what it held. Until its own is,
// one of them may be.
func (o *Order) heldBoth(a, b Money) bool {
	first, second := o.wasHeld(a.Minor), o.wasHeld(b.Minor)
	return first && second || !o.paymentKnown() && (first || second)
}

// isPayment reports whether a fact is a payment's success.
func (f *Fact) isPayment() bool {
	return f.Kind == PaymentSucceeded || f.Kind == PaymentAuthorized || f.Kind == PaymentPaid
}

// splits reports whether two facts are about one capture, refund or raise, as is known or as their names say, and
// cannot both be so. What is done was in process before; what is in process has not failed.
func (f *Fact) splits(other *Fact, one bool) bool {
	if f.about() == 0 || f.about() != other.about() {
		return false
	}
	one = one || f.names(other)
	if f.inProcess() != 0 || other.inProcess() != 0 {
		return one && (f.fails() || other.fails())
	}
	return one && (f.Kind != other.Kind || !f.fails() && f.Amount != other.Amount)
}

// about is what the fact tells of: its end or that APO works on it.
func (f *Fact) about() transferKind {
	if kind := f.inProcess(); kind != 0 {
		return kind
	}
	return f.transfers()
}

// fails reports whether the fact is that something was not done.
func (f *Fact) fails() bool {
	return f.Kind == CaptureFailed || f.Kind == RefundFailed || f.Kind == RaiseFailed
}

// transfers is what the fact tells the end of.
func (f *Fact) transfers() transferKind {
	switch f.Kind {
	case CaptureSucceeded, CaptureFailed, CaptureUnclear:
		return captures
	case RefundSucceeded, RefundFailed, RefundUnclear:
		return refunds
	case PaymentRaised, RaiseFailed:
		return raises
	case OtherTransaction:
		return others
	}
	return 0
}

// observeSplit records a capture, refund or raise that one answer tells in two ways: it is in doubt, and a raise counts
// as none. What is in doubt, or held, stays so. It reports whether that is all.
func (d *decision) observeSplit(f *Fact) bool {
	at := d.o.placed(f.transfers(), f.TransferID, f.RequestID)
	held := f.transfers() == refunds && d.o.findHeld(f.TransferID, f.RequestID) >= 0
	if at < 0 && !held && f.fails() == (f.Kind == RaiseFailed) && f.Kind != PaymentRaised {
		return false
	}
	const both = "one answer tells it in two ways"
	switch {
	case at < 0, d.o.book[at].is(transferContradicted), d.o.book[at].doubt != 0, f.Kind == PaymentRaised:
	case f.unclear():
		d.observeUnclear(f)
	case f.Kind == RaiseFailed && d.o.counted(at):
		d.anomaly(events.TransferContradicts, f, both)
	case f.fails() && d.o.counted(at):
		d.anomaly(events.Reversal, f, both)
	case !f.fails() && (!d.o.counted(at) || d.o.book[at].minor != f.Amount.Minor):
		d.anomaly(events.TransferContradicts, f, both)
	}
	return true
}

// observeAlive records a payment's success that is another one by what else the answer says. It reports whether that is
// all: of a payment that one answer tells with two amounts the smaller one holds, one that it calls both held and made
// in one step is in doubt, one that it also calls failed settles nothing, nor does one that it also tells the cancel of
// end a doubt, and one without any amount says nothing of two that are in doubt.
func (d *decision) observeAlive(f *Fact) bool {
	o := &d.o
	newest := f.isPayment() && o.newestOnPayment(&f.Proof)
	if newest && d.heard.alive && o.undone() {
		d.reviveCancelled(f)
	}
	if !f.isPayment() || !o.paymentKnown() {
		return false
	}
	if d.heard.both() && o.paymentStands() && (f.Kind == PaymentAuthorized) == o.movedWhole() {
		d.anomaly(events.StatusContradicts, f, "one answer says both that it is held and that it was paid in one step")
	}
	switch doubt := o.paymentDoubt(); {
	case d.heard.amounts:
		if f.Amount != (Money{}) && f.Amount != o.paymentAmount() && !o.wasHeld(f.Amount.Minor) {
			d.anomaly(events.TransferContradicts, f, fmt.Sprintf("%s, and %s by the same answer", f.Amount, o.paymentAmount()))
		}
		return true
	case d.heard.failed, d.heard.both():
		return true
	default:
		return newest && doubt != nil && (d.heard.undone || f.Amount == Money{} && doubt.has(markUnequal))
	}
}

// undone reports whether there is money that a cancel has undone, the order's own or one that let go of late money, by
// a word that is older than the inquiry that is under way.
func (o *Order) undone() bool {
	if o.Status != Cancelled || uint64(o.Inquiry.started) <= o.endMark.version {
		return false
	}
	return o.Authorized > 0 || o.Late.IsZero() && o.released() > 0
}

// released is the newest record that let go of late money; 0: none did.
func (o *Order) released() (record uint32) {
	for i := range o.book {
		if t := &o.book[i]; t.letGo() {
			record = max(record, t.version)
		}
	}
	return record
}

// letGo reports whether a transfer is what a cancel let go of the late money: nobody asked for it, and it has no name.
func (t *transfer) letGo() bool {
	return t.kind == releases || t.kind == refunds && t.owner == ownerGateway && t.id == 0 && t.request == 0
}

// reviveCancelled records that a payment stands which the order's cancel had undone: nothing leaves cancelled, so its
// money is late.
func (d *decision) reviveCancelled(f *Fact) {
	d.anomaly(events.PaymentRevived, f, "it was cancelled, and APO's newest word is that it stands")
	if !d.o.Late.IsZero() {
		d.lateMoney(f)
	}
}

// foldCancelRevived makes the money of a payment that stands though it was cancelled late money.
func (o *Order) foldCancelRevived(r *events.Record, e *events.AnomalyObserved) {
	if e.Reason != events.PaymentRevived || o.Status != Cancelled {
		return
	}
	o.known.set(knownLate, o.paymentKnown())
	o.known.set(knownStood, true)
	o.book = slices.DeleteFunc(slices.Clone(o.book), func(t transfer) bool { return t.letGo() })
	for i := range o.book {
		if t := &o.book[i]; t.kind == captures || t.kind == refunds {
			t.set(markLate, true)
		}
	}
	o.total()
	if o.CaptureMode == CaptureAutomatic && o.Gateway == GatewayNone && o.Late.held() > 0 {
		o.openGateway(r, r.Recorded)
	}
	o.watchSoon(r)
}

// doubtsMore reports whether an anomaly that was told before puts something in doubt now that is not: what an inquiry
// says is no message that is delivered again.
func (d *decision) doubtsMore(e *events.AnomalyObserved) bool {
	if e.Proof.Via != events.ViaInquiry {
		return false
	}
	o := d.o
	o.own()
	o.fold(&events.Record{Stream: events.OrderStream(o.ID), Version: o.Version + 1, Recorded: d.env.Now,
		Occurred: occurred(*e, d.env.Now), Event: *e})
	return len(o.Doubts()) > len(d.o.Doubts()) || o.paymentDoubtMarks()&^d.o.paymentDoubtMarks() != 0
}

// paymentDoubtMarks is in what the payment is in doubt.
func (o *Order) paymentDoubtMarks() marks {
	if t := o.paymentDoubt(); t != nil {
		return t.marks
	}
	return 0
}
