package outbox

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

// deliver tries one record until it is delivered, or was refused as often as it may be: then it returns what the
// receiver said. So it does where the receiver has not answered for as long as the consumer's patience lasts.
func (c *Consumer) deliver(ctx context.Context, r events.Record, refusals int) (problem, failed error) {
	m, err := c.message(r)
	if err != nil {
		return nil, err
	}
	first := c.cfg.Now()
	for try := 1; ; try++ {
		began, err := c.send(ctx, m)
		refused := errors.Is(err, ErrRefused)
		if refused {
			refusals--
		}
		now := c.cfg.Now()
		parked := refused && refusals <= 0 || err != nil && !refused && now.Sub(first) >= c.cfg.Patience
		if ctx.Err() != nil && err != nil {
			return nil, store.CheckContext(ctx, "go on delivering")
		}
		c.tell(Try{Record: r, Number: try, Took: now.Sub(began), Err: err, Parked: parked})
		switch {
		case err == nil:
			return nil, nil
		case parked:
			return err, nil
		}
		if err := c.pause(ctx, c.waitAfter(try, err)); err != nil {
			return nil, err
		}
	}
}

// send calls the sender once nobody else does, and says since when.
func (c *Consumer) send(ctx context.Context, m Message) (began time.Time, err error) {
	if err := c.sending.take(ctx); err != nil {
		return c.cfg.Now(), err
	}
	defer c.sending.give()
	began = c.cfg.Now()
	return began, c.sender.Send(ctx, m)
}

func (c *Consumer) tell(t Try) {
	if c.cfg.Tried != nil {
		c.cfg.Tried(t)
	}
}

// waitBefore is the wait before try n+1.
func (c *Consumer) waitBefore(n int) time.Duration { return c.cfg.Waits[min(n, len(c.cfg.Waits))-1] }

// waitAfter is the wait after a try that failed: what the receiver asks for, within the longest of ours.
func (c *Consumer) waitAfter(try int, err error) time.Duration {
	wait := c.waitBefore(try)
	if e, is := errors.AsType[*SendError](err); is && e.After > 0 {
		return min(max(wait, e.After), slices.Max(c.cfg.Waits))
	}
	return wait
}

// Parked returns the orders some of whose records stay back, in the order in which they were parked. Cost: one read of
// what is kept, unless Run has read it.
func (c *Consumer) Parked(ctx context.Context) ([]Parked, error) {
	if err := c.fresh(ctx); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.state.Parked), nil
}

// Retry delivers what stays back of an order, in its order, and takes it off the list once nothing does. Each record is
// tried until the receiver takes or refuses it; where it refuses one again, the order stays parked there, and the error
// wraps [ErrRefused]. [ErrNotParked] where nothing stays back. Call it on the consumer that runs: another process's Run
// would find its place moved.
func (c *Consumer) Retry(ctx context.Context, stream events.Stream) error {
	return c.release(ctx, stream, false)
}

// Skip leaves the refused record of a parked order out, for good, and delivers what else stays back, as
// [Consumer.Retry] does. It is a person's decision: the receiver never hears of that record from this consumer.
func (c *Consumer) Skip(ctx context.Context, stream events.Stream) error {
	return c.release(ctx, stream, true)
}

func (c *Consumer) release(ctx context.Context, stream events.Stream, skip bool) error {
	if err := c.trying.take(ctx); err != nil {
		return err
	}
	defer c.trying.give()
	if err := c.fresh(ctx); err != nil {
		return err
	}
	if err := c.checkPlace(ctx); err != nil {
		return err
	}
	next, ok := c.firstBack(stream)
	if !ok {
		return notParkedError(c.cfg.Name, stream)
	}
	if skip {
		next++
		if err := c.moved(ctx, stream, events.Record{Version: next}, "the record before it was left out"); err != nil {
			return err
		}
	}
	for {
		ended, err := c.releaseFrom(ctx, stream, &next)
		if err != nil || ended {
			return err
		}
	}
}

// firstBack is the version of the first record of a stream that stays back.
func (c *Consumer) firstBack(stream events.Stream) (version uint64, parked bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := c.find(stream)
	if at < 0 {
		return 0, false
	}
	return c.state.Parked[at].Version, true
}

// releaseFrom delivers the stream's records from that version on, as far as the cursor has come. It reports whether
// nothing stays back: Run may have passed more meanwhile.
func (c *Consumer) releaseFrom(ctx context.Context, stream events.Stream, next *uint64) (ended bool, err error) {
	for r, err := range c.log.Read(ctx, stream, *next-1) {
		if err != nil {
			return false, err
		}
		if r.Position > c.cursor().Position() {
			break
		}
		if c.picked(r) {
			problem, err := c.deliver(ctx, r, 1)
			if err != nil {
				return false, err
			}
			if problem != nil {
				return false, errors.Join(problem, c.moved(ctx, stream, r, problem.Error()))
			}
		}
		*next = r.Version + 1
	}
	return c.unpark(ctx, stream, *next)
}

func (c *Consumer) cursor() store.Cursor {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state.Cursor
}

// unpark takes a stream off the list, unless Run has passed another of its records meanwhile.
func (c *Consumer) unpark(ctx context.Context, stream events.Stream, next uint64) (done bool, err error) {
	if err := c.keeping.take(ctx); err != nil {
		return false, err
	}
	defer c.keeping.give()
	for r, err := range c.log.Read(ctx, stream, next-1) {
		if err != nil {
			return false, err
		}
		if r.Position <= c.state.Cursor.Position() {
			return false, nil
		}
		break
	}
	at := c.find(stream)
	if at < 0 {
		return true, notParkedError(c.cfg.Name, stream)
	}
	c.mu.Lock()
	c.state.Parked = slices.Delete(slices.Clone(c.state.Parked), at, at+1)
	c.mu.Unlock()
	return true, c.saveNow(ctx)
}

// moved keeps that a stream stays back from another record on, or for another reason.
func (c *Consumer) moved(ctx context.Context, stream events.Stream, r events.Record, problem string) error {
	if err := c.keeping.take(ctx); err != nil {
		return err
	}
	defer c.keeping.give()
	at := c.find(stream)
	if at < 0 {
		return notParkedError(c.cfg.Name, stream)
	}
	parked := slices.Clone(c.state.Parked)
	p := &parked[at]
	p.Version, p.Problem = r.Version, beginningOf(problem)
	if r.Position != 0 {
		p.Position = r.Position
	}
	c.mu.Lock()
	c.state.Parked = parked
	c.mu.Unlock()
	return c.saveNow(ctx)
}
