package order

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tilltape/tilltape/events"
)

// ledger keeps an order's refusals the way a service does.
type ledger struct {
	r   Refusals
	log []events.Record
	now time.Time
}

func (l *ledger) refuse(t require.TestingT, c Command, e *RejectedError) (fact events.CommandRefused, record bool) {
	before := fmt.Sprint(l.r)
	next, fact, record := l.r.Refuse(c, e, l.now)
	require.Equal(t, before, fmt.Sprint(l.r), "the value in hand stays")
	l.r = next
	return fact, record
}

func (l *ledger) append(t require.TestingT, e events.CommandRefused) {
	r := events.Record{ID: fmt.Sprint("refusal-", len(l.log)+1), Stream: events.RefusalStream("o-1"),
		Version: l.r.Version + 1, Recorded: l.now,
		Occurred: l.now, Event: e}
	require.NoError(t, r.Validate())
	l.r = l.r.Evolve(r)
	l.log = append(l.log, r)
}

// refusedCapture is a real rejection.
func refusedCapture(t require.TestingT, x *till) (Capture, *RejectedError) {
	c := Capture{CommandID: "k", Amount: usd(1001), Actor: "ada"}
	_, err := x.do(c)
	return c, rejected(t, err)
}

func TestRefusals_WhoWhatWhy(t *testing.T) {
	x := in(t, Authorized)
	c, e := refusedCapture(t, x)
	l := &ledger{now: x.now}
	fact, record := l.refuse(t, c, e)
	require.True(t, record)
	assert.Equal(t, events.CommandRefused{Command: "capture", Reason: "remainder", Remedy: "give at most what remains",
		Cause: 2, Amount: usd(1001), Count: 1}, fact)
	for given, want := range map[Command]Money{Create{Amount: usd(1)}: usd(1), Refund{Amount: usd(2)}: usd(2),
		Cancel{}: {}} {
		fact, _ = l.refuse(t, given, e)
		assert.Equal(t, want, fact.Amount)
	}
}

func TestRefusals_TheFirst32ThenOneADayWithACount(t *testing.T) {
	x := in(t, Authorized)
	c, e := refusedCapture(t, x)
	l := &ledger{now: x.now}
	for range RefusalsMax {
		fact, record := l.refuse(t, c, e)
		require.True(t, record)
		require.EqualValues(t, 1, fact.Count)
		l.append(t, fact)
		l.now = l.now.Add(time.Second)
	}
	last := l.r.rows[0].last
	for range 999 {
		_, record := l.refuse(t, c, e)
		require.False(t, record)
	}
	records, pending := l.r.Count(ReasonRemainder)
	assert.Equal(t, []any{RefusalsMax, uint64(999)}, []any{records, pending})
	l.now = last.Add(RefusalEvery - 1)
	_, record := l.refuse(t, c, e)
	assert.False(t, record)
	l.now = last.Add(RefusalEvery)
	fact, record := l.refuse(t, c, e)
	require.True(t, record)
	assert.EqualValues(t, 1001, fact.Count)
	l.append(t, fact)
	_, record = l.refuse(t, c, e)
	assert.False(t, record, "the next day's comes tomorrow")

	other := *e
	other.Reason = ReasonCurrency
	_, record = l.refuse(t, c, &other)
	assert.True(t, record, "each reason has its own budget")
	records, pending = l.r.Count(ReasonWindow)
	assert.Zero(t, records+int(pending))
}

func TestRefusals_WhatCouldNotBeAppendedIsCountedNextTime(t *testing.T) {
	x := in(t, Authorized)
	c, e := refusedCapture(t, x)
	l := &ledger{now: x.now}
	l.refuse(t, c, e) // its append fails
	fact, record := l.refuse(t, c, e)
	require.True(t, record)
	assert.EqualValues(t, 2, fact.Count)
}

func TestRefusals_WhatComesWhileOneIsAppendedIsNotLost(t *testing.T) {
	x := in(t, Authorized)
	c, e := refusedCapture(t, x)
	l := &ledger{now: x.now}
	fact, _ := l.refuse(t, c, e)
	l.refuse(t, c, e)
	l.append(t, fact)
	records, pending := l.r.Count(ReasonRemainder)
	assert.Equal(t, []any{1, uint64(1)}, []any{records, pending})
}

func TestRefusals_AnOrderThatIsNotThereLeavesNone(t *testing.T) {
	var r *RejectedError
	require.True(t, errors.As(error((Order{}).Actions(Env{})[1].Rejected), &r))
	_, _, record := Refusals{}.Refuse(Cancel{}, r, opened)
	assert.False(t, record)
}

func TestRefusals_OtherRecordsAreNone(t *testing.T) {
	assert.Equal(t, Refusals{}, Refusals{}.Evolve(events.Record{Version: 3, Event: events.PaymentPending{}}))
}

// However often and whenever commands are refused: replaying the stream gives the budget back, no refusal is counted
// twice or lost while the value lives, and the log stays small.
func TestRefusals_CountsAndBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := &ledger{now: opened}
		given := map[Reason]uint64{}
		for range rapid.IntRange(1, 200).Draw(t, "refusals") {
			l.now = l.now.Add(rapid.SampledFrom([]time.Duration{0, time.Second, time.Hour, 23 * time.Hour, -time.Minute}).Draw(t,
				"later"))
			reason := rapid.SampledFrom([]Reason{ReasonCaptured, ReasonWindow}).Draw(t, "reason")
			fact, record := l.refuse(t, Cancel{},
				&RejectedError{OrderID: "o-1", Command: VerbCancel, Status: Captured, Reason: reason, Remedy: "refund"})
			given[reason]++
			if record && rapid.IntRange(0, 9).Draw(t, "append fails") > 0 {
				l.append(t, fact)
			}
		}
		var replayed Refusals
		stand, perDay := map[string]uint64{}, map[string]int{}
		for _, r := range l.log {
			replayed = replayed.Evolve(r)
			e := r.Event.(events.CommandRefused)
			stand[e.Reason] += e.Count
			perDay[e.Reason]++
		}
		days := int(l.now.Sub(opened)/RefusalEvery) + 2
		for reason, n := range given {
			records, pending := l.r.Count(reason)
			again, _ := replayed.Count(reason)
			assert.Equal(t, records, again)
			assert.Equal(t, n, stand[reason.String()]+pending, "none is lost, none counted twice")
			assert.LessOrEqual(t, perDay[reason.String()], RefusalsMax+days)
		}
		assert.Equal(t, replayed.Version, l.r.Version)
	})
}
