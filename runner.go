package tilltape

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
)

const (
	runRestMin     = time.Second
	runPauseMin    = 100 * time.Millisecond
	runFailuresMax = 16   // failures in a row, of whatever orders, until it is the log that fails
	runRestingMax  = 1024 // orders whose rest is remembered
)

// runner is one Run.
type runner struct {
	s       *Orders
	stop    context.Context // ends when nothing more is to be claimed
	calls   context.Context // ends when calls under way are cut short
	wake    chan struct{}   // holds one: there may be something to do
	slots   chan struct{}   // one for each order that is driven
	driving sync.WaitGroup

	mu       sync.Mutex
	busy     map[string]bool // orders that are driven now
	resting  map[string]rest // orders that are due and nothing could be done about
	failures int             // in a row
	pause    time.Duration   // the newest pause; zero: the log works

	strayed time.Time // when strays were looked for; the loop's alone
}

// rest is how long an order is left alone.
type rest struct {
	until time.Time
	wait  time.Duration
}

func newRunner(s *Orders, stop, calls context.Context) *runner {
	return &runner{s: s, stop: stop, calls: calls, wake: make(chan struct{}, 1), slots: make(chan struct{}, s.cfg.Concurrency),
		busy: map[string]bool{}, resting: map[string]rest{}}
}

func (r *runner) poke() {
	select {
	case r.wake <- struct{}{}:
	default: // it wakes up anyway
	}
}

// loop looks for what is due whenever there may be something, until it is stopped or the log is closed.
func (r *runner) loop() error {
	for r.stop.Err() == nil {
		next, err := r.look()
		if errors.Is(err, store.ErrClosed) {
			return err
		}
		wake := r.wake
		if pause := r.paused(err); pause > 0 {
			next, wake = r.s.now().Add(pause), nil // what is left due meanwhile would fail as well
			if err != nil {
				r.s.tell.failed(r.stop, Trouble{Err: err, Again: next})
			}
		}
		timer := time.NewTimer(next.Sub(r.s.now()))
		select {
		case <-timer.C:
		case <-wake:
		case <-r.stop.Done():
		}
		timer.Stop()
	}
	return nil
}

// look begins to drive what is due, in the order of its time, as far as there are slots, and says when to look again. The
// list goes on beyond now, so that it tells what is due next too.
func (r *runner) look() (next time.Time, err error) {
	p := &pass{began: r.s.now(), left: 1}
	next = p.began.Add(RunLookEvery)
	defer func() { r.passed(p, err) }()
	if p.began.Sub(r.strayed).Abs() >= RunStraysEvery {
		if err := r.strays(p); err != nil {
			return next, err
		}
		r.strayed = p.began
	}
	for h, err := range r.s.log.Heads(r.stop, store.DueBy(next)) {
		if r.stop.Err() != nil {
			return next, nil
		}
		if err != nil {
			return next, fmt.Errorf("listing due orders: %w", err)
		}
		now := r.s.now()
		if h.Due.After(now) {
			return earlier(next, h.Due), nil
		}
		if until, free := r.free(h.Stream.ID, now); !free {
			next = earlier(next, until)
			continue
		}
		if !r.place() {
			return next, nil
		}
		r.begin(h, order.Claim{}, p)
	}
	return next, nil
}

// place waits for a slot, unless Run is stopped or so much fails that the log is left alone.
func (r *runner) place() bool {
	select {
	case r.slots <- struct{}{}:
	case <-r.stop.Done():
		return false
	}
	if r.failing() {
		<-r.slots
		return false
	}
	return true
}

// earlier is the earlier of two times; zero is never.
func earlier(a, b time.Time) time.Time {
	if b.IsZero() || a.Before(b) {
		return a
	}
	return b
}

// free reports whether an order may be driven now, and otherwise until when it rests, unless its drive's end will tell.
func (r *runner) free(id string, now time.Time) (until time.Time, free bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.busy[id] {
		return time.Time{}, false
	}
	until = r.resting[id].until
	return until, !until.After(now)
}

// begin drives one order beside the others.
func (r *runner) begin(h store.Head, c order.Claim, p *pass) {
	r.mu.Lock()
	r.busy[h.Stream.ID] = true
	r.mu.Unlock()
	p.join()
	r.driving.Go(func() {
		o, err := r.s.carry(r.calls, r.stop, h.Stream.ID, c)
		r.ended(h, &o, err, p)
		<-r.slots
		r.poke()
	})
}

// ended takes what came of a drive.
func (r *runner) ended(h store.Head, o *order.Order, err error, p *pass) {
	// By stop, or by the end of the grace. A log can say that something was cancelled for reasons of its own: that is a failure.
	if errors.Is(err, errNotBegun) || errors.Is(err, context.Canceled) && r.calls.Err() != nil {
		r.mu.Lock()
		delete(r.busy, h.Stream.ID)
		r.mu.Unlock()
		r.passed(p, nil)
		return
	}
	failed := p.add(o, err)
	var again time.Time
	r.mu.Lock()
	delete(r.busy, h.Stream.ID)
	switch {
	case failed:
		r.failures++
		again = r.rest(h.Stream.ID, time.Time{})
	case o.Version == h.Version:
		// The list says that it is due and its facts say otherwise, perhaps by the rules of another version of this library.
		r.rest(h.Stream.ID, o.NextDue())
	default:
		r.failures, r.pause = 0, 0
		delete(r.resting, h.Stream.ID)
	}
	r.mu.Unlock()
	if failed {
		r.s.tell.failed(r.calls, Trouble{Order: h.Stream.ID, Err: err, Again: again})
	}
	r.passed(p, nil)
}

// rest leaves an order alone for twice as long as the last time, and not before that time. The caller holds mu.
func (r *runner) rest(id string, notBefore time.Time) time.Time {
	if len(r.resting) >= runRestingMax {
		for other := range r.resting { // whichever: it is only tried again too soon
			delete(r.resting, other)
			break
		}
	}
	wait := min(max(2*r.resting[id].wait, runRestMin), RunRestMax)
	until := r.s.now().Add(wait)
	if until.Before(notBefore) {
		until = notBefore
	}
	r.resting[id] = rest{until: until, wait: wait}
	return until
}

// failing reports whether so much fails that it is the log's fault.
func (r *runner) failing() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failures >= runFailuresMax
}

// paused says how long the log is left alone, after a look that ended with err.
func (r *runner) paused(err error) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case err == nil && r.failures < runFailuresMax:
		if r.failures == 0 {
			r.pause = 0
		}
		return 0
	case err == nil:
		r.failures = runFailuresMax - 1 // the next one to be driven finds out whether it works again
	}
	r.pause = min(max(2*r.pause, runPauseMin), RunPauseMax)
	return r.pause
}

// pass is what one look began, told of once the last drive has ended.
type pass struct {
	tally
	began   time.Time
	left    int // drives under way, and the look itself; guarded by mu
	stopped error
}

func (p *pass) join() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left++
}

// leave ends a part of the pass, and reports whether it was the last.
func (p *pass) leave(err error) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left--
	if err != nil {
		p.stopped = err
	}
	return p.left == 0
}

func (r *runner) passed(p *pass, err error) {
	if p.leave(err) {
		count, err := p.result(p.stopped)
		r.s.tell.settled(r.calls, Pass{Settled: count, Took: r.s.now().Sub(p.began), Err: err})
	}
}
