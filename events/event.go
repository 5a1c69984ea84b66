package events

import "slices"

// Kind names a fact and the version of its payload, for instance "cancel.requested.v1". The name never changes its
// meaning; a payload that must change its meaning gets the next version and an upcast from the one before.
type Kind string

// Event is one fact: something that happened and stays so. The sum is sealed; [Kinds] lists every member.
// Events are plain values; once handed to a store, neither side may change what they point to.
type Event interface {
	// Kind tells which fact this is. It is constant for a type.
	Kind() Kind
	event()
}

// The facts of one order, by kind.
const (
	KindOrderCreated      Kind = "order.created.v1"
	KindPaymentPending    Kind = "payment.pending.v1"
	KindPaymentAuthorized Kind = "payment.authorized.v1"
	KindPaymentPaid       Kind = "payment.paid.v1"
	KindPaymentFailed     Kind = "payment.failed.v1"
	KindPaymentRaised     Kind = "payment.raised.v1"
	KindRaiseFailed       Kind = "raise.failed.v1"
	KindCancelRequested   Kind = "cancel.requested.v1"
	KindCancelSucceeded   Kind = "cancel.succeeded.v1"
	KindCancelFailed      Kind = "cancel.failed.v1"
	KindCancelUnresolved  Kind = "cancel.unresolved.v1"
	KindCancelDated       Kind = "cancel.dated.v1"
	KindCaptureRequested  Kind = "capture.requested.v1"
	KindCaptureAccepted   Kind = "capture.accepted.v1"
	KindCaptureSucceeded  Kind = "capture.succeeded.v1"
	KindCaptureFailed     Kind = "capture.failed.v1"
	KindCaptureUnresolved Kind = "capture.unresolved.v1"
	KindRefundRequested   Kind = "refund.requested.v1"
	KindRefundAccepted    Kind = "refund.accepted.v1"
	KindRefundSucceeded   Kind = "refund.succeeded.v1"
	KindRefundFailed      Kind = "refund.failed.v1"
	KindRefundUnresolved  Kind = "refund.unresolved.v1"
	KindRefundHeld        Kind = "refund.held.v1"
	KindDisputeOpened     Kind = "dispute.opened.v1"
	KindDisputeDue        Kind = "dispute.due.v1"
	KindDisputeDefended   Kind = "dispute.defended.v1"
	KindDisputeClosed     Kind = "dispute.closed.v1"
	KindAttemptStarted    Kind = "attempt.started.v1"
	KindInquiryStarted    Kind = "inquiry.started.v1"
	KindInquiryAnswered   Kind = "inquiry.answered.v1"
	KindOperationParked   Kind = "operation.parked.v1"
	KindOperationResolved Kind = "operation.resolved.v1"
	KindTransferResolved  Kind = "transfer.resolved.v1"
	KindAnomalyObserved   Kind = "anomaly.observed.v1"
	KindAnomalyCleared    Kind = "anomaly.cleared.v1"
)

// KindCommandRefused is the one fact of the category [CategoryRefusal].
const KindCommandRefused Kind = "command.refused.v1"

var kinds = []Kind{
	KindOrderCreated, KindPaymentPending, KindPaymentAuthorized, KindPaymentPaid, KindPaymentFailed,
	KindPaymentRaised, KindRaiseFailed,
	KindCancelRequested, KindCancelSucceeded, KindCancelFailed, KindCancelUnresolved, KindCancelDated,
	KindCaptureRequested, KindCaptureAccepted, KindCaptureSucceeded, KindCaptureFailed, KindCaptureUnresolved,
	KindRefundRequested, KindRefundAccepted, KindRefundSucceeded, KindRefundFailed, KindRefundUnresolved, KindRefundHeld,
	KindDisputeOpened, KindDisputeDue, KindDisputeDefended, KindDisputeClosed,
	KindAttemptStarted, KindInquiryStarted, KindInquiryAnswered,
	KindOperationParked, KindOperationResolved, KindTransferResolved, KindAnomalyObserved, KindAnomalyCleared,
	KindCommandRefused,
}

// Kinds returns every kind this version of the library reads and writes, in a fixed order. The slice is the caller's.
func Kinds() []Kind { return slices.Clone(kinds) }
