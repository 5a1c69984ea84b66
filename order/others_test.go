package order

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
)

// A line of a kind that nobody here knows may have moved money either way: nothing is cancelled or captured beside it,
// and its amount, or where none is told all there is, is not given back.
func TestOthers_ALineThatNobodyKnowsReservesItsAmount(t *testing.T) {
	for _, c := range []struct {
		amount Money
		left   int64
	}{{usd(100), 500}, {usd(0), 0}, {Money{Minor: 100, Currency: "EUR"}, 0}, {Money{}, 0}} {
		x := in(t, Captured)
		line := Fact{Kind: OtherTransaction, TransferID: "T9", Amount: c.amount}
		x.inquire(tells(StateSuccess, authorized(), captured("C1", 600), line))
		assert.True(t, x.o.Unaccounted())
		assert.Equal(t, c.left, x.o.Refundable(), c.amount)
		replayIsLive(t, x)
	}
}

// A person says what became of it: that it took its money, which then counts as given back, or that it did not. The
// same line, listed by each answer from then on, is no news in either case; another amount is, and puts it in doubt.
func TestOthers_WhatAPersonSaysOfItHolds(t *testing.T) {
	line := Fact{Kind: OtherTransaction, TransferID: "T9", Amount: usd(100)}
	for _, status := range []Status{Authorized, Captured} {
		for word, gone := range map[events.Resolution]int64{events.ResolvedSucceeded: 100, events.ResolvedFailed: 0} {
			x := in(t, status)
			answer := tells(StateSuccess, authorized(), line)
			if status == Captured {
				answer.Facts = append(answer.Facts, captured("C1", 600))
			}
			x.inquire(answer)
			x.inquire(answer)
			captured, left := x.o.Captured, x.o.left()
			x.must(statement(x.o.Doubts()[0], word))
			require.Equal(t, []int64{captured, gone}, []int64{x.o.Captured, x.o.Refunded})
			assert.Equal(t, max(left-gone, 0), x.o.Refundable())
			for range 3 {
				x.later(24 * time.Hour)
				require.Len(t, x.inquire(answer), 1, "%s %s", status, word)
				assert.False(t, x.o.Unaccounted())
			}
			assert.Equal(t, gone == 0 && status == Authorized, x.takes(Cancel{}), "%s %s", status, word)
			answer.Facts[1].Amount = usd(200)
			x.inquire(answer)
			assert.Len(t, x.o.Anomalies, 2)
			assert.Equal(t, gone == 0, x.o.Unaccounted())
			assert.Len(t, x.o.Doubts(), 1)
			replayIsLive(t, x)
		}
	}
}

// What has no amount in the order's currency cannot be counted.
func TestOthers_WithoutAnAmountItCountsForNothing(t *testing.T) {
	for _, m := range []Money{{}, usd(0), {Minor: 100, Currency: "EUR"}} {
		x := in(t, Captured)
		for range 2 {
			x.inquire(tells(StateSuccess, authorized(), Fact{Kind: OtherTransaction, TransferID: "T9", Amount: m}))
		}
		_, err := x.do(statement(x.o.Doubts()[0], events.ResolvedSucceeded))
		assert.Equal(t, ReasonCurrency, rejected(t, err).Reason)
		x.must(statement(x.o.Doubts()[0], events.ResolvedFailed))
		assert.EqualValues(t, 600, x.o.Refundable())
	}
}

// Once a line is told as what it is, it is that.
func TestOthers_ToldAsWhatItIs(t *testing.T) {
	for _, settled := range []bool{false, true} {
		x := in(t, Captured)
		x.inquire(tells(StateSuccess, authorized(), Fact{Kind: OtherTransaction, TransferID: "T9", Amount: usd(100)}))
		if settled {
			x.inquire(tells("NEW"))
			x.must(statement(x.o.Doubts()[0], events.ResolvedSucceeded))
		}
		x.inquire(tells(StateSuccess, authorized(), captured("C1", 600), refunded("T9", 100)))
		assert.Equal(t, []any{int64(600), int64(100), false}, []any{x.o.Captured, x.o.Refunded, x.o.Unaccounted()})
		replayIsLive(t, x)
	}
}

