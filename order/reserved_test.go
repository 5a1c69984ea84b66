package order

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
)

// What is reserved can be all that an int64 holds, more than once over, and must not come out as money.
func TestRefundable_TwoReservationsOfEverythingLeaveNothing(t *testing.T) {
	for _, s := range []Status{Paid, Captured, Refunded} {
		x := in(t, s)
		x.observe(disputed(DisputeClosed, "D1", 0)) // nobody knows how much it took
		x.observe(refunded("E1", 0))                // nor how much this gave back
		assert.Zero(t, x.o.Refundable(), "%s", s)
		_, err := x.do(Refund{CommandID: "r", Amount: usd(1)})
		assert.Equal(t, ReasonRemainder, rejected(t, err).Reason, "%s", s)
	}
}

// A refund that waits for its capture has gone back: APO has signed it.
func TestRefundable_AHeldRefundIsReserved(t *testing.T) {
	x := in(t, Captured) // 600 of 1000
	x.observe(refunded("E1", 700))
	require.Len(t, x.o.Held, 1)
	assert.Zero(t, x.o.Refundable())
	_, err := x.do(Refund{CommandID: "r", Amount: usd(600)})
	r := rejected(t, err)
	assert.Equal(t, []any{ReasonHeldRefund, uint64(4), "E1"}, []any{r.Reason, r.Cause.Version, r.Cause.ID})

	x.observe(captured("C2", 400)) // the capture that it waited for
	assert.Equal(t, []int64{1000, 700, 300}, []int64{x.o.Captured, x.o.Refunded, x.o.Refundable()})
	x.must(Refund{CommandID: "r", Amount: usd(300)})
}

// A payment that is told without its amount is held against what is captured like one with it.
func TestPayment_OfLessThanAPersonSettledIsNeverWrittenUnseen(t *testing.T) {
	for _, f := range []Fact{paid(), {Kind: PaymentPaid, PaymentID: "P1"}} {
		x := placed(t, CaptureNone)
		x.observe(captured("C1", 1500))
		x.inquire(tells(StateProcessing))
		x.must(Resolve{Record: x.o.Doubts()[0], Resolution: events.ResolvedSucceeded, Statement: "APO ticket 7"})
		x.observe(f) // the till holds it against Judge
		a := x.o.Anomalies[len(x.o.Anomalies)-1]
		assert.Equal(t, events.PaymentContradicts, a.Reason)
		e := x.log[a.Version-1].Event.(events.AnomalyObserved)
		assert.Contains(t, e.Detail, "USD 10.00, and USD 15.00 is captured")
	}
}

// A refund that is held under a name which a person has settled with another amount is not counted twice. It stays
// reserved.
func TestHeld_UnderANameThatAPersonSettledOtherwise(t *testing.T) {
	for _, minor := range []int64{0, 200} {
		x := placed(t, CaptureAutomatic)
		f := refunded("E1", minor)
		f.PaymentID = "P2"
		x.observe(f)
		x.inquire(tells(StateProcessing, refunded("E1", 100))) // the newest word, so that it is held
		require.Len(t, x.o.Held, 1)
		x.inquire(tells(StateProcessing))
		x.must(Resolve{Record: x.o.Doubts()[0], Resolution: events.ResolvedSucceeded, Statement: "APO ticket 7"})
		x.observe(paid()) // the till holds it against Judge
		assert.Equal(t, []int64{minor, 900 - minor}, []int64{x.o.Refunded, x.o.Refundable()})
		replayIsLive(t, x)
	}
}
