package jsonform

import "github.com/tilltape/tilltape/events"

// One walk per fact: its members and what they are. docs/reference/json.md and the schema beside it publish the same; a
// test holds them together.

func walkOrderCreated(f *form, e *events.OrderCreated) {
	f.text("paymentRequestId", &e.PaymentRequestID)
	f.text("paymentId", &e.PaymentID)
	f.money("amount", &e.Amount)
	f.text("method", &e.Method)
	f.text("acquirer", &e.Acquirer)
	word(f, "captureMode", captureModes, &e.CaptureMode)
	f.moment("payBy", &e.PayBy)
	f.moment("due", &e.Due)
	f.text("merchantAccountId", &e.MerchantAccountID)
}

func walkPaymentPending(f *form, e *events.PaymentPending) {
	f.text("paymentId", &e.PaymentID)
	f.proof("proof", &e.Proof)
}

func walkPaymentAuthorized(f *form, e *events.PaymentAuthorized) {
	f.text("paymentId", &e.PaymentID)
	f.money("amount", &e.Amount)
	f.moment("at", &e.At)
	f.moment("expires", &e.Expires)
	f.flag("gatewayCapture", &e.GatewayCapture)
	f.moment("due", &e.Due)
	f.proof("proof", &e.Proof)
}

func walkPaymentPaid(f *form, e *events.PaymentPaid) {
	f.text("paymentId", &e.PaymentID)
	f.money("amount", &e.Amount)
	f.moment("at", &e.At)
	f.proof("proof", &e.Proof)
	f.moment("due", &e.Due)
}

func walkPaymentFailed(f *form, e *events.PaymentFailed) {
	f.text("paymentId", &e.PaymentID)
	f.text("code", &e.Code)
	f.moment("at", &e.At)
	f.proof("proof", &e.Proof)
}

func walkPaymentRaised(f *form, e *events.PaymentRaised) {
	f.text("updateRequestId", &e.UpdateRequestID)
	f.text("transactionId", &e.TransactionID)
	f.text("paymentId", &e.PaymentID)
	f.money("amount", &e.Amount)
	f.moment("at", &e.At)
	f.moment("due", &e.Due)
	f.proof("proof", &e.Proof)
}

func walkRaiseFailed(f *form, e *events.RaiseFailed) {
	f.text("updateRequestId", &e.UpdateRequestID)
	f.text("transactionId", &e.TransactionID)
	f.text("paymentId", &e.PaymentID)
	f.text("code", &e.Code)
	f.moment("at", &e.At)
	f.proof("proof", &e.Proof)
}

func walkCancelRequested(f *form, e *events.CancelRequested) {
	f.identifier("by", &e.By)
	f.text("reason", &e.Reason)
	f.number("compensates", &e.Compensates)
	f.moment("lease", &e.Lease)
	f.text("trace", &e.Trace)
}

func walkCancelSucceeded(f *form, e *events.CancelSucceeded) {
	word(f, "cause", cancelCauses, &e.Cause)
	f.text("paymentId", &e.PaymentID)
	f.moment("at", &e.At)
	f.proof("proof", &e.Proof)
	f.moment("due", &e.Due)
}

func walkCancelFailed(f *form, e *events.CancelFailed) {
	f.text("code", &e.Code)
	f.text("message", &e.Message)
	f.proof("proof", &e.Proof)
}

func walkCancelDated(f *form, e *events.CancelDated) {
	f.text("paymentId", &e.PaymentID)
	f.moment("at", &e.At)
	f.proof("proof", &e.Proof)
}

func walkUnresolved(f *form, u *events.Unresolved) {
	f.number("attempt", &u.Attempt)
	f.text("code", &u.Code)
	f.text("message", &u.Message)
	f.text("problem", &u.Problem)
	f.flag("definite", &u.Definite)
	f.flag("inquire", &u.Inquire)
	f.moment("due", &u.Due)
	f.proof("proof", &u.Proof)
}

