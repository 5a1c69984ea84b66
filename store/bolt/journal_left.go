package bolt

import (
	"errors"
	"iter"
	"path/filepath"
	"slices"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

// Journal is what is left in a log's journal, whatever of it is damaged: for a salvage, where the log's file does not
// open any more. It is for one goroutine. Make one with [ReadJournal].
type Journal struct {
	Path   string
	ID     string // 16 bytes, by which the log's file names it
	Origin string // of the log; empty, where that is unsealed
	Fault  error  // what of it was altered or is missing; nil: nothing, as far as it tells itself

	berths []berth
	loaded *group // the one read last
}

// ReadJournal looks for records in the journal beside the log's file at the path. It never writes. The error is
// [fs.ErrNotExist] where there is no journal, and says what it is where its header cannot be read: then nothing in it
// can be told from anything else. Memory is a megabyte, and what [Config.Journal] says that leads to records.
func ReadJournal(path string) (*Journal, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	at, err := journalPath(absolute)
	if err != nil {
		return nil, err
	}
	found, length, err := scanLeft(at)
	if err != nil {
		return nil, err
	}
	return &Journal{Path: at, ID: found.id, Origin: found.origin, Fault: errors.Join(length, found.rot()),
		berths: found.berths}, nil
}

// Records yields the records that are whole, with their stored bytes, in the order of their positions: those that the
// log's file has already are among them, where nothing was written over them. What stands where a record should be and
// is none is a *store.DamagedError, after which it goes on.
func (j *Journal) Records() iter.Seq2[store.Frame, error] {
	return func(yield func(store.Frame, error) bool) {
		for _, b := range j.berths {
			for position := b.first; position <= b.last(); position++ {
				if !yield(j.Record(position)) {
					return
				}
			}
		}
	}
}

// Record returns the record at a position. It reads the group that has it, unless that is the one read last. The bytes
// may be kept.
func (j *Journal) Record(position uint64) (store.Frame, error) {
	if j.loaded == nil || position < j.loaded.first || position > j.loaded.last() {
		i, _ := slices.BinarySearchFunc(j.berths, position, func(b berth, position uint64) int {
			if b.last() < position {
				return -1
			}
			return 1
		})
		if i == len(j.berths) || j.berths[i].first > position {
			return store.Frame{}, j.damagedError(position, "it does not have it")
		}
		loaded, err := j.berths[i].load(j.Path, j.ID)
		if err != nil {
			return store.Frame{}, j.damagedError(position, err.Error())
		}
		j.loaded = loaded
	}
	frame := j.loaded.frame(position)
	r, err := events.DecodeFrame(frame)
	if err == nil && r.Position != position {
		err = errNoRecord
	}
	if err != nil {
		return store.Frame{}, j.damagedError(position, err.Error())
	}
	return store.Frame{Record: r, Bytes: frame}, nil
}

func (j *Journal) damagedError(position uint64, reason string) error {
	return &store.DamagedError{Log: "journal " + j.Path, Position: position, Reason: reason}
}
