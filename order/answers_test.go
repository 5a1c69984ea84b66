package order

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
)

// again lets the newest attempt go unanswered and starts the next.
func (x *till) again() Call {
	c := x.attempt()
	x.retry()
	return c
}

func TestAnswer_ADefiniteFEndsOnlyIfNoOtherAttemptIsUnknown(t *testing.T) {
	for _, k := range operations {
		x := asked(t, k)
		x.answer(refusedF)
		x.ended(OutcomeFailed, "RISK_REJECT")

		x = asked(t, k)
		first := x.again() // never answered: perhaps done
		x.answer(refusedF)
		require.Equal(t, Unresolved, x.o.Operation.Phase, k.String())
		assert.True(t, x.o.Operation.Inquire)
		x.answerTo(first, refusedF)
		x.ended(OutcomeFailed, "RISK_REJECT") // now both are known

		x = asked(t, k)
		first = x.again()
		x.answerTo(first, refusedF)
		x.answer(refusedF)
		x.ended(OutcomeFailed, "RISK_REJECT")

		x = asked(t, k)
		x.answer(unknownU)
		x.retry()
		x.answer(refusedF)
		assert.True(t, x.o.Operation.Outstanding(), "the first try may have worked")
	}
}

func TestAnswer_AWrongPictureNeverEndsAnOperation(t *testing.T) {
	for _, code := range []string{"PROCESS_FAIL", "ORDER_STATUS_INVALID", "CANCEL_WINDOW_EXCEED", "ORDER_IS_CLOSED",
		"ORDER_IS_CANCELED",
		"ORDER_NOT_EXIST", "AUTH_EXPIRED", "REPEAT_REQ_INCONSISTENT"} {
		for _, k := range operations {
			x := asked(t, k)
			facts := x.answer(Verdict{Class: VerdictWrong, Code: code})
			require.Len(t, facts, 1)
			assert.Equal(t, Unresolved, x.o.Operation.Phase)
			assert.Equal(t, code, x.o.Operation.Code)
			call, due := x.o.Due(x.now)
			assert.True(t, due && call.IsInquiry(), "%s: an inquiry decides", code)
		}
	}
}

// Attempt 1 was refused because the payment had not arrived, attempt 2 is unknown, and the payment stands: the refusal
// says nothing about the attempt after it.
func TestAnswer_AnAttemptOfUnknownOutcomeIsNotTheRefusalBeforeIt(t *testing.T) {
	for name, second := range map[string]func(x *till){
		"no answer": func(*till) {}, // the process died
		"U":         func(x *till) { x.answer(unknownU) },
	} {
		x := cancelling(t)
		x.answer(Verdict{Class: VerdictWrong, Code: "ORDER_NOT_EXIST"})
		x.inquire(notExist)
		x.retry()
		require.EqualValues(t, 2, x.o.Operation.Attempt)
		second(x)
		x.inquire(tells(StateSuccess, authorized()))
		require.True(t, x.o.Operation.Outstanding(), "%s: asked again, same identifier", name)
		x.retry()
		assert.EqualValues(t, 3, x.o.Operation.Attempt)
		x.answer(done)
		x.ended(OutcomeSucceeded, "")
	}
}

// Only a cancel is asked again after an F by our own rules; the fold keeps it apart for every operation.
func TestEvolve_AnAttemptBeginsWithoutTheAnswerBeforeIt(t *testing.T) {
	for _, k := range []CallKind{CallCancel, CallCapture, CallRefund} {
		x := asked(t, k)
		u := events.Unresolved{Attempt: 1, Code: "PROCESS_FAIL", Definite: true, Due: x.now}
		refusal := map[CallKind]events.Event{CallCancel: events.CancelUnresolved{Unresolved: u},
			CallCapture: events.CaptureUnresolved{Unresolved: u}, CallRefund: events.RefundUnresolved{Unresolved: u}}[k]
		for _, e := range []events.Event{refusal, events.AttemptStarted{Attempt: 2, Lease: x.now.Add(2 * time.Minute)}} {
			x.o = Evolve(x.o, events.Record{Stream: events.OrderStream("o-1"), Version: x.o.Version + 1, Recorded: x.now,
				Event: e})
		}
		assert.False(t, x.o.Operation.AfterF, k)
	}
}

func TestAnswer_TheZeroVerdictIsUnknown(t *testing.T) {
	for _, k := range operations {
		x := asked(t, k)
		x.must(RecordAnswer{Call: x.attempt()})
		assert.Equal(t, Unresolved, x.o.Operation.Phase)
		assert.False(t, x.o.Operation.AfterF)
	}
	x := asked(t, CallCancel)
	x.answer(works)
	assert.Equal(t, Unresolved, x.o.Operation.Phase, "cancel is synchronous: it has no accepted")
}

