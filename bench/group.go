package main

import (
	"errors"
	"sync"

	"github.com/tilltape/tilltape/events"
)

// item is an append that waits for its group.
type item struct {
	r     *events.Record
	frame events.Prepared
	after uint64
	err   error // its own outcome, not the group's
}

func newItem(r *events.Record, after uint64) (*item, error) {
	frame, err := events.Prepare(*r)
	return &item{r: r, frame: frame, after: after}, err
}

// batch is one group: those who wait for it, and what becomes of it.
type batch struct {
	items []*item
	done  chan struct{}
	err   error
}

func newBatch() *batch { return &batch{done: make(chan struct{})} }

// group is group commit as plain as it can be: one goroutine commits what has gathered while it committed the group
// before, and waits for nobody.
type group struct {
	commit func([]*item) error

	mu      sync.Mutex
	arrived sync.Cond
	next    *batch
	closed  bool
	ended   chan struct{}
}

// newGroup returns a group whose commit makes all of its items durable or fails as a whole. An item that is refused
// gets its own error.
func newGroup(commit func([]*item) error) *group {
	g := &group{commit: commit, next: newBatch(), ended: make(chan struct{})}
	g.arrived.L = &g.mu
	go g.run()
	return g
}

var errGroupClosed = errors.New("appended to a closed log")

// do returns once the item is durable or refused.
func (g *group) do(it *item) error {
	g.mu.Lock()
	if g.closed {
		g.mu.Unlock()
		return errGroupClosed
	}
	b := g.next
	b.items = append(b.items, it)
	if len(b.items) == 1 {
		g.arrived.Signal()
	}
	g.mu.Unlock()
	<-b.done
	if b.err != nil {
		return b.err
	}
	return it.err
}

func (g *group) run() {
	defer close(g.ended)
	for {
		g.mu.Lock()
		for len(g.next.items) == 0 && !g.closed {
			g.arrived.Wait()
		}
		b := g.next
		g.next = newBatch()
		g.mu.Unlock()
		if len(b.items) == 0 {
			return
		}
		b.err = g.commit(b.items)
		close(b.done)
	}
}

// close commits what waits and ends the goroutine.
func (g *group) close() {
	g.mu.Lock()
	g.closed = true
	g.arrived.Signal()
	g.mu.Unlock()
	<-g.ended
}
