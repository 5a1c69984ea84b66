package order

import "github.com/tilltape/tilltape/internal/law"

// Status is what is proven about an order's money. Only facts move it, never a command.
type Status uint8

// The statuses.
const (
	// Unplaced is the zero value: no order.created is on record. Create leaves it.
	Unplaced Status = iota
	// Created: placed; APO has not confirmed a payment. A payment's result moves it; after payBy an inquiry asks once.
	Created
	// Authorized: money is held, the capture is outstanding. A capture or a cancellation moves it; at the
	// authorization's end an inquiry asks what became of it.
	Authorized
	// Paid: a one-step payment moved the money; authorized, captured and amount are equal. A refund or a cancellation
	// moves it.
	Paid
	// Captured: some or all of the authorized amount is captured; the amounts tell which. A refund moves it.
	Captured
	// Refunded: some or all of the captured amount went back; the amounts tell which, see [Order.PartiallyRefunded].
	Refunded
	// Cancelled is terminal whatever arrives later; [Order.CancelCause] says why. Money that still arrives is kept in
	// [Order.Late] and stands open as an anomaly.
	Cancelled
	// Failed: APO says that the payment failed or that its time ran out. A late success revives it, with an anomaly.
	Failed
)

// String is the status in lower case, as it stands in a log's heads.
func (s Status) String() string { return law.Status(s).String() }

// Statuses returns the statuses an order on record can have, in order.
func Statuses() []Status {
	return []Status{Created, Authorized, Paid, Captured, Refunded, Cancelled, Failed}
}

// Phase is how far the commanded operation is.
type Phase uint8

// The phases.
const (
	// Idle: nothing is asked of APO.
	Idle Phase = iota
	// Requested: an attempt is on record and may be under way until its lease ends; afterwards it was perhaps sent.
	Requested
	// Accepted: APO said that it works on it. A notification or an inquiry ends it.
	Accepted
	// Unresolved: the last attempt's outcome is not known. The next attempt or inquiry is due at a stated time.
	Unresolved
	// Parked: given to a person. It blocks, is inquired about now and then, and never attempted again.
	Parked
)

// String is the phase in lower case, as it stands in a log's heads.
func (p Phase) String() string { return law.Phase(p).String() }

// GatewayCapture is the capture that APO starts by itself where the capture is automatic.
type GatewayCapture uint8

// The states of a gateway capture.
const (
	GatewayNone        GatewayCapture = iota // none expected, or its result is known and it succeeded
	GatewayOutstanding                       // from the payment's success until its result is known
	GatewayFailed                            // it failed; we may capture
)

// String is the state in lower case.
func (g GatewayCapture) String() string { return law.GatewayCapture(g).String() }
