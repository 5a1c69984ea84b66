package order

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order/window"
)

// strange is a signed word of money that moved in a way the order's amounts cannot have.
type strange struct {
	in      Status
	facts   []Fact
	inquiry bool
}

func strangers() map[string]*strange {
	of := func(k FactKind, id string, m Money) []Fact { return []Fact{{Kind: k, TransferID: id, Amount: m}} }
	euros := Money{Minor: 100, Currency: "EUR"}
	return map[string]*strange{
		"a capture above the authorization": {Authorized, of(CaptureSucceeded, "C9", usd(1200)), false},
		"a capture in another currency":     {Authorized, of(CaptureSucceeded, "C9", euros), false},
		"a part captured without ids":       {Authorized, of(CaptureSucceeded, "", usd(300)), false},
		"a capture of nothing":              {Authorized, of(CaptureSucceeded, "C9", usd(0)), false},
		"a capture of another payment": {Authorized,
			[]Fact{{Kind: CaptureSucceeded, PaymentID: "P2", TransferID: "C9", Amount: usd(100)}}, false},
		"a capture of what is paid at once": {Paid, of(CaptureSucceeded, "C9", usd(theAmount)), false},
		"a refund above the payment":        {Paid, of(RefundSucceeded, "F9", usd(1200)), false},
		"a refund above the authorization":  {Authorized, of(RefundSucceeded, "F9", usd(1200)), false},
		"a refund without ids":              {Paid, of(RefundSucceeded, "", usd(300)), false},
		"a refund in another currency":      {Paid, of(RefundSucceeded, "F9", euros), false},
		"a refund held and then too large":  {Created, append(of(RefundSucceeded, "F9", usd(1200)), authorized()), false},
		"a payment in another currency": {Created,
			[]Fact{{Kind: PaymentPaid, PaymentID: "P1", Amount: euros}}, false},
		"an authorization in another currency": {Created,
			[]Fact{{Kind: PaymentAuthorized, PaymentID: "P1", Amount: euros}}, false},
		"another payment in another currency": {Authorized,
			[]Fact{{Kind: PaymentPaid, PaymentID: "P1", Amount: euros}}, false},
		"a line that nobody knows": {Authorized, of(OtherTransaction, "T9", usd(100)), true},
	}
}

func (s *strange) tell(t require.TestingT) *till {
	x := in(t, s.in)
	if s.inquiry {
		x.inquire(tells(StateSuccess, s.facts...))
		x.free()
		return x
	}
	for _, f := range s.facts {
		x.observe(f)
	}
	return x
}

// Cancel and Capture are never sent beside a signed word of a capture or refund that is not known to have failed,
// whatever its amount, currency or ids.
func TestContradicted_NothingIsSentBesideMoneyThatMayHaveMoved(t *testing.T) {
	for name, s := range strangers() {
		t.Run(name, func(t *testing.T) {
			x := s.tell(t)
			require.NotEmpty(t, x.o.Anomalies)
			require.True(t, x.o.Unaccounted())
			if !s.inquiry {
				assert.Equal(t, x.now, x.o.NextDue(), "APO is asked at once")
				call, due := x.o.Due(x.now)
				assert.Equal(t, []any{true, CallInquirePayment}, []any{due, call.Kind})
			}
			refuses := func() {
				t.Helper()
				_, err := x.do(Cancel{CommandID: "k"})
				r := rejected(t, err)
				assert.Equal(t, ReasonUnaccounted, r.Reason, r.Error())
				assert.Contains(t, r.Remedy, "reconcile")
				if x.o.Status == Authorized {
					_, err = x.do(Capture{CommandID: "c", Amount: usd(1)})
					assert.Equal(t, ReasonUnaccounted, rejected(t, err).Reason)
					_, err = x.do(Refund{CommandID: "f", Amount: usd(1)})
					assert.NotContains(t, rejected(t, err).Remedy, "cancel")
				}
			}
			refuses()
			for _, a := range x.o.Anomalies { // the flag is a person's, and says nothing of the money
				x.must(ClearAnomaly{Anomaly: a.Version, Reason: "seen"})
			}
			refuses()
			replayIsLive(t, x)
		})
	}
}

// failedBeside is an order whose payment failed, and of which APO has signed a capture that the amounts cannot have.
func failedBeside(t require.TestingT) *till {
	x := in(t, Failed)
	x.observe(captured("C1", 1200))
	return x
}

