package order

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"pgregory.net/rapid"
)

// accepting has APO take a refund of that amount and work on it.
func (x *till) accepting(commandID string, minor int64) string {
	x.must(Refund{CommandID: commandID, Amount: usd(minor)})
	id := x.o.Operation.RequestID
	x.answer(works)
	require.False(x.t, x.o.Operation.Outstanding(), "it has left the slot")
	return id
}

// working is a paid order of which APO refunds a part.
func working(t *testing.T) *till {
	x := in(t, Paid)
	x.accepting("f-1", 100)
	return x
}

// givenUp is one of which APO has refunded nothing for so long that a person has it.
func givenUp(t *testing.T) *till {
	x := working(t)
	x.policy.ParkAccepted = time.Hour
	x.later(2 * time.Hour)
	x.inquire(tells(StateProcessing, Fact{Kind: RefundPending, RequestID: x.op().RequestID}))
	require.Equal(t, Parked, x.op().Phase)
	return x
}

// crowded is one with as many refunds under way as there may be.
func crowded(t *testing.T) *till {
	x := in(t, Paid)
	for i := range RefundsMax {
		x.accepting(fmt.Sprint("f-", i), 1)
	}
	return x
}

// Shops cancel tickets one by one: several equal refunds are under way at once, and end by their own ids in any order.
func TestAccepted_SeveralRefundsEndInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		mode := rapid.SampledFrom([]events.CaptureMode{CaptureNone, CaptureManual}).Draw(t, "mode")
		x := newTill(t)
		x.must(create(mode))
		if mode == CaptureNone {
			x.observe(paid())
		} else {
			x.observe(authorized())
			x.observe(captured("C1", theAmount))
		}
		n := rapid.IntRange(2, 5).Draw(t, "refunds")
		ids, want := map[string]bool{}, int64(0)
		for i := range n {
			ids[x.accepting(string(rune('a'+i)), 200)] = true
		}
		assert.EqualValues(t, theAmount-200*int64(n), x.o.Refundable(), "they keep their amounts")
		assert.Len(t, x.o.Accepted, n)
		for range n {
			left := []string{}
			for _, p := range x.o.Accepted {
				left = append(left, p.RequestID)
			}
			id := rapid.SampledFrom(left).Draw(t, "ends")
			delete(ids, id)
			f := Fact{Kind: RefundSucceeded, TransferID: "F-" + id, RequestID: id, Amount: usd(200)}
			if rapid.Bool().Draw(t, "fails") {
				f = Fact{Kind: RefundFailed, TransferID: "F-" + id, RequestID: id, Code: "BANK_REJECT"}
			} else {
				want += 200
			}
			if rapid.Bool().Draw(t, "by inquiry") {
				x.free()
				claim := Claim{Inquire: true, Record: x.o.askedFor(CallRefund, id).Intent}
				number := x.must(claim)[0].(events.InquiryStarted).Number
				x.must(RecordInquiry{Number: number, Picture: Picture{Outcome: events.InquiryAnswers, State: StateSuccess,
					Facts: []Fact{f}, Evidence: signed()}})
			} else {
				x.observe(f)
			}
		}
		assert.Empty(t, x.o.Operations())
		assert.Equal(t, want, x.o.Refunded)
		for i := range n {
			outcome := x.o.Command(string(rune('a' + i))).Outcome
			assert.Contains(t, []Outcome{OutcomeSucceeded, OutcomeFailed}, outcome)
		}
		replayIsLive(t, x)
	})
}

// What is reserved cannot be given twice, and what is not can.
func TestAccepted_KeepsItsAmount(t *testing.T) {
	x := in(t, Paid)
	x.accepting("f-1", 600)
	_, err := x.do(Refund{CommandID: "f-2", Amount: usd(401)})
	assert.Equal(t, ReasonRemainder, rejected(t, err).Reason)
	x.accepting("f-2", 400)
	x.observe(Fact{Kind: RefundFailed, RequestID: x.o.Accepted[0].RequestID, Code: "BANK_REJECT"})
	assert.EqualValues(t, 600, x.o.Refundable(), "what failed is free again")
	assert.Equal(t, OutcomePending, x.o.Command("f-2").Outcome)
	p, outstanding := x.o.OperationOf("f-2")
	assert.Equal(t, []any{true, Accepted, usd(400)}, []any{outstanding, p.Phase, p.Amount})
}

// While one is asked for, or its outcome is not known, the next waits.
func TestAccepted_OneAtATimeUntilAPOHasTakenIt(t *testing.T) {
	x := in(t, Paid)
	x.must(Refund{CommandID: "f-1", Amount: usd(100)})
	_, err := x.do(Refund{CommandID: "f-2", Amount: usd(100)})
	assert.Equal(t, ReasonRefunding, rejected(t, err).Reason)
	x.answer(unknownU)
	_, err = x.do(Refund{CommandID: "f-2", Amount: usd(100)})
	assert.Equal(t, ReasonRefunding, rejected(t, err).Reason)
	x.retry()
	x.answer(works)
	x.must(Refund{CommandID: "f-2", Amount: usd(100)})
}

