package order

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
)

// unheard begins an inquiry about a record and gets no usable answer.
func (x *till) unheard(record uint64) {
	x.free()
	started := x.must(Claim{Inquire: true, Record: record})[0].(events.InquiryStarted)
	x.must(RecordInquiry{Number: started.Number, Picture: Picture{Problem: "timeout"}})
}

// What APO told of one thing is no word on another that it was asked about later, and told nothing of.
func TestResolve_AnAnswerAboutSomethingElseIsNoWord(t *testing.T) {
	x := asked(t, CallRefund)
	x.park()
	intent := x.op().Intent
	x.free()
	x.must(Claim{Inquire: true, Record: 1})
	require.Equal(t, events.SubjectPayment, x.o.Inquiry.Subject)
	x.must(RecordInquiry{Number: x.o.Inquiry.Number, Picture: tells(StateSuccess, authorized(), captured("C1", 600))})
	x.unheard(intent)
	require.Equal(t, events.SubjectRefund, x.o.Inquiry.Subject)
	for _, word := range []events.Resolution{events.ResolvedFailed, events.ResolvedSucceeded} {
		_, err := x.do(Resolve{Record: intent, Resolution: word, Statement: "APO ticket 7"})
		assert.Equal(t, ReasonStaleInquiry, rejected(t, err).Reason, word)
	}

	x = in(t, Captured)
	x.inquire(tells(StateSuccess, authorized(), captured("C1", 600)))
	x.observe(Fact{Kind: CaptureFailed, TransferID: "C1", Code: "X"})
	doubt := x.o.Doubts()[0]
	x.unheard(doubt)
	_, err := x.do(statement(doubt, events.ResolvedFailed))
	assert.Equal(t, ReasonStaleInquiry, rejected(t, err).Reason, "the answer is older than the doubt")
	assert.Equal(t, CallInquirePayment, x.o.inquiryOf(0).Kind)
	x.inquire(tells("NEW"))
	x.must(statement(doubt, events.ResolvedFailed))

	late := heldLate(t)
	late.unheard(0)
	_, err = late.do(Compensate{})
	assert.Equal(t, ReasonStaleInquiry, rejected(t, err).Reason)
}

// A time of APO's that lies ahead keeps nothing waiting for longer than one of now.
func TestOverdue_APaymentDatedIntoTheFuture(t *testing.T) {
	x := placed(t, CaptureAutomatic)
	f := authorized()
	f.At = opened.AddDate(100, 0, 0)
	x.observe(f)
	require.Equal(t, GatewayOutstanding, x.o.Gateway)
	assert.Equal(t, opened, x.o.waitingSince())
	gateway := x.log[len(x.log)-1].Version
	x.later(25 * time.Hour)
	x.inquire(tells(StateSuccess, authorized()))
	x.must(statement(gateway, events.ResolvedFailed))
	replayIsLive(t, x)
}

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

// What an inquiry or a person called failed, and APO then takes after all, may stand: a capture like a refund.
func TestAnswer_ALateAcceptedIsNotLost(t *testing.T) {
	for _, kind := range []CallKind{CallCapture, CallRefund} {
		x := asked(t, kind)
		call := x.attempt()
		x.park()
		x.inquire(notExist)
		x.must(Resolve{Resolution: events.ResolvedFailed, Statement: "APO ticket 7"})
		require.False(t, x.o.Operation.Outstanding())
		facts := x.answerTo(call, Verdict{Class: VerdictAccepted, Code: "IN_PROCESS"})
		require.Len(t, facts, 1, kind)
		assert.True(t, hasAnomaly(x.o, events.LateAnswer), kind)
		assert.True(t, x.o.Unaccounted(), kind)
		assert.False(t, x.takes(Cancel{}), kind)
		assert.False(t, x.takes(Capture{Amount: usd(1)}), kind)
		assert.Empty(t, x.answerTo(call, Verdict{Class: VerdictAccepted, Code: "IN_PROCESS"}), kind)
		replayIsLive(t, x)
	}
}

