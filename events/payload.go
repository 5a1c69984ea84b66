package events

// One walk per fact: its payload's fields, their numbers and types. tilltape.proto publishes the same; a test holds the
// two together. Numbers are never used again for something else.

func walkMoney(w *wire, m *Money) {
	w.int(1, &m.Minor)
	w.str(2, &m.Currency)
}

func walkEvidence(w *wire, e *Evidence) {
	w.str(1, &e.Method)
	w.bounded(2, &e.Path, evidenceFieldMax)
	w.str(3, &e.ClientID)
	w.str(4, &e.Time)
	w.str(5, &e.KeyVersion)
	w.bounded(6, &e.Signature, evidenceFieldMax)
	w.bytes(7, &e.Body, BodyMax)
}

func walkProof(w *wire, p *Proof) {
	enum(w, 1, &p.Via, ViaOperator)
	w.uint(2, &p.Inquiry)
	w.uint(3, &p.Attempt)
	optional(w, 4, &p.Evidence, walkEvidence)
}

func walkOrderCreated(w *wire, e *OrderCreated) {
	w.str(1, &e.PaymentRequestID)
	w.str(2, &e.PaymentID)
	message(w, 3, &e.Amount, walkMoney)
	w.str(4, &e.Method)
	w.str(5, &e.Acquirer)
	enum(w, 6, &e.CaptureMode, CaptureManual)
	w.time(7, &e.PayBy)
	w.time(8, &e.Due)
}

func walkPaymentPending(w *wire, e *PaymentPending) {
	w.str(1, &e.PaymentID)
	message(w, 2, &e.Proof, walkProof)
}

func walkPaymentAuthorized(w *wire, e *PaymentAuthorized) {
	w.str(1, &e.PaymentID)
	message(w, 2, &e.Amount, walkMoney)
	w.time(3, &e.At)
	w.time(4, &e.Expires)
	w.bool(5, &e.GatewayCapture)
	w.time(6, &e.Due)
	message(w, 7, &e.Proof, walkProof)
}

func walkPaymentPaid(w *wire, e *PaymentPaid) {
	w.str(1, &e.PaymentID)
	message(w, 2, &e.Amount, walkMoney)
	w.time(3, &e.At)
	message(w, 4, &e.Proof, walkProof)
}

func walkPaymentFailed(w *wire, e *PaymentFailed) {
	w.str(1, &e.PaymentID)
	w.str(2, &e.Code)
	w.time(3, &e.At)
	message(w, 4, &e.Proof, walkProof)
}

func walkIdentifier(w *wire, i *Identifier) {
	w.str(1, &i.PaymentID)
	w.str(2, &i.PaymentRequestID)
}

func walkCancelRequested(w *wire, e *CancelRequested) {
	message(w, 1, &e.By, walkIdentifier)
	w.str(2, &e.Reason)
	w.uint(3, &e.Compensates)
	w.time(4, &e.Lease)
}

func walkCancelSucceeded(w *wire, e *CancelSucceeded) {
	enum(w, 1, &e.Cause, CauseGateway)
	w.str(2, &e.PaymentID)
	w.time(3, &e.At)
	message(w, 4, &e.Proof, walkProof)
}

func walkCancelFailed(w *wire, e *CancelFailed) {
	w.str(1, &e.Code)
	w.str(2, &e.Message)
	message(w, 3, &e.Proof, walkProof)
}

func walkUnresolved(w *wire, u *Unresolved) {
	w.uint(1, &u.Attempt)
	w.str(2, &u.Code)
	w.str(3, &u.Message)
	w.str(4, &u.Problem)
	w.bool(5, &u.Definite)
	w.bool(6, &u.Inquire)
	w.time(7, &u.Due)
	message(w, 8, &u.Proof, walkProof)
}

func walkCancelUnresolved(w *wire, e *CancelUnresolved)   { walkUnresolved(w, &e.Unresolved) }
func walkCaptureUnresolved(w *wire, e *CaptureUnresolved) { walkUnresolved(w, &e.Unresolved) }
func walkRefundUnresolved(w *wire, e *RefundUnresolved)   { walkUnresolved(w, &e.Unresolved) }

func walkCaptureRequested(w *wire, e *CaptureRequested) {
	w.str(1, &e.CaptureRequestID)
	w.str(2, &e.PaymentID)
	message(w, 3, &e.Amount, walkMoney)
	w.bool(4, &e.Last)
	w.time(5, &e.Lease)
}

func walkCaptureAccepted(w *wire, e *CaptureAccepted) {
	w.str(1, &e.CaptureRequestID)
	w.uint(2, &e.Attempt)
	w.str(3, &e.Code)
	w.time(4, &e.Due)
	message(w, 5, &e.Proof, walkProof)
}

