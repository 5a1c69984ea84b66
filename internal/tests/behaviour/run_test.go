package behaviour_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

// awake is a till that lives in a bubble's time: what it waits for comes at once. Nothing may be left running in the
// end.
func awake(t *testing.T, log store.Log, test func(*tilltest.Till, *tilltest.Witness)) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(tilltest.Dawn()))
		x, w := tilltest.NewTill(t, log), &tilltest.Witness{}
		x.Bank.Now, x.Config.Now, x.Config.Observer = time.Now, time.Now, w.Observer()
		x.Config.Concurrency = 4
		x.Open(x.Bank)
		test(x, w)
	})
}

// running is a Run in the background; stop ends it and returns what it returned.
func running(x *tilltest.Till) (stop func() error) {
	ctx, leave := context.WithCancel(x.Ctx)
	done := make(chan error, 1)
	orders := x.Orders
	go func() { done <- orders.Run(ctx) }()
	synctest.Wait()
	return func() error {
		leave()
		return <-done
	}
}

func status(x *tilltest.Till, id string) order.Status {
	x.T.Helper()
	o, err := x.Orders.Get(x.Ctx, id)
	require.NoError(x.T, err)
	return o.Status
}

func TestRun_WakesWhenSomethingIsDue(t *testing.T) {
	awake(t, memory.New(), func(x *tilltest.Till, w *tilltest.Witness) {
		ids := x.Many(1)
		stop := running(x)
		time.Sleep(time.Hour) // it sleeps when the command comes
		began := time.Now()
		x.Lost(ids...)
		x.Bank.Next(tilltest.LostBefore)
		time.Sleep(time.Minute)
		require.NoError(t, stop())
		assert.Equal(t, order.Cancelled, status(x, ids[0]))
		var at []time.Duration
		for _, c := range tilltest.Seen(w, &w.Calls) {
			at = append(at, c.Began.Sub(began))
		}
		assert.Equal(t, []time.Duration{0, time.Second, 6 * time.Second, 6 * time.Second}, at,
			"to the moment: two retries, then an inquiry before the third")
		passes := tilltest.Seen(w, &w.Passes)
		require.NotEmpty(t, passes)
		assert.Equal(t, tilltape.Settled{Driven: 1, Waiting: 1}, passes[0].Settled)
	})
}

func TestRun_SeesAnOperationThroughItsWholeSchedule(t *testing.T) {
	awake(t, memory.New(), func(x *tilltest.Till, w *tilltest.Witness) {
		x.Place(order.CaptureManual)
		x.Paid()
		stop := running(x)
		x.Bank.Deaf = true
		for range tilltest.RoundsMax {
			x.Bank.Next(tilltest.LostBefore)
		}
		x.Lost(tilltest.TheOrder)
		time.Sleep(order.DefaultParkAfter + 24*time.Hour)
		o := x.Get()
		assert.Equal(t, order.Parked, o.Operation.Phase)
		alarms := tilltest.Seen(w, &w.Alarms)
		require.Len(t, alarms, 1)
		assert.Contains(t, alarms[0].Reason, "contact APO support")
		calls := len(tilltest.Seen(w, &w.Calls))
		time.Sleep(2 * order.ParkedEvery)
		assert.Equal(t, calls+2, len(tilltest.Seen(w, &w.Calls)), "the weekly look at what is parked")
		assert.Empty(t, tilltest.Seen(w, &w.Troubles))
		require.NoError(t, stop())
	})
}

// The leases alone keep two services in one process from asking at once.
func TestRun_TwoOnOneLogNeverAskAtOnce(t *testing.T) {
	const count = 20
	awake(t, memory.New(), func(x *tilltest.Till, _ *tilltest.Witness) {
		ids := x.Many(count)
		x.Lost(ids...)
		var mu sync.Mutex
		asking, most := map[string]int{}, 0
		x.Bank.Enter = func(_ context.Context, c tilltest.WireCall) {
			mu.Lock()
			asking[c.Payment]++
			most = max(most, asking[c.Payment])
			mu.Unlock()
			time.Sleep(2 * time.Second)
			mu.Lock()
			asking[c.Payment]--
			mu.Unlock()
		}
		first := running(x)
		again := running(x) // the same Orders twice
		x.Open(x.Bank)
		second := running(x)
		time.Sleep(time.Minute)
		for _, stop := range []func() error{first, again, second} {
			require.NoError(t, stop())
		}
		assert.Equal(t, 1, most)
		assert.Equal(t, 2*count, x.Bank.Wired(), "one lost call and one retry each")
		for _, id := range ids {
			assert.Equal(t, order.Cancelled, status(x, id))
		}
	})
}

func TestRun_OneThatTakesLongHoldsUpNoOther(t *testing.T) {
	awake(t, memory.New(), func(x *tilltest.Till, w *tilltest.Witness) {
		ids := x.Many(3)
		x.Config.Concurrency = 2
		x.Open(x.Bank)
		x.Lost(ids...)
		began := time.Now()
		x.Bank.Enter = func(ctx context.Context, c tilltest.WireCall) {
			if c.Payment == "pay-preq-0" {
				<-ctx.Done() // until its time is over
			}
		}
		stop := running(x)
		time.Sleep(10 * time.Second)
		assert.Equal(t, order.Cancelled, status(x, ids[1]))
		assert.Equal(t, order.Cancelled, status(x, ids[2]))
		for _, c := range tilltest.Seen(w, &w.Calls)[3:] {
			assert.Equal(t, time.Second, c.Began.Sub(began), "while the first is still waited for")
		}
		require.NoError(t, stop())
	})
}

