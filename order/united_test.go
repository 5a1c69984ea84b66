package order

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
)

// permutations are all orders of the facts.
func permutations(facts []Fact) (out [][]Fact) {
	if len(facts) < 2 {
		return [][]Fact{slices.Clone(facts)}
	}
	for i, f := range facts {
		rest := slices.Delete(slices.Clone(facts), i, i+1)
		for _, p := range permutations(rest) {
			out = append(out, append([]Fact{f}, p...))
		}
	}
	return out
}

// entriesOf are the entries of the book that move that way, but for what has failed.
func entriesOf(o Order, moves events.Transfer) (out []Entry) {
	for _, e := range o.Book() {
		if e.Transfer == moves && !e.Failed {
			out = append(out, e)
		}
	}
	return out
}

// However a capture or refund is named first, it counts once as soon as one message has named it by both identifiers,
// and what an inquiry says of it afterwards is said of that one.
func TestUnited_HoweverOneTransferIsNamed(t *testing.T) {
	for kind, moves := range map[FactKind]events.Transfer{CaptureSucceeded: events.TransferCapture,
		RefundSucceeded: events.TransferRefund} {
		id, request, both := naming(kind, 300)
		for i, words := range permutations([]Fact{id, request, both}) {
			t.Run(fmt.Sprint(kind, " ", i), func(t *testing.T) {
				x := placed(t, CaptureManual)
				x.observe(authorized())
				before := 0
				if kind == RefundSucceeded {
					x.observe(captured("C0", 700))
				}
				for _, f := range words {
					x.observe(f)
				}
				assert.Equal(t, []any{int64(300), before + 1}, []any{x.o.Captured + x.o.Refunded - captureOf(kind),
					len(entriesOf(x.o, moves))})
				assert.Empty(t, x.o.Doubts())
				assert.Empty(t, append(x.observe(id), append(x.observe(request), x.observe(both)...)...))
				replayIsLive(t, x)

				x = placed(t, CaptureManual)
				x.observe(authorized())
				if kind == RefundSucceeded {
					x.observe(captured("C0", 700))
				}
				for _, f := range words[:2] {
					x.observe(f)
				}
				truth := []Fact{authorized(), both}
				if kind == RefundSucceeded {
					truth = append(truth, captured("C0", 700))
				}
				x.inquire(tells(StateSuccess, truth...))
				assert.Equal(t, []any{int64(300), 1}, []any{x.o.Captured + x.o.Refunded - captureOf(kind),
					len(entriesOf(x.o, moves))})
				assert.Empty(t, x.o.Doubts())
				assert.Len(t, x.inquire(tells(StateSuccess, truth...)), 1, "and it teaches nothing any more")
				replayIsLive(t, x)
			})
		}
	}
}

// captureOf is what the test above captures to refund of.
func captureOf(kind FactKind) int64 {
	if kind == RefundSucceeded {
		return 700
	}
	return 0
}

// Our own capture, done without its identifier by the answer, then told by that identifier alone, then by both: the
// command is that of the one entry, whatever APO says of it later.
func TestUnited_OurCommandFollows(t *testing.T) {
	x := in(t, Authorized)
	x.must(Capture{CommandID: "k", Amount: usd(400)})
	request := x.op().RequestID
	x.answer(done)
	x.observe(captured("T1", 400))
	both := Fact{Kind: CaptureSucceeded, TransferID: "T1", RequestID: request, Amount: usd(400)}
	x.inquire(tells(StateSuccess, authorized(), both))
	assert.Equal(t, []any{int64(400), int64(400)}, []any{x.o.Captured, x.o.Refundable()})
	_, err := x.do(Refund{CommandID: "r", Amount: usd(800)})
	assert.Equal(t, ReasonRemainder, rejected(t, err).Reason)
	one := entriesOf(x.o, events.TransferCapture)
	require.Len(t, one, 1)
	assert.True(t, one[0].Ours)
	assert.Equal(t, CommandState{Verb: VerbCapture, Outcome: OutcomeSucceeded, Version: one[0].Record}, x.o.Command("k"))
	both.Kind, both.Code = CaptureFailed, "X"
	x.inquire(tells(StateSuccess, authorized(), both))
	assert.Equal(t, []any{Authorized, int64(0), OutcomeFailed},
		[]any{x.o.Status, x.o.Captured, x.o.Command("k").Outcome})
	replayIsLive(t, x)
}

