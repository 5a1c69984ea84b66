package order

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
)

// A time that no record can hold must not keep a fact out of the log.
func TestObserve_TimesThatNoRecordCanHoldCountAsNotTold(t *testing.T) {
	far := time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
	env := Env{Now: time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC), Policy: Policy{ReconcileFor: NoReconcile}}
	create := Create{OrderID: "o-1", PaymentRequestID: "p-1", Amount: Money{Minor: 100, Currency: "USD"}, Method: "CARD",
		CaptureMode: CaptureManual}
	facts, err := Decide(Order{}, create, env)
	require.NoError(t, err)
	o := Evolve(Order{}, events.Record{Stream: events.OrderStream("o-1"), Version: 1, Recorded: env.Now, Occurred: env.Now,
		Event: facts[0]})

	facts, err = Decide(o, Observe{Fact{Kind: PaymentSucceeded, At: far, Expires: far}}, env)
	require.NoError(t, err)
	require.Len(t, facts, 1)
	e := facts[0].(events.PaymentAuthorized)
	assert.True(t, e.At.IsZero())
	assert.True(t, e.Expires.IsZero())
	assert.True(t, e.Due.IsZero(), "no expiry, nothing to ask about")

	create.PayBy = far
	_, err = Decide(Order{}, create, env)
	require.ErrorIs(t, err, ErrInvalid)
	assert.ErrorContains(t, err, "payBy lies outside the years 1678 to 2262; leave it zero")
}

// Without it a program that forgets the mode would count a card as paid when its funds are only held.
func TestCreate_ACardSaysWhoCaptures(t *testing.T) {
	create := Create{OrderID: "o-1", PaymentRequestID: "p-1", Amount: Money{Minor: 100, Currency: "USD"},
		Method: MethodCard}
	_, err := Decide(Order{}, create, Env{})
	require.ErrorIs(t, err, ErrInvalid)
	assert.ErrorContains(t, err, "capture mode is none, but a card is only authorized when it is paid")
	create.CaptureMode = CaptureAutomatic
	_, err = Decide(Order{}, create, Env{})
	assert.NoError(t, err)
}

// A program that gives a pointer must not hear that the order is unknown.
func TestDecide_APointerIsNoCommand(t *testing.T) {
	for _, row := range []struct {
		o Order
		c Command
	}{{Order{}, &Create{OrderID: "o-1"}}, {Order{ID: "o-1", Status: Authorized}, &Cancel{}}} {
		_, err := Decide(row.o, row.c, Env{})
		require.ErrorIs(t, err, ErrInvalid)
		assert.ErrorContains(t, err, "give one of its commands, as a value")
	}
}

// A card is only authorized when it is paid, however its method is spelt and whichever wallet hands it on.
func TestCreate_CardsMustSayWhoCaptures(t *testing.T) {
	for _, method := range []string{"CARD", "card", "Card", "APPLEPAY", "ApplePay", "GOOGLEPAY"} {
		c := create(CaptureNone)
		c.Method = method
		_, err := newTill(t).do(c)
		require.ErrorIs(t, err, ErrInvalid, method)
		require.ErrorContains(t, err, "capture mode")
		c.CaptureMode = CaptureAutomatic
		newTill(t).must(c)
	}
}

// APO's word wins over what was configured: what it has only authorized is not paid, goods do not ship for it, and its
// capture of that is waited for, with an anomaly for whoever placed it so.
func TestPayment_OnlyAuthorizedIsNotPaidWhateverTheOrderSays(t *testing.T) {
	x := placed(t, CaptureNone)
	f := authorized()
	f.At, f.Expires = opened, opened.Add(7*24*time.Hour)
	x.observe(f)
	assert.Equal(t, []any{Authorized, GatewayOutstanding, int64(0)}, []any{x.o.Status, x.o.Gateway, x.o.Captured})
	assert.True(t, hasAnomaly(x.o, events.StatusContradicts))
	assert.Empty(t, x.observe(f), "a duplicate")
	_, err := x.do(Cancel{CommandID: "k"})
	assert.Equal(t, ReasonGatewayCapture, rejected(t, err).Reason, "by itself APO captures")
	assert.Empty(t, x.must(create(CaptureNone)), "placed again it is the same order")
	x.observe(captured("C1", theAmount))
	assert.Equal(t, Captured, x.o.Status)
	replayIsLive(t, x)
}

// The account that an order was placed for goes with every call that APO takes it on, whichever process makes it.
func TestCreate_TheMerchantAccountGoesWithEveryCallThatHasIt(t *testing.T) {
	for _, account := range []string{"", "M1"} {
		x := newTill(t)
		c := create(CaptureManual)
		c.MerchantAccountID = account
		x.must(c)
		assert.Equal(t, account, x.o.MerchantAccountID)
		seen := map[CallKind]string{}
		see := func() {
			replayIsLive(t, x)
			restarted, ok := unpack(pack(x.o))
			require.True(t, ok)
			call, ok := restarted.Claimed()
			require.True(t, ok)
			live, _ := x.o.Claimed()
			require.Equal(t, live, call)
			seen[call.Kind] = call.MerchantAccountID
		}
		inquire := func() {
			x.free()
			x.must(Claim{Inquire: true})
			see()
		}
		inquire()
		x.free()
		x.must(Cancel{})
		see()
		x.answer(refusedF)
		x.observe(authorized())
		x.must(Capture{Amount: usd(500)})
		see()
		x.answer(done)
		x.must(Refund{Amount: usd(100)})
		see()
		x.answer(unknownU)
		inquire()
		assert.Equal(t, map[CallKind]string{CallInquirePayment: account, CallCancel: account, CallCapture: "",
			CallRefund: "", CallInquireRefund: account}, seen)
	}
}
