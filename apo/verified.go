package apo

import (
	"fmt"
	"strings"
	"time"
)

// Kind says what a [Verified] fact is about.
type Kind uint8

// The kinds of facts. What a payment's success means for the money depends on
// what the pay call asked for: a card, and what has a capture mode, is authorized;
// all else has paid.
const (
	// PaymentPending: the payment is in process.
	PaymentPending Kind = iota + 1
	// PaymentSucceeded: authorized, or paid in one step.
	PaymentSucceeded
	// PaymentFailed: declined, or its time ran out.
	PaymentFailed
	// Cancelled: the payment is cancelled or its authorization voided.
	Cancelled
	// CapturePending: a capture is in process.
	CapturePending
	// CaptureSucceeded: authorized money was captured.
	CaptureSucceeded
	// CaptureFailed: a capture will not happen.
	CaptureFailed
	// RefundPending: a refund was accepted and is in process.
	RefundPending
	// RefundSucceeded: money went back.
	RefundSucceeded
	// RefundFailed: a refund will not happen.
	RefundFailed
	// PaymentRaised: an authorization was raised; Amount is the new total.
	PaymentRaised
	// RaiseFailed: an authorization was not raised, and holds what it held.
	RaiseFailed
	// OtherTransaction: a transaction of a type for which there is no kind here. It may have moved money.
	OtherTransaction
	// CaptureUnclear: a capture in a state that is not known here, which [Verified.Code] names, or one that cannot be
	// read, for which [Verified.Err] says why. Nobody knows whether it moved money.
	CaptureUnclear
	// RefundUnclear: the same of a refund.
	RefundUnclear
	// DisputeOpened: the buyer disputes the payment.
	DisputeOpened
	// DisputeDue: the defence of a dispute is due soon.
	DisputeDue
	// DisputeDefended: documents that defend a dispute were supplied.
	DisputeDefended
	// DisputeClosed: a dispute was judged, accepted, withdrawn or resolved.
	DisputeClosed
	// NotUnderstood: APO signed a notification, and this version cannot say what it proves: it is of another type, or
	// has a content that is not known. [Verified.Err] says why, Code is its type.
	NotUnderstood

	// kindEnd is one above the last kind.
	kindEnd
)

// String names the kind in lower case.
func (k Kind) String() string {
	switch k {
	case PaymentPending:
		return "payment pending"
	case PaymentSucceeded:
		return "payment succeeded"
	case PaymentFailed:
		return "payment failed"
	case Cancelled:
		return "cancelled"
	case CapturePending:
		return "capture pending"
	case CaptureSucceeded:
		return "capture succeeded"
	case CaptureFailed:
		return "capture failed"
	case RefundPending:
		return "refund pending"
	case RefundSucceeded:
		return "refund succeeded"
	case RefundFailed:
		return "refund failed"
	case PaymentRaised:
		return "payment raised"
	case RaiseFailed:
		return "raise failed"
	case OtherTransaction:
		return "other transaction"
	case CaptureUnclear:
		return "capture unclear"
	case RefundUnclear:
		return "refund unclear"
	case DisputeOpened:
		return "dispute opened"
	case DisputeDue:
		return "dispute due"
	case DisputeDefended:
		return "dispute defended"
	case DisputeClosed:
		return "dispute closed"
	case NotUnderstood:
		return "not understood"
	}
	return "nothing"
}

// Verified is one fact that APO signed. Only this package makes one, and only
// from a message whose signature fits; the zero value is no fact and says so.
// It is a value: copying and sharing it between goroutines is safe.
type Verified struct {
	kind     Kind
	op       Op
	details  details
	line     Transaction
	code     string
	held     bool // a line says that the payment is an authorization
	moved    bool // a PAYMENT line says that it moved the money, and nothing that it is held
	dispute  Dispute
	problem  *Error // of what is not understood, or cannot be read
	evidence *Evidence
}

// IsZero reports the zero value, which proves nothing.
func (v Verified) IsZero() bool { return v.kind == 0 }

// Kind says what is proven.
func (v Verified) Kind() Kind { return v.kind }

// Op names the call answered or the notification that proves it.
func (v Verified) Op() Op { return v.op }