// A failure that names two which count is of one: by the newest word nothing of it is left, and until that is known
// nothing of it goes back.
func TestUnited_AFailureThatNamesBoth(t *testing.T) {
	for kind, failure := range map[FactKind]FactKind{CaptureSucceeded: CaptureFailed, RefundSucceeded: RefundFailed} {
		id, request, both := naming(kind, 100)
		both.Kind, both.Code = failure, "X"
		for _, inquiry := range []bool{false, true} {
			x := in(t, Captured)
			x.policy.SeveralCaptures = []string{MethodCard}
			before := x.o.Captured
			x.observe(id)
			x.observe(request)
			if !inquiry {
				x.observe(both)
				require.Len(t, x.o.Doubts(), 1)
				assert.Equal(t, x.now, x.o.NextDue(), "APO is asked at once")
			}
			x.inquire(tells(StateSuccess, authorized(), both))
			assert.Equal(t, []any{before, int64(0), 0}, []any{x.o.Captured, x.o.Refunded, len(x.o.Doubts())})
			replayIsLive(t, x)
		}
	}
}

// Of two amounts under its two names the newest word is the amount; until then nothing that may have gone is refunded.
func TestUnited_OfTwoAmounts(t *testing.T) {
	for _, kind := range []FactKind{CaptureSucceeded, RefundSucceeded} {
		for _, truth := range []int64{100, 60, 80} {
			id, request, both := naming(kind, 100)
			request.Amount, both.Amount = usd(60), usd(truth)
			for _, inquiry := range []bool{false, true} {
				x := in(t, Captured)
				before := x.o.Captured + x.o.Refunded
				for _, f := range []Fact{id, request} {
					x.observe(f)
				}
				if !inquiry {
					x.observe(both)
					require.Len(t, x.o.Doubts(), 1, "%s %d", kind, truth)
					assert.Equal(t, x.now, x.o.NextDue(), "APO is asked at once")
					assert.LessOrEqual(t, x.o.Refundable(), before)
				}
				x.inquire(tells(StateSuccess, authorized(), both))
				assert.Equal(t, []any{before + truth, 0}, []any{x.o.Captured + x.o.Refunded, len(x.o.Doubts())},
					"%s %d", kind, truth)
				assert.Len(t, x.inquire(tells(StateSuccess, authorized(), both)), 1)
				replayIsLive(t, x)
			}
		}
	}
}

// One of which a name was said to have failed is in doubt until the newest word; so is one that may stand with another
// amount under its other name.
func TestUnited_WithWhatDoesNotCount(t *testing.T) {
	id, request, both := naming(CaptureSucceeded, 400)
	request.Kind, request.Code = CaptureFailed, "X"
	x := in(t, Authorized)
	x.observe(id)
	x.observe(request)
	x.observe(both)
	require.Len(t, x.o.Doubts(), 1)
	assert.Zero(t, x.o.Refundable())
	x.inquire(tells(StateSuccess, authorized(), both))
	assert.Equal(t, []any{int64(400), 0}, []any{x.o.Refundable(), len(x.o.Doubts())})
	assert.Len(t, entriesOf(x.o, events.TransferCapture), 1)
	replayIsLive(t, x)

	id, request, both = naming(RefundSucceeded, 400)
	request.Amount = usd(1200)
	for _, truth := range []int64{400, 300} {
		x = in(t, Captured)
		x.observe(id)
		x.observe(request)
		x.observe(both)
		require.True(t, x.o.Unaccounted())
		both.Amount = usd(truth)
		x.inquire(tells(StateSuccess, authorized(), both))
		assert.Equal(t, []any{truth, 0, x.o.Captured - truth}, []any{x.o.Refunded, len(x.o.Doubts()), x.o.Refundable()})
		replayIsLive(t, x)
	}
}

// A refund that waits for its capture under each of its names is one, and of two amounts it reserves the larger.
func TestUnited_WhatIsHeld(t *testing.T) {
	id, request, both := naming(RefundSucceeded, 100)
	x := in(t, Authorized)
	for _, f := range []Fact{id, request, both} {
		x.observe(f)
	}
	require.Len(t, x.o.Held, 1)
	x.observe(captured("C1", 600))
	assert.Equal(t, []any{int64(100), int64(500), 0}, []any{x.o.Refunded, x.o.Refundable(), len(x.o.Held)})
	replayIsLive(t, x)

	x = placed(t, CaptureManual) // one counts, the other is held
	x.observe(captured("C1", 100))
	x.observe(request)
	x.observe(id)
	require.Len(t, x.o.Held, 1)
	x.observe(both)
	assert.Equal(t, []any{int64(100), 0, 0}, []any{x.o.Refunded, len(x.o.Held), len(x.o.Doubts())})
	x.observe(captured("C2", 300))
	assert.EqualValues(t, 300, x.o.Refundable())
	replayIsLive(t, x)
}

