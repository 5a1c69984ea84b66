package order

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
)

// Every answer that leaves a parked operation parked, and what an operator may say after it without overriding it.
func TestResolve_WhatGoesAgainstAPOsAnswerNeedsAnOverride(t *testing.T) {
	const yes, no = events.ResolvedSucceeded, events.ResolvedFailed
	pending := func(k FactKind) Fact { return Fact{Kind: k, RequestID: "r-1"} }
	for name, c := range map[string]struct {
		op      CallKind
		told    Picture
		said    bearing
		freely  []events.Resolution
		refused map[events.Resolution]Reason
	}{
		"cancel, the payment stands": {CallCancel, tells(StateSuccess), toldNotDone, []events.Resolution{no},
			map[events.Resolution]Reason{yes: ReasonOnlyAPO}},
		"capture, not listed": {CallCapture, tells(StateSuccess), toldNotDone, []events.Resolution{no},
			map[events.Resolution]Reason{yes: ReasonContradicts}},
		"capture, no such payment": {CallCapture, notExist, toldNotDone, []events.Resolution{no},
			map[events.Resolution]Reason{yes: ReasonContradicts}},
		"capture, in process": {CallCapture, tells(StateSuccess, pending(CapturePending)), toldUndecided, nil,
			map[events.Resolution]Reason{yes: ReasonContradicts, no: ReasonContradicts}},
		"capture of another amount": {CallCapture,
			tells(StateSuccess, Fact{Kind: CaptureSucceeded, RequestID: "r-1", Amount: usd(1)}), toldUndecided, nil,
			map[events.Resolution]Reason{yes: ReasonContradicts, no: ReasonContradicts}},
		"capture, a state nobody knows": {CallCapture, tells("NEW"), toldNothing, []events.Resolution{yes, no}, nil},
		"refund, no such refund": {CallRefund, notExist, toldNotDone, []events.Resolution{no},
			map[events.Resolution]Reason{yes: ReasonContradicts}},
		"refund, in process": {CallRefund, tells(StateProcessing, pending(RefundPending)), toldUndecided, nil,
			map[events.Resolution]Reason{yes: ReasonContradicts, no: ReasonContradicts}},
	} {
		t.Run(name, func(t *testing.T) {
			stands := func() *till {
				x := asked(t, c.op)
				x.park()
				x.inquire(c.told)
				require.Equal(t, Parked, x.o.Operation.Phase)
				require.Equal(t, c.said, x.o.Inquiry.told)
				return x
			}
			for _, word := range c.freely {
				x := stands()
				x.must(Resolve{CommandID: "res", Resolution: word, Statement: "APO ticket 7"})
				assert.False(t, x.o.Operation.Outstanding())
				replayIsLive(t, x)
			}
			for word, reason := range c.refused {
				x := stands()
				_, err := x.do(Resolve{CommandID: "res", Resolution: word, Statement: "APO ticket 7"})
				assert.Equal(t, reason, rejected(t, err).Reason)
				facts, err := x.do(Resolve{CommandID: "res", Resolution: word, Override: true, Statement: "APO ticket 7"})
				if reason == ReasonOnlyAPO {
					assert.Equal(t, reason, rejected(t, err).Reason, "no override cancels an order")
					continue
				}
				require.NoError(t, err)
				assert.Equal(t, events.OperationResolved{Intent: facts[0].(events.OperationResolved).Intent,
					Resolution: word, Statement: "APO ticket 7", Override: true}, facts[0])
				replayIsLive(t, x)
			}
		})
	}
}

