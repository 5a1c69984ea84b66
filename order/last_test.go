package order

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
)

// closed is an order in the status, captured or refunded, of which 600 was taken by a capture that was the last.
func closed(t require.TestingT, s Status) *till {
	x := in(t, Authorized)
	x.must(Capture{CommandID: "last", Amount: usd(600), Last: true})
	x.answer(done)
	if s == Refunded {
		x.observe(refunded("F1", 100))
	}
	require.Equal(t, s, x.o.Status)
	return x
}

// What the command called the last capture, every attempt tells APO, in this process and in one that starts after it.
func TestCaptures_EveryAttemptSaysThatItIsTheLast(t *testing.T) {
	for _, last := range []bool{true, false} {
		x := in(t, Authorized)
		x.must(Capture{CommandID: "k", Amount: usd(300), Last: last})
		first, ok := x.o.Claimed()
		require.True(t, ok)
		assert.Equal(t, last, first.Last)
		x.answer(unknownU)
		x.retry()
		replayIsLive(t, x)
		restarted, ok := unpack(pack(x.o))
		require.True(t, ok)
		again, ok := restarted.Claimed()
		require.True(t, ok)
		again.Attempt, again.Lease = first.Attempt, first.Lease
		assert.Equal(t, first, again)
	}
	x := in(t, Captured)
	x.must(Refund{CommandID: "k", Amount: usd(100)})
	call, _ := x.o.Claimed()
	assert.False(t, call.Last, "only a capture can be the last")
}

// APO lets go of what a last capture leaves, and an inquiry lists that as a VOID: nothing that anybody must look at.
func TestLast_WhatIsLetGoIsNoAnomaly(t *testing.T) {
	alive := Fact{Kind: PaymentAuthorized, PaymentID: "P1", Amount: usd(theAmount)}
	for name, minor := range map[string]int64{"all of the rest": 400, "a part of it": 100} {
		x := closed(t, Captured)
		x.inquire(tells(StateSuccess, alive, voidedPart(minor)))
		assert.Empty(t, x.o.Anomalies, name)
		assert.Equal(t, Captured, x.o.Status)
	}
	x := closed(t, Captured)
	unsaid := voidedPart(0)
	unsaid.Amount = Money{}
	x.inquire(tells(StateSuccess, alive, unsaid))
	assert.Empty(t, x.o.Anomalies, "APO need not say how much it is")
	x.inquire(tells(StateSuccess, alive, voidedPart(401)))
	assert.True(t, hasAnomaly(x.o, events.StatusContradicts), "more than the rest")

	x = closed(t, Captured)
	x.inquire(tells(StateCancelled, cancelled()))
	assert.True(t, hasAnomaly(x.o, events.StatusContradicts), "the payment as a whole is something else")

	x = in(t, Captured)
	x.inquire(tells(StateSuccess, alive, voidedPart(400)))
	assert.True(t, hasAnomaly(x.o, events.StatusContradicts), "nobody called a capture the last")
}

// The inquiry that tells of the capture whose answer was lost tells of the VOID too, and before it: that cancels
// nothing.
func TestLast_AnInquiryAfterALostAnswerTellsBoth(t *testing.T) {
	x := in(t, Authorized)
	x.must(Capture{CommandID: "last", Amount: usd(600), Last: true})
	call := x.attempt()
	x.answer(unknownU)
	ours := captured("C1", 600)
	ours.RequestID = call.RequestID
	x.inquire(tells(StateSuccess, authorized(), voidedPart(400), ours))
	assert.Equal(t, Captured, x.o.Status)
	assert.Empty(t, x.o.Anomalies)
	assert.Equal(t, OutcomeSucceeded, x.o.Command("last").Outcome)
	assert.Zero(t, x.o.Capturable())
	replayIsLive(t, x)
}

