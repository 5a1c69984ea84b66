package tilltape

import (
	"context"
	"fmt"
	"time"
)

// Bounds of [Orders.Run].
const (
	// RunLookEvery is how often Run looks for what is due at the least: what this Orders did itself it knows at once, what
	// another one on the same log left behind only so.
	RunLookEvery = time.Minute
	// RunRestMax is how long an order that could not be driven is left alone at the most. The first rest takes a second,
	// each further one twice as long.
	RunRestMax = time.Minute
	// RunPauseMax is how long Run stops asking a log that fails for everything. It is short: it holds up all orders alike.
	RunPauseMax = 5 * time.Second
	// RunStraysEvery is how often Run looks for operations that are due later than they can be.
	RunStraysEvery = time.Hour
)

// Run drives whatever is due, in the background of a service, until ctx ends: retries, inquiries, the weekly look at what is
// parked. It sleeps until something is due, [Config.Concurrency] orders are driven at a time, and one that takes long holds
// up no other. An order, or a log, that fails is tried again ever more slowly, and [Observer] and [Config.Logger] are told;
// nothing but the end of ctx, of the Orders or of the log ends Run.
//
// When ctx ends nothing more is claimed, and calls under way get [Config.Grace] to end. Then they are cut short and count as
// unknown; that is recorded, for at most [Config.RecordTimeout]. Run returns nil once it is all over, and leaves nothing
// running. It returns an error that wraps [ErrClosed] where the Orders was closed, and [store.ErrClosed] where the log was.
//
// Several Runs, and several Orders, on one log are no danger: whoever appends the claim first asks. Each costs one read of
// the log's index of due orders for each order it drives, and one each [RunLookEvery].
//
// An operation that was recorded while a clock was far ahead is due when that clock said, perhaps in years. So when it begins,
// and each [RunStraysEvery], Run walks the whole index once and asks APO about every operation that is due later than the
// policy's longest wait allows. Of an order without an operation nobody can tell: a payment may well be open for years.
func (s *Orders) Run(ctx context.Context) error {
	stop, end := context.WithCancel(ctx)
	defer end()
	calls, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	r := newRunner(s, stop, calls)
	if err := s.register(r); err != nil {
		return err
	}
	defer s.unregister(r)
	defer context.AfterFunc(s.life, end)()

	err := r.loop()
	grace := time.AfterFunc(s.cfg.Grace, cut)
	defer grace.Stop()
	r.driving.Wait()
	switch {
	case err != nil:
		return fmt.Errorf("settling ended: %w; open the log again with a new Orders", err)
	case ctx.Err() == nil:
		return closedTo("settling ended")
	}
	return nil
}

// register makes the runner known to those who leave something due.
func (s *Orders) register(r *runner) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return closedTo("settling")
	}
	s.running.Add(1)
	s.runners[r] = true
	return nil
}

func (s *Orders) unregister(r *runner) {
	s.mu.Lock()
	delete(s.runners, r)
	s.mu.Unlock()
	s.running.Done()
}

// nudge wakes whoever settles, where a command has left something due before they would look by themselves.
func (s *Orders) nudge(due time.Time) {
	if due.IsZero() || due.Sub(s.now()) > RunLookEvery {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for r := range s.runners {
		r.poke()
	}
}
