package behaviour_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/order/window"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

// The rules of APO's guide to cancelling, each from the command to the log.

func TestGuide_CancelBeforePaymentGoesByPaymentRequestId(t *testing.T) {
	tilltest.Stores(t, func(t *testing.T, log store.Log) {
		x := tilltest.NewTill(t, log)
		x.Place(order.CaptureManual)
		x.Bank.BuyerPays(tilltest.TheRequest, tilltest.TheAmount, true) // at APO, while we have not heard of it

		result, err := x.Cancel()
		require.NoError(t, err)
		assert.Equal(t, order.Cancelled, result.Order.Status)
		assert.Equal(t, events.CauseRequested, result.Order.CancelCause)
		assert.Equal(t, []tilltest.WireCall{{Op: apo.OpCancel, Payment: tilltest.TheRequest}}, x.Bank.Seen())
		assert.Equal(t, tilltest.ThePayment, result.Order.PaymentID, "the answer tells the paymentId")
		require.NoError(t, x.Lawful())
	})
}

func TestGuide_CancelGoesByPaymentIdOnceItIsKnown(t *testing.T) {
	tilltest.Stores(t, func(t *testing.T, log store.Log) {
		x := tilltest.NewTill(t, log)
		x.Place(order.CaptureManual)
		x.Paid()

		result, err := x.Cancel()
		require.NoError(t, err)
		assert.Equal(t, order.Cancelled, result.Order.Status)
		assert.Equal(t, []tilltest.WireCall{{Op: apo.OpCancel, Payment: tilltest.ThePayment}}, x.Bank.Seen())
	})
}

// identifiers keeps how each cancel named its payment.
type identifiers struct {
	*tilltest.Bank
	cancels []apo.CancelRequest
}

func (g *identifiers) Cancel(ctx context.Context, r apo.CancelRequest) apo.CancelAnswer {
	g.cancels = append(g.cancels, r)
	return g.Bank.Cancel(ctx, r)
}

func TestGuide_ExactlyOneIdentifierIsSent(t *testing.T) {
	for _, known := range []bool{false, true} {
		x := tilltest.NewTill(t, memory.New())
		g := &identifiers{Bank: x.Bank}
		x.Open(g)
		x.Place(order.CaptureManual)
		x.Bank.BuyerPays(tilltest.TheRequest, tilltest.TheAmount, true)
		if known {
			x.Paid()
		}
		_, err := x.Cancel()
		require.NoError(t, err)
		require.Len(t, g.cancels, 1)
		want := apo.CancelRequest{PaymentRequestID: tilltest.TheRequest}
		if known {
			want = apo.CancelRequest{PaymentID: tilltest.ThePayment}
		}
		assert.Equal(t, want, g.cancels[0])
	}
}

func TestGuide_UIsRetriedWithTheSameIdentifier(t *testing.T) {
	tilltest.Stores(t, func(t *testing.T, log store.Log) {
		x := tilltest.NewTill(t, log)
		x.Place(order.CaptureManual)
		x.Bank.BuyerPays(tilltest.TheRequest, tilltest.TheAmount, true)
		x.Bank.Next(tilltest.SaysU)

		_, err := x.Cancel()
		var unresolved *tilltape.UnresolvedError
		require.ErrorAs(t, err, &unresolved)
		assert.Equal(t, x.Clock.Now().Add(time.Second), unresolved.AskAgain)
		assert.Equal(t, uint64(1), unresolved.Attempts)

		// The paymentId becomes known meanwhile; the identifier in the intent stays.
		x.Paid()
		x.Settle(time.Second)
		o := x.Get()
		assert.Equal(t, order.Cancelled, o.Status)
		call := tilltest.WireCall{Op: apo.OpCancel, Payment: tilltest.TheRequest}
		assert.Equal(t, []tilltest.WireCall{call, call}, x.Bank.Seen())
		require.NoError(t, x.Lawful())
	})
}

func TestGuide_NoAnswerIsRetriedWithTheSameIdentifier(t *testing.T) {
	for name, f := range map[string]tilltest.Fault{"not done": tilltest.LostBefore, "done": tilltest.LostAfter} {
		t.Run(name, func(t *testing.T) {
			x := tilltest.NewTill(t, memory.New())
			x.Place(order.CaptureManual)
			x.Paid()
			x.Bank.Next(f)

			_, err := x.Cancel()
			require.ErrorIs(t, err, tilltape.ErrUnresolved)
			o := x.Exhaust(time.Hour)
			assert.Equal(t, order.Cancelled, o.Status)
			assert.Equal(t, 1, x.Bank.Accounts[0].Cancels, "cancelled once at APO")
			for _, c := range x.Bank.Seen() {
				assert.Equal(t, tilltest.ThePayment, c.Payment)
			}
			require.NoError(t, x.Lawful())
		})
	}
}