func TestAnswer_AnSWithoutEvidenceCancelsNothing(t *testing.T) {
	x := asked(t, CallCancel)
	x.must(RecordAnswer{Call: x.attempt(), Verdict: done})
	assert.Equal(t, []any{Authorized, Unresolved}, []any{x.o.Status, x.o.Operation.Phase},
		"what nobody signed is not proven")
}

func TestObserve_ACancellationWithoutEvidenceIsInvalid(t *testing.T) {
	x := in(t, Authorized)
	_, err := x.do(Observe{Fact: cancelled()})
	assert.ErrorIs(t, err, ErrInvalid)
	x.must(Claim{Inquire: true})
	x.later(DefaultLease)
	x.must(Claim{Inquire: true})
	_, err = x.do(RecordInquiry{Number: 1, Picture: tells(StateCancelled, cancelled())})
	assert.ErrorIs(t, err, ErrInvalid)
}

func TestAnswer_OfAnAttemptThatIsNone(t *testing.T) {
	x := asked(t, CallCancel)
	for _, n := range []uint64{0, 2} {
		c := x.attempt()
		c.Attempt = n
		_, err := x.do(RecordAnswer{Call: c})
		assert.ErrorIs(t, err, ErrInvalid)
	}
	x.answer(unknownU)
	assert.Empty(t, x.answer(refusedF), "an attempt is answered once")
}

func TestAnswer_ToAnEarlierAttemptLeavesTheNewestItsTime(t *testing.T) {
	x := asked(t, CallCapture)
	first := x.again()
	lease := x.o.Operation.Lease
	x.answerTo(first, unknownU)
	assert.Equal(t, []any{lease, lease}, []any{x.o.Operation.Lease, x.o.NextDue()})
	call, ok := x.o.Claimed()
	assert.True(t, ok)
	assert.EqualValues(t, 2, call.Attempt)
}

func TestAnswer_LateAndAgreeingIsADuplicate(t *testing.T) {
	x := asked(t, CallCancel)
	first := x.again()
	x.answer(done)
	assert.Empty(t, x.answerTo(first, done))
	assert.Empty(t, x.answerTo(first, unknownU))

	x = asked(t, CallCapture)
	first = x.again()
	x.answer(done)
	assert.Empty(t, x.answerTo(first, done))

	x = asked(t, CallRefund)
	first = x.again()
	x.answer(works)
	x.observe(Fact{Kind: RefundSucceeded, RequestID: "r-1", Amount: usd(200)})
	assert.Empty(t, x.answerTo(first, done))
	assert.Empty(t, x.answerTo(first, works))

	x = asked(t, CallRefund)
	x.observe(Fact{Kind: RefundFailed, RequestID: "r-1", Code: "RISK_REJECT"})
	assert.Empty(t, x.answerTo(Call{Kind: CallRefund, Intent: 4, Attempt: 1, RequestID: "r-1"}, refusedF))
}

// A refund is taken first and fails later. Its failure's notification may overtake the answer that it was taken.
func TestAnswer_ThatARefundWasTakenWhichHasFailedSince(t *testing.T) {
	for _, v := range []Verdict{done, works} {
		for _, id := range []string{"F1", ""} {
			x := asked(t, CallRefund)
			c := x.attempt()
			x.observe(Fact{Kind: RefundFailed, TransferID: "F1", RequestID: c.RequestID, Amount: c.Amount, Code: "RISK_REJECT"})
			x.ended(OutcomeFailed, "RISK_REJECT")
			v.TransferID = id
			assert.Empty(t, x.answerTo(c, v))
			assert.Empty(t, x.o.Anomalies)
		}
	}
}

