package apo

import (
	"slices"
	"time"
)

// prove says what a verified message proves, in the order in which the facts
// are to be applied: the payment and what it was raised to, then captures, then
// refunds, then the rest. A fact that names nothing it could belong to is left out.
func prove(c *content, evidence *Evidence) []Verified {
	whole := c.whole()
	whole.evidence = evidence
	facts := []Verified{whole}
	if c.op == OpInquirePayment && c.result.status == statusDone {
		facts = c.proveLines(whole)
	}
	return slices.DeleteFunc(facts, func(v Verified) bool { return v.kind == 0 || !v.named() })
}

// whole is what the message proves as a whole.
func (c *content) whole() Verified {
	kind := c.kind()
	v := Verified{kind: kind, op: c.op, details: c.details, dispute: c.dispute, code: c.codeOf(kind)}
	v.details.Time = c.timeOf(kind)
	return v
}

// timeOf is when a fact of the kind was, by the message as a whole: beside an
// inquiry's CANCELLED, paymentTime is when it was paid.
func (c *content) timeOf(kind Kind) time.Time {
	if kind == Cancelled && c.op == OpInquirePayment {
		return time.Time{}
	}
	return c.details.Time
}

// codeOf is the code of a fact of the kind: of a failure, or of a dispute's reason.
func (c *content) codeOf(kind Kind) string {
	switch kind {
	case PaymentFailed, CaptureFailed, RefundFailed, RaiseFailed:
		return c.failureCode()
	case DisputeOpened, DisputeClosed:
		return c.result.code
	}
	return ""
}

// named reports whether there is any id to find an order by.
func (v Verified) named() bool {
	return v.PaymentID() != "" || v.PaymentRequestID() != "" || v.TransferID() != "" || v.RequestID() != ""
}

// kind says what the message as a whole proves, 0 for nothing.
func (c *content) kind() Kind {
	class := Classify(c.op, c.result.status, c.result.code)
	switch c.op {
	case OpPay:
		return pick(class, PaymentSucceeded, PaymentPending, PaymentFailed)
	case OpCancel:
		return pick(class, Cancelled, 0, 0)
	case OpCapture:
		return pick(class, CaptureSucceeded, CapturePending, CaptureFailed)
	case OpRefund:
		return pick(class, 0, RefundPending, RefundFailed)
	case OpInquirePayment:
		if class == Succeeded {
			return paymentKind(c.details.State)
		}
	case OpInquireRefund:
		if class == Succeeded {
			return transferKind(c.details.State, RefundSucceeded, RefundPending, RefundFailed)
		}
	case OpNotifyPayment, OpNotifyCapture, OpNotifyRefund:
		return c.notifiedKind()
	case OpNotifyDispute:
		return c.disputeKind()
	}
	return 0
}

func pick(class Class, succeeded, accepted, failed Kind) Kind {
	switch class {
	case Succeeded:
		return succeeded
	case Accepted:
		return accepted
	case Failed:
		return failed
	}
	return 0
}

// notifiedKind reads a notification, whose S and F are final: no table of codes
// decides there.
func (c *content) notifiedKind() Kind {
	done, failed := c.result.status == statusDone, c.result.status == statusFailed
	switch {
	case c.details.NotifyType == notifyPaymentPending && done:
		return PaymentPending // S says here that it is still processing
	case c.op == OpNotifyPayment && c.details.NotifyType == notifyPaymentResult && done:
		return PaymentSucceeded
	case c.op == OpNotifyPayment && c.details.NotifyType == notifyPaymentResult && failed:
		return PaymentFailed
	case c.op == OpNotifyPayment && c.details.NotifyType == notifyUpdateResult && done:
		return PaymentRaised
	case c.op == OpNotifyPayment && c.details.NotifyType == notifyUpdateResult && failed:
		return RaiseFailed
	case c.op == OpNotifyCapture && done:
		return CaptureSucceeded
	case c.op == OpNotifyCapture && failed:
		return CaptureFailed
	case c.op != OpNotifyRefund || !done && !failed:
		return 0
	}
	// refundStatus is the last word on a refund, read as in an inquiry's answer; result stands in where it is missing. A
	// failed result beside a refund that succeeded or goes on proves neither.
	state := c.details.State
	kind := transferKind(state, RefundSucceeded, RefundPending, RefundFailed)
	switch {
	case state == "" && done:
		return RefundSucceeded
	case state == "":
		return RefundFailed
	case failed && kind != RefundFailed:
		return 0
	}
	return kind
}

// failureCode is the code that explains a failure. An inquiry's own result code
// speaks of the query, so it is not taken.
func (c *content) failureCode() string {
	switch {
	case c.op == OpInquirePayment:
		return c.details.StateCode
	case c.op == OpInquireRefund, c.result.status == statusDone:
		return ""
	}
	return c.result.code
}

func paymentKind(state State) Kind {
	switch state {
	case StateSuccess:
		return PaymentSucceeded
	case StateFail:
		return PaymentFailed
	case StateProcessing, StatePending:
		return PaymentPending
	case StateCancelled:
		return Cancelled
	}
	return 0
}

