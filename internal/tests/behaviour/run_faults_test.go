package behaviour_test

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
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
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
		assert.Equal(t, ids[0], troubles[0].OrderID)
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

// unavailable says of every log call while it is on that the log cannot answer now.
func unavailable(log *tilltest.Flaky, on *atomic.Bool) {
	gone := func() error {
		if on.Load() {
			return fmt.Errorf("the cluster has no leader: %w", store.ErrUnavailable)
		}
		return nil
	}
	log.OnRead, log.OnHeads, log.OnLookup = gone, gone, gone
	log.OnAppendError = gone
}

// A command that meets a log without a leader was not begun: it says so, APO is not asked, and the same command works
// later.
func TestACommandOnALogThatIsUnavailableIsNotBegun(t *testing.T) {
	log := &tilltest.Flaky{Log: memory.New()}
	x := tilltest.NewTill(t, log)
	id := x.Many(1)[0]
	var off atomic.Bool
	unavailable(log, &off)
	log.OnRead = nil // it is gone right after the order was read
	off.Store(true)
	calls, appends := x.Bank.Touched(), log.Appends()
	_, err := x.Orders.Cancel(x.Ctx, id, order.Cancel{})
	require.ErrorIs(t, err, store.ErrUnavailable)
	require.NotErrorIs(t, err, tilltape.ErrInDoubt)
	require.NotErrorIs(t, err, tilltape.ErrUnresolved)
	assert.Contains(t, err.Error(), "order "+id+": cancel was not recorded")
	assert.Contains(t, err.Error(), "try again")
	assert.Equal(t, calls, x.Bank.Touched(), "APO was not asked")
	assert.Equal(t, appends+1, log.Appends(), "and the log not bothered again")

	off.Store(false)
	_, err = x.Orders.Cancel(x.Ctx, id, order.Cancel{})
	require.NoError(t, err)
	assert.Equal(t, order.Cancelled, status(x, id))
}

// What is due while the log is unavailable is due afterwards: one pass of SettleDue ends with an error, and the next
// drives it.
func TestSettlingGoesOnOnceTheLogIsAvailableAgain(t *testing.T) {
	log := &tilltest.Flaky{Log: memory.New()}
	x := tilltest.NewTill(t, log)
	ids := x.Many(2)
	x.Lost(ids...)
	x.Clock.Pass(time.Hour)
	var off atomic.Bool
	unavailable(log, &off)
	off.Store(true)
	_, err := x.Orders.SettleDue(x.Ctx)
	require.ErrorIs(t, err, store.ErrUnavailable)
	off.Store(false)
	count, err := x.Orders.SettleDue(x.Ctx)
	require.NoError(t, err)
	assert.Equal(t, tilltape.Settled{Driven: 2}, count)
}

func TestRun_GoesOnOnceTheLogIsAvailableAgain(t *testing.T) {
	log := &tilltest.Flaky{Log: memory.New()}
	awake(t, log, func(x *tilltest.Till, w *tilltest.Witness) {
		ids := x.Many(1)
		x.Lost(ids...)
		var off atomic.Bool
		unavailable(log, &off)
		off.Store(true)
		stop := running(x)
		time.Sleep(time.Minute)
		off.Store(false)
		time.Sleep(time.Minute)
		assert.Equal(t, order.Cancelled, status(x, ids[0]))
		assert.NotEmpty(t, tilltest.Seen(w, &w.Troubles), "somebody was told")
		require.NoError(t, stop())
	})
}
