package tilltape_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/order/window"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

// The rules of APO's guide to cancelling, each from the command to the log.

func TestGuide_CancelBeforePaymentGoesByPaymentRequestId(t *testing.T) {
	stores(t, func(t *testing.T, log store.Log) {
		x := newTill(t, log)
		x.place(order.CaptureManual)
		x.bank.buyerPays(theRequest, theAmount, true) // at APO, while we have not heard of it

		o, err := x.cancel()
		require.NoError(t, err)
		assert.Equal(t, order.Cancelled, o.Status)
		assert.Equal(t, events.CauseRequested, o.CancelCause)
		assert.Equal(t, []wireCall{{Op: apo.OpCancel, Payment: theRequest}}, x.bank.seen())
		assert.Equal(t, thePayment, o.PaymentID, "the answer tells the paymentId")
		require.NoError(t, x.lawful())
	})
}

func TestGuide_CancelGoesByPaymentIdOnceItIsKnown(t *testing.T) {
	stores(t, func(t *testing.T, log store.Log) {
		x := newTill(t, log)
		x.place(order.CaptureManual)
		x.paid()

		o, err := x.cancel()
		require.NoError(t, err)
		assert.Equal(t, order.Cancelled, o.Status)
		assert.Equal(t, []wireCall{{Op: apo.OpCancel, Payment: thePayment}}, x.bank.seen())
	})
}

// identifiers keeps how each cancel named its payment.
type identifiers struct {
	*bank
	cancels []apo.CancelRequest
}

func (g *identifiers) Cancel(ctx context.Context, r apo.CancelRequest) apo.CancelAnswer {
	g.cancels = append(g.cancels, r)
	return g.bank.Cancel(ctx, r)
}

func TestGuide_ExactlyOneIdentifierIsSent(t *testing.T) {
	for _, known := range []bool{false, true} {
		x := newTill(t, memory.New())
		g := &identifiers{bank: x.bank}
		x.open(g)
		x.place(order.CaptureManual)
		x.bank.buyerPays(theRequest, theAmount, true)
		if known {
			x.paid()
		}
		_, err := x.cancel()
		require.NoError(t, err)
		require.Len(t, g.cancels, 1)
		want := apo.CancelRequest{PaymentRequestID: theRequest}
		if known {
			want = apo.CancelRequest{PaymentID: thePayment}
		}
		assert.Equal(t, want, g.cancels[0])
	}
}

func TestGuide_UIsRetriedWithTheSameIdentifier(t *testing.T) {
	stores(t, func(t *testing.T, log store.Log) {
		x := newTill(t, log)
		x.place(order.CaptureManual)
		x.bank.buyerPays(theRequest, theAmount, true)
		x.bank.next(saysU)

		_, err := x.cancel()
		var unresolved *tilltape.UnresolvedError
		require.ErrorAs(t, err, &unresolved)
		assert.Equal(t, x.clock.now().Add(time.Second), unresolved.AskAgain)
		assert.Equal(t, uint64(1), unresolved.Attempts)

		// The paymentId becomes known meanwhile; the identifier in the intent stays.
		x.paid()
		x.settle(time.Second)
		o := x.get()
		assert.Equal(t, order.Cancelled, o.Status)
		call := wireCall{Op: apo.OpCancel, Payment: theRequest}
		assert.Equal(t, []wireCall{call, call}, x.bank.seen())
		require.NoError(t, x.lawful())
	})
}

func TestGuide_NoAnswerIsRetriedWithTheSameIdentifier(t *testing.T) {
	for name, f := range map[string]fault{"not done": lostBefore, "done": lostAfter} {
		t.Run(name, func(t *testing.T) {
			x := newTill(t, memory.New())
			x.place(order.CaptureManual)
			x.paid()
			x.bank.next(f)

			_, err := x.cancel()
			require.ErrorIs(t, err, tilltape.ErrUnresolved)
			o := x.exhaust(time.Hour)
			assert.Equal(t, order.Cancelled, o.Status)
			assert.Equal(t, 1, x.bank.accounts[0].cancels, "cancelled once at APO")
			for _, c := range x.bank.seen() {
				assert.Equal(t, thePayment, c.Payment)
			}
			require.NoError(t, x.lawful())
		})
	}
}

