package order

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/law"
)

// observe records a proven fact, by whatever channel it came. Facts are never denied: what contradicts the order
// becomes an anomaly with the fact's evidence, and nothing is clipped.
func (d *decision) observe(f Fact) {
	o := &d.o
	f.At, f.Expires = keepable(f.At), keepable(f.Expires)
	if f.Kind == PaymentSucceeded {
		f.Kind = PaymentAuthorized
		if o.CaptureMode == CaptureNone {
			f.Kind = PaymentPaid
		}
	}
	if f.inProcess() != 0 && d.heard.tellsDone(&f) {
		return // by the same answer
	}
	if f.unread() { // whatever it names: nobody knows what it says of that
		d.anomaly(events.NotUnderstood, &f, f.Message)
	} else if problem := o.ofAnother(&f); problem != "" {
		d.anomaly(events.PaymentContradicts, &f, problem)
	} else if d.observeAlive(&f) {
		// said already
	} else if problem := o.contradicts(&f); problem != "" {
		d.anomaly(events.PaymentContradicts, &f, problem)
	} else {
		at := o.pending(&f)
		record := uint32(0)
		if at >= 0 {
			record = o.book[at].version
		}
		d.observeOurs(&f)
		if at >= 0 {
			d.endPending(record, "APO has said what became of it")
		}
		d.applyHeld()
	}
	d.endCancelOnMoney()
}

// observeOurs records a fact about this order's payment.
func (d *decision) observeOurs(f *Fact) {
	if f.split && d.observeSplit(f) {
		return
	}
	switch f.Kind {
	case PaymentPending, PaymentAuthorized, PaymentPaid, PaymentFailed:
		d.observePayment(f)
	case PaymentCancelled:
		d.observeCancelled(f)
	case PaymentRaised:
		d.observeRaised(f)
	case RaiseFailed:
		d.observeRaiseFailed(f)
	case CaptureSucceeded:
		d.observeCapture(f)
	case CaptureFailed:
		d.observeCaptureFailed(f)
	case CapturePending, RefundPending:
		d.observePending(f)
	case CaptureUnclear, RefundUnclear:
		d.observeUnclear(f)
	case RefundSucceeded:
		d.observeRefund(f)
	case RefundFailed:
		d.observeRefundFailed(f)
	case DisputeOpened, DisputeDue, DisputeDefended, DisputeClosed:
		d.observeDispute(f)
	default: // it may have moved money: a person must look
		d.anomaly(events.StatusContradicts, f, first(f.Message, "APO tells of a transaction of a kind not known here"))
	}
}

// ofAnother says by what the fact is about another payment than this order's.
func (o *Order) ofAnother(f *Fact) string {
	switch {
	case o.isAnother(f.PaymentID):
		return fmt.Sprintf("paymentId %s, the order's is %s", f.PaymentID, o.PaymentID)
	case f.PaymentRequestID != "" && f.PaymentRequestID != o.PaymentRequestID:
		return fmt.Sprintf("paymentRequestId %s, the order's is %s", f.PaymentRequestID, o.PaymentRequestID)
	case o.isForeign(f.Amount) && !f.Kind.isDispute():
		return fmt.Sprintf("currency %s, the order's is %s", f.Amount.Currency, o.Amount.Currency)
	}
	return ""
}

// isAnother reports whether a paymentId is another payment's.
func (o *Order) isAnother(paymentID string) bool {
	return paymentID != "" && o.PaymentID != "" && paymentID != o.PaymentID
}

// isForeign reports whether an amount is in another currency than the order's.
func (o *Order) isForeign(m Money) bool { return m.Currency != "" && m.Currency != o.Amount.Currency }

