package order

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tilltape/tilltape/events"
)

// story is a set of facts of one order that do not contradict one another, in the order in which they happened.
func story(t *rapid.T, mode events.CaptureMode) []Fact {
	pay := Fact{Kind: PaymentSucceeded, PaymentID: "P1", Amount: usd(theAmount)}
	facts := []Fact{pay}
	captured := int64(theAmount)
	if mode != CaptureNone {
		captured = 0
		for i := range rapid.IntRange(0, 3).Draw(t, "captures") {
			minor := rapid.Int64Range(1, theAmount-captured).Draw(t, "captured")
			if mode == CaptureAutomatic { // APO captures all of it
				minor = theAmount
			}
			captured += minor
			facts = append(facts, Fact{Kind: CaptureSucceeded, TransferID: fmt.Sprint("C", i), RequestID: fmt.Sprint("cr", i),
				Amount: usd(minor)})
			if captured == theAmount {
				break
			}
		}
		if mode == CaptureManual && rapid.Bool().Draw(t, "a capture fails") {
			facts = append(facts, Fact{Kind: CaptureFailed, TransferID: "CX", RequestID: "crx", Code: "RISK_REJECT"})
		}
		if mode == CaptureAutomatic && captured == 0 && rapid.Bool().Draw(t, "APO's own capture fails") {
			facts = append(facts, Fact{Kind: CaptureFailed, TransferID: rapid.SampledFrom([]string{"", "CA"}).Draw(t, "its id"),
				Code: "RISK_REJECT"})
		}
	}
	refunded := int64(0)
	for i := range rapid.IntRange(0, 3).Draw(t, "refunds") {
		if refunded == captured {
			break
		}
		minor := rapid.Int64Range(1, captured-refunded).Draw(t, "refunded")
		refunded += minor
		facts = append(facts, Fact{Kind: RefundSucceeded, TransferID: fmt.Sprint("F", i), RequestID: fmt.Sprint("fr", i),
			Amount: usd(minor)})
	}
	if rapid.Bool().Draw(t, "a refund fails") {
		facts = append(facts, Fact{Kind: RefundFailed, TransferID: "FX", RequestID: "frx", Code: "RISK_REJECT"})
	}
	return facts
}

// retold is the story in another order, with repetitions, some of which name a transfer by one identifier alone.
func retold(t *rapid.T, facts []Fact) []Fact {
	var out []Fact
	for _, f := range facts {
		out = append(out, f)
		for range rapid.IntRange(0, 2).Draw(t, "again") {
			again := f
			if f.TransferID != "" && rapid.Bool().Draw(t, "without request id") {
				again.RequestID = ""
			}
			out = append(out, again)
		}
	}
	return rapid.Permutation(out).Draw(t, "order")
}

func told(t require.TestingT, mode events.CaptureMode, facts []Fact) *till {
	x := placed(t, mode)
	for _, f := range facts {
		x.observe(f)
	}
	return x
}

func TestConverge_WhateverOrderFactsArriveIn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		mode := rapid.SampledFrom([]events.CaptureMode{CaptureManual, CaptureAutomatic, CaptureNone}).Draw(t, "mode")
		facts := story(t, mode)
		want, got := told(t, mode, facts).o, told(t, mode, retold(t, facts)).o
		require.Equal(t, want.Status, got.Status)
		require.Equal(t, [3]int64{want.Authorized, want.Captured, want.Refunded},
			[3]int64{got.Authorized, got.Captured, got.Refunded})
		require.Equal(t, want.Gateway, got.Gateway)
		require.Empty(t, got.Held)
		require.Empty(t, got.Anomalies)
	})
}

func TestConverge_WithACancellationTheAmountsDo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		mode := rapid.SampledFrom([]events.CaptureMode{CaptureManual, CaptureAutomatic, CaptureNone}).Draw(t, "mode")
		facts := append(story(t, mode), cancelled())
		want, x := told(t, mode, facts).o, told(t, mode, retold(t, facts))
		got := x.o
		sums := func(o Order) [3]int64 {
			return [3]int64{o.Authorized + o.Late.Authorized, o.Captured + o.Late.Captured, o.Refunded + o.Late.Refunded}
		}
		require.Equal(t, sums(want), sums(got))
		require.Empty(t, got.Held)
		first := Created // the status follows what was proven first
		for _, r := range x.log {
			switch r.Event.Kind() {
			case events.KindCancelSucceeded:
				first = Cancelled
			case events.KindCaptureSucceeded:
				if first == Created {
					first = Captured
				}
			}
		}
		assert.Equal(t, first == Cancelled, got.Status == Cancelled)
	})
}

// A refund of such captures that APO takes back leaves what they make: no payment is known yet.
func TestConverge_ARefundTakenBackBeforeThePaymentIsKnown(t *testing.T) {
	x := placed(t, CaptureNone)
	for _, f := range []Fact{captured("C1", 600), refunded("F1", 100)} {
		x.observe(f)
	}
	x.inquire(tells(StateProcessing, Fact{Kind: RefundFailed, TransferID: "F1", Code: "X"}))
	require.Equal(t, Captured, x.o.Status)
	x.observe(paid())
	require.Equal(t, []any{Paid, []int64{theAmount, theAmount, 0}}, []any{x.o.Status, amounts(x.o)})
	replayIsLive(t, x)
}

