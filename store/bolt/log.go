package bolt

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	"go.etcd.io/bbolt"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

var _ store.Log = (*Log)(nil)

// Log is a log in a bbolt file. Make one with [Open]; it is safe for many goroutines at once. All its methods are those
// of [store.Log] and keep its contract.
type Log struct {
	path     string
	readOnly bool
	db       *bbolt.DB
	file     *os.File // db's own; used only to ask its size and to let go of it after a fault

	queue     *queue        // appends on their way to the committer; nil when read-only
	committed chan struct{} // closed when the committer has ended
	failed    atomic.Pointer[failure]

	closing sync.Once
	closed  atomic.Bool
	outcome error // of closing
}

// failure is why the log can no longer be trusted to show what is on the disk.
type failure struct {
	err    error
	wedged bool // bbolt gave up in the middle of a write and may hold its own locks for ever
}

// view runs f in a read transaction. f must be quick, and must not call anything that is the caller's.
func (l *Log) view(f func(tx *bbolt.Tx) error) error {
	if l.closed.Load() {
		return closed(l.path)
	}
	if failed := l.failed.Load(); failed != nil {
		return failed.err
	}
	return explain(l.path, guarded(func() error { return l.db.View(f) }))
}

// lastPosition is the position of the log's newest record, 0 when it has none.
func lastPosition(tx *bbolt.Tx) uint64 {
	key, _ := tx.Bucket([]byte(bucketLog)).Cursor().Last()
	if len(key) != numberSize {
		return 0
	}
	return binary.BigEndian.Uint64(key)
}

// frame reads the record at the position and proves that it is the one that belongs there.
func (l *Log) frame(tx *bbolt.Tx, position uint64) (events.Record, error) {
	bytes := tx.Bucket([]byte(bucketLog)).Get(positionKey(position))
	if bytes == nil {
		return events.Record{}, &store.DamagedError{Log: "log " + l.path, Position: position, Reason: "there is no record here"}
	}
	return l.decode(position, bytes)
}

func (l *Log) decode(position uint64, bytes []byte) (events.Record, error) {
	r, err := events.DecodeFrame(bytes)
	if err != nil {
		return events.Record{}, unreadable(l.path, position, err)
	}
	if r.Position != position {
		return events.Record{}, &store.DamagedError{Log: "log " + l.path, Position: position,
			Reason: fmt.Sprintf("the record here says that its position is %d", r.Position)}
	}
	return r, nil
}

// frameOf reads the record at a place of the stream.
func (l *Log) frameOf(tx *bbolt.Tx, of events.Stream, at place) (events.Record, error) {
	r, err := l.frame(tx, at.position)
	if err != nil {
		return events.Record{}, err
	}
	if r.Stream != of || r.Version != at.version {
		return events.Record{}, &store.DamagedError{Log: "log " + l.path, Position: at.position,
			Reason: fmt.Sprintf("version %d of %s %q should be here, but it is version %d of %s %q",
				at.version, of.Category, of.ID, r.Version, r.Stream.Category, r.Stream.ID)}
	}
	return r, nil
}

// newest returns where the stream's newest record is, the zero place where there is no such stream.
func (l *Log) newest(tx *bbolt.Tx, of events.Stream) (place, error) {
	value := tx.Bucket([]byte(bucketStreams)).Get(streamKey(of))
	if value == nil {
		return place{}, nil
	}
	at, ok := parsePlace(value)
	if !ok || at.version == 0 || at.position < at.version {
		return place{}, l.damaged("the entry of %s %q is unreadable", of.Category, of.ID)
	}
	return at, nil
}

// Lookup implements [store.Log]. It reads one key.
func (l *Log) Lookup(ctx context.Context, key events.Key) (owner events.Stream, err error) {
	if err := store.CheckKey(key); err != nil {
		return events.Stream{}, err
	}
	if err := store.CheckContext(ctx, fmt.Sprintf("look up %q", string(key))); err != nil {
		return events.Stream{}, err
	}
	err = l.view(func(tx *bbolt.Tx) error {
		value := tx.Bucket([]byte(bucketKeys)).Get([]byte(key))
		if value == nil {
			return &store.NotFoundError{Key: key}
		}
		ok := false
		if owner, ok = parseStreamKey(value); !ok {
			return l.damaged("the owner of the lookup key %q is unreadable", string(key))
		}
		return nil
	})
	return owner, err
}

// Close implements [store.Log]. Appends that wait are still written.
func (l *Log) Close() error {
	l.closing.Do(func() {
		l.closed.Store(true)
		if l.queue != nil {
			l.queue.close()
			<-l.committed
		}
		// After a fault in a write, bbolt's own Close could wait for ever for a lock that nobody gives back.
		if failed := l.failed.Load(); failed != nil && failed.wedged {
			release(l.file)
			return
		}
		l.outcome = explain(l.path, guarded(l.db.Close))
	})
	return l.outcome
}
