package tilltape_test

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

// awake is a till that lives in a bubble's time: what it waits for comes at once. Nothing may be left running in the end.
func awake(t *testing.T, log store.Log, test func(*till, *witness)) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(dawn()))
		x, w := newTill(t, log), &witness{}
		x.bank.now, x.cfg.Now, x.cfg.Observer = time.Now, time.Now, w.observer()
		x.cfg.Concurrency = 4
		x.open(x.bank)
		test(x, w)
	})
}

// running is a Run in the background; stop ends it and returns what it returned.
func (x *till) running() (stop func() error) {
	ctx, leave := context.WithCancel(x.ctx)
	done := make(chan error, 1)
	orders := x.orders
	go func() { done <- orders.Run(ctx) }()
	synctest.Wait()
	return func() error {
		leave()
		return <-done
	}
}

// many places orders that the buyers paid.
func (x *till) many(count int) (ids []string) {
	x.t.Helper()
	for i := range count {
		c := placing(order.CaptureManual)
		c.Order, c.PaymentRequestID = fmt.Sprint("o-", i), fmt.Sprint("preq-", i)
		_, err := x.orders.Create(x.ctx, c)
		require.NoError(x.t, err)
		a := x.bank.buyerPays(c.PaymentRequestID, theAmount, true)
		x.observe(paymentNotice(notice{Payment: a.id, PaymentRequest: a.request, Minor: theAmount, At: dawn()}))
		ids = append(ids, c.Order)
	}
	return ids
}

// lost gives cancels whose calls get lost.
func (x *till) lost(ids ...string) {
	x.t.Helper()
	for _, id := range ids {
		x.bank.next(lostBefore)
		_, err := x.orders.Cancel(x.ctx, id, order.Cancel{})
		require.ErrorIs(x.t, err, tilltape.ErrUnresolved)
	}
}

func (x *till) status(id string) order.Status {
	x.t.Helper()
	o, err := x.orders.Get(x.ctx, id)
	require.NoError(x.t, err)
	return o.Status
}

func TestRun_WakesWhenSomethingIsDue(t *testing.T) {
	awake(t, memory.New(), func(x *till, w *witness) {
		ids := x.many(1)
		stop := x.running()
		time.Sleep(time.Hour) // it sleeps when the command comes
		began := time.Now()
		x.lost(ids...)
		x.bank.next(lostBefore)
		time.Sleep(time.Minute)
		require.NoError(t, stop())
		assert.Equal(t, order.Cancelled, x.status(ids[0]))
		var at []time.Duration
		for _, c := range seen(w, &w.calls) {
			at = append(at, c.Began.Sub(began))
		}
		assert.Equal(t, []time.Duration{0, time.Second, 6 * time.Second, 6 * time.Second}, at,
			"to the moment: two retries, then an inquiry before the third")
		passes := seen(w, &w.passes)
		require.NotEmpty(t, passes)
		assert.Equal(t, tilltape.Settled{Driven: 1, Waiting: 1}, passes[0].Settled)
	})
}

func TestRun_SeesAnOperationThroughItsWholeSchedule(t *testing.T) {
	awake(t, memory.New(), func(x *till, w *witness) {
		x.place(order.CaptureManual)
		x.paid()
		stop := x.running()
		x.bank.deaf = true
		for range roundsMax {
			x.bank.next(lostBefore)
		}
		x.lost(theOrder)
		time.Sleep(order.DefaultParkAfter + 24*time.Hour)
		o := x.get()
		assert.Equal(t, order.Parked, o.Operation.Phase)
		alarms := seen(w, &w.alarms)
		require.Len(t, alarms, 1)
		assert.Contains(t, alarms[0].Reason, "contact APO support")
		calls := len(seen(w, &w.calls))
		time.Sleep(2 * order.ParkedEvery)
		assert.Equal(t, calls+2, len(seen(w, &w.calls)), "the weekly look at what is parked")
		assert.Empty(t, seen(w, &w.troubles))
		require.NoError(t, stop())
	})
}

