// Package settling finds the orders that something is due for and has them driven: all that are due now, once
// ([Settler.Once]), or for as long as a service lives ([Settler.Run]). Both are made of the same pass: a walk over a
// log's index of due orders that drives several at a time, counts what came of them and leaves alone what could not be
// driven.
package settling

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
)

// Bounds of settling.
const (
	LookEvery   = time.Minute // how often Run looks at the least
	StraysEvery = time.Hour   // how often Run looks for what is due later than it can be
	ErrorsMax   = 16          // orders whose errors a pass keeps
)

// ErrNotBegun: nothing was asked of APO, because the caller that wanted it is gone. It stays due.
var ErrNotBegun = errors.New("not begun")

// Config is what a [Settler] works with. All of it is needed.
type Config struct {
	Heads       func(context.Context, store.Filter) iter.Seq2[store.Head, error] // the log's
	Now         func() time.Time
	Concurrency int // orders that are driven at once
	Policy      order.Policy
	// Drive asks APO what is owed for an order and records it. Its calls end with the first context; once the second one
	// has ended it claims no further call, and where it has made none the error wraps [ErrNotBegun]. An outcome that APO
	// has not told yet is no error.
	Drive func(calls, stop context.Context, id string, c order.Claim) (order.Order, error)
}

// Count is what a pass did.
type Count struct {
	Driven  int // orders that something was owed for
	Waiting int // of those, still owed something, later
	Failed  int // of those, could not be driven, or their answer could not be recorded
}

// Pass is what came of one pass.
type Pass struct {
	Count
	Took time.Duration
	Cut  bool  // it was stopped before it was through
	Err  error // the errors of single orders, at most [ErrorsMax], and of the list
}

// Trouble is what [Settler.Run] goes on in spite of.
type Trouble struct {
	OrderID string // empty: the list of due orders
	Err     error
	Again   time.Time // when it is tried again
}

// Hooks are told what a Run does, on the goroutine that does it.
type Hooks struct {
	Settled func(context.Context, Pass)
	Failed  func(context.Context, Trouble)
}

// longestWait is how far ahead of a right clock an operation can be due: the longest wait of the schedule, and a claim
// that is made at its end.
func (c *Config) longestWait() time.Duration {
	p := c.Policy.WithDefaults()
	return max(slices.Max(p.Retries), slices.Max(p.Waits), order.ParkedEvery) + order.LeaseMax
}

// Settler drives what is due in one log. Make it with [New], for one Once or one Run.
type Settler struct {
	cfg     Config
	wake    chan struct{} // holds one: there may be something to do
	slots   chan struct{} // one for each order that is driven
	driving sync.WaitGroup
	orders  memory
	strayed time.Time // when strays were looked for; Run's alone
}

// New returns a Settler.
func New(cfg Config) *Settler {
	return &Settler{cfg: cfg, wake: make(chan struct{}, 1), slots: make(chan struct{}, cfg.Concurrency),
		orders: memory{now: cfg.Now, busy: map[string]bool{}, resting: map[string]rest{}}}
}

// Poke has Run look again: something may be due earlier than it knows. It never waits.
func (s *Settler) Poke() {
	select {
	case s.wake <- struct{}{}:
	default: // it wakes up anyway
	}
}