// Each is asked about on its own schedule, and parks by itself; a person resolves the one they name.
func TestAccepted_EachHasItsOwnSchedule(t *testing.T) {
	x := in(t, Paid)
	x.policy.ParkAccepted = 24 * time.Hour
	first := x.accepting("f-1", 100)
	x.later(23 * time.Hour)
	second := x.accepting("f-2", 200)
	for x.o.phase() != Parked {
		x.now = x.o.NextDue()
		started := x.must(Claim{})[0].(events.InquiryStarted)
		call, ok := x.o.Claimed()
		require.True(t, ok)
		require.Equal(t, started.Intent, call.Intent)
		x.must(RecordInquiry{Number: started.Number, Picture: Picture{Outcome: events.InquiryAnswers, State: StateProcessing,
			Facts: []Fact{{Kind: RefundPending, RequestID: call.RequestID}}, Evidence: signed()}})
	}
	one, two := x.o.askedFor(CallRefund, first), x.o.askedFor(CallRefund, second)
	assert.Equal(t, []any{Parked, Accepted}, []any{one.Phase, two.Phase})
	assert.Equal(t, "needs attention", x.o.Words())
	assert.Equal(t, one.ParkedAt, x.o.Head().ParkedSince)
	x.must(Refund{CommandID: "f-3", Amount: usd(700)}) // what is parked was accepted, and blocks no other
	x.answer(works)
	intent := one.Intent
	x.free()
	number := x.must(Claim{Inquire: true, Record: intent})[0].(events.InquiryStarted).Number
	x.must(RecordInquiry{Number: number, Picture: Picture{Outcome: events.InquiryAnswers, State: StateProcessing,
		Facts: []Fact{{Kind: RefundPending, RequestID: first}}, Evidence: signed()}})
	_, err := x.do(Resolve{Record: two.Intent, Resolution: events.ResolvedFailed, Override: true,
		Statement: "APO ticket 7"})
	assert.Equal(t, ReasonNoDoubt, rejected(t, err).Reason, "the other is not parked")
	x.must(Resolve{Record: intent, Resolution: events.ResolvedFailed, Override: true, Statement: "APO ticket 7"})
	assert.Nil(t, x.o.askedFor(CallRefund, first))
	assert.Equal(t, OutcomeFailed, x.o.Command("f-1").Outcome)
	assert.Len(t, x.o.Accepted, 2)
	replayIsLive(t, x)
}

// A refund that APO took and does not know any more is asked for again, under the same id, once nothing else is.
func TestAccepted_WhatAPODoesNotKnowAnyMoreIsAskedForAgain(t *testing.T) {
	x := in(t, Paid)
	id := x.accepting("f-1", 100)
	intent := x.o.Accepted[0].Intent
	x.must(Refund{CommandID: "f-2", Amount: usd(100)})
	ask := func() {
		x.free()
		number := x.must(Claim{Inquire: true, Record: intent})[0].(events.InquiryStarted).Number
		x.must(RecordInquiry{Number: number, Picture: Picture{Outcome: events.InquiryNotExist, Evidence: signed()}})
	}
	ask()
	assert.Len(t, x.o.Accepted, 1, "another is outstanding")
	x.answerTo(x.o.operationCall(1), works)
	ask()
	require.Equal(t, id, x.o.Operation.RequestID)
	x.retry()
	assert.Equal(t, id, x.attempt().RequestID)
	x.answer(works)
	assert.Len(t, x.o.Accepted, 2)
	replayIsLive(t, x)
}

// Beside what APO gives back nothing is cancelled, captured or compensated.
func TestAccepted_NothingElseIsSentBesideIt(t *testing.T) {
	x := in(t, Captured)
	x.policy.SeveralCaptures = []string{"CARD"}
	x.accepting("f-1", 100)
	for _, c := range []Command{Cancel{CommandID: "x"}, Capture{CommandID: "x", Amount: usd(1)}} {
		assert.False(t, x.takes(c), "%T", c)
	}
	late := movedLate(t)
	late.must(Compensate{CommandID: "c-1"})
	late.answer(works)
	late.inquire(tells(StateCancelled))
	_, err := late.do(Compensate{CommandID: "c-2"})
	assert.Equal(t, ReasonRefunding, rejected(t, err).Reason)
}

// Whoever asks about an order by hand asks about each of its refunds in turn, answered or not.
func TestAccepted_AskedAboutInTurn(t *testing.T) {
	x := in(t, Paid)
	x.accepting("f-1", 100)
	x.later(time.Minute)
	x.accepting("f-2", 100)
	var asked []uint64
	for range 4 {
		x.later(time.Second)
		x.free()
		started := x.must(Claim{Inquire: true})[0].(events.InquiryStarted)
		asked = append(asked, started.Intent)
		x.must(RecordInquiry{Number: started.Number, Picture: Picture{Problem: "timeout"}})
	}
	first, second := x.o.Accepted[0].Intent, x.o.Accepted[1].Intent
	assert.Equal(t, []uint64{first, second, first, second}, asked)
}
