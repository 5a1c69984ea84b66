package order

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/law"
)

// The sentinels that this package's errors wrap.
var (
	// ErrRejected: the command is not legal now. Nothing was appended and nothing may be sent.
	ErrRejected = errors.New("command rejected")
	// ErrFailed: the command is on record with a definite failure.
	ErrFailed = errors.New("command failed")
	// ErrIdempotencyMismatch: the command id stands for another content.
	ErrIdempotencyMismatch = errors.New("command id used with other content")
	// ErrUnknownOrder: no order.created is on record.
	ErrUnknownOrder = errors.New("unknown order")
	// ErrInvalid: the command is malformed; no order could take it.
	ErrInvalid = errors.New("invalid command")
	// ErrNotDue: nothing may be claimed now.
	ErrNotDue = errors.New("nothing is due")
	// ErrPolicy: a policy has a value that is out of bounds.
	ErrPolicy = errors.New("unusable policy")
	// ErrIllegal: a record cannot follow the ones before it.
	ErrIllegal = errors.New("illegal record")
)

// Cause is the record that makes a command illegal.
type Cause struct {
	Version uint64    // its stream version; 0: no single record
	At      time.Time // when it happened
	ID      string    // APO's or our id for it, for instance the captureId; may be empty
}

// RejectedError says why a command is not legal, because of which record, and what to do instead.
type RejectedError struct {
	OrderID string
	Command Verb
	Status  Status
	Reason  Reason
	Cause   Cause
	Detail  string    // figures, for instance "10.00 of 8.00 USD remain"; may be empty
	LegalAt time.Time // when it may become legal by itself; zero: not by itself
	Remedy  string
}

// Error reads like "order o-1: cancel rejected: captured 2026-11-20 by capture c-7; refund instead".
func (e *RejectedError) Error() string {
	return fmt.Sprintf("order %s: %s rejected: %s; %s", e.OrderID, e.Command, e.Why(), e.Remedy)
}

// Why is the reason in words, with its causing record, without the remedy.
func (e *RejectedError) Why() string {
	why := law.Reason(e.Reason).Says(e.causeWords())
	if e.Detail != "" {
		why += " (" + e.Detail + ")"
	}
	return why
}

func (e *RejectedError) causeWords() string {
	var at, id string
	if !e.Cause.At.IsZero() {
		at = e.Cause.At.UTC().Format(time.DateOnly)
	}
	switch e.Reason {
	case ReasonCaptured, ReasonSingleCapture, ReasonLastCapture:
		id = prefixed("by capture ", e.Cause.ID)
	case ReasonRefunded:
		id = prefixed("by refund ", e.Cause.ID)
	case ReasonHeldRefund:
		id = e.Cause.ID
	}
	return strings.TrimSpace(at + " " + id)
}

// Unwrap returns [ErrRejected].
func (e *RejectedError) Unwrap() error { return ErrRejected }

// FailedError is the recorded failure of a command: APO's code, or a word of ours where another fact decided it.
type FailedError struct {
	OrderID   string
	CommandID string
	Command   Verb
	Code      string
	Version   uint64 // of the record that ended it
}

// Error names the order, the code and the way out.
func (e *FailedError) Error() string {
	why := e.Code
	if why == "" { // a refund's failure is told without one
		why = "APO gave no code"
	}
	return fmt.Sprintf("order %s: %s failed: %s; its id is closed, give the command again under a new id if it is "+
		"still wanted", e.OrderID, e.Command, why)
}

// Unwrap returns [ErrFailed].
func (e *FailedError) Unwrap() error { return ErrFailed }

// MismatchError: a command id came again with other content.
type MismatchError struct {
	OrderID   string
	CommandID string
}

// Error names the command id and the way out.
func (e *MismatchError) Error() string {
	return fmt.Sprintf("order %s: command id %q stands for another command; repeat that one unchanged, or use a new id",
		e.OrderID, e.CommandID)
}

// Unwrap returns [ErrIdempotencyMismatch].
func (e *MismatchError) Unwrap() error { return ErrIdempotencyMismatch }

// InvalidError: a command that no order could take.
type InvalidError struct {
	OrderID string
	Command string
	Field   string
	Problem string
	Err     error // what refused it, from package events; may be nil
}

// Error names the field, the problem and the remedy.
func (e *InvalidError) Error() string {
	return fmt.Sprintf("order %q: %s: %s %s", e.OrderID, e.Command, e.Field, e.Problem)
}

// Unwrap returns [ErrInvalid] and what refused the value.
func (e *InvalidError) Unwrap() []error {
	if e.Err == nil {
		return []error{ErrInvalid}
	}
	return []error{ErrInvalid, e.Err}
}

// IllegalError: a record cannot follow the ones before it by the tables.
type IllegalError struct {
	OrderID string
	Version uint64
	Kind    events.Kind
	Problem string
}

// Error names the record and what is wrong with it.
func (e *IllegalError) Error() string {
	return fmt.Sprintf("order %s, version %d: %s %s; the log was not written by these rules, or was altered",
		e.OrderID, e.Version, e.Kind, e.Problem)
}

// Unwrap returns [ErrIllegal].
func (e *IllegalError) Unwrap() error { return ErrIllegal }

// Hint is the way out alone, for a command line that prints it on a line of its own.
func (e *RejectedError) Hint() string { return e.Remedy }

// prefixed is s with a word before it where there is any.
func prefixed(prefix, s string) string {
	if s == "" {
		return ""
	}
	return prefix + s
}
