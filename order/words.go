package order

import (
	"time"

	"github.com/tilltape/tilltape/events"
)

// Words that stand on record or come from APO, and the bounds of commands and of their refusals.
const (
	// MethodCard is APO's name for cards. A card is never paid in one step, so its orders must say who captures; of an
	// order with another method, its capture mode says whether it is authorized first.
	MethodCard = "CARD"

	// The capture modes, as in package events.

	CaptureNone      = events.CaptureNone
	CaptureAutomatic = events.CaptureAutomatic
	CaptureManual    = events.CaptureManual

	// APO's paymentStatus and refundStatus.

	StateSuccess    = "SUCCESS"
	StateFail       = "FAIL"
	StateProcessing = "PROCESSING"
	StatePending    = "PENDING"
	StateCancelled  = "CANCELLED"

	// The codes that end an operation where another fact decided it.

	CodeCaptured     = "CAPTURED"      // a cancel ended because money was captured
	CodeRefunded     = "REFUNDED"      // … because money went back
	CodeNotCancelled = "NOT_CANCELLED" // … because the payment stands and APO had refused
	CodeNotDone      = "NOT_DONE"      // a capture or refund that APO does not list
	CodeCancelled    = "CANCELLED"     // a capture whose payment is gone
	CodeResolved     = "RESOLVED"      // an operator's word

	// RefundReasonMax is APO's limit for a refund's reason, in characters (Unicode code points), of however many bytes.
	RefundReasonMax = 256
	// RefusalsMax is how many refusals of one order and reason are recorded each by itself.
	RefusalsMax = 32
	// RefusalEvery is how often one is recorded after that, with the count of those it stands for. A caller that tries a
	// thousand times a second must not fill the log.
	RefusalEvery = 24 * time.Hour
)

// compensationReason is what APO is told when late money is refunded.
const compensationReason = "paid after the order was cancelled"
