package audit

import (
	"time"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/events"
)

// fields are what a fact keeps of the message it was made from.
type fields uint16

const (
	hasPayment  fields = 1 << iota // paymentId
	hasTransfer                    // captureId, refundId
	hasRequest                     // captureRequestId, refundRequestId
	hasAmount
	hasTime
	hasExpiry
	hasCode
	hasDefence // of a dispute: until when it can be defended, and whether
	hasEnd     // of a dispute: how it ended, and what it took
	hasEndWord // of an anomaly: how a dispute ended, in the place of a code

	hasIDs = hasPayment | hasTransfer | hasRequest
)

// statement is a fact as something that APO said.
type statement struct {
	what  string    // it is about: "payment", "raise", "cancel", "capture", "refund"
	kind  apo.Kind  // as which the message must tell it, unless it answers a call of ours
	also  apo.Kind  // what tells it as well; 0: nothing
	op    apo.Op    // of the call that it can be the answer to
	class apo.Class // of that answer
	has   fields

	paymentID, transferID, requestID string
	amount                           events.Money
	at, expires                      time.Time
	code, message                    string
	proof                            events.Proof

	// Of a dispute alone.
	defendBy     time.Time
	undefendable bool
	kindWord     string // disputeType
	outcome      events.DisputeOutcome
	lost         events.Money

	anomaly    bool
	eitherWay  bool        // an anomaly of a late answer, which may be of class Failed as well
	neverPaid  bool        // the message says that there is no payment
	unresolved bool        // the message decided nothing
	oneStep    bool        // the payment moved its money at once
	fact       events.Kind // that an anomaly names
	unread     bool        // an anomaly of a message that was not understood
}

// stated says what a fact has from APO. ok is false for facts that rest on no message.
func stated(e events.Event) (s statement, ok bool) {
	switch e := e.(type) {
	case events.PaymentPending:
		return statement{what: "payment", kind: apo.PaymentPending, has: hasPayment, paymentID: e.PaymentID,
			proof: e.Proof}, true
	case events.PaymentAuthorized:
		return statement{what: "payment", kind: apo.PaymentSucceeded, has: hasPayment | hasAmount | hasTime | hasExpiry,
			paymentID: e.PaymentID, amount: e.Amount, at: e.At, expires: e.Expires, proof: e.Proof}, true
	case events.PaymentPaid:
		return statement{what: "payment", kind: apo.PaymentSucceeded, has: hasPayment | hasAmount | hasTime,
			paymentID: e.PaymentID, amount: e.Amount, at: e.At, proof: e.Proof, oneStep: true}, true
	case events.PaymentFailed:
		return statement{what: "payment", kind: apo.PaymentFailed, has: hasPayment | hasTime | hasCode,
			paymentID: e.PaymentID, at: e.At, code: e.Code, proof: e.Proof}, true
	case events.PaymentRaised:
		return statement{what: "raise", kind: apo.PaymentRaised, has: hasIDs | hasAmount | hasTime, paymentID: e.PaymentID,
			transferID: e.TransactionID, requestID: e.UpdateRequestID, amount: e.Amount, at: e.At, proof: e.Proof}, true
	case events.RaiseFailed:
		return statement{what: "raise", kind: apo.RaiseFailed, has: hasIDs | hasTime | hasCode, paymentID: e.PaymentID,
			transferID: e.TransactionID, requestID: e.UpdateRequestID, at: e.At, code: e.Code, proof: e.Proof}, true
	case events.CancelSucceeded, events.CancelDated, events.CancelFailed, events.CancelUnresolved:
		return statedCancel(e), true
	case events.CaptureAccepted, events.CaptureSucceeded, events.CaptureFailed, events.CaptureUnresolved:
		return statedCapture(e), true
	case events.RefundAccepted, events.RefundSucceeded, events.RefundHeld, events.RefundFailed, events.RefundUnresolved:
		return statedRefund(e), true
	case events.DisputeOpened, events.DisputeDue, events.DisputeDefended, events.DisputeClosed:
		return statedDispute(e), true
	case events.AnomalyObserved:
		return statedAnomaly(&e), true
	}
	return statement{}, false
}

func statedCancel(e events.Event) statement {
	s := statement{what: "cancel", kind: apo.Cancelled, op: apo.OpCancel}
	switch e := e.(type) {
	case events.CancelSucceeded:
		s.class, s.has, s.paymentID, s.at, s.proof = apo.Succeeded, hasPayment|hasTime, e.PaymentID, e.At, e.Proof
		s.neverPaid = e.Cause == events.CauseNeverPaid
		if e.Cause == events.CausePaymentFailed {
			s.kind = apo.PaymentFailed
		}
	case events.CancelDated:
		s.class, s.has, s.paymentID, s.at, s.proof = apo.Succeeded, hasPayment|hasTime, e.PaymentID, e.At, e.Proof
	case events.CancelFailed:
		s.class, s.has, s.code, s.message, s.proof = apo.Failed, hasCode, e.Code, e.Message, e.Proof
	case events.CancelUnresolved:
		s.unsettled(&e.Unresolved)
	}
	return s
}