// settledOther is a captured order with a line of an unknown kind of which a person says that word.
func settledOther(t *testing.T, id string, word events.Resolution) (*till, Picture) {
	x := in(t, Captured)
	answer := tells(StateSuccess, authorized(), captured("C1", 600),
		Fact{Kind: OtherTransaction, TransferID: id, Amount: usd(100)})
	x.inquire(answer)
	x.inquire(answer)
	x.must(statement(x.o.Doubts()[0], word))
	require.Empty(t, x.o.Doubts())
	return x, answer
}

// again is statement under another command.
func again(record uint64, command string, word events.Resolution) Resolve {
	r := statement(record, word)
	r.CommandID = command
	return r
}

// Of a line that counts by a person's word APO tells another amount: nobody knows what is left, and a person says which
// of the two it is.
func TestOthers_AnotherAmountOfWhatCountsIsInDoubt(t *testing.T) {
	x, answer := settledOther(t, "T9", events.ResolvedSucceeded)
	answer.Facts[2].Amount = usd(200)
	for range 3 {
		x.later(24 * time.Hour)
		x.inquire(answer)
		require.Len(t, x.o.Doubts(), 1)
		assert.Equal(t, []int64{100, 0}, []int64{x.o.Refunded, x.o.Refundable()})
		assert.Len(t, x.o.Anomalies, 2)
	}
	replayIsLive(t, x)
	x.must(again(x.o.Doubts()[0], "r1", events.ResolvedFailed)) // it was not of 100
	x.now = x.o.NextDue()
	x.inquire(answer)
	require.Len(t, x.o.Doubts(), 1)
	assert.EqualValues(t, 400, x.o.Refundable())
	x.inquire(answer)
	x.must(again(x.o.Doubts()[0], "r2", events.ResolvedSucceeded))
	assert.Equal(t, []int64{200, 400}, []int64{x.o.Refunded, x.o.Refundable()})
	for range 2 {
		assert.Len(t, x.inquire(answer), 1)
		assert.Empty(t, x.o.Doubts())
	}
	answer.Facts[2].Amount = usd(300)
	x.inquire(answer)
	assert.Len(t, x.o.Doubts(), 1, "and so with a third")
	replayIsLive(t, x)

	x, answer = settledOther(t, "T9", events.ResolvedSucceeded)
	answer.Facts[2].Amount = usd(200)
	x.inquire(answer)
	x.inquire(answer)
	x.must(again(x.o.Doubts()[0], "r1", events.ResolvedFailed))
	answer.Facts[2].Amount = usd(100)
	x.inquire(answer)
	assert.Empty(t, x.o.Doubts(), "a person has called it not done, of that amount")
}

// A line without a name, listed by each answer, is the one that a person has settled.
func TestOthers_WithoutANameItIsSettledOnce(t *testing.T) {
	for word, gone := range map[events.Resolution]int64{events.ResolvedSucceeded: 100, events.ResolvedFailed: 0} {
		x, answer := settledOther(t, "", word)
		for range 3 {
			x.later(24 * time.Hour)
			require.Len(t, x.inquire(answer), 1, word)
			assert.Equal(t, []int64{gone, 600 - gone}, []int64{x.o.Refunded, x.o.Refundable()})
			assert.False(t, x.o.Unaccounted())
		}
		answer.Facts[2].Amount = usd(50)
		x.inquire(answer)
		assert.True(t, x.o.Unaccounted(), "another amount is another")
		replayIsLive(t, x)
	}
}