func TestGuide_SCancelsTheOrder(t *testing.T) {
	x := tilltest.NewTill(t, memory.New())
	x.Place(order.CaptureNone)
	x.Paid()
	result, err := x.Cancel()
	require.NoError(t, err)
	assert.Equal(t, order.Cancelled, result.Order.Status)
	last := x.History()[result.Order.Version-1].Event.(events.CancelSucceeded)
	require.NotNil(t, last.Proof.Evidence)
	assert.NoError(t, apo.Evidence(*last.Proof.Evidence).Verify(&tilltest.TheOffice().Key.PublicKey),
		"the S is kept as APO signed it")
}

func TestGuide_FEndsTheCancelWithItsCode(t *testing.T) {
	x := tilltest.NewTill(t, memory.New())
	x.Place(order.CaptureManual)
	x.Paid()
	x.Bank.Next(tilltest.SaysF("INVALID_CONTRACT"))
	c := order.Cancel{CommandID: "c-1", Actor: "ada"}

	result, err := x.Orders.Cancel(x.Ctx, tilltest.TheOrder, c)
	var failed *order.FailedError
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, "INVALID_CONTRACT", failed.Code)
	assert.Equal(t, order.Authorized, result.Order.Status)

	_, err = x.Orders.Cancel(x.Ctx, tilltest.TheOrder, c)
	require.ErrorIs(t, err, order.ErrFailed, "the same command tells its recorded failure again")
	assert.Equal(t, 1, x.Bank.Wired())
	require.NoError(t, x.Lawful())
}

func TestGuide_PartialCancelDoesNotExist(t *testing.T) {
	x := tilltest.NewTill(t, memory.New())
	x.Captured(tilltest.ThePart) // some is captured, some only authorized
	_, err := x.Cancel()
	tilltest.Rejected(t, err, order.ReasonCaptured)
}

// refuseCancel asserts that a cancel is refused without a call and without a record.
func refuseCancel(t *testing.T, x *tilltest.Till, why order.Reason) *order.RejectedError {
	t.Helper()
	calls, version := x.Bank.Touched(), x.Get().Version
	_, err := x.Cancel()
	r := tilltest.Rejected(t, err, why)
	assert.Equal(t, calls, x.Bank.Touched(), "nothing reached APO")
	assert.Equal(t, version, x.Get().Version, "nothing was appended")
	require.NoError(t, x.Lawful())
	return r
}

func TestGuide_CancelAfterCaptureIsRefusedBeforeAPOIsCalled(t *testing.T) {
	tilltest.Stores(t, func(t *testing.T, log store.Log) {
		x := tilltest.NewTill(t, log)
		x.Captured(tilltest.TheAmount)
		r := refuseCancel(t, x, order.ReasonCaptured)
		assert.Equal(t, "order o-1: cancel rejected: captured 2026-11-23 by capture cap-1; refund instead", r.Error())

		x.Refunded(tilltest.ThePart) // the remedy works
		assert.Equal(t, tilltest.ThePart, x.Get().Refunded)
	})
}

func TestGuide_CancelDuringOurCaptureIsRefusedBeforeAPOIsCalled(t *testing.T) {
	x := tilltest.NewTill(t, memory.New())
	x.Place(order.CaptureManual)
	x.Paid()
	x.Bank.Next(tilltest.SaysU)
	_, err := x.Capture(tilltest.TheAmount)
	require.ErrorIs(t, err, tilltape.ErrUnresolved)
	refuseCancel(t, x, order.ReasonCapturing)
}

func TestGuide_CancelDuringAutomaticCaptureIsRefusedBeforeAPOIsCalled(t *testing.T) {
	x := tilltest.NewTill(t, memory.New())
	x.Place(order.CaptureAutomatic)
	x.Paid()
	require.Equal(t, order.GatewayOutstanding, x.Get().Gateway)
	refuseCancel(t, x, order.ReasonGatewayCapture)

	x.Observe(tilltest.CaptureNotice(tilltest.Notice{Payment: tilltest.ThePayment, Transfer: "cap-9",
		Minor: tilltest.TheAmount, At: x.Clock.Now()}))
	refuseCancel(t, x, order.ReasonCaptured)
}

