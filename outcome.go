package tilltape

import (
	"context"
	"errors"
	"time"

	"github.com/tilltape/tilltape/internal/words"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
)

// Outcome says how a command ended, in one enumeration for all of them. Package problem tells it over HTTP.
type Outcome uint8

// The outcomes. Done and Accepted come without an error, the others with one.
const (
	// Broken is the zero value: the log is damaged, full or not to be read, or the error is none of this library's. Only
	// the service's own log helps.
	Broken Outcome = iota
	// Done: the command is carried out and on record, by this call or by an earlier one under the same id.
	Done
	// Accepted: APO works on it (a refund, a capture in process). Its notification or an inquiry tells the end.
	Accepted
	// Refused: not legal now. Nothing was sent; the error has the reason and the remedy.
	Refused
	// Failed: on record as not done, for good. The error has the code; its id is closed.
	Failed
	// Unknown: on record, perhaps done at APO. It is asked about again; the same id joins it, never use another.
	Unknown
	// InDoubt: the log did not say whether it took the command. Nothing was sent; the same id again finds out.
	InDoubt
	// Invalid: no order could take it, now or later.
	Invalid
	// NotFound: there is no such order.
	NotFound
	// Conflict: an id that stands for something else: the command's, or a paymentRequestId of another order.
	Conflict
	// Unavailable: not now. Others were at the order, or the log or the Orders takes nothing. Give it again, under the
	// same id.
	Unavailable
)

var outcomeNames = [...]string{"broken", "done", "accepted", "refused", "failed", "unknown", "in doubt", "invalid",
	"not found", "conflict", "unavailable"}

// String is the outcome in lower case, as the documentation has it.
func (o Outcome) String() string {
	if int(o) < len(outcomeNames) {
		return outcomeNames[o]
	}
	return outcomeNames[Broken]
}

// MarshalText is the word that String says; a value that is none is an error.
func (o Outcome) MarshalText() ([]byte, error) { return words.Marshal(o, Unavailable) }

// UnmarshalText takes one of these words; the error lists them.
func (o *Outcome) UnmarshalText(text []byte) error { return words.Unmarshal(text, o, Unavailable) }

// outcomes says what an error is. The first row that an error matches counts: what may have moved money stands before
// what it wraps, and what may be on record before what the log said of it.
var outcomes = [...]struct {
	err     error
	outcome Outcome
}{
	{ErrUnresolved, Unknown},
	{order.ErrRejected, Refused},
	{order.ErrFailed, Failed},
	{ErrInDoubt, InDoubt},
	{order.ErrInvalid, Invalid},
	{order.ErrUnknownOrder, NotFound},
	{order.ErrIdempotencyMismatch, Conflict},
	{store.ErrKeyTaken, Conflict},
	{ErrContended, Unavailable},
	{order.ErrNotDue, Unavailable},
	{ErrClosed, Unavailable},
	{store.ErrUnavailable, Unavailable},
	{store.ErrClosed, Unavailable},
	{store.ErrInvalid, Invalid},
	{ErrUnverified, Invalid},
	{context.Canceled, Unavailable},
	{context.DeadlineExceeded, Unavailable},
}

// OutcomeOf says which outcome an error of a method of [Orders] or [Reader] is. Nil is [Done]; that APO only accepted a
// command is no error, so [Result.Outcome] alone tells [Accepted].
func OutcomeOf(err error) Outcome {
	if err == nil {
		return Done
	}
	for _, row := range outcomes {
		if errors.Is(err, row.err) {
			return row.outcome
		}
	}
	return Broken
}

// Result is how a command ended. It is filled with an error too, as far as it is known.
type Result struct {
	Outcome Outcome
	// Order as it stands now; after a refusal or a conflict, as it stood then. Its Version is 0 where it was not read, or
	// is not on record: with [Invalid], [NotFound], [Unavailable] and [Broken] that is the rule.
	Order order.Order
	// CommandID is the command's, minted where it had none.
	CommandID string
	// Code is APO's newest for the command, or a word of ours where another fact decided it; may be empty.
	Code string
	// AskAgain is when APO is asked again, with [Accepted] and [Unknown].
	AskAgain time.Time
}

// resultOf says how the order's command stands after it was given and ended with err.
func resultOf(o *order.Order, commandID string, err error) Result {
	r := Result{Outcome: OutcomeOf(err), Order: *o, CommandID: commandID}
	state := o.Command(commandID)
	if err == nil && state.Outcome == order.OutcomePending {
		r.Outcome = Accepted
	}
	switch r.Outcome {
	case Accepted, Unknown:
		p, outstanding := o.OperationOf(commandID)
		if !outstanding {
			p = o.Operation
		}
		r.Code, r.AskAgain = p.Code, o.NextDue()
	case Failed:
		r.Code = state.Code
	}
	return r
}