// A cancel that is done without APO is none either, beside money that may have moved.
func TestContradicted_AFailedPaymentIsNotCancelledBesideIt(t *testing.T) {
	x := failedBeside(t)
	_, err := x.do(Cancel{CommandID: "k"})
	require.Equal(t, ReasonUnaccounted, rejected(t, err).Reason)
	at := slices.IndexFunc(x.o.Actions(x.env()), func(a Action) bool { return a.Verb == VerbCancel })
	assert.False(t, x.o.Actions(x.env())[at].Legal)
	x.inquire(tells(StateFail))
	x.must(Resolve{CommandID: "r", Record: x.o.Doubts()[0], Resolution: events.ResolvedFailed, Statement: "ticket 7"})
	x.policy.Windows = window.Rules{"ACME": {"CARD": {Kind: window.Never}}} // which is about what is sent
	x.must(Cancel{CommandID: "k"})
	assert.Equal(t, Cancelled, x.o.Status)

	x = in(t, Failed)
	x.observe(refunded("F1", 100))
	_, err = x.do(Cancel{CommandID: "k"})
	assert.Equal(t, ReasonHeldRefund, rejected(t, err).Reason)
}

// Once APO says that it failed, the order is free again: by an inquiry, which tells the newer of two words that
// contradict each other. Of two messages nobody knows which is the newer.
func TestContradicted_WhatFailedIsNoWordOfMoney(t *testing.T) {
	for kind, failing := range map[FactKind]FactKind{CaptureSucceeded: CaptureFailed, RefundSucceeded: RefundFailed} {
		done := Fact{Kind: kind, TransferID: "X9", Amount: usd(1200)}
		failure := Fact{Kind: failing, TransferID: "X9", Code: "RISK_REJECT"}
		x := in(t, Authorized)
		x.observe(done)
		assert.Len(t, x.observe(failure), 1, "it is on record")
		assert.Empty(t, x.observe(failure), "once")
		assert.True(t, x.o.Unaccounted())
		assert.Equal(t, x.now, x.o.NextDue(), "APO is asked")
		x.inquire(tells(StateSuccess, failure))
		assert.False(t, x.o.Unaccounted())

		x.inquire(tells(StateSuccess, done))
		assert.True(t, x.o.Unaccounted(), "and its newest word is that it was done")
		x.observe(failure)
		assert.True(t, x.o.Unaccounted(), "that is the old failure once more")
		x.inquire(tells(StateSuccess, failure))
		x.free()
		x.must(Cancel{CommandID: "k"})
		replayIsLive(t, x)
	}
}

// A failure that came before the success, and is delivered again after it, moves nothing.
func TestContradicted_AnOldFailureFreesNothing(t *testing.T) {
	x := in(t, Authorized)
	failure := Fact{Kind: CaptureFailed, TransferID: "C9", Code: "RISK_REJECT"}
	x.observe(failure)
	x.observe(captured("C9", 1200))
	assert.Empty(t, x.observe(failure))
	_, err := x.do(Cancel{CommandID: "k"})
	assert.Equal(t, ReasonUnaccounted, rejected(t, err).Reason)
	replayIsLive(t, x)
}

// Once it fits by APO's newest word, it is in the amounts, and the rules speak of those.
func TestContradicted_WhatFindsItsPlaceIsCounted(t *testing.T) {
	x := placed(t, CaptureManual)
	x.observe(Fact{Kind: CaptureSucceeded, TransferID: "C9", Amount: Money{Minor: theAmount, Currency: "EUR"}})
	x.observe(captured("C9", theAmount))
	require.True(t, x.o.Unaccounted(), "nobody knows which of the two is the newer")
	x.inquire(tells(StateSuccess, captured("C9", theAmount)))
	assert.Equal(t, []any{Captured, int64(theAmount)}, []any{x.o.Status, x.o.Captured})
	x.must(Refund{CommandID: "f", Amount: usd(theAmount)})
	replayIsLive(t, x)
}

