package order

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tilltape/tilltape/events"
)

// An order is placed to be captured, and APO signs that its payment was made in one step: the money has moved.

func TestWhole_TheMoneyHasMoved(t *testing.T) {
	for _, mode := range []events.CaptureMode{CaptureManual, CaptureAutomatic} {
		for name, before := range map[string][]Fact{"not known before": nil, "authorized": {authorized()},
			"failed": {failed()}} {
			x := placed(t, mode)
			for _, f := range before {
				x.observe(f)
			}
			x.observe(paid())
			assert.Equal(t, []any{Captured, int64(theAmount), int64(theAmount), GatewayNone},
				[]any{x.o.Status, x.o.Authorized, x.o.Captured, x.o.Gateway}, "%s, %s", mode, name)
			require.NotEmpty(t, x.o.Anomalies, "a person sees that it is not what was placed")
			_, err := x.do(Cancel{CommandID: "k"})
			assert.Equal(t, ReasonCaptured, rejected(t, err).Reason)
			assert.NotZero(t, rejected(t, err).Cause.Version)
			_, err = x.do(Capture{CommandID: "k", Amount: usd(1)})
			require.Error(t, err, "nothing is left to capture")
			assert.Empty(t, x.observe(paid()), "once")
			x.observe(authorized())
			assert.Equal(t, []any{Captured, int64(theAmount)}, []any{x.o.Status, x.o.Captured}, "whichever came first")
			x.must(ClearAnomaly{CommandID: "c", Anomaly: x.o.Anomalies[0].Version, Reason: "seen"})
			assert.False(t, x.takes(Cancel{CommandID: "k"}), "the rule does not rest on the flag")
			if name == "failed" {
				assert.False(t, x.takes(Refund{CommandID: "f", Amount: usd(1)}), "nobody knows which word is the newer")
				x.inquire(tells(StateSuccess, paid()))
			}
			assert.True(t, x.takes(Refund{CommandID: "f", Amount: usd(theAmount)}))
			replayIsLive(t, x)
		}
	}
}

// A cancel under way cannot succeed any more, and is not sent again.
func TestWhole_EndsACancelUnderWay(t *testing.T) {
	x := in(t, Authorized)
	x.must(Cancel{CommandID: "k"})
	x.answer(unknownU)
	x.observe(paid())
	assert.Equal(t, CommandState{Verb: VerbCancel, Outcome: OutcomeFailed, Code: CodeCaptured, Version: x.o.Version},
		x.o.Command("k"))
}

// Captures that are told beside it are of the same money, whichever comes first.
func TestWhole_CapturesAreOfTheSameMoney(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		part := rapid.Int64Range(1, theAmount-1).Draw(t, "part")
		facts := []Fact{authorized(), paid(), captured("C1", part), captured("C2", theAmount-part), refunded("F1", 100)}
		x := told(t, CaptureManual, retold(t, facts))
		require.Equal(t, []any{Refunded, int64(theAmount), int64(theAmount), int64(100), false},
			[]any{x.o.Status, x.o.Authorized, x.o.Captured, x.o.Refunded, x.o.Unaccounted()})
		x.observe(captured("C3", 1))
		require.True(t, x.o.Unaccounted(), "more than there is is more than there is")
		replayIsLive(t, x)
	})
}

// A capture that is taken back leaves what has moved where it is.
func TestWhole_StaysCapturedWithoutItsCaptures(t *testing.T) {
	x := in(t, Captured)
	x.observe(paid())
	x.observe(Fact{Kind: CaptureFailed, TransferID: "C1", Code: "X"})
	x.inquire(tells(StateSuccess, Fact{Kind: CaptureFailed, TransferID: "C1", Code: "X"}))
	assert.Equal(t, []any{Captured, int64(theAmount)}, []any{x.o.Status, x.o.Captured})
	assert.False(t, x.takes(Cancel{CommandID: "k"}))
	replayIsLive(t, x)
}

// What it was raised to is what has moved, if APO signs as much.
func TestWhole_OfARaisedAuthorization(t *testing.T) {
	x := placed(t, CaptureManual) // whichever is told first
	x.observe(raised("u1", 1500))
	x.observe(captured("C1", 1200))
	x.observe(paid())
	assert.Equal(t, []any{Captured, int64(1200), int64(1200)}, []any{x.o.Status, x.o.Authorized, x.o.Captured})
	replayIsLive(t, x)
	for moved, want := range map[int64]int64{1500: 1500, theAmount: theAmount} {
		x := in(t, Authorized)
		x.observe(raised("u1", 1500))
		f := paid()
		f.Amount = usd(moved)
		x.observe(f)
		assert.Equal(t, []any{Captured, want, want}, []any{x.o.Status, x.o.Authorized, x.o.Captured})
		replayIsLive(t, x)
	}
}

func TestWhole_OnACancelledOrder(t *testing.T) {
	x := cancelledByS(t, CaptureManual)
	f := paid()
	f.At = cancelledAt.Add(1e9)
	x.observe(f)
	assert.Equal(t, Late{Authorized: theAmount, Captured: theAmount}, x.o.Late)
	x.inquire(tells(StateCancelled, f))
	x.must(Compensate{CommandID: "k"})
	assert.Equal(t, CallRefund, x.o.Operation.Kind, "a cancel does not give back what has moved")

	x = cancelledByS(t, CaptureManual)
	f.At = paidAt
	x.observe(f)
	assert.Equal(t, []any{Late{}, int64(theAmount), 0}, []any{x.o.Late, x.o.Captured, len(x.o.Anomalies)}, "undone")
	replayIsLive(t, x)
}
