package outbox_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/outbox"
	"github.com/tilltape/tilltape/store/memory"
)

// Whatever is refused, retried, skipped and killed meanwhile: every record arrives unless a person skipped it, first
// deliveries of an order's records are in order, and nothing of an order passes a record that stays back.
func TestWhateverHappens(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		log, to, keeper := memory.New(), &receiver{}, outbox.MemoryKeeper()
		skipped, total := map[string]bool{}, map[string]int{}
		c := consumer(t, log, to, config(keeper))
		stop := running(t, c)
		defer func() { _ = stop() }()
		orders := []string{"A", "B", "C"}
		for range rapid.IntRange(1, 25).Draw(rt, "steps") {
			id := rapid.SampledFrom(orders).Draw(rt, "order")
			switch rapid.IntRange(0, 5).Draw(rt, "step") {
			case 0, 1:
				total[id]++
				if rapid.IntRange(0, 3).Draw(rt, "refused") == 0 {
					to.refuse(fmt.Sprintf("%s-%d", id, total[id]))
				}
				add(t, log, id)
			case 2:
				_ = stop()
				c = consumer(t, log, to, config(keeper))
				stop = running(t, c)
			case 3:
				_ = c.Retry(t.Context(), events.OrderStream(id))
			case 4:
				to.set(fmt.Sprintf("%s-%d", id, rapid.IntRange(1, total[id]+1).Draw(rt, "healed")), nil)
			case 5:
				parked, err := c.Parked(t.Context())
				require.NoError(rt, err)
				if len(parked) > 0 {
					skipped[fmt.Sprintf("%s-%d", parked[0].Stream.ID, parked[0].Version)] = true
					_ = c.Skip(t.Context(), parked[0].Stream)
				}
			}
		}
		settle(t, rt, to, c)
		_ = stop()
		seen, last := map[string]bool{}, map[string]int{}
		for _, id := range to.has() {
			if seen[id] {
				continue
			}
			seen[id] = true
			var version int
			_, err := fmt.Sscanf(id[2:], "%d", &version)
			require.NoError(rt, err)
			require.Greater(rt, version, last[id[:1]], "order %s: %v", id[:1], to.has())
			last[id[:1]] = version
		}
		for id, n := range total {
			for v := 1; v <= n; v++ {
				name := fmt.Sprintf("%s-%d", id, v)
				require.True(rt, seen[name] || skipped[name], "%s never arrived: %v", name, to.has())
			}
		}
	})
}

// settle heals the receiver, and has everything that stays back delivered.
func settle(t *testing.T, rt *rapid.T, to *receiver, c *outbox.Consumer) {
	to.mu.Lock()
	to.sick = nil
	to.mu.Unlock()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		parked, err := c.Parked(t.Context())
		require.NoError(rt, err)
		for _, p := range parked {
			if err := c.Retry(t.Context(), p.Stream); !errors.Is(err, outbox.ErrNotParked) {
				require.NoError(rt, err)
			}
		}
		lag, err := c.Lag(t.Context())
		require.NoError(rt, err)
		if lag == (outbox.Lag{}) {
			return
		}
		require.True(rt, time.Now().Before(deadline), "%+v", lag)
	}
}
