package events

import "google.golang.org/protobuf/encoding/protowire"

// One walk per fact: its payload's fields, their numbers, names and types. tilltape.proto publishes the same; a test
// holds the two together. A number is never used again for something else.

// Bounds of a signed message's parts, in bytes: what the longest key's signature and a path with a query take.
const (
	signatureMax = 4 << 10
	pathMax      = 2 << 10
)

func (w *wire) money(n protowire.Number, field string, m *Money) {
	if s, ok := w.open(n, field); ok {
		w.int(1, "minor", &m.Minor)
		w.str(2, "currency", &m.Currency, IDMax)
		w.close(s, field, false)
	}
}

func (w *wire) identifier(n protowire.Number, field string, i *Identifier) {
	if s, ok := w.open(n, field); ok {
		w.str(1, "payment_id", &i.PaymentID, TextMax)
		w.str(2, "payment_request_id", &i.PaymentRequestID, TextMax)
		w.close(s, field, false)
	}
}

func (w *wire) proof(n protowire.Number, field string, p *Proof) {
	if s, ok := w.open(n, field); ok {
		enum(w, 1, "via", &p.Via, ViaOperator)
		w.uint(2, "inquiry", &p.Inquiry)
		w.uint(3, "attempt", &p.Attempt)
		w.evidence(4, "evidence", &p.Evidence)
		w.close(s, field, false)
	}
}

// evidence may be absent, which is not the same as empty.
func (w *wire) evidence(n protowire.Number, field string, p **Evidence) {
	if w.writing && *p == nil {
		return
	}
	s, ok := w.open(n, field)
	if !ok {
		return
	}
	switch {
	case !w.writing:
		*p = new(Evidence)
	case w.own:
		own := **p
		*p = &own
	}
	e := *p
	w.str(1, "method", &e.Method, IDMax)
	w.str(2, "path", &e.Path, pathMax)
	w.str(3, "client_id", &e.ClientID, TextMax)
	w.str(4, "time", &e.Time, IDMax)
	w.str(5, "key_version", &e.KeyVersion, IDMax)
	w.str(6, "signature", &e.Signature, signatureMax)
	w.bytes(7, "body", &e.Body, BodyMax)
	w.close(s, field, true)
}

func walkOrderCreated(w *wire, e *OrderCreated) {
	w.str(1, "payment_request_id", &e.PaymentRequestID, TextMax)
	w.str(2, "payment_id", &e.PaymentID, TextMax)
	w.money(3, "amount", &e.Amount)
	w.str(4, "method", &e.Method, TextMax)
	w.str(5, "acquirer", &e.Acquirer, TextMax)
	enum(w, 6, "capture_mode", &e.CaptureMode, CaptureManual)
	w.time(7, "pay_by", &e.PayBy)
	w.time(8, "due", &e.Due)
	w.str(9, "merchant_account_id", &e.MerchantAccountID, TextMax)
}

func walkPaymentPending(w *wire, e *PaymentPending) {
	w.str(1, "payment_id", &e.PaymentID, TextMax)
	w.proof(2, "proof", &e.Proof)
}

func walkPaymentAuthorized(w *wire, e *PaymentAuthorized) {
	w.str(1, "payment_id", &e.PaymentID, TextMax)
	w.money(2, "amount", &e.Amount)
	w.time(3, "at", &e.At)
	w.time(4, "expires", &e.Expires)
	w.bool(5, "gateway_capture", &e.GatewayCapture)
	w.time(6, "due", &e.Due)
	w.proof(7, "proof", &e.Proof)
}

func walkPaymentPaid(w *wire, e *PaymentPaid) {
	w.str(1, "payment_id", &e.PaymentID, TextMax)
	w.money(2, "amount", &e.Amount)
	w.time(3, "at", &e.At)
	w.proof(4, "proof", &e.Proof)
	w.time(5, "due", &e.Due)
}

func walkPaymentFailed(w *wire, e *PaymentFailed) {
	w.str(1, "payment_id", &e.PaymentID, TextMax)
	w.str(2, "code", &e.Code, TextMax)
	w.time(3, "at", &e.At)
	w.proof(4, "proof", &e.Proof)
}

func walkPaymentRaised(w *wire, e *PaymentRaised) {
	w.str(1, "update_request_id", &e.UpdateRequestID, TextMax)
	w.str(2, "transaction_id", &e.TransactionID, TextMax)
	w.str(3, "payment_id", &e.PaymentID, TextMax)
	w.money(4, "amount", &e.Amount)
	w.time(5, "at", &e.At)
	w.time(6, "due", &e.Due)
	w.proof(7, "proof", &e.Proof)
}

