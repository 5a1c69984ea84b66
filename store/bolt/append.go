package bolt

import (
	"context"
	"errors"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

// batchMax is the most appends one commit takes. Those that wait behind it are in the next one.
const batchMax = 256

// Append implements [store.Log]. It returns after the commit that holds the records is synced to the disk, together
// with the other appends that gathered while the commit before it was written. If ctx ends while the append still
// waits for its commit, it has not happened; once the commit has begun, its outcome is reported.
func (l *Log) Append(ctx context.Context, to events.Stream, after uint64, records ...events.Record) ([]events.Record, error) {
	if err := store.CheckAppend(to, records); err != nil {
		return nil, err
	}
	if err := store.CheckContext(ctx, fmt.Sprintf("append to %s %q", to.Category, to.ID)); err != nil {
		return nil, err
	}
	if l.readOnly {
		return nil, &store.FileError{Kind: store.ErrReadOnly, Path: l.path, Reason: "it was opened for reading only", Remedy: "open it without Config.ReadOnly to append"}
	}
	r := &request{stream: to, after: after, records: records, done: make(chan struct{})}
	if !l.queue.add(r) {
		return nil, closed(l.path)
	}
	select {
	case <-r.done:
	case <-ctx.Done():
		if l.queue.withdraw(r) {
			return nil, store.CheckContext(ctx, fmt.Sprintf("append to %s %q", to.Category, to.ID))
		}
		<-r.done
	}
	if errors.Is(r.err, store.ErrConflict) {
		// Here and not in the committer: others do not wait while this stream is read.
		written, found, err := l.writtenBefore(r)
		if err != nil || found {
			return written, err
		}
	}
	return r.written, r.err
}

// writtenBefore looks for the request's records where an earlier try of the same append has put them.
func (l *Log) writtenBefore(r *request) ([]events.Record, bool, error) {
	found := make([]events.Record, 0, len(r.records))
	for record, err := range l.Read(context.Background(), r.stream, r.after) {
		if err != nil {
			return nil, false, err
		}
		if record.ID != r.records[len(found)].ID {
			return nil, false, nil
		}
		if found = append(found, record); len(found) == len(r.records) {
			return found, true, nil
		}
	}
	return nil, false, nil
}

// commitAll is the one goroutine that writes. It ends when the queue is closed and empty.
func (l *Log) commitAll() {
	defer close(l.committed)
	for {
		batch := l.queue.take(batchMax)
		if len(batch) == 0 {
			return
		}
		l.commit(batch)
		for _, r := range batch {
			close(r.done)
		}
	}
}

// errNothingToWrite ends a transaction in which every append was refused: what is not written needs no sync.
var errNothingToWrite = errors.New("nothing to write")

// commit writes a batch in one transaction. A refused append is a result and leaves the others alone; a transaction
// that fails fails them all, refusals too, because those were judged against what is now not there.
func (l *Log) commit(batch []*request) {
	var last uint64
	filled := false
	err := guarded(func() error {
		if failed := l.failed.Load(); failed != nil {
			return failed.err
		}
		return l.db.Update(func(tx *bbolt.Tx) error {
			w := newWriter(l, tx)
			last = w.last
			for _, r := range batch {
				refusal, err := w.append(r)
				if err != nil {
					return err
				}
				r.err = refusal
			}
			if w.last == last {
				return errNothingToWrite
			}
			filled = true
			return nil
		})
	})
	if err == nil || errors.Is(err, errNothingToWrite) {
		return
	}
	if filled || errors.As(err, new(*fault)) {
		l.doubt(last, err)
	}
	for _, r := range batch {
		r.written, r.err = nil, explain(l.path, err)
	}
}

// doubt decides whether the log can go on after a commit that failed. bbolt undoes most of them; but where the file's
// header is written and only its sync failed, readers see a commit that the disk may not have, and nothing that is
// built on it would be durable. Then, and after a fault, the log stops until it is opened again.
func (l *Log) doubt(before uint64, cause error) {
	var now uint64
	wedged := errors.As(cause, new(*fault))
	if !wedged {
		err := guarded(func() error {
			return l.db.View(func(tx *bbolt.Tx) error { now = lastPosition(tx); return nil })
		})
		if err == nil && now == before {
			return
		}
	}
	err := explain(l.path, cause)
	if !wedged {
		err = &store.FileError{Kind: store.ErrStorage, Path: l.path, Reason: "the disk did not confirm a commit (" + cause.Error() + ")",
			Remedy: "check the disk, then restart; an append that failed may have happened: repeat it with the same record ids"}
	}
	l.failed.Store(&failure{err: err, wedged: wedged})
}
