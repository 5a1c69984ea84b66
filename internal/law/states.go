package law

import "github.com/tilltape/tilltape/internal/words"

// Status is what is proven about an order's money. Package order tells what each one means.
type Status uint8

// The statuses.
const (
	Unplaced Status = iota
	Created
	Authorized
	Paid
	Captured
	Refunded
	Cancelled
	Failed
)

var statusNames = [...]string{"unplaced", "created", "authorized", "paid", "captured", "refunded", "cancelled",
	"failed"}

const statusCount = len(statusNames)

// String is the status in lower case, as it stands in a log's heads.
func (s Status) String() string { return words.Of(statusNames[:], s) }

// Statuses returns the statuses an order on record can have, in order.
func Statuses() []Status {
	return []Status{Created, Authorized, Paid, Captured, Refunded, Cancelled, Failed}
}

// Phase is how far the commanded operation is.
type Phase uint8

// The phases.
const (
	Idle Phase = iota
	Requested
	Accepted
	Unresolved
	Parked
)

var phaseNames = [...]string{"idle", "requested", "accepted", "unresolved", "parked"}

const phaseCount = len(phaseNames)

// String is the phase in lower case, as it stands in a log's heads.
func (p Phase) String() string { return words.Of(phaseNames[:], p) }

// Phases returns every phase, in order.
func Phases() []Phase { return []Phase{Idle, Requested, Accepted, Unresolved, Parked} }

// GatewayCapture is the capture that APO starts by itself.
type GatewayCapture uint8

// The states of a gateway capture.
const (
	GatewayNone GatewayCapture = iota
	GatewayOutstanding
	GatewayFailed
)

var gatewayNames = [...]string{"none", "outstanding", "failed"}

const gatewayCount = len(gatewayNames)

// String is the state in lower case.
func (g GatewayCapture) String() string { return words.Of(gatewayNames[:], g) }

// GatewayCaptures returns every state of the gateway capture, in order.
func GatewayCaptures() []GatewayCapture {
	return []GatewayCapture{GatewayNone, GatewayOutstanding, GatewayFailed}
}

// OpKind is what an operation asks of APO.
type OpKind uint8

// The operations.
const (
	OpNone OpKind = iota
	OpCancel
	OpCapture
	OpRefund
)

var opNames = [...]string{"none", "cancel", "capture", "refund"}

const opCount = len(opNames)

// String is the operation as a command's name.
func (k OpKind) String() string { return words.Of(opNames[:], k) }

// Operations returns the operations there are, in order.
func Operations() []OpKind { return []OpKind{OpCancel, OpCapture, OpRefund} }
