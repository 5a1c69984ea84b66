package tilltape_test

import (
	"context"
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
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

// refusals is what stands in an order's refusal stream once nobody writes to it anymore.
func (x *till) refusals(id string) []events.Record {
	x.t.Helper()
	var out []events.Record
	for r, err := range x.orders.Refusals(x.ctx, id) {
		require.NoError(x.t, err)
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
	stores(t, func(t *testing.T, log store.Log) {
		x := newTill(t, log)
		x.captured(thePart)
		version := x.get().Version
		x.clock.pass(time.Minute)
		_, err := x.orders.Cancel(x.ctx, theOrder, order.Cancel{ID: "c-1", Actor: "ada"})
		refused(t, err, order.ReasonCaptured)
		_, err = x.orders.Refund(x.ctx, theOrder, order.Refund{ID: "c-2", Amount: usd(theAmount)})
		refused(t, err, order.ReasonRemainder)
		require.NoError(t, x.orders.Close(), "Close waits until they are on record")

		got := x.refusals(theOrder)
		require.Len(t, got, 2)
		assert.Equal(t, []any{"c-1", "ada", events.CommandRefused{Command: "cancel", Reason: "captured", Remedy: "refund instead", Cause: 4, Count: 1}},
			[]any{got[0].CommandID, got[0].Actor, got[0].Event})
		assert.Equal(t, []any{"c-2", tilltape.DefaultActor, "remainder", usd(theAmount)}, []any{got[1].CommandID, got[1].Actor,
			got[1].Event.(events.CommandRefused).Reason, got[1].Event.(events.CommandRefused).Amount})
		assert.Equal(t, []time.Time{x.clock.now(), x.clock.now()}, []time.Time{got[0].Occurred, got[0].Recorded})
		assert.Equal(t, version, x.get().Version, "the order's own stream is as it was")
		replayed, err := audit.Replay(x.ctx, x.log, nil)
		require.NoError(t, err)
		assert.EqualValues(t, 2, replayed.Refusals, "the auditor takes them")
	})
}

func TestRefusals_OfWhatIsMalformedOrUnknownThereAreNone(t *testing.T) {
	x := newTill(t, memory.New())
	x.place(order.CaptureManual)
	_, err := x.orders.Cancel(x.ctx, "o-guessed", order.Cancel{})
	require.Error(t, err)
	_, err = x.orders.Cancel(x.ctx, theOrder, order.Cancel{Reason: strings.Repeat("x", events.TextMax+1)})
	require.ErrorIs(t, err, order.ErrInvalid)
	_, err = x.orders.Cancel(x.ctx, "no\nid", order.Cancel{})
	require.ErrorIs(t, err, order.ErrInvalid)
	for _, amount := range []order.Money{usd(0), usd(-1), {Minor: 1, Currency: "XXQ"}, {}} {
		_, err = x.orders.Capture(x.ctx, theOrder, order.Capture{Amount: amount})
		require.ErrorIs(t, err, order.ErrRejected)
		_, err = x.orders.Refund(x.ctx, theOrder, order.Refund{Amount: amount})
		require.ErrorIs(t, err, order.ErrRejected)
	}
	require.NoError(t, x.orders.Close())
	for _, id := range []string{theOrder, "o-guessed"} {
		assert.Empty(t, x.refusals(id))
	}
}

// Placing an id again with other content is somebody's mistake worth knowing of.
func TestRefusals_OfAnOrderPlacedTwice(t *testing.T) {
	x := newTill(t, memory.New())
	x.place(order.CaptureManual)
	c := placing(order.CaptureManual)
	c.Amount = usd(theAmount + 1)
	_, err := x.orders.Create(x.ctx, c)
	refused(t, err, order.ReasonExists)
	require.NoError(t, x.orders.Close())
	require.Len(t, x.refusals(theOrder), 1)
	assert.Equal(t, "create", x.refusals(theOrder)[0].Event.(events.CommandRefused).Command)
}

func TestRefusals_AFloodFillsNoLog(t *testing.T) {
	x := newTill(t, memory.New())
	x.captured(theAmount)
	const flood = 10 * order.RefusalsMax
	refuse := func(times int) {
		for range times {
			_, err := x.cancel()
			refused(t, err, order.ReasonCaptured)
		}
	}
	refuse(flood / 2)
	x.quiet()
	refuse(flood / 2)
	x.quiet()
	assert.Len(t, x.refusals(theOrder), order.RefusalsMax)
	x.clock.pass(order.RefusalEvery)
	refuse(1)
	x.quiet()
	got := x.refusals(theOrder)
	require.Len(t, got, order.RefusalsMax+1)
	assert.EqualValues(t, flood+1, counts(got), "the one a day stands for all since")

	require.NoError(t, x.orders.Close())
	x.open(x.bank) // a restart reads the budget from the log
	refuse(1)
	require.NoError(t, x.orders.Close())
	assert.Len(t, x.refusals(theOrder), order.RefusalsMax+1)
}

// quiet waits until what was refused so far is on record or given up: a marker that is refused afterwards stands behind it.
func (x *till) quiet() {
	x.t.Helper()
	id := x.ids.next()
	c := placing(order.CaptureManual)
	c.Order, c.PaymentRequestID = id, "preq-"+id
	_, err := x.orders.Create(x.ctx, c)
	require.NoError(x.t, err)
	_, err = x.orders.Capture(x.ctx, id, order.Capture{Amount: usd(1)})
	require.ErrorIs(x.t, err, order.ErrRejected)
	require.Eventually(x.t, func() bool { return len(x.refusals(id)) == 1 }, 10*time.Second, time.Millisecond)
}

// Two Orders count on the same stream: neither loses what the other wrote.
func TestRefusals_OfTwoOrdersOnOneLog(t *testing.T) {
	stores(t, func(t *testing.T, log store.Log) {
		x := newTill(t, log)
		x.captured(theAmount)
		first := x.orders
		x.open(x.bank)
		var wg sync.WaitGroup
		for _, o := range []*tilltape.Orders{first, x.orders} {
			wg.Go(func() {
				for range order.RefusalsMax / 4 {
					_, err := o.Cancel(x.ctx, theOrder, order.Cancel{})
					assert.ErrorIs(t, err, order.ErrRejected)
				}
				assert.NoError(t, o.Close())
			})
		}
		wg.Wait()
		got := x.refusals(theOrder)
		assert.LessOrEqual(t, len(got), order.RefusalsMax/2)
		assert.Greater(t, len(got), order.RefusalsMax/4)
		_, err := audit.Replay(x.ctx, x.log, nil)
		require.NoError(t, err)
	})
}

// The answer does not wait for the record of it, whatever the log does.
func TestRefusals_NeverDelayTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &hanging{Log: memory.New()}
		x := newTill(t, log)
		x.cfg.Now = time.Now
		x.open(x.bank)
		x.captured(theAmount)
		log.hangs.Store(true)
		began := time.Now()
		for range 5000 { // more than may wait
			_, err := x.cancel()
			require.ErrorIs(t, err, order.ErrRejected)
		}
		assert.Zero(t, time.Since(began))
		require.NoError(t, x.orders.Close())
		assert.LessOrEqual(t, time.Since(began), 2*tilltape.DefaultRecordTimeout, "nor does Close wait long")
		assert.Empty(t, x.refusals(theOrder))
	})
}

