package order

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/law"
)

// The times by APO's clock of a payment that its cancel undid.
var (
	paidAt      = opened.Add(6 * time.Second)
	cancelledAt = opened.Add(11 * time.Second)
)

// cancelledByS is an order that APO cancelled with S, and said when.
func cancelledByS(t require.TestingT, mode events.CaptureMode) *till {
	x := placed(t, mode)
	x.policy.ReconcileFor = 0
	x.must(Cancel{CommandID: "cancel-0"})
	x.later(11 * time.Second)
	x.answer(Verdict{Class: VerdictSucceeded, Code: "SUCCESS", PaymentID: "P1", At: cancelledAt})
	require.Equal(t, Cancelled, x.o.Status)
	return x
}

func paidAtTime(at time.Time) Fact {
	return Fact{Kind: PaymentSucceeded, PaymentID: "P1", Amount: usd(theAmount), At: at}
}

var everyMode = []events.CaptureMode{CaptureManual, CaptureAutomatic, CaptureNone}

func TestUndone_APaymentBeforeTheCancelIsNoLateMoney(t *testing.T) {
	for _, mode := range everyMode {
		t.Run(mode.String(), func(t *testing.T) {
			x := cancelledByS(t, mode)
			require.False(t, x.o.WatchDue.IsZero(), "nobody may be paying, and that is looked at once more")
			f := paidAtTime(paidAt)
			f.Expires = opened.Add(7 * 24 * time.Hour)
			before := x.o
			facts := x.observe(f)
			require.Len(t, facts, 1, "the payment is on record, and nothing else")
			switch e := facts[0].(type) {
			case events.PaymentPaid:
				assert.Zero(t, e.Due, "nothing is owed")
			case events.PaymentAuthorized:
				assert.Equal(t, []any{time.Time{}, false}, []any{e.Due, e.GatewayCapture}, "nothing is owed")
			}
			kind, _ := before.factOf(facts[0])
			assert.Equal(t, law.PaymentUndone, kind, "Judge asks what Decide asked")
			assert.Equal(t, []any{Cancelled, Late{}, GatewayNone, time.Time{}, paidAt},
				[]any{x.o.Status, x.o.Late, x.o.Gateway, x.o.NextDue(), x.o.PaymentAt})
			assert.Empty(t, x.o.Anomalies)
			assert.Empty(t, x.observe(f), "told again it is no news")
			_, err := x.do(Compensate{CommandID: "k"})
			assert.Equal(t, ReasonNoLateMoney, rejected(t, err).Reason)
			replayIsLive(t, x)
		})
	}
}

// Whichever message comes first, the order is the same.
func TestUndone_TheOrderOfArrivalDoesNotMatter(t *testing.T) {
	for _, mode := range []events.CaptureMode{CaptureManual, CaptureNone} {
		late := cancelledByS(t, mode)
		late.observe(paidAtTime(paidAt))
		soon := placed(t, mode)
		soon.observe(paidAtTime(paidAt))
		soon.must(Cancel{CommandID: "cancel-0"})
		soon.answer(Verdict{Class: VerdictSucceeded, Code: "SUCCESS", PaymentID: "P1", At: cancelledAt})
		for _, x := range []*till{late, soon} {
			moved := int64(0)
			if mode == CaptureNone {
				moved = theAmount
			}
			assert.Equal(t, []any{Cancelled, int64(theAmount), moved, int64(0), Late{}, paidAt, time.Time{}},
				[]any{x.o.Status, x.o.Authorized, x.o.Captured, x.o.Refunded, x.o.Late, x.o.PaymentAt, x.o.NextDue()})
			assert.Empty(t, x.o.Anomalies)
			// a late capture draws on it in both
			x.observe(captured("C9", 400))
			assert.Equal(t, Late{Captured: 400}, x.o.Late)
			assert.True(t, hasAnomaly(x.o, events.LatePayment))
		}
	}
}