// contradicts says in what the fact's amount cannot be one of this order's payment.
func (o *Order) contradicts(f *Fact) string {
	switch {
	case (f.Kind == PaymentAuthorized || f.Kind == PaymentPaid) &&
		!o.canBePaid(o.paidBy(f), o.payment(f.Kind.ofPayment(), f.At)) && !o.corrects(f.Amount, &f.Proof):
		if !o.paymentKnown() {
			return fmt.Sprintf("amount %s, and %s is captured", o.paidBy(f), o.money(plus(o.Captured, o.Late.Captured)))
		}
		return fmt.Sprintf("amount %s, the payment's is %s", f.Amount, o.paymentAmount())
	case (f.Kind == CaptureSucceeded || f.Kind == RefundSucceeded) && (f.Amount.Minor <= 0 || f.Amount.Currency == "") &&
		!(f.Kind == CaptureSucceeded && f.Amount == o.money(0) && o.askedForNothing(f.TransferID, f.RequestID)):
		return fmt.Sprintf("amount %d %q moves no money", f.Amount.Minor, f.Amount.Currency)
	case f.Kind == PaymentRaised && (f.Amount.Minor <= 0 || f.Amount.Currency == ""):
		return fmt.Sprintf("amount %d %q is none to be raised to", f.Amount.Minor, f.Amount.Currency)
	}
	return ""
}

// observePayment records a payment's result, with the amount that APO signed. Where that is not the ordered one, the
// anomaly that says so stands before it: a log without that anomaly was altered.
func (d *decision) observePayment(f *Fact) {
	o := &d.o
	kind := o.heldOrMoved(o.payment(f.Kind.ofPayment(), f.At), &f.Proof)
	if f.Kind == PaymentFailed {
		if kind = o.paymentFailure(&f.Proof); kind == law.PaymentTakenBack &&
			(d.heard.moved || d.heard.paid) {
			kind = law.PaymentReversed
		}
	}
	if then, outstanding := o.Operation.then(law.ProvenPaymentFailed); f.Kind == PaymentFailed && outstanding &&
		then == law.CancelledUnpaid && (o.Status == Created || o.Status == Failed ||
		o.Status != Cancelled && kind == law.PaymentTakenBack) {
		// Nothing was paid, so there is nothing left to cancel: the cancel has what it wanted.
		d.emit(events.CancelSucceeded{Cause: events.CausePaymentFailed, PaymentID: f.PaymentID, At: f.At,
			Due: d.paidAfterAllDue(), Proof: f.Proof})
		return
	}
	if kind == law.PaymentTakenBack {
		d.failPayment(f)
		return
	}
	if o.onRecord(f) {
		return
	}
	cell := o.cell(kind)
	settles := (f.Kind == PaymentAuthorized || f.Kind == PaymentPaid) && o.settlesPayment(o.paidBy(f), &f.Proof)
	teaches := o.teaches(f.Kind.ofPayment(), f.PaymentID, f.At, f.Expires) || settles
	switch cell.Effect {
	case law.Contradicts:
		if kind != law.PaymentReversed || !slices.Contains(o.contradiction, endedBy(f.At)) {
			d.anomaly(events.StatusContradicts, f, "the order is "+o.Status.String())
		} // or else it is the failure that cancelled it, told again
		return
	case law.Noted, law.LateMoney, law.Applied, law.AppliedAnomaly: // whose status may stay
		if (o.knows(kind) || o.toldFailed(f)) && !teaches && law.Status(o.Status) == cell.To {
			return
		}
	default:
		if !teaches || cell.Effect != law.Duplicate {
			return
		}
	}
	late := cell.Effect == law.LateMoney && !o.knows(kind)
	status := o.Status
	surprise := f.Kind == PaymentAuthorized && o.CaptureMode == CaptureNone
	d.tellAmount(f)
	was := paymentWas{o.paymentDoubted(), o.signed, o.Late.Authorized, o.paymentKnown(), o.movedWhole()}
	d.emitPayment(f, kind == law.PaymentUndone)
	d.clearPaymentDoubt(&was)
	if d.o.Late.Authorized > was.late && was.known { // of more than a person may have looked at
		d.lateMoney(f)
	}
	if surprise {
		d.anomaly(events.StatusContradicts, f, "placed as paid in one step, and APO has only authorized it")
	}
	d.tellPayment(f, kind, cell.Effect, status, late)
}