// A person's word on what APO told under our own request ends what we had asked for, too.
func TestResolve_ADoubtUnderOurOwnRequestEndsItsOperation(t *testing.T) {
	for _, kind := range []CallKind{CallCapture, CallRefund} {
		for _, word := range []events.Resolution{events.ResolvedSucceeded, events.ResolvedFailed} {
			x := asked(t, kind)
			told := Fact{Kind: CaptureSucceeded, RequestID: "r-1", TransferID: "T1", Amount: usd(100)}
			if kind == CallRefund {
				told.Kind = RefundSucceeded
			}
			before := x.o
			x.observe(told)
			doubt := x.o.Doubts()[0]
			x.free()
			x.must(Claim{Inquire: true, Record: doubt})
			x.must(RecordInquiry{Number: x.o.Inquiry.Number, Picture: tells("NEW")})
			x.must(statement(doubt, word))
			assert.False(t, x.o.Operation.Outstanding(), "%s %s", kind, word)
			outcome, moved := OutcomeFailed, int64(0)
			if word == events.ResolvedSucceeded {
				outcome, moved = OutcomeSucceeded, 100
			}
			assert.Equal(t, outcome, x.o.Command("k").Outcome, "%s %s", kind, word)
			assert.Equal(t, moved, x.o.Captured+x.o.Refunded-before.Captured-before.Refunded, "%s %s", kind, word)
			if word == events.ResolvedSucceeded { // and its command follows what APO says later
				told.Kind, told.Code = map[FactKind]FactKind{CaptureSucceeded: CaptureFailed,
					RefundSucceeded: RefundFailed}[told.Kind], "X"
				x.inquire(tells(StateSuccess, told))
				assert.Equal(t, OutcomeFailed, x.o.Command("k").Outcome, kind)
			}
			replayIsLive(t, x)
		}
	}
}

// An answer that tells of a transfer both that it ended and that it is in process says the former, however often.
func TestUnasked_WhatTheSameAnswerTellsTheEndOf(t *testing.T) {
	for pending, end := range map[FactKind]FactKind{RefundPending: RefundFailed, CapturePending: CaptureFailed} {
		x := in(t, Captured)
		answer := tells(StateSuccess, Fact{Kind: end, RequestID: "q-9", Code: "X"}, Fact{Kind: pending, RequestID: "q-9"})
		for range 3 {
			x.inquire(answer)
			assert.Empty(t, x.o.Anomalies, pending)
			assert.False(t, x.o.Unaccounted(), pending)
		}
	}
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

// Whatever names APO tells it by, what it works on keeps ours from being sent again beside it, and a cancel from going
// out, until it is said what became of it.
func TestUnasked_UnderWhateverName(t *testing.T) {
	for name, f := range map[string]Fact{
		"APO's name":      {Kind: CapturePending, TransferID: "C9", Amount: usd(300)},
		"no name":         {Kind: CapturePending, Amount: usd(300)},
		"somebody's name": {Kind: CapturePending, RequestID: "q-9", Amount: usd(300)},
	} {
		for _, mode := range []events.CaptureMode{CaptureManual, CaptureAutomatic} {
			x := placed(t, mode)
			x.observe(authorized())
			if mode == CaptureManual {
				x.must(Capture{CommandID: "k", Amount: usd(400)})
				x.answer(silence)
			}
			x.inquire(tells(StateSuccess, authorized(), f))
			own := mode == CaptureAutomatic && f.RequestID == ""
			assert.Equal(t, !own, x.o.Unaccounted(), "%s %s", name, mode)
			for range 3 {
				x.now = x.o.NextDue()
				call, due := x.o.Due(x.now)
				require.True(t, due)
				assert.True(t, call.IsInquiry(), "%s %s: %s", name, mode, call.Kind)
				assert.Len(t, x.inquire(tells(StateSuccess, authorized(), f)), 1, "%s %s", name, mode)
			}
			if mode == CaptureManual && f != (Fact{Kind: CapturePending, Amount: usd(300)}) {
				f := f
				f.Kind, f.Code = CaptureFailed, "X"
				x.inquire(tells(StateSuccess, authorized(), f))
				assert.False(t, x.o.Unaccounted(), name)
				x.retry()
			}
			replayIsLive(t, x)
		}
	}
	x := placed(t, CaptureAutomatic) // of which the payment is not known yet
	x.inquire(tells(StatePending, Fact{Kind: CapturePending, RequestID: "q-9", Amount: usd(300)}))
	assert.True(t, x.o.Unaccounted())
	assert.False(t, x.takes(Cancel{}))
	for _, id := range []string{"", "F9"} {
		x = asked(t, CallRefund)
		x.answer(Verdict{Class: VerdictAccepted, Code: "IN_PROCESS"})
		left := x.o.Refundable()
		x.free()
		x.must(Claim{Inquire: true, Record: 1})
		x.must(RecordInquiry{Number: x.o.Inquiry.Number, Picture: tells(StateSuccess, authorized(),
			captured("C1", 600), Fact{Kind: RefundPending, TransferID: id, Amount: usd(300)})})
		assert.Equal(t, left-300, x.o.Refundable(), id)
	}
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
