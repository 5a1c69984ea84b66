package order

import (
	"slices"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/law"
)

// paymentAmount is what APO has signed for the payment; until it has, what was ordered.
func (o *Order) paymentAmount() Money {
	if minor := max(o.Authorized, o.Late.Authorized); o.paymentKnown() && minor > 0 {
		return o.money(minor)
	}
	return o.Amount
}

// paidBy is the amount of a payment's success: a message without one is about what is known.
func (o *Order) paidBy(f *Fact) Money {
	if f.Amount == (Money{}) {
		return o.paymentAmount()
	}
	return f.Amount
}

// canBePaid reports whether the payment can be of that amount: of the one that APO has signed; and before it has signed
// any, of every one in the order's currency that covers what is captured, or, in one step beside captures that it
// contradicts, what that leaves of it. Of a cancelled order some may have been let go since.
func (o *Order) canBePaid(m Money, row law.Fact) bool {
	switch {
	case m.Currency != o.Amount.Currency || m.Minor <= 0:
		return false
	case row == law.PaidBesideCaptures:
		return m.Minor >= o.takenInOneStep()
	case !o.paymentKnown():
		return max(m.Minor, o.raisedTo()) >= o.Captured+o.Late.Captured
	case o.Status == Cancelled:
		return m == o.Amount || m.Minor == o.Authorized || m.Minor == o.Late.Authorized || o.wasHeld(m.Minor)
	}
	return m == o.paymentAmount() || o.wasHeld(m.Minor)
}

// takenInOneStep is what a payment in one step has to cover: what went back of it, and captures that a person settled.
func (o *Order) takenInOneStep() (minor int64) {
	for i := range o.book {
		if t := &o.book[i]; t.kind == captures && t.is(transferCounted) && !o.noneOfOneStep(*t) {
			minor = plus(minor, t.minor)
		}
	}
	return max(minor, o.Refunded, o.Late.Refunded)
}

// judgeAmount holds the amount of a payment's success against what was ordered, or is on record: another one is what
// APO signed, and then the anomaly before it says so.
func (o *Order) judgeAmount(e events.Event, p *events.Parts) string {
	row, m := law.PaymentAuthorized, p.Amount
	if _, paid := e.(events.PaymentPaid); paid {
		row = o.payment(law.PaymentPaid, p.At)
	}
	told := events.AnomalyObserved{Reason: events.PaymentContradicts, Fact: e.Kind(), PaymentID: p.PaymentID, Amount: m}
	corrects := o.corrects(m, &p.Proof)
	other := corrects || !o.paymentKnown() && m != o.Amount && !o.wasHeld(m.Minor)
	unsaid := other && !slices.Contains(o.contradiction, contradictionDigest(told))
	return when(unsaid || !corrects && !o.canBePaid(m, row), "has another amount than the order")
}
