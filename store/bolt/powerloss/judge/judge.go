package judge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
	"github.com/tilltape/tilltape/store/bolt/powerloss/disk"
)

// mapSize is the log's while it is judged, in bytes: mapping more costs time and shows nothing.
const mapSize = 1 << 20

// Judge knows what was told to whom up to some moment of a trace. It is not safe for use by several goroutines.
type Judge struct {
	trace   *disk.Trace
	cut     int
	journal bool              // the log had one
	acked   map[uint64][]byte // frames by position
	seen    map[uint64][]byte
	tried   map[string]*disk.Append // by record id
}

// New returns a judge at the trace's beginning.
func New(trace *disk.Trace) *Judge {
	j := &Judge{trace: trace, acked: map[uint64][]byte{}, seen: map[uint64][]byte{}, tried: map[string]*disk.Append{}}
	for _, op := range trace.Ops {
		j.journal = j.journal || op.File > 0
	}
	for i := range trace.Appends {
		for _, id := range trace.Appends[i].IDs {
			j.tried[id] = &trace.Appends[i]
		}
	}
	return j
}

// Advance goes on to the cut, which must not be before the one the judge is at.
func (j *Judge) Advance(cut int) {
	for ; j.cut < cut; j.cut++ {
		op := j.trace.Ops[j.cut]
		told := j.acked
		if op.Kind == disk.Seen {
			told = j.seen
		}
		for _, r := range op.Records {
			told[r.Position] = r.Frame
		}
	}
}

// Told is how many records were acknowledged or shown to a reader so far.
func (j *Judge) Told() int { return len(j.acked) + len(j.seen) }

// ErrDenied: an append that failed said that nothing was written, and its records are there.
var ErrDenied = errors.New("an append that was said not to have happened has")

// Image opens the file at path as after a power loss, or makes it where there is none, and returns what is wrong with
// it, or nil. The file is changed: whether it accepts an append is part of the question. Thorough adds a second opening
// and bbolt's own check.
func (j *Judge) Image(path string, thorough bool) error {
	log, err := j.open(path)
	if err != nil {
		return fmt.Errorf("it does not open: %w", err)
	}
	l, err := j.contents(log)
	if err == nil {
		err = l.goesOn(log)
	}
	if closing := log.Close(); err == nil && closing != nil {
		err = fmt.Errorf("it does not close: %w", closing)
	}
	if err != nil || !thorough {
		return err
	}
	return j.again(path, l)
}

// open opens the file with a journal and without one by turns, where the trace has one.
func (j *Judge) open(path string) (*bolt.Log, error) {
	return bolt.Open(path, &bolt.Config{MapSize: mapSize, Journal: j.journal && j.cut%2 == 0})
}

// contents compares the log with what was told and with itself.
func (j *Judge) contents(log *bolt.Log) (*ledger, error) {
	l := newLedger()
	for record, err := range log.All(context.Background(), store.Start()) {
		if err != nil {
			return nil, fmt.Errorf("its log ends with %w after position %d", err, l.end())
		}
		if err := l.add(record); err != nil {
			return nil, err
		}
	}
	if err := l.kept("acknowledged", j.acked); err != nil {
		return nil, err
	}
	if err := l.kept("shown to a reader", j.seen); err != nil {
		return nil, err
	}
	if err := j.wanted(l); err != nil {
		return nil, err
	}
	for _, check := range []func(*bolt.Log) error{j.recovered, l.streamsOf, j.keysOf(l), l.headsOf, verified} {
		if err := check(log); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// wanted tells whether every record was asked for, is of an append that is there whole, and was not said to have
// failed.
func (j *Judge) wanted(l *ledger) error {
	for i := 0; i < len(l.records); {
		first := l.records[i]
		a := j.tried[first.ID]
		if a == nil {
			return fmt.Errorf("position %d holds %q, which nobody appended", first.Position, first.ID)
		}
		if a.Nothing {
			return fmt.Errorf("%w: position %d holds %q", ErrDenied, first.Position, first.ID)
		}
		for n, id := range a.IDs {
			if i+n >= len(l.records) || l.records[i+n].ID != id {
				return fmt.Errorf("position %d: of the append of %q record %d of %d is not there", first.Position, first.ID, n+1,
					len(a.IDs))
			}
		}
		i += len(a.IDs)
	}
	return nil
}

// keysOf returns the check that every lookup key ever tried has the owner that the log gives it, or none.
func (j *Judge) keysOf(l *ledger) func(*bolt.Log) error {
	return func(log *bolt.Log) error {
		for _, a := range j.trace.Appends {
			for _, key := range a.Keys {
				owner, err := log.Lookup(context.Background(), events.Key(key))
				want, there := l.owners[events.Key(key)]
				switch {
				case !there && !errors.Is(err, store.ErrNotFound):
					return fmt.Errorf("key %q: of no record, and Lookup says %v, %v", key, owner, err)
				case there && (err != nil || owner != want):
					return fmt.Errorf("key %q: of %v, and Lookup says %v, %v", key, want, owner, err)
				}
			}
		}
		return nil
	}
}

// recovered tells whether an orderly close left nothing to be read again.
func (j *Judge) recovered(log *bolt.Log) error {
	if n := log.Recovery().Records; n > 0 && j.trace.Closed && j.cut == len(j.trace.Ops) {
		return fmt.Errorf("after an orderly close %d records are to be read again", n)
	}
	return nil
}

// verified lets the log prove its seal.
func verified(log *bolt.Log) error {
	if err := log.Verify(context.Background(), nil); err != nil {
		return fmt.Errorf("it does not verify: %w", err)
	}
	return nil
}

// again opens the file once more after it was appended to, and lets bbolt check its pages.
func (j *Judge) again(path string, l *ledger) error {
	log, err := j.open(path)
	if err != nil {
		return fmt.Errorf("it does not open again after an append: %w", err)
	}
	defer log.Close()
	n := 0
	for record, err := range log.All(context.Background(), store.Start()) {
		if err != nil {
			return fmt.Errorf("after an append its log ends with %w", err)
		}
		if frame, err := events.AppendFrame(nil, record); err != nil || n >= len(l.frames) ||
			!bytes.Equal(frame, l.frames[n]) {
			return fmt.Errorf("after an append and another opening, position %d is another record", record.Position)
		}
		n++
	}
	if n != len(l.frames) {
		return fmt.Errorf("after an append and another opening, %d of %d records are there", n, len(l.frames))
	}
	for _, check := range []func(*bolt.Log) error{l.streamsOf, l.headsOf, verified} {
		if err := check(log); err != nil {
			return fmt.Errorf("after an append and another opening: %w", err)
		}
	}
	if err := log.Close(); err != nil {
		return err
	}
	return pages(path)
}

// pages is bbolt's own check: every page is reachable once or free.
func pages(path string) error {
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second, ReadOnly: true, PreLoadFreelist: true})
	if err != nil {
		return fmt.Errorf("bbolt does not open it: %w", err)
	}
	defer db.Close()
	return db.View(func(tx *bbolt.Tx) error {
		var found error
		for err := range tx.Check() { // to its end: the check runs in a goroutine that would wait for ever
			found = errors.Join(found, err)
		}
		if found != nil {
			return fmt.Errorf("bbolt's check: %w", found)
		}
		return nil
	})
}
