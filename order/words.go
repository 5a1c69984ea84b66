package order

import "github.com/tilltape/tilltape/events"

// Words of ours that stand on record.
const (
	// The codes that end an operation where another fact decided it.

	CodeCaptured     = "CAPTURED"      // a cancel ended because money was captured
	CodeRefunded     = "REFUNDED"      // … because money went back
	CodeNotCancelled = "NOT_CANCELLED" // … because the payment stands and APO had refused
	CodeNotDone      = "NOT_DONE"      // a capture or refund that APO does not list
	CodeCancelled    = "CANCELLED"     // a capture whose payment is gone
	CodeResolved     = "RESOLVED"      // an operator's word

	// The attention words of a head.

	AttentionNone    = ""
	AttentionAnomaly = "anomaly" // an anomaly stands open
	AttentionParked  = "parked"  // a person must resolve the operation (an open anomaly may stand beside it)

	// What APO is told when late money is refunded.
	compensationReason = "paid after the order was cancelled"
)

// What APO and package events fix about an order and what is asked of it.
const (
	// MethodCard is APO's name for cards. A card is never paid in one step, so its orders must say who captures.
	MethodCard = "CARD"
	// RefundReasonMax is APO's limit for a refund's reason.
	RefundReasonMax = 256

	// The capture modes, as in package events.

	CaptureNone      = events.CaptureNone
	CaptureAutomatic = events.CaptureAutomatic
	CaptureManual    = events.CaptureManual
)
