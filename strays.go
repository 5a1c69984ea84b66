package tilltape

import (
	"fmt"
	"slices"
	"time"

	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
)

// strays begins to ask about the operations that are due later than any wait puts them: a clock that was far ahead has
// recorded them, and the walk over what is due would not come to them. The inquiry claims what is not due, and its answer
// puts the operation back on the schedule.
func (r *runner) strays(p *pass) error {
	latest := p.began.Add(r.s.longestWait())
	for h, err := range r.s.log.Heads(r.stop, store.Filter{DueBy: endOfTime()}) {
		if r.stop.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("listing orders that are due too late: %w", err)
		}
		if h.Phase == order.Idle.String() || !h.Due.After(latest) {
			continue
		}
		if _, free := r.free(h.Stream.ID, r.s.now()); !free {
			continue
		}
		if !r.place() {
			return nil
		}
		r.begin(h, order.Claim{Inquire: true}, p)
	}
	return nil
}

// longestWait is how far ahead of a right clock an operation can be due: the longest wait of the schedule, and a claim that
// ends behind it.
func (s *Orders) longestWait() time.Duration {
	p := s.cfg.Policy.WithDefaults()
	return max(slices.Max(p.Retries), slices.Max(p.Waits), order.ParkedEvery) + order.LeaseMax
}
