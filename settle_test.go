package tilltape_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/engine"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

func TestSettleDue(t *testing.T) {
	const count = 12
	x := newTill(t, memory.New())
	x.cfg.Concurrency = 4
	x.open(x.bank)
	for i := range count {
		c := placing(order.CaptureManual)
		c.Order, c.PaymentRequestID = fmt.Sprint("o-", i), fmt.Sprint("preq-", i)
		_, err := x.orders.Create(x.ctx, c)
		require.NoError(t, err)
		x.bank.buyerPays(c.PaymentRequestID, theAmount, true)
		x.bank.script = []fault{lostBefore}
		_, err = x.orders.Cancel(x.ctx, c.Order, order.Cancel{})
		require.ErrorIs(t, err, tilltape.ErrUnresolved)
	}
	assert.Equal(t, tilltape.Settled{}, x.settle(0), "nothing is due yet")
	x.bank.script = []fault{saysU} // one of them stays open
	assert.Equal(t, tilltape.Settled{Driven: count, Waiting: 1}, x.settle(time.Second))
	assert.Equal(t, 2*count, x.bank.wired())
	assert.Equal(t, tilltape.Settled{Driven: 1}, x.settle(time.Minute))
	assert.Equal(t, tilltape.Settled{}, x.settle(time.Hour))
}

func TestSettleDue_OneOrdersErrorDoesNotStopTheOthers(t *testing.T) {
	log := &flaky{Log: memory.New()}
	x := newTill(t, log)
	for _, id := range []string{"o-1", "o-2"} {
		c := placing(order.CaptureManual)
		c.Order, c.PaymentRequestID = id, "preq-"+id
		_, err := x.orders.Create(x.ctx, c)
		require.NoError(t, err)
		x.bank.buyerPays(c.PaymentRequestID, theAmount, true)
		x.bank.script = []fault{saysU}
		_, err = x.orders.Cancel(x.ctx, id, order.Cancel{})
		require.ErrorIs(t, err, tilltape.ErrUnresolved)
	}
	x.clock.pass(time.Second)
	log.append = on(events.KindAttemptStarted, appendFails, engine.AppendsMax)
	s, err := x.orders.SettleDue(x.ctx)
	require.ErrorIs(t, err, errDisk)
	assert.Equal(t, tilltape.Settled{Driven: 2, Failed: 1}, s)
	assert.Equal(t, tilltape.Settled{Driven: 1}, x.settle(0))

	ctx, leave := context.WithCancel(x.ctx)
	leave()
	_, err = x.orders.SettleDue(ctx)
	require.ErrorIs(t, err, context.Canceled)
}

func TestSettleDue_AContextThatEndsStopsThePass(t *testing.T) {
	x := newTill(t, memory.New())
	for i := range 3 {
		c := placing(order.CaptureManual)
		c.Order, c.PaymentRequestID, c.PayBy = fmt.Sprint("o-", i), fmt.Sprint("preq-", i), dawn()
		_, err := x.orders.Create(x.ctx, c)
		require.NoError(t, err)
	}
	x.clock.pass(time.Hour)
	ctx, leave := context.WithCancel(x.ctx)
	log := &flaky{Log: x.log, append: func([]events.Record) appendFault {
		leave() // during the first order's claim
		return appendWorks
	}}
	x.log = log
	x.open(x.bank)
	s, err := x.orders.SettleDue(ctx)
	require.ErrorIs(t, err, context.Canceled)
	assert.Less(t, s.Driven, 3, "the rest is left for the next pass")
	log.append = nil
	_, err = x.orders.SettleDue(x.ctx)
	require.NoError(t, err)
}

// A log that is down fails every due order alike: the error stays small, and says how many there are.
func TestSettleDue_KeepsAFewOfManyErrors(t *testing.T) {
	const count = tilltape.SettleErrorsMax + 24
	log := &flaky{Log: memory.New()}
	x := newTill(t, log)
	for i := range count {
		c := placing(order.CaptureManual)
		c.Order, c.PaymentRequestID, c.PayBy = fmt.Sprint("o-", i), fmt.Sprint("preq-", i), dawn()
		_, err := x.orders.Create(x.ctx, c)
		require.NoError(t, err)
	}
	x.clock.pass(time.Hour)
	log.read = func() error { return errDisk }
	s, err := x.orders.SettleDue(x.ctx)
	assert.Equal(t, tilltape.Settled{Driven: count, Failed: count}, s)
	require.ErrorIs(t, err, errDisk)
	assert.Equal(t, tilltape.SettleErrorsMax, strings.Count(err.Error(), errDisk.Error()))
	assert.Contains(t, err.Error(), "and 24 orders more")
}

// Who is gone waits for no follow-up: what APO is still owed is claimed by whoever settles next, not spent on a context
// that has ended.
func TestAFollowUpIsNotClaimedForACallerWhoIsGone(t *testing.T) {
	stores(t, func(t *testing.T, log store.Log) {
		x := newTill(t, log)
		x.place(order.CaptureManual)
		x.paid()
		ctx, leave := context.WithCancel(x.ctx)
		x.cfg.Observer = &tilltape.Observer{Called: func(context.Context, tilltape.CallMade) { leave() }} // behind the answer
		x.open(x.bank)
		x.bank.next(saysF("ORDER_STATUS_INVALID")) // an inquiry would come next, at once
		_, err := x.orders.Cancel(ctx, theOrder, order.Cancel{ID: commandID})
		require.ErrorIs(t, err, tilltape.ErrUnresolved)
		require.NotErrorIs(t, err, context.Canceled)
		kinds := x.kinds()
		assert.Equal(t, events.KindCancelUnresolved, kinds[len(kinds)-1], "the answer is on record, and no claim behind it")
		assert.Equal(t, 1, x.bank.touched())
		x.cfg.Observer = nil
		x.open(x.bank)
		assert.Equal(t, 1, x.settle(0).Driven, "it is due at once")
		assert.Equal(t, 2, x.bank.touched())
		require.NoError(t, x.lawful())
	})
}
