package tilltape_test

import (
	"context"
	"fmt"
	"strings"
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
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

func TestFiftyParallelCancelsWithOneCommandIdMakeOneCall(t *testing.T) {
	stores(t, func(t *testing.T, log store.Log) {
		x := newTill(t, log)
		x.place(order.CaptureManual)
		x.paid()
		var wg sync.WaitGroup
		var failed atomic.Int32
		for range 50 {
			wg.Go(func() {
				o, err := x.orders.Cancel(x.ctx, theOrder, order.Cancel{ID: commandID})
				if err != nil || o.Status != order.Cancelled {
					failed.Add(1)
				}
			})
		}
		wg.Wait()
		assert.Zero(t, failed.Load(), "all of them learn the one outcome")
		assert.Equal(t, 1, x.bank.touched())
		require.NoError(t, x.lawful())
	})
}

// Two Orders on one store do not share what is under way: the log alone keeps them from both asking.
func TestTwoOrdersOnOneStoreMakeOneCall(t *testing.T) {
	x := newTill(t, memory.New())
	x.place(order.CaptureManual)
	x.paid()
	first := x.orders
	x.open(x.bank)
	entered, release := make(chan struct{}), make(chan struct{})
	x.bank.enter = func(context.Context, wireCall) {
		close(entered)
		<-release
	}
	done := make(chan error, 1)
	go func() {
		_, err := first.Cancel(x.ctx, theOrder, order.Cancel{ID: commandID})
		done <- err
	}()
	<-entered
	_, err := x.orders.Cancel(x.ctx, theOrder, order.Cancel{ID: commandID})
	var unresolved *tilltape.UnresolvedError
	require.ErrorAs(t, err, &unresolved, "it joins the operation")
	assert.Equal(t, order.Requested, unresolved.Phase)
	_, err = x.orders.Cancel(x.ctx, theOrder, order.Cancel{ID: "another"})
	refused(t, err, order.ReasonCancelling)
	close(release)
	require.NoError(t, <-done)
	_, err = x.orders.Cancel(x.ctx, theOrder, order.Cancel{ID: commandID})
	require.NoError(t, err, "now its outcome is on record")
	assert.Equal(t, 1, x.bank.touched())
}

func TestCancelAndCaptureTogetherOneWins(t *testing.T) {
	rounds := 1000
	if raced {
		rounds = 100
	}
	stores(t, func(t *testing.T, log store.Log) {
		x := newTill(t, log)
		wins := map[order.Status]int{}
		for i := range rounds {
			id := fmt.Sprint("o-", i)
			c := placing(order.CaptureManual)
			c.Order, c.PaymentRequestID = id, "preq-"+id
			_, err := x.orders.Create(x.ctx, c)
			require.NoError(t, err)
			a := x.bank.buyerPays(c.PaymentRequestID, theAmount, true)
			x.observe(paymentNotice(notice{Payment: a.id, PaymentRequest: a.request, Minor: theAmount, At: dawn()}))
			var errs [2]error
			var wg sync.WaitGroup
			wg.Go(func() { _, errs[0] = x.orders.Cancel(x.ctx, id, order.Cancel{}) })
			wg.Go(func() { _, errs[1] = x.orders.Capture(x.ctx, id, order.Capture{Amount: usd(theAmount)}) })
			wg.Wait()
			o, err := x.orders.Get(x.ctx, id)
			require.NoError(t, err)
			wins[o.Status]++
			require.Contains(t, []order.Status{order.Cancelled, order.Captured}, o.Status)
			won, lost := errs[0], errs[1]
			if o.Status == order.Captured {
				won, lost = lost, won
			}
			require.NoError(t, won)
			require.ErrorIs(t, lost, order.ErrRejected)
			require.False(t, a.cancels > 0 && len(a.captures) > 0, "the bank did both")
			require.Equal(t, 1, a.cancels+len(a.captures))
		}
		t.Log(wins)
		_, err := audit.Replay(x.ctx, log, nil)
		require.NoError(t, err)
	})
}

func TestACallersEndedContextStillRecordsTheOutcome(t *testing.T) {
	x := newTill(t, memory.New())
	x.place(order.CaptureManual)
	x.paid()
	ctx, leave := context.WithCancel(x.ctx)
	x.bank.enter = func(context.Context, wireCall) { leave() } // the caller goes while APO works; its answer never arrives
	_, err := x.orders.Cancel(ctx, theOrder, order.Cancel{ID: commandID})
	require.ErrorIs(t, err, tilltape.ErrUnresolved)
	assert.Equal(t, events.KindCancelUnresolved, x.kinds()[len(x.kinds())-1], "what came of it is on record")

	x.bank.enter = nil
	o := x.exhaust(time.Hour)
	assert.Equal(t, order.Cancelled, o.Status)
	assert.Equal(t, 1, x.bank.accounts[0].cancels)
}

func TestAnEndedContextSendsNothing(t *testing.T) {
	stores(t, func(t *testing.T, log store.Log) {
		x := newTill(t, log)
		x.place(order.CaptureManual)
		x.paid()
		version := x.get().Version
		ctx, leave := context.WithCancel(x.ctx)
		leave()
		_, err := x.orders.Cancel(ctx, theOrder, order.Cancel{})
		require.ErrorIs(t, err, context.Canceled)
		assert.Zero(t, x.bank.touched())
		assert.Equal(t, version, x.get().Version)
	})
}

func TestARefusedIntentSendsNothing(t *testing.T) {
	log := &flaky{Log: memory.New()}
	x := newTill(t, log)
	x.place(order.CaptureManual)
	x.paid()
	log.append = on(events.KindCancelRequested, appendFails, -1)
	_, err := x.cancel()
	require.ErrorIs(t, err, errDisk)
	require.NotErrorIs(t, err, tilltape.ErrUnresolved)
	assert.Contains(t, err.Error(), theOrder)
	assert.Zero(t, x.bank.touched())
}

func TestALostAppendAnswerIsFoundByItsRecordIds(t *testing.T) {
	for _, kind := range []events.Kind{events.KindCancelRequested, events.KindCancelSucceeded} {
		t.Run(string(kind), func(t *testing.T) {
			log := &flaky{Log: memory.New()}
			x := newTill(t, log)
			x.place(order.CaptureManual)
			x.paid()
			log.append = on(kind, appendAnswers, engine.AppendsMax-1)
			o, err := x.cancel()
			require.NoError(t, err)
			assert.Equal(t, order.Cancelled, o.Status)
			assert.Equal(t, 1, x.bank.wired())
			assert.Equal(t, []events.Kind{events.KindOrderCreated, events.KindPaymentAuthorized, events.KindCancelRequested,
				events.KindCancelSucceeded}, x.kinds(), "nothing twice")
		})
	}
}

func TestAnIntentWhoseAnswerIsLostForGoodIsSettledLater(t *testing.T) {
	log := &flaky{Log: memory.New()}
	x := newTill(t, log)
	x.place(order.CaptureManual)
	x.paid()
	log.append = on(events.KindCancelRequested, appendAnswers, -1)
	_, err := x.cancel()
	require.ErrorIs(t, err, errDisk)
	assert.Zero(t, x.bank.touched(), "not known to be durable, so not sent")
	log.append = nil
	o := x.exhaust(time.Hour)
	assert.Equal(t, order.Cancelled, o.Status)
	assert.Equal(t, 1, x.bank.accounts[0].cancels)
}

func TestAnOutcomeThatCannotBeRecordedIsUnresolvedAndFoundWithoutASecondEffect(t *testing.T) {
	for name, tt := range map[string]struct {
		kind    events.Kind
		command func(*till) error
		ends    func(*testing.T, *till, order.Order)
	}{
		"cancel": {events.KindCancelSucceeded, func(x *till) error { _, err := x.cancel(); return err },
			func(t *testing.T, x *till, o order.Order) {
				assert.Equal(t, order.Cancelled, o.Status)
				assert.Equal(t, 1, x.bank.accounts[0].cancels)
			}},
		"capture": {events.KindCaptureSucceeded, func(x *till) error { _, err := x.capture(thePart); return err },
			func(t *testing.T, x *till, o order.Order) {
				assert.Equal(t, thePart, o.Captured)
				assert.Len(t, x.bank.accounts[0].captures, 1)
			}},
	} {
		t.Run(name, func(t *testing.T) {
			log := &flaky{Log: memory.New()}
			x := newTill(t, log)
			x.place(order.CaptureManual)
			x.paid()
			log.append = on(tt.kind, appendFails, -1)
			err := tt.command(x)
			var unresolved *tilltape.UnresolvedError
			require.ErrorAs(t, err, &unresolved)
			require.ErrorIs(t, err, tilltape.ErrUnresolved)
			require.ErrorIs(t, err, errDisk)
			assert.Equal(t, x.clock.now().Add(order.DefaultLease), unresolved.AskAgain, "nobody asks before the lease ends")

			log.append = nil
			x.settle(0)
			assert.Equal(t, 1, x.bank.wired(), "the lease holds")
			tt.ends(t, x, x.exhaust(time.Hour))
			require.NoError(t, x.honest())
			require.NoError(t, x.lawful())
		})
	}
}

func TestContention(t *testing.T) {
	x := newTill(t, memory.New())
	x.place(order.CaptureManual)
	x.log = &contended{Log: x.log}
	x.open(x.bank)
	_, err := x.cancel()
	require.ErrorIs(t, err, tilltape.ErrContended)
	assert.Zero(t, x.bank.touched())
}

// contended is a log where somebody else is always faster.
type contended struct{ store.Log }

func (c *contended) Append(_ context.Context, s events.Stream, after uint64, _ ...events.Record) ([]events.Record, error) {
	return nil, &store.ConflictError{Stream: s, Want: after, Have: after + 1}
}

func TestStoreErrorsReachTheCaller(t *testing.T) {
	log := &flaky{Log: memory.New()}
	x := newTill(t, log)
	x.place(order.CaptureManual)
	fails := func() error { return errDisk }
	log.read = fails
	_, err := x.orders.Get(x.ctx, theOrder)
	require.ErrorIs(t, err, errDisk)
	_, err = x.orders.Actions(x.ctx, theOrder)
	require.ErrorIs(t, err, errDisk)
	_, err = x.cancel()
	require.ErrorIs(t, err, errDisk)
	assert.Contains(t, err.Error(), theOrder)
	log.read, log.lookup = nil, fails
	_, err = x.orders.Observe(x.ctx, paymentNotice(notice{PaymentRequest: theRequest, Minor: theAmount}))
	require.ErrorIs(t, err, errDisk)
	require.NotErrorIs(t, err, order.ErrUnknownOrder)
	log.lookup, log.heads = nil, fails
	_, err = x.orders.SettleDue(x.ctx)
	require.ErrorIs(t, err, errDisk)
	assert.Zero(t, x.bank.touched())
}

func TestUnresolvedErrorSaysWhatHappensNext(t *testing.T) {
	at := dawn().Add(time.Second)
	for _, tt := range []struct {
		give tilltape.UnresolvedError
		want []string
	}{
		{tilltape.UnresolvedError{Order: "o-1", Command: order.VerbCancel, Phase: order.Unresolved, Attempts: 1, Code: "UNKNOWN_EXCEPTION", AskAgain: at},
			[]string{"order o-1: cancel", "1 attempt,", "APO said UNKNOWN_EXCEPTION", "asks APO again at 2026-11-23T09:00:01Z", "another command id"}},
		{tilltape.UnresolvedError{Order: "o-1", Command: order.VerbRefund, Phase: order.Accepted, Attempts: 2, AskAgain: at},
			[]string{"accepted by APO, not final", "2026-11-23T09:00:01Z"}},
		{tilltape.UnresolvedError{Order: "o-1", Command: order.VerbCapture, Phase: order.Parked, Attempts: 3, Err: errDisk},
			[]string{"contact APO support and resolve it", errDisk.Error()}},
	} {
		for _, part := range tt.want {
			assert.Contains(t, tt.give.Error(), part)
		}
		assert.ErrorIs(t, &tt.give, tilltape.ErrUnresolved)
		assert.Equal(t, tt.give.Phase == order.Accepted, strings.Contains(fmt.Sprint(tt.give.Unwrap()), tilltape.ErrAccepted.Error()))
	}
}

func TestIdempotence(t *testing.T) {
	x := newTill(t, memory.New())
	x.place(order.CaptureManual)
	x.paid()
	capture := order.Capture{ID: commandID, Amount: usd(thePart)}
	_, err := x.orders.Capture(x.ctx, theOrder, capture)
	require.NoError(t, err)
	calls := x.bank.touched()
	o, err := x.orders.Capture(x.ctx, theOrder, capture)
	require.NoError(t, err, "its recorded outcome")
	assert.Equal(t, thePart, o.Captured)

	capture.Amount = usd(thePart + 1)
	_, err = x.orders.Capture(x.ctx, theOrder, capture)
	require.ErrorIs(t, err, order.ErrIdempotencyMismatch)
	_, err = x.orders.Cancel(x.ctx, theOrder, order.Cancel{ID: commandID})
	require.ErrorIs(t, err, order.ErrIdempotencyMismatch)

	_, err = x.orders.Cancel(x.ctx, theOrder, order.Cancel{ID: "refused"})
	require.ErrorIs(t, err, order.ErrRejected)
	assert.Equal(t, order.OutcomeUnknown, x.get().Command("refused").Outcome, "a refused command's id is not remembered")
	_, err = x.orders.Refund(x.ctx, theOrder, order.Refund{ID: "refused", Amount: usd(1)})
	require.ErrorIs(t, err, tilltape.ErrAccepted, "so it may stand for another command")
	assert.Equal(t, calls+1, x.bank.wired())
}

func TestARepeatedCommandAsksAgainWhenItIsDue(t *testing.T) {
	x := newTill(t, memory.New())
	x.place(order.CaptureManual)
	x.paid()
	x.bank.next(saysU)
	c := order.Cancel{ID: commandID}
	_, err := x.orders.Cancel(x.ctx, theOrder, c)
	require.ErrorIs(t, err, tilltape.ErrUnresolved)
	_, err = x.orders.Cancel(x.ctx, theOrder, c)
	require.ErrorIs(t, err, tilltape.ErrUnresolved)
	assert.Equal(t, 1, x.bank.wired(), "not before its time")
	x.clock.pass(time.Second)
	_, err = x.orders.Cancel(x.ctx, theOrder, c)
	require.NoError(t, err)
	assert.Equal(t, 2, x.bank.wired())
}

func TestARepetitionThatStopsWaitingSaysWhy(t *testing.T) {
	x := newTill(t, memory.New())
	x.place(order.CaptureManual)
	x.paid()
	entered, release := make(chan struct{}), make(chan struct{})
	x.bank.enter = func(context.Context, wireCall) {
		close(entered)
		<-release
	}
	done := make(chan error, 1)
	go func() {
		_, err := x.orders.Cancel(x.ctx, theOrder, order.Cancel{ID: commandID})
		done <- err
	}()
	<-entered
	ctx, leave := context.WithCancel(x.ctx)
	leave()
	_, err := x.orders.Cancel(ctx, theOrder, order.Cancel{ID: commandID})
	require.ErrorIs(t, err, context.Canceled)
	assert.Contains(t, err.Error(), theOrder)
	close(release)
	require.NoError(t, <-done)
	assert.Equal(t, 1, x.bank.touched())
}

// refusing is a gateway that refuses every cancel before sending it.
type refusing struct{ *bank }

func (refusing) Cancel(context.Context, apo.CancelRequest) apo.CancelAnswer {
	return apo.CancelAnswer{Answer: apo.Answer{Class: apo.NotSent, Err: apo.ErrInvalidRequest}}
}

func TestWhatWasNotSentIsCertainlyNotDone(t *testing.T) {
	x := newTill(t, memory.New())
	x.place(order.CaptureManual)
	x.paid()
	x.open(refusing{x.bank})
	_, err := x.cancel()
	var failed *order.FailedError
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, "NOT_SENT", failed.Code)
	x.open(x.bank)
	o, err := x.cancel()
	require.NoError(t, err, "under a new id it may be given again")
	assert.Equal(t, order.Cancelled, o.Status)
}
