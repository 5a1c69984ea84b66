package disk

import (
	"encoding/gob"
	"fmt"
	"os"
	"slices"
)

// Kind is what happened.
type Kind uint8

// What can happen in a trace.
const (
	Wrote   Kind = iota + 1 // bytes went to the page cache
	Sized                   // the file's size was set, in memory
	Synced                  // the disk was asked to keep all that was done before Since
	Acked                   // an append returned: what it carried must never be lost
	Seen                    // a reader was given records, whether or not an append was told yet that they are safe
	Made                    // a journal was made, still without its name
	Named                   // a log or a journal got its name; it may lose it again until the folder is synced
	Removed                 // the journal's name was taken away; it may come back until the folder is synced
	Settled                 // the folder was synced
)

// String names the kind as in a report.
func (k Kind) String() string {
	switch k {
	case Wrote:
		return "write"
	case Sized:
		return "resize"
	case Synced:
		return "sync"
	case Acked:
		return "acknowledgement"
	case Seen:
		return "sighting"
	case Made:
		return "journal made"
	case Named:
		return "named"
	case Removed:
		return "journal removed"
	case Settled:
		return "folder synced"
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Record is a record's place and its bytes: its frame.
type Record struct {
	Position uint64
	Frame    []byte
}

// Op is one thing that happened to a file, or that its user was told.
type Op struct {
	Kind    Kind
	File    int      // of a Wrote, Sized, Synced, Made or Named: 0 is the log, n its n-th journal
	Offset  int64    // of a Wrote, in bytes
	Data    []byte   // of a Wrote: what reached the page cache
	Size    int64    // of a Sized, in bytes
	Since   int      // of a Synced: the number of ops before it began; only these are kept by it
	Failed  bool     // of a Synced: the disk did not confirm it
	By      int      // of a Synced: by which opening of a file, from 1; 0: not known
	Records []Record // of an Acked or a Seen
}

// Trace is what one run of a workload did to one log: its file and its journals.
type Trace struct {
	Ops      []Op
	Begin    int      // ops that only say what was there when the run began; no power loss is tried before they are done
	Ready    int      // ops before the log was open; a power loss before there is one of its creation
	Appends  []Append // every append that was tried, so that a record nobody asked for is found out
	Replies  []string // errors that appends returned, for the report
	Closed   bool     // the log was closed on a sound disk, and said that all was well
	Finished []byte   // the file's bytes when the workload had ended; nil where there was none
	Beside   []byte   // the journal's then; nil where there was none
}

// Append is one that was tried, by its records' ids, and how it ended.
type Append struct {
	IDs  []string
	Keys []string // lookup keys that it would make known
	// Nothing: the engine said that it has not happened, so its records must never turn up.
	Nothing bool
}

// After is the beginning of a trace that goes on where the power of t was lost: on the shot's image, with all that had
// been tried and acknowledged by then.
func (t *Trace) After(shot Shot) *Trace {
	p := new(Folder)
	acked := Op{Kind: Acked}
	for _, op := range t.Ops[:shot.Cut] {
		p.Do(op)
		if op.Kind == Acked {
			acked.Records = append(acked.Records, op.Records...)
		}
	}
	image := shot.Take(p, nil)
	var ops []Op
	if image.There {
		ops = append(ops, Op{Kind: Wrote, Data: image.Log}, Op{Kind: Sized, Size: image.Size}, Op{Kind: Synced, Since: 2},
			Op{Kind: Named})
	}
	if image.Named {
		ops = append(ops, Op{Kind: Made, File: 1}, Op{Kind: Wrote, File: 1, Data: image.Journal},
			Op{Kind: Sized, File: 1, Size: image.JournalSize}, Op{Kind: Synced, File: 1, Since: len(ops) + 3},
			Op{Kind: Named, File: 1})
	}
	ops = append(ops, Op{Kind: Settled}, acked)
	return &Trace{Ops: ops, Begin: len(ops), Ready: len(ops), Appends: slices.Clone(t.Appends)}
}

// Save writes the trace into a new file at path.
func (t *Trace) Save(path string) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := gob.NewEncoder(file).Encode(t); err != nil {
		return fmt.Errorf("trace %s: %w", path, err)
	}
	return file.Close()
}

// LoadTrace reads what [Trace.Save] wrote.
func LoadTrace(path string) (*Trace, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	t := new(Trace)
	if err := gob.NewDecoder(file).Decode(t); err != nil {
		return nil, fmt.Errorf("trace %s: %w", path, err)
	}
	return t, nil
}
