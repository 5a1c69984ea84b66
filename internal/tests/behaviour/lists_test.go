package behaviour_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

// another places a further order, with its own payment.
func another(x *tilltest.Till, id string) {
	x.T.Helper()
	c := tilltest.Placing(order.CaptureManual)
	c.OrderID, c.PaymentRequestID = id, "preq-"+id
	_, err := x.Orders.Create(x.Ctx, c)
	require.NoError(x.T, err)
	x.Bank.BuyerPays(c.PaymentRequestID, tilltest.TheAmount, true)
}

// unsettled leaves a cancel of that order without an outcome.
func unsettled(x *tilltest.Till, id string) {
	x.T.Helper()
	x.Bank.Script = []tilltest.Fault{tilltest.SaysU}
	_, err := x.Orders.Cancel(x.Ctx, id, order.Cancel{})
	require.ErrorIs(x.T, err, tilltape.ErrUnresolved)
}

// given parks a capture of that order: APO says that it knows no such payment.
func given(x *tilltest.Till, id string) {
	x.T.Helper()
	another(x, id)
	a := x.Bank.Find("preq-" + id)
	_, err := x.Orders.Observe(x.Ctx,
		tilltest.PaymentNotice(tilltest.Notice{Payment: a.ID, PaymentRequest: a.Request, Minor: a.Minor, At: x.Clock.Now()}))
	require.NoError(x.T, err)
	accounts := x.Bank.Accounts
	x.Bank.Accounts = nil
	_, err = x.Orders.Capture(x.Ctx, id, order.Capture{Amount: tilltest.USD(tilltest.ThePart)})
	require.ErrorIs(x.T, err, tilltape.ErrUnresolved)
	x.Bank.Accounts = accounts
}

// late lets money arrive on that order after its cancel.
func late(x *tilltest.Till, id string) {
	x.T.Helper()
	a := x.Bank.Find("preq-" + id)
	_, err := x.Orders.Cancel(x.Ctx, id, order.Cancel{})
	require.NoError(x.T, err)
	_, err = x.Orders.Observe(x.Ctx,
		tilltest.PaymentNotice(tilltest.Notice{Payment: a.ID, PaymentRequest: a.Request, Minor: a.Minor, At: x.Clock.Now()}))
	require.NoError(x.T, err)
}

// foreignCapture is of more than there is.
func foreignCapture(payment string) apo.Verified {
	return tilltest.CaptureNotice(tilltest.Notice{Payment: payment, Transfer: "cap-of-somebody",
		Minor: tilltest.TheAmount + 1, At: tilltest.Dawn()})
}

func TestListsOfWhatStandsOpen(t *testing.T) {
	tilltest.Stores(t, func(t *testing.T, log store.Log) {
		x := tilltest.NewTill(t, log)
		assert.Empty(t, tilltest.IDsOf(t, x.Orders.Anomalies(x.Ctx)))
		assert.Empty(t, tilltest.IDsOf(t, x.Orders.Outstanding(x.Ctx)))

		x.Place(order.CaptureManual) // nothing stands open in this one, ever
		another(x, "z-late")
		late(x, "z-late")
		x.Clock.Pass(time.Minute)
		another(x, "y-late")
		late(x, "y-late")
		given(x, "y-parked")
		x.Clock.Pass(time.Minute)
		given(x, "a-parked")
		another(x, "u-1")
		unsettled(x, "u-1")

		assert.Equal(t, []string{"z-late", "y-late"}, tilltest.IDsOf(t, x.Orders.Anomalies(x.Ctx)), "oldest first")
		assert.Equal(t, []string{"y-parked", "a-parked", "u-1"}, tilltest.IDsOf(t, x.Orders.Outstanding(x.Ctx)),
			"oldest first")

		for o, err := range x.Orders.Anomalies(x.Ctx) {
			require.NoError(t, err)
			assert.Equal(t, []events.AnomalyReason{events.LatePayment}, tilltest.Anomalies(o))
			_, err = x.Orders.ClearAnomaly(x.Ctx, o.ID, order.ClearAnomaly{Anomaly: o.Anomalies[0].Version, Reason: "case 4"})
			require.NoError(t, err, "the loop's body may give commands")
		}
		assert.Empty(t, tilltest.IDsOf(t, x.Orders.Anomalies(x.Ctx)))

		x.Bank.Script = nil
		x.Settle(time.Hour)
		assert.Equal(t, []string{"y-parked", "a-parked"}, tilltest.IDsOf(t, x.Orders.Outstanding(x.Ctx)),
			"what is settled stands open no more")
	})
}

