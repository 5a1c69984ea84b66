package behaviour_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/engine"
	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

func TestFiftyParallelCancelsWithOneCommandIdMakeOneCall(t *testing.T) {
	tilltest.Stores(t, func(t *testing.T, log store.Log) {
		x := tilltest.NewTill(t, log)
		x.Place(order.CaptureManual)
		x.Paid()
		var wg sync.WaitGroup
		var failed atomic.Int32
		for range 50 {
			wg.Go(func() {
				result, err := x.Orders.Cancel(x.Ctx, tilltest.TheOrder, order.Cancel{CommandID: tilltest.CommandID})
				if err != nil || result.Order.Status != order.Cancelled {
					failed.Add(1)
				}
			})
		}
		wg.Wait()
		assert.Zero(t, failed.Load(), "all of them learn the one outcome")
		assert.Equal(t, 1, x.Bank.Touched())
		require.NoError(t, x.Lawful())
	})
}

// Two Orders on one store do not share what is under way: the log alone keeps them from both asking.
func TestTwoOrdersOnOneStoreMakeOneCall(t *testing.T) {
	x := tilltest.NewTill(t, memory.New())
	x.Place(order.CaptureManual)
	x.Paid()
	first := x.Orders
	x.Open(x.Bank)
	release, done := x.CancelUnderWay(first)
	_, err := x.Orders.Cancel(x.Ctx, tilltest.TheOrder, order.Cancel{CommandID: tilltest.CommandID})
	var unresolved *tilltape.UnresolvedError
	require.ErrorAs(t, err, &unresolved, "it joins the operation")
	assert.Equal(t, order.Requested, unresolved.Phase)
	_, err = x.Orders.Cancel(x.Ctx, tilltest.TheOrder, order.Cancel{CommandID: "another"})
	tilltest.Rejected(t, err, order.ReasonCancelling)
	release()
	require.NoError(t, <-done)
	_, err = x.Orders.Cancel(x.Ctx, tilltest.TheOrder, order.Cancel{CommandID: tilltest.CommandID})
	require.NoError(t, err, "now its outcome is on record")
	assert.Equal(t, 1, x.Bank.Touched())
}

func TestCancelAndCaptureTogetherOneWins(t *testing.T) {
	rounds := long.Walk(1000, 40)
	tilltest.Stores(t, func(t *testing.T, log store.Log) {
		x := tilltest.NewTill(t, log)
		wins := map[order.Status]int{}
		for i := range rounds {
			id := fmt.Sprint("o-", i)
			c := tilltest.Placing(order.CaptureManual)
			c.OrderID, c.PaymentRequestID = id, "preq-"+id
			_, err := x.Orders.Create(x.Ctx, c)
			require.NoError(t, err)
			a := x.Bank.BuyerPays(c.PaymentRequestID, tilltest.TheAmount, true)
			x.Observe(tilltest.PaymentNotice(tilltest.Notice{Payment: a.ID, PaymentRequest: a.Request, Minor: tilltest.TheAmount,
				At: tilltest.Dawn()}))
			var errs [2]error
			var wg sync.WaitGroup
			wg.Go(func() { _, errs[0] = x.Orders.Cancel(x.Ctx, id, order.Cancel{}) })
			wg.Go(func() {
				_, errs[1] = x.Orders.Capture(x.Ctx, id, order.Capture{Amount: tilltest.USD(tilltest.TheAmount)})
			})
			wg.Wait()
			o, err := x.Orders.Get(x.Ctx, id)
			require.NoError(t, err)
			wins[o.Status]++
			require.Contains(t, []order.Status{order.Cancelled, order.Captured}, o.Status)
			won, lost := errs[0], errs[1]
			if o.Status == order.Captured {
				won, lost = lost, won
			}
			require.NoError(t, won)
			require.ErrorIs(t, lost, order.ErrRejected)
			require.False(t, a.Cancels > 0 && len(a.Captures) > 0, "the bank did both")
			require.Equal(t, 1, a.Cancels+len(a.Captures))
		}
		t.Log(wins)
		_, err := audit.Replay(x.Ctx, log, nil)
		require.NoError(t, err)
	})
}

