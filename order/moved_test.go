package order

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/law"
)

// Whether a payment is only held, or was made in one step, is what APO's newest word says, whichever it said before.
// The mode that an order was placed with is what it has until then.

// heldToo is an order that was paid in one step, and that APO calls authorized, too.
func heldToo(x *till) *till {
	x.observe(authorized())
	require.Len(x.t, x.o.Doubts(), 1)
	return x
}

// meetingMoved is an order in the status that was placed to be paid in one step and was called authorized since, and
// APO's newest word that it was paid so.
func meetingMoved(t *testing.T, s Status) (*till, Fact) {
	x := placed(t, CaptureNone)
	if s == Cancelled {
		reach(x, s)
	}
	x.observe(authorized())
	switch s {
	case Captured:
		x.observe(captured("C1", 600))
	case Refunded:
		x.observe(captured("C1", 600))
		x.observe(refunded("F1", 100))
	case Created, Failed:
		x.inquire(tells(StateFail, failed()))
	}
	if s == Created { // by a capture of no payment that is known, which failed
		x.observe(captured("C1", 600))
		x.inquire(tells(StateProcessing, Fact{Kind: CaptureFailed, TransferID: "C1", Code: "X"}))
	}
	require.Equal(t, s, x.o.Status)
	return x.asking(), x.newest(paid())
}

func TestMoved_ByTheNewestWord(t *testing.T) {
	x := placed(t, CaptureNone)
	x.observe(authorized())
	require.Equal(t, []any{Authorized, CaptureAutomatic, 1}, []any{x.o.Status, x.o.CaptureMode, len(x.o.Anomalies)})
	for range 2 {
		x.inquire(tells(StateSuccess, paid()))
		assert.Equal(t, []any{Paid, CaptureNone, int64(theAmount), GatewayNone},
			[]any{x.o.Status, x.o.CaptureMode, x.o.Refundable(), x.o.Gateway})
		assert.Len(t, x.o.Anomalies, 2, "a person looks at both words")
	}
	assert.True(t, x.takes(Cancel{CommandID: "k"}))
	assert.True(t, x.takes(Refund{CommandID: "r", Amount: usd(theAmount)}))
	x.inquire(tells(StateSuccess, authorized()))
	assert.Equal(t, []any{Authorized, CaptureAutomatic, GatewayOutstanding},
		[]any{x.o.Status, x.o.CaptureMode, x.o.Gateway}, "and back, by a newer one")
	replayIsLive(t, x)
}

// What was placed to be captured stays so.
func TestMoved_WhatWasPlacedToBeCaptured(t *testing.T) {
	for _, mode := range []events.CaptureMode{CaptureManual, CaptureAutomatic} {
		x := placed(t, mode)
		x.observe(authorized())
		x.inquire(tells(StateSuccess, paid()))
		assert.Equal(t, []any{Captured, mode}, []any{x.o.Status, x.o.CaptureMode})
		assert.False(t, x.takes(Cancel{CommandID: "k"}))
		replayIsLive(t, x)
	}
}

// As long as no inquiry has told which of the two words is the newer, nothing is cancelled: what is only held APO may
// capture at the same time. A cancel that is under way waits.
func TestMoved_NoCancelBesideTheDoubt(t *testing.T) {
	x := heldToo(in(t, Paid))
	_, err := x.do(Cancel{CommandID: "k"})
	r := rejected(t, err)
	assert.Equal(t, []any{ReasonReversal, x.o.Doubts()[0]}, []any{r.Reason, r.Cause.Version})
	x.must(ClearAnomaly{CommandID: "c", Anomaly: x.o.Anomalies[0].Version, Reason: "seen"})
	assert.False(t, x.takes(Cancel{CommandID: "k"}), "the rule does not rest on the flag")
	x.inquire(tells(StateSuccess, paid()))
	assert.True(t, x.takes(Cancel{CommandID: "k"}))

	x = in(t, Paid)
	x.must(Cancel{CommandID: "k"})
	x.answer(unknownU)
	heldToo(x)
	for range 3 {
		x.now = x.o.NextDue()
		require.IsType(t, events.InquiryStarted{}, x.must(Claim{})[0])
		x.must(RecordInquiry{Number: x.o.Inquiry.Number, Picture: Picture{Problem: "timeout"}})
	}
	x.inquire(tells(StateSuccess, paid()))
	x.retry()
	replayIsLive(t, x)

	x = in(t, Paid) // a payment that failed by another word holds no cancel back: nothing is captured by that
	x.observe(failed())
	assert.True(t, x.takes(Cancel{CommandID: "k"}))
}

// Both words, captures and refunds, in any order and however often: one state, once an inquiry has answered.
func TestMoved_ConvergesOnceAnInquiryHasAnswered(t *testing.T) {
	for name, newest := range map[string]Fact{"paid": paid(), "authorized": authorized()} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				mode := rapid.SampledFrom(everyMode).Draw(t, "mode")
				facts := []Fact{paid(), authorized()}
				answer := tells(StateSuccess, newest)
				if rapid.Bool().Draw(t, "a capture") {
					c := captured("C1", rapid.SampledFrom([]int64{400, theAmount}).Draw(t, "of"))
					facts, answer.Facts = append(facts, c), append(answer.Facts, c)
				}
				begin := func(facts []Fact) *till {
					x := placed(t, mode)
					for _, f := range facts {
						x.observe(f)
					}
					x.inquire(answer)
					x.inquire(answer)
					return x
				}
				want, got := begin(facts), begin(retold(t, facts))
				state := func(x *till) string {
					o := x.o
					return fmt.Sprint(o.Status, o.CaptureMode, amounts(o), o.Late, o.Gateway, o.Refundable(), o.Capturable(),
						o.Unaccounted(), len(o.Doubts()), x.takes(Cancel{CommandID: "k"}))
				}
				require.Equal(t, state(want), state(got), "%v", facts)
				replayIsLive(t, got)
			})
		})
	}
}

// A payment in one step has no captures: those that were told of what was called authorized may stand, if it was.
func TestMoved_BesideCaptures(t *testing.T) {
	x, f := meetingMoved(t, Captured)
	x.must(RecordInquiry{Number: x.o.Inquiry.Number, Picture: Picture{Outcome: events.InquiryAnswers, State: StateSuccess,
		Facts: []Fact{f}, Evidence: signed()}})
	assert.Equal(t, []any{Paid, []int64{theAmount, theAmount, 0}, true},
		[]any{x.o.Status, amounts(x.o), x.o.Unaccounted()})
	assert.False(t, x.takes(Cancel{CommandID: "k"}))
	assert.Equal(t, law.PaymentPaid, x.o.heldOrMoved(x.o.payment(law.PaymentPaid, f.At), &f.Proof), "once")
	replayIsLive(t, x)
}
