package order

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
)

// What somebody else asked for and APO works on may move money any moment: nothing goes out beside it that must not,
// and APO is asked until it has said what became of it, which then needs no person.
func TestUnasked_WhatAPOWorksOnForSomebodyElse(t *testing.T) {
	capturing := Fact{Kind: CapturePending, TransferID: "C9", RequestID: "q9", Amount: usd(300)}
	refunding := Fact{Kind: RefundPending, TransferID: "F9", RequestID: "q9", Amount: usd(300)}
	failing := func(f Fact) Fact {
		f.Kind = map[FactKind]FactKind{CapturePending: CaptureFailed, RefundPending: RefundFailed}[f.Kind]
		f.Code = "RISK_REJECT"
		return f
	}
	done := func(f Fact) Fact {
		f.Kind = map[FactKind]FactKind{CapturePending: CaptureSucceeded, RefundPending: RefundSucceeded}[f.Kind]
		return f
	}
	for name, c := range map[string]struct {
		status  Status
		pending Fact
		refused Command
		left    int64 // what may be refunded while it goes on
	}{
		"a capture, and a cancel":     {Authorized, capturing, Cancel{}, 0},
		"a capture, and a capture":    {Authorized, capturing, Capture{Amount: usd(1)}, 0},
		"a refund, and a cancel":      {Paid, refunding, Cancel{}, 700},
		"a refund, and a refund":      {Captured, refunding, Refund{Amount: usd(301)}, 300},
		"a capture of a paid payment": {Paid, capturing, Cancel{}, theAmount},
	} {
		for _, end := range []func(Fact) Fact{failing, done} {
			t.Run(name, func(t *testing.T) {
				x := in(t, c.status)
				before := x.o
				picture := tells(StateSuccess, success(c.status), c.pending)
				x.inquire(picture)
				assert.False(t, x.takes(c.refused))
				assert.Equal(t, c.left, x.o.Refundable())
				require.Len(t, x.o.Anomalies, 1)
				for range 3 {
					require.False(t, x.o.NextDue().IsZero())
					x.now = x.o.NextDue()
					assert.Len(t, x.inquire(picture), 1)
				}
				x.observe(end(c.pending))
				assert.Equal(t, c.pending.Kind == CapturePending && c.status == Paid && end(c.pending).Code == "",
					x.o.Unaccounted(), "a captured payment in one step is a contradiction of its own")
				if c.pending.Kind == RefundPending || c.status != Paid {
					assert.Empty(t, x.o.Anomalies)
				}
				if failed := end(c.pending).Code != ""; failed {
					assert.Equal(t, []any{before.Status, amounts(before)}, []any{x.o.Status, amounts(x.o)})
				}
				replayIsLive(t, x)
			})
		}
	}
}

// What is ours, or APO's own, is nobody else's.
func TestUnasked_WhatIsAskedForOrAPOsOwn(t *testing.T) {
	x := in(t, Authorized)
	x.must(Capture{CommandID: "c", Amount: usd(300)})
	x.answer(silence)
	x.inquire(tells(StateSuccess, authorized(), Fact{Kind: CapturePending, TransferID: "C1", Amount: usd(300)}))
	assert.True(t, x.o.Unaccounted(), "it may be ours under APO's name, or somebody's")
	x.inquire(tells(StateSuccess, authorized(),
		Fact{Kind: CapturePending, TransferID: "C1", RequestID: "r-1", Amount: usd(300)}))
	assert.Equal(t, Accepted, x.op().Phase)
	x.inquire(tells(StateSuccess, authorized(),
		Fact{Kind: CaptureSucceeded, TransferID: "C1", RequestID: "r-1", Amount: usd(300)}))
	assert.Equal(t, []any{OutcomeSucceeded, int64(300), false, 0},
		[]any{x.o.Command("c").Outcome, x.o.Captured, x.o.Unaccounted(), len(x.o.Anomalies)})
	x = placed(t, CaptureAutomatic)
	x.inquire(tells(StateSuccess, authorized(), Fact{Kind: CapturePending, TransferID: "C1", Amount: usd(theAmount)}))
	assert.False(t, x.o.Unaccounted())
	x = in(t, Refunded)
	x.inquire(tells(StateSuccess, authorized(), Fact{Kind: RefundPending, TransferID: "F1", Amount: usd(100)}))
	assert.False(t, x.o.Unaccounted(), "what was done is told once more")
}

// An order of which APO tells nothing is asked about ever more rarely, is given to a person, and at last left alone.
func TestOverdue_WhatAPOTellsNothingOf(t *testing.T) {
	for _, s := range []Status{Created, Authorized} {
		x := in(t, s)
		x.policy = Policy{Jitter: NoJitter}
		told := 1
		if s == Authorized {
			x.observe(failed()) // which puts the payment in doubt
			told = 2
		}
		asked := 0
		for ; !x.o.NextDue().IsZero(); asked++ {
			require.Less(t, asked, 120)
			x.now = x.o.NextDue()
			started := x.must(Claim{})[0].(events.InquiryStarted)
			x.must(RecordInquiry{Number: started.Number, Picture: Picture{Problem: "timeout"}})
		}
		assert.InDelta(t, OverdueMax.Hours(), x.now.Sub(opened).Hours(), (2 * ParkedEvery).Hours())
		require.Len(t, x.o.Anomalies, told)
		a := x.o.Anomalies[told-1]
		assert.Equal(t, events.NoResult, a.Reason)
		assert.InDelta(t, DefaultParkAccepted.Hours(), a.At.Sub(opened).Hours(), (2 * ParkedEvery).Hours())
		replayIsLive(t, x)
	}
}