func TestACallersEndedContextStillRecordsTheOutcome(t *testing.T) {
	x := tilltest.NewTill(t, memory.New())
	x.Place(order.CaptureManual)
	x.Paid()
	ctx, leave := context.WithCancel(x.Ctx)
	// the caller goes while APO works; its answer never arrives
	x.Bank.Enter = func(context.Context, tilltest.WireCall) { leave() }
	_, err := x.Orders.Cancel(ctx, tilltest.TheOrder, order.Cancel{CommandID: tilltest.CommandID})
	require.ErrorIs(t, err, tilltape.ErrUnresolved)
	assert.Equal(t, events.KindCancelUnresolved, x.Kinds()[len(x.Kinds())-1], "what came of it is on record")

	x.Bank.Enter = nil
	o := x.Exhaust(time.Hour)
	assert.Equal(t, order.Cancelled, o.Status)
	assert.Equal(t, 1, x.Bank.Accounts[0].Cancels)
}

func TestAnEndedContextSendsNothing(t *testing.T) {
	tilltest.Stores(t, func(t *testing.T, log store.Log) {
		x := tilltest.NewTill(t, log)
		x.Place(order.CaptureManual)
		x.Paid()
		version := x.Get().Version
		ctx, leave := context.WithCancel(x.Ctx)
		leave()
		_, err := x.Orders.Cancel(ctx, tilltest.TheOrder, order.Cancel{})
		require.ErrorIs(t, err, context.Canceled)
		assert.Zero(t, x.Bank.Touched())
		assert.Equal(t, version, x.Get().Version)
	})
}

func TestARefusedIntentSendsNothing(t *testing.T) {
	log := &tilltest.Flaky{Log: memory.New()}
	x := tilltest.NewTill(t, log)
	x.Place(order.CaptureManual)
	x.Paid()
	log.OnAppend = tilltest.On(events.KindCancelRequested, tilltest.AppendFails, -1)
	_, err := x.Cancel()
	require.ErrorIs(t, err, tilltest.ErrDisk)
	require.NotErrorIs(t, err, tilltape.ErrUnresolved)
	assert.Contains(t, err.Error(), tilltest.TheOrder)
	assert.Zero(t, x.Bank.Touched())
}

func TestALostAppendAnswerIsFoundByItsRecordIds(t *testing.T) {
	for _, kind := range []events.Kind{events.KindCancelRequested, events.KindCancelSucceeded} {
		t.Run(string(kind), func(t *testing.T) {
			log := &tilltest.Flaky{Log: memory.New()}
			x := tilltest.NewTill(t, log)
			x.Place(order.CaptureManual)
			x.Paid()
			log.OnAppend = tilltest.On(kind, tilltest.AppendAnswers, engine.AppendsMax-1)
			result, err := x.Cancel()
			require.NoError(t, err)
			assert.Equal(t, order.Cancelled, result.Order.Status)
			assert.Equal(t, 1, x.Bank.Wired())
			assert.Equal(t, []events.Kind{events.KindOrderCreated, events.KindPaymentAuthorized, events.KindCancelRequested,
				events.KindCancelSucceeded}, x.Kinds(), "nothing twice")
		})
	}
}

func TestAnIntentWhoseAnswerIsLostForGoodIsSettledLater(t *testing.T) {
	log := &tilltest.Flaky{Log: memory.New()}
	x := tilltest.NewTill(t, log)
	x.Place(order.CaptureManual)
	x.Paid()
	log.OnAppend = tilltest.On(events.KindCancelRequested, tilltest.AppendAnswers, -1)
	_, err := x.Cancel()
	require.ErrorIs(t, err, tilltest.ErrDisk)
	assert.Zero(t, x.Bank.Touched(), "not known to be durable, so not sent")
	log.OnAppend = nil
	o := x.Exhaust(time.Hour)
	assert.Equal(t, order.Cancelled, o.Status)
	assert.Equal(t, 1, x.Bank.Accounts[0].Cancels)
}

