package tilltape_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/engine"
	"github.com/tilltape/tilltape/order"
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
