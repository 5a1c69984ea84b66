package export

import (
	"errors"
	"fmt"

	"github.com/tilltape/tilltape/internal/words"
	"github.com/tilltape/tilltape/store"
)

// The sentinels that this package's errors wrap beside those of package store.
var (
	// ErrNotExport: the file is no export at all.
	ErrNotExport = errors.New("not an export")
	// ErrCutOff: the export ends before its header says. An error that wraps it wraps [store.ErrDamaged] too.
	ErrCutOff = errors.New("export is cut off")
	// ErrFiltered: a question that only an export of everything can answer.
	ErrFiltered = errors.New("export is filtered")
)

// LineError is a line of an export that is not what [Write] writes.
type LineError struct {
	Name     string // of the export
	Line     uint64 // counted from 1; the header is line 1
	Position uint64 // of the record in the log; 0 where the line does not tell
	Reason   string
	Err      error // ErrCutOff, or why a record cannot be read, or nil; store.ErrNewerFormat is no damage
}

// Error names the export, the line, the position, the reason and the way out.
func (e *LineError) Error() string {
	at := fmt.Sprintf("export %s, line %d", e.Name, e.Line)
	if e.Position != 0 {
		at += fmt.Sprintf(", position %d", e.Position)
	}
	return fmt.Sprintf("%s: %s; %s", at, e.Reason, e.Hint())
}

// Ends tells that the export ends before its header says: there is nothing after it to go on with.
func (e *LineError) Ends() bool { return errors.Is(e.Err, ErrCutOff) }

// Hint is the way out alone.
func (e *LineError) Hint() string {
	if errors.Is(e.Err, store.ErrNewerFormat) {
		return "read it with the version that wrote it, or a newer one"
	}
	return "keep this file as it is, to compare, and get another copy, or write the export again from the log"
}

// Unwrap returns [store.ErrDamaged] and the more exact reason where there is one, or that a newer version wrote it.
func (e *LineError) Unwrap() []error {
	switch {
	case e.Err == nil:
		return []error{store.ErrDamaged}
	case errors.Is(e.Err, store.ErrNewerFormat):
		return []error{e.Err}
	}
	return []error{store.ErrDamaged, e.Err}
}

// filteredError says what a filtered export cannot be asked.
func filteredError(name, what string, h *Header) error {
	return fmt.Errorf("export %s: %w: it has %d of the log's %s (%s), and %s; export the log without a filter",
		name, ErrFiltered, h.Count, words.Counted(h.Checkpoint.Size, "record"), h.Filter, what)
}