func TestAnOutcomeThatCannotBeRecordedIsUnresolvedAndFoundWithoutASecondEffect(t *testing.T) {
	for name, tt := range map[string]struct {
		kind    events.Kind
		command func(*tilltest.Till) error
		ends    func(*testing.T, *tilltest.Till, order.Order)
	}{
		"cancel": {events.KindCancelSucceeded, func(x *tilltest.Till) error { _, err := x.Cancel(); return err },
			func(t *testing.T, x *tilltest.Till, o order.Order) {
				assert.Equal(t, order.Cancelled, o.Status)
				assert.Equal(t, 1, x.Bank.Accounts[0].Cancels)
			}},
		"capture": {events.KindCaptureSucceeded,
			func(x *tilltest.Till) error { _, err := x.Capture(tilltest.ThePart); return err },
			func(t *testing.T, x *tilltest.Till, o order.Order) {
				assert.Equal(t, tilltest.ThePart, o.Captured)
				assert.Len(t, x.Bank.Accounts[0].Captures, 1)
			}},
	} {
		t.Run(name, func(t *testing.T) {
			log := &tilltest.Flaky{Log: memory.New()}
			x := tilltest.NewTill(t, log)
			x.Place(order.CaptureManual)
			x.Paid()
			log.OnAppend = tilltest.On(tt.kind, tilltest.AppendFails, -1)
			err := tt.command(x)
			var unresolved *tilltape.UnresolvedError
			require.ErrorAs(t, err, &unresolved)
			require.ErrorIs(t, err, tilltape.ErrUnresolved)
			require.ErrorIs(t, err, tilltest.ErrDisk)
			assert.Equal(t, x.Clock.Now().Add(order.DefaultLease), unresolved.AskAgain, "nobody asks before the lease ends")

			log.OnAppend = nil
			x.Settle(0)
			assert.Equal(t, 1, x.Bank.Wired(), "the lease holds")
			tt.ends(t, x, x.Exhaust(time.Hour))
			require.NoError(t, x.Honest())
			require.NoError(t, x.Lawful())
		})
	}
}

func TestContention(t *testing.T) {
	x := tilltest.NewTill(t, memory.New())
	x.Place(order.CaptureManual)
	x.Log = &contended{Log: x.Log}
	x.Open(x.Bank)
	_, err := x.Cancel()
	require.ErrorIs(t, err, tilltape.ErrContended)
	assert.Zero(t, x.Bank.Touched())
}

// contended is a log where somebody else is always faster.
type contended struct{ store.Log }

func (c *contended) Append(_ context.Context, s events.Stream, after uint64, _ ...events.Record) ([]events.Record,
	error) {
	return nil, &store.ConflictError{Stream: s, Want: after, Have: after + 1}
}

func TestStoreErrorsReachTheCaller(t *testing.T) {
	log := &tilltest.Flaky{Log: memory.New()}
	x := tilltest.NewTill(t, log)
	x.Place(order.CaptureManual)
	fails := func() error { return tilltest.ErrDisk }
	log.OnRead = fails
	_, err := x.Orders.Get(x.Ctx, tilltest.TheOrder)
	require.ErrorIs(t, err, tilltest.ErrDisk)
	_, err = x.Orders.Actions(x.Ctx, tilltest.TheOrder)
	require.ErrorIs(t, err, tilltest.ErrDisk)
	_, err = x.Cancel()
	require.ErrorIs(t, err, tilltest.ErrDisk)
	assert.Contains(t, err.Error(), tilltest.TheOrder)
	log.OnRead, log.OnLookup = nil, fails
	_, err = x.Orders.Observe(x.Ctx,
		tilltest.PaymentNotice(tilltest.Notice{PaymentRequest: tilltest.TheRequest, Minor: tilltest.TheAmount}))
	require.ErrorIs(t, err, tilltest.ErrDisk)
	require.NotErrorIs(t, err, order.ErrUnknownOrder)
	log.OnLookup, log.OnHeads = nil, fails
	_, err = x.Orders.SettleDue(x.Ctx)
	require.ErrorIs(t, err, tilltest.ErrDisk)
	assert.Zero(t, x.Bank.Touched())
}

func TestUnresolvedErrorSaysWhatHappensNext(t *testing.T) {
	at := tilltest.Dawn().Add(time.Second)
	for _, tt := range []struct {
		give tilltape.UnresolvedError
		want []string
	}{
		{tilltape.UnresolvedError{OrderID: "o-1", Command: order.VerbCancel, Phase: order.Unresolved, Attempts: 1,
			Code: "UNKNOWN_EXCEPTION", AskAgain: at},
			[]string{"order o-1: cancel", "1 attempt,", "APO said UNKNOWN_EXCEPTION",
				"APO is asked again at 2026-11-23T09:00:01Z", "another command id"}},
		{tilltape.UnresolvedError{OrderID: "o-1", Command: order.VerbRefund, Phase: order.Accepted, Attempts: 2,
			AskAgain: at}, []string{"accepted by APO, not final", "2026-11-23T09:00:01Z"}},
		{tilltape.UnresolvedError{OrderID: "o-1", Command: order.VerbCapture, Phase: order.Parked, Attempts: 3,
			Err: tilltest.ErrDisk}, []string{"contact APO support and resolve it", tilltest.ErrDisk.Error()}},
	} {
		for _, part := range tt.want {
			assert.Contains(t, tt.give.Error(), part)
		}
		assert.ErrorIs(t, &tt.give, tilltape.ErrUnresolved)
	}
}

