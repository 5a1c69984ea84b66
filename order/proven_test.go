package order

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tilltape/tilltape/events"
)

// What APO says was captured was authorized, whatever it says of the raise that made room for it: nothing is left to be
// captured then, and the payment's own amount, told again, is no news.
func TestProven_WhatWasCapturedWasAuthorized(t *testing.T) {
	for _, mode := range []events.CaptureMode{CaptureManual, CaptureAutomatic} {
		for name, before := range map[string][]Fact{"authorized": {authorized()}, "not told": nil} {
			t.Run(mode.String()+", "+name, func(t *testing.T) {
				x := placed(t, mode)
				for _, f := range append(before, raised("T1", 1200), captured("C1", 1200), raiseFailed("T1")) {
					x.observe(f)
				}
				assert.Equal(t, []any{[]int64{1200, 1200, 0}, int64(0)}, []any{amounts(x.o), x.o.Capturable()})
				told := []Fact{authorized(), raiseFailed("T1"), captured("C1", 1200)}
				x.inquire(tells(StateSuccess, told...))
				assert.Equal(t, []int64{1200, 1200, 0}, amounts(x.o))
				assert.EqualValues(t, 1200, x.o.Refundable())
				comesToAnEnd(t, x, tells(StateSuccess, told...))
				x.inquire(tells(StateSuccess, authorized(), raiseFailed("T1"), captured("C1", 900)))
				assert.Equal(t, []int64{theAmount, 900, 0}, amounts(x.o), "and no more than was, once less was captured")
				replayIsLive(t, x)
			})
		}
	}
}

// The same of late money.
func TestProven_OfLateMoney(t *testing.T) {
	x := in(t, Cancelled)
	for _, f := range []Fact{authorized(), raised("T1", 1200), captured("C1", 1200), raiseFailed("T1")} {
		x.observe(f)
	}
	assert.Equal(t, Late{Authorized: 1200, Captured: 1200}, x.o.Late)
	comesToAnEnd(t, x, tells(StateSuccess, authorized(), raiseFailed("T1"), captured("C1", 1200)))
	assert.Equal(t, Late{Authorized: 1200, Captured: 1200}, x.o.Late)
}

// The amount that APO signed is the payment's, whatever was let go of it: it is no contradiction, however often an
// answer says it, and what was captured can be given back.
func TestProven_TheSignedAmountIsThePayments(t *testing.T) {
	x := in(t, Cancelled)
	answer := tells(StateSuccess, ofAmount(authorized(), 400), captured("C1", 100), voidedPart(300))
	for range 2 {
		x.inquire(answer)
	}
	anomalies := len(x.o.Anomalies)
	assert.Len(t, x.inquire(answer), 1)
	assert.Equal(t, []any{int64(100), anomalies, 0}, []any{x.o.Late.Captured, len(x.o.Anomalies), len(x.o.Doubts())})
	x.must(Compensate{CommandID: "k"})
	assert.Equal(t, usd(100), x.o.Operation.Amount)
	replayIsLive(t, x)
}