func TestAnAnomalyBesideAParkedOperationIsListedToo(t *testing.T) {
	x := tilltest.NewTill(t, memory.New())
	given(x, tilltest.TheOrder)
	o := x.Observe(foreignCapture("pay-preq-o-1"))
	require.NotEmpty(t, o.Anomalies)
	require.Equal(t, []string{"parked", "anomaly"}, o.Head().Attention(), "the head tells of both")
	assert.Equal(t, []string{tilltest.TheOrder}, tilltest.IDsOf(t, x.Orders.Anomalies(x.Ctx)))
	assert.Equal(t, []string{tilltest.TheOrder}, tilltest.IDsOf(t, x.Orders.Outstanding(x.Ctx)))
}

func TestListsEndWithTheLogsError(t *testing.T) {
	log := &tilltest.Flaky{Log: memory.New()}
	x := tilltest.NewTill(t, log)
	given(x, "o-1")
	given(x, "o-2")
	x.Observe(foreignCapture("pay-preq-o-1"))
	lists := map[string]func(context.Context) func(func(order.Order, error) bool){
		"anomalies":   func(ctx context.Context) func(func(order.Order, error) bool) { return x.Orders.Anomalies(ctx) },
		"outstanding": func(ctx context.Context) func(func(order.Order, error) bool) { return x.Orders.Outstanding(ctx) },
	}
	for name, list := range lists {
		t.Run(name, func(t *testing.T) {
			end := func(ctx context.Context) (got []error) {
				for _, err := range list(ctx) {
					got = append(got, err)
				}
				return got
			}
			log.OnHeads = func() error { return tilltest.ErrDisk }
			errs := end(x.Ctx)
			require.Len(t, errs, 1)
			require.ErrorIs(t, errs[0], tilltest.ErrDisk)
			assert.Contains(t, errs[0].Error(), "listing orders")
			log.OnHeads, log.OnRead = nil, func() error { return tilltest.ErrDisk }
			errs = end(x.Ctx)
			require.Len(t, errs, 1)
			require.ErrorIs(t, errs[0], tilltest.ErrDisk)
			log.OnRead = nil
			ended, leave := context.WithCancel(x.Ctx)
			leave()
			errs = end(ended)
			require.Len(t, errs, 1)
			require.ErrorIs(t, errs[0], context.Canceled)
			for range list(x.Ctx) {
				break // a caller that has seen enough is asked nothing more
			}
		})
	}
}

// An operation that is parked at a place the list has passed moves in every index, and must not fall between.
func TestWhatIsParkedWhileTheListRunsIsNotLeftOut(t *testing.T) {
	x := tilltest.NewTill(t, memory.New())
	ids := x.Many(3)
	x.Bank.Deaf = true
	for _, id := range ids {
		x.Clock.Pass(time.Millisecond)
		x.Lost(id)
	}
	var got []string
	for o, err := range x.Orders.Outstanding(x.Ctx) {
		require.NoError(t, err)
		if got = append(got, o.ID); len(got) > 1 {
			require.Equal(t, order.Parked, o.Operation.Phase)
			continue
		}
		for range tilltest.RoundsMax {
			x.Bank.Next(tilltest.LostBefore, tilltest.LostBefore, tilltest.LostBefore)
			x.Settle(24 * time.Hour)
		}
	}
	assert.Equal(t, ids, got)
}

// Ten thousand parked orders are a bad week, and no reason to need more memory than for one.
func TestTenThousandParkedOrdersAreListedInBoundedMemory(t *testing.T) {
	const writers, growthMax = 64, 4 << 20
	count := long.Rounds(10_000, 2_000)
	tilltest.Stores(t, func(t *testing.T, log store.Log) {
		x := tilltest.NewTill(t, log)
		given(x, tilltest.TheOrder)
		like := x.History()
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for i := w; i < count-1; i += writers {
					id := fmt.Sprintf("p-%05d", i)
					assert.NoError(t, tilltest.CopyOrder(x.Ctx, log, id, like, time.Duration(i*7919%count)*time.Second))
				}
			})
		}
		wg.Wait()
		x.Clock.Pass(time.Duration(count) * time.Second)

		var heaps []uint64
		n, last := 0, time.Time{}
		for o, err := range x.Orders.Outstanding(x.Ctx) {
			require.NoError(t, err)
			require.Equal(t, order.Parked, o.Operation.Phase)
			require.False(t, o.Operation.Since.Before(last), "oldest first")
			last = o.Operation.Since
			if n++; n%2000 == 0 {
				heaps = append(heaps, tilltest.HeapInUse())
			}
		}
		assert.Equal(t, count, n)
		assert.Less(t, slices.Max(heaps)-slices.Min(heaps), uint64(growthMax))
	})
}
