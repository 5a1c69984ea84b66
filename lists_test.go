package tilltape_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

// another places a further order, with its own payment.
func (x *till) another(id string) {
	x.t.Helper()
	c := placing(order.CaptureManual)
	c.Order, c.PaymentRequestID = id, "preq-"+id
	_, err := x.orders.Create(x.ctx, c)
	require.NoError(x.t, err)
	x.bank.buyerPays(c.PaymentRequestID, theAmount, true)
}

// unsettled leaves a cancel of that order without an outcome.
func (x *till) unsettled(id string) {
	x.t.Helper()
	x.bank.script = []fault{saysU}
	_, err := x.orders.Cancel(x.ctx, id, order.Cancel{})
	require.ErrorIs(x.t, err, tilltape.ErrUnresolved)
}

// given parks a capture of that order: APO says that it knows no such payment.
func (x *till) given(id string) {
	x.t.Helper()
	x.another(id)
	a := x.bank.find("preq-" + id)
	_, err := x.orders.Observe(x.ctx, paymentNotice(notice{Payment: a.id, PaymentRequest: a.request, Minor: a.minor, At: x.clock.now()}))
	require.NoError(x.t, err)
	accounts := x.bank.accounts
	x.bank.accounts = nil
	_, err = x.orders.Capture(x.ctx, id, order.Capture{Amount: usd(thePart)})
	require.ErrorIs(x.t, err, tilltape.ErrUnresolved)
	x.bank.accounts = accounts
}

// late lets money arrive on that order after its cancel.
func (x *till) late(id string) {
	x.t.Helper()
	a := x.bank.find("preq-" + id)
	_, err := x.orders.Cancel(x.ctx, id, order.Cancel{})
	require.NoError(x.t, err)
	_, err = x.orders.Observe(x.ctx, paymentNotice(notice{Payment: a.id, PaymentRequest: a.request, Minor: a.minor, At: x.clock.now()}))
	require.NoError(x.t, err)
}

// foreignCapture is of more than there is.
func foreignCapture(payment string) apo.Verified {
	return captureNotice(notice{Payment: payment, Transfer: "cap-of-somebody", Minor: theAmount + 1, At: dawn()})
}

// idsOf lists the orders of a sequence that must not fail.
func idsOf(t *testing.T, seq func(func(order.Order, error) bool)) (ids []string) {
	t.Helper()
	for o, err := range seq {
		require.NoError(t, err)
		ids = append(ids, o.ID)
	}
	return ids
}

func TestListsOfWhatStandsOpen(t *testing.T) {
	stores(t, func(t *testing.T, log store.Log) {
		x := newTill(t, log)
		assert.Empty(t, idsOf(t, x.orders.Anomalies(x.ctx)))
		assert.Empty(t, idsOf(t, x.orders.Outstanding(x.ctx)))

		x.place(order.CaptureManual) // nothing stands open in this one, ever
		x.another("z-late")
		x.late("z-late")
		x.clock.pass(time.Minute)
		x.another("y-late")
		x.late("y-late")
		x.given("y-parked")
		x.clock.pass(time.Minute)
		x.given("a-parked")
		x.another("u-1")
		x.unsettled("u-1")

		assert.Equal(t, []string{"z-late", "y-late"}, idsOf(t, x.orders.Anomalies(x.ctx)), "oldest first")
		assert.Equal(t, []string{"y-parked", "a-parked", "u-1"}, idsOf(t, x.orders.Outstanding(x.ctx)), "oldest first")

		for o, err := range x.orders.Anomalies(x.ctx) {
			require.NoError(t, err)
			assert.Equal(t, []events.AnomalyReason{events.LatePayment}, anomalies(o))
			_, err = x.orders.ClearAnomaly(x.ctx, o.ID, order.ClearAnomaly{Anomaly: o.Anomalies[0].Version, Reason: "case 4"})
			require.NoError(t, err, "the loop's body may give commands")
		}
		assert.Empty(t, idsOf(t, x.orders.Anomalies(x.ctx)))

		x.bank.script = nil
		x.settle(time.Hour)
		assert.Equal(t, []string{"y-parked", "a-parked"}, idsOf(t, x.orders.Outstanding(x.ctx)), "what is settled stands open no more")
	})
}

func TestAnAnomalyBesideAParkedOperationIsListedToo(t *testing.T) {
	x := newTill(t, memory.New())
	x.given(theOrder)
	o := x.observe(foreignCapture("pay-preq-o-1"))
	require.NotEmpty(t, o.Anomalies)
	require.Equal(t, []string{"parked", "anomaly"}, o.Head().Attention(), "the head tells of both")
	assert.Equal(t, []string{theOrder}, idsOf(t, x.orders.Anomalies(x.ctx)))
	assert.Equal(t, []string{theOrder}, idsOf(t, x.orders.Outstanding(x.ctx)))
}

