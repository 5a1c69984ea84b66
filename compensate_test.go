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
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

// paidLate is an order that was cancelled while nobody had paid, and whose buyer paid afterwards.
func (x *till) paidLate(mode events.CaptureMode) *account {
	x.t.Helper()
	x.place(mode)
	x.bank.buyerPays(theRequest, theAmount, mode != order.CaptureNone)
	_, err := x.cancel()
	require.NoError(x.t, err)
	x.clock.pass(time.Minute)
	a := x.bank.accounts[0]
	a.state, a.at = apo.StateSuccess, x.clock.now() // the buyer was faster than the cancel reached the acquirer
	o := x.observe(paymentNotice(notice{Payment: a.id, PaymentRequest: a.request, Minor: a.minor, At: a.at}))
	require.Equal(x.t, order.Cancelled, o.Status)
	require.Equal(x.t, []events.AnomalyReason{events.LatePayment}, anomalies(o))
	return a
}

func TestCompensate_WhatIsHeldIsCancelled(t *testing.T) {
	stores(t, func(t *testing.T, log store.Log) {
		x := newTill(t, log)
		a := x.paidLate(order.CaptureManual)
		inquiries := x.bank.touched() - x.bank.wired()
		o, err := x.orders.Compensate(x.ctx, theOrder, order.Compensate{ID: commandID, Actor: "ada"})
		require.NoError(t, err)
		assert.Equal(t, inquiries+1, x.bank.touched()-x.bank.wired(), "APO is asked first")
		assert.Equal(t, 2, a.cancels)
		assert.True(t, o.Late.IsZero())
		assert.Empty(t, o.Anomalies)

		calls := x.bank.touched()
		_, err = x.orders.Compensate(x.ctx, theOrder, order.Compensate{ID: commandID, Actor: "ada"})
		require.NoError(t, err, "its recorded outcome")
		_, err = x.orders.Compensate(x.ctx, theOrder, order.Compensate{ID: "another", Actor: "ada"})
		refused(t, err, order.ReasonNoLateMoney)
		assert.Equal(t, calls, x.bank.touched())
	})
}

func TestCompensate_WhatMovedIsRefunded(t *testing.T) {
	x := newTill(t, memory.New())
	a := x.paidLate(order.CaptureNone)
	_, err := x.orders.Compensate(x.ctx, theOrder, order.Compensate{ID: commandID, Actor: "ada"})
	require.ErrorIs(t, err, tilltape.ErrAccepted)
	var unresolved *tilltape.UnresolvedError
	require.ErrorAs(t, err, &unresolved)
	assert.Equal(t, order.VerbCompensate, unresolved.Command, "the person is told of what they asked for")
	assert.Equal(t, theAmount, sum(a.refunds))
	o := x.exhaust(24 * time.Hour)
	assert.True(t, o.Late.IsZero())
	assert.Empty(t, o.Anomalies)
	assert.Equal(t, order.Cancelled, o.Status)
}

func TestCompensate_AnInquiryThatFailsSendsNothing(t *testing.T) {
	x := newTill(t, memory.New())
	x.paidLate(order.CaptureManual)
	wired := x.bank.wired()
	x.bank.deaf = true
	_, err := x.orders.Compensate(x.ctx, theOrder, order.Compensate{ID: commandID})
	refused(t, err, order.ReasonStaleInquiry)
	assert.Equal(t, wired, x.bank.wired())
}

func TestCompensate_NamesItselfWhereTheIdIsNotUsable(t *testing.T) {
	x := newTill(t, memory.New())
	_, err := x.orders.Compensate(x.ctx, strings.Repeat("x", events.IDMax+1), order.Compensate{})
	require.ErrorIs(t, err, order.ErrInvalid)
	assert.Contains(t, err.Error(), "compensate")
}

func ExampleOrders_Compensate() {
	ctx := context.Background()
	shop := openExampleShop(ctx)
	defer func() { check(shop.Close()) }()
	must(shop.Register(apotest.Payment{PaymentRequestID: "pay-2", PaymentID: "P2", Amount: apotest.Amount{Currency: "USD", Minor: 500}, Capture: apotest.Manual}))
	must(shop.orders.Create(ctx, order.Create{Order: "o-2", PaymentRequestID: "pay-2", Amount: order.Money{Minor: 500, Currency: "USD"},
		Method: "CARD", CaptureMode: order.CaptureManual}))
	must(shop.orders.Cancel(ctx, "o-2", order.Cancel{}))

	check(shop.PayLate("pay-2")) // the buyer was just paying
	shop.hear(ctx)
	o := must(shop.orders.Get(ctx, "o-2"))
	fmt.Println(o.Status, "with", o.Late.Authorized, "held, an anomaly:", o.Anomalies[0].Reason)

	o = must(shop.orders.Compensate(ctx, "o-2", order.Compensate{Actor: "alice"}))
	fmt.Println(o.Status, "with anomalies:", len(o.Anomalies))
	// Output:
	// cancelled with 500 held, an anomaly: late payment
	// cancelled with anomalies: 0
}
