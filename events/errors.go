package events

import (
	"errors"
	"fmt"
)

// The sentinels that this package's errors wrap.
var (
	// ErrInvalid: a record that no log can hold.
	ErrInvalid = errors.New("invalid record")
	// ErrInvalidID: an identifier that is empty, too long, or has characters that it must not have. It comes with
	// ErrInvalid.
	ErrInvalidID = errors.New("invalid id")
	// ErrTooLarge: a fact with a field longer than a log takes. It comes with ErrInvalid.
	ErrTooLarge = errors.New("record too large")
	// ErrDamaged: bytes that are no frame.
	ErrDamaged = errors.New("damaged frame")
	// ErrTruncated: bytes that end before their frame does. It comes with ErrDamaged.
	ErrTruncated = errors.New("truncated frame")
	// ErrUpgrade: a frame, kind or field written by a newer version of the library.
	ErrUpgrade = errors.New("written by a newer version")
)

// InvalidError says which field of a record no log can hold, and why.
type InvalidError struct {
	Field   string
	Problem string // with the remedy
	Err     error  // ErrInvalidID, ErrTooLarge or nil
}

// Error names the field, the problem and the remedy.
func (e *InvalidError) Error() string { return e.Field + " " + e.Problem }

// Unwrap returns [ErrInvalid] and the more exact sentinel where there is one.
func (e *InvalidError) Unwrap() []error {
	if e.Err == nil {
		return []error{ErrInvalid}
	}
	return []error{ErrInvalid, e.Err}
}

// FrameError says where bytes stop being a frame.
type FrameError struct {
	Offset  int // in the frame, or in the payload that an older one was lifted to
	Field   string
	Problem string
	Err     error // ErrTruncated or nil
}

// Error names the place, the problem and the way out.
func (e *FrameError) Error() string {
	return fmt.Sprintf("damaged frame: at byte %d, %s %s; %s", e.Offset, e.Field, e.Problem, e.Hint())
}

// Hint is the way out alone, for a frame of a log.
func (e *FrameError) Hint() string {
	return "restore the log from a backup and keep this one for comparison"
}

// Unwrap returns [ErrDamaged] and the more exact sentinel where there is one.
func (e *FrameError) Unwrap() []error {
	if e.Err == nil {
		return []error{ErrDamaged}
	}
	return []error{ErrDamaged, e.Err}
}

// UpgradeError says what was written by a newer version. Nothing is skipped: what it says might matter to the order.
type UpgradeError struct {
	What  string // where it was found: "frame", "head", "fact" or a kind's name
	Found string // "format 2", "version 2", "field 9" …
	Known string // what would have been understood
}

// Error names what was found, what is understood, and the way out.
func (e *UpgradeError) Error() string {
	return fmt.Sprintf("%s: found %s; this version knows %s; %s", e.What, e.Found, e.Known, e.Hint())
}

// Hint is the way out alone.
func (e *UpgradeError) Hint() string { return "upgrade first: a newer one wrote the log" }

// Unwrap returns [ErrUpgrade].
func (e *UpgradeError) Unwrap() error { return ErrUpgrade }
