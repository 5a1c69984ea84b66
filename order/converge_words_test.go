package order

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// wordsOn is one transfer as APO tells it: done, of one amount or another, or failed.
type wordsOn struct {
	kind        transferKind
	id, request string
	minors      []int64
}

func (w wordsOn) word(t *rapid.T, done bool) Fact {
	f := Fact{Kind: CaptureFailed, TransferID: w.id, RequestID: w.request, Amount: usd(w.minors[0]), Code: "X"}
	if w.kind == refunds {
		f.Kind = RefundFailed
	}
	if done {
		f.Kind, f.Code, f.Amount = CaptureSucceeded, "", usd(rapid.SampledFrom(w.minors).Draw(t, "minor"))
		if w.kind == refunds {
			f.Kind = RefundSucceeded
		}
	}
	if rapid.IntRange(0, 7).Draw(t, "unread") == 0 {
		f.Kind = map[transferKind]FactKind{captures: CaptureUnread, refunds: RefundUnread}[w.kind]
		f.Amount, f.Code = Money{}, "RESULT"
		return f
	}
	switch alone := rapid.IntRange(0, 3).Draw(t, "one identifier alone"); {
	case w.request != "" && alone == 0:
		f.TransferID = ""
	case w.request != "nobody's" && alone == 1: // without it that would be APO's own capture
		f.RequestID = ""
	}
	return f
}

// APO signs of a transfer that it was done, of two amounts, and that it failed, and of the payment too, in any order
// and as often as it likes: what an inquiry says that was begun after all of it is what the order comes to.
func TestConverge_ContradictionsDoOnceAnInquiryHasAnswered(t *testing.T) {
	manual := []wordsOn{{captures, "C0", "cr0", []int64{300}}, {captures, "C1", "cr1", []int64{400, 350}},
		{refunds, "F2", "fr2", []int64{100, 50}}, {refunds, "F3", "fr3", []int64{150}}}
	automatic := []wordsOn{{captures, "CA", "", []int64{theAmount, 700}}, {refunds, "F2", "fr2", []int64{100, 50}},
		{refunds, "F3", "fr3", []int64{150}}}
	rapid.Check(t, func(t *rapid.T) {
		mode, moves := CaptureManual, manual
		if rapid.Bool().Draw(t, "automatic") {
			mode, moves = CaptureAutomatic, slices.Clone(automatic)
			moves[0].request = rapid.SampledFrom([]string{"", "nobody's"}).Draw(t, "request")
		}
		pay := Fact{Kind: PaymentSucceeded, PaymentID: "P1", Amount: usd(theAmount)}
		words, truths := []Fact{pay}, []Fact{pay}
		for i, m := range moves {
			done := rapid.Bool().Draw(t, "done")
			switch { // of the first capture the refunds are taken
			case i == 0 && mode == CaptureManual:
				done = true
			case i > 0 && truths[1].Kind == CaptureFailed:
				done = false
			}
			f := m.word(t, done)
			for f.unread() {
				f = m.word(t, done)
			}
			f.TransferID, f.RequestID = m.id, m.request
			if mode == CaptureAutomatic && m.kind == captures {
				f.Amount = usd(theAmount)
			}
			truths = append(truths, f)
			for range rapid.IntRange(0, 3).Draw(t, "words") {
				words = append(words, m.word(t, rapid.Bool().Draw(t, "says done")))
			}
		}
		for range rapid.IntRange(0, 2).Draw(t, "words on the payment") {
			f := pay
			if rapid.Bool().Draw(t, "failed") {
				f = failed()
			} else {
				f.Amount = usd(1200)
			}
			words = append(words, f)
		}
		x := placed(t, mode)
		for _, f := range rapid.Permutation(words).Draw(t, "order") {
			x.observe(f)
			require.LessOrEqual(t, x.o.Refundable(), int64(1200), "never more than APO has signed")
		}
		x.inquire(tells(StateSuccess, truths...))
		want := told(t, mode, truths).o
		all := func(o Order) []any {
			return []any{o.Status, amounts(o), o.Refundable(), o.Capturable(), len(o.Held), o.Gateway}
		}
		require.Equal(t, all(want), all(x.o))
		require.Empty(t, x.o.Doubts())
		facts := x.inquire(tells(StateSuccess, truths...))
		require.Len(t, facts, 1, "and it teaches nothing any more: %v", kindsOf(facts))
		replayIsLive(t, x)
	})
}

// The same, however the words come that fail and hold one refund.
func TestConverge_ARefundThatFailedUnderOneNameAndIsHeldUnderTheOther(t *testing.T) {
	words := []Fact{{Kind: RefundFailed, RequestID: "fr1", Amount: usd(100), Code: "X"}, refunded("F1", 100)}
	both := Fact{Kind: RefundSucceeded, TransferID: "F1", RequestID: "fr1", Amount: usd(100)}
	for _, done := range []bool{true, false} {
		for range 2 {
			truth := both
			if !done {
				truth.Kind, truth.Code = RefundFailed, "X"
			}
			x := placed(t, CaptureManual)
			for _, f := range words {
				x.observe(f)
			}
			x.inquire(tells(StateSuccess, authorized(), captured("C1", 600), truth))
			want := told(t, CaptureManual, []Fact{authorized(), captured("C1", 600), truth}).o
			require.Equal(t, []any{want.Status, amounts(want), want.Refundable(), 0, 0},
				[]any{x.o.Status, amounts(x.o), x.o.Refundable(), len(x.o.Held), len(x.o.Doubts())}, "%t", done)
			require.Len(t, x.inquire(tells(StateSuccess, authorized(), captured("C1", 600), truth)), 1)
			replayIsLive(t, x)
			slices.Reverse(words)
		}
	}
}