// The leases alone keep two services in one process from asking at once.
func TestRun_TwoOnOneLogNeverAskAtOnce(t *testing.T) {
	const count = 20
	awake(t, memory.New(), func(x *till, _ *witness) {
		ids := x.many(count)
		x.lost(ids...)
		var mu sync.Mutex
		asking, most := map[string]int{}, 0
		x.bank.enter = func(_ context.Context, c wireCall) {
			mu.Lock()
			asking[c.Payment]++
			most = max(most, asking[c.Payment])
			mu.Unlock()
			time.Sleep(2 * time.Second)
			mu.Lock()
			asking[c.Payment]--
			mu.Unlock()
		}
		first := x.running()
		again := x.running() // the same Orders twice
		x.open(x.bank)
		second := x.running()
		time.Sleep(time.Minute)
		for _, stop := range []func() error{first, again, second} {
			require.NoError(t, stop())
		}
		assert.Equal(t, 1, most)
		assert.Equal(t, 2*count, x.bank.wired(), "one lost call and one retry each")
		for _, id := range ids {
			assert.Equal(t, order.Cancelled, x.status(id))
		}
	})
}

func TestRun_OneThatTakesLongHoldsUpNoOther(t *testing.T) {
	awake(t, memory.New(), func(x *till, w *witness) {
		ids := x.many(3)
		x.cfg.Concurrency = 2
		x.open(x.bank)
		x.lost(ids...)
		began := time.Now()
		x.bank.enter = func(ctx context.Context, c wireCall) {
			if c.Payment == "pay-preq-0" {
				<-ctx.Done() // until its time is over
			}
		}
		stop := x.running()
		time.Sleep(10 * time.Second)
		assert.Equal(t, order.Cancelled, x.status(ids[1]))
		assert.Equal(t, order.Cancelled, x.status(ids[2]))
		for _, c := range seen(w, &w.calls)[3:] {
			assert.Equal(t, time.Second, c.Began.Sub(began), "while the first is still waited for")
		}
		require.NoError(t, stop())
	})
}

func TestRun_DrivesAtMostSoManyAtOnce(t *testing.T) {
	awake(t, memory.New(), func(x *till, _ *witness) {
		ids := x.many(12)
		x.lost(ids...)
		var now, most atomic.Int32
		x.bank.enter = func(context.Context, wireCall) {
			n := now.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			time.Sleep(time.Second)
			now.Add(-1)
		}
		stop := x.running()
		time.Sleep(time.Minute)
		require.NoError(t, stop())
		assert.EqualValues(t, x.cfg.Concurrency, most.Load())
	})
}

func TestRun_ACallUnderWayMayEnd(t *testing.T) {
	awake(t, memory.New(), func(x *till, _ *witness) {
		ids := x.many(1)
		x.lost(ids...)
		x.bank.enter = func(context.Context, wireCall) { time.Sleep(8 * time.Second) }
		stop := x.running()
		time.Sleep(2 * time.Second)
		began := time.Now()
		require.NoError(t, stop())
		assert.Equal(t, 7*time.Second, time.Since(began))
		assert.Equal(t, order.Cancelled, x.status(ids[0]), "its answer is on record")
	})
}

func TestRun_ACallThatTakesTooLongIsCutShortAndOnRecord(t *testing.T) {
	awake(t, memory.New(), func(x *till, w *witness) {
		ids := x.many(1)
		x.lost(ids...)
		x.bank.enter = func(ctx context.Context, _ wireCall) { <-ctx.Done() }
		stop := x.running()
		time.Sleep(2 * time.Second)
		began := time.Now()
		require.NoError(t, stop())
		assert.Equal(t, tilltape.DefaultGrace, time.Since(began))
		o, err := x.orders.Get(x.ctx, ids[0])
		require.NoError(t, err)
		assert.Equal(t, order.Unresolved, o.Operation.Phase, "what came of it is on record")
		assert.EqualValues(t, 2, o.Operation.Attempt)
		assert.Empty(t, seen(w, &w.troubles))
	})
}

func TestRun_NothingIsClaimedOnceItIsStopped(t *testing.T) {
	awake(t, memory.New(), func(x *till, _ *witness) {
		ids := x.many(40)
		x.lost(ids...)
		x.bank.enter = func(context.Context, wireCall) { time.Sleep(time.Second) }
		stop := x.running()
		time.Sleep(1500 * time.Millisecond) // the first of them are asked about
		require.NoError(t, stop())
		assert.Equal(t, 40+x.cfg.Concurrency, x.bank.wired())
	})
}