// An authorization that ends lets go of what was not captured in time, which nobody need look at either.
func TestLast_WhatAnAuthorizationsEndLetsGoIsNoAnomaly(t *testing.T) {
	x := placed(t, CaptureManual)
	f := authorized()
	f.Expires = opened.Add(time.Hour)
	x.observe(f)
	x.observe(captured("C1", 600))
	void := voidedPart(400)
	x.inquire(tells(StateSuccess, authorized(), void))
	assert.True(t, hasAnomaly(x.o, events.StatusContradicts), "before its time")
	void.TransferID, void.At = "V3", opened.Add(time.Hour)
	before := len(x.o.Anomalies)
	x.inquire(tells(StateSuccess, authorized(), void))
	assert.Len(t, x.o.Anomalies, before)
}

// Cancelling what is captured in part takes two steps, and the refusal names both.
func TestLast_ARefusedCancelNamesBothParts(t *testing.T) {
	several := func(x *till) { x.policy.SeveralCaptures = []string{MethodCard} }
	const held = "; what is still held ends with the authorization"
	for name, row := range map[string]struct {
		s      Status
		change func(*till)
		remedy string
	}{
		"one capture":      {Captured, func(*till) {}, "refund instead" + held},
		"several captures": {Captured, several, "give up what is still held with a last capture, then refund"},
		"refunded in part": {Refunded, several, "refund what remains instead" + held},
		"refunded": {Refunded, func(x *till) { x.observe(refunded("F2", 500)) },
			"nothing remains to give back" + held},
		"captured whole": {Captured, func(x *till) { x.observe(captured("C2", 400)) }, "refund instead"},
		"being captured": {Captured, func(x *till) { several(x); x.must(Capture{Amount: usd(1)}) }, "refund instead"},
	} {
		x := in(t, row.s)
		row.change(x)
		_, err := x.do(Cancel{})
		assert.Equal(t, row.remedy, rejected(t, err).Remedy, name)
		for _, a := range x.o.Actions(x.env()) {
			if a.Verb == VerbCancel {
				assert.Equal(t, row.remedy, a.Rejected.Remedy, name)
			}
		}
	}
	x := closed(t, Captured)
	_, err := x.do(Cancel{})
	assert.Equal(t, "refund instead", rejected(t, err).Remedy, "the last capture ended the rest")

	x = placed(t, CaptureManual)
	f := authorized()
	f.Expires = opened.Add(time.Hour)
	x.observe(f)
	x.observe(captured("C1", 600))
	x.later(time.Hour)
	_, err = x.do(Cancel{})
	assert.Equal(t, "refund instead", rejected(t, err).Remedy, "the authorization ended")
	_, err = in(t, Refunded).do(Capture{Amount: usd(1)})
	assert.Equal(t, "create a new order for the rest", rejected(t, err).Remedy)
}

// lastWhileCancelled is an order that APO cancelled while our last capture was under way, which then succeeded.
func lastWhileCancelled(t *testing.T) *till {
	x := in(t, Authorized)
	x.must(Capture{CommandID: "k", Amount: usd(400), Last: true})
	c := cancelled()
	c.At = opened.Add(11 * time.Second)
	x.observe(c)
	require.True(t, x.o.Operation.Outstanding())
	x.observe(Fact{Kind: CaptureSucceeded, TransferID: "C2", RequestID: "r-1", Amount: usd(400), At: c.At.Add(time.Hour)})
	require.True(t, x.o.lastCapture() != nil)
	return x
}

func TestLast_OnACancelledOrderTheCancelRefuses(t *testing.T) {
	x := lastWhileCancelled(t)
	_, err := x.do(Refund{CommandID: "f", Amount: usd(1)})
	r := rejected(t, err)
	assert.Equal(t, ReasonCancelled, r.Reason)
	assert.Equal(t, []any{opened.Add(11 * time.Second), ""}, []any{r.Cause.At, r.Cause.ID}, "not the capture")
	replayIsLive(t, x)
}
