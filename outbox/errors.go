package outbox

import (
	"errors"
	"fmt"
	"time"

	"github.com/tilltape/tilltape/events"
)

var (
	// ErrConfig: a consumer or a sender cannot be made of what it was given.
	ErrConfig = errors.New("unusable outbox configuration")
	// ErrRefused: the receiver has answered that it does not take this message. It is tried again a few times, since a
	// receiver can be wrong for a while; then its order is parked. A [Sender] wraps it.
	ErrRefused = errors.New("refused by the receiver")
	// ErrTaken: somebody else consumes under this name, in this process or in another.
	ErrTaken = errors.New("the consumer's name is in use")
	// ErrKept: what is kept of a consumer cannot be read or written.
	ErrKept = errors.New("what is kept of the consumer is unusable")
	// ErrElsewhere: what is kept of the consumer is a place of another log, or of a past that is not this log's: it was
	// restored from a copy that is older than the place. Going on there would leave records out. [Consumer.Restart] is
	// the way on, by a person's decision.
	ErrElsewhere = errors.New("the consumer's place is not in this log")
	// ErrParkedMax: so many orders are parked that the receiver must be wrong, and not the records.
	ErrParkedMax = errors.New("too many parked orders")
	// ErrNotParked: nothing of this order stays back.
	ErrNotParked = errors.New("not parked")
)

// SendError is why a message was not delivered.
type SendError struct {
	Receiver string        // whom it was sent to, without what could be secret
	Problem  string        // what came back, or did not
	Refused  bool          // the receiver has answered that it does not take it
	After    time.Duration // the receiver asks to wait that long; 0: it did not say
}

// Error names the receiver and what it said.
func (e *SendError) Error() string { return fmt.Sprintf("sending to %s: %s", e.Receiver, e.Problem) }

// Unwrap returns [ErrRefused] where the receiver refused the message.
func (e *SendError) Unwrap() error {
	if e.Refused {
		return ErrRefused
	}
	return nil
}

func configError(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrConfig, fmt.Sprintf(format, args...))
}

func keptError(name, format string, args ...any) error {
	return fmt.Errorf("%w: consumer %s: %s", ErrKept, name, fmt.Sprintf(format, args...))
}

func takenError(name string) error {
	return fmt.Errorf("%w: consumer %s: its place was moved on by another; run one process for each name, or give this "+
		"one a name of its own", ErrTaken, name)
}

func notParkedError(name string, stream events.Stream) error {
	return fmt.Errorf("%w: %s %q at consumer %s; Parked lists what stays back", ErrNotParked, stream.Category, stream.ID,
		name)
}

func elsewhereError(name string, s State, format string, args ...any) error {
	return fmt.Errorf("%w: consumer %s: it is after record %q at position %d: %s; give it the log that its place is of, "+
		"or decide with Restart from where in this one it is told again", ErrElsewhere, name, s.Record, s.Cursor.Position(),
		fmt.Sprintf(format, args...))
}
