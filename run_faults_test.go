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
	"github.com/tilltape/tilltape/store"
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

// unavailable says of every log call while it is on that the log cannot answer now.
func unavailable(log *flaky, on *atomic.Bool) {
	gone := func() error {
		if on.Load() {
			return fmt.Errorf("the cluster has no leader: %w", store.ErrUnavailable)
		}
		return nil
	}
	log.read, log.heads, log.lookup = gone, gone, gone
	log.appendError = gone
}

// A command that meets a log without a leader was not begun: it says so, APO is not asked, and the same command works
// later.
func TestACommandOnALogThatIsUnavailableIsNotBegun(t *testing.T) {
	log := &flaky{Log: memory.New()}
	x := newTill(t, log)
	id := x.many(1)[0]
	var off atomic.Bool
	unavailable(log, &off)
	log.read = nil // it is gone right after the order was read
	off.Store(true)
	calls, appends := len(x.bank.calls), log.appends
	_, err := x.orders.Cancel(x.ctx, id, order.Cancel{})
	require.ErrorIs(t, err, store.ErrUnavailable)
	require.NotErrorIs(t, err, tilltape.ErrInDoubt)
	require.NotErrorIs(t, err, tilltape.ErrUnresolved)
	assert.Contains(t, err.Error(), "order "+id+": cancel.requested.v1 was not written")
	assert.Contains(t, err.Error(), "try again")
	assert.Len(t, x.bank.calls, calls, "APO was not asked")
	assert.Equal(t, appends+1, log.appends, "and the log not bothered again")

	off.Store(false)
	_, err = x.orders.Cancel(x.ctx, id, order.Cancel{})
	require.NoError(t, err)
	assert.Equal(t, order.Cancelled, x.status(id))
}

// What is due while the log is unavailable is due afterwards: one pass of SettleDue ends with an error, and the next
// drives it.
func TestSettlingGoesOnOnceTheLogIsAvailableAgain(t *testing.T) {
	log := &flaky{Log: memory.New()}
	x := newTill(t, log)
	ids := x.many(2)
	x.lost(ids...)
	x.clock.pass(time.Hour)
	var off atomic.Bool
	unavailable(log, &off)
	off.Store(true)
	_, err := x.orders.SettleDue(x.ctx)
	require.ErrorIs(t, err, store.ErrUnavailable)
	off.Store(false)
	count, err := x.orders.SettleDue(x.ctx)
	require.NoError(t, err)
	assert.Equal(t, tilltape.Settled{Driven: 2}, count)
}

func TestRun_GoesOnOnceTheLogIsAvailableAgain(t *testing.T) {
	log := &flaky{Log: memory.New()}
	awake(t, log, func(x *till, w *witness) {
		ids := x.many(1)
		x.lost(ids...)
		var off atomic.Bool
		unavailable(log, &off)
		off.Store(true)
		stop := x.running()
		time.Sleep(time.Minute)
		off.Store(false)
		time.Sleep(time.Minute)
		assert.Equal(t, order.Cancelled, x.status(ids[0]))
		assert.NotEmpty(t, seen(w, &w.troubles), "somebody was told")
		require.NoError(t, stop())
	})
}