func TestAnswer_LateAndContradictingIsAnAnomaly(t *testing.T) {
	refused := func(x *till, c Call) {
		t.Helper()
		status := x.o.Status
		x.answerTo(c, refusedF)
		assert.True(t, hasAnomaly(x.o, events.LateAnswer))
		assert.Equal(t, status, x.o.Status)
	}
	x := asked(t, CallCancel)
	c := x.attempt()
	x.inquire(tells(StateCancelled, cancelled()))
	refused(x, c)

	x = asked(t, CallCapture)
	c = x.attempt()
	x.observe(Fact{Kind: CaptureSucceeded, RequestID: "r-1", Amount: usd(400)})
	refused(x, c)

	x = asked(t, CallRefund)
	c = x.attempt()
	x.observe(Fact{Kind: RefundSucceeded, RequestID: "r-1", Amount: usd(200)})
	refused(x, c)

	for name, refuse := range map[string]func(x *till){
		"a refund that APO did not have": func(x *till) {
			x.again() // the answer to attempt 1 is on its way
			x.answer(wrongF)
			x.inquire(notExist)
		},
		"an operator's word": func(x *till) {
			x.park()
			x.inquire(notExist)
			x.must(Resolve{CommandID: "res", Resolution: events.ResolvedFailed, Statement: "APO ticket 7"})
		},
		"another refund of the same request": func(x *till) {
			x.observe(Fact{Kind: RefundFailed, TransferID: "F0", RequestID: "r-1", Code: "RISK_REJECT"})
		},
	} {
		x = asked(t, CallRefund)
		c = x.attempt()
		refuse(x)
		require.False(t, x.o.Operation.Outstanding(), name)
		x.answerTo(c, Verdict{Class: VerdictAccepted, Code: "REFUND_IN_PROCESS", TransferID: "F1"})
		assert.True(t, hasAnomaly(x.o, events.LateAnswer), "%s: it was not done, now APO has taken it", name)
	}

	x = asked(t, CallCapture)
	c = x.attempt()
	x.observe(Fact{Kind: CaptureFailed, RequestID: "r-1"})
	x.answerTo(c, done)
	assert.EqualValues(t, 400, x.o.Captured, "a signed S is a fact all the same")
	assert.True(t, hasAnomaly(x.o, events.TransferContradicts))

	x = asked(t, CallCancel)
	c = x.attempt()
	x.observe(captured("C1", 100))
	x.answerTo(c, done)
	assert.Equal(t, Captured, x.o.Status)
	assert.True(t, hasAnomaly(x.o, events.StatusContradicts))
}

func TestAnswer_ThatContradictsTheOrderIsInquiredAbout(t *testing.T) {
	x := asked(t, CallCapture)
	x.answer(Verdict{Class: VerdictSucceeded, PaymentID: "P-other"})
	assert.True(t, hasAnomaly(x.o, events.PaymentContradicts) || x.o.Captured == 400)
	x = asked(t, CallCancel)
	x.answer(Verdict{Class: VerdictSucceeded, PaymentID: "P-other"})
	assert.True(t, hasAnomaly(x.o, events.PaymentContradicts))
	assert.Equal(t, []any{Authorized, Unresolved, true}, []any{x.o.Status, x.o.Operation.Phase, x.o.Operation.Inquire})
}

// parked is an order with a capture given to a person.
func parked(t *testing.T) *till {
	x := asked(t, CallCapture)
	x.answer(silence)
	x.inquire(notExist)
	require.Equal(t, Parked, x.o.Operation.Phase)
	return x
}

func TestParked_AnswersOfPaymentsThatAreNotOursLeaveItParked(t *testing.T) {
	x := asked(t, CallCapture)
	first := x.attempt()
	x.inquire(notExist)
	due := x.o.Operation.Due
	x.answerTo(first, Verdict{Class: VerdictSucceeded, PaymentID: "P-other"})
	assert.Equal(t, []any{Parked, due}, []any{x.o.Operation.Phase, x.o.Operation.Due})
	assert.Equal(t, x.now, x.o.NextDue(), "whether another payment was captured is asked at once")
	assert.Empty(t, x.answerTo(first, refusedF), "neither does an F free what a person has")
}

func TestParked_BlocksAndIsResolvedWithEvidenceOnly(t *testing.T) {
	x := parked(t)
	_, err := x.do(Cancel{})
	assert.Equal(t, ReasonParked, rejected(t, err).Reason)
	assert.Equal(t, "needs attention", x.o.Words())

	ok := Resolve{CommandID: "res", Resolution: events.ResolvedSucceeded, Override: true,
		Statement: "APO ticket 7, mail of Li Wei"}
	bad := ok
	bad.Statement = ""
	_, err = x.do(bad)
	assert.ErrorIs(t, err, ErrInvalid)
	bad = ok
	bad.Resolution = 3
	_, err = x.do(bad)
	assert.ErrorIs(t, err, ErrInvalid)

	x.later(FreshInquiry + time.Nanosecond)
	_, err = x.do(ok)
	assert.Equal(t, ReasonStaleInquiry, rejected(t, err).Reason)
	x.inquire(Picture{Problem: "timeout"})
	_, err = x.do(ok)
	assert.Equal(t, ReasonStaleInquiry, rejected(t, err).Reason, "an inquiry without an answer is none")
	x.inquire(notExist)
	x.must(ok)
	x.ended(OutcomeSucceeded, "")
	assert.EqualValues(t, 400, x.o.Captured)
	assert.Empty(t, x.must(ok), "the same command id again")
	assert.Equal(t, OutcomeSucceeded, x.o.Command("res").Outcome)
	ok.Statement = "another"
	_, err = x.do(ok)
	assert.ErrorIs(t, err, ErrIdempotencyMismatch)

	x = parked(t)
	x.must(Resolve{CommandID: "res", Resolution: events.ResolvedFailed, Statement: "APO ticket 8"})
	x.ended(OutcomeFailed, CodeResolved)
	assert.Zero(t, x.o.Captured)
	_, err = x.do(Resolve{Resolution: events.ResolvedFailed, Statement: "again"})
	assert.Equal(t, ReasonNotParked, rejected(t, err).Reason)
}

