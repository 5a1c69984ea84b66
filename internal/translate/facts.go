// Package translate puts what package apo says into the words of the core, and the core's calls into requests to APO.
// It is the one place where the two vocabularies meet: the driver of orders and the judge of a log read the same
// tables.
package translate

import (
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
)

var factKinds = map[apo.Kind]order.FactKind{
	apo.PaymentPending:   order.PaymentPending,
	apo.PaymentSucceeded: order.PaymentSucceeded,
	apo.PaymentFailed:    order.PaymentFailed,
	apo.Cancelled:        order.PaymentCancelled,
	apo.CapturePending:   order.CapturePending,
	apo.CaptureSucceeded: order.CaptureSucceeded,
	apo.CaptureFailed:    order.CaptureFailed,
	apo.RefundPending:    order.RefundPending,
	apo.RefundSucceeded:  order.RefundSucceeded,
	apo.RefundFailed:     order.RefundFailed,
	apo.PaymentRaised:    order.PaymentRaised,
	apo.RaiseFailed:      order.RaiseFailed,
	apo.OtherTransaction: order.OtherTransaction,
	apo.CaptureUnclear:   order.CaptureUnclear,
	apo.RefundUnclear:    order.RefundUnclear,
	apo.DisputeOpened:    order.DisputeOpened,
	apo.DisputeDue:       order.DisputeDue,
	apo.DisputeDefended:  order.DisputeDefended,
	apo.DisputeClosed:    order.DisputeClosed,
	apo.NotUnderstood:    order.NotUnderstood,
}

var disputeOutcomes = map[apo.DisputeOutcome]events.DisputeOutcome{
	apo.DisputeBuyerLiable:    events.DisputeWon,
	apo.DisputeMerchantLiable: events.DisputeLost,
	apo.DisputeValidated:      events.DisputeValidated,
	apo.DisputeInvalidated:    events.DisputeInvalidated,
	apo.DisputeAccepted:       events.DisputeAccepted,
	apo.DisputeTimedOut:       events.DisputeUndefended,
	apo.DisputeWithdrawn:      events.DisputeWithdrawn,
	apo.DisputeRapid:          events.DisputeRefunded,
}

// DisputeOutcome is how a dispute ended, in the core's words.
func DisputeOutcome(o apo.DisputeOutcome) events.DisputeOutcome { return disputeOutcomes[o] }

// Fact is a verified fact in the core's words, without its proof.
func Fact(v apo.Verified) order.Fact {
	kind := factKinds[v.Kind()]
	switch {
	case v.Authorized():
		kind = order.PaymentAuthorized
	case v.PaidInOneStep():
		kind = order.PaymentPaid
	case v.Kind() == apo.NotUnderstood && v.Op() == apo.OpNotifyCapture:
		kind = order.CaptureUnread
	case v.Kind() == apo.NotUnderstood && v.Op() == apo.OpNotifyRefund:
		kind = order.RefundUnread
	}
	dispute := v.Dispute()
	f := order.Fact{Kind: kind, PaymentID: v.PaymentID(), PaymentRequestID: v.PaymentRequestID(),
		TransferID: v.TransferID(), RequestID: v.RequestID(), Amount: v.Amount(), At: v.Time(), Expires: v.AuthExpiry(),
		Code: v.Code(), Message: dispute.Reason, DefendBy: dispute.DefendBy, Undefendable: dispute.Undefendable,
		Type: dispute.Type, Outcome: DisputeOutcome(dispute.Outcome), Lost: dispute.Lost}
	if err := v.Err(); err != nil {
		f.Message = err.Error()
	}
	return f
}

// Evidence is a kept message in the words of the log; nil stays nil.
func Evidence(e *apo.Evidence) *events.Evidence {
	if e == nil {
		return nil
	}
	kept := events.Evidence(*e)
	return &kept
}

// Channel is how a message of that operation reaches us.
func Channel(op apo.Op) events.Channel {
	switch {
	case op.IsNotification():
		return events.ViaNotification
	case op == apo.OpInquirePayment, op == apo.OpInquireRefund:
		return events.ViaInquiry
	}
	return events.ViaAnswer
}
