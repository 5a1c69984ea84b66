package order

import "github.com/tilltape/tilltape/events"

// This file is the law. Everything that judges, explains or draws an order reads these tables: the FSM that arbitrates
// commands, the fold, the rejections, the auditor, docs/reference/states.md and the exhaustive tests.

// Effect is what recording a fact does to an order in a given status.
type Effect uint8

// The effects.
const (
	// Impossible: the fact cannot be classified so in this status (there is nothing captured that could be refunded).
	Impossible Effect = iota
	// Ignored: it cannot follow or changes nothing; nothing is appended.
	Ignored
	// Duplicate: known already; nothing is appended.
	Duplicate
	// Noted: appended, changes neither status nor amounts; once.
	Noted
	// Ends: appended, ends the operation or the gateway capture it belongs to; noted where it belongs to neither.
	Ends
	// Applied: appended, moves status and amounts.
	Applied
	// AppliedAnomaly: Applied, and an anomaly beside it.
	AppliedAnomaly
	// Held: appended and kept until the capture it belongs to is known.
	Held
	// LateMoney: appended, the status stays, the amount goes to the late account; an anomaly stands until it is zero.
	LateMoney
	// Released: appended, lets go a refund that was held, and an anomaly beside it: APO says otherwise than before.
	Released
	// Contradicts: only an anomaly is appended, with the fact's evidence.
	Contradicts
)

var effectNames = [...]string{"impossible", "ignored", "duplicate", "noted", "ends its operation", "applied",
	"applied, anomaly", "held", "late money", "released, anomaly", "anomaly"}

// String is the effect in words.
func (e Effect) String() string { return name(effectNames[:], int(e)) }

// FactKind is a proven fact as the tables see it: one that depends on amounts or identities is split, because a machine
// has one target for an event and a status.
type FactKind uint8

// The facts. Those marked "split" are what [Observe] makes of a fact when it knows the order; the others can be given.
const (
	FactNone          FactKind = iota
	PaymentSucceeded           // authorized or paid, whichever the order's capture mode makes of it; never in a table
	PaymentPending             // APO knows the payment and has no result
	PaymentAuthorized          // card funds held
	PaymentPaid                // one-step payment done
	PaymentFailed              // failed or timed out
	CaptureSucceeded           // ours, automatic or foreign
	CaptureFailed              // of a capture not known to have succeeded
	CaptureReversed            // split: the failure of a capture that had succeeded
	CapturePending             // APO works on a capture; touches operations only
	RefundSucceeded            // at most what is captured and not refunded
	RefundAhead                // split: beyond captured, within authorized
	RefundBeyond               // split: beyond authorized
	RefundOfLateMoney          // split: at most what is captured late and not refunded
	RefundFailed               // of a refund not known to have succeeded
	RefundReversed             // split: the failure of a refund that had succeeded
	HeldRefundFailed           // split: the failure of a refund that is held
	RefundPending              // APO works on a refund; touches operations only
	PaymentCancelled           // own S, inquiry CANCELLED, a VOID or CANCEL transaction
	LateMoneyReleased          // split: S to a cancel that compensates, or a VOID or CANCEL transaction after the late payment
	OtherTransaction           // a transaction of a kind not known here; never in a table, always an anomaly
)

var factNames = [...]string{"none", "payment succeeded", "payment pending", "payment authorized", "payment paid",
	"payment failed", "capture succeeded", "capture failed", "capture reversed", "capture pending", "refund succeeded",
	"refund ahead of its capture", "refund beyond authorized", "refund of late money", "refund failed",
	"refund reversed", "held refund failed", "refund pending", "payment cancelled", "late authorization released",
	"other transaction"}

const factCount = len(factNames)

// String is the fact in words.
func (k FactKind) String() string { return name(factNames[:], int(k)) }

// TableFacts returns the facts that stand in the status table, in order.
func TableFacts() []FactKind {
	return []FactKind{PaymentPending, PaymentAuthorized, PaymentPaid, PaymentFailed, CaptureSucceeded, CaptureFailed,
		CaptureReversed, RefundSucceeded, RefundAhead, RefundBeyond, RefundOfLateMoney, RefundFailed, RefundReversed, HeldRefundFailed,
		PaymentCancelled, LateMoneyReleased}
}

// Cell is one entry of the status table. To is the status afterwards.
type Cell struct {
	Effect Effect
	To     Status
}

type statusRow struct {
	fact FactKind
	from []Status
	cell Cell
}

// stay leaves the status as it is; it is replaced when the table is compiled.
const stay = Unplaced

