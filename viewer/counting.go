package viewer

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/documents"
	"github.com/tilltape/tilltape/store"
)

// catchUpEvery is how often a log is asked for news that does not tell them by itself. Tests shorten it.
var catchUpEvery = 5 * time.Second

// recountAfter is how long counting rests after an error before it goes on.
const recountAfter = 30 * time.Second

// counter counts a log in the background, from its first use on.
type counter struct {
	log   store.Reader
	begin sync.Once

	mu    sync.Mutex // over what tally has counted, and what follows; never held while the log is read
	tally *tally
	done  bool
	err   error
}

func newCounter(log store.Reader) *counter { return &counter{log: log, tally: newTally(log)} }

// start counts until ctx ends, on a goroutine of its own; later calls do nothing.
func (c *counter) start(ctx context.Context, run func(func())) {
	c.begin.Do(func() { run(func() { c.count(ctx) }) })
}

func (c *counter) count(ctx context.Context) {
	for ctx.Err() == nil {
		err := c.follow(ctx)
		if ctx.Err() != nil {
			return
		}
		c.mu.Lock()
		c.err = err
		c.mu.Unlock()
		rest(ctx, recountAfter)
		if errors.Is(err, store.ErrClosed) {
			return
		}
	}
}

// follow goes on where the counting is. It ends with an error.
func (c *counter) follow(ctx context.Context) error {
	if err := c.catchUp(ctx); err != nil {
		return err
	}
	c.mu.Lock()
	c.done, c.err = true, nil
	c.mu.Unlock()
	if watcher, watches := c.log.(store.Watcher); watches {
		return c.tally.takeAll(ctx, watcher.Watch(ctx, c.cursor()), c.locked)
	}
	for {
		rest(ctx, catchUpEvery)
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := c.catchUp(ctx); err != nil {
			return err
		}
	}
}

// catchUp counts all that the log has now.
func (c *counter) catchUp(ctx context.Context) error {
	return c.tally.takeAll(ctx, c.log.All(ctx, c.cursor()), c.locked)
}

// cursor is where the counting is. Nobody else writes to it.
func (c *counter) cursor() store.Cursor { return store.After(events.Record{Position: c.tally.read}) }

func (c *counter) locked(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
}

// counts is what is counted by now.
func (c *counter) counts(ctx context.Context, now time.Time) counts {
	c.mu.Lock()
	out := c.tally.counts(now)
	out.Done, out.Err = c.done, c.err
	c.mu.Unlock()
	if !out.Done {
		out.Of = size(ctx, c.log)
	}
	return out
}

// find is where records are that may name an id, as far as they are counted: how far that is stands in the counts,
// which have nothing else. What records up to the forgotten one name may be known no more; 0: nothing is forgotten.
func (c *counter) find(ctx context.Context, id string) (at []uint64, so counts, forgotten uint64) {
	c.mu.Lock()
	at, forgotten = c.tally.names.find(id), c.tally.names.forgotten
	so = counts{Read: c.tally.read, Done: c.done, Err: c.err}
	c.mu.Unlock()
	if !so.Done {
		so.Of = size(ctx, c.log)
	}
	return at, so, forgotten
}

// says is how far the counting is, and why it is not further; both empty: all is counted.
func (c *counts) says() (progress, trouble string) {
	switch {
	case c.Err != nil:
		trouble = "Counting stopped after position " + strconv.FormatUint(c.Read, 10) + ": " + c.Err.Error()
	case !c.Done && c.Of > 0:
		progress = fmt.Sprintf("counting, %s of %s records", grouped(c.Read), grouped(c.Of))
	case !c.Done:
		progress = fmt.Sprintf("counting, %s records so far", grouped(c.Read))
	}
	return progress, trouble
}

// document is how far the counting is; nil: all is counted.
func (c *counts) document() *countingDocument {
	_, trouble := c.says()
	if c.Done && c.Err == nil {
		return nil
	}
	return &countingDocument{Read: strconv.FormatUint(c.Read, 10), Of: documents.Digits(c.Of), Problem: trouble}
}

// size is how many records a log has; 0 where it does not tell.
func size(ctx context.Context, log store.Reader) uint64 {
	if sealer, ok := log.(audit.Sealer); ok {
		if is, err := sealer.Tree(ctx); err == nil {
			return is.Size
		}
	}
	return 0
}

// rest waits, or until ctx ends.
func rest(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
