package tilltape

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tilltape/tilltape/internal/engine"
	"github.com/tilltape/tilltape/order"
)

// The sentinels that errors of this package wrap, beside those of [order] and the log's own.
var (
	// ErrUnresolved: it is not known whether the command was done. It is on record and is asked about until it is known;
	// never give it under another command id meanwhile. See [UnresolvedError].
	ErrUnresolved = errors.New("outcome not known")
	// ErrContended: others changed the order so often that the command never got its turn. Nothing was sent: try again.
	ErrContended = engine.ErrContended
	// ErrInDoubt: the log did not say whether it took the command or fact. No call was made for it; where it was taken it
	// is driven by settling. The same command id, or the fact again, finds out.
	ErrInDoubt = engine.ErrInDoubt
	// ErrClosed: the Orders is closed.
	ErrClosed = errors.New("orders closed")
	// ErrConfig: a configuration that no Orders can run with.
	ErrConfig = errors.New("unusable configuration")
	// ErrUnverified: an observation that no verify function of package apo made.
	ErrUnverified = errors.New("fact not verified")
)

// UnresolvedError says that a command is on record, perhaps carried out, and not known to be.
type UnresolvedError struct {
	OrderID   string
	Command   order.Verb
	CommandID string
	Phase     order.Phase
	Attempts  uint64
	Code      string    // of APO's newest answer; may be empty
	AskAgain  time.Time // when APO is asked again
	Err       error     // why the outcome could not be recorded; nil where it simply is not known
}

// Error names the command, how often it was tried, and what happens next.
func (e *UnresolvedError) Error() string {
	text := fmt.Sprintf("order %s: %s %s", e.OrderID, e.Command, e.story())
	if e.Err != nil {
		// The log's errors name the order too.
		text += "; what APO told could not be recorded: " + strings.TrimPrefix(e.Err.Error(), "order "+e.OrderID+": ")
	}
	return text
}

func (e *UnresolvedError) story() string {
	at := e.AskAgain.UTC().Format(time.RFC3339)
	if e.Phase == order.Accepted {
		return "accepted by APO, not final; its notification tells, or the inquiry at " + at
	}
	tries := "1 attempt"
	if e.Attempts != 1 {
		tries = fmt.Sprintf("%d attempts", e.Attempts)
	}
	if e.Code != "" {
		tries += ", APO said " + e.Code
	}
	remedy := "APO is asked again at " + at + ", and at once by reconcile"
	if e.Phase == order.Parked {
		remedy = "contact APO support and resolve it"
	}
	return fmt.Sprintf("%s after %s: it is not known whether it was done; %s; do not give it under another command id",
		e.Phase, tries, remedy)
}

// Unwrap returns [ErrUnresolved] and what kept the outcome from being recorded.
func (e *UnresolvedError) Unwrap() []error {
	if e.Err == nil {
		return []error{ErrUnresolved}
	}
	return []error{ErrUnresolved, e.Err}
}