// Late money is what APO signed for the payment, less or more than was ordered, with or without its captures.
func TestConverge_ALatePaymentOfAnotherAmount(t *testing.T) {
	pay := authorized()
	pay.Amount = usd(800)
	for _, facts := range [][]Fact{{pay, captured("C1", 800)}, {captured("C1", 800), pay}} {
		x := in(t, Cancelled)
		for _, f := range facts {
			x.observe(f)
		}
		require.Equal(t, Late{Authorized: 800, Captured: 800}, x.o.Late)
		x.observe(captured("C2", 1))
		require.True(t, x.o.Unaccounted(), "more than was authorized")
		replayIsLive(t, x)
	}
}

// A payment in one step of which captures are told, too, and what a person settled before it was known: the order ends
// where it ends if the payment is told first. Nothing sent rests on captures that such a payment cannot have.
func TestConverge_APaymentInOneStepWhateverWasToldBefore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pay, facts, refunds := paid(), []Fact{}, int64(0)
		pay.Amount = usd(rapid.SampledFrom([]int64{theAmount, 800}).Draw(t, "paid"))
		for i, left := 0, int64(800); i < rapid.IntRange(0, 2).Draw(t, "captures"); i++ {
			minor := rapid.Int64Range(1, left/2).Draw(t, "captured")
			left -= minor
			facts = append(facts, captured(fmt.Sprint("C", i), minor))
		}
		for i := range rapid.IntRange(0, 2).Draw(t, "refunds") {
			minor := rapid.Int64Range(1, 300).Draw(t, "refunded")
			refunds += minor
			facts = append(facts, refunded(fmt.Sprint("F", i), minor))
		}
		begin := func() *till {
			x := placed(t, CaptureNone)
			switch {
			case len(facts)%3 == 1:
				x.observe(failed())
			case len(facts)%3 == 2:
				x.must(Cancel{CommandID: "cancel-0"})
				x.answer(done)
			}
			return x
		}
		settled := rapid.Bool().Draw(t, "a person settles one")
		settle := func(x *till) {
			if !settled {
				return
			}
			x.observe(Fact{Kind: RefundSucceeded, Amount: usd(100)}) // which nothing tells from others
			x.inquire(tells(StateProcessing))
			x.must(Resolve{Record: x.log[len(x.log)-3].Version, Resolution: events.ResolvedSucceeded, Statement: "ticket 7"})
		}
		want := begin()
		want.observe(pay)
		settle(want)
		for _, f := range facts {
			want.observe(f)
		}
		got := begin()
		settle(got)
		for _, f := range rapid.Permutation(append(slices.Clone(facts), pay)).Draw(t, "order") {
			got.observe(f)
		}
		all := func(o Order) []any {
			return []any{o.Status, amounts(o), o.Late, o.Refundable(), o.Unaccounted(), len(o.Held), len(o.Doubts())}
		}
		require.Equal(t, all(want.o), all(got.o), "%v", facts)
		for _, x := range []*till{want, got} {
			if x.o.Unaccounted() {
				require.Equal(t, x.now, x.o.NextDue(), "APO is asked at once")
				require.NotEmpty(t, x.o.Anomalies, "and a person sees it")
			}
			if want.o.Status != Cancelled && len(facts)%3 == 1 {
				require.Zero(t, x.o.Refundable(), "it had failed before: APO is asked which word is the newer")
				x.inquire(tells(StateSuccess, pay))
			}
			replayIsLive(t, x)
		}
		require.Equal(t, all(want.o), all(got.o))
		if want.o.Status != Cancelled && !settled {
			require.EqualValues(t, pay.Amount.Minor-refunds, got.o.Refundable())
		}
	})
}

// The buyer's first card was refused, the second one worked, and APO delivers the refusal again.
func TestConverge_AFailureToldAgainAfterASuccessIsNoNews(t *testing.T) {
	for _, mode := range []events.CaptureMode{CaptureManual, CaptureNone} {
		refused := Fact{Kind: PaymentFailed, PaymentID: "P1", Amount: usd(theAmount), Code: "USER_BALANCE_NOT_ENOUGH"}
		x := placed(t, mode)
		x.observe(refused)
		x.observe(Fact{Kind: PaymentSucceeded, PaymentID: "P1", Amount: usd(theAmount)})
		require.Len(t, x.o.Anomalies, 1, "that a failed payment succeeded is one")
		assert.Empty(t, x.observe(refused), "and the same refusal once more is none")
		refused.PaymentID = ""
		assert.Empty(t, x.observe(refused), "however it names the payment")
		refused.PaymentID = "P1"
		refused.Code = "RISK_REJECT"
		x.observe(refused)
		assert.Len(t, x.o.Anomalies, 2, "another one is")
		replayIsLive(t, x)
	}
}
