package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/sealed"
)

var (
	_ store.Log          = (*Log)(nil)
	_ store.Watcher      = (*Log)(nil)
	_ store.Framer       = (*Log)(nil)
	_ store.Checkpointer = (*Log)(nil)
	_ store.Measured     = (*Log)(nil)
)

// Log is a log in a PostgreSQL database. Make one with [Open]; it is safe for many goroutines at once, and so is any
// number of logs, in any number of processes, on the same schema. It keeps the contract of [store.Log]; what it can do
// besides is proving, copying and watching.
type Log struct {
	name   string // what errors call it
	pool   *pgxpool.Pool
	config Config
	naming sealed.Naming
	sql    statements

	// Over the records as this handle knows them: those it appended as it made them, those of others by the bytes that the
	// server holds, and only where they give the frontier beside them. Never changed once it is here.
	tree atomic.Pointer[seal.Tree]

	queue     *queue        // appends on their way to the committer; nil when read-only
	committed chan struct{} // closed when the committer has ended

	closing sync.Once
	ended   chan struct{} // closed when closing begins
	closed  atomic.Bool

	// Of Watch.
	following context.Context // ends with Close
	stop      context.CancelFunc
	follow    sync.Once
	followed  sync.WaitGroup
	watchers  atomic.Int64
	mu        sync.Mutex
	known     uint64        // newest position that is known to be there
	grown     chan struct{} // closed when known grows
}

// Append implements [store.Log]. It returns after the server has confirmed the transaction that holds the records,
// together with other appends that gathered while the one before it was written: for all of them, one round trip where
// this process was the last to append, and two else. If
// ctx ends while the append still waits for its turn, it has not happened; once the turn has begun, its outcome is
// reported. Where the connection breaks during the commit, the log finds out by another one what has become of it; if
// it cannot in half a minute, the error is store.ErrStorage, and the same append again finds out.
func (l *Log) Append(ctx context.Context, to events.Stream, after uint64, records ...events.Record) ([]events.Record,
	error) {
	l.queue.Enter()
	defer l.queue.Leave()
	r, err := l.prepare(ctx, sealed.Append{Stream: to, After: after, Records: records})
	if err != nil {
		return nil, err
	}
	if err := l.queue.Enqueue(ctx, r); err != nil {
		if errors.Is(err, store.ErrClosed) {
			return nil, l.closedError()
		}
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

// Figures implements [store.Measured]. Last is what this handle has appended or been told of; the server alone knows
// what the log takes.
func (l *Log) Figures() store.Figures {
	f := l.queue.Figures()
	l.mu.Lock()
	f.Last = l.known
	l.mu.Unlock()
	f.Last = max(f.Last, l.tree.Load().Size())
	return f
}

// decode reads the frame that stands at a position.
func (l *Log) decode(position uint64, frame []byte) (events.Record, error) {
	r, err := events.DecodeFrame(frame)
	if err != nil {
		return events.Record{}, store.Unreadable(l.name, position, err)
	}
	if r.Position != position {
		return events.Record{}, l.damagedAt(position, "the record here says that its position is %d", r.Position)
	}
	return r, nil
}

// writtenBefore looks for the request's records where an earlier try of the same append has put them, as far as the
// caller has the time.
func (l *Log) writtenBefore(ctx context.Context, r *request) ([]events.Record, bool, error) {
	found := make([]events.Record, 0, len(r.Records))
	for record, err := range l.Read(ctx, r.Stream, r.After) {
		switch ended := ctx.Err(); {
		case err != nil && ended != nil && errors.Is(err, ended):
			return nil, false, fmt.Errorf("append to %s %q: it wrote nothing, and whether an earlier try did is not known: %w; "+
				"repeat it with the same record ids", r.Stream.Category, r.Stream.ID, ended)
		case err != nil:
			return nil, false, l.earlierError("whether an earlier try did", err)
		case record.ID != r.Records[len(found)].ID:
			return nil, false, nil
		}
		if found = append(found, record); len(found) == len(r.Records) {
			return found, true, l.confirmed(ctx, r)
		}
	}
	return nil, false, nil
}

// confirmed returns once an earlier try that was found is as durable as one that is acknowledged at once.
func (l *Log) confirmed(ctx context.Context, r *request) error {
	err := l.confirm(ctx)
	if err == nil || ctx.Err() == nil {
		return l.earlierError("an earlier try did, and whether that will last", explain(ctx, l.name, "append", err))
	}
	return fmt.Errorf("append to %s %q: it wrote nothing; an earlier try did, and whether that will last is not known: "+
		"%w; repeat it with the same record ids", r.Stream.Category, r.Stream.ID, ctx.Err())
}

// earlierError is the error of an append that wrote nothing, and cannot find out about an earlier try of the same: it
// is none of those that say that nothing was written.
func (l *Log) earlierError(unknown string, err error) error {
	if !errors.Is(err, store.ErrUnavailable) {
		return err
	}
	return &ServerError{Kind: store.ErrStorage, Log: l.name,
		Reason: "it wrote nothing; " + unknown + ", cannot be found out (" + plainText(err) + ")",
		Remedy: "repeat it with the same record ids once the server answers"}
}

// Lookup implements [store.Log]. It reads one row.
func (l *Log) Lookup(ctx context.Context, key events.Key) (owner events.Stream, err error) {
	if err := store.CheckKey(key); err != nil {
		return events.Stream{}, err
	}
	doing := fmt.Sprintf("look up %q", string(key))
	if err := l.usable(ctx, doing); err != nil {
		return events.Stream{}, err
	}
	err = l.pool.QueryRow(ctx, l.sql.owner, []byte(key)).Scan(&owner.Category, &owner.ID)
	if errors.Is(err, pgx.ErrNoRows) {
		return events.Stream{}, &store.NotFoundError{Key: key}
	}
	return owner, explain(ctx, l.name, doing, err)
}

// usable is the error of a call that cannot begin: its context has ended, or the log was closed.
func (l *Log) usable(ctx context.Context, doing string) error {
	if err := store.CheckContext(ctx, doing); err != nil {
		return err
	}
	if l.closed.Load() {
		return l.closedError()
	}
	return nil
}

// Close implements [store.Log]. Appends that wait are still written. The pool stays open.
func (l *Log) Close() error {
	l.closing.Do(func() {
		l.closed.Store(true)
		close(l.ended)
		if l.queue != nil {
			l.queue.Close()
			<-l.committed
		}
		l.stop()
		l.mu.Lock()
		l.follow.Do(func() {}) // nobody begins to follow any more
		l.mu.Unlock()
		l.followed.Wait()
	})
	return nil
}