func TestRun_DrivesAtMostSoManyAtOnce(t *testing.T) {
	awake(t, memory.New(), func(x *tilltest.Till, _ *tilltest.Witness) {
		ids := x.Many(12)
		x.Lost(ids...)
		var now, most atomic.Int32
		x.Bank.Enter = func(context.Context, tilltest.WireCall) {
			n := now.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			time.Sleep(time.Second)
			now.Add(-1)
		}
		stop := running(x)
		time.Sleep(time.Minute)
		require.NoError(t, stop())
		assert.EqualValues(t, x.Config.Concurrency, most.Load())
	})
}

func TestRun_ACallUnderWayMayEnd(t *testing.T) {
	for how, end := range map[string]func(x *tilltest.Till, stop func() error) error{
		"stopped": func(_ *tilltest.Till, stop func() error) error { return stop() },
		"closed": func(x *tilltest.Till, stop func() error) error {
			err := x.Orders.Close()
			require.ErrorIs(t, stop(), tilltape.ErrClosed)
			return err
		},
	} {
		t.Run(how, func(t *testing.T) {
			awake(t, memory.New(), func(x *tilltest.Till, _ *tilltest.Witness) {
				ids := x.Many(1)
				x.Lost(ids...)
				x.Bank.Enter = func(context.Context, tilltest.WireCall) { time.Sleep(8 * time.Second) }
				stop := running(x)
				time.Sleep(2 * time.Second)
				began := time.Now()
				require.NoError(t, end(x, stop))
				assert.Equal(t, 7*time.Second, time.Since(began), "both wait for the call under way")
				assert.Equal(t, order.Cancelled, status(x, ids[0]), "its answer is on record")
			})
		})
	}
}

func TestRun_ACallThatTakesTooLongIsCutShortAndOnRecord(t *testing.T) {
	awake(t, memory.New(), func(x *tilltest.Till, w *tilltest.Witness) {
		ids := x.Many(1)
		x.Lost(ids...)
		x.Bank.Enter = func(ctx context.Context, _ tilltest.WireCall) { <-ctx.Done() }
		stop := running(x)
		time.Sleep(2 * time.Second)
		began := time.Now()
		require.NoError(t, stop())
		assert.Equal(t, tilltape.DefaultGrace, time.Since(began))
		o, err := x.Orders.Get(x.Ctx, ids[0])
		require.NoError(t, err)
		assert.Equal(t, order.Unresolved, o.Operation.Phase, "what came of it is on record")
		assert.EqualValues(t, 2, o.Operation.Attempt)
		assert.Empty(t, tilltest.Seen(w, &w.Troubles))
	})
}

func TestRun_NothingIsClaimedOnceItIsStopped(t *testing.T) {
	awake(t, memory.New(), func(x *tilltest.Till, _ *tilltest.Witness) {
		ids := x.Many(40)
		x.Lost(ids...)
		x.Bank.Enter = func(context.Context, tilltest.WireCall) { time.Sleep(time.Second) }
		stop := running(x)
		time.Sleep(1500 * time.Millisecond) // the first of them are asked about
		require.NoError(t, stop())
		assert.Equal(t, 40+x.Config.Concurrency, x.Bank.Wired())
	})
}

func TestRun_EndsWithItsOrders(t *testing.T) {
	awake(t, memory.New(), func(x *tilltest.Till, _ *tilltest.Witness) {
		done := make(chan error, 1)
		go func() { done <- x.Orders.Run(x.Ctx) }()
		synctest.Wait()
		require.NoError(t, x.Orders.Close())
		select {
		case err := <-done:
			require.ErrorIs(t, err, tilltape.ErrClosed)
			assert.Contains(t, err.Error(), "open the log again")
		default:
			t.Fatal("Close did not wait for it")
		}
		require.ErrorIs(t, x.Orders.Run(x.Ctx), tilltape.ErrClosed)
	})
}

func TestRun_EndsWithItsLog(t *testing.T) {
	awake(t, memory.New(), func(x *tilltest.Till, _ *tilltest.Witness) {
		require.NoError(t, x.Log.Close())
		err := x.Orders.Run(x.Ctx)
		require.ErrorIs(t, err, store.ErrClosed)
		assert.Contains(t, err.Error(), "open the log again")
	})
}

func TestRun_AnEndedContextIsNoError(t *testing.T) {
	awake(t, memory.New(), func(x *tilltest.Till, w *tilltest.Witness) {
		ctx, leave := context.WithTimeout(x.Ctx, time.Second)
		defer leave()
		require.NoError(t, x.Orders.Run(ctx))
		assert.Empty(t, tilltest.Seen(w, &w.Troubles))
	})
}

func TestRun_OnEveryStoreInRealTime(t *testing.T) {
	tilltest.Stores(t, func(t *testing.T, log store.Log) {
		x := tilltest.NewTill(t, log)
		x.Bank.Now, x.Config.Now, x.Config.Concurrency = time.Now, time.Now, 4
		// long enough that a busy machine does not ask again while the commands are given
		x.Config.Policy.Retries = []time.Duration{time.Second}
		x.Open(x.Bank)
		ids := x.Many(10)
		x.Lost(ids...)
		ctx, leave := context.WithCancel(x.Ctx)
		done := make(chan error, 1)
		go func() { done <- x.Orders.Run(ctx) }()
		require.Eventually(t, func() bool {
			for _, id := range ids {
				if status(x, id) != order.Cancelled {
					return false
				}
			}
			return true
		}, 10*time.Second, 5*time.Millisecond)
		leave()
		require.NoError(t, <-done)
		assert.Equal(t, 20, x.Bank.Wired())
	})
}