func TestListsEndWithTheLogsError(t *testing.T) {
	log := &flaky{Log: memory.New()}
	x := newTill(t, log)
	x.given("o-1")
	x.given("o-2")
	x.observe(foreignCapture("pay-preq-o-1"))
	lists := map[string]func(context.Context) func(func(order.Order, error) bool){
		"anomalies":   func(ctx context.Context) func(func(order.Order, error) bool) { return x.orders.Anomalies(ctx) },
		"outstanding": func(ctx context.Context) func(func(order.Order, error) bool) { return x.orders.Outstanding(ctx) },
	}
	for name, list := range lists {
		t.Run(name, func(t *testing.T) {
			end := func(ctx context.Context) (got []error) {
				for _, err := range list(ctx) {
					got = append(got, err)
				}
				return got
			}
			log.heads = func() error { return errDisk }
			errs := end(x.ctx)
			require.Len(t, errs, 1)
			require.ErrorIs(t, errs[0], errDisk)
			assert.Contains(t, errs[0].Error(), "listing orders")
			log.heads, log.read = nil, func() error { return errDisk }
			errs = end(x.ctx)
			require.Len(t, errs, 1)
			require.ErrorIs(t, errs[0], errDisk)
			log.read = nil
			ended, leave := context.WithCancel(x.ctx)
			leave()
			errs = end(ended)
			require.Len(t, errs, 1)
			require.ErrorIs(t, errs[0], context.Canceled)
			for range list(x.ctx) {
				break // a caller that has seen enough is asked nothing more
			}
		})
	}
}

// An operation that is parked behind the place where the list is moves in every index, and must not fall between.
func TestWhatIsParkedWhileTheListRunsIsNotLeftOut(t *testing.T) {
	x := newTill(t, memory.New())
	ids := x.many(3)
	x.bank.deaf = true
	for _, id := range ids {
		x.clock.pass(time.Millisecond)
		x.lost(id)
	}
	var got []string
	for o, err := range x.orders.Outstanding(x.ctx) {
		require.NoError(t, err)
		if got = append(got, o.ID); len(got) > 1 {
			require.Equal(t, order.Parked, o.Operation.Phase)
			continue
		}
		for range roundsMax {
			x.bank.next(lostBefore, lostBefore, lostBefore)
			x.settle(24 * time.Hour)
		}
	}
	assert.Equal(t, ids, got)
}

// Ten thousand parked orders are a bad week, and no reason to need more memory than for one.
func TestTenThousandParkedOrdersAreListedInBoundedMemory(t *testing.T) {
	const count, writers, growthMax = 10_000, 64, 4 << 20
	stores(t, func(t *testing.T, log store.Log) {
		x := newTill(t, log)
		x.given(theOrder)
		var like []events.Record
		for r, err := range log.Read(x.ctx, events.OrderStream(theOrder), 0) {
			require.NoError(t, err)
			like = append(like, r)
		}
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for i := w; i < count-1; i += writers {
					id := fmt.Sprintf("p-%05d", i)
					assert.NoError(t, copyOrder(x.ctx, log, id, like, time.Duration(i*7919%count)*time.Second))
				}
			})
		}
		wg.Wait()
		x.clock.pass(count * time.Second)

		var heaps []uint64
		n, last := 0, time.Time{}
		for o, err := range x.orders.Outstanding(x.ctx) {
			require.NoError(t, err)
			require.Equal(t, order.Parked, o.Operation.Phase)
			require.False(t, o.Operation.Since.Before(last), "oldest first")
			last = o.Operation.Since
			if n++; n%2000 == 0 {
				heaps = append(heaps, heapInUse())
			}
		}
		assert.Equal(t, count, n)
		assert.Less(t, slices.Max(heaps)-slices.Min(heaps), uint64(growthMax))
	})
}

// copyOrder appends another order with the same history, so much later.
func copyOrder(ctx context.Context, log store.Log, id string, like []events.Record, later time.Duration) error {
	records := make([]events.Record, len(like))
	for i, r := range like {
		r.ID, r.Stream, r.Keys = fmt.Sprint(id, "-", i), events.Stream{}, nil
		r.Recorded = r.Recorded.Add(later)
		for _, since := range []*time.Time{&r.Head.OperationSince, &r.Head.ParkedSince} {
			if !since.IsZero() {
				*since = since.Add(later)
			}
		}
		records[i] = r
	}
	_, err := log.Append(ctx, events.OrderStream(id), 0, records...)
	return err
}

func heapInUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