func TestRun_EndsWithItsOrders(t *testing.T) {
	awake(t, memory.New(), func(x *till, _ *witness) {
		done := make(chan error, 1)
		go func() { done <- x.orders.Run(x.ctx) }()
		synctest.Wait()
		require.NoError(t, x.orders.Close())
		select {
		case err := <-done:
			require.ErrorIs(t, err, tilltape.ErrClosed)
			assert.Contains(t, err.Error(), "open the log again")
		default:
			t.Fatal("Close did not wait for it")
		}
		require.ErrorIs(t, x.orders.Run(x.ctx), tilltape.ErrClosed)
	})
}

func TestRun_IsGivenItsGraceByCloseToo(t *testing.T) {
	awake(t, memory.New(), func(x *till, _ *witness) {
		ids := x.many(1)
		x.lost(ids...)
		x.bank.enter = func(context.Context, wireCall) { time.Sleep(8 * time.Second) }
		stop := x.running()
		time.Sleep(2 * time.Second)
		began := time.Now()
		require.NoError(t, x.orders.Close())
		assert.Equal(t, 7*time.Second, time.Since(began), "Close waits for the call under way")
		require.ErrorIs(t, stop(), tilltape.ErrClosed)
		assert.Equal(t, order.Cancelled, x.status(ids[0]), "its answer is on record")
	})
}

func TestRun_EndsWithItsLog(t *testing.T) {
	awake(t, memory.New(), func(x *till, _ *witness) {
		require.NoError(t, x.log.Close())
		err := x.orders.Run(x.ctx)
		require.ErrorIs(t, err, store.ErrClosed)
		assert.Contains(t, err.Error(), "open the log again")
	})
}

func TestRun_AnEndedContextIsNoError(t *testing.T) {
	awake(t, memory.New(), func(x *till, w *witness) {
		ctx, leave := context.WithTimeout(x.ctx, time.Second)
		defer leave()
		require.NoError(t, x.orders.Run(ctx))
		assert.Empty(t, seen(w, &w.troubles))
	})
}

// A log whose list fails is asked ever less often, somebody is told each time, and it works again soon after.
func TestRun_GoesOnWhenTheListFails(t *testing.T) {
	log := &flaky{Log: memory.New()}
	awake(t, log, func(x *till, w *witness) {
		ids := x.many(1)
		x.lost(ids...)
		var broken atomic.Bool
		var lists atomic.Int32
		broken.Store(true)
		log.heads = func() error {
			if lists.Add(1); broken.Load() {
				return errDisk
			}
			return nil
		}
		stop := x.running()
		time.Sleep(time.Minute)
		assert.InDelta(t, 18, lists.Load(), 3, "six pauses that grow, then one each five seconds")
		troubles := seen(w, &w.troubles)
		require.Len(t, troubles, int(lists.Load()))
		require.ErrorIs(t, troubles[0].Err, errDisk)
		assert.Empty(t, troubles[0].Order)
		assert.Equal(t, dawn().Add(100*time.Millisecond), troubles[0].Again)
		broken.Store(false)
		time.Sleep(tilltape.RunPauseMax)
		assert.Equal(t, order.Cancelled, x.status(ids[0]))
		require.NoError(t, stop())
	})
}

// One order that cannot be read must neither stop the others nor be tried without end.
func TestRun_AnOrderThatFailsRests(t *testing.T) {
	log := &unreadable{Log: memory.New()}
	awake(t, log, func(x *till, w *witness) {
		ids := x.many(2)
		x.lost(ids...)
		log.bad.Store(&ids[0])
		stop := x.running()
		time.Sleep(10 * time.Minute)
		assert.Equal(t, order.Cancelled, x.status(ids[1]))
		troubles := seen(w, &w.troubles)
		assert.InDelta(t, 15, len(troubles), 2, "after 1, 2, 4 … seconds, then each minute")
		for _, x := range troubles {
			assert.Equal(t, ids[0], x.Order)
			require.ErrorIs(t, x.Err, errDisk)
		}
		none := ""
		log.bad.Store(&none)
		time.Sleep(tilltape.RunRestMax)
		assert.Equal(t, order.Cancelled, x.status(ids[0]), "as soon as it can be read again")
		require.NoError(t, stop())
	})
}

