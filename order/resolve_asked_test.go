package order

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
)

// unheard begins an inquiry about a record and gets no usable answer.
func (x *till) unheard(record uint64) {
	x.free()
	started := x.must(Claim{Inquire: true, Record: record})[0].(events.InquiryStarted)
	x.must(RecordInquiry{Number: started.Number, Picture: Picture{Problem: "timeout"}})
}

// What APO told of one thing is no word on another that it was asked about later, and told nothing of.
func TestResolve_AnAnswerAboutSomethingElseIsNoWord(t *testing.T) {
	x := asked(t, CallRefund)
	x.park()
	intent := x.op().Intent
	x.free()
	x.must(Claim{Inquire: true, Record: 1})
	require.Equal(t, events.SubjectPayment, x.o.Inquiry.Subject)
	x.must(RecordInquiry{Number: x.o.Inquiry.Number, Picture: tells(StateSuccess, authorized(), captured("C1", 600))})
	x.unheard(intent)
	require.Equal(t, events.SubjectRefund, x.o.Inquiry.Subject)
	for _, word := range []events.Resolution{events.ResolvedFailed, events.ResolvedSucceeded} {
		_, err := x.do(Resolve{Record: intent, Resolution: word, Statement: "APO ticket 7"})
		assert.Equal(t, ReasonStaleInquiry, rejected(t, err).Reason, word)
	}

	x = in(t, Captured)
	x.inquire(tells(StateSuccess, authorized(), captured("C1", 600)))
	x.observe(Fact{Kind: CaptureFailed, TransferID: "C1", Code: "X"})
	doubt := x.o.Doubts()[0]
	x.unheard(doubt)
	_, err := x.do(statement(doubt, events.ResolvedFailed))
	assert.Equal(t, ReasonStaleInquiry, rejected(t, err).Reason, "the answer is older than the doubt")
	assert.Equal(t, CallInquirePayment, x.o.inquiryOf(0).Kind)
	x.inquire(tells("NEW"))
	x.must(statement(doubt, events.ResolvedFailed))

	late := heldLate(t)
	late.unheard(0)
	_, err = late.do(Compensate{})
	assert.Equal(t, ReasonStaleInquiry, rejected(t, err).Reason)
}

// A person's word on what APO told under our own request ends what we had asked for, too.
func TestResolve_ADoubtUnderOurOwnRequestEndsItsOperation(t *testing.T) {
	for _, kind := range []CallKind{CallCapture, CallRefund} {
		for _, word := range []events.Resolution{events.ResolvedSucceeded, events.ResolvedFailed} {
			x := asked(t, kind)
			told := Fact{Kind: CaptureSucceeded, RequestID: "r-1", TransferID: "T1", Amount: usd(100)}
			if kind == CallRefund {
				told.Kind = RefundSucceeded
			}
			before := x.o
			x.observe(told)
			doubt := x.o.Doubts()[0]
			x.free()
			x.must(Claim{Inquire: true, Record: doubt})
			x.must(RecordInquiry{Number: x.o.Inquiry.Number, Picture: tells("NEW")})
			x.must(statement(doubt, word))
			assert.False(t, x.o.Operation.Outstanding(), "%s %s", kind, word)
			outcome, moved := OutcomeFailed, int64(0)
			if word == events.ResolvedSucceeded {
				outcome, moved = OutcomeSucceeded, 100
			}
			assert.Equal(t, outcome, x.o.Command("k").Outcome, "%s %s", kind, word)
			assert.Equal(t, moved, x.o.Captured+x.o.Refunded-before.Captured-before.Refunded, "%s %s", kind, word)
			if word == events.ResolvedSucceeded { // and its command follows what APO says later
				told.Kind, told.Code = map[FactKind]FactKind{CaptureSucceeded: CaptureFailed,
					RefundSucceeded: RefundFailed}[told.Kind], "X"
				x.inquire(tells(StateSuccess, told))
				assert.Equal(t, OutcomeFailed, x.o.Command("k").Outcome, kind)
			}
			replayIsLive(t, x)
		}
	}
}

// What an inquiry or a person called failed, and APO then takes after all, may stand: a capture like a refund.
func TestAnswer_ALateAcceptedIsNotLost(t *testing.T) {
	for _, kind := range []CallKind{CallCapture, CallRefund} {
		x := asked(t, kind)
		call := x.attempt()
		x.park()
		x.inquire(notExist)
		x.must(Resolve{Resolution: events.ResolvedFailed, Statement: "APO ticket 7"})
		require.False(t, x.o.Operation.Outstanding())
		facts := x.answerTo(call, Verdict{Class: VerdictAccepted, Code: "IN_PROCESS"})
		require.Len(t, facts, 1, kind)
		assert.True(t, hasAnomaly(x.o, events.LateAnswer), kind)
		assert.True(t, x.o.Unaccounted(), kind)
		assert.False(t, x.takes(Cancel{}), kind)
		assert.False(t, x.takes(Capture{Amount: usd(1)}), kind)
		assert.Empty(t, x.answerTo(call, Verdict{Class: VerdictAccepted, Code: "IN_PROCESS"}), kind)
		replayIsLive(t, x)
	}
}