// statusRows is status × fact. A pair without a row is Impossible.
var statusRows = []statusRow{
	{PaymentPending, []Status{Created}, Cell{Noted, stay}},
	{PaymentPending, []Status{Authorized, Paid, Captured, Refunded, Cancelled, Failed}, Cell{Ignored, stay}},

	{PaymentAuthorized, []Status{Created}, Cell{Applied, Authorized}},
	{PaymentAuthorized, []Status{Authorized}, Cell{Duplicate, stay}},
	{PaymentAuthorized, []Status{Paid}, Cell{Contradicts, stay}},
	{PaymentAuthorized, []Status{Captured, Refunded}, Cell{Noted, stay}},
	{PaymentAuthorized, []Status{Cancelled}, Cell{LateMoney, stay}},
	{PaymentAuthorized, []Status{Failed}, Cell{AppliedAnomaly, Authorized}},

	{PaymentPaid, []Status{Created}, Cell{Applied, Paid}},
	{PaymentPaid, []Status{Authorized}, Cell{Contradicts, stay}},
	{PaymentPaid, []Status{Paid}, Cell{Duplicate, stay}},
	{PaymentPaid, []Status{Captured, Refunded}, Cell{Noted, stay}},
	{PaymentPaid, []Status{Cancelled}, Cell{LateMoney, stay}},
	{PaymentPaid, []Status{Failed}, Cell{AppliedAnomaly, Paid}},

	{PaymentFailed, []Status{Created}, Cell{Applied, Failed}},
	{PaymentFailed, []Status{Authorized, Paid, Captured, Refunded}, Cell{Contradicts, stay}},
	{PaymentFailed, []Status{Cancelled}, Cell{Noted, stay}},
	{PaymentFailed, []Status{Failed}, Cell{Duplicate, stay}},

	{CaptureSucceeded, []Status{Created, Authorized}, Cell{Applied, Captured}},
	{CaptureSucceeded, []Status{Paid}, Cell{Contradicts, stay}},
	{CaptureSucceeded, []Status{Captured, Refunded}, Cell{Applied, stay}},
	{CaptureSucceeded, []Status{Cancelled}, Cell{LateMoney, stay}},
	{CaptureSucceeded, []Status{Failed}, Cell{AppliedAnomaly, Captured}},

	{CaptureFailed, []Status{Created, Cancelled, Failed}, Cell{Noted, stay}},
	{CaptureFailed, []Status{Authorized, Captured, Refunded}, Cell{Ends, stay}},
	{CaptureFailed, []Status{Paid}, Cell{Contradicts, stay}},
	{CaptureReversed, []Status{Captured, Refunded, Cancelled}, Cell{Contradicts, stay}},

	{RefundSucceeded, []Status{Paid, Captured}, Cell{Applied, Refunded}},
	{RefundSucceeded, []Status{Refunded}, Cell{Applied, stay}},
	{RefundSucceeded, []Status{Cancelled}, Cell{AppliedAnomaly, stay}},
	{RefundAhead, []Status{Created, Authorized, Captured, Refunded, Cancelled, Failed}, Cell{Held, stay}},
	{RefundAhead, []Status{Paid}, Cell{Contradicts, stay}},
	{RefundBeyond, []Status{Created, Cancelled, Failed}, Cell{Held, stay}},
	{RefundBeyond, []Status{Authorized, Paid, Captured, Refunded}, Cell{Contradicts, stay}},
	{RefundOfLateMoney, []Status{Cancelled}, Cell{LateMoney, stay}},

	{RefundFailed, []Status{Created, Authorized, Failed}, Cell{Noted, stay}},
	{RefundFailed, []Status{Paid, Captured, Refunded, Cancelled}, Cell{Ends, stay}},
	{RefundReversed, []Status{Paid, Captured, Refunded, Cancelled}, Cell{Contradicts, stay}},
	{HeldRefundFailed, []Status{Created, Authorized, Captured, Refunded, Cancelled, Failed}, Cell{Released, stay}},

	{PaymentCancelled, []Status{Created, Authorized, Paid, Failed}, Cell{Applied, Cancelled}},
	{PaymentCancelled, []Status{Captured, Refunded}, Cell{Contradicts, stay}},
	{PaymentCancelled, []Status{Cancelled}, Cell{Duplicate, stay}},
	{LateMoneyReleased, []Status{Cancelled}, Cell{LateMoney, stay}},
}

// Verb is a command as the tables see it.
type Verb uint8

// The commands a person or a service gives.
const (
	VerbNone Verb = iota
	VerbCreate
	VerbCancel
	VerbCapture
	VerbRefund
	VerbResolve
	VerbClearAnomaly
	VerbCompensate
)

var verbNames = [...]string{"none", "create", "cancel", "capture", "refund", "resolve", "clear anomaly", "compensate"}

// String is the command's name.
func (v Verb) String() string { return name(verbNames[:], int(v)) }

// Verbs returns the commands, in order.
func Verbs() []Verb {
	return []Verb{VerbCreate, VerbCancel, VerbCapture, VerbRefund, VerbResolve, VerbClearAnomaly, VerbCompensate}
}