// unreadable is a log with one stream that cannot be read; "*" is every stream.
type unreadable struct {
	store.Log
	bad   atomic.Pointer[string]
	reads atomic.Int32
}

func (u *unreadable) Read(ctx context.Context, s events.Stream, after uint64) iter.Seq2[events.Record, error] {
	u.reads.Add(1)
	if bad := u.bad.Load(); bad != nil && (*bad == s.ID || *bad == "*") {
		return func(yield func(events.Record, error) bool) { yield(events.Record{}, errDisk) }
	}
	return u.Log.Read(ctx, s, after)
}

// When everything fails it is the log, and a thousand due orders must not each fail in turn.
func TestRun_ALogThatFailsForEveryOrderIsLeftAlone(t *testing.T) {
	log := &unreadable{Log: memory.New()}
	awake(t, log, func(x *till, w *witness) {
		ids := x.many(200)
		x.lost(ids...)
		everything, nothing := "*", ""
		log.bad.Store(&everything)
		stop := x.running()
		time.Sleep(time.Minute)
		told := len(seen(w, &w.troubles))
		assert.Less(t, told, 150, "about as many as are driven at once, each pause")
		assert.Greater(t, told, 16)
		log.bad.Store(&nothing)
		time.Sleep(2 * tilltape.RunRestMax)
		for _, id := range ids {
			assert.Equal(t, order.Cancelled, x.status(id))
		}
		require.NoError(t, stop())
	})
}

// A head can say that an order is due whose facts say otherwise: it must not be read without end.
func TestRun_AnOrderThatIsDueInTheListOnlyRests(t *testing.T) {
	log := &unreadable{Log: memory.New()}
	awake(t, &stale{log}, func(x *till, w *witness) {
		x.many(1)
		log.reads.Store(0)
		stop := x.running()
		time.Sleep(10 * time.Minute)
		require.NoError(t, stop())
		assert.InDelta(t, 15, log.reads.Load(), 2)
		assert.Empty(t, seen(w, &w.calls))
	})
}

// stale is a log whose list says of every order that it is due.
type stale struct{ store.Log }

func (s *stale) Heads(ctx context.Context, _ store.Filter) iter.Seq2[store.Head, error] {
	return func(yield func(store.Head, error) bool) {
		for h, err := range s.Log.Heads(ctx, store.AllOrders()) {
			h.Due = dawn()
			if !yield(h, err) {
				return
			}
		}
	}
}

func TestRun_OnEveryStoreInRealTime(t *testing.T) {
	stores(t, func(t *testing.T, log store.Log) {
		x := newTill(t, log)
		x.bank.now, x.cfg.Now, x.cfg.Concurrency = time.Now, time.Now, 4
		x.cfg.Policy.Retries = []time.Duration{time.Second} // long enough that a busy machine does not ask again while the commands are given
		x.open(x.bank)
		ids := x.many(10)
		x.lost(ids...)
		ctx, leave := context.WithCancel(x.ctx)
		done := make(chan error, 1)
		go func() { done <- x.orders.Run(ctx) }()
		require.Eventually(t, func() bool {
			for _, id := range ids {
				if x.status(id) != order.Cancelled {
					return false
				}
			}
			return true
		}, 10*time.Second, 5*time.Millisecond)
		leave()
		require.NoError(t, <-done)
		assert.Equal(t, 20, x.bank.wired())
	})
}

func ExampleOrders_Run() {
	shop := openExampleShop(context.Background())
	defer func() { check(shop.Close()) }()
	ctx, stop := context.WithCancel(context.Background())

	done := make(chan error, 1)
	go func() { done <- shop.orders.Run(ctx) }() // beside the service's HTTP server

	stop() // on SIGTERM
	fmt.Println("settling ended:", <-done)
	// Output: settling ended: <nil>
}