func walkCaptureRequested(f *form, e *events.CaptureRequested) {
	f.text("captureRequestId", &e.CaptureRequestID)
	f.text("paymentId", &e.PaymentID)
	f.money("amount", &e.Amount)
	f.flag("last", &e.Last)
	f.moment("lease", &e.Lease)
	f.text("trace", &e.Trace)
}

func walkCaptureAccepted(f *form, e *events.CaptureAccepted) {
	f.text("captureId", &e.CaptureID)
	f.text("captureRequestId", &e.CaptureRequestID)
	f.number("attempt", &e.Attempt)
	f.text("code", &e.Code)
	f.moment("due", &e.Due)
	f.proof("proof", &e.Proof)
}

func walkCaptureSucceeded(f *form, e *events.CaptureSucceeded) {
	f.text("captureId", &e.CaptureID)
	f.text("captureRequestId", &e.CaptureRequestID)
	f.text("paymentId", &e.PaymentID)
	f.money("amount", &e.Amount)
	f.moment("at", &e.At)
	f.proof("proof", &e.Proof)
	f.moment("due", &e.Due)
}

func walkCaptureFailed(f *form, e *events.CaptureFailed) {
	f.text("captureId", &e.CaptureID)
	f.text("captureRequestId", &e.CaptureRequestID)
	f.text("paymentId", &e.PaymentID)
	f.text("code", &e.Code)
	f.text("message", &e.Message)
	f.moment("at", &e.At)
	f.proof("proof", &e.Proof)
}

func walkRefundRequested(f *form, e *events.RefundRequested) {
	f.text("refundRequestId", &e.RefundRequestID)
	f.text("paymentId", &e.PaymentID)
	f.money("amount", &e.Amount)
	f.text("reason", &e.Reason)
	f.number("compensates", &e.Compensates)
	f.moment("lease", &e.Lease)
	f.text("trace", &e.Trace)
}

func walkRefundAccepted(f *form, e *events.RefundAccepted) {
	f.text("refundId", &e.RefundID)
	f.text("refundRequestId", &e.RefundRequestID)
	f.number("attempt", &e.Attempt)
	f.text("code", &e.Code)
	f.moment("due", &e.Due)
	f.proof("proof", &e.Proof)
}

func walkRefundSucceeded(f *form, e *events.RefundSucceeded) {
	f.text("refundId", &e.RefundID)
	f.text("refundRequestId", &e.RefundRequestID)
	f.text("paymentId", &e.PaymentID)
	f.money("amount", &e.Amount)
	f.moment("at", &e.At)
	f.proof("proof", &e.Proof)
}

func walkRefundFailed(f *form, e *events.RefundFailed) {
	f.text("refundId", &e.RefundID)
	f.text("refundRequestId", &e.RefundRequestID)
	f.text("code", &e.Code)
	f.text("message", &e.Message)
	f.moment("at", &e.At)
	f.proof("proof", &e.Proof)
}

func walkRefundHeld(f *form, e *events.RefundHeld) {
	f.text("refundId", &e.RefundID)
	f.text("refundRequestId", &e.RefundRequestID)
	f.text("paymentId", &e.PaymentID)
	f.money("amount", &e.Amount)
	f.moment("at", &e.At)
	f.moment("due", &e.Due)
	f.proof("proof", &e.Proof)
}

func walkAttemptStarted(f *form, e *events.AttemptStarted) {
	f.number("attempt", &e.Attempt)
	f.moment("lease", &e.Lease)
}

func walkInquiryStarted(f *form, e *events.InquiryStarted) {
	word(f, "subject", subjects, &e.Subject)
	f.number("number", &e.Number)
	f.moment("lease", &e.Lease)
	f.number("intent", &e.Intent)
}

