package order

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
)

// APO tells a transfer that counts with another amount: nothing is refunded that may have gone, APO is asked at once,
// and its newest word is the amount.
func TestUnequal_TheNewestAmountIsTheAmount(t *testing.T) {
	for name, c := range map[string]struct {
		told  Fact
		money []int64
	}{
		"a refund of more":  {refunded("F1", 400), []int64{1000, 600, 400}},
		"a refund of less":  {refunded("F1", 50), []int64{1000, 600, 50}},
		"a capture of more": {captured("C1", 900), []int64{1000, 900, 100}},
		"a capture of less": {captured("C1", 300), []int64{1000, 300, 100}},
	} {
		t.Run(name, func(t *testing.T) {
			x := in(t, Refunded) // captured 600, refunded 100
			x.observe(c.told)
			assert.Equal(t, x.now, x.o.NextDue(), "at once")
			assert.Zero(t, x.o.Refundable(), "nobody knows how much is there")
			assert.Equal(t, []int64{1000, 600, 100}, amounts(x.o), "not before it is known")
			x.inquire(tells(StateSuccess, c.told))
			assert.Equal(t, c.money, amounts(x.o))
			assert.Equal(t, c.money[1]-c.money[2], x.o.Refundable())
			assert.Nil(t, x.o.doubted())
			assert.Len(t, x.o.Anomalies, 1, "a person should know")
			assert.Len(t, x.inquire(tells(StateSuccess, c.told)), 1, "and it is on record")
			replayIsLive(t, x)

			y := in(t, Refunded)
			y.inquire(tells(StateSuccess, c.told))
			assert.Equal(t, c.money, amounts(y.o), "the inquiry alone")
			assert.Len(t, y.o.Anomalies, 1)
			replayIsLive(t, y)
		})
	}
}

// The inquiry that says what was on record ends it, and one that cannot be leaves it in doubt.
func TestUnequal_WhatWasOnRecordOrCannotBe(t *testing.T) {
	x := in(t, Refunded)
	x.observe(refunded("F1", 400))
	x.inquire(tells(StateSuccess, refunded("F1", 100)))
	assert.Equal(t, []any{int64(500), 0}, []any{x.o.Refundable(), len(x.o.Anomalies)})

	x = in(t, Refunded)
	x.inquire(tells(StateSuccess, refunded("F1", 700)))
	assert.Equal(t, []any{int64(100), int64(0)}, []any{x.o.Refunded, x.o.Refundable()}, "more than is captured")
	x.inquire(tells(StateSuccess))
	x.must(Resolve{Record: x.o.Doubts()[0], Resolution: events.ResolvedSucceeded, Statement: "APO ticket 7"})
	assert.EqualValues(t, 500, x.o.Refundable(), "it stands as it was")
}

// An attempt that everybody thought had failed was taken after all: the refund may be under way.
func TestUnequal_ARefundThatIsTakenAfterItHadFailed(t *testing.T) {
	x := in(t, Captured)
	x.must(Refund{CommandID: "f", Amount: usd(600)})
	first := x.attempt()
	x.answer(silence)
	x.later(time.Minute)
	x.retry()
	x.answer(Verdict{Class: VerdictFailed, Code: "PROCESS_FAIL"})
	x.inquire(notExist)
	require.Equal(t, OutcomeFailed, x.o.Command("f").Outcome)
	x.answerTo(first, works)
	assert.Equal(t, []any{x.now, int64(0)}, []any{x.o.NextDue(), x.o.Refundable()})
	x.inquire(tells(StateSuccess, Fact{Kind: RefundSucceeded, TransferID: "F7", RequestID: first.RequestID,
		Amount: usd(600)}))
	assert.Equal(t, []any{Refunded, int64(600)}, []any{x.o.Status, x.o.Refunded})
	replayIsLive(t, x)
	assert.Empty(t, x.must(Refund{CommandID: "f", Amount: usd(600)}), "its command has succeeded")
}
