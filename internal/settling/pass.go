package settling

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
)

// pass is one look at what is due.
type pass struct {
	s           *Settler
	calls, stop context.Context
	began, next time.Time
	hooks       *Hooks // Run's; nil: Once's caller waits for the pass, which goes on whatever fails and tells it all

	mu    sync.Mutex
	left  int // drives under way, and the walk itself
	count Count
	errs  []error
	cut   bool
	err   error // of the list
}

func (s *Settler) newPass(calls, stop context.Context, hooks *Hooks) *pass {
	now := s.cfg.Now()
	return &pass{s: s, calls: calls, stop: stop, began: now, next: now.Add(LookEvery), hooks: hooks, left: 1}
}

// Once drives everything that is due, and returns when that is over. Calls end with the first context, and nothing more
// is begun once the second one has ended.
func (s *Settler) Once(calls, stop context.Context) Pass {
	p := s.newPass(calls, stop, nil)
	_, err := p.walk(p.due(p.began))
	s.driving.Wait()
	p.leave(err)
	return p.result()
}

// list is a part of the log's index of due orders.
type list struct {
	name   string
	filter store.Filter
	claim  order.Claim // what is claimed of its orders
	choose func(*store.Head) choice
}

// choice is what becomes of an entry of a list.
type choice uint8

const (
	drive choice = iota
	skip
	end // and of all that come later
)

// due is what is due by now. It goes on to until, so that it tells what is due next too.
func (p *pass) due(until time.Time) list {
	return list{name: "due orders", filter: store.DueBy(until), choose: func(h *store.Head) choice {
		if !h.Due.After(p.began) {
			return drive
		}
		p.next = earlier(p.next, h.Due)
		return end
	}}
}

// strays are the operations that are due later than any wait puts them: a clock that was far ahead has recorded them,
// and the list of what is due would not come to them. The inquiry claims what is not due, and its answer puts the
// operation back on the schedule.
func (p *pass) strays() list {
	latest := p.began.Add(p.s.cfg.longestWait())
	return list{name: "orders that are due too late", filter: store.Outstanding(),
		claim: order.Claim{Inquire: true}, choose: func(h *store.Head) choice {
			if !h.Due.After(latest) {
				return skip
			}
			return drive
		}}
}

// walk begins to drive the orders of a list, in its order, as far as there are slots. It says whether it came to the
// list's end.
func (p *pass) walk(l list) (whole bool, err error) {
	for h, err := range p.s.cfg.Heads(p.stop, l.filter) {
		switch {
		case p.stop.Err() != nil:
			p.stopped()
			return false, nil
		case err != nil:
			return false, fmt.Errorf("listing %s: %w", l.name, err)
		}
		switch l.choose(&h) {
		case skip:
			continue
		case end:
			return true, nil
		}
		if until, free := p.s.orders.free(h.Stream.ID); !free {
			p.next = earlier(p.next, until)
			continue
		}
		if !p.slot() {
			return false, nil
		}
		p.begin(h, l.claim)
	}
	return true, nil
}

// slot waits for a slot, unless the pass is stopped or so much fails that the log is left alone.
func (p *pass) slot() bool {
	select {
	case p.s.slots <- struct{}{}:
	case <-p.stop.Done():
		p.stopped()
		return false
	}
	if p.hooks != nil && p.s.orders.failing() {
		<-p.s.slots
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

// begin drives one order beside the others.
func (p *pass) begin(h store.Head, c order.Claim) {
	s := p.s
	s.orders.take(h.Stream.ID)
	p.mu.Lock()
	p.left++
	p.mu.Unlock()
	s.driving.Go(func() {
		o, err := s.cfg.Drive(p.calls, p.stop, h.Stream.ID, c)
		p.ended(h, &o, err)
		<-s.slots
		s.Poke()
	})
}

// ended takes what came of a drive.
func (p *pass) ended(h store.Head, o *order.Order, err error) {
	// By stop, or with the calls. A log can say that something was cancelled for reasons of its own: that is a failure.
	if errors.Is(err, ErrNotBegun) || p.calls.Err() != nil && errors.Is(err, p.calls.Err()) {
		p.s.orders.release(h.Stream.ID)
		p.stopped()
		p.leave(nil)
		return
	}
	p.add(o, err)
	again := p.s.orders.settled(h, o, err)
	if err != nil && p.hooks != nil {
		p.hooks.Failed(p.calls, Trouble{OrderID: h.Stream.ID, Err: err, Again: again})
	}
	p.leave(nil)
}

// stopped notes that something was left undone.
func (p *pass) stopped() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = true
}

// add counts an order that was driven.
func (p *pass) add(o *order.Order, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.count.Driven++
	switch {
	case err != nil:
		p.count.Failed++
		if len(p.errs) < ErrorsMax {
			p.errs = append(p.errs, err)
		}
	case !o.NextDue().IsZero():
		p.count.Waiting++
	}
}

// leave ends a part of the pass, the walk with its error. The last one tells what came of it all.
func (p *pass) leave(err error) {
	p.mu.Lock()
	p.left--
	last := p.left == 0
	if err != nil {
		p.err = err
	}
	p.mu.Unlock()
	if last && p.hooks != nil {
		p.hooks.Settled(p.calls, p.result())
	}
}

// result is what came of the pass so far.
func (p *pass) result() Pass {
	p.mu.Lock()
	defer p.mu.Unlock()
	errs := p.errs
	if more := p.count.Failed - len(errs); more > 0 {
		errs = append(errs, fmt.Errorf("and %d orders more; they stay due", more))
	}
	return Pass{Count: p.count, Took: p.s.cfg.Now().Sub(p.began), Cut: p.cut, Err: errors.Join(append(errs, p.err)...)}
}