// teaches reports whether a payment's result that is on record says more now: the paymentId, without which no capture
// or refund can be asked for; a later end of the authorization; when it was, where that was left out.
func (o *Order) teaches(kind law.Fact, paymentID string, at, expires time.Time) bool {
	if o.PaymentID == "" && paymentID != "" {
		return true
	}
	return o.paymentKnown() && (kind == law.PaymentAuthorized && expires.After(o.Expires) ||
		(kind == law.PaymentAuthorized || kind == law.PaymentPaid) && !o.known.has(knownPaymentTime) && !at.IsZero())
}

// authorizedAnew reports whether an authorization on record stands there once more for what it teaches, or settles.
func (o *Order) authorizedAnew(e *events.PaymentAuthorized) bool {
	return o.paymentKnown() && o.cell(law.PaymentAuthorized).Effect != law.Contradicts &&
		(o.teaches(law.PaymentAuthorized, e.PaymentID, e.At, e.Expires) || o.settlesPayment(e.Amount, &e.Proof))
}

// paidAnew is the same of a payment in one step.
func (o *Order) paidAnew(e *events.PaymentPaid, kind law.Fact) bool {
	return o.knows(kind) && o.cell(kind).Effect != law.Contradicts &&
		(o.teaches(law.PaymentPaid, e.PaymentID, e.At, zeroTime) || o.settlesPayment(e.Amount, &e.Proof))
}

// knows reports whether a fact of that kind is on record already.
func (o *Order) knows(k law.Fact) bool {
	switch k {
	case law.PaymentPending:
		return o.known.has(knownPending)
	case law.PaymentFailed:
		return o.known.has(knownFailure)
	case law.PaidWhole:
		return o.movedWhole()
	case law.PaymentOnlyHeld, law.HeldBesideCaptures, law.PaidAfterAll:
		return false
	}
	return o.paymentKnown()
}

// toldFailed reports whether a failure stands on record as what contradicted the payment: delivered again it is no
// news, whatever became of the payment since.
func (o *Order) toldFailed(f *Fact) bool {
	return f.Kind == PaymentFailed && slices.Contains(o.contradiction, contradictionDigest(events.AnomalyObserved{
		Reason: events.StatusContradicts, Fact: events.KindPaymentFailed, PaymentID: f.PaymentID, Code: f.Code}))
}

// emitPayment records a payment's result. One that the cancel undid owes nothing: APO captures none of it, and nobody
// has to look at it.
func (d *decision) emitPayment(f *Fact, undone bool) {
	o := &d.o
	amount := o.paidBy(f)
	switch f.Kind {
	case PaymentPending:
		d.emit(events.PaymentPending{PaymentID: f.PaymentID, Proof: f.Proof})
	case PaymentFailed:
		d.emit(events.PaymentFailed{PaymentID: f.PaymentID, Code: f.Code, At: f.At, Proof: f.Proof})
	case PaymentPaid:
		e := events.PaymentPaid{PaymentID: f.PaymentID, Amount: amount, At: f.At, Proof: f.Proof}
		if !undone {
			e.Due = d.reconcileDue(0)
		}
		d.emit(e)
	case PaymentAuthorized:
		e := events.PaymentAuthorized{PaymentID: f.PaymentID, Amount: amount, At: f.At, Expires: f.Expires, Proof: f.Proof}
		captured := o.Captured + o.Late.Captured
		if holds(o.heldOrMoved(law.PaymentAuthorized, &f.Proof)) {
			captured = o.capturedByCaptures(o.known.has(knownLate))
		}
		e.GatewayCapture = o.CaptureMode != CaptureManual && captured < amount.Minor && !undone
		end := keepable(f.Expires.Add(d.env.Policy.margin()))
		switch {
		case undone:
		case e.GatewayCapture:
			e.Due = d.waitDue(0)
		case !end.IsZero():
			e.Due = end
		default:
			e.Due = d.firstLook()
		}
		d.emitAuthorized(e)
	}
}

func (d *decision) emitRefund(f *Fact) {
	d.emit(events.RefundSucceeded{RefundID: f.TransferID, RefundRequestID: f.RequestID, PaymentID: f.PaymentID,
		Amount: f.Amount, At: f.At, Proof: f.Proof})
}