// Memory is bounded too: what comes while very many wait is left out.
func TestRefusals_WhileTheLogHangsOnlySoManyWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const flood, waiting = 5000, 1024
		log := &hanging{Log: memory.New()}
		x := newTill(t, log)
		x.cfg.Now = time.Now
		x.open(x.bank)
		x.captured(theAmount)
		refuse := func(times int) {
			for range times {
				_, err := x.cancel()
				require.ErrorIs(t, err, order.ErrRejected)
			}
		}
		log.hangs.Store(true)
		refuse(1)
		synctest.Wait() // the first of them is under way
		refuse(flood)
		log.hangs.Store(false)
		time.Sleep(order.RefusalEvery + time.Minute)
		refuse(1)
		require.NoError(t, x.orders.Close())
		assert.EqualValues(t, 1+waiting+1, counts(x.refusals(theOrder)))
	})
}

// What a log did not take stands in the count of the next one that it takes.
func TestRefusals_ALogThatFailsLosesNoCount(t *testing.T) {
	log := &flaky{Log: memory.New(), append: on(events.KindCommandRefused, appendFails, 3)}
	x := newTill(t, log)
	x.captured(theAmount)
	for range 4 {
		_, err := x.cancel()
		require.ErrorIs(t, err, order.ErrRejected)
	}
	require.NoError(t, x.orders.Close())
	got := x.refusals(theOrder)
	require.Len(t, got, 1)
	assert.EqualValues(t, 4, counts(got))
}

// An append whose answer is lost is found by the next one, which comes too late at its version.
func TestRefusals_AnAppendWhoseAnswerIsLost(t *testing.T) {
	log := &flaky{Log: memory.New(), append: on(events.KindCommandRefused, appendAnswers, 1)}
	x := newTill(t, log)
	x.captured(theAmount)
	for range 2 {
		_, err := x.cancel()
		require.ErrorIs(t, err, order.ErrRejected)
	}
	require.NoError(t, x.orders.Close())
	got := x.refusals(theOrder)
	require.Len(t, got, 2)
	assert.EqualValues(t, 2, counts(got))
}

func TestRefusals_OfMoreOrdersThanAreRemembered(t *testing.T) {
	const count = 1100
	x := newTill(t, memory.New())
	for round := range 2 {
		for i := range count {
			c := placing(order.CaptureManual)
			c.Order, c.PaymentRequestID = fmt.Sprint("o-", i), fmt.Sprint("preq-", i)
			_, err := x.orders.Create(x.ctx, c)
			require.NoError(t, err)
			_, err = x.orders.Refund(x.ctx, c.Order, order.Refund{Amount: usd(1)})
			require.ErrorIs(t, err, order.ErrRejected)
			if i%512 == 0 {
				x.quiet() // so that the queue does not overflow
			}
		}
		x.quiet()
		for i := range count {
			require.Len(t, x.refusals(fmt.Sprint("o-", i)), round+1)
		}
	}
}

func ExampleOrders_Refusals() {
	ctx := context.Background()
	shop := openExampleShop(ctx)
	must(shop.orders.Capture(ctx, "o-1", order.Capture{Amount: order.Money{Minor: 1000, Currency: "USD"}}))
	_, err := shop.orders.Cancel(ctx, "o-1", order.Cancel{Actor: "alice"})
	fmt.Println(err != nil)
	check(shop.orders.Close())
	for r, err := range shop.orders.Refusals(ctx, "o-1") {
		check(err)
		refused := r.Event.(events.CommandRefused)
		fmt.Printf("%s: %s refused, %s; %s\n", r.Actor, refused.Command, refused.Reason, refused.Remedy)
	}
	check(shop.Close())
	// Output:
	// true
	// alice: cancel refused, captured; refund instead
}
