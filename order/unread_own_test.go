package order

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tilltape/tilltape/events"
)

// Of a capture that cannot be read nobody knows whether it is APO's own. When another failure has ended that, it may
// still stand: nothing is cancelled or captured beside it.
func TestUnread_OutlivesAPOsOwnCapture(t *testing.T) {
	for name, id := range map[string]string{"named": "C9", "without a name": ""} {
		for _, end := range []string{"C8", ""} {
			x := placed(t, CaptureAutomatic)
			x.observe(authorized())
			x.observe(unreadOf(CaptureUnread, id, ""))
			assert.Empty(t, x.observe(unreadOf(CaptureUnread, id, "")), "a redelivery")
			x.observe(Fact{Kind: CaptureFailed, PaymentID: "P1", TransferID: end, Code: "X"})
			assert.Equal(t, GatewayFailed, x.o.Gateway, name)
			for _, c := range []Command{Cancel{CommandID: "c"}, Capture{CommandID: "k", Amount: usd(100)}} {
				_, err := x.do(c)
				assert.Equal(t, ReasonUnaccounted, rejected(t, err).Reason, "%s, %T", name, c)
			}
			replayIsLive(t, x)
			if id != "" {
				x.inquire(tells(StateSuccess, authorized(), Fact{Kind: CaptureFailed, TransferID: id, Code: "X"}))
				assert.Empty(t, x.o.Doubts())
			} else {
				x.inquire(tells(StateSuccess, authorized()))
				x.must(statement(x.o.Doubts()[0], events.ResolvedFailed))
			}
			x.must(Cancel{CommandID: "c"})
			replayIsLive(t, x)
		}
	}
}

// Once APO has captured all by itself, or a person says so, nothing else can have been captured without a name.
func TestUnread_WasOfAPOsOwnCapture(t *testing.T) {
	for _, first := range []bool{false, true} {
		x := placed(t, CaptureAutomatic)
		if first {
			x.observe(unreadOf(CaptureUnread, "", ""))
		}
		x.observe(authorized())
		if !first {
			x.observe(unreadOf(CaptureUnread, "", ""))
		}
		x.observe(captured("C1", theAmount))
		assert.Equal(t, []any{Captured, int64(theAmount), 0}, []any{x.o.Status, x.o.Refundable(), len(x.o.Doubts())})
		replayIsLive(t, x)
	}
}

// So it is of a line in a state not known here, beside the failure in the same answer, whichever stands first.
func TestUnclear_BesideTheFailureOfAPOsOwn(t *testing.T) {
	unclear := Fact{Kind: CaptureUnclear, TransferID: "C9", Amount: usd(theAmount), Code: "ODD"}
	pending := Fact{Kind: CapturePending, TransferID: "C9", Amount: usd(theAmount)}
	failed := Fact{Kind: CaptureFailed, TransferID: "C8", Code: "X"}
	for _, lines := range [][]Fact{{unclear, failed}, {failed, unclear}, {pending, failed}, {failed, pending}} {
		x := placed(t, CaptureAutomatic)
		x.observe(authorized())
		x.inquire(tells(StateSuccess, append([]Fact{authorized()}, lines...)...))
		_, err := x.do(Cancel{CommandID: "c"})
		assert.Equal(t, ReasonUnaccounted, rejected(t, err).Reason)
		replayIsLive(t, x)
	}
}

// What a notification that cannot be read is of may be on record with its amount: of that a person can say that it was
// done.
func TestUnread_KeepsTheAmountOnRecord(t *testing.T) {
	refund := Fact{Kind: RefundSucceeded, PaymentID: "P1", TransferID: "R1", Amount: usd(500)}
	failed := refund
	failed.Kind, failed.Code = RefundFailed, "X"
	x := in(t, Captured)
	before := x.o.Captured
	x.observe(refund)
	x.inquire(tells(StateSuccess, authorized(), captured("C1", 600), failed))
	assert.Zero(t, x.o.Refunded)
	x.observe(unreadOf(RefundUnread, "R1", ""))
	assert.Equal(t, before-500, x.o.Refundable())
	x.inquire(tells(StateSuccess, authorized(), captured("C1", 600)))
	x.must(statement(x.o.Doubts()[0], events.ResolvedSucceeded))
	assert.EqualValues(t, 500, x.o.Refunded)
	replayIsLive(t, x)

	x = in(t, Captured) // the newest word says no amount
	x.observe(Fact{Kind: RefundPending, PaymentID: "P1", TransferID: "R1", Amount: usd(300)})
	line := Fact{Kind: RefundUnclear, TransferID: "R1", Code: "ODD", Message: "why"}
	x.inquire(tells(StateSuccess, authorized(), captured("C1", 600), line))
	x.inquire(tells(StateSuccess, authorized(), captured("C1", 600), line))
	x.must(statement(x.o.Doubts()[0], events.ResolvedSucceeded))
	assert.EqualValues(t, 300, x.o.Refunded)
	replayIsLive(t, x)
}