func TestGuide_CancelAfterPartialRefundIsRefusedBeforeAPOIsCalled(t *testing.T) {
	x := tilltest.NewTill(t, memory.New())
	x.Captured(tilltest.TheAmount)
	x.Refunded(tilltest.ThePart)
	require.True(t, x.Get().PartiallyRefunded())
	r := refuseCancel(t, x, order.ReasonRefunded)
	assert.Contains(t, r.Remedy, "refund")
}

func TestGuide_CancelAfterFullRefundIsRefusedBeforeAPOIsCalled(t *testing.T) {
	x := tilltest.NewTill(t, memory.New())
	x.Place(order.CaptureNone)
	x.Paid()
	x.Refunded(tilltest.TheAmount)
	r := refuseCancel(t, x, order.ReasonRefunded)
	assert.NotContains(t, r.Remedy, "refund", "nothing is left to refund")
}

func TestGuide_ProcessFailMeansOurPictureWasWrongAndAnInquiryDecides(t *testing.T) {
	x := tilltest.NewTill(t, memory.New())
	x.Place(order.CaptureManual)
	x.Paid()
	a := x.Bank.Find(tilltest.TheRequest)
	a.Captures = append(a.Captures,
		tilltest.Move{ID: "cap-dashboard", Request: "dash-1", Minor: tilltest.TheAmount, State: apo.StateSuccess})

	result, err := x.Cancel()
	var failed *order.FailedError
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, order.CodeCaptured, failed.Code)
	assert.Equal(t, order.Captured, result.Order.Status, "the inquiry taught us the capture")
	assert.Equal(t, []apo.Op{apo.OpCancel, apo.OpInquirePayment}, ops(x.Bank.Seen()))
	require.NoError(t, x.Lawful())
}

func TestGuide_LatePaymentNotificationLeavesTheOrderCancelled(t *testing.T) {
	tilltest.Stores(t, func(t *testing.T, log store.Log) {
		x := tilltest.NewTill(t, log)
		x.Place(order.CaptureNone)
		x.Bank.BuyerPays(tilltest.TheRequest, tilltest.TheAmount, false)
		_, err := x.Cancel()
		require.NoError(t, err)

		late := tilltest.PaymentNotice(tilltest.Notice{Payment: tilltest.ThePayment, PaymentRequest: tilltest.TheRequest,
			Minor: tilltest.TheAmount, At: x.Clock.Now()})
		o := x.Observe(late)
		assert.Equal(t, order.Cancelled, o.Status)
		assert.Equal(t, order.Late{Authorized: tilltest.TheAmount, Captured: tilltest.TheAmount}, o.Late,
			"the money is not silent")
		assert.Equal(t, []events.AnomalyReason{events.LatePayment}, tilltest.Anomalies(o))
		assert.Zero(t, o.Captured, "the order's own amounts stay")

		again := x.Observe(late)
		assert.Equal(t, o.Version, again.Version, "a redelivery appends nothing")
		require.NoError(t, x.Lawful())
	})
}

// APO sends no notification for a cancel, so its answer or an inquiry is all there is: a lost one is inquired about.
func TestGuide_NoNotificationComesForACancelSoWeAsk(t *testing.T) {
	x := tilltest.NewTill(t, memory.New())
	x.Place(order.CaptureManual)
	x.Paid()
	x.Bank.Next(tilltest.LostAfter, tilltest.LostBefore, tilltest.LostBefore)
	_, err := x.Cancel()
	require.ErrorIs(t, err, tilltape.ErrUnresolved)
	o := x.Exhaust(24 * time.Hour)
	assert.Equal(t, order.Cancelled, o.Status)
	seen := ops(x.Bank.Seen())
	assert.Equal(t, []apo.Op{apo.OpCancel, apo.OpCancel, apo.OpInquirePayment}, seen, "the third time we inquire")
	assert.Equal(t, 1, x.Bank.Accounts[0].Cancels)
}