// An authorization that was inferred from a late capture was held all along.
func TestUndone_AfterALateCapture(t *testing.T) {
	for refund, open := range map[int64]bool{0: true, 400: false} {
		x := cancelledByS(t, CaptureAutomatic)
		x.observe(captured("C9", 400))
		require.Equal(t, Late{Authorized: theAmount, Captured: 400}, x.o.Late)
		if refund > 0 {
			x.observe(refunded("F1", refund))
			require.True(t, hasAnomaly(x.o, events.LatePayment), "600 seem to be held")
		}
		x.observe(paidAtTime(paidAt))
		assert.Equal(t, Late{Captured: 400, Refunded: refund}, x.o.Late)
		assert.Equal(t, open, hasAnomaly(x.o, events.LatePayment))
		assert.Equal(t, GatewayNone, x.o.Gateway)
		replayIsLive(t, x)
	}
}

func TestUndone_WhatIsNotKnownToBeBeforeTheCancelIsLate(t *testing.T) {
	never := time.Time{}
	signedAt := func(at time.Time) func(*testing.T) *till {
		return func(t *testing.T) *till {
			x := placed(t, CaptureNone)
			x.later(11 * time.Second)
			c := cancelled()
			c.At = at
			x.observe(c)
			return x
		}
	}
	for name, said := range map[string]struct {
		order func(*testing.T) *till
		at    time.Time
	}{
		"at the same time":            {signedAt(cancelledAt), cancelledAt},
		"after it":                    {signedAt(cancelledAt), cancelledAt.Add(time.Second)},
		"in the same second":          {signedAt(cancelledAt.Add(999 * time.Millisecond)), cancelledAt},
		"the payment's is not told":   {signedAt(cancelledAt), never},
		"the cancel's is not told":    {signedAt(never), paidAt},
		"neither is told":             {signedAt(never), never},
		"the payment failed, it says": {failedWhileCancelling, paidAt},
	} {
		t.Run(name, func(t *testing.T) {
			x := said.order(t)
			require.Equal(t, Cancelled, x.o.Status)
			x.observe(paidAtTime(said.at))
			assert.Equal(t, Late{Authorized: theAmount, Captured: theAmount}, x.o.Late)
			assert.True(t, hasAnomaly(x.o, events.LatePayment))
			assert.Zero(t, x.o.Captured)
			replayIsLive(t, x)
		})
	}
	x := signedAt(cancelledAt)(t)
	x.observe(paidAtTime(cancelledAt.Add(-1)))
	assert.True(t, x.o.Late.IsZero(), "in the second before")
}

// failedWhileCancelling is cancelled because its payment failed: nothing was undone.
func failedWhileCancelling(t *testing.T) *till {
	x := placed(t, CaptureNone)
	x.must(Cancel{CommandID: "cancel-0"})
	f := failed()
	f.At = cancelledAt
	x.observe(f)
	require.Equal(t, events.CausePaymentFailed, x.o.CancelCause)
	return x
}

// cancelledUntimed is an order that an inquiry says is cancelled, and not since when.
func cancelledUntimed(t require.TestingT, mode events.CaptureMode) *till {
	x := placed(t, mode)
	x.must(Cancel{CommandID: "cancel-0"})
	x.answer(silence)
	x.later(time.Minute)
	x.inquire(tells(StateCancelled, cancelled()))
	require.Equal(t, Cancelled, x.o.Status)
	return x
}

// A cancel that only an inquiry told has no time, until a message of APO's has one: its own line, or the S that came
// late. What was paid before it is no late money then, and what was paid after it is.
func TestUndone_ByACancelWhoseTimeIsToldLater(t *testing.T) {
	line := voided(cancelledAt)
	for name, date := range map[string]func(*till){
		"by a line": func(x *till) { x.inquire(tells(StateCancelled, line, cancelled())) },
		"by the S that came late": func(x *till) {
			call := Call{Kind: CallCancel, Intent: 2, Attempt: 1, OrderID: "o-1"}
			x.answerTo(call, Verdict{Class: VerdictSucceeded, Code: "SUCCESS", PaymentID: "P1", At: cancelledAt})
		},
	} {
		for _, mode := range everyMode {
			x := cancelledUntimed(t, mode)
			date(x)
			cause := x.o.endMark.cause()
			assert.Equal(t, cancelledAt, cause.At, name)
			assert.Equal(t, events.KindCancelSucceeded, x.log[cause.Version-1].Event.Kind(), "still the record that did it")
			before := len(x.log)
			date(x)
			for _, r := range x.log[before:] {
				assert.NotEqual(t, events.KindCancelDated, r.Event.Kind(), "once")
			}
			x.observe(paidAtTime(paidAt))
			assert.Equal(t, Late{}, x.o.Late, "%s, %s", name, mode)
			assert.Empty(t, x.o.Anomalies)
			replayIsLive(t, x)

			x = cancelledUntimed(t, mode)
			date(x)
			x.observe(paidAtTime(cancelledAt.Add(time.Second)))
			assert.True(t, hasAnomaly(x.o, events.LatePayment), "%s, %s", name, mode)
		}
	}
}

