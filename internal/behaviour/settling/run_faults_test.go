package settling_test

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
	"github.com/tilltape/tilltape/internal/tilltest"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store/memory"
)

// A log whose own request was cancelled, a pool's or a leader's, fails like any other: nobody stopped this Run.
func TestRun_GoesOnAfterARequestOfTheLogsOwnWasCancelled(t *testing.T) {
	log := &tilltest.Flaky{Log: memory.New()}
	awake(t, log, func(x *tilltest.Till, w *tilltest.Witness) {
		ids := x.Many(1)
		x.Lost(ids...)
		var once atomic.Bool
		log.OnRead = func() error {
			if once.CompareAndSwap(false, true) {
				return fmt.Errorf("the pool closed the connection: %w", context.Canceled)
			}
			return nil
		}
		stop := running(x)
		time.Sleep(10 * time.Second)
		assert.Equal(t, order.Cancelled, status(x, ids[0]), "it was driven again")
		troubles := tilltest.Seen(w, &w.Troubles)
		require.Len(t, troubles, 1, "and somebody was told")
		assert.Equal(t, ids[0], troubles[0].Order)
		require.NoError(t, stop())
	})
}

// What a clock wrote that was a year ahead is due in a year. Nobody may have to wait for that.
func TestRun_FindsWhatAClockThatWasAheadHasHidden(t *testing.T) {
	const ahead = 365 * 24 * time.Hour
	for name, hide := range map[string]func(x *tilltest.Till, id string){
		"an unresolved cancel": func(x *tilltest.Till, id string) { x.Lost(id) },
		"a claim whose process died": func(x *tilltest.Till, id string) {
			log := x.Log.(*tilltest.Flaky)
			log.OnAppend = tilltest.On(events.KindCancelUnresolved, tilltest.AppendFails, -1)
			x.Bank.Next(tilltest.LostBefore)
			_, err := x.Orders.Cancel(x.Ctx, id, order.Cancel{})
			require.Error(x.T, err)
			log.OnAppend = nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			awake(t, &tilltest.Flaky{Log: memory.New()}, func(x *tilltest.Till, w *tilltest.Witness) {
				ids := x.Many(2)
				var skew atomic.Int64
				x.Config.Now = func() time.Time { return time.Now().Add(time.Duration(skew.Load())) }
				x.Open(x.Bank)
				skew.Store(int64(ahead))
				hide(x, ids[0])
				skew.Store(0)
				o, err := x.Orders.Get(x.Ctx, ids[0])
				require.NoError(t, err)
				require.Greater(t, time.Until(o.NextDue()), ahead/2)

				stop := running(x) // it looks when it begins
				time.Sleep(10 * time.Minute)
				assert.Equal(t, order.Cancelled, status(x, ids[0]))

				skew.Store(int64(ahead))
				hide(x, ids[1]) // and once an hour
				skew.Store(0)
				time.Sleep(tilltape.RunStraysEvery + 10*time.Minute)
				assert.Equal(t, order.Cancelled, status(x, ids[1]))
				assert.Empty(t, tilltest.Seen(w, &w.Troubles))
				require.NoError(t, stop())
			})
		})
	}
}

// The longest wait that is on the schedule is none of these.
func TestRun_AsksAboutNothingEarlierThanItIsDue(t *testing.T) {
	awake(t, memory.New(), func(x *tilltest.Till, w *tilltest.Witness) {
		x.Config.Policy.Retries = []time.Duration{30 * 24 * time.Hour}
		x.Config.Policy.ParkAfter = 365 * 24 * time.Hour
		x.Open(x.Bank)
		ids := x.Many(1)
		x.Lost(ids...)
		stop := running(x)
		time.Sleep(26 * 24 * time.Hour)
		assert.Len(t, tilltest.Seen(w, &w.Calls), 1)
		require.NoError(t, stop())
	})
}