func TestGuide_TheWindowIsTheAcquirers(t *testing.T) {
	tests := []struct {
		method   string
		mode     events.CaptureMode
		after    time.Duration
		want     order.Reason
		acquirer string
	}{
		{"CARD", order.CaptureManual, 7 * 24 * time.Hour, order.ReasonNone, window.AcquirerAntom},
		{"CARD", order.CaptureManual, 7*24*time.Hour + time.Second, order.ReasonWindow, window.AcquirerAntom},
		{"JKOPAY", order.CaptureNone, 0, order.ReasonNeverCancels, window.AcquirerAntom},
		{"BANKAPP_BANGKOKBANK", order.CaptureNone, time.Second, order.ReasonWindow, window.AcquirerAntom},
		{"ALIPAY_CN", order.CaptureNone, time.Hour, order.ReasonNone, window.AcquirerAntom},
		{"ALIPAY_CN", order.CaptureNone, 24 * time.Hour, order.ReasonWindow, window.AcquirerAntom},
		{"ALIPAY_CN", order.CaptureNone, 1000 * time.Hour, order.ReasonNone, "somebody else: APO decides"},
	}
	for _, tt := range tests {
		t.Run(tt.method+" after "+tt.after.String()+" at "+tt.acquirer[:5], func(t *testing.T) {
			x := tilltest.NewTill(t, memory.New())
			x.Config.Policy.Windows = window.Antom()
			x.Open(x.Bank)
			c := tilltest.Placing(tt.mode)
			c.Method, c.Acquirer = tt.method, tt.acquirer
			_, err := x.Orders.Create(x.Ctx, c)
			require.NoError(t, err)
			x.Paid()
			x.Clock.Pass(tt.after)
			if tt.want != order.ReasonNone {
				refuseCancel(t, x, tt.want)
				return
			}
			result, err := x.Cancel()
			require.NoError(t, err)
			assert.Equal(t, order.Cancelled, result.Order.Status)
		})
	}
}

// APO signed a capture that the order's amounts cannot have. Whatever it is, a cancel beside it is what the guide
// forbids, before and after a person has looked. APO is asked at once, and the order is free once an inquiry says that
// the capture failed; a message alone may be older than the one that said it was done.
func TestGuide_NeverBesideACaptureThatNobodyUnderstands(t *testing.T) {
	tilltest.Stores(t, func(t *testing.T, log store.Log) {
		x := tilltest.NewTill(t, log)
		x.Place(order.CaptureManual)
		x.Paid()
		n := tilltest.Notice{Payment: tilltest.ThePayment, Transfer: "cap-9", Minor: tilltest.TheAmount + 200,
			At: tilltest.Dawn()}
		o := x.Observe(tilltest.CaptureNotice(n))
		refused := func() {
			t.Helper()
			calls := x.Bank.Wired()
			_, err := x.Cancel()
			rejected, ok := errors.AsType[*order.RejectedError](err)
			require.True(t, ok, "%v", err)
			assert.Equal(t, order.ReasonUnaccounted, rejected.Reason)
			assert.Equal(t, calls, x.Bank.Wired(), "nothing is sent")
		}
		refused()
		_, err := x.Orders.ClearAnomaly(x.Ctx, o.ID, order.ClearAnomaly{Anomaly: o.Anomalies[0].Version, Reason: "seen"})
		require.NoError(t, err)
		refused()
		x.Settle(0)
		assert.Equal(t, []apo.Op{apo.OpInquirePayment}, ops(x.Bank.Seen()))
		refused()

		n.Code = "RISK_REJECT"
		x.Observe(tilltest.CaptureNotice(n))
		refused()
		x.Bank.Accounts[0].Captures = []tilltest.Move{{ID: "cap-9", Minor: n.Minor, State: apo.StateFail}}
		x.Settle(time.Minute)
		result, err := x.Cancel()
		require.NoError(t, err)
		assert.Equal(t, order.Cancelled, result.Order.Status)
		require.NoError(t, x.Lawful())
	})
}

func TestGuide_AfterRepeatedUAPersonIsToldWhatHappens(t *testing.T) {
	x := tilltest.NewTill(t, memory.New())
	x.Place(order.CaptureManual)
	x.Paid()
	x.Bank.Deaf = true
	x.Bank.Next(tilltest.SaysU, tilltest.SaysU, tilltest.SaysU, tilltest.SaysU)
	_, err := x.Cancel()
	require.ErrorIs(t, err, tilltape.ErrUnresolved)
	x.Settle(time.Second)
	x.Settle(time.Minute)
	o := x.Get()
	assert.Equal(t, order.Unresolved, o.Operation.Phase)
	assert.Equal(t, "cancelling", o.Words())
	assert.True(t, o.NextDue().After(x.Clock.Now()), "it is asked about again")
}

func ops(calls []tilltest.WireCall) []apo.Op {
	var out []apo.Op
	for _, c := range calls {
		out = append(out, c.Op)
	}
	return out
}