func walkInquiryAnswered(f *form, e *events.InquiryAnswered) {
	word(f, "subject", subjects, &e.Subject)
	f.number("number", &e.Number)
	word(f, "outcome", inquiryOutcomes, &e.Outcome)
	f.text("state", &e.State)
	f.text("code", &e.Code)
	f.text("problem", &e.Problem)
	f.flag("askAgain", &e.AskAgain)
	f.moment("due", &e.Due)
	f.moment("watchDue", &e.WatchDue)
	f.evidence("evidence", &e.Evidence)
	f.flag("listed", &e.Listed)
}

func walkOperationParked(f *form, e *events.OperationParked) {
	f.text("reason", &e.Reason)
	f.moment("due", &e.Due)
	f.number("intent", &e.Intent)
}

func walkOperationResolved(f *form, e *events.OperationResolved) {
	word(f, "resolution", resolutions, &e.Resolution)
	f.text("statement", &e.Statement)
	f.flag("override", &e.Override)
	f.number("intent", &e.Intent)
}

func walkTransferResolved(f *form, e *events.TransferResolved) {
	f.number("record", &e.Record)
	word(f, "resolution", resolutions, &e.Resolution)
	f.text("statement", &e.Statement)
}

func walkAnomalyObserved(f *form, e *events.AnomalyObserved) {
	word(f, "reason", anomalyReasons, &e.Reason)
	kind := string(e.Fact)
	f.text("fact", &kind)
	e.Fact = events.Kind(kind)
	f.text("paymentId", &e.PaymentID)
	f.text("transferId", &e.TransferID)
	f.text("requestId", &e.RequestID)
	f.money("amount", &e.Amount)
	f.moment("at", &e.At)
	f.text("code", &e.Code)
	f.text("detail", &e.Detail)
	f.proof("proof", &e.Proof)
}

func walkAnomalyCleared(f *form, e *events.AnomalyCleared) {
	f.number("anomaly", &e.Anomaly)
	f.text("reason", &e.Reason)
}

func walkCommandRefused(f *form, e *events.CommandRefused) {
	f.text("command", &e.Command)
	f.text("reason", &e.Reason)
	f.text("remedy", &e.Remedy)
	f.number("cause", &e.Cause)
	f.money("amount", &e.Amount)
	f.number("count", &e.Count)
}

func walkDisputeOpened(f *form, e *events.DisputeOpened) {
	f.text("disputeId", &e.DisputeID)
	f.text("paymentId", &e.PaymentID)
	f.money("amount", &e.Amount)
	f.moment("at", &e.At)
	f.moment("defendBy", &e.DefendBy)
	f.flag("undefendable", &e.Undefendable)
	f.text("type", &e.Type)
	f.text("code", &e.Code)
	f.text("message", &e.Message)
	f.proof("proof", &e.Proof)
}

func walkDisputeDue(f *form, e *events.DisputeDue) {
	f.text("disputeId", &e.DisputeID)
	f.text("paymentId", &e.PaymentID)
	f.money("amount", &e.Amount)
	f.moment("defendBy", &e.DefendBy)
	f.proof("proof", &e.Proof)
}

func walkDisputeDefended(f *form, e *events.DisputeDefended) {
	f.text("disputeId", &e.DisputeID)
	f.text("paymentId", &e.PaymentID)
	f.money("amount", &e.Amount)
	f.proof("proof", &e.Proof)
}

func walkDisputeClosed(f *form, e *events.DisputeClosed) {
	f.text("disputeId", &e.DisputeID)
	f.text("paymentId", &e.PaymentID)
	word(f, "outcome", disputeOutcomes, &e.Outcome)
	f.money("amount", &e.Amount)
	f.money("lost", &e.Lost)
	f.moment("at", &e.At)
	f.text("code", &e.Code)
	f.text("message", &e.Message)
	f.proof("proof", &e.Proof)
}

func walkCancelUnresolved(f *form, e *events.CancelUnresolved) { walkUnresolved(f, &e.Unresolved) }

func walkCaptureUnresolved(f *form, e *events.CaptureUnresolved) { walkUnresolved(f, &e.Unresolved) }

func walkRefundUnresolved(f *form, e *events.RefundUnresolved) { walkUnresolved(f, &e.Unresolved) }
