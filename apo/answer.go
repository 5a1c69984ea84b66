package apo

import (
	"fmt"
	"time"
)

// Answer is what every call gives back: what is proven, and with what. A call
// has no separate error; Err says why nothing is proven.
type Answer struct {
	// Class says what is proven; zero is Unknown.
	Class Class
	// Status, Code and Message are the signed result: S, F or U; a code; a text for
	// people. All are empty where no readable signed result came.
	Status, Code, Message string
	// HTTPStatus is the status line's number, 0 where no answer came.
	HTTPStatus int
	// Err is set exactly for Unknown, UnknownFailure and NotSent. It is an *[Error].
	Err error
	// Evidence is APO's signed message, nil where none came.
	Evidence *Evidence
	// Facts are what the message proves, in the order in which they are to be
	// applied. They are empty where it names no id that a fact could belong to.
	Facts []Verified
}

// NotExist reports a signed answer that there is no such payment or refund, to
// an inquiry or to a command.
func (a Answer) NotExist() bool {
	return a.Status == statusFailed && (a.Code == codeOrderNotExist || a.Code == codeRefundNotExist)
}

// CancelRequest names the payment to cancel. PaymentID wins: with both given it
// alone is sent, and the answer's other id must agree.
type CancelRequest struct {
	PaymentID, PaymentRequestID string
	MerchantAccountID           string // optional: the merchant account that the payment was made for
}

// CancelAnswer is the answer to a cancel. The fields after Answer are the signed
// message's and empty where it has none.
type CancelAnswer struct {
	Answer
	PaymentID, PaymentRequestID string
	Time                        time.Time // cancelTime, UTC
}

// CaptureRequest asks for some or all of an authorized amount. The same
// CaptureRequestID with the same content gets the same final answer for ever.
type CaptureRequest struct {
	CaptureRequestID, PaymentID string
	Amount                      Amount
	// Last says that nothing more will be captured (isLastCapture): APO lets go of what is left. By some contracts the
	// last one may be of zero.
	Last bool
}

// CaptureAnswer is the answer to a capture.
type CaptureAnswer struct {
	Answer
	CaptureID, CaptureRequestID, PaymentID string
	Amount                                 Amount
	Time                                   time.Time // captureTime, UTC
}

const (
	refundReasonMax = 256  // characters
	notifyURLMax    = 1024 // characters
)

// RefundRequest asks to give money back. The same RefundRequestID with the same
// content gets the same final answer for ever.
type RefundRequest struct {
	RefundRequestID, PaymentID string
	Amount                     Amount
	Reason                     string // optional, up to 256 characters
	NotifyURL                  string // optional, http or https, up to 1024 characters
	CaptureID                  string // optional: the capture to refund
}

// RefundAnswer is the answer to a refund; S only accepts it (Class Accepted).
type RefundAnswer struct {
	Answer
	RefundID, RefundRequestID, PaymentID string
	Amount                               Amount
	Time                                 time.Time // refundTime, UTC
}

// InquirePaymentRequest names a payment; PaymentID wins, as in CancelRequest.
type InquirePaymentRequest struct {
	PaymentID, PaymentRequestID string
	MerchantAccountID           string // optional, as in CancelRequest
}

// PaymentPicture is APO's picture of a payment. Class speaks of the query alone:
// Succeeded, NotExist or Unknown.
type PaymentPicture struct {
	Answer
	PaymentID, PaymentRequestID string
	// State stays StateSuccess after captures and refunds, and for a payment that
	// is captured later means authorized only: Transactions tell the rest.
	State State
	// StateCode is the code that explains State (paymentResultCode).
	StateCode    string
	Amount       Amount
	CreateTime   time.Time // UTC
	PaymentTime  time.Time // UTC
	AuthExpiry   time.Time // UTC; only of what is authorized
	Transactions []Transaction
}

// InquireRefundRequest names a refund by APO's id or the merchant's; RefundID wins.
type InquireRefundRequest struct {
	RefundID, RefundRequestID string
	MerchantAccountID         string // optional, as in CancelRequest
}

// RefundPicture is APO's picture of a refund. Class speaks of the query alone.
type RefundPicture struct {
	Answer
	RefundID, RefundRequestID string
	State                     State // StateSuccess, StateProcessing or StateFail
	Amount                    Amount
	Time                      time.Time // refundTime, UTC
}

// expectation is what a request asked for, for comparison with the answer.
type expectation struct {
	paymentID, paymentRequestID string
	transferID, requestID       string
	amount                      Amount
}

// contradiction names the first field of an answer that speaks of something
// else than the request did; what either leaves out cannot contradict. Another
// amount counts in a success alone: an F may quote the amount that stands.
func (e expectation) contradiction(c content) string {
	d := c.details
	for _, pair := range []struct{ name, asked, answered string }{
		{"payment id", e.paymentID, d.PaymentID},
		{"payment request id", e.paymentRequestID, d.PaymentRequestID},
		{"transfer id", e.transferID, d.TransferID},
		{"request id", e.requestID, d.RequestID},
	} {
		if pair.asked != "" && pair.answered != "" && pair.asked != pair.answered {
			return fmt.Sprintf("names %s %q, not %q", pair.name, pair.answered, pair.asked)
		}
	}
	if c.result.status == statusDone && !unsaid(e.amount) && !unsaid(d.Amount) && e.amount != d.Amount {
		return fmt.Sprintf("names %s, not %s", d.Amount, e.amount)
	}
	return ""
}

// judge says what a verified message proves of what was asked.
func judge(c content, asked expectation, evidence *Evidence) Answer {
	a := Answer{
		Status: c.result.status, Code: c.result.code, Message: c.result.message,
		Evidence: evidence,
	}
	if what := asked.contradiction(c); what != "" {
		a.Err = newError(ErrContradiction, string(c.op), "the signed answer "+what,
			inquireWith(c.op)+"; it may be another order's")
		return a
	}
	if reason := c.unreadable(); reason != "" {
		a.Err = malformedError(c.op, reason)
		return a
	}
	a.Class = Classify(c.op, a.Status, a.Code)
	// The facts keep a copy: the caller may write to Evidence, never to a fact.
	kept := evidence.clone()
	a.Facts = prove(&c, &kept)
	inquiry := c.op == OpInquirePayment || c.op == OpInquireRefund
	switch {
	case a.Class == UnknownFailure:
		a.Err = newError(ErrUnknownCode, string(c.op), fmt.Sprintf("F with code %q, which no table knows", a.Code),
			inquireWith(c.op)+" before asking again")
	case a.Class == Unknown && inquiry && a.Status == statusFailed:
		a.Err = newError(ErrUnknownCode, string(c.op), fmt.Sprintf("the query was refused: %q", a.Code),
			"check access and parameters, then inquire again")
	case a.Class == Unknown:
		a.Err = newError(ErrUndecided, string(c.op), fmt.Sprintf("U with code %q", a.Code),
			"ask again with the same ids, or "+inquireWith(c.op))
	}
	return a
}

// unreadable says why a message that is well-formed still has no meaning.
func (c *content) unreadable() string {
	switch c.result.status {
	case statusDone:
	case statusFailed, statusUnknown:
		return ""
	default:
		return fmt.Sprintf("the signed body has result status %q", c.result.status)
	}
	switch c.op {
	case OpInquirePayment, OpInquireRefund:
		if c.kind() == 0 {
			return fmt.Sprintf("the signed body has status %q", c.details.State)
		}
	}
	return ""
}