func walkRaiseFailed(w *wire, e *RaiseFailed) {
	w.str(1, "update_request_id", &e.UpdateRequestID, TextMax)
	w.str(2, "transaction_id", &e.TransactionID, TextMax)
	w.str(3, "payment_id", &e.PaymentID, TextMax)
	w.str(4, "code", &e.Code, TextMax)
	w.time(5, "at", &e.At)
	w.proof(6, "proof", &e.Proof)
}

func walkCancelRequested(w *wire, e *CancelRequested) {
	w.identifier(1, "by", &e.By)
	w.str(2, "reason", &e.Reason, TextMax)
	w.uint(3, "compensates", &e.Compensates)
	w.time(4, "lease", &e.Lease)
	w.str(5, "trace", &e.Trace, TraceMax)
}

func walkCancelSucceeded(w *wire, e *CancelSucceeded) {
	enum(w, 1, "cause", &e.Cause, CauseGateway)
	w.str(2, "payment_id", &e.PaymentID, TextMax)
	w.time(3, "at", &e.At)
	w.proof(4, "proof", &e.Proof)
	w.time(5, "due", &e.Due)
}

func walkCancelFailed(w *wire, e *CancelFailed) {
	w.str(1, "code", &e.Code, TextMax)
	w.str(2, "message", &e.Message, TextMax)
	w.proof(3, "proof", &e.Proof)
}

func walkCancelDated(w *wire, e *CancelDated) {
	w.str(1, "payment_id", &e.PaymentID, TextMax)
	w.time(2, "at", &e.At)
	w.proof(3, "proof", &e.Proof)
}

func walkUnresolved(w *wire, u *Unresolved) {
	w.uint(1, "attempt", &u.Attempt)
	w.str(2, "code", &u.Code, TextMax)
	w.str(3, "message", &u.Message, TextMax)
	w.str(4, "problem", &u.Problem, TextMax)
	w.bool(5, "definite", &u.Definite)
	w.bool(6, "inquire", &u.Inquire)
	w.time(7, "due", &u.Due)
	w.proof(8, "proof", &u.Proof)
}

func walkCancelUnresolved(w *wire, e *CancelUnresolved)   { walkUnresolved(w, &e.Unresolved) }
func walkCaptureUnresolved(w *wire, e *CaptureUnresolved) { walkUnresolved(w, &e.Unresolved) }
func walkRefundUnresolved(w *wire, e *RefundUnresolved)   { walkUnresolved(w, &e.Unresolved) }

func walkCaptureRequested(w *wire, e *CaptureRequested) {
	w.str(1, "capture_request_id", &e.CaptureRequestID, TextMax)
	w.str(2, "payment_id", &e.PaymentID, TextMax)
	w.money(3, "amount", &e.Amount)
	w.bool(4, "last", &e.Last)
	w.time(5, "lease", &e.Lease)
	w.str(6, "trace", &e.Trace, TraceMax)
}

func walkCaptureAccepted(w *wire, e *CaptureAccepted) {
	w.str(1, "capture_request_id", &e.CaptureRequestID, TextMax)
	w.uint(2, "attempt", &e.Attempt)
	w.str(3, "code", &e.Code, TextMax)
	w.time(4, "due", &e.Due)
	w.proof(5, "proof", &e.Proof)
	w.str(6, "capture_id", &e.CaptureID, TextMax)
}

func walkCaptureSucceeded(w *wire, e *CaptureSucceeded) {
	w.str(1, "capture_id", &e.CaptureID, TextMax)
	w.str(2, "capture_request_id", &e.CaptureRequestID, TextMax)
	w.str(3, "payment_id", &e.PaymentID, TextMax)
	w.money(4, "amount", &e.Amount)
	w.time(5, "at", &e.At)
	w.proof(6, "proof", &e.Proof)
	w.time(7, "due", &e.Due)
}

func walkCaptureFailed(w *wire, e *CaptureFailed) {
	w.str(1, "capture_id", &e.CaptureID, TextMax)
	w.str(2, "capture_request_id", &e.CaptureRequestID, TextMax)
	w.str(3, "payment_id", &e.PaymentID, TextMax)
	w.str(4, "code", &e.Code, TextMax)
	w.str(5, "message", &e.Message, TextMax)
	w.time(6, "at", &e.At)
	w.proof(7, "proof", &e.Proof)
}

func walkRefundRequested(w *wire, e *RefundRequested) {
	w.str(1, "refund_request_id", &e.RefundRequestID, TextMax)
	w.str(2, "payment_id", &e.PaymentID, TextMax)
	w.money(3, "amount", &e.Amount)
	w.str(4, "reason", &e.Reason, TextMax)
	w.uint(5, "compensates", &e.Compensates)
	w.time(6, "lease", &e.Lease)
	w.str(7, "trace", &e.Trace, TraceMax)
}

func walkRefundAccepted(w *wire, e *RefundAccepted) {
	w.str(1, "refund_id", &e.RefundID, TextMax)
	w.str(2, "refund_request_id", &e.RefundRequestID, TextMax)
	w.uint(3, "attempt", &e.Attempt)
	w.str(4, "code", &e.Code, TextMax)
	w.time(5, "due", &e.Due)
	w.proof(6, "proof", &e.Proof)
}

