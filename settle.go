package tilltape

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
)

// Settled counts what one pass of [Orders.SettleDue] did.
type Settled struct {
	Driven  int // orders that something was owed for
	Waiting int // of those, still owed something, later
	Failed  int // of those, could not be driven, or their answer could not be recorded: see the error
}

// SettleDue drives everything that is due, once: it asks APO what is owed, records the answers, and returns when the
// pass is over. Call it regularly: what is not known becomes known by it alone. Orders are driven
// [Config.Concurrency] at a time; errors of single orders are joined and do not stop the others. A context that ends
// stops the pass; calls under way end with it, count as unknown and are due again. Where the Orders is closed, or is closed
// meanwhile, the pass ends with [ErrClosed].
func (s *Orders) SettleDue(ctx context.Context) (Settled, error) {
	var (
		mu      sync.Mutex // guards count and errs while orders are driven
		count   Settled
		errs    []error
		stopped error // what ended the pass early
		wg      sync.WaitGroup
		slots   = make(chan struct{}, s.cfg.Concurrency)
	)
	if err := s.open("settling"); err != nil {
		return count, err
	}
	for h, err := range s.log.Heads(ctx, store.Filter{DueBy: s.now()}) {
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
			o, err := s.command(ctx, h.Stream.ID, s.cfg.NewID(), func() order.Command { return order.Claim{} })
			mu.Lock()
			defer mu.Unlock()
			count.Driven++
			switch {
			case err != nil && !onRecord(err):
				count.Failed++
				errs = append(errs, err)
			case !o.NextDue().IsZero():
				count.Waiting++
			}
		})
	}
	wg.Wait()
	return count, errors.Join(append(errs, stopped)...)
}

// onRecord reports whether an error only says that the outcome is not known yet. One that was heard and could not be
// recorded is a failure of the log, and somebody has to be told.
func onRecord(err error) bool {
	var unresolved *UnresolvedError
	return errors.As(err, &unresolved) && unresolved.Err == nil
}
