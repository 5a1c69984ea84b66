package behaviour_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

// refusals is what stands in an order's refusal stream once nobody writes to it anymore.
func refusals(x *tilltest.Till, id string) []events.Record {
	x.T.Helper()
	var out []events.Record
	for r, err := range x.Orders.Refusals(x.Ctx, id) {
		require.NoError(x.T, err)
		out = append(out, r)
	}
	return out
}

// counts is how many refusals those records stand for.
func counts(records []events.Record) (total uint64) {
	for _, r := range records {
		total += r.Event.(events.CommandRefused).Count
	}
	return total
}

func TestRefusals_SayWhoWhatAndWhy(t *testing.T) {
	tilltest.Stores(t, func(t *testing.T, log store.Log) {
		x := tilltest.NewTill(t, log)
		x.Captured(tilltest.ThePart)
		version := x.Get().Version
		x.Clock.Pass(time.Minute)
		_, err := x.Orders.Cancel(x.Ctx, tilltest.TheOrder, order.Cancel{CommandID: "c-1", Actor: "ada"})
		tilltest.Rejected(t, err, order.ReasonCaptured)
		_, err = x.Orders.Refund(x.Ctx, tilltest.TheOrder, order.Refund{CommandID: "c-2",
			Amount: tilltest.USD(tilltest.TheAmount)})
		tilltest.Rejected(t, err, order.ReasonRemainder)
		require.NoError(t, x.Orders.Close(), "Close waits until they are on record")

		got := refusals(x, tilltest.TheOrder)
		require.Len(t, got, 2)
		assert.Equal(t, []any{"c-1", "ada",
			events.CommandRefused{Command: "cancel", Reason: "captured", Cause: 4,
				Remedy: "give up what is still held with a last capture of zero, then refund", Count: 1}},
			[]any{got[0].CommandID, got[0].Actor, got[0].Event})
		assert.Equal(t, []any{"c-2", tilltape.DefaultActor, "remainder", tilltest.USD(tilltest.TheAmount)},
			[]any{got[1].CommandID, got[1].Actor,
				got[1].Event.(events.CommandRefused).Reason, got[1].Event.(events.CommandRefused).Amount})
		assert.Equal(t, []time.Time{x.Clock.Now(), x.Clock.Now()}, []time.Time{got[0].Occurred, got[0].Recorded})
		assert.Equal(t, version, x.Get().Version, "the order's own stream is as it was")
		replayed, err := audit.Replay(x.Ctx, x.Log, nil)
		require.NoError(t, err)
		assert.EqualValues(t, 2, replayed.Refusals, "the auditor takes them")
	})
}

func TestRefusals_OfWhatIsMalformedOrUnknownThereAreNone(t *testing.T) {
	x := tilltest.NewTill(t, memory.New())
	x.Place(order.CaptureManual)
	_, err := x.Orders.Cancel(x.Ctx, "o-guessed", order.Cancel{})
	require.Error(t, err)
	_, err = x.Orders.Cancel(x.Ctx, tilltest.TheOrder, order.Cancel{Reason: strings.Repeat("x", events.TextMax+1)})
	require.ErrorIs(t, err, order.ErrInvalid)
	_, err = x.Orders.Cancel(x.Ctx, "no\nid", order.Cancel{})
	require.ErrorIs(t, err, order.ErrInvalid)
	for _, amount := range []order.Money{tilltest.USD(0), tilltest.USD(-1), {Minor: 1, Currency: "XXQ"}, {}} {
		_, err = x.Orders.Capture(x.Ctx, tilltest.TheOrder, order.Capture{Amount: amount})
		require.ErrorIs(t, err, order.ErrRejected)
		_, err = x.Orders.Refund(x.Ctx, tilltest.TheOrder, order.Refund{Amount: amount})
		require.ErrorIs(t, err, order.ErrRejected)
	}
	require.NoError(t, x.Orders.Close())
	for _, id := range []string{tilltest.TheOrder, "o-guessed"} {
		assert.Empty(t, refusals(x, id))
	}
}

