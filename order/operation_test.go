package order

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
)

var operations = []CallKind{CallCancel, CallCapture, CallRefund}

// asked is an order with an operation of that kind outstanding, attempt 1 in flight.
func asked(t require.TestingT, k CallKind) *till {
	switch k {
	case CallCancel:
		x := in(t, Authorized)
		x.must(Cancel{CommandID: "k"})
		return x
	case CallCapture:
		x := in(t, Authorized)
		x.must(Capture{CommandID: "k", Amount: usd(400)})
		return x
	}
	x := in(t, Captured)
	x.must(Refund{CommandID: "k", Amount: usd(200), Reason: "broken"})
	return x
}

// cancelling is a created order with a cancel in flight.
func cancelling(t require.TestingT) *till {
	x := in(t, Created)
	x.must(Cancel{CommandID: "k"})
	return x
}

var (
	silence  = Verdict{Problem: "timeout"}
	unknownU = Verdict{Code: "UNKNOWN_EXCEPTION"}
	unknownF = Verdict{Class: VerdictUnknownF, Code: "BRAND_NEW"}
	refusedF = Verdict{Class: VerdictFailed, Code: "RISK_REJECT"}
	wrongF   = Verdict{Class: VerdictWrong, Code: "PROCESS_FAIL"}
	done     = Verdict{Class: VerdictSucceeded, Code: "SUCCESS"}
	works    = Verdict{Class: VerdictAccepted, Code: "IN_PROCESS"}
)

// ended asserts that the command k came to that end.
func (x *till) ended(outcome Outcome, code string) {
	x.helper()
	require.False(x.t, x.o.Operation.Outstanding(), "the slot is free")
	state := x.o.Command("k")
	require.Equal(x.t, outcome, state.Outcome)
	require.Equal(x.t, code, state.Code)
}

func TestOperation_CancelAndACancelledPayment(t *testing.T) {
	for name, prove := range map[string]func(*till){
		"answer":  func(x *till) { x.answer(done) },
		"inquiry": func(x *till) { x.inquire(tells(StateCancelled, cancelled())) },
		"notice":  func(x *till) { x.observe(cancelled()) },
	} {
		t.Run(name, func(t *testing.T) {
			x := asked(t, CallCancel)
			prove(x)
			x.ended(OutcomeSucceeded, "")
			assert.Equal(t, Cancelled, x.o.Status)
			assert.Equal(t, events.CauseRequested, x.o.CancelCause)
		})
	}
}

func TestOperation_CancelAndMoney(t *testing.T) {
	x := asked(t, CallCancel)
	x.observe(captured("C1", 100))
	x.ended(OutcomeFailed, CodeCaptured)
	assert.Equal(t, Captured, x.o.Status)

	x = asked(t, CallCancel)
	x.observe(refunded("F1", 100))
	x.ended(OutcomeFailed, CodeRefunded)
	assert.Len(t, x.o.Held, 1)

	x = in(t, Paid)
	x.must(Cancel{CommandID: "k"})
	x.observe(refunded("F1", 100))
	x.ended(OutcomeFailed, CodeRefunded)
	assert.Equal(t, Refunded, x.o.Status)

	x = asked(t, CallCancel)
	x.inquire(tells(StateSuccess, captured("C1", theAmount), refunded("F1", 100)))
	x.ended(OutcomeFailed, CodeCaptured)
	assert.EqualValues(t, 100, x.o.Refunded, "both facts of the picture apply")
}

func TestOperation_CancelAndAFailedPayment(t *testing.T) {
	x := cancelling(t)
	x.observe(failed())
	x.ended(OutcomeSucceeded, "")
	assert.Equal(t, events.CausePaymentFailed, x.o.CancelCause)

	x = cancelling(t)
	x.inquire(tells(StateFail, failed()))
	x.ended(OutcomeSucceeded, "")

	for _, x := range []*till{asked(t, CallCancel), in(t, Paid)} { // from authorized or paid: anomaly, and inquire
		if x.o.Status == Paid {
			x.must(Cancel{CommandID: "k"})
		}
		x.observe(failed())
		assert.True(t, hasAnomaly(x.o, events.StatusContradicts))
		x.free()
		call, due := x.o.Due(x.now)
		assert.True(t, due)
		assert.Equal(t, CallInquirePayment, call.Kind, "the next contact is an inquiry")
	}
}

