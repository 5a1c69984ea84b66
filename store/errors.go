package store

import (
	"errors"
	"fmt"

	"github.com/tilltape/tilltape/events"
)

// What a log answers when it cannot do what it was asked. Match them with errors.Is; the typed errors below carry the
// details. An engine's own errors (a driver's, a database's) never appear in the chain. What can go wrong while a log
// is opened is its engine's matter, which has sentinels of its own beside these.
var (
	// ErrConflict: the stream is not at the version the append was meant for. Somebody else was faster: read, decide
	// again. The details are in [*ConflictError].
	ErrConflict = errors.New("version conflict")
	// ErrKeyTaken: a lookup key belongs to another stream. The details are in [*KeyTakenError].
	ErrKeyTaken = errors.New("lookup key taken")
	// ErrNotFound: no stream has this name or owns this key. The details are in [*NotFoundError].
	ErrNotFound = errors.New("not found")
	// ErrInvalid: the argument is one that no log can hold or answer; trying again does not help.
	ErrInvalid = errors.New("invalid")
	// ErrClosed: the log was closed.
	ErrClosed = errors.New("log closed")
	// ErrReadOnly: the log was opened for reading only.
	ErrReadOnly = errors.New("log is read-only")
	// ErrUnavailable: the log cannot answer now, for instance because its server cannot be reached. Nothing was written;
	// the same again, later, may succeed. An append that may have been written ends with another error.
	ErrUnavailable = errors.New("log is unavailable for now")
	// ErrNewerFormat: a newer version of the library wrote this; upgrade before reading it.
	ErrNewerFormat = errors.New("log has a newer format")
	// ErrDamaged: the log does not hold what was once written to it.
	ErrDamaged = errors.New("log is damaged")
	// ErrFull: the space that the log may take is used up. What is in the log stays readable.
	ErrFull = errors.New("no space left for the log")
	// ErrStorage: what the log is kept on failed in another way: a permission, an I/O error.
	ErrStorage = errors.New("log storage failed")
)

// ConflictError is an append meant for another version of its stream. Nothing was written.
type ConflictError struct {
	Stream events.Stream
	Want   uint64 // the version the append was meant for
	Have   uint64 // the stream's version at that moment; 0: the stream is not there
}

// Error names the stream, both versions and the way out.
func (e *ConflictError) Error() string {
	if e.Have < e.Want {
		return fmt.Sprintf("%s: append refused: meant for version %d, but the stream ends at version %d; check that this "+
			"is the log the order was read from",
			name(e.Stream), e.Want, e.Have)
	}
	return fmt.Sprintf("%s: append refused: meant for version %d, but the stream is already at version %d; read what "+
		"was added, decide again and append after version %d",
		name(e.Stream), e.Want, e.Have, e.Have)
}

// Unwrap returns [ErrConflict].
func (e *ConflictError) Unwrap() error { return ErrConflict }

// KeyTakenError is an append with a lookup key that another stream owns. Nothing was written.
type KeyTakenError struct {
	Stream events.Stream // the stream that was appended to
	Key    events.Key
	Owner  events.Stream
}

// Error names the stream, the key, its owner and the way out.
func (e *KeyTakenError) Error() string {
	return fmt.Sprintf("%s: append refused: the lookup key %q belongs to %s; find out which of the two it is for, and "+
		"append without the key or to its owner",
		name(e.Stream), string(e.Key), name(e.Owner))
}

// Unwrap returns [ErrKeyTaken].
func (e *KeyTakenError) Unwrap() error { return ErrKeyTaken }

// NotFoundError is a question about a stream or a key that the log does not have. Exactly one of the fields is set.
type NotFoundError struct {
	Stream events.Stream
	Key    events.Key
}

// Error names what was looked for.
func (e *NotFoundError) Error() string {
	if e.Key != "" {
		return fmt.Sprintf("no stream owns the lookup key %q; check the id, or wait until the order's own record of it is "+
			"appended", string(e.Key))
	}
	return fmt.Sprintf("%s: no such stream; check the id, or append its first record after version 0", name(e.Stream))
}

// Unwrap returns [ErrNotFound].
func (e *NotFoundError) Unwrap() error { return ErrNotFound }

// DamagedError is a place in a log that does not hold what was written there.
type DamagedError struct {
	Log      string // what its engine calls the log
	Position uint64 // the record's position; 0 where the damage is not in one record
	Reason   string
	OfSeal   bool // it is in the hashes that the log keeps of its records
}

// Error names the log, the position, the reason and the way out.
func (e *DamagedError) Error() string {
	at := e.Log
	if e.Position != 0 {
		at = fmt.Sprintf("%s, position %d", e.Log, e.Position)
	}
	return fmt.Sprintf("%s: the log is damaged: %s; %s", at, e.Reason, e.Hint())
}

// Hint is the way out alone.
func (e *DamagedError) Hint() string {
	return "keep the log as it is, to compare, and go on from a backup"
}

// Unwrap returns [ErrDamaged].
func (e *DamagedError) Unwrap() error { return ErrDamaged }

// name is a stream in the words of an error message.
func name(s events.Stream) string { return fmt.Sprintf("%s %q", s.Category, s.ID) }
