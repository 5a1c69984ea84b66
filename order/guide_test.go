package order

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order/window"
)

// Every rule of APO's guide "Cancel", by its own words. The windows by acquirer are in window_test.go.

func TestGuide_OnlyFullCancellationsAreSupported(t *testing.T) {
	x := asked(t, CallCancel)
	call, _ := x.o.Claimed()
	assert.Zero(t, call.Amount, "a cancel has no amount")
}

func TestGuide_CancelByPaymentIDOrPaymentRequestID(t *testing.T) {
	x := asked(t, CallCancel)
	call, _ := x.o.Claimed()
	assert.Equal(t, []string{"P1", ""}, []string{call.PaymentID, call.PaymentRequestID},
		"one of them, and the paymentId where it is known")

	x = newTill(t)
	c := create(CaptureManual)
	c.PaymentID = ""
	x.must(c)
	x.must(Cancel{})
	call, _ = x.o.Claimed()
	assert.Equal(t, []string{"", "pr-1"}, []string{call.PaymentID, call.PaymentRequestID})
}

func TestGuide_SIsTheResultThereIsNoNotification(t *testing.T) {
	x := asked(t, CallCancel)
	x.answer(done)
	assert.Equal(t, Cancelled, x.o.Status)
	assert.Zero(t, x.o.NextDue(), "nothing is waited for")
}

func TestGuide_ABuyerWhoHadNotSubmittedMayStillPay(t *testing.T) {
	x := in(t, Cancelled)
	x.observe(paid())
	assert.Equal(t, Cancelled, x.o.Status)
	assert.EqualValues(t, theAmount, x.o.Late.Captured)
	assert.True(t, hasAnomaly(x.o, events.LatePayment))
}

func TestGuide_FIsHandledByItsErrorCode(t *testing.T) {
	for class, want := range map[VerdictClass]Phase{VerdictFailed: Idle, VerdictWrong: Unresolved,
		VerdictUnknownF: Unresolved} {
		x := asked(t, CallCancel)
		x.answer(Verdict{Class: class, Code: "SOME_CODE"})
		assert.Equal(t, want, x.o.Operation.Phase, class.String())
		assert.Equal(t, Authorized, x.o.Status)
	}
}

func TestGuide_UAndSilenceAreTriedAgainWithTheSameIdentifier(t *testing.T) {
	for _, v := range []Verdict{unknownU, silence} {
		x := newTill(t)
		c := create(CaptureManual)
		c.PaymentID = ""
		x.must(c)
		x.must(Cancel{CommandID: "k"})
		first := x.attempt()
		x.answer(v)
		x.observe(authorized()) // the paymentId is known now
		x.retry()
		again := x.attempt()
		first.Attempt = 2
		assert.Equal(t, first, again, "frozen in the intent, never switched")
	}
}

func TestGuide_RefundedOrdersCannotBeCancelled(t *testing.T) {
	for name, minor := range map[string]int64{"partly": 100, "fully": 600} {
		x := in(t, Captured)
		x.observe(refunded("F1", minor))
		_, err := x.do(Cancel{})
		r := rejected(t, err)
		assert.Equal(t, []any{ReasonRefunded, "F1", x.o.Version}, []any{r.Reason, r.Cause.ID, r.Cause.Version}, name)
		_, due := x.o.Due(x.now.Add(24 * time.Hour))
		assert.False(t, due, "nothing is sent")
	}
}

func TestGuide_ProcessFailOfARefundedOrderEndsTheCancel(t *testing.T) {
	x := in(t, Paid)
	x.must(Cancel{CommandID: "k"})
	x.answer(wrongF)
	x.inquire(tells(StateSuccess, refunded("F1", 100)))
	x.ended(OutcomeFailed, CodeRefunded)
	assert.Equal(t, Refunded, x.o.Status)
}

func TestGuide_APaymentNotificationAfterTheCancelLeavesItCancelled(t *testing.T) {
	for _, f := range []Fact{authorized(), paid(), failed(), {Kind: PaymentPending}} {
		x := in(t, Cancelled)
		x.observe(f)
		assert.Equal(t, Cancelled, x.o.Status, f.Kind.String())
	}
}

func TestGuide_CardsCannotBeCancelledDuringCapture(t *testing.T) {
	own := asked(t, CallCapture)
	for name, x := range map[string]*till{"our capture": own, "APO's own": capturing(t)} {
		_, err := x.do(Cancel{})
		want := ReasonGatewayCapture
		if x == own {
			want = ReasonCapturing
		}
		assert.Equal(t, want, rejected(t, err).Reason, name)
	}
}

func TestGuide_CapturedOrdersAreRefundedInstead(t *testing.T) {
	x := in(t, Captured)
	_, err := x.do(Cancel{})
	r := rejected(t, err)
	assert.Equal(t, ReasonCaptured, r.Reason)
	assert.Equal(t, "refund instead; what is still held ends with the authorization", r.Remedy)
	x.must(Refund{Amount: usd(600)})
}

func TestGuide_TheExpirationTimeDependsOnTheAcquirer(t *testing.T) {
	x := in(t, Authorized)
	x.policy.Windows = window.Rules{"ACME": {"CARD": {Kind: window.AfterPayment, Length: time.Hour}}}
	x.later(time.Hour)
	_, open := Decide(x.o, Cancel{}, x.env())
	require.NoError(t, open, "its last instant is inside")
	x.later(time.Nanosecond)
	_, err := x.do(Cancel{})
	r := rejected(t, err)
	assert.Equal(t, []any{ReasonWindow, "at 2026-11-20T11:00:00Z"}, []any{r.Reason, r.Detail})
	assert.EqualValues(t, 2, r.Cause.Version)

	x.policy.Windows["ACME"]["CARD"] = window.Rule{Kind: window.Never}
	_, err = x.do(Cancel{})
	assert.Equal(t, ReasonNeverCancels, rejected(t, err).Reason)
	x.policy.Windows["ACME"]["CARD"] = window.Rule{Kind: window.UntilPaid}
	_, err = x.do(Cancel{})
	assert.Equal(t, ReasonWindow, rejected(t, err).Reason)
	x.policy.Windows = window.Rules{"ANOTHER": {}}
	x.must(Cancel{}) // unknown acquirer: APO decides
}
