package order

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tilltape/tilltape/events"
)

const day = 24 * time.Hour

// silentUntilParked gives APO's silence to whatever is due until the operation is parked, and returns when each contact
// was made.
func (x *till) silentUntilParked() (contacts []time.Duration) {
	begun := x.o.Operation.Since
	for range 100 {
		if x.o.Operation.Phase == Parked {
			return contacts
		}
		x.now = x.o.NextDue()
		contacts = append(contacts, x.now.Sub(begun))
		x.must(Claim{})
		call, _ := x.o.Claimed()
		if call.IsInquiry() {
			x.must(RecordInquiry{Number: call.Number, Picture: Picture{Problem: "timeout"}})
		} else {
			x.answer(silence)
		}
	}
	require.Fail(x.t, "never parked")
	return nil
}

func TestPark_TheWholeSchedule(t *testing.T) {
	for _, k := range operations {
		x := asked(t, k)
		x.answer(silence)
		got := x.silentUntilParked()
		var want []time.Duration
		at := time.Duration(0)
		for _, wait := range append(Policy{}.WithDefaults().Retries, slices.Repeat([]time.Duration{day}, 6)...) {
			at += wait
			want = append(want, at)
		}
		assert.Equal(t, want, got, "%s", k)
		assert.Greater(t, got[len(got)-1], DefaultParkAfter)
		assert.Less(t, got[len(got)-2], DefaultParkAfter)
		last := x.log[len(x.log)-2].Event.(events.OperationParked)
		assert.Equal(t, "no outcome within 7 days; contact APO support", last.Reason)
		assert.Equal(t, []time.Time{x.now, x.now.Add(ParkedEvery)}, []time.Time{x.o.Head().ParkedSince, x.o.Head().Due})
	}
}

// A process that comes back after a month does not park what APO can tell at once.
func TestPark_OnlyAfterAPOWasAskedOnceMore(t *testing.T) {
	x := asked(t, CallCapture)
	x.answer(silence)
	x.later(30 * day)
	call, due := x.o.Due(x.now)
	require.True(t, due)
	require.True(t, call.IsInquiry())
	x.inquire(tells(StateSuccess, Fact{Kind: CaptureSucceeded, RequestID: "r-1", Amount: usd(400)}))
	x.ended(OutcomeSucceeded, "")

	x = asked(t, CallCapture)
	x.answer(silence)
	x.later(30 * day)
	facts := x.inquire(tells(StateSuccess))
	assert.Equal(t, []events.Kind{events.KindOperationParked, events.KindInquiryAnswered}, kindsOf(facts),
		"not done, and the schedule is over: a person decides whether it is still wanted")
	assert.False(t, facts[1].(events.InquiryAnswered).AskAgain)
}

func TestPark_WhatAPOWorksOnHasAMonth(t *testing.T) {
	x := asked(t, CallRefund)
	x.answer(works)
	processing := tells(StateProcessing, Fact{Kind: RefundPending, RequestID: "r-1"})
	begun, asked := x.op().Since, 0
	for x.op().Phase == Accepted {
		x.now = x.o.NextDue()
		x.inquire(processing)
		asked++
	}
	assert.Equal(t, 33, asked, "10 min, 1 h, 6 h, then daily")
	assert.Equal(t, 30*day+7*time.Hour+10*time.Minute, x.now.Sub(begun))
	assert.Equal(t, "APO has worked on it for 30 days without a result; contact APO support",
		x.log[len(x.log)-2].Event.(events.OperationParked).Reason)
	x.now = x.o.NextDue()
	x.inquire(tells(StateSuccess, Fact{Kind: RefundSucceeded, RequestID: "r-1", Amount: usd(200)}))
	x.ended(OutcomeSucceeded, "")
}

func TestPark_ThePolicySaysWhen(t *testing.T) {
	x := asked(t, CallCancel)
	x.policy.ParkAfter = time.Hour
	x.answer(silence)
	x.later(time.Hour)
	x.inquire(Picture{})
	assert.Equal(t, Parked, x.o.Operation.Phase)
	assert.Equal(t, "no outcome within 1h0m0s; contact APO support",
		x.log[len(x.log)-2].Event.(events.OperationParked).Reason)

	x = asked(t, CallRefund)
	x.policy.ParkAccepted = time.Hour
	x.answer(works)
	x.later(time.Hour)
	x.inquire(tells(StateProcessing, Fact{Kind: RefundPending, RequestID: "r-1"}))
	assert.Equal(t, Parked, x.op().Phase)
}

func TestJitter_IsBoundedAndFollowsFromTheOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		o := Order{ID: rapid.String().Draw(rt, "id"), Version: rapid.Uint64().Draw(rt, "version")}
		wait := time.Duration(rapid.Int64Range(1, int64(365*day)).Draw(rt, "wait"))
		percent := rapid.IntRange(0, JitterMax).Draw(rt, "percent")
		cut := o.jitter(wait, percent)
		require.GreaterOrEqual(rt, cut, time.Duration(0))
		require.LessOrEqual(rt, cut, wait/100*time.Duration(percent))
		require.Equal(rt, cut, o.jitter(wait, percent))
	})
}

// Ten thousand orders that failed in the same second are not all asked about in the same second again.
func TestJitter_SpreadsWhatFailedTogether(t *testing.T) {
	const orders, bins = 10_000, 10
	var spread [bins]int
	for i := range orders {
		o := Order{ID: fmt.Sprint("o-", i), Version: 3}
		cut := o.jitter(time.Hour, DefaultJitter)
		spread[cut/(6*time.Minute/bins)]++
	}
	for i, n := range spread {
		assert.InDelta(t, orders/bins, n, orders/bins/4, "bin %d of %d", i, bins)
	}
}

func TestJitter_ThePolicySaysHowMuch(t *testing.T) {
	for given, want := range map[int]int{0: DefaultJitter, NoJitter: 0, -7: 0, 25: 25, JitterMax: JitterMax,
		1000: JitterMax} {
		assert.Equal(t, want, (&Policy{Jitter: given}).jitter(), "%d", given)
	}
	x := asked(t, CallCancel)
	x.policy.Jitter = 0
	x.answer(silence)
	due := x.o.NextDue()
	assert.True(t, due.After(x.now.Add(900*time.Millisecond-time.Nanosecond)) && due.Before(x.now.Add(time.Second)), "%s",
		due.Sub(x.now))
}
