package order

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
)

// A dispute that ended, and of which nobody knows what it took, may have taken all of the late money.
func TestCompensate_NeverBesideADisputeOfAnUnknownAmount(t *testing.T) {
	x := movedLate(t)
	x.observe(Fact{Kind: DisputeClosed, TransferID: "D1", PaymentID: "P1", Outcome: events.DisputeLost, At: opened})
	require.Positive(t, x.o.inDispute())
	x.inquire(tells(StateSuccess, paid()))
	_, err := x.do(Compensate{})
	e := rejected(t, err)
	assert.Equal(t, ReasonDisputed, e.Reason)
	assert.NotZero(t, e.Cause.Version)
	x.observe(Fact{Kind: DisputeClosed, TransferID: "D1", PaymentID: "P1", Outcome: events.DisputeLost,
		Lost: usd(300), At: opened.Add(time.Hour)})
	x.must(Compensate{CommandID: "k"})
	assert.Equal(t, usd(700), x.op().Amount)
	replayIsLive(t, x)
}

// Of late money APO's newest word counts, as often as it changes: what an inquiry says was cancelled after one had said
// that it stands is let go, and what stands after that is late money again.
func TestLate_CancelledAndDoneByTurns(t *testing.T) {
	for name, c := range map[string]struct {
		mode  events.CaptureMode
		facts []Fact
	}{
		"held":           {CaptureManual, []Fact{authorized()}},
		"captured":       {CaptureManual, []Fact{authorized(), captured("C1", theAmount)}},
		"captured part":  {CaptureManual, []Fact{authorized(), captured("C1", 300)}},
		"in one step":    {CaptureNone, []Fact{paid()}},
		"found captured": {CaptureAutomatic, []Fact{authorized(), captured("C1", theAmount)}},
	} {
		t.Run(name, func(t *testing.T) {
			x := placed(t, c.mode)
			x.must(Cancel{CommandID: "cancel-0"})
			x.answer(done)
			gone, stands := tells(StateCancelled, cancelled()), tells(StateSuccess, c.facts...)
			for range 3 {
				x.later(time.Hour)
				x.inquire(stands)
				require.False(t, x.o.Late.IsZero())
				require.True(t, hasAnomaly(x.o, events.LatePayment))
				owed := x.o.Late
				x.later(time.Hour)
				x.inquire(stands)
				assert.Equal(t, owed, x.o.Late, "told again it is no more")
				x.inquire(gone)
				assert.True(t, x.o.Late.IsZero(), "%+v", x.o.Late)
				assert.False(t, hasAnomaly(x.o, events.LatePayment))
				_, err := x.do(Compensate{})
				assert.Equal(t, ReasonNoLateMoney, rejected(t, err).Reason)
				x.inquire(gone)
				assert.True(t, x.o.Late.IsZero())
			}
			replayIsLive(t, x)
		})
	}
}

// One answer that tells of both says neither.
func TestLate_AnAnswerThatTellsOfBothLetsNothingGo(t *testing.T) {
	x := in(t, Cancelled)
	x.observe(authorized())
	x.observe(captured("C1", theAmount))
	x.inquire(tells(StateSuccess, authorized(), captured("C1", theAmount)))
	owed := x.o.Late
	x.inquire(tells(StateCancelled, cancelled(), captured("C1", theAmount)))
	assert.Equal(t, owed, x.o.Late)
	replayIsLive(t, x)
}

// What a compensating cancel let go of, and an inquiry says stands, is late money once more.
func TestLate_StandsAfterItsCancel(t *testing.T) {
	x := compensating(heldLate(t))
	x.answer(done)
	require.True(t, x.o.Late.IsZero())
	x.later(time.Hour)
	x.inquire(tells(StateSuccess, authorized()))
	assert.Equal(t, int64(theAmount), x.o.Late.held())
	assert.True(t, hasAnomaly(x.o, events.LatePayment))
	x.inquire(tells(StateSuccess, authorized()))
	x.must(Compensate{CommandID: "k2"})
	x.answer(done)
	assert.True(t, x.o.Late.IsZero())
	replayIsLive(t, x)
}

// A VOID that came after the late payment lets go of what is held, whatever else its answer lists and whoever told of
// the money first; what moved it leaves.
func TestLate_AVoidLetsGoOfWhatIsHeld(t *testing.T) {
	for _, taken := range []int64{0, 300} {
		x := in(t, Cancelled)
		x.later(time.Minute)
		lines := []Fact{authorized()}
		lines[0].At = x.now
		if taken > 0 {
			lines = append(lines, captured("C1", taken))
		}
		x.inquire(tells(StateCancelled, append(lines, cancelled())...))
		require.Equal(t, int64(theAmount), x.o.Late.Authorized)
		x.later(time.Hour)
		x.inquire(tells(StateCancelled, append(lines, voided(x.now), cancelled())...))
		assert.Equal(t, []int64{0, taken}, []int64{x.o.Late.held(), x.o.Late.owed()})
		x.later(time.Hour)
		x.inquire(tells(StateCancelled, append(lines, voided(x.now.Add(-time.Hour)), cancelled())...))
		assert.Equal(t, taken, x.o.Late.owed(), "which is still with us")
		replayIsLive(t, x)
	}
}

// Late money that a notification told first, and an inquiry then, stands after the cancel: what an inquiry says was
// cancelled after that is let go.
func TestLate_WhatAnInquiryConfirmedIsLetGoByALaterOne(t *testing.T) {
	x := in(t, Cancelled)
	x.observe(authorized())
	require.Positive(t, x.o.Late.held())
	x.observe(Fact{Kind: PaymentFailed, PaymentID: "P1", Code: "USER_BALANCE_NOT_ENOUGH"})
	x.later(time.Hour)
	x.inquire(tells(StateSuccess, authorized()))
	require.Positive(t, x.o.Late.held())
	x.later(time.Hour)
	x.inquire(tells(StateCancelled, cancelled()))
	assert.True(t, x.o.Late.IsZero(), "%+v", x.o.Late)
	assert.False(t, hasAnomaly(x.o, events.LatePayment))
	replayIsLive(t, x)
}
