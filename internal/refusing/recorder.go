// Package refusing records the commands that were refused, in a stream of their own beside the order's, so that
// somebody can ask later who wanted what. The answer never waits for it: recording is done as well as can be.
package refusing

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/money"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
)

const (
	queueMax  = 1024 // refusals that wait to be recorded; more are not
	ordersMax = 1024 // orders whose refusals are known without reading
	triesMax  = 3    // of one append, where somebody else on the log is faster
)

var errOthersWait = fmt.Errorf("%d others wait to be recorded", queueMax)

// Log is what a [Recorder] needs of a log; [store.Log] says what its methods do.
type Log interface {
	Append(ctx context.Context, s events.Stream, after uint64, records ...events.Record) ([]events.Record, error)
	Read(ctx context.Context, s events.Stream, after uint64) iter.Seq2[events.Record, error]
}

// Config is what a [Recorder] works with. All of it is needed.
type Config struct {
	Log     Log
	Now     func() time.Time
	NewID   func() string
	Timeout time.Duration        // of recording one refusal
	Go      func(func())         // starts the recording; what closes the log waits for what it has started
	Closing context.Context      // once it has ended, what the log does not take within Timeout is given up
	Lost    func(Refusal, error) // is told of a refusal that is not recorded
}

// Refusal is a refused command that is to be recorded.
type Refusal struct {
	Command order.Command
	Given   order.Description // of the command, with an actor
	Err     *order.RejectedError
	At      time.Time
}

// malformed reports whether no order could take the command: an amount that is none. The core finds that only beside an
// order, so it comes as a refusal.
func (r *Refusal) malformed() bool {
	switch m := r.Given.Amount; r.Given.Verb {
	case order.VerbCapture, order.VerbRefund:
		return m.Minor <= 0 || money.CheckCurrency(m.Currency) != nil
	}
	return false
}

// Recorder records refusals. Its goroutine runs only while some wait. It is safe for many goroutines at once.
type Recorder struct {
	cfg Config

	mu      sync.Mutex
	queue   []Refusal
	writing bool

	// Of orders refused lately; the goroutine's alone.
	known map[string]order.Refusals
}

// New returns a Recorder.
func New(cfg Config) *Recorder { return &Recorder{cfg: cfg, known: map[string]order.Refusals{}} }

// Record has a refusal recorded, and returns at once. The caller has to keep what closes the log from waiting for
// the goroutine before it was started.
func (q *Recorder) Record(r Refusal) {
	if r.Err.Status == order.Unplaced || r.malformed() {
		return // a caller that guesses ids must not fill the log
	}
	q.mu.Lock()
	full := len(q.queue) >= queueMax
	starts := !full && !q.writing
	if !full {
		q.queue, q.writing = append(q.queue, r), true
	}
	q.mu.Unlock()
	switch {
	case full:
		q.cfg.Lost(r, errOthersWait) // a hook of others: not under the lock
	case starts:
		q.cfg.Go(q.empty)
	}
}

// empty empties the queue. Where the log fails while it is about to be closed it gets a last while; what is left then
// is given up, and more cannot come.
func (q *Recorder) empty() {
	last := context.Background() // what every append is bounded by
	for last.Err() == nil {
		r, ok := q.next()
		if !ok {
			return
		}
		err := q.append(last, &r)
		if err == nil {
			continue
		}
		q.cfg.Lost(r, err)
		if q.cfg.Closing.Err() != nil && last == context.Background() {
			bounded, end := context.WithTimeout(last, q.cfg.Timeout)
			defer end() // once at the most
			last = bounded
		}
	}
}

// next takes the oldest refusal from the queue. Without one, the goroutine is over.
func (q *Recorder) next() (Refusal, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.queue) == 0 {
		q.queue, q.writing = nil, false
		return Refusal{}, false
	}
	r := q.queue[0]
	q.queue = q.queue[1:]
	return r, true
}

// append counts one refusal, and appends it where its budget allows.
func (q *Recorder) append(ctx context.Context, r *Refusal) error {
	ctx, end := context.WithTimeout(ctx, q.cfg.Timeout)
	defer end()
	id := r.Err.OrderID
	known, cached := q.known[id]
	err := error(nil)
	if !cached {
		if known, err = q.read(ctx, id, known); err != nil {
			return err
		}
	}
	for range triesMax {
		now := q.cfg.Now()
		next, fact, record := known.Refuse(r.Command, r.Err, now)
		q.keep(id, next)
		if !record {
			return nil
		}
		made := events.Record{ID: q.cfg.NewID(), Stream: events.RefusalStream(id), Version: next.Version + 1, Recorded: now,
			Occurred: r.At, CommandID: r.Given.CommandID, Actor: r.Given.Actor, Event: fact}
		if _, err = q.cfg.Log.Append(ctx, made.Stream, next.Version, made); err == nil {
			q.keep(id, next.Evolve(made))
			return nil
		}
		if !errors.Is(err, store.ErrConflict) {
			return err
		}
		if known, err = q.read(ctx, id, known); err != nil {
			return err
		}
	}
	return err
}

// read folds what stands in the order's refusal stream after what is known.
func (q *Recorder) read(ctx context.Context, id string, known order.Refusals) (order.Refusals, error) {
	for rec, err := range q.cfg.Log.Read(ctx, events.RefusalStream(id), known.Version) {
		if err != nil {
			return known, err
		}
		known = known.Evolve(rec)
	}
	return known, nil
}

// keep remembers an order's refusals. Which ones it forgets for that does not matter: they are read again, and only the
// counts that are not on record are lost.
func (q *Recorder) keep(id string, r order.Refusals) {
	if _, there := q.known[id]; !there && len(q.known) >= ordersMax {
		for other := range q.known {
			delete(q.known, other)
			break
		}
	}
	q.known[id] = r
}
