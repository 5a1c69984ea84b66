package order

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
)

func capturing(t *testing.T) *till {
	x := placed(t, CaptureAutomatic)
	x.observe(authorized())
	return x
}

func TestGatewayCapture_OutstandingRefusesCancelAndCapture(t *testing.T) {
	x := capturing(t)
	for _, c := range []Command{Cancel{}, Capture{Amount: usd(1)}} {
		_, err := x.do(c)
		r := rejected(t, err)
		assert.Equal(t, ReasonGatewayCapture, r.Reason)
		assert.EqualValues(t, 2, r.Cause.Version)
	}
	assert.Equal(t, "capturing", x.o.Words())
}

func TestGatewayCapture_FailedLetsUsCaptureOrCancel(t *testing.T) {
	for _, c := range []Command{Cancel{CommandID: "k"}, Capture{CommandID: "k", Amount: usd(theAmount)}} {
		x := capturing(t)
		x.observe(Fact{Kind: CaptureFailed, Code: "RISK_REJECT"}) // nameless, but somebody waits for it
		assert.Equal(t, GatewayFailed, x.o.Gateway)
		x.must(c)
	}
	x := capturing(t)
	x.observe(Fact{Kind: CaptureFailed, TransferID: "C1", Code: "RISK_REJECT"})
	x.must(Capture{CommandID: "k", Amount: usd(theAmount)})
	x.answer(Verdict{Class: VerdictSucceeded, TransferID: "C2"})
	assert.Equal(t, []any{Captured, GatewayNone}, []any{x.o.Status, x.o.Gateway})
}

func TestGatewayCapture_ACancelUnderWayOnlyInquires(t *testing.T) {
	x := placed(t, CaptureAutomatic)
	x.must(Cancel{CommandID: "k"})
	x.answer(silence)
	x.observe(authorized())
	x.now = x.o.NextDue()
	call, _ := x.o.Due(x.now)
	assert.True(t, call.IsInquiry())
	x.inquire(tells(StateSuccess))
	call, due := x.o.Due(x.o.Operation.Due)
	assert.True(t, due)
	assert.True(t, call.IsInquiry(), "never a cancel while APO captures")
	x.inquire(tells(StateSuccess, captured("C1", theAmount)))
	x.ended(OutcomeFailed, CodeCaptured)
}

func TestGatewayCapture_PartOfItCapturedBeforeTheAuthorizationIsKnown(t *testing.T) {
	x := placed(t, CaptureAutomatic)
	x.observe(captured("C1", 400))
	x.observe(authorized())
	assert.Equal(t, GatewayOutstanding, x.o.Gateway)
	assert.Equal(t, x.now.Add(10*time.Minute), x.o.NextDue())
	x.observe(captured("C2", 600))
	assert.Equal(t, GatewayNone, x.o.Gateway)
}

func TestGatewayCapture_AllOfItCapturedBeforeTheAuthorizationIsKnown(t *testing.T) {
	x := placed(t, CaptureAutomatic)
	x.observe(captured("C1", theAmount))
	x.observe(authorized())
	assert.Equal(t, GatewayNone, x.o.Gateway, "nothing is left to capture")
	assert.Zero(t, x.o.NextDue())
}

func TestGatewayCapture_FailedBeforeTheAuthorizationIsKnown(t *testing.T) {
	x := placed(t, CaptureAutomatic)
	x.observe(Fact{Kind: CaptureFailed, TransferID: "C1", Code: "RISK_REJECT"})
	x.observe(authorized())
	assert.Equal(t, GatewayFailed, x.o.Gateway, "the two may come in either order")
	x.must(Capture{CommandID: "k", Amount: usd(theAmount)})
}

