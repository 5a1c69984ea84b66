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
	before = o.paymentKnown
	if before && !o.paymentTimed && !at.IsZero() {
		o.PaymentAt = r.Occurred
	}
	o.paymentKnown, o.paymentTimed = true, o.paymentTimed || !at.IsZero()
	return before
}

func (o *Order) foldAuthorized(r *events.Record, e *events.PaymentAuthorized) {
	o.learn(e.PaymentID)
	if o.CaptureMode == CaptureNone { // APO's word wins, and by itself APO captures
		o.CaptureMode = CaptureAutomatic
	}
	kind := o.payment(law.PaymentAuthorized, e.At)
	known := o.foldPaymentKnown(r, e.At)
	switch cell := o.cell(kind); cell.Effect {
	case law.Applied, law.AppliedAnomaly:
		if kind == law.PaymentUndone {
			o.foldUndone(r, e.PaymentID, e.Amount.Minor, 0, known)
			break
		}
		o.move(Status(cell.To), r)
		o.Authorized = e.Amount.Minor
		o.PaymentAt = r.Occurred
		o.paymentMark = markOf(r, e.PaymentID)
		o.watchFrom(e.Due)
	case law.Noted: // its capture came before
		if !known {
			o.Authorized = e.Amount.Minor // it was only inferred from the capture
			o.PaymentAt, o.paymentMark = r.Occurred, markOf(r, e.PaymentID)
		}
	case law.LateMoney:
		if !known {
			o.Late.Authorized = e.Amount.Minor
			o.PaymentAt = r.Occurred
			o.watchFrom(e.Due)
		}
	}
	if e.Expires.After(o.Expires) {
		o.Expires = e.Expires
		if known && o.Status == Authorized && o.Gateway != GatewayOutstanding {
			o.watchFrom(e.Due)
		}
	}
	if e.GatewayCapture && !known && kind != law.PaymentUndone {
		o.Gateway = o.Gateway.after(law.EventOpened)
		o.gatewayMark = markOf(r, "")
		o.watchFrom(e.Due)
		// its result came before
		if slices.ContainsFunc(o.captures, func(t transfer) bool { return t.is(transferFailed) && t.request == 0 }) {
			o.Gateway = o.Gateway.after(law.EventFailed)
		}
	}
}

func (o *Order) foldPaid(r *events.Record, e *events.PaymentPaid) {
	o.learn(e.PaymentID)
	kind := o.payment(law.PaymentPaid, e.At)
	known := o.foldPaymentKnown(r, e.At)
	switch cell := o.cell(kind); cell.Effect {
	case law.Applied, law.AppliedAnomaly:
		if kind == law.PaymentUndone {
			o.foldUndone(r, e.PaymentID, e.Amount.Minor, e.Amount.Minor, known)
			break
		}
		o.move(Status(cell.To), r)
		o.Authorized, o.Captured = e.Amount.Minor, e.Amount.Minor
		o.PaymentAt = r.Occurred
		o.paymentMark = markOf(r, e.PaymentID)
		o.watchFrom(e.Due)
	case law.LateMoney:
		if !known {
			o.Late.Authorized = e.Amount.Minor
			o.Late.Captured = max(o.Late.Captured, e.Amount.Minor)
			o.PaymentAt = r.Occurred
			o.watchFrom(e.Due)
		}
	}
}

// foldUndone gives a payment that the cancel undid the amounts that it would have had, had its message come first. An
// authorization that was only inferred from a late capture was not late. What is known as late money stays that: its
// anomaly is open, and somebody may be giving it back.
func (o *Order) foldUndone(r *events.Record, paymentID string, authorized, captured int64, known bool) {
	if known {
		return
	}
	o.Authorized, o.Captured, o.Late.Authorized = authorized, captured, 0
	o.PaymentAt, o.paymentMark = r.Occurred, markOf(r, paymentID)
}