// APO's word would be a fact, held or shown. An operator's is a command: it is refused, not remembered as done.
func TestResolve_WhatNoLongerFitsWasNotDone(t *testing.T) {
	for name, c := range map[string]struct {
		stands func(t *testing.T) *till
		asks   string
		makes  Fact // room
	}{
		"refund, held": {func(t *testing.T) *till {
			x := asked(t, CallRefund) // 200 of 600 captured of 1000
			x.observe(refunded("D1", 500))
			return x
		}, "refund USD 2.00, USD 1.00 remains", captured("C2", 400)},
		"capture": {func(t *testing.T) *till {
			x := asked(t, CallCapture) // 400 of 1000
			x.observe(captured("D1", 700))
			return x
		}, "capture USD 4.00, USD 3.00 remains", Fact{}},
		"refund of one-step money": {func(t *testing.T) *till {
			x := in(t, Paid)
			x.must(Refund{CommandID: "k", Amount: usd(600)})
			x.observe(refunded("D1", 500))
			return x
		}, "refund USD 6.00, USD 5.00 remains", Fact{}},
		"compensation": {func(t *testing.T) *till {
			x := compensating(movedLate(t))
			x.observe(refunded("D1", 500))
			return x
		}, "refund USD 10.00, USD 5.00 remains", Fact{}},
	} {
		t.Run(name, func(t *testing.T) {
			x := c.stands(t)
			x.park()
			x.inquire(tells("NEW"))
			require.Equal(t, Parked, x.o.Operation.Phase)
			word := Resolve{CommandID: "res", Resolution: events.ResolvedSucceeded, Override: true, Statement: "APO ticket 7"}
			_, err := x.do(word)
			e := rejected(t, err)
			assert.Equal(t, []any{ReasonRemainder, c.asks}, []any{e.Reason, e.Detail})
			assert.NotZero(t, e.Cause.Version)
			assert.Equal(t, OutcomeUnknown, x.o.Command("res").Outcome, "a refused command is not remembered")

			if c.makes.Kind != FactNone { // APO tells of what was missing: now the word can be true
				x.observe(c.makes)
			} else {
				word.Resolution = events.ResolvedFailed
			}
			x.must(word)
			assert.False(t, x.o.Operation.Outstanding())
			assert.Empty(t, x.o.Held)
			replayIsLive(t, x)
		})
	}
}

func TestResolve_AnAnswerThatIsNoneSaysNothingNew(t *testing.T) {
	x := parked(t)
	x.inquire(Picture{Problem: "timeout"})
	assert.Equal(t, toldNotDone, x.o.Inquiry.told, "what APO said before stands")
}

func TestResolve_TheOverrideBelongsToTheCommand(t *testing.T) {
	x := parked(t)
	word := Resolve{CommandID: "res", Resolution: events.ResolvedSucceeded, Override: true, Statement: "APO ticket 7"}
	x.must(word)
	word.Override = false
	_, err := x.do(word)
	assert.ErrorIs(t, err, ErrIdempotencyMismatch)
}

func TestJudge_AResolutionThatHidesItsOverride(t *testing.T) {
	x := parked(t)
	hidden := events.OperationResolved{Resolution: events.ResolvedSucceeded, Statement: "APO ticket 7"}
	assert.ErrorContains(t, x.judged(hidden), "is no legal resolve: APO's newest answer")
	assert.NoError(t, x.judged(events.OperationResolved{Resolution: events.ResolvedSucceeded, Override: true,
		Statement: "APO ticket 7"}))
	assert.NoError(t, x.judged(events.OperationResolved{Resolution: events.ResolvedFailed, Statement: "APO ticket 7"}))
}

// A command id stands for one resolution: of what it was about, whether that was named or was the only thing there was.
func TestResolve_TheRecordBelongsToTheCommand(t *testing.T) {
	x := in(t, Authorized)
	x.observe(captured("C9", 1200))
	x.observe(captured("C8", 1300))
	x.inquire(tells(StateSuccess))
	doubts := x.o.Doubts()
	require.Len(t, doubts, 2)
	c := Resolve{CommandID: "s", Record: doubts[0], Resolution: events.ResolvedFailed, Statement: "APO ticket 7"}
	x.must(c)
	assert.Empty(t, x.must(c), "once")
	c.Record = doubts[1]
	_, err := x.do(c)
	var mismatch *MismatchError
	require.ErrorAs(t, err, &mismatch, "of another record")

	for _, named := range []bool{true, false} {
		x = asked(t, CallCapture)
		x.answer(silence)
		x.park()
		x.inquire(tells(StateProcessing))
		intent := x.o.Operation.Intent
		c = Resolve{CommandID: "s", Resolution: events.ResolvedFailed, Statement: "APO ticket 7", Override: true}
		if named {
			c.Record = intent
		}
		x.must(c)
		for _, record := range []uint64{0, intent} {
			c.Record = record
			assert.Empty(t, x.must(c), "the same, named or not")
		}
		for _, other := range []Resolve{{CommandID: "s", Resolution: events.ResolvedFailed, Statement: "APO ticket 8",
			Override: true}, {CommandID: "s", Resolution: events.ResolvedFailed, Statement: "APO ticket 7"},
			{CommandID: "s", Record: intent + 1, Resolution: events.ResolvedFailed, Statement: "APO ticket 7", Override: true}} {
			_, err := x.do(other)
			require.ErrorAs(t, err, &mismatch)
		}
	}
}
