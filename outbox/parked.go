package outbox

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tilltape/tilltape/events"
)

// find is the place of a parked stream; -1: it is not. The caller has keeping, or holds mu.
func (c *Consumer) find(s events.Stream) int {
	for i := range c.state.Parked {
		if c.state.Parked[i].Stream == s {
			return i
		}
	}
	return -1
}

// park keeps a stream back from this record on. The caller has keeping.
func (c *Consumer) park(r events.Record, problem string) error {
	if len(c.state.Parked) >= ParkedMax {
		return fmt.Errorf("%w: consumer %s: %d orders are parked, the last because of %q; see to the receiver, then Retry "+
			"them", ErrParkedMax, c.cfg.Name, len(c.state.Parked), problem)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state.Parked = append(slices.Clip(c.state.Parked), Parked{Stream: r.Stream, Version: r.Version, Position: r.Position,
		Since: c.cfg.Now().UTC(), Problem: beginningOf(problem)})
	return nil
}

// beginningOf is as much of a receiver's word as is kept.
func beginningOf(problem string) string {
	return strings.ToValidUTF8(problem[:min(len(problem), ProblemMax)], "")
}
