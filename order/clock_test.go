package order

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tilltape/tilltape/events"
)

// The clock is somebody else's: it is set back, by a second or by a day. That may delay what is due; it must never make
// two ask at once, take a call for forgotten, or leave a log that an auditor finds illegal (the till judges every
// record).

func TestClock_GoingBackNeverMakesTwoAskAtOnce(t *testing.T) {
	for _, k := range operations {
		for _, back := range []time.Duration{time.Second, DefaultLease, time.Hour, LeaseMax - DefaultLease} {
			x := asked(t, k)
			x.later(-back)
			for _, c := range []Claim{{}, {Inquire: true}} {
				_, err := x.do(c)
				assert.ErrorIs(t, err, ErrNotDue, "%s, %s back", k, back)
			}
			x.answer(silence)
			assert.Equal(t, x.now.Add(time.Second), x.o.NextDue(), "the schedule goes by the clock as it is")
		}
	}
}

func TestClock_WhereItWentBackAnInquiryComesFirst(t *testing.T) {
	x := asked(t, CallCapture)
	x.answer(unknownU)
	require.False(t, x.o.mustInquire(x.o.NextDue()))
	assert.True(t, x.o.mustInquire(x.now.Add(-time.Second)), "how long APO has been silent nobody knows")
}

// A machine whose clock stood in another year claims, and is set right. Waiting until that year would be for ever.
func TestClock_AClaimFromAnotherYearIsNotWaitedFor(t *testing.T) {
	for _, k := range operations {
		x := in(t, Captured)
		if k != CallRefund {
			x = in(t, Authorized)
		}
		right := x.now
		x.later(365 * day)
		x.must(map[CallKind]Command{CallCancel: Cancel{CommandID: "k"}, CallCapture: Capture{CommandID: "k",
			Amount: usd(400)}, CallRefund: Refund{CommandID: "k", Amount: usd(200)}}[k])
		x.now = right.Add(time.Minute)
		facts := x.must(Claim{Inquire: true})
		require.Len(t, facts, 1)
		_, err := x.do(Claim{Inquire: true})
		require.ErrorIs(t, err, ErrNotDue, "but the claim that was made just now is")
		x.must(RecordInquiry{Number: x.o.Inquiry.Number, Picture: Picture{Problem: "timeout"}})
		assert.Equal(t, x.now.Add(time.Second), x.o.NextDue(), "it is back on the schedule")
		x.now = x.o.NextDue()
		call, due := x.o.Due(x.now)
		require.True(t, due)
		assert.True(t, call.IsInquiry(), "and never simply asked again")
	}
}

func TestClock_NoLeaseIsLongerThanIsWaitedFor(t *testing.T) {
	x := in(t, Authorized)
	x.policy.Lease = 48 * time.Hour
	x.must(Cancel{CommandID: "k"})
	assert.Equal(t, x.now.Add(LeaseMax), x.claimedLease())
	_, err := x.do(Claim{Inquire: true})
	assert.ErrorIs(t, err, ErrNotDue)
}

func TestClock_AnInquiryFromTheFutureIsNotFresh(t *testing.T) {
	x := parked(t)
	x.later(-time.Second)
	_, err := x.do(Resolve{Statement: "APO ticket 7", Resolution: events.ResolvedFailed})
	assert.Equal(t, ReasonStaleInquiry, rejected(t, err).Reason)
	x.inquire(notExist)
	x.must(Resolve{Statement: "APO ticket 7", Resolution: events.ResolvedFailed})
}

// The late payment was recorded before the clock was set back, the inquiry after: it came later all the same.
func TestClock_ACompensationGoesByTheOrderOfRecords(t *testing.T) {
	x := in(t, Cancelled)
	x.observe(authorized())
	x.later(-time.Hour)
	x.inquire(tells(StateSuccess, authorized()))
	x.must(Compensate{CommandID: "k"})
}

func TestClock_WhateverHappensTheBookAgreesWithAPO(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := startWalk(t)
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			k.step(t)
			if rapid.IntRange(0, 3).Draw(t, "set back") == 0 {
				k.later(-rapid.SampledFrom([]time.Duration{time.Millisecond, time.Minute, time.Hour, 30 * time.Hour}).Draw(t, "by"))
			}
		}
		k.settle(t)
		k.free()
		k.must(Claim{Inquire: true})
		k.carry(t, false)
		agrees(t, k)
	})
}

// A log keeps times as 64 bits of nanoseconds. APO's signed word must not be kept out of it by one at its ends, nor by
// what we add to one.
func TestClock_ATimeAtTheEndOfTimeKeepsNoFactOut(t *testing.T) {
	for _, end := range []time.Time{time.Unix(0, math.MinInt64), time.Unix(0, math.MinInt64+1),
		time.Unix(0, math.MaxInt64),
		time.Unix(0, math.MaxInt64).Add(-time.Minute)} {
		x := placed(t, CaptureManual)
		f := authorized()
		f.At, f.Expires = end, end
		require.Len(t, x.observe(f), 1, "%s", end)
		x.must(Claim{Inquire: true})
		x.must(RecordInquiry{Number: x.o.Inquiry.Number, Picture: Picture{Problem: "timeout"}})

		c := create(CaptureManual)
		c.PayBy = end
		y := newTill(t)
		if _, err := y.do(c); err != nil {
			require.ErrorContains(t, err, "payBy lies outside the years 1678 to 2262", "%s", end)
		}
	}
}