// The payment and the time of the cancel are told by one answer: no late money, not even for a moment.
func TestUndone_ByALineBesideThePayment(t *testing.T) {
	x := cancelledUntimed(t, CaptureManual)
	x.inquire(tells(StateCancelled, paidAtTime(paidAt), voided(cancelledAt), cancelled()))
	assert.Equal(t, []any{Late{}, int64(theAmount)}, []any{x.o.Late, x.o.Authorized})
	for _, r := range x.log {
		assert.NotEqual(t, events.KindAnomalyObserved, r.Event.Kind())
	}
	replayIsLive(t, x)
}

// Nobody knows: CANCELLED has no time, before the payment is known or after it. The money is late, and a person looks.
// The S that came late settles it, where it is dated after the payment.
func TestUndone_CancelledAloneProvesNoOrder(t *testing.T) {
	x := cancelledUntimed(t, CaptureManual)
	x.observe(paidAtTime(paidAt))
	x.inquire(tells(StateCancelled, cancelled()))
	assert.Equal(t, Late{Authorized: theAmount}, x.o.Late)
	assert.True(t, hasAnomaly(x.o, events.LatePayment))
	call := Call{Kind: CallCancel, Intent: 2, Attempt: 1, OrderID: "o-1"}
	x.answerTo(call, Verdict{Class: VerdictSucceeded, Code: "SUCCESS", PaymentID: "P1", At: paidAt})
	assert.True(t, hasAnomaly(x.o, events.LatePayment), "in the same second nobody knows")
	x.answerTo(call, Verdict{Class: VerdictSucceeded, Code: "SUCCESS", PaymentID: "P1", At: cancelledAt})
	assert.True(t, x.o.Late.IsZero())
	assert.Empty(t, x.o.Anomalies)
	replayIsLive(t, x)
}

func TestUndone_JudgeOfADate(t *testing.T) {
	proof := events.Proof{Via: events.ViaAnswer, Evidence: signed()}
	dated := cancelledByS(t, CaptureManual)
	paidLate := cancelledUntimed(t, CaptureManual)
	paidLate.observe(paidAtTime(paidAt))
	for name, c := range map[string]struct {
		x *till
		e events.CancelDated
	}{
		"no time":          {cancelledUntimed(t, CaptureManual), events.CancelDated{Proof: proof}},
		"nobody signed it": {cancelledUntimed(t, CaptureManual), events.CancelDated{At: cancelledAt}},
		"dated":            {dated, events.CancelDated{At: cancelledAt, Proof: proof}},
		"of late money":    {paidLate, events.CancelDated{At: cancelledAt, Proof: proof}},
		"not cancelled":    {in(t, Authorized), events.CancelDated{At: cancelledAt, Proof: proof}},
		"another payment": {cancelledUntimed(t, CaptureManual), events.CancelDated{PaymentID: "P2", At: cancelledAt,
			Proof: proof}},
	} {
		records, _ := Records(c.x.o, Observe{}, []events.Event{c.e}, c.x.env(), "")
		assert.Error(t, Judge(c.x.o, records[0]), name)
	}
	x := cancelledUntimed(t, CaptureManual)
	records, _ := Records(x.o, Observe{}, []events.Event{events.CancelDated{At: cancelledAt, Proof: proof}}, x.env(), "")
	assert.NoError(t, Judge(x.o, records[0]))
}