// A person says that a line took its money from an order that is only authorized, or that a refund which waited for its
// capture was done: what is held can still be captured, and ends with its authorization. It is not cancelled beside
// money that has moved.
func TestOthers_WhatIsOnlyHeldStaysSo(t *testing.T) {
	line := Fact{Kind: OtherTransaction, TransferID: "T9", Amount: usd(100)}
	for name, begin := range map[string]func(*till){
		"a line": func(x *till) {
			x.inquire(tells(StateSuccess, authorized(), line))
			x.inquire(tells(StateSuccess, authorized(), line))
			x.must(statement(x.o.Doubts()[0], events.ResolvedSucceeded))
		},
		"a refund that was held": func(x *till) {
			x.observe(refunded("T9", 100))
			x.inquire(tells(StateSuccess, authorized()))
			x.must(statement(x.o.Held[0].Version, events.ResolvedSucceeded))
		},
	} {
		x := in(t, Authorized)
		begin(x)
		require.Equal(t, []any{Authorized, int64(100), int64(0)}, []any{x.o.Status, x.o.Refunded, x.o.Captured}, name)
		_, err := x.do(Cancel{CommandID: "k"})
		assert.Equal(t, ReasonRefunded, rejected(t, err).Reason)
		assert.Contains(t, err.Error(), "capture")
		replayIsLive(t, x)

		x.must(Capture{CommandID: "c", Amount: usd(600)})
		x.answer(Verdict{Class: VerdictSucceeded, TransferID: "C1"})
		assert.Equal(t, []any{Refunded, int64(500)}, []any{x.o.Status, x.o.Refundable()}, name)
		replayIsLive(t, x)

		x = in(t, Authorized)
		begin(x)
		x.inquire(tells(StateCancelled, cancelled()))
		assert.Equal(t, Cancelled, x.o.Status, "its end is told")
		x = in(t, Authorized)
		begin(x)
		x.observe(Fact{Kind: RefundFailed, TransferID: "T9", Code: "X"})
		assert.Len(t, x.o.Doubts(), 1)
		x.inquire(tells(StateSuccess, authorized(), Fact{Kind: RefundFailed, TransferID: "T9", Code: "X"}))
		assert.Equal(t, []any{Authorized, int64(0), true}, []any{x.o.Status, x.o.Refunded, x.takes(Cancel{})}, name)
		replayIsLive(t, x)
	}
	x := placed(t, CaptureManual)
	x.observe(Fact{Kind: RefundSucceeded, Amount: usd(100)})
	x.inquire(tells(StateProcessing))
	x.must(statement(x.o.Doubts()[0], events.ResolvedSucceeded))
	require.Equal(t, Refunded, x.o.Status)
	x.observe(authorized())
	assert.Equal(t, Authorized, x.o.Status, "and of one that is told of later")
	x.must(Capture{CommandID: "c", Amount: usd(theAmount)})
	replayIsLive(t, x)
}

// A refund without a name is told by each answer again, and no more than once after a person has said what it was.
func TestUnnamed_ARefundWithoutANameIsSettledOnce(t *testing.T) {
	for word, gone := range map[events.Resolution]int64{events.ResolvedSucceeded: 100, events.ResolvedFailed: 0} {
		x := in(t, Captured)
		answer := tells(StateSuccess, authorized(), captured("C1", 600), Fact{Kind: RefundSucceeded, Amount: usd(100)})
		x.inquire(answer)
		x.inquire(answer)
		x.must(statement(x.o.Doubts()[0], word))
		for range 3 {
			x.later(24 * time.Hour)
			require.Len(t, x.inquire(answer), 1, word)
			assert.Equal(t, []any{gone, 600 - gone, 0}, []any{x.o.Refunded, x.o.Refundable(), len(x.o.Doubts())})
		}
		answer.Facts[2].Amount = usd(50)
		x.inquire(answer)
		assert.Len(t, x.o.Doubts(), 1, "another amount is another")
		replayIsLive(t, x)
	}
}
