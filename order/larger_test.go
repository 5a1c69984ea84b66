package order

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
)

// A refund that waits for its capture, told with two amounts: the larger one waits, APO is asked at once, and it is in
// doubt as long as no inquiry has said which it was, also where its capture comes first.
func TestLarger_AHeldRefundOfTwoAmounts(t *testing.T) {
	for _, words := range [][]int64{{100, 400}, {400, 100}} {
		for _, truth := range []int64{100, 400} {
			x := in(t, Authorized)
			for _, minor := range words {
				x.observe(refunded("F1", minor))
			}
			require.Len(t, x.o.Held, 1)
			assert.EqualValues(t, 400, x.o.Held[0].Minor)
			assert.Equal(t, x.now, x.o.NextDue(), "APO is asked at once")
			y := in(t, Authorized)
			y.observe(refunded("F1", words[0]))
			y.observe(refunded("F1", words[1]))
			y.inquire(tells(StateSuccess, authorized(), refunded("F1", truth)))
			assert.EqualValues(t, truth, y.o.Held[0].Minor)
			y.observe(captured("C1", 600))
			assert.Equal(t, []any{truth, 600 - truth, 0}, []any{y.o.Refunded, y.o.Refundable(), len(y.o.Doubts())})
			replayIsLive(t, y)

			x.observe(captured("C1", 600))
			assert.Zero(t, x.o.Refundable())
			_, err := x.do(Refund{CommandID: "r", Amount: usd(300)})
			require.Error(t, err)
			require.Len(t, x.o.Doubts(), 1)
			answer := tells(StateSuccess, authorized(), captured("C1", 600), refunded("F1", truth))
			x.inquire(answer)
			assert.Equal(t, []any{truth, 600 - truth, 0}, []any{x.o.Refunded, x.o.Refundable(), len(x.o.Doubts())})
			assert.Len(t, x.inquire(answer), 1, "and it teaches nothing any more")
			replayIsLive(t, x)
		}
	}
	x := in(t, Authorized) // more than could ever be captured: it may stand
	x.observe(refunded("F1", 100))
	x.observe(refunded("F1", 1200))
	x.observe(captured("C1", 600))
	assert.Zero(t, x.o.Refundable())
	replayIsLive(t, x)
}

// What may stand is not replaced by an older or later message of another amount: the larger one is reserved until the
// newest word.
func TestLarger_WhatMayStandStaysUntilTheNewestWord(t *testing.T) {
	x := in(t, Captured) // 600
	x.observe(refunded("F2", 500))
	x.inquire(tells(StateSuccess, authorized(), refunded("F1", 600)))
	require.True(t, x.o.Unaccounted())
	for range 2 {
		x.observe(refunded("F1", 50))
		assert.Equal(t, []any{int64(500), int64(0), 1}, []any{x.o.Refunded, x.o.Refundable(), len(x.o.Doubts())})
	}
	assert.Equal(t, x.now, x.o.NextDue(), "APO is asked at once")
	replayIsLive(t, x)
	answer := tells(StateSuccess, authorized(), refunded("F1", 50))
	x.inquire(answer)
	assert.Equal(t, []any{int64(550), int64(50), 0}, []any{x.o.Refunded, x.o.Refundable(), len(x.o.Doubts())})
	assert.Len(t, x.inquire(answer), 1)
	replayIsLive(t, x)

	x = in(t, Authorized)
	x.observe(captured("C1", 1200))
	x.observe(captured("C1", 400))
	assert.True(t, x.o.Unaccounted())
	assert.Zero(t, x.o.Captured)
	x.inquire(tells(StateSuccess, authorized(), captured("C1", 400)))
	assert.Equal(t, []any{int64(400), false}, []any{x.o.Captured, x.o.Unaccounted()})
	replayIsLive(t, x)

	x = in(t, Paid) // of two that are too much the larger is reserved, whichever came first
	for _, minor := range []int64{1200, 1100} {
		x.observe(refunded("F1", minor))
		assert.EqualValues(t, 1200, entriesOf(x.o, events.TransferRefund)[0].Amount.Minor)
	}
	replayIsLive(t, x)
}

// What APO works on, or tells in a state that nobody knows, reserves the larger of the amounts that it is told with.
func TestLarger_WhatIsNotDecidedReservesTheLarger(t *testing.T) {
	for _, kind := range []FactKind{RefundPending, RefundUnclear} {
		x := in(t, Captured) // 600
		line := Fact{Kind: kind, TransferID: "F1", Amount: usd(100)}
		x.inquire(tells(StateSuccess, authorized(), line))
		require.EqualValues(t, 500, x.o.Refundable(), kind)
		line.Amount = usd(400)
		for range 2 {
			x.inquire(tells(StateSuccess, authorized(), line))
			assert.EqualValues(t, 200, x.o.Refundable(), kind)
		}
		line.Amount = usd(50)
		assert.Len(t, x.inquire(tells(StateSuccess, authorized(), line)), 1)
		assert.EqualValues(t, 200, x.o.Refundable(), kind)
		replayIsLive(t, x)
	}
}

// What is beyond the amounts is of the amount that the newest word says, also where that word was told before: a person
// settles that one.
func TestLarger_TheNewestWordOnWhatMayStandSaysTheAmount(t *testing.T) {
	for name, c := range map[string]struct {
		order Status
		word  func(minor int64) Fact
		total func(o Order) int64
	}{
		"refund":  {Paid, func(minor int64) Fact { return refunded("F1", minor) }, func(o Order) int64 { return o.Refunded }},
		"capture": {Authorized, func(m int64) Fact { return captured("C1", m) }, func(o Order) int64 { return o.Captured }},
	} {
		t.Run(name, func(t *testing.T) {
			x := in(t, c.order)
			x.observe(c.word(1100))
			x.observe(c.word(1200))
			pay := authorized()
			if c.order == Paid {
				pay = paid()
			}
			for _, minor := range []int64{1100, 1200, 1100} {
				answer := tells(StateSuccess, pay, c.word(minor))
				x.inquire(answer)
				require.Len(t, x.o.Doubts(), 1)
				assert.Equal(t, usd(minor), x.o.Book()[1].Amount)
				assert.Len(t, x.inquire(answer), 1, "told again it is no news")
			}
			both := tells(StateSuccess, pay, c.word(1200), c.word(1100))
			x.inquire(both)
			assert.Len(t, x.inquire(both), 1, "one answer with two amounts says nothing of either")
			x.must(Resolve{CommandID: "k", Record: x.o.Doubts()[0], Resolution: events.ResolvedSucceeded, Statement: "7"})
			assert.EqualValues(t, 1100, c.total(x.o))
			replayIsLive(t, x)
		})
	}
}