func walkRefundSucceeded(w *wire, e *RefundSucceeded) {
	w.str(1, "refund_id", &e.RefundID, TextMax)
	w.str(2, "refund_request_id", &e.RefundRequestID, TextMax)
	w.str(3, "payment_id", &e.PaymentID, TextMax)
	w.money(4, "amount", &e.Amount)
	w.time(5, "at", &e.At)
	w.proof(6, "proof", &e.Proof)
}

func walkRefundFailed(w *wire, e *RefundFailed) {
	w.str(1, "refund_id", &e.RefundID, TextMax)
	w.str(2, "refund_request_id", &e.RefundRequestID, TextMax)
	w.str(3, "code", &e.Code, TextMax)
	w.str(4, "message", &e.Message, TextMax)
	w.time(5, "at", &e.At)
	w.proof(6, "proof", &e.Proof)
}

func walkRefundHeld(w *wire, e *RefundHeld) {
	w.str(1, "refund_id", &e.RefundID, TextMax)
	w.str(2, "refund_request_id", &e.RefundRequestID, TextMax)
	w.str(3, "payment_id", &e.PaymentID, TextMax)
	w.money(4, "amount", &e.Amount)
	w.time(5, "at", &e.At)
	w.time(6, "due", &e.Due)
	w.proof(7, "proof", &e.Proof)
}

func walkAttemptStarted(w *wire, e *AttemptStarted) {
	w.uint(1, "attempt", &e.Attempt)
	w.time(2, "lease", &e.Lease)
}

func walkInquiryStarted(w *wire, e *InquiryStarted) {
	enum(w, 1, "subject", &e.Subject, SubjectRefund)
	w.uint(2, "number", &e.Number)
	w.time(3, "lease", &e.Lease)
	w.uint(4, "intent", &e.Intent)
}

func walkInquiryAnswered(w *wire, e *InquiryAnswered) {
	enum(w, 1, "subject", &e.Subject, SubjectRefund)
	w.uint(2, "number", &e.Number)
	enum(w, 3, "outcome", &e.Outcome, InquiryNotExist)
	w.str(4, "state", &e.State, TextMax)
	w.str(5, "code", &e.Code, TextMax)
	w.str(6, "problem", &e.Problem, TextMax)
	w.bool(7, "ask_again", &e.AskAgain)
	w.time(8, "due", &e.Due)
	w.time(9, "watch_due", &e.WatchDue)
	w.evidence(10, "evidence", &e.Evidence)
	w.bool(11, "listed", &e.Listed)
}

func walkOperationParked(w *wire, e *OperationParked) {
	w.str(1, "reason", &e.Reason, TextMax)
	w.time(2, "due", &e.Due)
	w.uint(3, "intent", &e.Intent)
}

func walkOperationResolved(w *wire, e *OperationResolved) {
	enum(w, 1, "resolution", &e.Resolution, ResolvedFailed)
	w.str(2, "statement", &e.Statement, TextMax)
	w.bool(3, "override", &e.Override)
	w.uint(4, "intent", &e.Intent)
}

func walkTransferResolved(w *wire, e *TransferResolved) {
	w.uint(1, "record", &e.Record)
	enum(w, 2, "resolution", &e.Resolution, ResolvedFailed)
	w.str(3, "statement", &e.Statement, TextMax)
}

func walkAnomalyObserved(w *wire, e *AnomalyObserved) {
	enum(w, 1, "reason", &e.Reason, NotUnderstood)
	kind := string(e.Fact)
	w.str(2, "fact", &kind, IDMax)
	e.Fact = Kind(kind)
	w.str(3, "payment_id", &e.PaymentID, TextMax)
	w.str(4, "transfer_id", &e.TransferID, TextMax)
	w.str(5, "request_id", &e.RequestID, TextMax)
	w.money(6, "amount", &e.Amount)
	w.time(7, "at", &e.At)
	w.str(8, "code", &e.Code, TextMax)
	w.str(9, "detail", &e.Detail, TextMax)
	w.proof(10, "proof", &e.Proof)
}

func walkAnomalyCleared(w *wire, e *AnomalyCleared) {
	w.uint(1, "anomaly", &e.Anomaly)
	w.str(2, "reason", &e.Reason, TextMax)
}

func walkCommandRefused(w *wire, e *CommandRefused) {
	w.str(1, "command", &e.Command, TextMax)
	w.str(2, "reason", &e.Reason, TextMax)
	w.str(3, "remedy", &e.Remedy, TextMax)
	w.uint(4, "cause", &e.Cause)
	w.money(5, "amount", &e.Amount)
	w.uint(6, "count", &e.Count)
}
