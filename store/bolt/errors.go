package bolt

import (
	"errors"
	"fmt"
)

// What can keep a file from being opened, beside the errors of package store. Match them with errors.Is.
var (
	// ErrLocked: another process, or another handle in this one, has the file open.
	ErrLocked = errors.New("log is locked")
	// ErrNotALog: what stands at the path is not one of our logs.
	ErrNotALog = errors.New("not a log")
)

// FileError is a log file that cannot be used as it stands: the path, the reason, and the way out.
type FileError struct {
	Kind   error // ErrLocked, ErrNotALog, or of package store ErrNewerFormat, ErrDamaged, ErrFull, ErrReadOnly, ErrStorage
	Path   string
	Reason string
	Remedy string
}

// Error names the file, the reason and the way out.
func (e *FileError) Error() string { return fmt.Sprintf("log %s: %s; %s", e.Path, e.Reason, e.Remedy) }

// Hint is the way out alone, for a command line that prints it on a line of its own.
func (e *FileError) Hint() string { return e.Remedy }

// Unwrap returns Kind.
func (e *FileError) Unwrap() error { return e.Kind }
