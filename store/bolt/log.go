package bolt

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	"go.etcd.io/bbolt"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
)

var (
	_ store.Log          = (*Log)(nil)
	_ store.Watcher      = (*Log)(nil)
	_ store.Framer       = (*Log)(nil)
	_ store.Checkpointer = (*Log)(nil)
	_ store.Measured     = (*Log)(nil)
)

// Log is a log in a bbolt file. Make one with [Open]; it is safe for many goroutines at once. It keeps the
// contract of [store.Log]; what it can do besides is proving, copying and watching.
type Log struct {
	path     string
	name     string // "log " and the path, in errors
	absolute string // the same, wherever the process goes
	readOnly bool
	db       *bbolt.DB
	file     *os.File // db's own; used only to ask its size, to read ahead, and to let go of it after a fault
	signer   *seal.Signer
	recovery Recovery
	lazy     lazy
	waiting  waiting // records that readers see and that are not in the file yet

	pagesLooked int // at most, by checkPages

	named atomic.Pointer[identity] // set before Open returns; from then on Adopt alone changes it

	followed atomic.Pointer[Followed] // what readers see of it; nil where the log follows no order

	committing sync.Mutex              // held while a group goes into the journal or is applied, and before the next
	journal    *journal                // that appends go to first; nil where there is none
	mover      *mover                  // of what waits; nil where appends go into the file at once
	journalAt  string                  // where it is, or would be
	gathered   int                     // entries that were in memory when what waited was last moved into the file
	stuck      atomic.Pointer[failure] // why records could not be moved into the file

	writing sync.Mutex // held for a commit, by the committer, by Close and by Adopt: what follows, and the file's header

	// Of the committer alone, and after it of Close.
	progress  progress          // as the file has it
	commits   int               // bbolt's number of the last commit that is known to be durable
	last      uint64            // position of the newest record in the file
	frontier  []byte            // of the seal then
	found     [sha256.Size]byte // the sum over what the file said of itself when it was opened
	filedTree *seal.Tree        // over the records of the file then, where a journal had more
	follows   string            // how far it has applied the order that it follows; empty where it follows none
	marked    string            // the id of the journal that the file names; empty where it names none
	flush     *flush            // of lazy's frozen generation
	plan      plan              // of the next commit
	before    before            // what it is judged against
	chunks    chunks            // what its frames become

	queue     *queue        // appends on their way to the committer; nil when read-only
	committed chan struct{} // closed when the committer has ended
	failed    atomic.Pointer[failure]
	wedged    chan struct{} // closed when bbolt may hold its own locks for ever

	closing sync.Once
	ended   chan struct{} // closed when closing begins
	closed  atomic.Bool
	outcome error // of closing
}

// failure is why the log can no longer be trusted to show what is on the disk.
type failure struct {
	err    error
	wedged bool // bbolt gave up in the middle of a write and may hold its own locks for ever
}

// fail stops the log, and wakes its watchers and an append that waits for room.
func (l *Log) fail(f *failure) {
	if l.failed.CompareAndSwap(nil, f) && f.wedged {
		close(l.wedged)
	}
	l.lazy.wake()
	if l.mover != nil {
		signal(l.mover.freed)
	}
}

// view runs f in a read transaction. f must be quick, and must not call anything that is the caller's.
func (l *Log) view(f func(tx reading) error) error {
	if err := l.usable(); err != nil {
		return err
	}
	return l.glance(f)
}

// glance is view for a log that may have been closed, whose last appends are still written.
func (l *Log) glance(f func(tx reading) error) error {
	begun := false
	err := guarded(func() error {
		return l.peek(func(tx reading) error { begun = true; return f(tx) })
	})
	if !begun && isFault(err) {
		l.fail(&failure{err: explain(l.path, err), wedged: true}) // bbolt holds its locks while it reads its headers
	}
	return explain(l.path, err)
}

// reading is a transaction, and what of the log's records it may not have yet.
type reading struct {
	*bbolt.Tx
	tail tail
}

// peek is the bare read transaction. What has left the tail before is in its file.
func (l *Log) peek(f func(tx reading) error) error {
	waiting := l.waiting.now()
	return l.db.View(func(tx *bbolt.Tx) error { return f(reading{tx, waiting}) })
}

// viewLayers is view with every generation of which the transaction may have a part: one that has left memory meanwhile
// was perhaps on its way into the file when the transaction began, and then it is begun again.
func (l *Log) viewLayers(f func(tx reading, memory layers) error) error {
	for {
		before, left := l.lazy.layers(), false
		err := l.view(func(tx reading) error {
			memory := l.lazy.layers()
			if left = memory.epoch != before.epoch; left {
				return nil
			}
			return f(tx, memory)
		})
		if err != nil || !left {
			return err
		}
	}
}

// usable is the error of a log that was closed or that has failed.
func (l *Log) usable() error {
	if l.closed.Load() {
		return closedError(l.path)
	}
	if failed := l.failed.Load(); failed != nil {
		return failed.err
	}
	return nil
}

// viewStream is view with the place of the stream's newest record, the zero place where there is no such stream.
func (l *Log) viewStream(of events.Stream, f func(tx reading, at place) error) error {
	memory := l.lazy.layers()
	s := memory.newest(of)
	return l.view(func(tx reading) error {
		if s != nil {
			return f(tx, s.Place)
		}
		at, err := l.filedPlace(tx, of)
		if err != nil {
			return err
		}
		return f(tx, at)
	})
}

// Lookup implements [store.Log]. It reads one key and one frame.
func (l *Log) Lookup(ctx context.Context, key events.Key) (owner events.Stream, err error) {
	if err := store.CheckKey(key); err != nil {
		return events.Stream{}, err
	}
	if err := store.CheckContext(ctx, fmt.Sprintf("look up %q", string(key))); err != nil {
		return events.Stream{}, err
	}
	memory := l.lazy.layers()
	c, known := memory.owner(key)
	err = l.view(func(tx reading) error {
		if owner = c.Owner; known {
			return nil
		}
		var found bool
		if owner, found, err = l.filedOwner(tx, key); err == nil && !found {
			return &store.NotFoundError{Key: key}
		}
		return err
	})
	return owner, err
}

// Figures implements [store.Measured]. Bytes is the file's size.
func (l *Log) Figures() store.Figures {
	f := l.queue.Figures()
	f.Last = l.lazy.end()
	if info, err := l.file.Stat(); err == nil {
		f.Bytes = info.Size()
	}
	return f
}

// await waits until the committer or the mover has ended, or may never, for it waits for bbolt.
func (l *Log) await(ended chan struct{}) {
	select {
	case <-ended:
	case <-l.wedged:
	}
}

// Close implements [store.Log]. Appends that wait are still written.
func (l *Log) Close() error {
	l.closing.Do(func() {
		l.closed.Store(true)
		close(l.ended)
		if l.queue != nil {
			l.queue.Close()
			l.await(l.committed)
		}
		if l.mover != nil {
			l.applied()
			l.outcome = explain(l.path, l.endMoving())
		}
		if l.queue != nil && l.failed.Load() == nil && l.outcome == nil {
			l.outcome = explain(l.path, l.flushAll())
		}
		// After a fault in a write, bbolt's own Close could wait for ever for a lock that nobody gives back.
		if failed := l.failed.Load(); failed != nil && failed.wedged {
			release(l.file)
			return
		}
		l.outcome = cmp.Or(l.outcome, explain(l.path, guarded(l.db.Close)))
	})
	return l.outcome
}
