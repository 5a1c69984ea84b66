package tilltape_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store/memory"
)

// A log whose own request was cancelled, a pool's or a leader's, fails like any other: nobody stopped this Run.
func TestRun_GoesOnAfterARequestOfTheLogsOwnWasCancelled(t *testing.T) {
	log := &flaky{Log: memory.New()}
	awake(t, log, func(x *till, w *witness) {
		ids := x.many(1)
		x.lost(ids...)
		var once atomic.Bool
		log.read = func() error {
			if once.CompareAndSwap(false, true) {
				return fmt.Errorf("the pool closed the connection: %w", context.Canceled)
			}
			return nil
		}
		stop := x.running()
		time.Sleep(10 * time.Second)
		assert.Equal(t, order.Cancelled, x.status(ids[0]), "it was driven again")
		troubles := seen(w, &w.troubles)
		require.Len(t, troubles, 1, "and somebody was told")
		assert.Equal(t, ids[0], troubles[0].Order)
		require.NoError(t, stop())
	})
}

// What a clock wrote that was a year ahead is due in a year. Nobody may have to wait for that.
func TestRun_FindsWhatAClockThatWasAheadHasHidden(t *testing.T) {
	const ahead = 365 * 24 * time.Hour
	for name, hide := range map[string]func(x *till, id string){
		"an unresolved cancel": func(x *till, id string) { x.lost(id) },
		"a claim whose process died": func(x *till, id string) {
			log := x.log.(*flaky)
			log.append = on(events.KindCancelUnresolved, appendFails, -1)
			x.bank.next(lostBefore)
			_, err := x.orders.Cancel(x.ctx, id, order.Cancel{})
			require.Error(x.t, err)
			log.append = nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			awake(t, &flaky{Log: memory.New()}, func(x *till, w *witness) {
				ids := x.many(2)
				var skew atomic.Int64
				x.cfg.Now = func() time.Time { return time.Now().Add(time.Duration(skew.Load())) }
				x.open(x.bank)
				skew.Store(int64(ahead))
				hide(x, ids[0])
				skew.Store(0)
				o, err := x.orders.Get(x.ctx, ids[0])
				require.NoError(t, err)
				require.Greater(t, time.Until(o.NextDue()), ahead/2)

				stop := x.running() // it looks when it begins
				time.Sleep(10 * time.Minute)
				assert.Equal(t, order.Cancelled, x.status(ids[0]))

				skew.Store(int64(ahead))
				hide(x, ids[1]) // and once an hour
				skew.Store(0)
				time.Sleep(tilltape.RunStraysEvery + 10*time.Minute)
				assert.Equal(t, order.Cancelled, x.status(ids[1]))
				assert.Empty(t, seen(w, &w.troubles))
				require.NoError(t, stop())
			})
		})
	}
}

// The longest wait that is on the schedule is none of these.
func TestRun_AsksAboutNothingEarlierThanItIsDue(t *testing.T) {
	awake(t, memory.New(), func(x *till, w *witness) {
		x.cfg.Policy.Retries = []time.Duration{30 * 24 * time.Hour}
		x.cfg.Policy.ParkAfter = 365 * 24 * time.Hour
		x.open(x.bank)
		ids := x.many(1)
		x.lost(ids...)
		stop := x.running()
		time.Sleep(26 * 24 * time.Hour)
		assert.Len(t, seen(w, &w.calls), 1)
		require.NoError(t, stop())
	})
}
