package order

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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