// Permit is what the command table says of a command in a status.
type Permit uint8

// The permits.
const (
	Refused Permit = iota // not in this status; the row names the reason
	Allowed               // if no guard objects
	Local                 // done without APO
	Already               // in effect already: success, and nothing is appended
)

type commandRow struct {
	verb   Verb
	from   []Status
	permit Permit
	reason Reason // where refused
}

// commandRows is command × status. Every pair has exactly one row.
var commandRows = []commandRow{
	{VerbCreate, []Status{Unplaced}, Allowed, ReasonNone},
	{VerbCreate, []Status{Created, Authorized, Paid, Captured, Refunded, Cancelled, Failed}, Refused, ReasonExists},

	{VerbCancel, []Status{Unplaced}, Refused, ReasonUnknownOrder},
	{VerbCancel, []Status{Created, Authorized, Paid}, Allowed, ReasonNone},
	{VerbCancel, []Status{Captured}, Refused, ReasonCaptured},
	{VerbCancel, []Status{Refunded}, Refused, ReasonRefunded},
	{VerbCancel, []Status{Cancelled}, Already, ReasonNone},
	{VerbCancel, []Status{Failed}, Local, ReasonNone},

	{VerbCapture, []Status{Unplaced}, Refused, ReasonUnknownOrder},
	{VerbCapture, []Status{Created}, Refused, ReasonNotAuthorized},
	{VerbCapture, []Status{Authorized, Captured}, Allowed, ReasonNone},
	{VerbCapture, []Status{Paid}, Refused, ReasonOneStep},
	{VerbCapture, []Status{Refunded}, Refused, ReasonRefunded},
	{VerbCapture, []Status{Cancelled}, Refused, ReasonCancelled},
	{VerbCapture, []Status{Failed}, Refused, ReasonFailed},

	{VerbRefund, []Status{Unplaced}, Refused, ReasonUnknownOrder},
	{VerbRefund, []Status{Created}, Refused, ReasonNotAuthorized},
	{VerbRefund, []Status{Authorized}, Refused, ReasonNothingCaptured},
	{VerbRefund, []Status{Paid, Captured, Refunded}, Allowed, ReasonNone},
	{VerbRefund, []Status{Cancelled}, Refused, ReasonCancelled},
	{VerbRefund, []Status{Failed}, Refused, ReasonFailed},

	{VerbResolve, []Status{Unplaced}, Refused, ReasonUnknownOrder},
	{VerbResolve, []Status{Created, Authorized, Paid, Captured, Refunded, Cancelled, Failed}, Allowed, ReasonNone},
	{VerbClearAnomaly, []Status{Unplaced}, Refused, ReasonUnknownOrder},
	{VerbClearAnomaly, []Status{Created, Authorized, Paid, Captured, Refunded, Cancelled, Failed}, Allowed, ReasonNone},

	{VerbCompensate, []Status{Unplaced}, Refused, ReasonUnknownOrder},
	{VerbCompensate, []Status{Created, Authorized, Paid, Captured, Refunded, Failed}, Refused, ReasonNoLateMoney},
	{VerbCompensate, []Status{Cancelled}, Allowed, ReasonNone},
}

type phaseRow struct {
	kind events.Kind // stands for the kind of each operation where it ends in that operation's name
	from []Phase
	to   Phase
}

// The steps of an operation. intent, accepted, unresolved and ended stand for the four facts of whichever operation is
// outstanding (cancel has no accepted).
const (
	stepIntent     = events.Kind("intent")
	stepAccepted   = events.Kind("accepted")
	stepUnresolved = events.Kind("unresolved")
	stepEnded      = events.Kind("ended")
	stepAskAgain   = events.Kind("ask again") // inquiry.answered that allows the same ids again
)

// phaseRows is the machine of an operation.
var phaseRows = []phaseRow{
	{stepIntent, []Phase{Idle}, Requested},
	{events.KindAttemptStarted, []Phase{Requested, Unresolved}, Requested},
	{stepAccepted, []Phase{Requested, Accepted, Unresolved}, Accepted},
	{stepUnresolved, []Phase{Requested, Unresolved, Accepted}, Unresolved},
	{stepAskAgain, []Phase{Requested, Accepted, Unresolved}, Unresolved},
	{events.KindOperationParked, []Phase{Requested, Accepted, Unresolved}, Parked},
	{stepEnded, []Phase{Requested, Accepted, Unresolved, Parked}, Idle},
}

type gatewayRow struct {
	event string
	from  []GatewayCapture
	to    GatewayCapture
}

// The events of a gateway capture.
const (
	gatewayOpened   = "payment authorized, automatic"
	gatewayCaptured = "captured"
	gatewayFailed   = "capture failed"
	gatewayVoided   = "payment cancelled"
)

