package order

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
)

// heldLate is a cancelled card order whose buyer paid afterwards: the money is held. The inquiry has just confirmed it.
func heldLate(t require.TestingT) *till {
	x := in(t, Cancelled)
	x.later(time.Minute)
	x.observe(authorized())
	x.later(time.Minute)
	x.inquire(tells(StateSuccess, authorized()))
	return x
}

// movedLate is a cancelled order of a one-step method that was paid afterwards.
func movedLate(t require.TestingT) *till {
	x := placed(t, CaptureNone)
	x.must(Cancel{CommandID: "cancel-0"})
	x.answer(done)
	x.observe(paid())
	x.inquire(tells(StateSuccess, paid()))
	return x
}

// compensating has the compensation k in flight.
func compensating(x *till) *till {
	x.must(Compensate{CommandID: "k", Actor: "ada"})
	return x
}

func TestCompensate_MoneyThatIsHeldIsCancelled(t *testing.T) {
	x := heldLate(t)
	late, _ := x.o.late()
	facts := x.must(Compensate{CommandID: "k", Actor: "ada"})
	assert.Equal(t, []events.Event{events.CancelRequested{By: events.Identifier{PaymentID: "P1"},
		Reason:      compensationReason,
		Compensates: late.Version, Lease: x.now.Add(DefaultLease)}}, facts)
	assert.Equal(t, CommandState{Verb: VerbCompensate, Outcome: OutcomePending, Version: x.o.Version}, x.o.Command("k"))

	facts = x.answer(done)
	assert.Equal(t, []events.Kind{events.KindCancelSucceeded, events.KindAnomalyCleared}, kindsOf(facts))
	x.ended(OutcomeSucceeded, "")
	assert.Equal(t, []any{Cancelled, true, 0}, []any{x.o.Status, x.o.Late.IsZero(), len(x.o.Anomalies)})
	_, err := x.do(Compensate{CommandID: "k", Actor: "ada"})
	require.NoError(t, err, "the same command again has its outcome")
	_, err = x.do(Compensate{CommandID: "k2"})
	assert.Equal(t, ReasonNoLateMoney, rejected(t, err).Reason)
	replayIsLive(t, x)
}

func TestCompensate_MoneyThatMovedIsRefunded(t *testing.T) {
	x := compensating(movedLate(t))
	p := x.o.Operation
	assert.Equal(t, []any{CallRefund, usd(theAmount), "P1", compensationReason},
		[]any{p.Kind, p.Amount, p.PaymentID, p.Reason})
	x.answer(done) // accepted; the notification says the last word
	x.observe(Fact{Kind: RefundSucceeded, TransferID: "F1", RequestID: p.RequestID, Amount: usd(theAmount)})
	x.ended(OutcomeSucceeded, "")
	assert.Equal(t, Late{Authorized: theAmount, Captured: theAmount, Refunded: theAmount}, x.o.Late)
	assert.Empty(t, x.o.Anomalies)
	replayIsLive(t, x)
}

// A dashboard refund of late money counts: only the rest is given back.
func TestCompensate_OnlyWhatIsLeft(t *testing.T) {
	x := movedLate(t)
	x.observe(refunded("D1", 400))
	compensating(x)
	assert.Equal(t, usd(600), x.o.Operation.Amount)
}

func TestCompensate_AsksAPOFirst(t *testing.T) {
	x := in(t, Cancelled)
	x.inquire(tells(StateCancelled, cancelled()))
	x.later(time.Minute)
	x.observe(authorized())
	_, err := x.do(Compensate{})
	assert.Equal(t, ReasonStaleInquiry, rejected(t, err).Reason, "that inquiry was before the late money")
	x.inquire(Picture{Problem: "timeout"})
	_, err = x.do(Compensate{})
	assert.Equal(t, ReasonStaleInquiry, rejected(t, err).Reason, "no answer is no word")
	x.inquire(tells(StateSuccess, authorized()))
	x.later(FreshInquiry + 1)
	_, err = x.do(Compensate{})
	assert.Equal(t, ReasonStaleInquiry, rejected(t, err).Reason)
	x.inquire(tells(StateSuccess, authorized()))
	x.must(Compensate{})
}