// Placing an id again with other content is somebody's mistake worth knowing of.
func TestRefusals_OfAnOrderPlacedTwice(t *testing.T) {
	x := tilltest.NewTill(t, memory.New())
	x.Place(order.CaptureManual)
	c := tilltest.Placing(order.CaptureManual)
	c.Amount = tilltest.USD(tilltest.TheAmount + 1)
	_, err := x.Orders.Create(x.Ctx, c)
	tilltest.Rejected(t, err, order.ReasonExists)
	require.NoError(t, x.Orders.Close())
	require.Len(t, refusals(x, tilltest.TheOrder), 1)
	assert.Equal(t, "create", refusals(x, tilltest.TheOrder)[0].Event.(events.CommandRefused).Command)
}

func TestRefusals_AFloodFillsNoLog(t *testing.T) {
	x := tilltest.NewTill(t, memory.New())
	x.Captured(tilltest.TheAmount)
	const flood = 10 * order.RefusalsMax
	refuse := func(times int) {
		for range times {
			_, err := x.Cancel()
			tilltest.Rejected(t, err, order.ReasonCaptured)
		}
	}
	refuse(flood / 2)
	quiet(x)
	refuse(flood / 2)
	quiet(x)
	assert.Len(t, refusals(x, tilltest.TheOrder), order.RefusalsMax)
	x.Clock.Pass(order.RefusalEvery)
	refuse(1)
	quiet(x)
	got := refusals(x, tilltest.TheOrder)
	require.Len(t, got, order.RefusalsMax+1)
	assert.EqualValues(t, flood+1, counts(got), "the one a day stands for all since")

	require.NoError(t, x.Orders.Close())
	x.Open(x.Bank) // a restart reads the budget from the log
	refuse(1)
	require.NoError(t, x.Orders.Close())
	assert.Len(t, refusals(x, tilltest.TheOrder), order.RefusalsMax+1)
}

// quiet waits until what was refused so far is on record or given up: a marker that is refused afterwards comes after
// it.
func quiet(x *tilltest.Till) {
	x.T.Helper()
	id := x.IDs.Next()
	c := tilltest.Placing(order.CaptureManual)
	c.OrderID, c.PaymentRequestID = id, "preq-"+id
	_, err := x.Orders.Create(x.Ctx, c)
	require.NoError(x.T, err)
	_, err = x.Orders.Capture(x.Ctx, id, order.Capture{Amount: tilltest.USD(1)})
	require.ErrorIs(x.T, err, order.ErrRejected)
	require.Eventually(x.T, func() bool { return len(refusals(x, id)) == 1 }, 10*time.Second, time.Millisecond)
}

// Two Orders count on the same stream: neither loses what the other wrote.
func TestRefusals_OfTwoOrdersOnOneLog(t *testing.T) {
	tilltest.Stores(t, func(t *testing.T, log store.Log) {
		x := tilltest.NewTill(t, log)
		x.Captured(tilltest.TheAmount)
		first := x.Orders
		x.Open(x.Bank)
		var wg sync.WaitGroup
		for _, o := range []*tilltape.Orders{first, x.Orders} {
			wg.Go(func() {
				for range order.RefusalsMax / 4 {
					_, err := o.Cancel(x.Ctx, tilltest.TheOrder, order.Cancel{})
					assert.ErrorIs(t, err, order.ErrRejected)
				}
				assert.NoError(t, o.Close())
			})
		}
		wg.Wait()
		got := refusals(x, tilltest.TheOrder)
		assert.LessOrEqual(t, len(got), order.RefusalsMax/2)
		assert.Greater(t, len(got), order.RefusalsMax/4)
		_, err := audit.Replay(x.Ctx, x.Log, nil)
		require.NoError(t, err)
	})
}