// park gives the outstanding operation to a person, as the end of a schedule will.
func (x *till) park() {
	r := events.Record{ID: "parked", Stream: events.OrderStream("o-1"), Version: x.o.Version + 1, Recorded: x.now,
		Occurred: x.now, Event: events.OperationParked{Intent: x.op().Intent, Reason: "asked too often",
			Due: x.now.Add(ParkedEvery)}}
	require.NoError(x.t, Judge(x.o, r))
	x.o = Evolve(x.o, r)
	r.Head = x.o.Head()
	x.log = append(x.log, r)
}

func TestParked_CancelAndRefund(t *testing.T) {
	x := asked(t, CallCancel)
	x.park()
	x.inquire(tells(StateSuccess))
	_, err := x.do(Resolve{Resolution: events.ResolvedSucceeded, Statement: "APO said so on the phone"})
	assert.Equal(t, ReasonOnlyAPO, rejected(t, err).Reason)
	x.must(Resolve{Resolution: events.ResolvedFailed, Statement: "APO ticket 9"})
	x.ended(OutcomeFailed, CodeResolved)

	for _, r := range []events.Resolution{events.ResolvedSucceeded, events.ResolvedFailed} {
		x = asked(t, CallRefund)
		x.park()
		x.inquire(Picture{Outcome: events.InquiryAnswers, State: StateProcessing,
			Facts: []Fact{{Kind: RefundPending, RequestID: "r-1"}}})
		require.Equal(t, Parked, x.o.Operation.Phase)
		_, err := x.do(Resolve{Resolution: r, Statement: "APO ticket 10"})
		assert.Equal(t, ReasonContradicts, rejected(t, err).Reason, "APO works on it: neither yes nor no")
		x.must(Resolve{Resolution: r, Override: true, Statement: "APO ticket 10"})
		x.ended(map[events.Resolution]Outcome{events.ResolvedSucceeded: OutcomeSucceeded,
			events.ResolvedFailed: OutcomeFailed}[r],
			map[events.Resolution]string{events.ResolvedFailed: CodeResolved}[r])
	}
}

// APO refuses what our rules had found to fit: 5.00 was refunded in the dashboard, and nobody here knew. The refund has
// failed, and APO is asked at once, so that the next one is judged by what is true.
func TestAnswer_AnFThatOurRulesShouldHaveMadeImpossibleIsFollowedByAnInquiry(t *testing.T) {
	for _, code := range surprising {
		kind := CallRefund
		if strings.Contains(code, "CAPTURE") || code == "PAYMENT_COUNT_EXCEED_LIMIT" {
			kind = CallCapture
		}
		x := asked(t, kind)
		x.answer(Verdict{Class: VerdictFailed, Code: code})
		x.ended(OutcomeFailed, code)
		assert.Equal(t, x.now, x.o.NextDue(), code)
		call, due := x.o.Due(x.now)
		assert.Equal(t, []any{true, CallInquirePayment}, []any{due, call.Kind}, code)
	}
	x := in(t, Paid)
	x.must(Refund{CommandID: "f", Amount: usd(theAmount)})
	x.answer(Verdict{Class: VerdictFailed, Code: "REFUND_AMOUNT_EXCEED"})
	x.inquire(tells(StateSuccess, refunded("F9", 500)))
	_, err := x.do(Refund{CommandID: "g", Amount: usd(theAmount)})
	assert.Equal(t, ReasonRemainder, rejected(t, err).Reason)
	assert.NotEqual(t, x.now, x.o.NextDue(), "and then no sooner than ever")
	x.must(Refund{CommandID: "h", Amount: usd(500)})

	quiet := asked(t, CallRefund)
	quiet.answer(Verdict{Class: VerdictFailed, Code: "RISK_REJECT"})
	quiet.ended(OutcomeFailed, "RISK_REJECT")
	assert.NotEqual(t, quiet.now, quiet.o.NextDue(), "this says nothing of the picture")
}
