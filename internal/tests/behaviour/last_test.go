package behaviour_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
)

// bodies are the bytes of every call of that operation, in order.
func (s *shop) bodies(op apotest.Op) (out []string) {
	for _, c := range s.server.Calls() {
		if c.Op == op {
			out = append(out, string(c.Body))
		}
	}
	return out
}

// A last capture whose answer is lost is asked for again by a process that starts later, byte for byte; APO lets go of
// the rest once, and the inquiry that tells of it leaves nothing for a person to look at.
func TestFullStack_ALastCaptureEndsWhatIsHeld(t *testing.T) {
	for name, after := range map[string]bool{"lost on the way there": false, "lost on the way back": true} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t)
			s.sell("o-1", apotest.Manual)
			s.buy("o-1")
			require.NoError(t, s.server.Script(apotest.Fault{Op: "capture", From: 1, Do: apotest.Cut, After: after}))
			_, err := s.orders.Capture(s.ctx, "o-1", order.Capture{CommandID: tilltest.CommandID,
				Amount: tilltest.USD(tilltest.ThePart), Last: true})
			require.ErrorIs(t, err, tilltape.ErrUnresolved)
			s.restartAndSettle()
			sent := s.bodies(apotest.OpCapture)
			require.Len(t, sent, 2)
			assert.Equal(t, sent[0], sent[1])
			assert.Contains(t, sent[0], `,"isLastCapture":true}`)
			s.reconciled("o-1")
			assert.Equal(t, tilltest.TheAmount-tilltest.ThePart, s.server.Totals("pay-o-1").Voided)
			assert.Zero(t, s.server.Totals("pay-o-1").Held())
			_, err = s.orders.Capture(s.ctx, "o-1", order.Capture{Amount: tilltest.USD(1)})
			tilltest.Rejected(t, err, order.ReasonLastCapture)
		})
	}
}

// The answer is never heard, and hours later an inquiry tells of the capture and of what was let go at once.
func TestFullStack_AnInquiryTellsOfALastCapture(t *testing.T) {
	s := newShop(t)
	s.sell("o-1", apotest.Manual)
	s.buy("o-1")
	require.NoError(t, s.server.Script(apotest.Fault{Op: "capture", From: 1, Do: apotest.Cut, After: true}))
	_, err := s.orders.Capture(s.ctx, "o-1", order.Capture{CommandID: tilltest.CommandID,
		Amount: tilltest.USD(tilltest.ThePart), Last: true})
	require.ErrorIs(t, err, tilltape.ErrUnresolved)
	s.server.TakeNotifications()
	s.clock.Advance(2 * time.Hour)
	_, err = s.orders.SettleDue(s.ctx)
	require.NoError(t, err)
	assert.Equal(t, 1, s.server.Count("capture"))
	assert.Equal(t, order.OutcomeSucceeded, s.order("o-1").Command(tilltest.CommandID).Outcome)
	s.reconciled("o-1")
}

// What is still held beside a captured part is given up by a last capture of zero, where the contract takes one: it is
// sent, answered, notified and told by an inquiry like any other, and a replay of the log finds APO's word beside it.
func TestFullStack_ALastCaptureOfZero(t *testing.T) {
	s := newShop(t)
	s.stop()
	s.policy.ZeroLastCaptures = []string{apotest.MethodCard}
	s.start()
	_, err := s.server.Register(apotest.Payment{PaymentRequestID: "preq-o-1", PaymentID: "pay-o-1",
		Capture: apotest.Manual, SingleCapture: true, ZeroCapture: true,
		Amount: apotest.Amount{Currency: tilltest.TestCurrency, Minor: tilltest.TheAmount}})
	require.NoError(t, err)
	_, err = s.orders.Create(s.ctx, order.Create{OrderID: "o-1", PaymentRequestID: "preq-o-1",
		Amount: tilltest.USD(tilltest.TheAmount), Method: apotest.MethodCard, CaptureMode: order.CaptureManual})
	require.NoError(t, err)
	s.buy("o-1")
	_, err = s.orders.Capture(s.ctx, "o-1", order.Capture{Amount: tilltest.USD(tilltest.ThePart)})
	require.NoError(t, err)
	require.NoError(t, s.server.Script(apotest.Fault{Op: "capture", From: 1, Do: apotest.Cut, After: true}))
	_, err = s.orders.Capture(s.ctx, "o-1", order.Capture{CommandID: tilltest.CommandID, Amount: tilltest.USD(0),
		Last: true})
	require.ErrorIs(t, err, tilltape.ErrUnresolved)
	s.clock.Advance(2 * time.Hour)
	_, err = s.orders.SettleDue(s.ctx)
	require.NoError(t, err)
	assert.Contains(t, s.bodies(apotest.OpCapture)[1],
		`"captureAmount":{"currency":"USD","value":"0"},"isLastCapture":true`)
	assert.Equal(t, order.OutcomeSucceeded, s.order("o-1").Command(tilltest.CommandID).Outcome)
	s.reconciled("o-1")
	s.hear()
	s.reconciled("o-1")
	assert.Zero(t, s.server.Totals("pay-o-1").Held())
}

// reconciled asks APO about an order that is captured in part: it knows nothing that the log does not.
func (s *shop) reconciled(id string) {
	s.t.Helper()
	_, err := s.orders.Reconcile(s.ctx, id)
	require.NoError(s.t, err)
	o := s.order(id)
	assert.Equal(s.t, order.Captured, o.Status)
	assert.Equal(s.t, tilltest.ThePart, o.Captured)
	assert.Zero(s.t, o.Capturable())
	assert.Empty(s.t, o.Anomalies)
	s.agrees()
}

// The merchant account of an order goes over the wire with every cancel and inquiry, and with nothing that has no place
// for it.
func TestFullStack_TheMerchantAccountIsSent(t *testing.T) {
	s := newShop(t)
	_, err := s.server.Register(apotest.Payment{PaymentRequestID: "preq-o-1", PaymentID: "pay-o-1",
		Capture: apotest.Manual, MerchantAccountID: "M1",
		Amount: apotest.Amount{Currency: tilltest.TestCurrency, Minor: tilltest.TheAmount}})
	require.NoError(t, err)
	_, err = s.orders.Create(s.ctx, order.Create{OrderID: "o-1", PaymentRequestID: "preq-o-1",
		Amount: tilltest.USD(tilltest.TheAmount), Method: apotest.MethodCard, CaptureMode: order.CaptureManual,
		MerchantAccountID: "M1"})
	require.NoError(t, err)
	s.buy("o-1")
	require.NoError(t, s.server.Script(apotest.Fault{Op: "cancel", From: 1, Do: apotest.Cut}))
	_, err = s.orders.Cancel(s.ctx, "o-1", order.Cancel{})
	require.ErrorIs(t, err, tilltape.ErrUnresolved)
	s.restartAndSettle()
	cancels := s.bodies(apotest.OpCancel)
	require.Len(t, cancels, 2)
	assert.Equal(t, `{"paymentId":"pay-o-1","merchantAccountId":"M1"}`, cancels[0])
	assert.Equal(t, cancels[0], cancels[1])

	_, err = s.orders.Reconcile(s.ctx, "o-1")
	require.NoError(t, err)
	assert.Equal(t, []string{cancels[0]}, s.bodies(apotest.OpInquirePayment))
	assert.Equal(t, order.Cancelled, s.order("o-1").Status)
	s.agrees()
}
