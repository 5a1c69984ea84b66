package tilltape

import (
	"context"
	"errors"
	"fmt"

	"github.com/tilltape/tilltape/internal/settling"
	"github.com/tilltape/tilltape/order"
)

// Bounds of [Orders.Run] and [Orders.SettleDue].
const (
	// RunLookEvery, a minute, is how often Run looks for what is due at the least: what this Orders did itself it knows at
	// once, what another one on the same log has left due only so.
	RunLookEvery = settling.LookEvery
	// RunRestMax, a minute, is how long an order that could not be driven is left alone at the most. The first rest takes
	// a second, each further one twice as long.
	RunRestMax = settling.RestMax
	// RunPauseMax, five seconds, is how long Run stops asking a log that fails for everything. It is short: it holds up
	// all orders alike.
	RunPauseMax = settling.PauseMax
	// RunStraysEvery, an hour, is how often Run looks for operations that are due later than they can be.
	RunStraysEvery = settling.StraysEvery
	// SettleErrorsMax, 16, is how many orders' errors one pass keeps. A log that is down fails every order alike, and
	// there can be many.
	SettleErrorsMax = settling.ErrorsMax
)

// Run drives whatever is due, in the background of a service, until ctx ends: retries, inquiries, the weekly look at
// what is parked. It sleeps until something is due, [Config.Concurrency] orders are driven at a time, and one that
// takes long holds up no other. An order, or a log, that fails is tried again ever more slowly, and [Observer] and
// [Config.Logger] are told; nothing but the end of ctx, of the Orders or of the log ends Run.
//
// When ctx ends nothing more is claimed, and calls under way get [Config.Grace] to end. Then they are cut short and
// count as unknown; that is recorded, for at most [Config.RecordTimeout]. Run returns nil once it is all over, and
// leaves nothing running. It returns an error that wraps [ErrClosed] where the Orders was closed, and [store.ErrClosed]
// where the log was.
//
// Several Runs, and several Orders, on one log are no danger: whoever appends the claim first asks. Each costs one read
// of the log's index of due orders for each order it drives, and one each [RunLookEvery].
//
// An operation that was recorded while a clock was far ahead is due when that clock said, perhaps in years. So when it
// begins, and each [RunStraysEvery], Run walks the whole index of outstanding operations once and asks APO about every
// one that is due later than the policy's longest wait allows. Of an order without an operation nobody can tell: a
// payment may well be open for years.
func (s *Orders) Run(ctx context.Context) error {
	settler, stop, leave, err := s.settler(ctx)
	if err != nil {
		return err
	}
	defer leave()
	err = settler.Run(stop, s.cfg.Grace, settling.Hooks{
		Settled: func(ctx context.Context, p settling.Pass) { s.tell.settled(ctx, passOf(p)) },
		Failed:  func(ctx context.Context, t settling.Trouble) { s.tell.failed(ctx, Trouble(t)) },
	})
	switch {
	case err != nil:
		return fmt.Errorf("settling ended: %w; open the log again with a new Orders", err)
	case ctx.Err() == nil:
		return closedError("settling ended")
	}
	return nil
}

// SettleDue drives everything that is due, once: it asks APO what is owed, records the answers, and returns when the
// pass is over. Call it regularly where [Orders.Run] does not run: what is not known becomes known by these alone.
// Orders are driven [Config.Concurrency] at a time; errors of single orders do not stop the others and are joined, at
// most [SettleErrorsMax] of them. A context that ends stops the pass; calls under way end with it, count as unknown and
// are due again. Where the Orders is closed, or is closed meanwhile, the pass ends with [ErrClosed].
func (s *Orders) SettleDue(ctx context.Context) (Settled, error) {
	settler, stop, leave, err := s.settler(ctx)
	if err != nil {
		return Settled{}, err
	}
	defer leave()
	p := settler.Once(ctx, stop)
	switch {
	case !p.Cut:
	case ctx.Err() != nil:
		p.Err = errors.Join(p.Err, fmt.Errorf("settling stopped: %w", ctx.Err()))
	default:
		p.Err = errors.Join(p.Err, closedError("settling"))
	}
	s.tell.settled(ctx, passOf(p))
	return Settled(p.Count), p.Err
}

func passOf(p settling.Pass) Pass {
	return Pass{Settled: Settled(p.Count), Took: p.Took, Err: p.Err}
}

// settler makes a settler and registers it. It has to stop when stop ends, which is with ctx or when Close begins;
// leave must be called once err is nil.
func (s *Orders) settler(ctx context.Context) (r *settling.Settler, stop context.Context, leave func(), err error) {
	r = settling.New(settling.Config{Heads: s.log.Heads, Now: s.now, Concurrency: s.cfg.Concurrency, Policy: s.cfg.Policy,
		Drive: s.settle})
	unregister, err := s.register(r)
	if err != nil {
		return nil, nil, nil, err
	}
	stop, end := context.WithCancel(ctx)
	forget := context.AfterFunc(s.life, end)
	return r, stop, func() {
		forget()
		end()
		unregister()
	}, nil
}

// settle drives an order that something is due for.
func (s *Orders) settle(calls, stop context.Context, id string, c order.Claim) (order.Order, error) {
	o, err := s.carry(calls, stop, id, c)
	s.nudge(o.NextDue())
	var unresolved *UnresolvedError
	if errors.As(err, &unresolved) && unresolved.Err == nil {
		// It is on record that the outcome is not known yet. What was heard and could not be recorded is a failure of the
		// log, and somebody has to be told.
		err = nil
	}
	return o, err
}