// The answer does not wait for the record of it, whatever the log does.
func TestRefusals_NeverDelayTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &tilltest.Hanging{Log: memory.New()}
		x := tilltest.NewTill(t, log)
		x.Config.Now = time.Now
		x.Open(x.Bank)
		x.Captured(tilltest.TheAmount)
		log.Hangs.Store(true)
		began := time.Now()
		for range 5000 { // more than may wait
			_, err := x.Cancel()
			require.ErrorIs(t, err, order.ErrRejected)
		}
		assert.Zero(t, time.Since(began))
		require.NoError(t, x.Orders.Close())
		assert.LessOrEqual(t, time.Since(began), 2*tilltape.DefaultRecordTimeout, "nor does Close wait long")
		assert.Empty(t, refusals(x, tilltest.TheOrder))
	})
}

// Memory is bounded too: what comes while very many wait is left out.
func TestRefusals_WhileTheLogHangsOnlySoManyWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const flood, waiting = 5000, 1024
		log := &tilltest.Hanging{Log: memory.New()}
		x := tilltest.NewTill(t, log)
		x.Config.Now = time.Now
		x.Open(x.Bank)
		x.Captured(tilltest.TheAmount)
		refuse := func(times int) {
			for range times {
				_, err := x.Cancel()
				require.ErrorIs(t, err, order.ErrRejected)
			}
		}
		log.Hangs.Store(true)
		refuse(1)
		synctest.Wait() // the first of them is under way
		refuse(flood)
		log.Hangs.Store(false)
		time.Sleep(order.RefusalEvery + time.Minute)
		refuse(1)
		require.NoError(t, x.Orders.Close())
		assert.EqualValues(t, 1+waiting+1, counts(refusals(x, tilltest.TheOrder)))
	})
}

// What a log did not take stands in the count of the next one that it takes.
func TestRefusals_ALogThatFailsLosesNoCount(t *testing.T) {
	log := &tilltest.Flaky{Log: memory.New(), OnAppend: tilltest.On(events.KindCommandRefused, tilltest.AppendFails, 3)}
	x := tilltest.NewTill(t, log)
	x.Captured(tilltest.TheAmount)
	for range 4 {
		_, err := x.Cancel()
		require.ErrorIs(t, err, order.ErrRejected)
	}
	require.NoError(t, x.Orders.Close())
	got := refusals(x, tilltest.TheOrder)
	require.Len(t, got, 1)
	assert.EqualValues(t, 4, counts(got))
}

// An append whose answer is lost is found by the next one, which comes too late at its version.
func TestRefusals_AnAppendWhoseAnswerIsLost(t *testing.T) {
	log := &tilltest.Flaky{Log: memory.New(), OnAppend: tilltest.On(events.KindCommandRefused, tilltest.AppendAnswers, 1)}
	x := tilltest.NewTill(t, log)
	x.Captured(tilltest.TheAmount)
	for range 2 {
		_, err := x.Cancel()
		require.ErrorIs(t, err, order.ErrRejected)
	}
	require.NoError(t, x.Orders.Close())
	got := refusals(x, tilltest.TheOrder)
	require.Len(t, got, 2)
	assert.EqualValues(t, 2, counts(got))
}

func TestRefusals_OfMoreOrdersThanAreRemembered(t *testing.T) {
	const count = 1100
	x := tilltest.NewTill(t, memory.New())
	for round := range 2 {
		for i := range count {
			c := tilltest.Placing(order.CaptureManual)
			c.OrderID, c.PaymentRequestID = fmt.Sprint("o-", i), fmt.Sprint("preq-", i)
			_, err := x.Orders.Create(x.Ctx, c)
			require.NoError(t, err)
			_, err = x.Orders.Refund(x.Ctx, c.OrderID, order.Refund{Amount: tilltest.USD(1)})
			require.ErrorIs(t, err, order.ErrRejected)
			if i%512 == 0 {
				quiet(x) // so that the queue does not overflow
			}
		}
		quiet(x)
		for i := range count {
			require.Len(t, refusals(x, fmt.Sprint("o-", i)), round+1)
		}
	}
}