// APO's own capture of which it never tells the end: a person does, after an inquiry, and not on its first day.
func TestUnasked_APOsOwnCaptureIsSettledByAPerson(t *testing.T) {
	for _, word := range []events.Resolution{events.ResolvedSucceeded, events.ResolvedFailed} {
		for _, late := range []bool{false, true} {
			x := placed(t, CaptureAutomatic)
			if late {
				x.must(Cancel{CommandID: "k"})
				x.answer(done)
			}
			x.observe(authorized())
			require.Equal(t, GatewayOutstanding, x.o.Gateway)
			settle := Resolve{CommandID: "s", Record: x.log[len(x.log)-1].Version, Resolution: word, Statement: "ticket 7"}
			if late {
				settle.Record-- // the anomaly stands behind it
			}
			x.inquire(tells(StateSuccess, authorized()))
			_, err := x.do(settle)
			assert.Equal(t, ReasonNoDoubt, rejected(t, err).Reason)
			x.later(25 * time.Hour)
			_, err = x.do(settle)
			assert.Equal(t, ReasonStaleInquiry, rejected(t, err).Reason)
			x.inquire(tells(StateSuccess, authorized()))
			override := settle
			override.Override = true
			_, err = x.do(override)
			assert.ErrorContains(t, err, "override")
			x.must(settle)
			moved := map[events.Resolution]int64{events.ResolvedSucceeded: theAmount}[word]
			assert.Equal(t, moved, x.o.Captured+x.o.Late.Captured)
			assert.Equal(t, late, x.o.Late.Captured == moved && x.o.Status == Cancelled)
			assert.NotEqual(t, GatewayOutstanding, x.o.Gateway)
			if word == events.ResolvedFailed && !late {
				assert.True(t, x.takes(Capture{Amount: usd(1)}), "it is ours to make")
			}
			facts := x.observe(captured("AUTO", theAmount))
			assert.Equal(t, int64(theAmount), x.o.Captured+x.o.Late.Captured, "told after all, it is that one: %v", facts)
			replayIsLive(t, x)
		}
	}
}

// An answer that tells of a transfer both that it was done and that it is in process says the former, however often.
func TestUnasked_WhatTheSameAnswerTellsTheEndOf(t *testing.T) {
	for pending, end := range map[FactKind]FactKind{RefundPending: RefundSucceeded, CapturePending: CaptureSucceeded} {
		x := in(t, Captured)
		x.policy.SeveralCaptures = []string{MethodCard}
		answer := tells(StateSuccess, Fact{Kind: end, RequestID: "q-9", Amount: usd(100)},
			Fact{Kind: pending, RequestID: "q-9", Amount: usd(100)})
		for range 3 {
			x.inquire(answer)
			assert.Empty(t, x.o.Anomalies, pending)
			assert.False(t, x.o.Unaccounted(), pending)
		}
	}
	x := in(t, Refunded)
	x.observe(Fact{Kind: RefundFailed, TransferID: "F1", Code: "X"})
	require.Len(t, x.o.Doubts(), 1)
	x.inquire(tells(StateSuccess, refunded("F1", 100), Fact{Kind: RefundPending, TransferID: "F1", Amount: usd(100)}))
	assert.Empty(t, x.o.Doubts(), "and what was in doubt is settled by it")
}

// One that tells of a transfer both that it failed and that it is in process decides nothing: it may stand.
func TestUnasked_FailedAndInProcessByOneAnswer(t *testing.T) {
	for pending, end := range map[FactKind]FactKind{RefundPending: RefundFailed, CapturePending: CaptureFailed} {
		x := in(t, Captured)
		x.policy.SeveralCaptures = []string{MethodCard}
		answer := tells(StateSuccess, Fact{Kind: end, RequestID: "q-9", Code: "X"},
			Fact{Kind: pending, RequestID: "q-9", Amount: usd(100)})
		for range 3 {
			x.inquire(answer)
			assert.Len(t, x.o.Anomalies, 1, pending)
			assert.True(t, x.o.Unaccounted(), pending)
			assert.False(t, x.takes(Capture{Amount: usd(1)}))
		}
		x.inquire(tells(StateSuccess, answer.Facts[0]))
		assert.False(t, x.o.Unaccounted(), "the failure alone is a word")
		replayIsLive(t, x)
	}
	both := func(request string) Picture {
		return tells(StateSuccess, Fact{Kind: RefundFailed, TransferID: "F1", RequestID: request, Code: "X"},
			Fact{Kind: RefundPending, TransferID: "F1", RequestID: request, Amount: usd(200)})
	}
	x := asked(t, CallRefund) // ours, which APO works on
	request := x.op().RequestID
	x.answer(works)
	left := x.o.Refundable()
	for range 3 {
		x.free()
		x.must(Claim{Inquire: true})
		x.must(RecordInquiry{Number: x.o.Inquiry.Number, Picture: both(request)})
		require.Len(t, x.o.Operations(), 1, "it has not ended")
		assert.Equal(t, left, x.o.Refundable(), "nor is its amount free")
	}
	replayIsLive(t, x)
	x.observe(both(request).Facts[0])
	assert.Empty(t, x.o.Operations())

	x = in(t, Refunded) // one that counts
	x.inquire(both(""))
	assert.Equal(t, []any{int64(100), 1}, []any{x.o.Refunded, len(x.o.Doubts())})

	x = placed(t, CaptureAutomatic) // APO's own
	x.observe(authorized())
	x.inquire(tells(StateSuccess, Fact{Kind: CaptureFailed, TransferID: "AUTO", Code: "X"},
		Fact{Kind: CapturePending, TransferID: "AUTO"}))
	assert.Equal(t, GatewayOutstanding, x.o.Gateway)
	assert.False(t, x.takes(Cancel{}))
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
