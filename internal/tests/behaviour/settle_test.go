package behaviour_test

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
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

func TestSettleDue(t *testing.T) {
	const count = 12
	x := tilltest.NewTill(t, memory.New())
	x.Config.Concurrency = 4
	x.Open(x.Bank)
	for i := range count {
		c := tilltest.Placing(order.CaptureManual)
		c.OrderID, c.PaymentRequestID = fmt.Sprint("o-", i), fmt.Sprint("preq-", i)
		_, err := x.Orders.Create(x.Ctx, c)
		require.NoError(t, err)
		x.Bank.BuyerPays(c.PaymentRequestID, tilltest.TheAmount, true)
		x.Bank.Script = []tilltest.Fault{tilltest.LostBefore}
		_, err = x.Orders.Cancel(x.Ctx, c.OrderID, order.Cancel{})
		require.ErrorIs(t, err, tilltape.ErrUnresolved)
	}
	assert.Equal(t, tilltape.Settled{}, x.Settle(0), "nothing is due yet")
	x.Bank.Script = []tilltest.Fault{tilltest.SaysU} // one of them stays open
	assert.Equal(t, tilltape.Settled{Driven: count, Waiting: 1}, x.Settle(time.Second))
	assert.Equal(t, 2*count, x.Bank.Wired())
	assert.Equal(t, tilltape.Settled{Driven: 1}, x.Settle(time.Minute))
	assert.Equal(t, tilltape.Settled{}, x.Settle(time.Hour))
}

func TestSettleDue_OneOrdersErrorDoesNotStopTheOthers(t *testing.T) {
	log := &tilltest.Flaky{Log: memory.New()}
	x := tilltest.NewTill(t, log)
	for _, id := range []string{"o-1", "o-2"} {
		c := tilltest.Placing(order.CaptureManual)
		c.OrderID, c.PaymentRequestID = id, "preq-"+id
		_, err := x.Orders.Create(x.Ctx, c)
		require.NoError(t, err)
		x.Bank.BuyerPays(c.PaymentRequestID, tilltest.TheAmount, true)
		x.Bank.Script = []tilltest.Fault{tilltest.SaysU}
		_, err = x.Orders.Cancel(x.Ctx, id, order.Cancel{})
		require.ErrorIs(t, err, tilltape.ErrUnresolved)
	}
	x.Clock.Pass(time.Second)
	log.OnAppend = tilltest.On(events.KindAttemptStarted, tilltest.AppendFails, engine.AppendsMax)
	s, err := x.Orders.SettleDue(x.Ctx)
	require.ErrorIs(t, err, tilltest.ErrDisk)
	assert.Equal(t, tilltape.Settled{Driven: 2, Failed: 1}, s)
	assert.Equal(t, tilltape.Settled{Driven: 1}, x.Settle(0))

	ctx, leave := context.WithCancel(x.Ctx)
	leave()
	_, err = x.Orders.SettleDue(ctx)
	require.ErrorIs(t, err, context.Canceled)
}

func TestSettleDue_AContextThatEndsStopsThePass(t *testing.T) {
	x := tilltest.NewTill(t, memory.New())
	for i := range 3 {
		c := tilltest.Placing(order.CaptureManual)
		c.OrderID, c.PaymentRequestID, c.PayBy = fmt.Sprint("o-", i), fmt.Sprint("preq-", i), tilltest.Dawn()
		_, err := x.Orders.Create(x.Ctx, c)
		require.NoError(t, err)
	}
	x.Clock.Pass(time.Hour)
	ctx, leave := context.WithCancel(x.Ctx)
	log := &tilltest.Flaky{Log: x.Log, OnAppend: func([]events.Record) tilltest.AppendFault {
		leave() // during the first order's claim
		return tilltest.AppendWorks
	}}
	x.Log = log
	x.Open(x.Bank)
	s, err := x.Orders.SettleDue(ctx)
	require.ErrorIs(t, err, context.Canceled)
	assert.Less(t, s.Driven, 3, "the rest is left for the next pass")
	log.OnAppend = nil
	_, err = x.Orders.SettleDue(x.Ctx)
	require.NoError(t, err)
}

// A log that is down fails every due order alike: the error stays small, and says how many there are.
func TestSettleDue_KeepsAFewOfManyErrors(t *testing.T) {
	const count = tilltape.SettleErrorsMax + 24
	log := &tilltest.Flaky{Log: memory.New()}
	x := tilltest.NewTill(t, log)
	for i := range count {
		c := tilltest.Placing(order.CaptureManual)
		c.OrderID, c.PaymentRequestID, c.PayBy = fmt.Sprint("o-", i), fmt.Sprint("preq-", i), tilltest.Dawn()
		_, err := x.Orders.Create(x.Ctx, c)
		require.NoError(t, err)
	}
	x.Clock.Pass(time.Hour)
	log.OnRead = func() error { return tilltest.ErrDisk }
	s, err := x.Orders.SettleDue(x.Ctx)
	assert.Equal(t, tilltape.Settled{Driven: count, Failed: count}, s)
	require.ErrorIs(t, err, tilltest.ErrDisk)
	assert.Equal(t, tilltape.SettleErrorsMax, strings.Count(err.Error(), tilltest.ErrDisk.Error()))
	assert.Contains(t, err.Error(), "and 24 orders more")
}

// A caller that is gone waits for no follow-up: what APO is still owed is claimed by the next pass, not spent on a
// context that has ended.
func TestAFollowUpIsNotClaimedForACallerWhoIsGone(t *testing.T) {
	tilltest.Stores(t, func(t *testing.T, log store.Log) {
		x := tilltest.NewTill(t, log)
		x.Place(order.CaptureManual)
		x.Paid()
		ctx, leave := context.WithCancel(x.Ctx)
		// after the answer
		x.Config.Observer = &tilltape.Observer{Called: func(context.Context, tilltape.CallMade) { leave() }}
		x.Open(x.Bank)
		x.Bank.Next(tilltest.SaysF("ORDER_STATUS_INVALID")) // an inquiry would come next, at once
		_, err := x.Orders.Cancel(ctx, tilltest.TheOrder, order.Cancel{CommandID: tilltest.CommandID})
		require.ErrorIs(t, err, tilltape.ErrUnresolved)
		require.NotErrorIs(t, err, context.Canceled)
		kinds := x.Kinds()
		assert.Equal(t, events.KindCancelUnresolved, kinds[len(kinds)-1], "the answer is on record, and no claim after it")
		assert.Equal(t, 1, x.Bank.Touched())
		x.Config.Observer = nil
		x.Open(x.Bank)
		assert.Equal(t, 1, x.Settle(0).Driven, "it is due at once")
		assert.Equal(t, 2, x.Bank.Touched())
		require.NoError(t, x.Lawful())
	})
}