// A refund that may stand reserves its amount.
func TestContradicted_ARefundThatMayStandReservesItsAmount(t *testing.T) {
	x := in(t, Paid)
	x.observe(Fact{Kind: RefundSucceeded, Amount: usd(300)})
	assert.EqualValues(t, 700, x.o.Refundable())
	_, err := x.do(Refund{CommandID: "f", Amount: usd(701)})
	assert.Equal(t, ReasonUnaccounted, rejected(t, err).Reason)
	x.must(Refund{CommandID: "f", Amount: usd(700)})

	x = in(t, Paid)
	x.observe(Fact{Kind: RefundSucceeded, TransferID: "F9", Amount: Money{Minor: 1, Currency: "EUR"}})
	assert.Zero(t, x.o.Refundable(), "nobody knows what a euro of it is")
	_, err = x.do(Refund{CommandID: "f", Amount: usd(1)})
	assert.Equal(t, ReasonUnaccounted, rejected(t, err).Reason)

	x = in(t, Captured)
	x.observe(Fact{Kind: CaptureSucceeded, TransferID: "C9", Amount: Money{Minor: 1, Currency: "EUR"}})
	_, err = x.do(Refund{CommandID: "f", Amount: usd(1)})
	assert.Equal(t, ReasonUnaccounted, rejected(t, err).Reason)
}

// An operation under way is not sent again beside money that may have moved, and not called failed either: APO may have
// carried it out, and is asked.
func TestContradicted_WhatIsUnderWayIsOnlyAskedAbout(t *testing.T) {
	for name, s := range strangers() {
		if s.in != Authorized || s.inquiry {
			continue
		}
		for _, kind := range []CallKind{CallCancel, CallCapture} {
			t.Run(name+", "+kind.String(), func(t *testing.T) {
				x := asked(t, kind)
				call := x.attempt()
				x.observe(s.facts[0])
				for range 5 {
					x.now = x.o.NextDue()
					next, due := x.o.Due(x.now)
					require.True(t, due)
					require.True(t, next.IsInquiry(), next.Kind)
					x.inquire(tells(StateSuccess, authorized()))
				}
				require.Equal(t, kind, x.o.Operation.Kind, "nothing is proven")
				replayIsLive(t, x)
				x.answerTo(call, Verdict{Class: VerdictSucceeded, PaymentID: "P1", TransferID: "C1"})
				assert.Equal(t, Idle, x.o.Operation.Phase, "the answer that came late is APO's word")
				replayIsLive(t, x)
			})
		}
	}
	x := in(t, Cancelled) // the refund of late money, beside one that took it already
	x.observe(authorized())
	x.observe(captured("C1", theAmount))
	x.inquire(tells(StateSuccess, captured("C1", theAmount)))
	x.must(Compensate{CommandID: "comp"})
	x.answer(silence)
	x.observe(Fact{Kind: RefundSucceeded, TransferID: "F9", Amount: Money{Minor: theAmount, Currency: "EUR"}})
	for range 5 {
		x.now = x.o.NextDue()
		next, due := x.o.Due(x.now)
		require.True(t, due)
		require.True(t, next.IsInquiry(), next.Kind)
		if next.Kind == CallInquireRefund {
			x.inquire(notExist)
		} else {
			x.inquire(tells(StateSuccess))
		}
	}
}

// A payment in another currency takes no command but a person's word: it has moved money, and no amount of the order's
// says how much.
func TestContradicted_APaymentInAnotherCurrency(t *testing.T) {
	euros := Fact{Kind: PaymentSucceeded, PaymentID: "P1", Amount: Money{Minor: 900, Currency: "EUR"}}
	for _, mode := range []events.CaptureMode{CaptureManual, CaptureAutomatic, CaptureNone} {
		x := placed(t, mode)
		x.observe(euros)
		assert.Empty(t, x.observe(euros), "told again it is on record")
		record := x.o.Doubts()[0]
		assert.Equal(t, x.now, x.o.NextDue(), "APO is asked at once")
		x.inquire(tells(StateSuccess, euros))
		for _, a := range x.o.Actions(x.env()) {
			assert.Equal(t, a.Verb == VerbResolve || a.Verb == VerbClearAnomaly, a.Legal, a.Verb)
			if !a.Legal && a.Verb != VerbCreate && a.Verb != VerbCompensate {
				assert.Contains(t, a.Rejected.Remedy, "resolve that record", a.Verb)
			}
		}
		_, err := x.do(statement(record, events.ResolvedSucceeded))
		assert.Equal(t, ReasonCurrency, rejected(t, err).Reason)
		x.must(statement(record, events.ResolvedFailed))
		assert.True(t, x.takes(Cancel{}))
		replayIsLive(t, x)
	}
}