// transferKind reads the state of a capture or refund, in whatever message it
// stands. CANCELLED is APO's signed and last word that it did not happen and
// will not, so it is proven to have failed: what it would have moved is free
// again. Nothing else follows from it; a refund that had succeeded before is
// an anomaly then, as with FAIL. A state that is not known here proves nothing.
func transferKind(state State, succeeded, pending, failed Kind) Kind {
	switch state {
	case StateSuccess:
		return succeeded
	case StateProcessing, StatePending:
		return pending
	case StateFail, StateCancelled:
		return failed
	}
	return 0
}

// lineKind says what one line of the transactions proves. ok is false for a
// line that there is no kind for.
func lineKind(line Transaction) (kind Kind, ok bool) {
	if line.problem != nil { // of what moves no money paymentStatus is the word
		line.State = ""
	}
	switch line.State {
	case StateSuccess, StateFail, StateProcessing, StateCancelled, StatePending:
	default:
		switch line.Type {
		case TransactionCapture:
			return CaptureUnclear, true
		case TransactionRefund:
			return RefundUnclear, true
		case TransactionPayment, TransactionAuthorization, TransactionIncremental:
			return 0, true // of what moves no money paymentStatus is the word
		}
		return 0, false
	}
	switch line.Type {
	case TransactionCapture:
		return transferKind(line.State, CaptureSucceeded, CapturePending, CaptureFailed), true
	case TransactionRefund:
		return transferKind(line.State, RefundSucceeded, RefundPending, RefundFailed), true
	case TransactionPayment, TransactionAuthorization:
		// A line that did not succeed is one try of the buyer; what became of the
		// payment is for paymentStatus to say.
		if line.State == StateSuccess {
			return PaymentSucceeded, true
		}
		return 0, true
	case TransactionCancel, TransactionVoid:
		if line.State == StateSuccess {
			return Cancelled, true
		}
		return 0, true
	case TransactionIncremental:
		switch line.State {
		case StateSuccess:
			return PaymentRaised, true
		case StateFail:
			return RaiseFailed, true
		}
		return 0, true // CANCELLED is said of what was held too, once it is let go
	}
	return 0, line.State == StateFail || line.State == StateCancelled // whatever it is, it was not done
}

// oneStep reports whether nothing in an inquiry's answer is of an authorization. A line of which not even the type can
// be read may be one.
func (c *content) oneStep() bool {
	return c.details.AuthExpiry.IsZero() && !slices.ContainsFunc(c.transactions, func(line Transaction) bool {
		switch line.Type {
		case TransactionAuthorization, TransactionIncremental, TransactionCapture, TransactionVoid,
			transactionUnread:
			return true
		}
		return false
	})
}

// markUnread has a payment's line that cannot be read say what its type does: whether the money is held or has moved.
func (c *content) markUnread(whole, line *Verified) {
	if whole.kind == PaymentSucceeded && line.line.State == StateSuccess {
		whole.held = whole.held || line.line.Type == TransactionAuthorization
		whole.moved = whole.moved || line.moved
	}
}

// proveLines adds what each line proves to what the picture as a whole does.
func (c *content) proveLines(whole Verified) []Verified {
	var payments, captures, refunds, others []Verified
	oneStep := c.oneStep()
	for _, line := range c.transactions {
		kind, ok := lineKind(line)
		if !ok {
			kind = OtherTransaction
		}
		fact := Verified{kind: kind, op: c.op, details: c.details, line: line, evidence: whole.evidence,
			moved: oneStep && line.Type == TransactionPayment}
		if kind == CaptureUnclear || kind == RefundUnclear {
			fact.code = string(line.State)
		}
		if line.problem != nil {
			fact.problem = newError(ErrMalformed, string(c.op), "of a transaction of the signed body "+line.problem.Error(),
				"it may have moved money: show APO's support the body")
			c.markUnread(&whole, &fact)
		}
		switch kind {
		case 0:
		case PaymentSucceeded, PaymentRaised, RaiseFailed, Cancelled:
			if kind == PaymentSucceeded && whole.kind == kind {
				// Of another amount too, as before a raise: what is listed as authorized has not moved by itself.
				whole.held = whole.held || line.Type == TransactionAuthorization
				// The line that paymentStatus sums up is the same fact, not another one.
				if fact.Amount() == whole.Amount() {
					whole.moved = whole.moved || fact.moved
					continue
				}
			}
			payments = append(payments, fact)
		case CapturePending, CaptureSucceeded, CaptureFailed, CaptureUnclear:
			captures = append(captures, fact)
		case RefundPending, RefundSucceeded, RefundFailed, RefundUnclear:
			refunds = append(refunds, fact)
		default:
			others = append(others, fact)
		}
	}
	slices.SortStableFunc(payments, func(a, b Verified) int { return a.Time().Compare(b.Time()) })
	// A payment is cancelled after it was made, so that an order not yet told of
	// it does not take old money for late money.
	if whole.kind == Cancelled {
		payments = append(payments, whole)
	} else {
		payments = append([]Verified{whole}, payments...)
	}
	return slices.Concat(payments, captures, refunds, others)
}