// PaymentID is APO's id of the payment. A refund's notification has none.
func (v Verified) PaymentID() string { return v.details.PaymentID }

// PaymentRequestID is the merchant's id of the payment, where the message has it.
func (v Verified) PaymentRequestID() string { return v.details.PaymentRequestID }

// TransferID is APO's id of the capture, refund, dispute or transaction: captureId,
// refundId, disputeId or transactionId. It may be empty, as for a gateway's own capture.
func (v Verified) TransferID() string {
	if v.line.Type != "" {
		return v.line.ID
	}
	return v.details.TransferID
}

// RequestID is the merchant's id of it: captureRequestId, refundRequestId,
// updateRequestId or transactionRequestId. One that nobody here minted comes from APO's dashboard.
func (v Verified) RequestID() string {
	if v.line.Type != "" {
		return v.line.RequestID
	}
	return v.details.RequestID
}

// Amount is the amount of what is proven; zero where the message names none. Of
// a raised authorization it is the new total, not what was added: that is what
// updateAmount asks for. Whether an INCREMENTAL line says the same is not
// documented; read so, it never makes the authorization larger than it is.
func (v Verified) Amount() Amount {
	if v.line.Type != "" {
		return v.line.Amount
	}
	return v.details.Amount
}

// Time is when it happened according to APO, in UTC; zero if the message does
// not say or says it unreadably. The notification of a raise, and an inquiry's
// CANCELLED, have the payment's time alone, so there it is zero: when a payment was
// cancelled stands in the answer to the cancel, or in a CANCEL or VOID line.
func (v Verified) Time() time.Time {
	if v.line.Type != "" {
		return v.line.Time
	}
	return v.details.Time
}

// AuthExpiry is when an authorization ends, in UTC; zero if not given.
func (v Verified) AuthExpiry() time.Time { return v.details.AuthExpiry }

// Authorized reports whether APO says of a payment that succeeded that its
// money is only held: it has an end of the authorization, or an AUTHORIZATION
// line.
func (v Verified) Authorized() bool {
	return v.kind == PaymentSucceeded &&
		(v.held || v.line.Type == TransactionAuthorization || !v.details.AuthExpiry.IsZero())
}

// PaidInOneStep reports whether APO says of a payment that succeeded that its money
// has moved: the inquiry lists it as a PAYMENT, and nothing in that answer is of an
// authorization: no end of one, and no line that authorizes, raises, captures or
// voids. Whether APO ever lists an authorization so is not documented.
func (v Verified) PaidInOneStep() bool { return v.kind == PaymentSucceeded && v.moved }

// Code is the result code of a failure, the code of a dispute's reason, the type of a notification that is not
// understood, or the state of a capture or refund that is not known here; empty where none is given.
func (v Verified) Code() string { return v.code }

// Dispute is what else a fact about a dispute says; the zero value for other kinds.
func (v Verified) Dispute() Dispute { return v.dispute }

// TransactionType is the type of the line of an inquiry's transactions that
// proves the fact; empty if the message as a whole proves it.
func (v Verified) TransactionType() TransactionType { return v.line.Type }

// TransactionState is that line's state; empty likewise.
func (v Verified) TransactionState() State { return v.line.State }

// Evidence is the signed message: a copy, which is the caller's.
func (v Verified) Evidence() Evidence {
	if v.evidence == nil {
		return Evidence{}
	}
	return v.evidence.clone()
}

// String tells the fact on one line, without its evidence.
func (v Verified) String() string {
	var b strings.Builder
	b.WriteString(v.kind.String())
	if amount := v.Amount(); !unsaid(amount) {
		fmt.Fprintf(&b, " %s", amount)
	}
	for _, item := range []struct{ name, value string }{
		{"payment", v.PaymentID()}, {"payment request", v.PaymentRequestID()},
		{"transfer", v.TransferID()}, {"request", v.RequestID()}, {"code", v.code},
	} {
		if item.value != "" {
			fmt.Fprintf(&b, ", %s %s", item.name, item.value)
		}
	}
	return b.String()
}

// Format prints the line of String whatever the verb: the evidence holds a
// buyer's data and APO's signature, and neither belongs in a log by accident.
func (v Verified) Format(state fmt.State, _ rune) { _, _ = fmt.Fprint(state, v.String()) }
