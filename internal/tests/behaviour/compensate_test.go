package behaviour_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

func TestCompensate_WhatIsHeldIsCancelled(t *testing.T) {
	tilltest.Stores(t, func(t *testing.T, log store.Log) {
		x := tilltest.NewTill(t, log)
		a := x.PaidLate(order.CaptureManual)
		inquiries := x.Bank.Touched() - x.Bank.Wired()
		result, err := x.Orders.Compensate(x.Ctx, tilltest.TheOrder, order.Compensate{CommandID: tilltest.CommandID,
			Actor: "ada"})
		require.NoError(t, err)
		assert.Equal(t, inquiries+1, x.Bank.Touched()-x.Bank.Wired(), "APO is asked first")
		assert.Equal(t, 2, a.Cancels)
		assert.True(t, result.Order.Late.IsZero())
		assert.Empty(t, result.Order.Anomalies)

		calls := x.Bank.Touched()
		_, err = x.Orders.Compensate(x.Ctx, tilltest.TheOrder, order.Compensate{CommandID: tilltest.CommandID, Actor: "ada"})
		require.NoError(t, err, "its recorded outcome")
		_, err = x.Orders.Compensate(x.Ctx, tilltest.TheOrder, order.Compensate{CommandID: "another", Actor: "ada"})
		tilltest.Rejected(t, err, order.ReasonNoLateMoney)
		assert.Equal(t, calls, x.Bank.Touched())
	})
}

func TestCompensate_WhatMovedIsRefunded(t *testing.T) {
	x := tilltest.NewTill(t, memory.New())
	a := x.PaidLate(order.CaptureNone)
	accepted, err := x.Orders.Compensate(x.Ctx, tilltest.TheOrder, order.Compensate{CommandID: tilltest.CommandID,
		Actor: "ada"})
	require.NoError(t, err)
	assert.Equal(t, tilltape.Accepted, accepted.Outcome)
	assert.Equal(t, order.VerbCompensate, tilltest.Op(accepted.Order).Verb(), "the person is told of what they asked for")
	assert.Equal(t, tilltest.TheAmount, tilltest.Sum(a.Refunds))
	o := x.Exhaust(24 * time.Hour)
	assert.True(t, o.Late.IsZero())
	assert.Empty(t, o.Anomalies)
	assert.Equal(t, order.Cancelled, o.Status)
}

func TestCompensate_AnInquiryThatFailsSendsNothing(t *testing.T) {
	x := tilltest.NewTill(t, memory.New())
	x.PaidLate(order.CaptureManual)
	wired := x.Bank.Wired()
	x.Bank.Deaf = true
	_, err := x.Orders.Compensate(x.Ctx, tilltest.TheOrder, order.Compensate{CommandID: tilltest.CommandID})
	tilltest.Rejected(t, err, order.ReasonStaleInquiry)
	assert.Equal(t, wired, x.Bank.Wired())
}

func TestCompensate_NamesItselfWhereTheIdIsNotUsable(t *testing.T) {
	x := tilltest.NewTill(t, memory.New())
	_, err := x.Orders.Compensate(x.Ctx, strings.Repeat("x", events.IDMax+1), order.Compensate{})
	require.ErrorIs(t, err, order.ErrInvalid)
	assert.Contains(t, err.Error(), "compensate")
}
