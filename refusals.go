package tilltape

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
	refusalQueueMax  = 1024 // refusals that wait to be recorded; more are not
	refusalOrdersMax = 1024 // orders whose refusals are known without reading
	refusalTriesMax  = 3    // of one append, where another Orders on the log is faster
)

var errRefusalsWait = fmt.Errorf("%d others wait to be recorded", refusalQueueMax)

// Refusals yields the order's refused commands in order, as [events.CommandRefused]: who wanted what, and why it was not
// done. An order's first [order.RefusalsMax] refusals for a reason stand there each by itself, then one a day with how many
// it stands for. They are recorded as well as can be, beside the answer: one that the log does not take, or that comes while
// very many wait, is left out. The loop's body may give commands.
func (s *Orders) Refusals(ctx context.Context, id string) iter.Seq2[events.Record, error] {
	return s.log.Read(ctx, events.RefusalStream(id), 0)
}

// refusal is a refused command that is to be recorded.
type refusal struct {
	command   order.Command
	commandID string
	actor     string
	err       *order.RejectedError
	at        time.Time
}

// malformed reports whether no order could take the command: an amount that is none. The core finds that only beside an
// order, so it comes as a refusal.
func (r *refusal) malformed() bool {
	switch c := r.command.(type) {
	case order.Capture:
		return c.Amount.Minor <= 0 || money.CheckCurrency(c.Amount.Currency) != nil
	case order.Refund:
		return c.Amount.Minor <= 0 || money.CheckCurrency(c.Amount.Currency) != nil
	}
	return false
}

// refusals records refused commands behind the answer's back. Its goroutine runs only while some wait.
type refusals struct {
	mu      sync.Mutex
	queue   []refusal
	writing bool

	// Of orders refused lately; the goroutine's alone.
	known map[string]order.Refusals
}

// refused has a refusal recorded. The caller's command still counts as under way, so that Close waits for the goroutine.
func (s *Orders) refused(r refusal) {
	if r.err.Status == order.Unplaced || r.malformed() {
		return // whoever guesses must not fill the log
	}
	q := &s.refusals
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.queue) >= refusalQueueMax {
		s.tell.unrecorded(r.err, errRefusalsWait)
		return
	}
	q.queue = append(q.queue, r)
	if !q.writing {
		q.writing = true
		s.running.Go(s.recordRefusals)
	}
}

// recordRefusals empties the queue. Where the log fails while the Orders is being closed it gets a last while; what is left
// then is given up, and more cannot come.
func (s *Orders) recordRefusals() {
	last, end := context.Background(), func() {} // what every append is bounded by
	defer func() { end() }()
	for last.Err() == nil {
		r, ok := s.refusals.next()
		if !ok {
			return
		}
		err := s.recordRefusal(last, &r)
		if err == nil {
			continue
		}
		s.tell.unrecorded(r.err, err)
		if s.life.Err() != nil && last == context.Background() {
			last, end = s.recording(last)
		}
	}
}

// next takes the oldest refusal from the queue. Without one, the goroutine is over.
func (q *refusals) next() (refusal, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.queue) == 0 {
		q.queue, q.writing = nil, false
		return refusal{}, false
	}
	r := q.queue[0]
	q.queue = q.queue[1:]
	return r, true
}

// recordRefusal counts one refusal, and appends it where its budget allows.
func (s *Orders) recordRefusal(ctx context.Context, r *refusal) error {
	ctx, end := context.WithTimeout(ctx, s.cfg.RecordTimeout)
	defer end()
	id := r.err.Order
	known, cached := s.refusals.known[id]
	err := error(nil)
	if !cached {
		if known, err = s.readRefusals(ctx, id, known); err != nil {
			return err
		}
	}
	for range refusalTriesMax {
		now := s.now()
		next, fact, record := known.Refuse(r.command, r.err, now)
		s.refusals.keep(id, next)
		if !record {
			return nil
		}
		made := events.Record{ID: s.cfg.NewID(), Stream: events.RefusalStream(id), Version: next.Version + 1, Recorded: now, Occurred: r.at,
			CommandID: r.commandID, Actor: r.actor, Event: fact}
		if _, err = s.log.Append(ctx, made.Stream, next.Version, made); err == nil {
			s.refusals.keep(id, next.Evolve(made))
			return nil
		}
		if !errors.Is(err, store.ErrConflict) {
			return err
		}
		if known, err = s.readRefusals(ctx, id, known); err != nil {
			return err
		}
	}
	return err
}

// readRefusals folds what stands in the order's refusal stream behind what is known.
func (s *Orders) readRefusals(ctx context.Context, id string, known order.Refusals) (order.Refusals, error) {
	for rec, err := range s.log.Read(ctx, events.RefusalStream(id), known.Version) {
		if err != nil {
			return known, err
		}
		known = known.Evolve(rec)
	}
	return known, nil
}

// keep remembers an order's refusals. Which ones it forgets for that does not matter: they are read again, and only the
// counts that are not on record are lost.
func (q *refusals) keep(id string, r order.Refusals) {
	if _, there := q.known[id]; !there && len(q.known) >= refusalOrdersMax {
		for other := range q.known {
			delete(q.known, other)
			break
		}
	}
	if q.known == nil {
		q.known = map[string]order.Refusals{}
	}
	q.known[id] = r
}