func statedCapture(e events.Event) statement {
	s := statement{what: "capture", op: apo.OpCapture}
	switch e := e.(type) {
	case events.CaptureAccepted:
		s.kind, s.class, s.has = apo.CapturePending, apo.Accepted, hasRequest|hasCode
		s.also = apo.CaptureUnclear
		s.transferID, s.requestID, s.code, s.proof = e.CaptureID, e.CaptureRequestID, e.Code, e.Proof
		if e.CaptureRequestID == "" { // APO's own
			s.has |= hasTransfer
		}
	case events.CaptureSucceeded:
		s.kind, s.class, s.has = apo.CaptureSucceeded, apo.Succeeded, hasIDs|hasAmount|hasTime
		s.paymentID, s.transferID, s.requestID, s.amount, s.at = e.PaymentID, e.CaptureID, e.CaptureRequestID, e.Amount, e.At
		s.proof = e.Proof
	case events.CaptureFailed:
		s.kind, s.class, s.has = apo.CaptureFailed, apo.Failed, hasIDs|hasTime|hasCode
		s.paymentID, s.transferID, s.requestID, s.at = e.PaymentID, e.CaptureID, e.CaptureRequestID, e.At
		s.code, s.message, s.proof = e.Code, e.Message, e.Proof
	case events.CaptureUnresolved:
		s.unsettled(&e.Unresolved)
	}
	return s
}

func statedRefund(e events.Event) statement {
	s := statement{what: "refund", op: apo.OpRefund}
	switch e := e.(type) {
	case events.RefundAccepted:
		s.kind, s.class, s.has = apo.RefundPending, apo.Accepted, hasTransfer|hasRequest|hasCode
		s.also = apo.RefundUnclear
		s.transferID, s.requestID, s.code, s.proof = e.RefundID, e.RefundRequestID, e.Code, e.Proof
	case events.RefundSucceeded:
		s.kind, s.has = apo.RefundSucceeded, hasIDs|hasAmount|hasTime
		s.paymentID, s.transferID, s.requestID, s.amount, s.at = e.PaymentID, e.RefundID, e.RefundRequestID, e.Amount, e.At
		s.proof = e.Proof
	case events.RefundHeld:
		s.kind, s.has = apo.RefundSucceeded, hasIDs|hasAmount|hasTime
		s.paymentID, s.transferID, s.requestID, s.amount, s.at = e.PaymentID, e.RefundID, e.RefundRequestID, e.Amount, e.At
		s.proof = e.Proof
	case events.RefundFailed:
		s.kind, s.class, s.has = apo.RefundFailed, apo.Failed, hasTransfer|hasRequest|hasTime|hasCode
		s.transferID, s.requestID, s.at, s.code, s.message = e.RefundID, e.RefundRequestID, e.At, e.Code, e.Message
		s.proof = e.Proof
	case events.RefundUnresolved:
		s.unsettled(&e.Unresolved)
	}
	return s
}

func (s *statement) unsettled(u *events.Unresolved) {
	s.has, s.code, s.message, s.proof, s.unresolved = hasCode, u.Code, u.Message, u.Proof, true
}

// statedAnomaly: an anomaly has all that its fact would have had.
func statedAnomaly(e *events.AnomalyObserved) statement {
	s := statement{what: "payment", has: hasIDs | hasAmount | hasTime | hasCode, paymentID: e.PaymentID,
		transferID: e.TransferID, requestID: e.RequestID, amount: e.Amount, at: e.At, code: e.Code, proof: e.Proof,
		anomaly: true, fact: e.Fact, unread: e.Reason == events.NotUnderstood}
	switch e.Fact {
	case events.KindPaymentPending:
		s.kind = apo.PaymentPending
	case events.KindPaymentAuthorized, events.KindPaymentPaid:
		s.kind = apo.PaymentSucceeded
	case events.KindPaymentFailed:
		s.kind = apo.PaymentFailed
	case events.KindPaymentRaised:
		s.what, s.kind = "raise", apo.PaymentRaised
	case events.KindRaiseFailed:
		s.what, s.kind = "raise", apo.RaiseFailed
	case events.KindCancelSucceeded:
		s.what, s.kind, s.op, s.class = "cancel", apo.Cancelled, apo.OpCancel, apo.Succeeded
		s.eitherWay = e.Reason == events.LateAnswer
	case events.KindCaptureAccepted:
		s.what, s.kind, s.op, s.class = "capture", apo.CapturePending, apo.OpCapture, apo.Accepted
	case events.KindCaptureSucceeded:
		s.what, s.kind, s.op, s.class = "capture", apo.CaptureSucceeded, apo.OpCapture, apo.Succeeded
	case events.KindCaptureFailed:
		s.what, s.kind, s.op, s.class = "capture", apo.CaptureFailed, apo.OpCapture, apo.Failed
	case events.KindRefundAccepted:
		s.what, s.kind, s.op, s.class = "refund", apo.RefundPending, apo.OpRefund, apo.Accepted
	case events.KindRefundSucceeded, events.KindRefundHeld:
		s.what, s.kind = "refund", apo.RefundSucceeded
	case events.KindRefundFailed:
		s.what, s.kind, s.op, s.class = "refund", apo.RefundFailed, apo.OpRefund, apo.Failed
	case events.KindInquiryAnswered:
		s.what, s.kind = "transaction", apo.OtherTransaction
	case events.KindCaptureUnresolved:
		s.what, s.kind = "capture", apo.CaptureUnclear
	case events.KindRefundUnresolved:
		s.what, s.kind = "refund", apo.RefundUnclear
	case events.KindDisputeOpened, events.KindDisputeDue, events.KindDisputeDefended, events.KindDisputeClosed:
		s.disputeAnomaly(e.Fact)
	}
	return s
}
