package order

import (
	"slices"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/law"
)

// An order whose money is to be captured, and APO says that it was paid in one step: all of it has moved, as by one
// capture, whatever the order was placed as. So it is captured, a cancel is refused, and what goes back is a refund.

// movedWhole reports whether the payment moved all of its money at once.
func (o *Order) movedWhole() bool { return o.known.has(knownMoved) }

// moveWhole books that a payment has moved its money: as much as APO signed for that, and as was captured of it.
func (o *Order) moveWhole(minor int64) {
	o.known.set(knownMoved, true)
	o.signed = max(minor, o.Captured, o.Late.Captured)
	o.total()
}

// heldOrMoved is the row of a payment's success by the newest word on what was told otherwise until now: of one that
// moved its money, that it is only held; of one that was placed to be paid in one step and was called authorized, that
// it was paid so.
func (o *Order) heldOrMoved(kind law.Fact, p *events.Proof) law.Fact {
	switch {
	case kind == law.PaymentAuthorized && o.movedWhole():
		return o.heldAfterAll(kind, p)
	case kind == law.PaidWhole && o.known.has(knownOneStep) && o.newestOnPayment(p):
		return law.PaidAfterAll
	}
	return kind
}

func (o *Order) heldAfterAll(kind law.Fact, p *events.Proof) law.Fact {
	switch {
	case !o.paymentKnown() || !o.newestOnPayment(p):
		return kind
	case o.capturedByCaptures(o.known.has(knownLate)) > 0:
		return law.HeldBesideCaptures
	}
	return law.PaymentOnlyHeld
}

// holds reports whether the fact is one of these.
func holds(kind law.Fact) bool { return kind == law.PaymentOnlyHeld || kind == law.HeldBesideCaptures }

// moveAfterAll books that a payment was made in one step after all, as it was placed: of as much as APO signed for
// that, and as a person has said was captured of it.
func (o *Order) moveAfterAll(minor int64) {
	o.CaptureMode = CaptureNone
	o.known.set(knownOneStep, false)
	o.known.set(knownMoved, true)
	o.signed = max(minor, o.capturedByCaptures(o.known.has(knownLate)))
	o.total()
}

// unmove books that a payment has moved none of its money by itself.
func (o *Order) unmove() {
	o.known.set(knownMoved, false)
	o.total()
}

// foldOtherWay takes a person's word that a payment which was made in one step is only held, or the other way round. It
// is taken as the newest word that says so; when the payment was is as before, and APO is asked.
func (o *Order) foldOtherWay(r *events.Record, t *transfer) {
	p, at := events.Proof{Via: events.ViaOperator}, o.PaymentAt
	m := o.signedFor()
	if t.has(markUnequal) {
		m = o.money(t.minor)
	}
	if o.movedWhole() {
		captured := o.capturedByCaptures(o.known.has(knownLate))
		o.foldAuthorized(r, &events.PaymentAuthorized{Amount: m, Proof: p,
			GatewayCapture: o.CaptureMode != CaptureManual && captured < m.Minor})
	} else {
		o.foldPaid(r, &events.PaymentPaid{Amount: m, Proof: p})
	}
	o.PaymentAt = at
	o.watchSoon(r)
}

// capturedByCaptures is what the captures that count come to, in time or late.
func (o *Order) capturedByCaptures(late bool) (captured int64) {
	if late {
		return o.capturedWith(markLate, markLate)
	}
	return o.capturedWith(markLate, 0)
}

// provenCaptures is what captures in time come to that count by APO's word, and not by a person's.
func (o *Order) provenCaptures() (captured int64) { return o.capturedWith(markLate|markSettled, 0) }

// capturedWith is what the captures come to that count, and of these marks have those alone.
func (o *Order) capturedWith(of, have marks) (captured int64) {
	for i := range o.book {
		if t := &o.book[i]; t.kind == captures && t.is(transferCounted) && t.marks&of == have {
			captured = plus(captured, t.minor)
		}
	}
	return captured
}

// uncaptured is what a capture that is told can be of: what is authorized and in no other. One that is told of a
// payment which moved its money whole is of that same money.
func (o *Order) uncaptured(effect law.Effect) int64 {
	captured, late := o.Captured, effect == law.LateMoney
	if late {
		captured = o.Late.Captured
	}
	if o.movedWhole() && o.CaptureMode != CaptureNone && o.known.has(knownLate) == late {
		captured = o.capturedByCaptures(late)
	}
	return o.fullAmount() - captured
}

// A payment that was placed to be made in one step has no captures. What is told of some before the payment is known
// counts, since APO may have authorized it after all; once it says that all was paid at once, they are contradicted, as
// they are where they come after it.

// besideCaptures reports whether a payment in one step that becomes known contradicts a capture that counts.
func (o *Order) besideCaptures() bool {
	return !o.paymentKnown() && slices.ContainsFunc(o.book, o.noneOfOneStep)
}

// noneOfOneStep reports whether a payment in one step that becomes known now cannot have the transfer: not what a
// person has settled, who knew.
func (o *Order) noneOfOneStep(t transfer) bool {
	return t.kind == captures && t.is(transferCounted) && !t.has(markSettled) && t.has(markLate) == (o.Status == Cancelled)
}

// capturedInTime reports whether a capture counts that captured something and did not come late. Beside a payment in
// one step none does, unless a person has said so, and then the status does not tell.
func (o *Order) capturedInTime() bool { return o.capturedByCaptures(false) > 0 }

// contradictCaptures takes such captures out of the amounts. They may stand, and APO is asked, unless it is an inquiry
// that says so, which tells of them too.
func (o *Order) contradictCaptures(r *events.Record, p *events.Proof) {
	if !slices.ContainsFunc(o.book, o.noneOfOneStep) {
		return
	}
	book := slices.Clone(o.book)
	for i := range book {
		if t := &book[i]; o.noneOfOneStep(*t) {
			t.standing = transferContradicted
			if !o.asksNow(p) {
				t.doubt = uint32(r.Version)
			}
		}
	}
	o.book = book
	o.watchSoon(r)
}
