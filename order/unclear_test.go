package order

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
)

// unclear is a line of a capture or refund in a state that nobody here knows.
func unclear(kind FactKind, id, request string, minor int64) Fact {
	return Fact{Kind: kind, TransferID: id, RequestID: request, Amount: usd(minor), Code: "REVIEW"}
}

// What counts and is told so is in doubt: its next word ends that, whichever it is, and the same state after it begins
// it again.
func TestUnclear_WhatCountsIsInDoubtUntilTheNextWord(t *testing.T) {
	for kind, c := range map[FactKind]struct {
		good, bad Fact
		captured  int64
		refunded  int64
	}{
		CaptureUnclear: {captured("C1", 600), Fact{Kind: CaptureFailed, TransferID: "C1", Code: "X"}, 600, 0},
		RefundUnclear:  {refunded("F1", 100), Fact{Kind: RefundFailed, TransferID: "F1", Code: "X"}, 600, 100},
	} {
		x := in(t, Captured)
		if kind == RefundUnclear {
			x = in(t, Refunded)
		}
		line := unclear(kind, c.good.TransferID, "", c.good.Amount.Minor)
		for range 2 {
			for range 2 {
				x.inquire(tells(StateSuccess, authorized(), line))
				require.Len(t, x.o.Doubts(), 1, kind)
				assert.Equal(t, []int64{c.captured, c.refunded}, []int64{x.o.Captured, x.o.Refunded}, "it may stand")
				assert.Equal(t, kind == CaptureUnclear, x.o.Refundable() == 0, "or may not")
				assert.False(t, x.o.NextDue().IsZero())
			}
			x.inquire(tells(StateSuccess, authorized(), c.good))
			require.Empty(t, x.o.Doubts(), kind)
			assert.Empty(t, x.o.Anomalies)
		}
		x.inquire(tells(StateSuccess, authorized(), line))
		x.inquire(tells(StateSuccess, authorized(), c.bad))
		assert.Empty(t, x.o.Doubts(), kind)
		assert.Equal(t, int64(0), map[FactKind]int64{CaptureUnclear: x.o.Captured, RefundUnclear: x.o.Refunded}[kind])
		replayIsLive(t, x)
	}
}

// What was never heard of may stand, as what it is: a person says what became of a capture that it captured.
func TestUnclear_WhatNobodyHeardOfStandsAsWhatItIs(t *testing.T) {
	for _, id := range []string{"T9", ""} {
		for kind, moved := range map[FactKind][]int64{CaptureUnclear: {700, 0}, RefundUnclear: {600, 100}} {
			for word, does := range map[events.Resolution]bool{events.ResolvedSucceeded: true, events.ResolvedFailed: false} {
				x := in(t, Captured)
				answer := tells(StateSuccess, authorized(), captured("C1", 600), unclear(kind, id, "", 100))
				for range 2 {
					x.inquire(answer)
					require.Len(t, x.o.Doubts(), 1, kind)
					assert.True(t, x.o.Unaccounted())
				}
				x.must(statement(x.o.Doubts()[0], word))
				moved := moved
				if !does {
					moved = []int64{600, 0}
				}
				for range 3 {
					assert.Equal(t, moved, []int64{x.o.Captured, x.o.Refunded}, "%s %q %s", kind, id, word)
					assert.False(t, x.o.Unaccounted())
					x.later(24 * time.Hour)
					require.Len(t, x.inquire(answer), 1, "the same state says no more than that")
				}
				answer.Facts[2].Code = "REVERSED"
				x.inquire(answer)
				assert.Len(t, x.o.Doubts(), 1, "another one does: %s %q", kind, id)
				replayIsLive(t, x)
			}
		}
	}
}

// What a person says of one that counts holds too.
func TestUnclear_WhatAPersonSaysOfWhatCountsHolds(t *testing.T) {
	for word, left := range map[events.Resolution]int64{events.ResolvedSucceeded: 600, events.ResolvedFailed: 0} {
		x := in(t, Captured)
		answer := tells(StateSuccess, authorized(), unclear(CaptureUnclear, "C1", "", 600))
		x.inquire(answer)
		x.inquire(answer)
		x.must(statement(x.o.Doubts()[0], word))
		for range 3 {
			assert.Equal(t, []any{left, left, 0}, []any{x.o.Captured, x.o.Refundable(), len(x.o.Doubts())})
			x.later(24 * time.Hour)
			require.Len(t, x.inquire(answer), 1)
		}
		x.inquire(tells(StateSuccess, authorized(), Fact{Kind: CaptureFailed, TransferID: "C1", Code: "X"}))
		assert.Zero(t, x.o.Captured, "and APO's newest word after it, too")
		replayIsLive(t, x)
	}
}

// Ours that is under way stays ours: it is not sent again, is asked about, and ends by APO's next word or a person's.
func TestUnclear_OursStaysOurs(t *testing.T) {
	for kind, line := range map[CallKind]FactKind{CallCapture: CaptureUnclear, CallRefund: RefundUnclear} {
		for _, person := range []bool{false, true} {
			x := asked(t, kind)
			p := x.op()
			x.answer(silence)
			told := unclear(line, "T9", p.RequestID, p.Amount.Minor)
			captures, refunds := x.o.Captured, x.o.Refunded
			for range 3 {
				x.inquire(tells(StateSuccess, authorized(), told))
				require.Len(t, x.o.Operations(), 1, "%s", kind)
				assert.Empty(t, x.o.Doubts())
				assert.Equal(t, []int64{captures, refunds}, []int64{x.o.Captured, x.o.Refunded})
				x.now = x.o.NextDue()
				require.IsType(t, events.InquiryStarted{}, x.must(Claim{})[0], "nothing is sent again")
				x.must(RecordInquiry{Number: x.o.Inquiry.Number, Picture: tells(StateSuccess, authorized(), told)})
			}
			if person {
				for x.op().Phase != Parked {
					x.now = x.o.NextDue()
					x.must(Claim{})
					x.must(RecordInquiry{Number: x.o.Inquiry.Number, Picture: tells(StateSuccess, authorized(), told)})
				}
				x.must(Resolve{CommandID: "s", Record: p.Intent, Resolution: events.ResolvedSucceeded, Override: true,
					Statement: "ticket 7"})
			} else {
				told.Kind = map[FactKind]FactKind{CaptureUnclear: CaptureSucceeded, RefundUnclear: RefundSucceeded}[line]
				x.inquire(tells(StateSuccess, authorized(), told))
			}
			assert.Empty(t, x.o.Operations())
			assert.Equal(t, p.Amount.Minor, x.o.Captured+x.o.Refunded-captures-refunds, "%s, person: %t", kind, person)
			replayIsLive(t, x)
		}
	}
}

// An answer that also says that it was done, or failed, decides nothing.
func TestUnclear_BesideAnotherWordOfTheSameAnswer(t *testing.T) {
	for _, other := range []Fact{captured("T9", 100), {Kind: CaptureFailed, TransferID: "T9", Code: "X"},
		{Kind: CapturePending, TransferID: "T9", Amount: usd(100)}} {
		x := in(t, Captured)
		x.policy.SeveralCaptures = []string{MethodCard}
		answer := tells(StateSuccess, authorized(), captured("C1", 600), unclear(CaptureUnclear, "T9", "", 100), other)
		for range 3 {
			x.inquire(answer)
			assert.Len(t, x.o.Doubts(), 1, other.Kind)
			assert.LessOrEqual(t, x.o.Refundable(), int64(600))
		}
		assert.Len(t, x.inquire(answer), 1)
		replayIsLive(t, x)
	}
}
