package bolt

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/internal/ledger"
)

// request is an append with what the file said about its stream and keys, batch those that share a commit, and queue
// where they gather.
type (
	request = ledger.Request[look]
	batch   = ledger.Batch[look]
	queue   = ledger.Queue[look]
)

// Append implements [store.Log]. It returns after the commit that holds the records is synced to the disk, together
// with the other appends that gathered while the commit before it was written. If ctx ends while the append still
// waits for its commit, it has not happened; once the commit has begun, its outcome is reported. If it ends while the
// log looks whether an earlier try was written, this try has written nothing.
func (l *Log) Append(ctx context.Context, to events.Stream, after uint64, records ...events.Record) ([]events.Record,
	error) {
	l.queue.Enter()
	defer l.queue.Leave()
	r, err := l.prepare(ctx, to, after, records)
	if err != nil {
		return nil, err
	}
	if err := l.enqueue(ctx, r); err != nil {
		return nil, err
	}
	if errors.Is(r.Err, store.ErrConflict) {
		// Here and not in the committer: others do not wait while this stream is read.
		written, found, err := l.writtenBefore(ctx, r)
		if err != nil || found {
			return written, err
		}
	}
	if r.Err != nil {
		return nil, r.Err
	}
	return r.Written(l.name)
}

// prepare checks and encodes an append, and reads from the file what judging it will need.
func (l *Log) prepare(ctx context.Context, to events.Stream, after uint64, records []events.Record) (*request, error) {
	r, err := ledger.Encode[look](to, after, records)
	if err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, ledger.NotBegunError(ctx, to)
	}
	if l.readOnly {
		if err := l.usable(); err != nil {
			return nil, err
		}
		return nil, readOnlyError(l.path)
	}
	if l.followed.Load() != nil {
		return nil, cmp.Or(l.usable(), followsError(l.path))
	}
	r.Look, err = l.lookUp(r)
	return r, err
}

// enqueue has the request committed, and returns an error where it never was.
func (l *Log) enqueue(ctx context.Context, r *request) error {
	err := l.queue.Enqueue(ctx, r)
	if errors.Is(err, store.ErrClosed) {
		return closedError(l.path)
	}
	return err
}

// writtenBefore looks for the request's records where an earlier try of the same append has put them. It reads the
// stream from its newest record back, as far as the caller has the time.
func (l *Log) writtenBefore(ctx context.Context, r *request) ([]events.Record, bool, error) {
	found := make([]events.Record, 0, len(r.Records))
	for record, err := range l.Read(ctx, r.Stream, r.After) {
		switch ended := ctx.Err(); {
		case err != nil && ended != nil && errors.Is(err, ended):
			return nil, false, fmt.Errorf("append to %s %q: it wrote nothing, and whether an earlier try did is not known: %w; "+
				"repeat it with the same record ids", r.Stream.Category, r.Stream.ID, ended)
		case err != nil:
			return nil, false, err
		case record.ID != r.Records[len(found)].ID:
			return nil, false, nil
		}
		if found = append(found, record); len(found) == len(r.Records) {
			return found, true, nil
		}
	}
	return nil, false, nil
}