// seenAgain handles a capture or refund that is known: another amount contradicts; the same is a duplicate, unless it
// names the transfer in a way not known yet, which must be on record or a third message could count it twice.
func (d *decision) seenAgain(f *Fact, t *transfer, id, request uint64) {
	switch {
	case t.minor != f.Amount.Minor:
		d.anomaly(events.TransferContradicts, f, fmt.Sprintf("%s now, %s before", f.Amount, d.o.money(t.minor)))
	case t.id == 0 && id != 0 || t.request == 0 && request != 0, d.o.namesPayment(f):
		if f.Kind == CaptureSucceeded {
			d.emitCapture(f)
		} else {
			d.emitRefund(f)
		}
	}
}

// namesPayment reports whether a message about a transfer is the first one that names the payment by APO's paymentId.
func (o *Order) namesPayment(f *Fact) bool { return o.PaymentID == "" && f.PaymentID != "" }

// observePending: APO works on a capture or refund. The operation that asked for it waits for that.
func (d *decision) observePending(f *Fact) {
	if p := &d.o.Operation; f.RequestID == "" || f.RequestID != p.RequestID {
		d.observeUnasked(f)
		return
	}
	d.acceptOurs(f)
}

// acceptOurs records that APO has what our operation asks for, and no result of it.
func (d *decision) acceptOurs(f *Fact) {
	p := &d.o.Operation
	if p.Phase == Accepted || p.Phase == Parked {
		return
	}
	due, kind := d.waitDue(0), f.about()
	switch {
	case kind == captures && p.Kind == CallCapture:
		d.emit(events.CaptureAccepted{CaptureRequestID: p.RequestID, Attempt: f.Proof.Attempt, Code: f.Code, Due: due,
			Proof: f.Proof})
	case kind == refunds && p.Kind == CallRefund:
		d.emit(events.RefundAccepted{RefundID: f.TransferID, RefundRequestID: p.RequestID, Attempt: f.Proof.Attempt,
			Code: f.Code, Due: due, Proof: f.Proof})
	}
}

// endCancelOnMoney ends an outstanding cancel once money is known to have been captured or refunded: it can no longer
// succeed, and must not be sent again. So it does with one that was to let go of late money of which nothing is left.
func (d *decision) endCancelOnMoney() {
	o := &d.o
	then, outstanding := o.Operation.then(law.ProvenMoneyMoved)
	switch {
	case !outstanding || then != law.Fail:
	case o.Operation.Compensates != 0 && o.Late.Captured > 0:
		d.emit(events.CancelFailed{Code: CodeCaptured})
	case o.Operation.Compensates != 0 && o.Late.IsZero():
		d.emit(events.CancelFailed{Code: CodeNotDone})
	case o.Refunded > 0 || len(o.Held) > 0:
		d.emit(events.CancelFailed{Code: CodeRefunded})
	case o.Status == Captured, o.Operation.Compensates == 0 && o.capturedInTime():
		d.emit(events.CancelFailed{Code: CodeCaptured})
	}
}

// lateMoney opens the one anomaly for money on a cancelled order.
func (d *decision) lateMoney(f *Fact) {
	if _, open := d.o.late(); open {
		return
	}
	d.anomaly(events.LatePayment, f, "the order is cancelled and stays so")
}

// settleLateMoney closes that anomaly when nothing of the late money is left with us.
func (d *decision) settleLateMoney() {
	if d.o.Status != Cancelled || !d.o.Late.IsZero() {
		return
	}
	if a, open := d.o.late(); open {
		d.emit(events.AnomalyCleared{Anomaly: a.Version, Reason: "nothing of the late money is left"})
	}
}

func (o *Order) money(minor int64) Money {
	return Money{Minor: max(minor, 0), Currency: o.Amount.Currency}
}

// keepable is a time that a record can hold, in UTC; one beyond 64 bits of nanoseconds (an expiry in the year 9999)
// counts as not told, because it must not keep its fact out of the log. The evidence has it as it came.
func keepable(t time.Time) time.Time {
	if n := t.UnixNano(); n == math.MinInt64 || !time.Unix(0, n).Equal(t) {
		return time.Time{}
	}
	return t.UTC()
}

// clip keeps foreign text within what a record takes, and whole characters.
func clip(s string) string {
	return strings.ToValidUTF8(s[:min(len(s), events.TextMax)], "")
}
