package jetstream

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
	"github.com/tilltape/tilltape/store/internal/ledger"
)

var (
	_ store.Log          = (*Log)(nil)
	_ store.Watcher      = (*Log)(nil)
	_ store.Framer       = (*Log)(nil)
	_ store.Checkpointer = (*Log)(nil)
	_ store.Measured     = (*Log)(nil)
	_ store.Recoverer    = (*Log)(nil)
)

// request is an append with what was found out before it was queued, batch those that are sent together, and queue
// where they gather.
type (
	request = ledger.Request[looked]
	batch   = ledger.Batch[looked]
	queue   = ledger.Queue[looked]
)

// looked is why a request needs no message: nothing that comes later makes it fit.
type looked struct{ refused error }

// Log is a log whose order is a stream of JetStream, and whose records are in a file of this process. Make one with
// [Open]; it is safe for many goroutines at once, and so is any number of logs, in any number of processes, on the same
// stream, each with a file of its own. It keeps the contract of [store.Log]; what it can do besides is proving, copying
// and watching.
type Log struct {
	name    string // what errors call it
	conn    *nats.Conn
	js      jetstream.JetStream
	config  Config
	replica *bolt.Log

	queue *queue
	sent  chan struct{} // closed when the sender has ended
	bulk  sync.Mutex    // held while a message of AppendAll is on its way

	following context.Context // ends when nothing is applied any more
	stop      context.CancelFunc
	followed  chan struct{} // closed when the follower has ended
	told      atomic.Uint64 // newest sequence that a server has spoken of
	asked     atomic.Uint64 // questions about how the stream is
	heeded    chan struct{} // closed when nobody looks at the stream's settings any more

	closing sync.Once
	ended   chan struct{} // closed when closing begins
	closed  atomic.Bool
	outcome error // of closing

	mu      sync.Mutex
	applied uint64              // sequence of the newest message that readers see
	moved   chan struct{}       // closed when applied grows
	waiting map[token]*outgoing // messages of which the outcome is waited for
	asking  *question           // that is asked now
	next    *question           // that those who come meanwhile share
	failure error               // why nothing is applied any more
	failed  chan struct{}       // closed then
	trouble error               // why nothing could be applied just now
	weak    error               // by what settings the stream could lose messages, as it was asked last
	weakBy  uint64              // the question that told so
	gone    error               // that it has lost some
}

// Append implements [store.Log]. It returns once a majority of the servers has stored the message with the records, and
// this process has applied it and all before it: judged it by what then is there, as every other process does. What
// gathers while messages are on their way shares the next. If ctx ends while the append still waits for that, it has
// not happened; from then on its outcome is reported. Where no answer comes, the message is sent again, and looked for
// in the order; after half a minute the error is store.ErrStorage, and the same append again finds out. Where
// the stream's settings could lose it, it is [ErrStream], and where the servers have no room for it store.ErrFull; both
// wrap store.ErrUnavailable, too, since it is sure that nothing was done.
func (l *Log) Append(ctx context.Context, to events.Stream, after uint64, records ...events.Record) ([]events.Record,
	error) {
	l.queue.Enter()
	defer l.queue.Leave()
	r, err := ledger.Encode[looked](to, after, records)
	if err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, ledger.NotBegunError(ctx, to)
	}
	if r.Look, err = l.look(ctx, r); err != nil {
		return nil, err
	}
	if err := l.queue.Enqueue(ctx, r); err != nil {
		if errors.Is(err, store.ErrClosed) {
			return nil, l.closedError()
		}
		return nil, err
	}
	if errors.Is(r.Err, store.ErrConflict) {
		// Here and not where it was applied: others do not wait while this stream is read.
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

// look refuses what is meant for a version that the stream does not have yet. So a message is never refused for a
// reason that may pass: a copy of it that comes later, sent again because no answer came, is refused as it was, or
// finds that its appends have been applied.
func (l *Log) look(ctx context.Context, r *request) (looked, error) {
	if r.After == 0 {
		return looked{}, l.usable(ctx, "append")
	}
	for current := false; ; current = true {
		if err := l.usable(ctx, "append"); err != nil {
			return looked{}, err
		}
		have, err := l.version(ctx, r.Stream)
		if err != nil || have >= r.After {
			return looked{}, err
		}
		if current {
			return looked{&store.ConflictError{Stream: r.Stream, Want: r.After, Have: have}}, nil
		}
		if err := l.catchUp(ctx, "append"); err != nil {
			return looked{}, err
		}
	}
}

// version is the stream's as this process has applied it.
func (l *Log) version(ctx context.Context, of events.Stream) (uint64, error) {
	head, err := l.replica.Head(ctx, of)
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	return head.Version, err
}

// writtenBefore looks for the request's records where an earlier try of the same append has put them: this process has
// applied all that the request was judged by.
func (l *Log) writtenBefore(ctx context.Context, r *request) ([]events.Record, bool, error) {
	found := make([]events.Record, 0, len(r.Records))
	for record, err := range l.replica.Read(ctx, r.Stream, r.After) {
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

// Figures implements [store.Measured]. Last is what this process has applied, Bytes its file's size.
func (l *Log) Figures() store.Figures {
	f, of := l.queue.Figures(), l.replica.Figures()
	f.Last, f.Bytes = of.Last, of.Bytes
	return f
}

// Behind tells how much was applied and is not in this process's file yet, and what keeps it out of there, such as a
// full disk: then appends go on until 32 MiB wait. After a kill that much is applied again. Safe for many goroutines.
func (l *Log) Behind() bolt.Behind { return l.replica.Behind() }

// Recovery implements [store.Recoverer], of the file.
func (l *Log) Recovery() store.Recovery { return l.replica.Recovery() }

// usable is the error of a call that cannot begin: its context has ended, the log was closed, or it has failed.
func (l *Log) usable(ctx context.Context, doing string) error {
	if err := store.CheckContext(ctx, doing); err != nil {
		return err
	}
	if l.closed.Load() {
		return l.closedError()
	}
	return l.broken()
}

// broken is why nothing is applied any more, nil while it is.
func (l *Log) broken() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failure
}

// fail stops the log.
func (l *Log) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failure == nil {
		l.failure = err
		close(l.failed)
	}
}

// Close implements [store.Log]. Appends that wait are still sent, and their outcomes awaited: that takes up to a minute
// where no server answers. The connection stays open.
func (l *Log) Close() error {
	l.closing.Do(func() {
		l.closed.Store(true)
		close(l.ended)
		l.queue.Close()
		<-l.sent
		l.bulk.Lock() // whoever comes to have it finds that the log is closed
		defer l.bulk.Unlock()
		l.stop()
		<-l.followed
		<-l.heeded
		l.outcome = l.replica.Close()
	})
	return l.outcome
}

// sequence yields what a read of this process's file does, once that is current.
func sequence[T any](l *Log, ctx context.Context, doing string, read func() iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		if err := l.current(ctx, doing); err != nil {
			var none T
			yield(none, err)
			return
		}
		for one, err := range read() {
			if !yield(one, err) {
				return
			}
		}
	}
}
