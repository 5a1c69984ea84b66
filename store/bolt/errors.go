package bolt

import "fmt"

// FileError is a log file that cannot be used as it stands: the path, the reason, and the way out.
type FileError struct {
	Kind   error // package store's ErrLocked, ErrNotALog, ErrNewerFormat, ErrDamaged, ErrFull, ErrReadOnly or ErrStorage
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
