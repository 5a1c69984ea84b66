package audit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
)

// Point is a place in a log's past: right after a position, or at a moment. Set one of the two; the zero Point is the
// log's end.
type Point struct {
	Position uint64
	Time     time.Time
}

// String is the point in words.
func (p Point) String() string {
	switch {
	case p.Position > 0:
		return fmt.Sprintf("position %d", p.Position)
	case !p.Time.IsZero():
		return p.Time.UTC().Format(time.RFC3339Nano)
	}
	return "the end"
}

// isEnd tells whether the point is the log's end.
func (p Point) isEnd() bool { return p.Position == 0 && p.Time.IsZero() }

// PositionAt finds the position that a moment comes to: that of a record that was recorded at that moment or before,
// and whose next one was recorded later; 0 where the log began later. Where clocks went back there may be several such
// places, and it is one of them, always the same. Cost: a few dozen short reads, whatever the log's length. The error
// is the log's or the context's.
func PositionAt(ctx context.Context, log store.Reader, at time.Time) (uint64, error) {
	// before tells whether there is a record at the position, recorded at that moment or before.
	before := func(position uint64) (bool, error) {
		for r, err := range log.All(ctx, store.After(events.Record{Position: position - 1})) {
			if errors.Is(err, store.ErrInvalid) { // it is beyond the end
				return false, nil
			}
			return err == nil && !r.Recorded.After(at), err
		}
		return false, nil
	}
	low, high := uint64(0), uint64(1) // low is before, or the beginning
	for {
		yes, err := before(high)
		if err != nil {
			return 0, fmt.Errorf("finding the position of %s: %w", Point{Time: at}, err)
		}
		if !yes {
			break
		}
		low, high = high, 2*high
	}
	for high-low > 1 {
		middle := low + (high-low)/2
		yes, err := before(middle)
		if err != nil {
			return 0, fmt.Errorf("finding the position of %s: %w", Point{Time: at}, err)
		}
		if yes {
			low = middle
		} else {
			high = middle
		}
	}
	return low, nil
}

// resolved is the last position that counts at the point; all of them at the end. A position that the log does not have
// yet is [store.ErrNotFound]: what it will hold there, nobody knows.
func resolved(ctx context.Context, log store.Reader, at Point) (uint64, error) {
	switch {
	case at.isEnd():
		return ^uint64(0), nil
	case at.Position > 0:
		for _, err := range log.All(ctx, store.After(events.Record{Position: at.Position})) {
			if errors.Is(err, store.ErrInvalid) { // it is beyond the end
				return 0, beyondError(ctx, log, at)
			}
			break // whatever else there is to say of it, whoever reads on is told
		}
		return at.Position, nil
	}
	return PositionAt(ctx, log, at.Time)
}

// beyondError names the end of a log that a position is beyond of.
func beyondError(ctx context.Context, log store.Reader, at Point) error {
	end, err := PositionAt(ctx, log, endOfTime)
	if err != nil {
		return err
	}
	return fmt.Errorf("%s: %w: the log ends with position %d; name one up to there", at, store.ErrNotFound, end)
}

// endOfTime is later than every record.
var endOfTime = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)

// OrderAt returns an order as it was at a point: as the records up to there leave it. The error wraps
// [order.ErrUnknownOrder] where it was not on record yet, and [store.ErrNotFound] where the log does not have the
// position yet. Cost: PositionAt's for a moment, and one read of the order's
// stream. It trusts the log, as [History] does.
func OrderAt(ctx context.Context, log store.Reader, id string, at Point) (order.Order, error) {
	if err := events.CheckID("order id", id); err != nil {
		return order.Order{}, err
	}
	last, err := resolved(ctx, log, at)
	if err != nil {
		return order.Order{}, err
	}
	var o order.Order
	for r, err := range log.Read(ctx, events.OrderStream(id), 0) {
		if err != nil {
			return order.Order{}, fmt.Errorf("order %q at %s: %w", id, at, err)
		}
		if r.Position > last {
			break
		}
		o = order.Evolve(o, r)
	}
	if o.Version == 0 {
		return order.Order{}, fmt.Errorf("order %q at %s: %w; look at a later point, or in another log", id, at,
			order.ErrUnknownOrder)
	}
	return o, nil
}

// At returns all orders as they were at a point. The records up to there are judged as [Replay] judges them, but not
// held against the seal, which is over the whole log; errors, what is returned with them, and memory are as there. A
// position that the log does not have yet is [store.ErrNotFound]. cfg may be nil. Cost: a replay of the log up to
// the point.
func At(ctx context.Context, log store.Reader, at Point, cfg *Config) (*Replayed, error) {
	if cfg == nil {
		cfg = &Config{}
	}
	p := newReplay(cfg)
	if prover, is := log.(Prover); is { // a part of a log has no past of its own, and says so when asked to prove
		if _, _, err := prover.Proven(ctx); err != nil {
			p.out.orders.settle()
			return p.out, err
		}
	}
	last, err := resolved(ctx, log, at)
	if err == nil && last > 0 {
		err = p.upTo(ctx, log, last)
	}
	p.kinds.into(p.out.Kinds)
	p.out.orders.settle()
	return p.out, err
}

// upTo takes the log's records up to a position. A point may stand within an append, so what an inquiry's facts wait
// for need not have come.
func (p *replay) upTo(ctx context.Context, log store.Reader, last uint64) error {
	for r, err := range log.All(ctx, store.Start()) {
		if err != nil {
			return fmt.Errorf("replaying after position %d: %w", p.last, err)
		}
		if r.Position > last {
			return nil
		}
		if err := p.record(&r); err != nil {
			return err
		}
	}
	return nil
}