// A notification that names no capture may overtake its payment: acknowledged, it must be on record.
func TestGatewayCapture_ANamelessFailureBeforeThePaymentIsNoted(t *testing.T) {
	nameless := Fact{Kind: CaptureFailed, PaymentID: "P1", Code: "RISK_REJECT"}
	for name, before := range map[string][]Fact{"created": nil, "failed": {failed()},
		"captured in part": {captured("C1", 400)}} {
		x := placed(t, CaptureAutomatic)
		for _, f := range before {
			x.observe(f)
		}
		assert.Equal(t, []events.Kind{events.KindCaptureFailed}, kindsOf(x.observe(nameless)), name)
		assert.Empty(t, x.observe(nameless), "%s: once", name)
		x.observe(authorized())
		assert.Equal(t, GatewayFailed, x.o.Gateway, "%s: in any order", name)
		assert.Empty(t, x.observe(nameless), name)
		replayIsLive(t, x)
	}
	x := placed(t, CaptureManual)
	assert.Empty(t, x.observe(nameless), "nothing will wait for it")
	x = placed(t, CaptureAutomatic)
	x.observe(nameless)
	x.observe(Fact{Kind: CaptureSucceeded, Amount: usd(theAmount)})
	assert.Equal(t, []any{Captured, int64(theAmount)}, []any{x.o.Status, x.o.Captured}, "another try of APO's")
}

// APO's own capture has no request of anybody's, and is of the full amount.
func TestGatewayCapture_AnothersFailureLeavesItOutstanding(t *testing.T) {
	foreign := Fact{Kind: CaptureFailed, TransferID: "D1", RequestID: "dash-1", Amount: usd(300), Code: "RISK_REJECT"}
	whole, unnamed, nameless, bare := foreign, foreign, foreign, foreign
	whole.Amount, bare.Amount = usd(theAmount), Money{}
	unnamed.RequestID = ""
	nameless.TransferID, nameless.RequestID = "", ""
	for name, f := range map[string]Fact{"named, a part": foreign, "named, all": whole, "named, no amount": bare,
		"without a request, a part": unnamed, "nameless, a part": nameless} {
		for arrival, tell := range map[string][]Fact{"after": {authorized(), f}, "before": {f, authorized()}} {
			x := placed(t, CaptureAutomatic)
			for _, f := range tell {
				assert.NotEmpty(t, x.observe(f), "%s, %s: on record", name, arrival)
			}
			assert.Equal(t, GatewayOutstanding, x.o.Gateway, "%s, %s", name, arrival)
			assert.Equal(t, f.RequestID == "", hasAnomaly(x.o, events.TransferContradicts), "%s, %s: whose was it?", name,
				arrival)
			_, err := x.do(Cancel{CommandID: "k"})
			assert.Equal(t, ReasonGatewayCapture, rejected(t, err).Reason, "%s, %s: APO is capturing", name, arrival)
			x.observe(Fact{Kind: CaptureFailed, TransferID: "AUTO", Amount: usd(theAmount), Code: "RISK_REJECT"})
			assert.Equal(t, GatewayFailed, x.o.Gateway, "%s, %s: that was its own", name, arrival)
			x.must(Cancel{CommandID: "k"})
			replayIsLive(t, x)
		}
	}
	x := capturing(t)
	x.inquire(tells(StateSuccess, authorized(), foreign,
		Fact{Kind: CapturePending, TransferID: "AUTO", Amount: usd(theAmount)}))
	assert.Equal(t, GatewayOutstanding, x.o.Gateway, "the same picture says that APO is capturing")
}

func TestGatewayCapture_WhoeverElseLooksLeavesItsScheduleAlone(t *testing.T) {
	x := capturing(t)
	first := x.o.WatchDue
	for range 4 {
		x.later(time.Minute)
		x.inquire(tells(StateSuccess, authorized()))
	}
	require.Equal(t, first, x.o.WatchDue)
	for _, wait := range []time.Duration{time.Hour, 6 * time.Hour, 24 * time.Hour, 24 * time.Hour} {
		x.now = x.o.WatchDue
		x.inquire(tells(StateSuccess, authorized()))
		assert.Equal(t, wait, x.o.WatchDue.Sub(x.now))
	}

	x = placed(t, CaptureAutomatic) // the inquiry that tells of the payment begins the schedule
	x.inquire(tells(StateSuccess, authorized()))
	for _, wait := range []time.Duration{10 * time.Minute, time.Hour, 6 * time.Hour} {
		require.Equal(t, wait, x.o.WatchDue.Sub(x.now))
		x.now = x.o.WatchDue
		x.inquire(tells(StateSuccess, authorized()))
	}
}

