package behaviour_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/problem"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

// Without an id nobody can tell a second click from a second wish, so a service may forbid commands that have none.
func TestRequireCommandID(t *testing.T) {
	const id = tilltest.TheOrder
	for verb, give := range map[string]func(*tilltest.Till, string) (tilltape.Result, error){
		"cancel": func(x *tilltest.Till, c string) (tilltape.Result, error) {
			return x.Orders.Cancel(x.Ctx, id, order.Cancel{CommandID: c})
		},
		"capture": func(x *tilltest.Till, c string) (tilltape.Result, error) {
			return x.Orders.Capture(x.Ctx, id, order.Capture{CommandID: c, Amount: tilltest.USD(1)})
		},
		"refund": func(x *tilltest.Till, c string) (tilltape.Result, error) {
			return x.Orders.Refund(x.Ctx, id, order.Refund{CommandID: c, Amount: tilltest.USD(1)})
		},
		"resolve": func(x *tilltest.Till, c string) (tilltape.Result, error) {
			return x.Orders.Resolve(x.Ctx, id, order.Resolve{CommandID: c, Resolution: 2, Statement: "s"})
		},
		"clear anomaly": func(x *tilltest.Till, c string) (tilltape.Result, error) {
			return x.Orders.ClearAnomaly(x.Ctx, id, order.ClearAnomaly{CommandID: c, Anomaly: 1})
		},
		"compensate": func(x *tilltest.Till, c string) (tilltape.Result, error) {
			return x.Orders.Compensate(x.Ctx, id, order.Compensate{CommandID: c})
		},
	} {
		t.Run(verb, func(t *testing.T) {
			tilltest.Stores(t, func(t *testing.T, log store.Log) {
				var result tilltape.Result
				untouched(t, log, func(x *tilltest.Till) (err error) {
					x.Config.RequireCommandID = true
					x.Open(x.Bank)
					result, err = give(x, "")
					for range x.Orders.Refusals(x.Ctx, id) {
						assert.Fail(t, "what is malformed leaves no refusal")
					}
					return err
				}, order.ErrInvalid, `order "o-1": `+verb+": command id is missing", "Config.RequireCommandID", "one click")
				assert.Equal(t, tilltape.Result{Outcome: tilltape.Invalid}, result)
			})
			x := demanding(t)
			_, err := give(x, "click-1")
			require.NotErrorIs(t, err, order.ErrInvalid, "with an id it is judged as ever")
		})
	}
}

// demanding is a till that wants ids, with an order that is captured.
func demanding(t *testing.T) *tilltest.Till {
	x := tilltest.NewTill(t, memory.New())
	x.Captured(tilltest.TheAmount)
	x.Config.RequireCommandID = true
	x.Open(x.Bank)
	return x
}

// The order's own id does for Create what a command's id does for the others; and what nobody commands needs none.
func TestRequireCommandID_WhatNeedsNone(t *testing.T) {
	x := demanding(t)
	second := tilltest.Placing(order.CaptureManual)
	second.OrderID, second.PaymentRequestID = "o-2", "preq-2"
	for range 2 {
		result, err := x.Orders.Create(x.Ctx, second)
		require.NoError(t, err)
		assert.NotEmpty(t, result.CommandID, "minted")
		assert.EqualValues(t, 1, result.Order.Version)
	}
	_, err := x.Orders.Observe(x.Ctx, tilltest.PaymentNotice(tilltest.Notice{Payment: "pay-2", PaymentRequest: "preq-2",
		Minor: tilltest.TheAmount}))
	require.NoError(t, err)
	_, err = x.Orders.Reconcile(x.Ctx, tilltest.TheOrder)
	require.NoError(t, err)
	x.Clock.Pass(1000 * time.Hour)
	_, err = x.Orders.SettleDue(x.Ctx)
	require.NoError(t, err)
}

// What it is for: two clicks are two refunds where each has an id of its own, and one where they share theirs.
func TestRequireCommandID_ADoubleClickIsOneRefund(t *testing.T) {
	x := demanding(t)
	for range 2 {
		_, err := x.Orders.Refund(x.Ctx, tilltest.TheOrder, order.Refund{CommandID: "click-1",
			Amount: tilltest.USD(tilltest.ThePart)})
		require.NoError(t, err)
	}
	assert.Equal(t, tilltest.ThePart, tilltest.Sum(x.Bank.Accounts[0].Refunds))
	result, err := x.Orders.Refund(x.Ctx, tilltest.TheOrder, order.Refund{Amount: tilltest.USD(tilltest.ThePart)})
	require.ErrorIs(t, err, order.ErrInvalid)
	p := problem.Of(result, err)
	assert.Equal(t, 400, p.Status)
	assert.Contains(t, p.Detail, "command id is missing")
}
