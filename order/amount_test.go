package order

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
)

// APO's amount is the payment's, above what was ordered and below it, with an anomaly for a person; every command is
// judged by it.
func TestAmount_WhatAPOSignedIsWhatThereIs(t *testing.T) {
	for _, minor := range []int64{600, theAmount + 1} {
		for mode, kind := range map[events.CaptureMode]FactKind{CaptureManual: PaymentAuthorized, CaptureNone: PaymentPaid} {
			f := Fact{Kind: kind, PaymentID: "P1", Amount: usd(minor)}
			x := placed(t, mode)
			assert.Len(t, x.observe(f), 2, "the anomaly, and the fact")
			assert.True(t, hasAnomaly(x.o, events.PaymentContradicts))
			assert.Equal(t, []int64{minor, theAmount}, []int64{x.o.Authorized, x.o.Amount.Minor})
			assert.Empty(t, x.observe(f), "a duplicate")
			f.Amount = Money{}
			assert.Empty(t, x.observe(f), "however it is told")
			if mode == CaptureManual {
				_, err := x.do(Capture{CommandID: "c", Amount: usd(minor + 1)})
				assert.Equal(t, ReasonRemainder, rejected(t, err).Reason)
				x.observe(captured("C1", minor))
			}
			assert.Equal(t, []int64{minor, minor}, []int64{x.o.Captured, x.o.Refundable()})
			x.observe(refunded("F1", minor))
			assert.Equal(t, []any{Refunded, int64(0)}, []any{x.o.Status, x.o.Refundable()})

			f.Amount = usd(theAmount)
			n := len(x.o.Anomalies)
			x.observe(f)
			assert.Len(t, x.o.Anomalies, n+1, "a second amount contradicts the first, be it the ordered one")
			replayIsLive(t, x)
		}
	}
}

// In whichever order they come, and on an order that was cancelled meanwhile.
func TestAmount_ComesToTheSameInAnyOrder(t *testing.T) {
	payment := Fact{Kind: PaymentAuthorized, PaymentID: "P1", Amount: usd(600)}
	for _, first := range []bool{true, false} {
		x := placed(t, CaptureManual)
		facts := []Fact{payment, captured("C1", 500)}
		if !first {
			facts[0], facts[1] = facts[1], facts[0]
		}
		for _, f := range facts {
			x.observe(f)
		}
		assert.Equal(t, []any{Captured, int64(600), int64(500), int64(100)},
			[]any{x.o.Status, x.o.Authorized, x.o.Captured, x.o.Capturable()}, first)
		assert.Len(t, x.o.Anomalies, 1)
		replayIsLive(t, x)
	}
	x := placed(t, CaptureManual)
	x.observe(captured("C1", 700))
	x.observe(payment)
	assert.Equal(t, []any{Captured, int64(700)}, []any{x.o.Status, x.o.Captured}, "less than is captured it cannot be")
	assert.True(t, hasAnomaly(x.o, events.PaymentContradicts))

	x = in(t, Cancelled)
	x.observe(payment)
	assert.Equal(t, Late{Authorized: 600}, x.o.Late)
	assert.Empty(t, x.observe(payment))
	replayIsLive(t, x)
}

// Without the anomaly before it, another amount is one that somebody altered.
func TestAmount_OnRecordItNeedsItsAnomaly(t *testing.T) {
	proof := events.Proof{Via: events.ViaNotification, Evidence: signed()}
	fact := events.PaymentAuthorized{PaymentID: "P1", Amount: usd(600), Proof: proof}
	x := placed(t, CaptureManual)
	records, _ := Records(x.o, Observe{}, []events.Event{fact}, x.env(), "")
	require.ErrorIs(t, Judge(x.o, records[0]), ErrIllegal)
	x.observe(Fact{Kind: PaymentAuthorized, PaymentID: "P1", Amount: usd(600)})
	altered := x.log[len(x.log)-1]
	o := placed(t, CaptureManual).o
	for _, r := range x.log[1 : len(x.log)-1] {
		o = Evolve(o, r)
	}
	require.NoError(t, Judge(o, altered))
	fact.Amount = usd(601)
	altered.Event = fact
	require.ErrorIs(t, Judge(o, altered), ErrIllegal)
}