func walkCaptureSucceeded(w *wire, e *CaptureSucceeded) {
	w.str(1, &e.CaptureID)
	w.str(2, &e.CaptureRequestID)
	w.str(3, &e.PaymentID)
	message(w, 4, &e.Amount, walkMoney)
	w.time(5, &e.At)
	message(w, 6, &e.Proof, walkProof)
}

func walkCaptureFailed(w *wire, e *CaptureFailed) {
	w.str(1, &e.CaptureID)
	w.str(2, &e.CaptureRequestID)
	w.str(3, &e.PaymentID)
	w.str(4, &e.Code)
	w.str(5, &e.Message)
	w.time(6, &e.At)
	message(w, 7, &e.Proof, walkProof)
}

func walkRefundRequested(w *wire, e *RefundRequested) {
	w.str(1, &e.RefundRequestID)
	w.str(2, &e.PaymentID)
	message(w, 3, &e.Amount, walkMoney)
	w.str(4, &e.Reason)
	w.uint(5, &e.Compensates)
	w.time(6, &e.Lease)
}

func walkRefundAccepted(w *wire, e *RefundAccepted) {
	w.str(1, &e.RefundID)
	w.str(2, &e.RefundRequestID)
	w.uint(3, &e.Attempt)
	w.str(4, &e.Code)
	w.time(5, &e.Due)
	message(w, 6, &e.Proof, walkProof)
}

func walkRefundSucceeded(w *wire, e *RefundSucceeded) {
	w.str(1, &e.RefundID)
	w.str(2, &e.RefundRequestID)
	w.str(3, &e.PaymentID)
	message(w, 4, &e.Amount, walkMoney)
	w.time(5, &e.At)
	message(w, 6, &e.Proof, walkProof)
}

func walkRefundFailed(w *wire, e *RefundFailed) {
	w.str(1, &e.RefundID)
	w.str(2, &e.RefundRequestID)
	w.str(3, &e.Code)
	w.str(4, &e.Message)
	w.time(5, &e.At)
	message(w, 6, &e.Proof, walkProof)
}

func walkRefundHeld(w *wire, e *RefundHeld) {
	w.str(1, &e.RefundID)
	w.str(2, &e.RefundRequestID)
	w.str(3, &e.PaymentID)
	message(w, 4, &e.Amount, walkMoney)
	w.time(5, &e.At)
	w.time(6, &e.Due)
	message(w, 7, &e.Proof, walkProof)
}

func walkAttemptStarted(w *wire, e *AttemptStarted) {
	w.uint(1, &e.Attempt)
	w.time(2, &e.Lease)
}

func walkInquiryStarted(w *wire, e *InquiryStarted) {
	enum(w, 1, &e.Subject, SubjectRefund)
	w.uint(2, &e.Number)
	w.time(3, &e.Lease)
}

func walkInquiryAnswered(w *wire, e *InquiryAnswered) {
	enum(w, 1, &e.Subject, SubjectRefund)
	w.uint(2, &e.Number)
	enum(w, 3, &e.Outcome, InquiryNotExist)
	w.str(4, &e.State)
	w.str(5, &e.Code)
	w.str(6, &e.Problem)
	w.bool(7, &e.AskAgain)
	w.time(8, &e.Due)
	w.time(9, &e.WatchDue)
	optional(w, 10, &e.Evidence, walkEvidence)
}

func walkOperationParked(w *wire, e *OperationParked) {
	w.str(1, &e.Reason)
	w.time(2, &e.Due)
}

func walkOperationResolved(w *wire, e *OperationResolved) {
	enum(w, 1, &e.Resolution, ResolvedFailed)
	w.str(2, &e.Statement)
}

func walkAnomalyObserved(w *wire, e *AnomalyObserved) {
	enum(w, 1, &e.Reason, LateAnswer)
	kind := string(e.Fact)
	w.str(2, &kind)
	e.Fact = Kind(kind)
	w.str(3, &e.PaymentID)
	w.str(4, &e.TransferID)
	w.str(5, &e.RequestID)
	message(w, 6, &e.Amount, walkMoney)
	w.time(7, &e.At)
	w.str(8, &e.Code)
	w.str(9, &e.Detail)
	message(w, 10, &e.Proof, walkProof)
}

func walkAnomalyCleared(w *wire, e *AnomalyCleared) {
	w.uint(1, &e.Anomaly)
	w.str(2, &e.Reason)
}

func walkCommandRefused(w *wire, e *CommandRefused) {
	w.str(1, &e.Command)
	w.str(2, &e.Reason)
	w.str(3, &e.Remedy)
	w.uint(4, &e.Cause)
	message(w, 5, &e.Amount, walkMoney)
	w.uint(6, &e.Count)
}