func TestGuide_SCancelsTheOrder(t *testing.T) {
	x := newTill(t, memory.New())
	x.place(order.CaptureNone)
	x.paid()
	o, err := x.cancel()
	require.NoError(t, err)
	assert.Equal(t, order.Cancelled, o.Status)
	last := x.history()[o.Version-1].Event.(events.CancelSucceeded)
	require.NotNil(t, last.Proof.Evidence)
	assert.NoError(t, apo.Evidence(*last.Proof.Evidence).Verify(&theOffice().key.PublicKey), "the S is kept as APO signed it")
}

func TestGuide_FEndsTheCancelWithItsCode(t *testing.T) {
	x := newTill(t, memory.New())
	x.place(order.CaptureManual)
	x.paid()
	x.bank.next(saysF("INVALID_CONTRACT"))
	c := order.Cancel{ID: "c-1", Actor: "ada"}

	o, err := x.orders.Cancel(x.ctx, theOrder, c)
	var failed *order.FailedError
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, "INVALID_CONTRACT", failed.Code)
	assert.Equal(t, order.Authorized, o.Status)

	_, err = x.orders.Cancel(x.ctx, theOrder, c)
	require.ErrorIs(t, err, order.ErrFailed, "the same command tells its recorded failure again")
	assert.Equal(t, 1, x.bank.wired())
	require.NoError(t, x.lawful())
}

func TestGuide_PartialCancelDoesNotExist(t *testing.T) {
	x := newTill(t, memory.New())
	x.captured(thePart) // some is captured, some only authorized
	_, err := x.cancel()
	refused(t, err, order.ReasonCaptured)
}

// refuseCancel asserts that a cancel is refused without a call and without a record.
func refuseCancel(t *testing.T, x *till, why order.Reason) *order.RejectedError {
	t.Helper()
	calls, version := x.bank.touched(), x.get().Version
	_, err := x.cancel()
	r := refused(t, err, why)
	assert.Equal(t, calls, x.bank.touched(), "nothing reached APO")
	assert.Equal(t, version, x.get().Version, "nothing was appended")
	require.NoError(t, x.lawful())
	return r
}

func TestGuide_CancelAfterCaptureIsRefusedBeforeAPOIsCalled(t *testing.T) {
	stores(t, func(t *testing.T, log store.Log) {
		x := newTill(t, log)
		x.captured(theAmount)
		r := refuseCancel(t, x, order.ReasonCaptured)
		assert.Equal(t, "order o-1: cancel rejected: captured 2026-11-23 by capture cap-1; refund instead", r.Error())

		x.refunded(thePart) // the remedy works
		assert.Equal(t, thePart, x.get().Refunded)
	})
}

func TestGuide_CancelDuringOurCaptureIsRefusedBeforeAPOIsCalled(t *testing.T) {
	x := newTill(t, memory.New())
	x.place(order.CaptureManual)
	x.paid()
	x.bank.next(saysU)
	_, err := x.capture(theAmount)
	require.ErrorIs(t, err, tilltape.ErrUnresolved)
	refuseCancel(t, x, order.ReasonCapturing)
}

func TestGuide_CancelDuringAutomaticCaptureIsRefusedBeforeAPOIsCalled(t *testing.T) {
	x := newTill(t, memory.New())
	x.place(order.CaptureAutomatic)
	x.paid()
	require.Equal(t, order.GatewayOutstanding, x.get().Gateway)
	refuseCancel(t, x, order.ReasonGatewayCapture)

	x.observe(captureNotice(notice{Payment: thePayment, Transfer: "cap-9", Minor: theAmount, At: x.clock.now()}))
	refuseCancel(t, x, order.ReasonCaptured)
}

func TestGuide_CancelAfterPartialRefundIsRefusedBeforeAPOIsCalled(t *testing.T) {
	x := newTill(t, memory.New())
	x.captured(theAmount)
	x.refunded(thePart)
	require.True(t, x.get().PartiallyRefunded())
	r := refuseCancel(t, x, order.ReasonRefunded)
	assert.Contains(t, r.Remedy, "refund")
}

func TestGuide_CancelAfterFullRefundIsRefusedBeforeAPOIsCalled(t *testing.T) {
	x := newTill(t, memory.New())
	x.place(order.CaptureNone)
	x.paid()
	x.refunded(theAmount)
	r := refuseCancel(t, x, order.ReasonRefunded)
	assert.NotContains(t, r.Remedy, "refund", "nothing is left to refund")
}

