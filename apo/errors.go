package apo

import "errors"

// The reasons a value, a message or a call can be refused. Every error of this
// package wraps exactly one of them; find it with [errors.Is].
var (
	// ErrKey: a key is missing, unreadable, not RSA or too short.
	ErrKey = errors.New("key not usable")
	// ErrConfig: a client or verifier cannot be built from what it was given.
	ErrConfig = errors.New("configuration refused")
	// ErrInvalidRequest: the request was refused here; nothing was sent.
	ErrInvalidRequest = errors.New("request refused before sending")
	// ErrTransport: no complete answer came: refused, cut, timed out or cancelled.
	// The request may have been carried out. The chain also holds
	// [context.Canceled] or [context.DeadlineExceeded] where that was the cause.
	ErrTransport = errors.New("no complete answer")
	// ErrUnsigned: an answer came without APO's signature and proves nothing.
	ErrUnsigned = errors.New("answer not signed")
	// ErrSignature: a signature is missing, unreadable or does not fit.
	ErrSignature = errors.New("signature not valid")
	// ErrTooLarge: a message exceeds [BodyMax] or a header its bound.
	ErrTooLarge = errors.New("message too large")
	// ErrMalformed: a signed message is not what the protocol allows: not JSON, a
	// key given twice, no result, an amount out of range.
	ErrMalformed = errors.New("message not readable")
	// ErrContradiction: a signed success speaks of another id or amount than asked for.
	ErrContradiction = errors.New("answer contradicts the request")
	// ErrUndecided: APO answered U; it does not know the outcome itself.
	ErrUndecided = errors.New("outcome undecided")
	// ErrUnknownCode: APO answered F with a code that no table here knows.
	ErrUnknownCode = errors.New("result code not known")
	// ErrUnknownNotification: a verified notification is of a type not known here.
	ErrUnknownNotification = errors.New("notification type not known")
	// ErrNoFact: a verified message proves nothing about any order's money.
	ErrNoFact = errors.New("message proves no fact")
	// ErrStale: a verified notification is outside the freshness window.
	ErrStale = errors.New("notification outside the freshness window")
)

// Error is what every failure of this package is: it names the thing, the
// reason and the remedy, and unwraps to one of the sentinels above. It never
// carries a key, an agent token or a signature.
type Error struct {
	// Thing is what failed: an operation ("cancel"), a key, a field.
	Thing string
	// Reason says why, in one clause.
	Reason string
	// Remedy says what to do about it, in one clause.
	Remedy string

	kind  error
	cause error
}

// Error joins thing, reason and remedy on one line.
func (e *Error) Error() string {
	text := "apo: " + e.Thing + ": " + e.Reason
	if e.Remedy != "" {
		text += "; " + e.Remedy
	}
	return text
}

// Unwrap gives the sentinel and, for a call given up because of its context,
// the context's error.
func (e *Error) Unwrap() []error {
	if e.cause == nil {
		return []error{e.kind}
	}
	return []error{e.kind, e.cause}
}

func newError(kind error, thing, reason, remedy string) *Error {
	return &Error{Thing: thing, Reason: reason, Remedy: remedy, kind: kind}
}

// inquireWith is how to find out what became of a call.
func inquireWith(op Op) string {
	switch op {
	case OpPay, OpCreatePaymentSession, OpCancel, OpCapture, OpInquirePayment:
		return "inquire with Client.InquirePayment"
	case OpRefund, OpInquireRefund:
		return "inquire with Client.InquireRefund"
	}
	return "inquire" // another call has an inquiry of its own, or none
}
