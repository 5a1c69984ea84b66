package law

import "github.com/tilltape/tilltape/internal/words"

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

const verbCount = len(verbNames)

// String is the command's name.
func (v Verb) String() string { return words.Of(verbNames[:], v) }

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
