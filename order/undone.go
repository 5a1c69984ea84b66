package order

import (
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/law"
)

// payment is the row of a fact about the payment itself. A success is split by APO's own times: what was before the
// cancel is part of what the cancel undid, however late its message comes. Where either time is not told, or both are
// in the same second, nobody knows which came first, and the money is late: APO tells its times to the second, and a
// finer one beside a coarser must not make late money disappear. What was captured before the cancel was paid before
// it.
func (o *Order) payment(kind law.Fact, at time.Time) law.Fact {
	success := kind == law.PaymentAuthorized || kind == law.PaymentPaid
	switch {
	case success && o.Status == Cancelled && o.undoneBy(at):
		return law.PaymentUndone
	case kind == law.PaymentAuthorized && o.Status == Refunded && o.Captured == 0 && !o.paymentKnown():
		return law.HeldAfterRefund
	case kind != law.PaymentPaid:
	case o.CaptureMode != CaptureNone:
		return law.PaidWhole
	case o.besideCaptures():
		return law.PaidBesideCaptures
	}
	return kind
}

// undoneBy reports whether the order's cancel came after a payment of that time.
func (o *Order) undoneBy(at time.Time) bool {
	return o.Captured > 0 && !o.paymentKnown() ||
		o.known.has(knownCancelTime) && !at.IsZero() && at.Unix() < time.Unix(0, o.endMark.nanos).Unix()
}

// dates reports whether a cancellation tells when the one on record was, of which nobody knew: as long as no payment is
// known that it could have undone or come before. A part that was let go is not the payment, and the cancel that gives
// late money back is another one.
func (o *Order) dates(f *Fact) bool {
	return f.Kind == PaymentCancelled && o.Status == Cancelled && !o.known.has(knownCancelTime) && !f.At.IsZero() &&
		!f.own && !o.releasesPart(f) && !o.paymentKnown() && o.Late == Late{}
}

// foldDated keeps the time of the cancel. The mark stays that of the record which cancelled the order.
func (o *Order) foldDated(r *events.Record, e *events.CancelDated) {
	o.learn(e.PaymentID)
	o.known.set(knownCancelTime, true)
	o.endMark.nanos = r.Occurred.UnixNano()
}

// judgeDated demands what a cancellation needs, and a time that was not known.
func (o *Order) judgeDated(e *events.CancelDated) string {
	dated := e.At.IsZero() || o.known.has(knownCancelTime) || o.paymentKnown()
	return first(when(dated, "dates no cancel that waits for its time"),
		o.judgeCancelled(&events.CancelSucceeded{Proof: e.Proof}))
}

// undoes reports whether a cancellation undoes what was before it: APO has to have said when it was, and the end of a
// payment that failed is no cancel.
func undoes(e *events.CancelSucceeded) bool {
	return !e.At.IsZero() && e.Cause != events.CausePaymentFailed
}