// gatewayRows is the machine of the gateway capture.
var gatewayRows = []gatewayRow{
	{gatewayOpened, []GatewayCapture{GatewayNone}, GatewayOutstanding},
	{gatewayCaptured, []GatewayCapture{GatewayOutstanding, GatewayFailed}, GatewayNone},
	{gatewayFailed, []GatewayCapture{GatewayOutstanding}, GatewayFailed},
	{gatewayVoided, []GatewayCapture{GatewayOutstanding, GatewayFailed}, GatewayNone},
}

// Proven is what has become known about an outstanding operation.
type Proven uint8

// What can be proven.
const (
	ProvenNothing       Proven = iota // the inquiry had no usable answer
	ProvenCancelled                   // the payment is cancelled
	ProvenMoneyMoved                  // a capture or a refund happened
	ProvenPaymentFailed               // the payment failed
	ProvenAlive                       // inquiry SUCCESS, PROCESSING or PENDING, and (for capture) ours is not listed
	ProvenDead                        // inquiry CANCELLED or FAIL, and ours is not listed
	ProvenNotExist                    // ORDER_NOT_EXIST, REFUND_NOT_EXIST
	ProvenSuccess                     // ours succeeded
	ProvenFailure                     // ours failed
	ProvenProcessing                  // APO works on ours
	ProvenOldCancel                   // the payment is cancelled, perhaps since before the late payment that is compensated
)

var provenNames = [...]string{"nothing", "cancelled", "a capture or refund", "payment failed", "payment alive, ours not listed",
	"payment cancelled or failed, ours not listed", "does not exist", "ours succeeded", "ours failed", "ours in process",
	"cancelled, perhaps since before the late payment"}

// String is the proof in words.
func (p Proven) String() string { return name(provenNames[:], int(p)) }

// Then is what follows for the operation.
type Then uint8

// What can follow.
const (
	InquireLater    Then = iota // nothing decided: the schedule goes on
	Succeed                     // the operation ends as a success
	Fail                        // it ends failed
	AskAgain                    // the call may be made again, with the same ids
	Accept                      // APO works on it: wait and inquire
	Park                        // a person is needed
	NeverPaid                   // asked again until the payment's time is over, then cancelled: never paid
	CancelledUnpaid             // cancelled because the payment failed, the operation a success (from created)
)

var thenNames = [...]string{"inquired again", "succeeded", "failed", "asked again, same identifier", "accepted", "parked",
	"asked again until payBy and a margin, then cancelled (never paid)", "cancelled (payment failed)"}

// String is the consequence in words.
func (t Then) String() string { return name(thenNames[:], int(t)) }

type operationRow struct {
	op        OpKind
	proven    Proven
	then      Then
	afterF    Then // where the last answer was a known F, if that differs
	decidesBy string
}

// operationRows is operation × proven fact. Where a row has afterF it counts instead of then if the operation's last
// answer was an F with a known code. decidesBy says whence the proof must come: any channel, or an inquiry alone.
var operationRows = []operationRow{
	{OpCancel, ProvenCancelled, Succeed, Succeed, anyChannel},
	{OpCancel, ProvenMoneyMoved, Fail, Fail, anyChannel},
	{OpCancel, ProvenPaymentFailed, CancelledUnpaid, CancelledUnpaid, anyChannel},
	{OpCancel, ProvenAlive, AskAgain, Fail, inquiryOnly},
	{OpCancel, ProvenNotExist, NeverPaid, NeverPaid, inquiryOnly},
	{OpCancel, ProvenOldCancel, AskAgain, InquireLater, inquiryOnly},
	{OpCancel, ProvenNothing, InquireLater, InquireLater, inquiryOnly},

	{OpCapture, ProvenSuccess, Succeed, Succeed, anyChannel},
	{OpCapture, ProvenFailure, Fail, Fail, anyChannel},
	{OpCapture, ProvenProcessing, Accept, Accept, anyChannel},
	{OpCapture, ProvenAlive, AskAgain, Fail, inquiryOnly},
	{OpCapture, ProvenDead, Fail, Fail, inquiryOnly},
	{OpCapture, ProvenNotExist, Park, Park, inquiryOnly},
	{OpCapture, ProvenNothing, InquireLater, InquireLater, inquiryOnly},

	{OpRefund, ProvenSuccess, Succeed, Succeed, anyChannel},
	{OpRefund, ProvenFailure, Fail, Fail, anyChannel},
	{OpRefund, ProvenProcessing, Accept, Accept, anyChannel},
	{OpRefund, ProvenNotExist, AskAgain, Fail, inquiryOnly},
	{OpRefund, ProvenNothing, InquireLater, InquireLater, inquiryOnly},
}

const (
	anyChannel  = "any channel"
	inquiryOnly = "inquiry"
)