// Late money whose time is told afterwards stays on its account: its anomaly is open, somebody may be giving it back.
func TestUndone_WhatIsLateAlreadyStaysSo(t *testing.T) {
	for _, mode := range everyMode {
		x := cancelledByS(t, mode)
		x.observe(paidAtTime(time.Time{}))
		late, gateway := x.o.Late, x.o.Gateway
		require.False(t, late.IsZero())
		require.Len(t, x.observe(paidAtTime(paidAt)), 1, "it teaches when it was")
		assert.Equal(t, []any{late, gateway, paidAt}, []any{x.o.Late, x.o.Gateway, x.o.PaymentAt})
		assert.True(t, hasAnomaly(x.o, events.LatePayment))
		assert.Empty(t, x.observe(paidAtTime(paidAt)))
		// the CANCEL or VOID line of an inquiry, after the payment, is what lets it go
		if mode != CaptureAutomatic {
			x.observe(voided(cancelledAt))
			assert.True(t, x.o.Late.IsZero())
			assert.Empty(t, x.o.Anomalies)
		}
		replayIsLive(t, x)
	}
}

// A line of an inquiry is heard like a notification.
func TestUndone_ByALineOfAnInquiry(t *testing.T) {
	for _, mode := range everyMode {
		x := cancelledByS(t, mode)
		line := paidAtTime(paidAt)
		line.TransferID = "T1"
		x.inquire(tells(StateCancelled, line, voided(cancelledAt), cancelled()))
		assert.Equal(t, []any{Late{}, true, time.Time{}}, []any{x.o.Late, x.o.paymentKnown(), x.o.NextDue()})
		assert.Empty(t, x.o.Anomalies)
		replayIsLive(t, x)
	}
}

// A capture of ours that turns out to have been the last does not move the time of the cancel.
func TestUndone_ALastCaptureIsNoCancel(t *testing.T) {
	x := lastWhileCancelled(t)
	assert.Equal(t, law.PaymentUndone, x.o.payment(law.PaymentAuthorized, paidAt))
	assert.Equal(t, law.PaymentAuthorized, x.o.payment(law.PaymentAuthorized, cancelledAt))
}

// A record that opens APO's capture of what the cancel undid does not.
func TestUndone_EvolveOpensNoCapture(t *testing.T) {
	x := cancelledByS(t, CaptureAutomatic)
	r := events.Record{Stream: events.OrderStream(x.o.ID), Version: x.o.Version + 1, Recorded: x.now, Occurred: paidAt,
		Event: events.PaymentAuthorized{PaymentID: "P1", Amount: usd(theAmount), At: paidAt, GatewayCapture: true,
			Due: x.now.Add(time.Hour)}}
	require.NoError(t, Judge(x.o, r))
	o := Evolve(x.o, r)
	assert.Equal(t, []any{GatewayNone, time.Time{}}, []any{o.Gateway, o.NextDue()})
}

// What the cancel gave back, a refund gave back too: a person must look, whichever is told first.
func TestUndone_WithARefundBesideIt(t *testing.T) {
	for _, first := range []bool{true, false} {
		x := cancelledByS(t, CaptureNone)
		if first {
			x.observe(refunded("F1", 400))
			require.Len(t, x.o.Held, 1)
		}
		x.observe(paidAtTime(paidAt))
		if !first {
			x.observe(refunded("F1", 400))
		}
		assert.Equal(t, []any{int64(theAmount), int64(400), Late{}, 0},
			[]any{x.o.Captured, x.o.Refunded, x.o.Late, len(x.o.Held)})
		assert.True(t, hasAnomaly(x.o, events.StatusContradicts))
		assert.Len(t, x.o.Anomalies, 1)
		replayIsLive(t, x)
	}
}

// A payment in one step that the cancel undid is no late one, and its amount has to cover what was captured of it as
// any other's: of less it contradicts that.
func TestUndone_APaymentCoversWhatWasCaptured(t *testing.T) {
	for _, minor := range []int64{400, theAmount} {
		x := placed(t, CaptureNone)
		x.inquire(tells(StateCancelled, voided(opened.Add(time.Hour))))
		x.observe(captured("C1", theAmount))
		f := ofAmount(paid(), minor)
		f.At = opened.Add(time.Minute)
		for range 2 {
			x.inquire(tells(StateSuccess, f))
		}
		assert.LessOrEqual(t, x.o.Late.Captured, max(x.o.Late.Authorized, x.o.Authorized))
		assert.Equal(t, minor == theAmount, x.o.paymentKnown(), "%d", minor)
		assert.NotEmpty(t, x.o.Anomalies)
		assert.Len(t, x.inquire(tells(StateSuccess, f)), 1)
		replayIsLive(t, x)
	}
}
