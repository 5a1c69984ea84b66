package order

import (
	"slices"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/law"
)

// foldPaymentKnown notes that a payment's success is on record, and reports whether it was before. When the payment was
// is by its first message that says so.
func (o *Order) foldPaymentKnown(r *events.Record, at time.Time) (before bool) {
	before = o.paymentKnown()
	if before && !o.known.has(knownPaymentTime) && !at.IsZero() {
		o.PaymentAt = r.Occurred
	}
	if !at.IsZero() {
		o.known.set(knownPaymentTime, true)
	}
	return before
}

func (o *Order) foldAuthorized(r *events.Record, e *events.PaymentAuthorized) {
	o.learn(e.PaymentID)
	if o.CaptureMode == CaptureNone { // APO's word wins, and by itself APO captures
		o.CaptureMode = CaptureAutomatic
		o.known.set(knownOneStep, true)
	}
	kind := o.heldOrMoved(o.payment(law.PaymentAuthorized, e.At), &e.Proof)
	known := o.foldPaymentKnown(r, e.At)
	cell := o.cell(kind)
	revived, newest := o.known.has(knownFailure), o.newestOnPayment(&e.Proof)
	if known {
		o.correctPayment(*e, e.Amount, &e.Proof)
	} else {
		o.enterPayment(cell.Effect, e.Amount.Minor, 0)
		o.paymentMark = markOf(r, e.PaymentID)
	}
	switch cell.Effect {
	case law.Applied, law.AppliedAnomaly:
		if kind == law.PaymentUndone && known {
			break
		}
		if o.PaymentAt = r.Occurred; known {
			o.paymentMark = markOf(r, e.PaymentID)
		}
		if kind != law.PaymentUndone {
			o.move(Status(cell.To), r)
			o.watchFrom(e.Due)
		}
	case law.Noted: // its capture came before
		if !known {
			o.PaymentAt = r.Occurred
		}
	case law.LateMoney:
		if !known {
			o.PaymentAt = r.Occurred
			o.watchFrom(e.Due)
		}
		o.known.set(knownStood, newest || known && o.known.has(knownStood))
	}
	if holds(kind) {
		o.unmove()
	}
	o.foldPaymentWord(r, &e.Proof, revived && !known, newest)
	if e.Expires.After(o.Expires) {
		o.Expires = e.Expires
		if known && o.Status == Authorized && o.Gateway != GatewayOutstanding {
			o.watchFrom(e.Due)
		}
	}
	if e.GatewayCapture && (!known || holds(kind)) && kind != law.PaymentUndone {
		o.openGateway(r, r.Occurred)
		o.watchFrom(e.Due)
		failed := func(t transfer) bool {
			return t.kind == captures && t.is(transferFailed) && t.request == 0 &&
				(!t.failedApart() || t.minor == e.Amount.Minor)
		}
		if slices.ContainsFunc(o.book, failed) { // its result came before: what APO works on still is another capture
			o.Gateway = o.Gateway.after(law.EventFailed)
		} else {
			o.retireOwn()
		}
	}
}

func (o *Order) foldPaid(r *events.Record, e *events.PaymentPaid) {
	o.learn(e.PaymentID)
	kind := o.heldOrMoved(o.payment(law.PaymentPaid, e.At), &e.Proof)
	known := o.foldPaymentKnown(r, e.At)
	cell := o.cell(kind)
	if kind == law.PaidBesideCaptures || kind == law.PaidAfterAll {
		o.contradictCaptures(r, &e.Proof)
	}
	revived, newest := o.known.has(knownFailure), o.newestOnPayment(&e.Proof)
	if known {
		o.correctPayment(*e, e.Amount, &e.Proof)
	} else {
		o.enterPayment(cell.Effect, e.Amount.Minor, knownMoved)
		o.paymentMark = markOf(r, e.PaymentID)
	}
	switch kind {
	case law.PaidWhole:
		o.moveWhole(e.Amount.Minor)
	case law.PaidAfterAll:
		o.moveAfterAll(e.Amount.Minor)
	}
	switch cell.Effect {
	case law.Applied, law.AppliedAnomaly:
		if kind == law.PaymentUndone && known {
			break
		}
		if kind != law.PaidWhole && kind != law.PaidAfterAll || !known {
			o.PaymentAt, o.paymentMark = r.Occurred, markOf(r, e.PaymentID)
		}
		if kind == law.PaidWhole {
			o.captureMark = markOf(r, "")
		}
		if kind != law.PaymentUndone {
			o.move(Status(cell.To), r)
			o.watchFrom(e.Due)
		}
	case law.LateMoney:
		if !known {
			o.PaymentAt = r.Occurred
			o.watchFrom(e.Due)
		}
		o.known.set(knownStood, newest || known && o.known.has(knownStood))
	}
	if kind == law.PaidWhole || kind == law.PaidAfterAll {
		o.Gateway = o.Gateway.after(law.EventCaptured)
		o.endAwaited()
	}
	o.foldPaymentWord(r, &e.Proof, revived && !known, newest)
}

// enterPayment puts the payment into the book. One that the cancel undid has the amounts that it would have had, had
// its message come first: an authorization that was only inferred from a late capture was not late then. What is known
// as late money stays that: its anomaly is open, and somebody may be giving it back. One that moved its money at once
// moved what was captured of it.
func (o *Order) enterPayment(effect law.Effect, minor int64, moved known) {
	if o.signed = minor; moved != 0 && len(o.book) > 0 {
		o.signed = max(minor, o.capturedByCaptures(effect == law.LateMoney))
	}
	o.known.set(knownPayment, true)
	switch effect {
	case law.Applied, law.AppliedAnomaly:
		o.known.set(moved, true)
	case law.LateMoney:
		o.known.set(moved|knownLate, true)
	}
	o.total()
}
