package tilltape

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
)

// SettleErrorsMax is how many orders' errors one pass of [Orders.SettleDue] keeps. A log that is down fails every order
// alike, and there can be many.
const SettleErrorsMax = 16

// Settled counts what one pass of [Orders.SettleDue] did.
type Settled struct {
	Driven  int // orders that something was owed for
	Waiting int // of those, still owed something, later
	Failed  int // of those, could not be driven, or their answer could not be recorded: see the error
}

// SettleDue drives everything that is due, once: it asks APO what is owed, records the answers, and returns when the
// pass is over. Call it regularly where [Orders.Run] does not run: what is not known becomes known by these alone. Orders are
// driven [Config.Concurrency] at a time; errors of single orders do not stop the others and are joined, at most
// [SettleErrorsMax] of them. A context that ends stops the pass; calls under way end with it, count as unknown and are due
// again. Where the Orders is closed, or is closed meanwhile, the pass ends with [ErrClosed].
func (s *Orders) SettleDue(ctx context.Context) (Settled, error) {
	var (
		p       tally
		stopped error // what ended the pass early
		wg      sync.WaitGroup
		slots   = make(chan struct{}, s.cfg.Concurrency)
		began   = s.now()
	)
	if err := s.open("settling"); err != nil {
		return Settled{}, err
	}
	for h, err := range s.log.Heads(ctx, store.DueBy(began)) {
		if err != nil {
			stopped = fmt.Errorf("listing due orders: %w", err)
			break
		}
		if ctx.Err() != nil {
			stopped = fmt.Errorf("settling stopped: %w", ctx.Err())
			break
		}
		if stopped = s.open("settling"); stopped != nil {
			break
		}
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			o, err := s.command(ctx, h.Stream.ID, order.Claim{})
			p.add(&o, err)
		})
	}
	wg.Wait()
	count, err := p.result(stopped)
	s.tell.settled(ctx, Pass{Settled: count, Took: s.now().Sub(began), Err: err})
	return count, err
}

// tally is what a pass has done so far.
type tally struct {
	mu    sync.Mutex
	count Settled
	errs  []error
}

// add counts an order that was driven, and reports whether driving it failed.
func (p *tally) add(o *order.Order, err error) (failed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.count.Driven++
	switch {
	case err != nil && !onRecord(err):
		p.count.Failed++
		if len(p.errs) < SettleErrorsMax {
			p.errs = append(p.errs, err)
		}
		return true
	case !o.NextDue().IsZero():
		p.count.Waiting++
	}
	return false
}

// result is the count, and the errors with what ended the pass.
func (p *tally) result(stopped error) (Settled, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	errs := p.errs
	if more := p.count.Failed - len(errs); more > 0 {
		errs = append(errs, fmt.Errorf("and %d orders more; they stay due", more))
	}
	return p.count, errors.Join(append(errs, stopped)...)
}

// onRecord reports whether an error only says that the outcome is not known yet. One that was heard and could not be
// recorded is a failure of the log, and somebody has to be told.
func onRecord(err error) bool {
	var unresolved *UnresolvedError
	return errors.As(err, &unresolved) && unresolved.Err == nil
}
