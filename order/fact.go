package order

import (
	"github.com/tilltape/tilltape/internal/law"
	"github.com/tilltape/tilltape/internal/words"
)

// FactKind says what a proven fact tells, as its observer can tell it.
type FactKind uint8

// The facts that can be given. What one of them is to its order (a refund beyond what was authorized, the failure of a
// capture that had succeeded) follows from the order.
const (
	FactNone          FactKind = iota
	PaymentSucceeded           // authorized or paid, whichever the order's capture mode makes of it
	PaymentPending             // APO knows the payment and has no result
	PaymentAuthorized          // money is held
	PaymentPaid                // one-step payment done
	PaymentFailed              // failed or timed out
	CaptureSucceeded           // ours, automatic or foreign
	CaptureFailed              //
	CapturePending             // APO works on a capture; touches operations only
	RefundSucceeded            // ours or foreign
	RefundFailed               //
	RefundPending              // APO works on a refund; touches operations only
	PaymentCancelled           // own S, inquiry CANCELLED, a VOID or CANCEL transaction
	PaymentRaised              // the authorization was raised, to Amount in all
	RaiseFailed                // it was not raised, and holds what it held
	OtherTransaction           // a transaction of a kind not known here; always an anomaly
	CaptureUnclear             // a capture in a state not known here, which Code names
	RefundUnclear              // a refund in such a state
	DisputeOpened              // a buyer disputes the payment
	DisputeDue                 // its defence is due soon
	DisputeDefended            // documents that defend it are with APO
	DisputeClosed              // it was judged, accepted, withdrawn or resolved
	NotUnderstood              // a notification that this version cannot read; always an anomaly
	CaptureUnread              // such a notification of a capture, which may have been done
	RefundUnread               // such a notification of a refund
)

var factNames = [...]string{"none", "payment succeeded", "payment pending", "payment authorized", "payment paid",
	"payment failed", "capture succeeded", "capture failed", "capture pending", "refund succeeded", "refund failed",
	"refund pending", "payment cancelled", "payment raised", "raise failed", "other transaction", "capture unclear",
	"refund unclear", "dispute opened", "dispute due", "dispute defended", "dispute closed", "not understood",
	"capture unread", "refund unread"}

// String is the fact in words.
func (k FactKind) String() string { return words.Of(factNames[:], k) }

// ofPayment is the row of a fact about the payment itself, which amounts and identities do not split.
func (k FactKind) ofPayment() law.Fact {
	switch k {
	case PaymentPending:
		return law.PaymentPending
	case PaymentAuthorized:
		return law.PaymentAuthorized
	case PaymentPaid:
		return law.PaymentPaid
	case PaymentFailed:
		return law.PaymentFailed
	}
	return law.FactNone
}
