package order

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
)

// A person has looked at late money. What APO's newest word makes more of it is money that nobody has looked at.
func TestLate_WhatIsMoreByTheNewestWordIsTold(t *testing.T) {
	for name, c := range map[string]struct {
		before []Fact
		newest Fact
		owed   int64
		told   bool
	}{
		"a capture of more": {[]Fact{captured("C1", 400)}, captured("C1", 600), 600, true},
		"a capture of less": {[]Fact{captured("C1", 400)}, captured("C1", 300), 300, false},
		"a refund of less":  {[]Fact{captured("C1", 600), refunded("F1", 400)}, refunded("F1", 100), 500, true},
		"a refund of more":  {[]Fact{captured("C1", 600), refunded("F1", 100)}, refunded("F1", 400), 200, false},
	} {
		x := in(t, Cancelled)
		for _, f := range c.before {
			x.observe(f)
		}
		late, open := x.o.late()
		require.True(t, open, name)
		x.must(ClearAnomaly{CommandID: "seen", Anomaly: late.Version, Reason: "seen"})
		x.inquire(tells(StateSuccess, c.newest))
		assert.Equal(t, []any{c.owed, c.told}, []any{x.o.Late.owed(), hasAnomaly(x.o, events.LatePayment)}, name)
		replayIsLive(t, x)
	}
}

// A payment in one step that a cancel has undone moved at least what was captured of it, whatever it was raised to.
func TestLate_APaymentUndoneIsOfWhatWasCaptured(t *testing.T) {
	for _, mode := range everyMode {
		x := placed(t, mode)
		for _, f := range []Fact{raised("u1", theAmount), captured("C1", 600), captured("C2", 400)} {
			x.observe(f)
		}
		less := paid()
		less.Amount = usd(600)
		x.inquire(tells(StateCancelled, cancelled(), less))
		assert.Equal(t, []any{Cancelled, []int64{theAmount, theAmount, 0}, true},
			[]any{x.o.Status, amounts(x.o), x.o.Late.IsZero()}, mode)
		replayIsLive(t, x)
	}
}

// A payment whose money the cancel has undone is no late money where an answer calls it paid in one step as well.
func TestLate_WhatTheCancelHasUndoneIsNotOpenedAsLate(t *testing.T) {
	x := placed(t, CaptureAutomatic)
	x.observe(authorized())
	undone := Fact{Kind: PaymentCancelled, PaymentID: "P1"}
	x.inquire(tells(StateCancelled, undone))
	require.Equal(t, Cancelled, x.o.Status)
	x.inquire(tells(StateCancelled, undone, Fact{Kind: PaymentPaid, PaymentID: "P1", Amount: usd(theAmount)}))
	for _, a := range x.o.Anomalies {
		assert.False(t, a.Reason == events.LatePayment && x.o.Late.IsZero(), "late money of nothing: %+v", a)
	}
	replayIsLive(t, x)
}