func TestCompensate_NeverBesideAPOsOwnCapture(t *testing.T) {
	x := placed(t, CaptureAutomatic)
	x.must(Cancel{CommandID: "cancel-0"})
	x.answer(done)
	x.observe(authorized())
	x.inquire(tells(StateSuccess, authorized()))
	_, err := x.do(Compensate{CommandID: "k"})
	assert.Equal(t, ReasonGatewayCapture, rejected(t, err).Reason)
	x.inquire(tells(StateSuccess, captured("C1", theAmount)))
	compensating(x)
	assert.Equal(t, CallRefund, x.o.Operation.Kind)
}

func TestCompensate_OneAtATime(t *testing.T) {
	x := compensating(heldLate(t))
	facts, err := x.do(Compensate{CommandID: "k", Actor: "bob"})
	require.NoError(t, err)
	assert.Empty(t, facts, "the same command joins")
	_, err = x.do(Compensate{CommandID: "other"})
	assert.Equal(t, ReasonCancelling, rejected(t, err).Reason)
	_, err = x.do(Cancel{CommandID: "k"})
	assert.ErrorIs(t, err, ErrIdempotencyMismatch, "its id does not stand for a cancel")
	x = compensating(movedLate(t))
	_, err = x.do(Compensate{CommandID: "other"})
	assert.Equal(t, ReasonRefunding, rejected(t, err).Reason)
}

func TestCompensate_AfterADefiniteFailureUnderANewID(t *testing.T) {
	x := compensating(movedLate(t))
	x.answer(refusedF)
	x.ended(OutcomeFailed, "RISK_REJECT")
	closed := x.log[len(x.log)-1].Event.(events.RefundFailed).RefundRequestID
	var f *FailedError
	_, err := x.do(Compensate{CommandID: "k"})
	require.ErrorAs(t, err, &f)
	assert.Equal(t, []any{VerbCompensate, "RISK_REJECT"}, []any{f.Command, f.Code})
	x.must(Compensate{CommandID: "k2"})
	assert.NotEqual(t, closed, x.o.Operation.RequestID)
}

// "CANCELLED" may be the old cancellation: the compensation needs a word of its own.
func TestCompensate_AnInquirysCancelledIsNoProof(t *testing.T) {
	x := compensating(heldLate(t))
	x.answer(silence)
	x.inquire(tells(StateCancelled, cancelled()))
	require.True(t, x.o.Operation.Outstanding())
	assert.EqualValues(t, theAmount, x.o.Late.Authorized)
	call, due := x.o.Due(x.now)
	require.True(t, due, "so it is asked again")
	assert.Equal(t, CallCancel, call.Kind)
	x.retry()
	x.answer(done)
	x.ended(OutcomeSucceeded, "")

	x = compensating(heldLate(t))
	x.answer(wrongF)
	x.inquire(tells(StateCancelled, cancelled()))
	require.True(t, x.o.Operation.Outstanding())
	_, due = x.o.Due(x.now)
	assert.False(t, due, "APO would answer the same: the schedule goes on")
	x.inquire(notExist)
	assert.True(t, x.o.Operation.Outstanding(), "there was a payment, whatever APO says now")
	x.inquire(tells(StateSuccess, authorized()))
	x.ended(OutcomeFailed, "PROCESS_FAIL")
	assert.EqualValues(t, theAmount, x.o.Late.Authorized)
}

func TestCompensate_AVoidAfterTheLatePaymentIsProof(t *testing.T) {
	for name, outstanding := range map[string]bool{"of ours": true, "somebody else's": false} {
		t.Run(name, func(t *testing.T) {
			x := heldLate(t)
			if outstanding {
				compensating(x)
				x.answer(silence)
			}
			before := x.o.Late
			x.inquire(tells(StateCancelled, voided(x.o.PaymentAt.Add(-time.Second)), voided(time.Time{}), cancelled()))
			assert.Equal(t, before, x.o.Late, "an old one proves nothing, nor does one without a time")
			x.inquire(tells(StateCancelled, voided(x.o.PaymentAt.Add(time.Second)), cancelled()))
			assert.True(t, x.o.Late.IsZero())
			assert.Empty(t, x.o.Anomalies)
			if outstanding {
				x.ended(OutcomeSucceeded, "")
			}
			replayIsLive(t, x)
		})
	}
}