func TestOperation_CancelAndAPaymentThatStands(t *testing.T) {
	for _, s := range []string{StateSuccess, StateProcessing, StatePending} {
		x := asked(t, CallCancel)
		x.answer(wrongF)
		x.inquire(tells(s))
		x.ended(OutcomeFailed, "PROCESS_FAIL")

		x = asked(t, CallCancel)
		x.answer(unknownU)
		x.inquire(tells(s))
		call, due := x.o.Due(x.now)
		require.True(t, due, "asked again at once")
		assert.Equal(t, Call{Kind: CallCancel, OrderID: "o-1", Intent: 3, Attempt: 2, PaymentID: "P1"}, call,
			"with the same identifier")
	}
}

func TestOperation_CancelOfAPaymentThatDoesNotExist(t *testing.T) {
	x := cancelling(t)
	x.answer(silence)
	x.inquire(notExist)
	assert.Equal(t, Created, x.o.Status, "it may not have arrived yet")
	x.retry()
	x.answer(Verdict{Class: VerdictWrong, Code: "ORDER_NOT_EXIST"})
	x.inquire(notExist)
	x.now = x.o.PayBy.Add(DefaultMargin - 1)
	x.inquire(notExist)
	assert.Equal(t, Created, x.o.Status, "one nanosecond too early")
	x.now = x.o.PayBy.Add(DefaultMargin)
	x.inquire(notExist)
	x.ended(OutcomeSucceeded, "")
	assert.Equal(t, events.CauseNeverPaid, x.o.CancelCause)
}

func TestOperation_OrderNobodyCancelledAndNobodyPaid(t *testing.T) {
	x := in(t, Created)
	x.now = x.o.NextDue()
	assert.Equal(t, x.o.PayBy.Add(DefaultMargin), x.now, "asked once after payBy and a margin")
	x.inquire(notExist)
	assert.Equal(t, events.CauseNeverPaid, x.o.CancelCause)

	x = newTill(t)
	c := create(CaptureManual)
	c.PayBy = time.Time{}
	x.must(c)
	assert.Equal(t, x.now.Add(DefaultValidity+DefaultMargin), x.o.NextDue(),
		"without a payBy the longest validity is waited for")
	x.later(DefaultValidity)
	x.inquire(notExist)
	assert.Equal(t, Created, x.o.Status, "the longest validity APO documents, and a margin")
	x.later(DefaultMargin)
	x.inquire(notExist)
	assert.Equal(t, events.CauseNeverPaid, x.o.CancelCause)
}

func TestOperation_AnswersThatSayNothing(t *testing.T) {
	for _, k := range operations {
		x := asked(t, k)
		x.inquire(Picture{Problem: "timeout"})
		assert.True(t, x.o.Operation.Outstanding(), k.String())
		assert.Equal(t, x.now.Add(time.Second), x.o.Operation.Due, "the schedule goes on")
		call, _ := x.o.Due(x.o.Operation.Due)
		assert.False(t, call.IsInquiry(), "one unanswered inquiry does not take the second try away")
	}
}