func TestGatewayCapture_SaidAgainChangesNothing(t *testing.T) {
	x := capturing(t)
	x.observe(Fact{Kind: CaptureFailed, TransferID: "C1"})
	assert.Empty(t, x.observe(authorized()))
	assert.Equal(t, GatewayFailed, x.o.Gateway)
}

func TestManualAndOneStepOrdersHaveNoGatewayCapture(t *testing.T) {
	assert.Equal(t, GatewayNone, in(t, Authorized).o.Gateway)
	assert.Equal(t, GatewayNone, in(t, Paid).o.Gateway)
	x := placed(t, CaptureAutomatic)
	x.observe(Fact{Kind: PaymentSucceeded, Amount: usd(theAmount)})
	assert.Equal(t, Authorized, x.o.Status, "a card's success is an authorization")
	x = placed(t, CaptureNone)
	x.observe(Fact{Kind: PaymentSucceeded})
	assert.Equal(t, []any{Paid, int64(theAmount)}, []any{x.o.Status, x.o.Captured},
		"a wallet's is a payment, of the order's amount")
}

func TestAutomaticCaptureWhoseResultIsKnownIsNotOurs(t *testing.T) {
	x := capturing(t)
	x.observe(captured("C1", theAmount))
	_, err := x.do(Capture{Amount: usd(1)})
	assert.Equal(t, ReasonAutomatic, rejected(t, err).Reason)
}

func TestAuthorization_IsInquiredAboutOnceAfterItsEnd(t *testing.T) {
	x := placed(t, CaptureManual)
	f := authorized()
	f.At, f.Expires = x.now, x.now.Add(7*24*time.Hour)
	x.observe(f)
	assert.Equal(t, f.Expires.Add(DefaultMargin), x.o.NextDue())
	x.now = f.Expires
	_, err := x.do(Capture{Amount: usd(1)})
	assert.Equal(t, ReasonExpired, rejected(t, err).Reason)
	x.now = x.o.NextDue()
	x.inquire(Picture{Problem: "timeout"})
	assert.Equal(t, x.now.Add(10*time.Minute), x.o.NextDue(), "no answer is no inquiry")
	x.now = x.o.NextDue()
	x.inquire(tells(StateSuccess))
	assert.Zero(t, x.o.NextDue(), "once")
	assert.Equal(t, Authorized, x.o.Status, "an end is never guessed")

	c := cancelled()
	c.At = f.Expires
	x.inquire(tells(StateCancelled, c))
	assert.Equal(t, []any{Cancelled, events.CauseExpired}, []any{x.o.Status, x.o.CancelCause})
}

func TestAuthorization_IsInquiredAboutAtItsEndAlsoWhereTheGatewayCaptureFailed(t *testing.T) {
	x := placed(t, CaptureAutomatic)
	f := authorized()
	f.Expires = x.now.Add(7 * 24 * time.Hour)
	x.observe(f)
	x.observe(Fact{Kind: CaptureFailed, TransferID: "C1"})
	x.now = x.o.NextDue()
	x.inquire(tells(StateSuccess, Fact{Kind: CaptureFailed, TransferID: "C1"}))
	assert.Equal(t, f.Expires.Add(DefaultMargin), x.o.NextDue())
	x.now = x.o.NextDue()
	x.inquire(tells(StateSuccess))
	assert.Zero(t, x.o.NextDue())
}

// A late payment that is told again, for its time, does not put off the capture that is waited for.
func TestGateway_ALatePaymentToldAgainKeepsItsSchedule(t *testing.T) {
	x := placed(t, CaptureAutomatic)
	x.must(Cancel{CommandID: "k"})
	x.answer(done)
	x.observe(authorized())
	require.Equal(t, GatewayOutstanding, x.o.Gateway)
	due := x.o.NextDue()
	x.later(time.Second)
	again := authorized()
	again.At = x.now
	assert.NotEmpty(t, x.observe(again))
	assert.Equal(t, due, x.o.NextDue())
	replayIsLive(t, x)
}