func TestGuide_ProcessFailMeansOurPictureWasWrongAndAnInquiryDecides(t *testing.T) {
	x := newTill(t, memory.New())
	x.place(order.CaptureManual)
	x.paid()
	a := x.bank.find(theRequest)
	a.captures = append(a.captures, move{id: "cap-dashboard", request: "dash-1", minor: theAmount, state: apo.StateSuccess})

	o, err := x.cancel()
	var failed *order.FailedError
	require.ErrorAs(t, err, &failed)
	assert.Equal(t, order.CodeCaptured, failed.Code)
	assert.Equal(t, order.Captured, o.Status, "the inquiry taught us the capture")
	assert.Equal(t, []apo.Op{apo.OpCancel, apo.OpInquirePayment}, ops(x.bank.seen()))
	require.NoError(t, x.lawful())
}

func TestGuide_LatePaymentNotificationLeavesTheOrderCancelled(t *testing.T) {
	stores(t, func(t *testing.T, log store.Log) {
		x := newTill(t, log)
		x.place(order.CaptureNone)
		x.bank.buyerPays(theRequest, theAmount, false)
		_, err := x.cancel()
		require.NoError(t, err)

		late := paymentNotice(notice{Payment: thePayment, PaymentRequest: theRequest, Minor: theAmount, At: x.clock.now()})
		o := x.observe(late)
		assert.Equal(t, order.Cancelled, o.Status)
		assert.Equal(t, order.Late{Authorized: theAmount, Captured: theAmount}, o.Late, "the money is not silent")
		assert.Equal(t, []events.AnomalyReason{events.LatePayment}, anomalies(o))
		assert.Zero(t, o.Captured, "the order's own amounts stay")

		again := x.observe(late)
		assert.Equal(t, o.Version, again.Version, "a redelivery appends nothing")
		require.NoError(t, x.lawful())
	})
}

// APO sends no notification for a cancel, so its answer or an inquiry is all there is: a lost one is inquired about.
func TestGuide_NoNotificationComesForACancelSoWeAsk(t *testing.T) {
	x := newTill(t, memory.New())
	x.place(order.CaptureManual)
	x.paid()
	x.bank.next(lostAfter, lostBefore, lostBefore)
	_, err := x.cancel()
	require.ErrorIs(t, err, tilltape.ErrUnresolved)
	o := x.exhaust(24 * time.Hour)
	assert.Equal(t, order.Cancelled, o.Status)
	seen := ops(x.bank.seen())
	assert.Equal(t, []apo.Op{apo.OpCancel, apo.OpCancel, apo.OpInquirePayment}, seen, "the third time we inquire")
	assert.Equal(t, 1, x.bank.accounts[0].cancels)
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
			x := newTill(t, memory.New())
			x.cfg.Policy.Windows = window.Antom()
			x.open(x.bank)
			c := placing(tt.mode)
			c.Method, c.Acquirer = tt.method, tt.acquirer
			_, err := x.orders.Create(x.ctx, c)
			require.NoError(t, err)
			x.paid()
			x.clock.pass(tt.after)
			if tt.want != order.ReasonNone {
				refuseCancel(t, x, tt.want)
				return
			}
			o, err := x.cancel()
			require.NoError(t, err)
			assert.Equal(t, order.Cancelled, o.Status)
		})
	}
}

func TestGuide_AfterRepeatedUAPersonIsToldWhatHappens(t *testing.T) {
	x := newTill(t, memory.New())
	x.place(order.CaptureManual)
	x.paid()
	x.bank.deaf = true
	x.bank.next(saysU, saysU, saysU, saysU)
	_, err := x.cancel()
	require.ErrorIs(t, err, tilltape.ErrUnresolved)
	x.settle(time.Second)
	x.settle(time.Minute)
	o := x.get()
	assert.Equal(t, order.Unresolved, o.Operation.Phase)
	assert.Equal(t, "cancelling", o.Words())
	assert.True(t, o.NextDue().After(x.clock.now()), "it is asked about again")
}

func ops(calls []wireCall) []apo.Op {
	var out []apo.Op
	for _, c := range calls {
		out = append(out, c.Op)
	}
	return out
}
