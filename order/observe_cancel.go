package order

import (
	"fmt"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/law"
)

// observeCancelled records that APO cancelled the payment, or what a VOID let go of it.
func (d *decision) observeCancelled(f *Fact) {
	o := &d.o
	kind := o.cancellation(f)
	if kind == law.CapturedCancelled && d.heard.moved {
		kind = law.PaymentCancelled
	}
	if kind == law.LateMoneyReleased && !o.releases(f) && (d.heard.moved || d.heard.paid) {
		kind = law.PaymentCancelled // an answer that says both decides nothing
	}
	switch cell := o.cell(kind); cell.Effect {
	case law.Contradicts:
		detail := "the order is " + o.Status.String()
		if kind == law.PartReleased {
			detail = fmt.Sprintf("%s of %s let go, no capture was called the last, the order is %s", f.Amount,
				o.money(o.fullAmount()), o.Status)
		}
		d.anomaly(events.StatusContradicts, f, detail)
	case law.Applied, law.LateMoney:
		d.emit(events.CancelSucceeded{Cause: o.causeOf(f), PaymentID: f.PaymentID, At: f.At, Due: d.paidAfterAllDue(),
			Proof: f.Proof})
		d.settleLateMoney()
	case law.AppliedAnomaly:
		d.cancelCaptured(f)
	case law.Noted:
		d.emit(events.CancelDated{PaymentID: f.PaymentID, At: f.At, Proof: f.Proof})
	case law.Duplicate:
		if f.own && !o.Late.IsZero() {
			d.anomaly(events.LateAnswer, f, "APO cancels what was captured")
		}
	}
}

// causeOf says why APO reports the payment as cancelled.
func (o *Order) causeOf(f *Fact) events.CancelCause {
	switch {
	case o.Operation.Kind == CallCancel || f.Proof.Via == events.ViaAnswer:
		return events.CauseRequested
	case !o.Expires.IsZero() && !f.At.Before(o.Expires):
		return events.CauseExpired
	}
	return events.CauseGateway
}

// cancellation is the row of a cancellation: of the payment, of late money, or of a part of what was authorized.
func (o *Order) cancellation(f *Fact) law.Fact {
	switch {
	case o.releases(f), !f.ofTransaction() && o.fellAgain(f.At, &f.Proof):
		return law.LateMoneyReleased
	case o.dates(f):
		return law.CancelDated
	case o.releasesRest(f):
		return law.RestReleased
	case o.Status != Cancelled && o.releasesPart(f):
		return law.PartReleased
	}
	return o.cancelledAnyway(&f.Proof)
}

// releasesRest reports whether a transaction let go of what was to be let go: of no more than was not captured, once
// the last capture is done or the authorization has ended.
func (o *Order) releasesRest(f *Fact) bool {
	ended := !o.Expires.IsZero() && !f.At.Before(o.Expires)
	return (o.Status == Captured || o.Status == Refunded) && f.ofTransaction() && (o.lastCapture() != nil || ended) &&
		f.Amount.Minor <= o.Authorized-o.Captured
}

// releasesPart reports whether a transaction let go of less than was authorized: whatever it is, it does not cancel the
// payment.
func (o *Order) releasesPart(f *Fact) bool {
	return f.ofTransaction() && f.Amount.Minor > 0 && f.Amount.Minor < o.fullAmount()
}

// ofTransaction reports whether a cancellation is one of an inquiry's transactions. Those have identifiers; the payment
// as a whole, and our own cancel, have none.
func (f *Fact) ofTransaction() bool { return f.TransferID != "" || f.RequestID != "" }
