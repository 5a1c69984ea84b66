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
