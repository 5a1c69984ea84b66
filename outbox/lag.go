package outbox

import (
	"context"
	"time"
)

// LagMax is how many records [Consumer.Lag] counts at most.
const LagMax = 10_000

// Lag is how far a consumer is behind its log.
type Lag struct {
	Records int           // not yet passed, at most [LagMax]
	Since   time.Time     // when the oldest of them was recorded; zero: there is none
	Age     time.Duration // since then, by [Config].Now; 0: there is none
	Parked  int           // orders some of whose records stay back
}

// Lag says how far the consumer is behind. Of one that another process runs it is what that one has kept, up to
// [SaveEvery] records more than is true. Cost: one read of at most [LagMax] records.
func (c *Consumer) Lag(ctx context.Context) (Lag, error) {
	if err := c.fresh(ctx); err != nil {
		return Lag{}, err
	}
	c.mu.Lock()
	lag := Lag{Parked: len(c.state.Parked)}
	c.mu.Unlock()
	for r, err := range c.rest(ctx) {
		if err != nil {
			return Lag{}, err
		}
		if lag.Records == 0 {
			lag.Since, lag.Age = r.Recorded, max(c.cfg.Now().Sub(r.Recorded), 1)
		}
		if lag.Records++; lag.Records == LagMax {
			break
		}
	}
	return lag, nil
}