func TestOperation_OursSucceeded(t *testing.T) {
	capture := Fact{Kind: CaptureSucceeded, TransferID: "C7", RequestID: "r-1", Amount: usd(400)}
	refund := Fact{Kind: RefundSucceeded, TransferID: "F7", RequestID: "r-1", Amount: usd(200)}
	for name, prove := range map[string]func(*till){
		"answer":  func(x *till) { x.answer(Verdict{Class: VerdictSucceeded, TransferID: "C7"}) },
		"notice":  func(x *till) { x.observe(capture) },
		"inquiry": func(x *till) { x.inquire(tells(StateSuccess, capture)) },
	} {
		t.Run("capture/"+name, func(t *testing.T) {
			x := asked(t, CallCapture)
			prove(x)
			x.ended(OutcomeSucceeded, "")
			assert.EqualValues(t, 400, x.o.Captured)
			assert.Empty(t, x.observe(capture), "whatever else tells of it is a duplicate")
		})
	}
	for name, prove := range map[string]func(*till){"notice": func(x *till) { x.observe(refund) },
		"inquiry": func(x *till) { x.inquire(tells(StateSuccess, refund)) }} {
		t.Run("refund/"+name, func(t *testing.T) {
			x := asked(t, CallRefund)
			prove(x)
			x.ended(OutcomeSucceeded, "")
			assert.EqualValues(t, 200, x.o.Refunded)
		})
	}
	t.Run("a refund's S is only an acceptance", func(t *testing.T) {
		x := asked(t, CallRefund)
		x.answer(done)
		assert.Equal(t, Accepted, x.op().Phase)
		assert.Zero(t, x.o.Refunded)
	})
}

func TestOperation_OursFailed(t *testing.T) {
	fail := map[CallKind]Fact{CallCapture: {Kind: CaptureFailed, RequestID: "r-1", Code: "RISK_REJECT"},
		CallRefund: {Kind: RefundFailed, RequestID: "r-1", Code: "RISK_REJECT"}}
	for k, f := range fail {
		for name, prove := range map[string]func(*till){
			"answer": func(x *till) { x.answer(refusedF) }, "notice": func(x *till) { x.observe(f) },
			"inquiry":  func(x *till) { x.inquire(tells(StateFail, f)) },
			"accepted": func(x *till) { x.answer(works); x.observe(f) },
		} {
			t.Run(k.String()+"/"+name, func(t *testing.T) {
				x := asked(t, k)
				before := [2]int64{x.o.Captured, x.o.Refunded}
				prove(x)
				x.ended(OutcomeFailed, "RISK_REJECT")
				assert.Equal(t, before, [2]int64{x.o.Captured, x.o.Refunded})
				assert.Empty(t, x.observe(f))
			})
		}
	}
}

func TestOperation_OursInProcess(t *testing.T) {
	work := map[CallKind]Fact{CallCapture: {Kind: CapturePending, RequestID: "r-1"},
		CallRefund: {Kind: RefundPending, RequestID: "r-1"}}
	for k, f := range work {
		x := asked(t, k)
		x.answer(silence)
		x.inquire(tells(StateProcessing, f))
		assert.Equal(t, Accepted, x.op().Phase, k.String())
		assert.Equal(t, x.now.Add(10*time.Minute), x.o.NextDue())
		x.now = x.o.NextDue()
		x.inquire(tells(StateProcessing, f))
		assert.Equal(t, x.now.Add(time.Hour), x.o.NextDue(), "the second wait")
		x.now = x.o.NextDue()
		call, due := x.o.Due(x.now)
		assert.True(t, due)
		assert.True(t, call.IsInquiry(), "what APO works on is never asked for again")
	}
}

func TestOperation_CaptureNotListed(t *testing.T) {
	x := asked(t, CallCapture)
	x.answer(silence)
	x.inquire(tells(StateSuccess, captured("C5", 100)))
	call, due := x.o.Due(x.now)
	require.True(t, due)
	assert.Equal(t, Call{Kind: CallCapture, OrderID: "o-1", Intent: 3, Attempt: 2, PaymentID: "P1", RequestID: "r-1",
		Amount: usd(400)}, call)

	x = asked(t, CallCapture)
	x.answer(wrongF)
	x.inquire(tells(StateSuccess))
	x.ended(OutcomeFailed, "PROCESS_FAIL")

	x = asked(t, CallCapture)
	x.answer(silence)
	x.inquire(tells(StateCancelled, cancelled()))
	x.ended(OutcomeFailed, CodeCancelled)
	assert.Equal(t, Cancelled, x.o.Status, "that fact applies")

	x = asked(t, CallCapture)
	x.answer(silence)
	x.inquire(tells(StateFail, failed()))
	x.ended(OutcomeFailed, CodeCancelled)
	assert.Equal(t, []any{Failed, true}, []any{x.o.Status, hasAnomaly(x.o, events.Reversal)})
}

