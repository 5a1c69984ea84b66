package order

import (
	"slices"

	"github.com/tilltape/tilltape/events"
)

// A fact that contradicts what is on record is an anomaly, which keeps the fact as it was told.

var factEvents = map[FactKind]events.Kind{
	PaymentPending:    events.KindPaymentPending,
	PaymentAuthorized: events.KindPaymentAuthorized,
	PaymentPaid:       events.KindPaymentPaid,
	PaymentFailed:     events.KindPaymentFailed,
	PaymentCancelled:  events.KindCancelSucceeded,
	CapturePending:    events.KindCaptureAccepted,
	CaptureSucceeded:  events.KindCaptureSucceeded,
	CaptureFailed:     events.KindCaptureFailed,
	RefundPending:     events.KindRefundAccepted,
	RefundSucceeded:   events.KindRefundSucceeded,
	RefundFailed:      events.KindRefundFailed,
	PaymentRaised:     events.KindPaymentRaised,
	RaiseFailed:       events.KindRaiseFailed,
	OtherTransaction:  events.KindInquiryAnswered,
	CaptureUnclear:    events.KindCaptureUnresolved,
	RefundUnclear:     events.KindRefundUnresolved,
	CaptureUnread:     events.KindCaptureUnresolved,
	RefundUnread:      events.KindRefundUnresolved,
	DisputeOpened:     events.KindDisputeOpened,
	DisputeDue:        events.KindDisputeDue,
	DisputeDefended:   events.KindDisputeDefended,
	DisputeClosed:     events.KindDisputeClosed,
}

// anomaly records a contradiction, once however often its fact is delivered.
func (d *decision) anomaly(reason events.AnomalyReason, f *Fact, detail string) {
	e := f.anomaly(reason, detail)
	// by the same answer, which so adds nothing; nor does the failure of what is another payment's
	otherwise := d.toldAsIt(f) || f.split && f.fails() && reason == events.PaymentContradicts
	if !slices.Contains(d.o.contradiction, contradictionDigest(e)) ||
		!otherwise && (d.o.tellsMore(&e) || d.doubtsMore(&e) || !f.split && d.o.tellsNewer(&e)) {
		d.emit(e)
	}
}

// anomaly is the fact as what contradicts the order.
func (f *Fact) anomaly(reason events.AnomalyReason, detail string) events.AnomalyObserved {
	e := events.AnomalyObserved{Reason: reason, Fact: factEvents[f.Kind], PaymentID: f.PaymentID,
		TransferID: f.TransferID, RequestID: f.RequestID, Amount: f.Amount, At: f.At, Code: f.Code, Detail: clip(detail),
		Proof: f.Proof}
	if f.Kind == DisputeClosed {
		e.Code = f.Outcome.String() // which says more of it than the dispute's reason
	}
	return e
}