func TestCompensate_ACaptureThatWinsEndsTheCancel(t *testing.T) {
	x := compensating(heldLate(t))
	x.answer(silence)
	x.observe(captured("C1", theAmount))
	x.ended(OutcomeFailed, CodeCaptured)
	x.inquire(tells(StateSuccess, captured("C1", theAmount)))
	x.must(Compensate{CommandID: "k2"})
	assert.Equal(t, []any{CallRefund, usd(theAmount)}, []any{x.o.Operation.Kind, x.o.Operation.Amount})
}

func TestCompensate_PartlyCapturedGoesBackTheRestExpires(t *testing.T) {
	x := heldLate(t)
	x.inquire(tells(StateSuccess, captured("C1", 300)))
	compensating(x)
	assert.Equal(t, usd(300), x.o.Operation.Amount)
	x.observe(Fact{Kind: RefundSucceeded, RequestID: x.o.Operation.RequestID, Amount: usd(300)})
	x.ended(OutcomeSucceeded, "")
	assert.True(t, hasAnomaly(x.o, events.LatePayment), "700 are still held")
	x.inquire(tells(StateSuccess))
	_, err := x.do(Compensate{})
	assert.Equal(t, ReasonNoLateMoney, rejected(t, err).Reason)
	x.inquire(tells(StateCancelled, voided(x.now)))
	assert.Equal(t, Late{Authorized: 300, Captured: 300, Refunded: 300}, x.o.Late)
	assert.Empty(t, x.o.Anomalies)
}

// The answer to the first cancel comes after the late payment: it speaks of the first cancel.
func TestCompensate_ALateAnswerToTheOldCancelReleasesNothing(t *testing.T) {
	x := in(t, Created)
	x.must(Cancel{CommandID: "first"})
	old := x.attempt()
	x.observe(cancelled())
	x.observe(authorized())
	x.answerTo(old, done)
	assert.EqualValues(t, theAmount, x.o.Late.Authorized)

	x.inquire(tells(StateSuccess, authorized()))
	compensating(x)
	ours := x.attempt()
	x.park()
	x.inquire(tells(StateSuccess, authorized()))
	x.must(Resolve{Resolution: events.ResolvedFailed, Statement: "APO ticket 4"})
	facts := x.answerTo(ours, done)
	assert.Equal(t, []events.Kind{events.KindCancelSucceeded, events.KindAnomalyCleared}, kindsOf(facts),
		"that of the compensation does")
	assert.True(t, x.o.Late.IsZero())
}

func TestCompensate_AnAnswerThatContradictsIsAnAnomaly(t *testing.T) {
	x := compensating(heldLate(t))
	ours := x.attempt()
	x.observe(captured("C1", theAmount))
	x.answerTo(ours, done)
	assert.True(t, hasAnomaly(x.o, events.LateAnswer), "captured, and APO says cancelled")
	assert.EqualValues(t, theAmount, x.o.Late.owed())

	x = compensating(heldLate(t))
	ours = x.attempt()
	x.inquire(tells(StateCancelled, voided(x.now)))
	x.answerTo(ours, refusedF)
	assert.True(t, hasAnomaly(x.o, events.LateAnswer), "done, and APO says refused")
}

// A flag that was cleared changes no amount: what is with us can be given back, and what comes later is told anew.
func TestCompensate_AClearedFlagKeepsNoMoney(t *testing.T) {
	for name, stands := range map[string]func(require.TestingT) *till{"held": heldLate, "moved": movedLate} {
		x := stands(t)
		late, _ := x.o.late()
		before := x.o.Late
		x.must(ClearAnomaly{Anomaly: late.Version, Reason: "the acquirer returns it"})
		assert.Equal(t, before, x.o.Late, name)
		x.inquire(tells(StateSuccess, success(map[string]Status{"held": Authorized, "moved": Paid}[name])))
		compensating(x)
		assert.NotZero(t, x.op().Compensates, name)
		replayIsLive(t, x)
	}
	x := heldLate(t)
	late, _ := x.o.late()
	x.must(ClearAnomaly{Anomaly: late.Version, Reason: "the acquirer returns it"})
	x.observe(captured("C1", theAmount))
	assert.True(t, hasAnomaly(x.o, events.LatePayment))
	x.inquire(tells(StateSuccess, authorized(), captured("C1", theAmount)))
	compensating(x)
	assert.Equal(t, usd(theAmount), x.op().Amount)
}