func TestOperation_CaptureOfAPaymentThatDoesNotExistIsParked(t *testing.T) {
	x := asked(t, CallCapture)
	x.answer(silence)
	x.inquire(notExist)
	assert.Equal(t, Parked, x.o.Operation.Phase)
	assert.Equal(t, x.now.Add(ParkedEvery), x.o.NextDue())
	assert.Equal(t, []time.Time{x.o.Operation.Since, x.now},
		[]time.Time{x.o.Head().OperationSince, x.o.Head().ParkedSince})
	x.now = x.o.NextDue()
	call, due := x.o.Due(x.now)
	assert.True(t, due)
	assert.True(t, call.IsInquiry(), "never attempted again")
	x.inquire(notExist)
	assert.Equal(t, x.now.Add(ParkedEvery), x.o.NextDue(), "weekly")
	x.inquire(tells(StateSuccess))
	assert.Equal(t, Parked, x.o.Operation.Phase, "it never fails by itself")
	x.observe(Fact{Kind: CaptureSucceeded, RequestID: "r-1", Amount: usd(400)})
	x.ended(OutcomeSucceeded, "")
}

func TestOperation_RefundThatDoesNotExist(t *testing.T) {
	x := asked(t, CallRefund)
	x.answer(unknownU)
	x.inquire(notExist)
	call, due := x.o.Due(x.now)
	require.True(t, due)
	assert.Equal(t, Call{Kind: CallRefund, OrderID: "o-1", Intent: 4, Attempt: 2, PaymentID: "P1", RequestID: "r-1",
		Amount: usd(200), Reason: "broken"}, call)

	x = asked(t, CallRefund)
	x.answer(wrongF)
	x.inquire(notExist)
	x.ended(OutcomeFailed, "PROCESS_FAIL")
}

func TestOperation_GatewayCapture(t *testing.T) {
	automatic := func() *till {
		x := placed(t, CaptureAutomatic)
		x.observe(authorized())
		require.Equal(t, GatewayOutstanding, x.o.Gateway)
		return x
	}
	x := automatic()
	for i, wait := range []time.Duration{10 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour, 24 * time.Hour} {
		assert.Equal(t, x.now.Add(wait), x.o.NextDue(), "inquiry %d", i+1)
		x.now = x.o.NextDue()
		x.inquire(tells(StateSuccess))
		assert.Equal(t, GatewayOutstanding, x.o.Gateway, "processing or not listed: inquired again")
	}
	x.inquire(tells(StateSuccess, captured("C1", theAmount)))
	assert.Equal(t, []any{Captured, GatewayNone}, []any{x.o.Status, x.o.Gateway})
	assert.Zero(t, x.o.NextDue())

	x = automatic()
	x.observe(Fact{Kind: CaptureFailed, TransferID: "C1", Code: "RISK_REJECT"})
	assert.Equal(t, GatewayFailed, x.o.Gateway)
	x.must(Capture{CommandID: "k", Amount: usd(theAmount)})

	x = automatic()
	x.observe(cancelled())
	assert.Equal(t, []any{Cancelled, GatewayNone}, []any{x.o.Status, x.o.Gateway})
}

func TestOperation_AnFWithoutACodeEndsWithAWordOfOurs(t *testing.T) {
	bare := Verdict{Class: VerdictWrong}
	for k, want := range map[CallKind]string{CallCancel: CodeNotCancelled, CallCapture: CodeNotDone,
		CallRefund: CodeNotDone} {
		x := asked(t, k)
		x.answer(bare)
		if k == CallRefund {
			x.inquire(notExist)
		} else {
			x.inquire(tells(StateSuccess))
		}
		x.ended(OutcomeFailed, want)
	}
}