func TestIdempotence(t *testing.T) {
	x := tilltest.NewTill(t, memory.New())
	x.Place(order.CaptureManual)
	x.Paid()
	capture := order.Capture{CommandID: tilltest.CommandID, Amount: tilltest.USD(tilltest.ThePart)}
	_, err := x.Orders.Capture(x.Ctx, tilltest.TheOrder, capture)
	require.NoError(t, err)
	calls := x.Bank.Touched()
	result, err := x.Orders.Capture(x.Ctx, tilltest.TheOrder, capture)
	require.NoError(t, err, "its recorded outcome")
	assert.Equal(t, tilltest.ThePart, result.Order.Captured)

	capture.Amount = tilltest.USD(tilltest.ThePart + 1)
	_, err = x.Orders.Capture(x.Ctx, tilltest.TheOrder, capture)
	require.ErrorIs(t, err, order.ErrIdempotencyMismatch)
	_, err = x.Orders.Cancel(x.Ctx, tilltest.TheOrder, order.Cancel{CommandID: tilltest.CommandID})
	require.ErrorIs(t, err, order.ErrIdempotencyMismatch)

	_, err = x.Orders.Cancel(x.Ctx, tilltest.TheOrder, order.Cancel{CommandID: "refused"})
	require.ErrorIs(t, err, order.ErrRejected)
	assert.Equal(t, order.OutcomeUnknown, x.Get().Command("refused").Outcome, "a refused command's id is not remembered")
	accepted, err := x.Orders.Refund(x.Ctx, tilltest.TheOrder, order.Refund{CommandID: "refused", Amount: tilltest.USD(1)})
	require.NoError(t, err, "so it may stand for another command")
	assert.Equal(t, tilltape.Accepted, accepted.Outcome)
	assert.Equal(t, calls+1, x.Bank.Wired())
}

func TestARepeatedCommandAsksAgainWhenItIsDue(t *testing.T) {
	x := tilltest.NewTill(t, memory.New())
	x.Place(order.CaptureManual)
	x.Paid()
	x.Bank.Next(tilltest.SaysU)
	c := order.Cancel{CommandID: tilltest.CommandID}
	_, err := x.Orders.Cancel(x.Ctx, tilltest.TheOrder, c)
	require.ErrorIs(t, err, tilltape.ErrUnresolved)
	_, err = x.Orders.Cancel(x.Ctx, tilltest.TheOrder, c)
	require.ErrorIs(t, err, tilltape.ErrUnresolved)
	assert.Equal(t, 1, x.Bank.Wired(), "not before its time")
	x.Clock.Pass(time.Second)
	_, err = x.Orders.Cancel(x.Ctx, tilltest.TheOrder, c)
	require.NoError(t, err)
	assert.Equal(t, 2, x.Bank.Wired())
}

func TestARepetitionThatStopsWaitingSaysWhy(t *testing.T) {
	x := tilltest.NewTill(t, memory.New())
	x.Place(order.CaptureManual)
	x.Paid()
	release, done := x.CancelUnderWay(x.Orders)
	ctx, leave := context.WithCancel(x.Ctx)
	leave()
	_, err := x.Orders.Cancel(ctx, tilltest.TheOrder, order.Cancel{CommandID: tilltest.CommandID})
	require.ErrorIs(t, err, context.Canceled)
	assert.Contains(t, err.Error(), tilltest.TheOrder)
	release()
	require.NoError(t, <-done)
	assert.Equal(t, 1, x.Bank.Touched())
}

// refusing is a gateway that refuses every cancel before sending it.
type refusing struct{ *tilltest.Bank }

func (refusing) Cancel(context.Context, apo.CancelRequest) apo.CancelAnswer {
	return apo.CancelAnswer{Answer: apo.Answer{Class: apo.NotSent, Err: apo.ErrInvalidRequest}}
}

func TestWhatWasNotSentIsCertainlyNotDone(t *testing.T) {
	x := tilltest.NewTill(t, memory.New())
	x.Place(order.CaptureManual)
	x.Paid()
	x.Open(refusing{x.Bank})
	_, err := x.Cancel()
	var failed *order.FailedError
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, "NOT_SENT", failed.Code)
	x.Open(x.Bank)
	result, err := x.Cancel()
	require.NoError(t, err, "under a new id it may be given again")
	assert.Equal(t, order.Cancelled, result.Order.Status)
}