func TestCompensate_Guards(t *testing.T) {
	heldRefund := heldLate(t)
	heldRefund.observe(refunded("F1", 100))
	reversed := movedLate(t)
	reversed.observe(refunded("F1", 100))
	reversed.observe(Fact{Kind: RefundFailed, TransferID: "F1"})
	nameless := newTill(t)
	c := create(CaptureNone)
	c.PaymentID = ""
	nameless.must(c)
	nameless.must(Cancel{CommandID: "cancel-0"})
	nameless.answer(done)
	nameless.observe(Fact{Kind: PaymentPaid})
	nameless.inquire(tells(StateSuccess))
	for want, x := range map[Reason]*till{ReasonHeldRefund: heldRefund, ReasonReversal: reversed,
		ReasonNoPaymentID: nameless} {
		_, err := x.do(Compensate{})
		assert.Equal(t, want, rejected(t, err).Reason)
	}
	_, err := heldLate(t).do(Compensate{Actor: "a\tb"})
	assert.ErrorIs(t, err, ErrInvalid)
	x := movedLate(t)
	env := x.env()
	env.NewID = func() string { return "" }
	_, err = Decide(x.o, Compensate{}, env)
	assert.ErrorIs(t, err, ErrInvalid)

	x = heldLate(t)
	x.o.PaymentID = ""
	assert.Equal(t, events.Identifier{PaymentRequestID: "pr-1"}, x.o.identifier())
}

func TestJudge_ForgedCompensations(t *testing.T) {
	x := heldLate(t)
	late, _ := x.o.late()
	by, lease := events.Identifier{PaymentID: "P1"}, x.now.Add(time.Hour)
	cancel := func(of uint64) events.Event { return events.CancelRequested{By: by, Compensates: of, Lease: lease} }
	refund := func(x *till, minor int64) events.Event {
		a, _ := x.o.late()
		return events.RefundRequested{RefundRequestID: "x", PaymentID: "P1", Amount: usd(minor), Compensates: a.Version,
			Lease: lease}
	}
	moved := movedLate(t)
	movedAnomaly, _ := moved.o.late()
	automatic := placed(t, CaptureAutomatic)
	automatic.must(Cancel{CommandID: "cancel-0"})
	automatic.answer(done)
	automatic.observe(authorized())
	waiting, _ := automatic.o.late()
	heldRefund := heldLate(t)
	heldRefund.observe(refunded("F1", 100))
	reversed := movedLate(t)
	reversed.observe(refunded("F1", 100))
	reversed.observe(Fact{Kind: RefundFailed, TransferID: "F1"})
	alive := in(t, Captured)
	alive.o.Anomalies = []Anomaly{{Version: 3, Reason: events.LatePayment}}
	for _, f := range []forgery{
		{x, cancel(1), "a record that tells of no late money"},
		{in(t, Cancelled), cancel(3), "is no legal compensate: no late money"},
		{alive, cancel(3), "is not legal for an order that is captured"},
		{compensating(heldLate(t)), cancel(late.Version), "a cancel is outstanding"},
		{automatic, cancel(waiting.Version), "APO captures automatically"},
		{heldRefund, cancel(late.Version), "a refund (F1) is proven whose capture is not known yet"},
		{reversed, refund(reversed, 900), "APO has contradicted its word"},
		{moved, cancel(movedAnomaly.Version), "cancels late money that is not merely held"},
		{moved, refund(moved, 999), "gives back another amount"},
		{x, refund(x, theAmount), "gives back another amount"},
		{in(t, Cancelled), events.CancelSucceeded{Cause: events.CauseGateway,
			Proof: events.Proof{Via: events.ViaNotification, Evidence: signed()}}, "cannot follow"},
	} {
		err := f.x.judged(f.e)
		require.ErrorIs(t, err, ErrIllegal, f.problem)
		assert.Contains(t, err.Error(), f.problem)
	}
	require.NoError(t, x.judged(cancel(late.Version)))
	require.NoError(t, moved.judged(refund(moved, theAmount)))
}