// Names that belong to two transfers, each known by both of its own, prove nothing.
func TestUnited_NamesOfTwoProveNothing(t *testing.T) {
	x := in(t, Authorized)
	one := Fact{Kind: CaptureSucceeded, TransferID: "T1", RequestID: "R1", Amount: usd(100)}
	two := Fact{Kind: CaptureSucceeded, TransferID: "T2", RequestID: "R2", Amount: usd(100)}
	x.observe(one)
	x.observe(two)
	x.observe(Fact{Kind: CaptureSucceeded, TransferID: "T1", RequestID: "R2", Amount: usd(100)})
	assert.EqualValues(t, 200, x.o.Captured)
	assert.True(t, hasAnomaly(x.o, events.TransferContradicts), "a person must look")
	replayIsLive(t, x)
}

// Late money that counted twice is owed once.
func TestUnited_OfLateMoney(t *testing.T) {
	id, request, both := naming(CaptureSucceeded, 400)
	x := in(t, Cancelled)
	for _, f := range []Fact{authorized(), id, request} {
		x.observe(f)
	}
	require.EqualValues(t, 800, x.o.Late.Captured)
	x.observe(both)
	assert.EqualValues(t, 400, x.o.Late.Captured)
	replayIsLive(t, x)
}

// Two names of one capture, each in doubt: an inquiry that began between the two doubts is not the newer word on both.
func TestUnited_TheNewerDoubtStays(t *testing.T) {
	id, request, both := naming(CaptureSucceeded, 400)
	x := placed(t, CaptureManual)
	x.policy.SeveralCaptures = []string{MethodCard}
	x.observe(authorized())
	x.observe(id)
	x.observe(request)
	x.observe(Fact{Kind: CaptureFailed, TransferID: id.TransferID, Amount: usd(400), Code: "X"})
	x.free()
	started := x.must(Claim{Inquire: true})[0].(events.InquiryStarted)
	x.observe(Fact{Kind: CaptureFailed, RequestID: request.RequestID, Amount: usd(400), Code: "X"})
	p := tells(StateSuccess, authorized(), both)
	p.Evidence = signed()
	x.must(RecordInquiry{Number: started.Number, Picture: p})
	require.Len(t, entriesOf(x.o, events.TransferCapture), 1)
	assert.Len(t, x.o.Doubts(), 1)
	_, err := x.do(Refund{CommandID: "r-1", Amount: usd(400)})
	require.Error(t, err, "what failed after the inquiry began may be the newer word")
	replayIsLive(t, x)
}

// Of two names of one refund that wait, or of one that waits and one that counts, the newest word says the amount, and
// leaves no doubt.
func TestUnited_TheNewestWordOnWhatIsHeldEndsTheDoubt(t *testing.T) {
	id, request, both := naming(RefundSucceeded, 100)
	smaller := both
	smaller.Amount = usd(60)
	capture := captured("C1", 400)
	for name, words := range map[string][]Fact{"both wait": {id, request}, "one had failed": {
		{Kind: RefundFailed, RequestID: request.RequestID, Code: "X"}, id, request},
		"of two amounts":   {id, {Kind: RefundSucceeded, RequestID: request.RequestID, Amount: usd(50)}},
		"one waits, alone": {{Kind: RefundFailed, TransferID: id.TransferID, Code: "X"}, id}} {
		x := placed(t, CaptureManual)
		x.observe(authorized())
		for _, f := range words {
			x.observe(f)
		}
		require.NotEmpty(t, x.o.Held, name)
		x.inquire(tells(StateSuccess, authorized(), capture, smaller))
		assert.Empty(t, x.o.Doubts(), name)
		assert.Empty(t, x.o.Held, name)
		assert.Equal(t, []int64{400, 60}, []int64{x.o.Captured, x.o.Refunded}, name)
		assert.Equal(t, int64(340), x.o.Refundable(), name)
		replayIsLive(t, x)
	}
}
