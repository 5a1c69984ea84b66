package behaviour_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/order/window"
)

// authorizing are methods that can be authorized: of APO's wallets and banks, and what carries a card.
var authorizing = []string{"PAYPAL", "PAY_BY_BANK", "APPLEPAY", apotest.MethodCard}

// pay places an order and makes the pay call for it, as a checkout does: who captures is said twice.
func (s *shop) pay(id, method string, mode events.CaptureMode) {
	s.t.Helper()
	placed, err := s.orders.Create(s.ctx, order.Create{OrderID: id, PaymentRequestID: "preq-" + id, Method: method,
		Amount: tilltest.USD(tilltest.TheAmount), CaptureMode: mode, Acquirer: window.AcquirerAntom,
		PayBy: s.clock.Now().Add(14 * time.Minute)})
	require.NoError(s.t, err)
	o := placed.Order
	capture := map[events.CaptureMode]apo.CaptureMode{order.CaptureAutomatic: apo.CaptureAutomatic,
		order.CaptureManual: apo.CaptureManual}[mode]
	answer := s.client.Pay(s.ctx, apo.PayRequest{PaymentRequestID: o.PaymentRequestID, Amount: o.Amount, Method: o.Method,
		Capture: capture, PayBy: o.PayBy})
	require.Equal(s.t, apo.Accepted, answer.Class, answer.Err)
	for _, fact := range answer.Facts {
		_, err := s.orders.Observe(s.ctx, fact)
		require.NoError(s.t, err)
	}
}

// buyUnheard lets the buyer pay; the notification is lost, and an inquiry tells.
func (s *shop) buyUnheard(id string) {
	s.t.Helper()
	require.NoError(s.t, s.server.Submit("preq-"+id))
	s.unheard(id)
}

// unheard loses what APO notifies, and asks.
func (s *shop) unheard(id string) {
	s.t.Helper()
	s.server.TakeNotifications()
	_, err := s.orders.Reconcile(s.ctx, id)
	require.NoError(s.t, err)
}

// learning is how a shop hears of a payment: by notifications, or by inquiries where all of them are lost.
var learning = map[string]struct{ buy, hear func(s *shop, id string) }{
	"notified": {(*shop).buy, func(s *shop, _ string) { s.hear() }},
	"inquired": {(*shop).buyUnheard, (*shop).unheard},
}

// stands requires the order's status and amounts, nothing for a person to look at, and APO's agreement.
func (s *shop) stands(id string, status order.Status, authorized, captured, refunded int64) {
	s.t.Helper()
	o := s.order(id)
	assert.Equal(s.t, status, o.Status)
	assert.Equal(s.t, [3]int64{authorized, captured, refunded}, [3]int64{o.Authorized, o.Captured, o.Refunded},
		"authorized, captured, refunded")
	assert.Empty(s.t, o.Anomalies)
	s.agrees()
}

// Captured in parts, refunded: whatever the method, and however the shop hears of it.
func TestFullStack_AnAuthorizedPaymentIsCapturedByUs(t *testing.T) {
	for how, learn := range learning {
		for _, method := range authorizing {
			t.Run(method+" "+how, func(t *testing.T) {
				const all, part = tilltest.TheAmount, tilltest.ThePart
				s := newShop(t)
				s.stop()
				s.policy.SeveralCaptures = []string{method}
				s.start()
				s.pay("o-1", method, order.CaptureManual)
				learn.buy(s, "o-1")
				s.stands("o-1", order.Authorized, all, 0, 0)
				o := s.order("o-1")
				assert.True(t, o.Expires.Equal(tilltest.Dawn().Add(7*24*time.Hour)), o.Expires)
				_, err := s.orders.Refund(s.ctx, "o-1", order.Refund{Amount: tilltest.USD(1)})
				require.ErrorIs(t, err, order.ErrRejected, "nothing is captured")

				_, err = s.orders.Capture(s.ctx, "o-1", order.Capture{Amount: tilltest.USD(part)})
				require.NoError(t, err)
				learn.hear(s, "o-1")
				s.stands("o-1", order.Captured, all, part, 0)
				calls := s.server.Count()
				_, err = s.orders.Cancel(s.ctx, "o-1", order.Cancel{})
				tilltest.Rejected(t, err, order.ReasonCaptured)
				assert.Equal(t, calls, s.server.Count(), "APO was never called")

				_, err = s.orders.Capture(s.ctx, "o-1", order.Capture{Amount: tilltest.USD(1), Last: true})
				require.NoError(t, err)
				learn.hear(s, "o-1")
				s.stands("o-1", order.Captured, all, part+1, 0)
				assert.Equal(t, all-part-1, s.server.Totals("preq-o-1").Voided)
				_, err = s.orders.Refund(s.ctx, "o-1", order.Refund{Amount: tilltest.USD(part + 2)})
				require.ErrorIs(t, err, order.ErrRejected, "no more than was captured")
				_, err = s.orders.Refund(s.ctx, "o-1", order.Refund{Amount: tilltest.USD(part + 1)})
				require.NoError(t, err)
				learn.hear(s, "o-1")
				s.stands("o-1", order.Refunded, all, part+1, part+1)
			})
		}
	}
}

// How many captures a payment takes is its method's contract, which the policy has, and no matter of cards.
func TestFullStack_ASecondCaptureGoesByThePolicyOfTheMethod(t *testing.T) {
	s := newShop(t)
	s.stop()
	s.policy.SeveralCaptures = []string{apotest.MethodCard}
	s.start()
	s.pay("o-1", "PAYPAL", order.CaptureManual)
	s.buy("o-1")
	_, err := s.orders.Capture(s.ctx, "o-1", order.Capture{Amount: tilltest.USD(tilltest.ThePart)})
	require.NoError(t, err)
	_, err = s.orders.Capture(s.ctx, "o-1", order.Capture{Amount: tilltest.USD(1)})
	tilltest.Rejected(t, err, order.ReasonSingleCapture)
}

// While it is only authorized it can be cancelled, within the window of its method.
func TestFullStack_AnAuthorizedPaymentIsCancelled(t *testing.T) {
	nextDay := tilltest.Dawn().Truncate(24 * time.Hour).Add(16*time.Hour + 15*time.Minute) // 00:15 at UTC+8
	for how, learn := range learning {
		for _, method := range authorizing {
			t.Run(method+" "+how, func(t *testing.T) {
				s := newShop(t)
				s.stop()
				s.policy.Windows = window.Antom()
				s.start()
				for _, id := range []string{"o-1", "o-2"} {
					s.pay(id, method, order.CaptureManual)
					learn.buy(s, id)
				}
				s.clock.Advance(nextDay.Sub(s.clock.Now()))
				_, err := s.orders.Cancel(s.ctx, "o-1", order.Cancel{})
				require.NoError(t, err)
				s.unheard("o-1")
				s.stands("o-1", order.Cancelled, tilltest.TheAmount, 0, 0)
				assert.Equal(t, int64(tilltest.TheAmount), s.server.Totals("preq-o-1").Voided)

				s.clock.Advance(time.Second)
				switch _, err = s.orders.Cancel(s.ctx, "o-2", order.Cancel{}); method {
				case apotest.MethodCard:
					require.NoError(t, err, "seven days")
				case "APPLEPAY":
					require.ErrorIs(t, err, order.ErrFailed, "no window is documented for it: APO decides")
				default:
					tilltest.Rejected(t, err, order.ReasonWindow)
				}
			})
		}
	}
}

// APO captures by itself: until it has, neither a cancel nor a capture goes out.
func TestFullStack_AnAuthorizedPaymentIsCapturedByAPO(t *testing.T) {
	for how, learn := range learning {
		for _, method := range authorizing {
			t.Run(method+" "+how, func(t *testing.T) {
				const all, part = tilltest.TheAmount, tilltest.ThePart
				s := newShop(t)
				s.pay("o-1", method, order.CaptureAutomatic)
				learn.buy(s, "o-1")
				s.stands("o-1", order.Authorized, all, 0, 0)
				_, err := s.orders.Cancel(s.ctx, "o-1", order.Cancel{})
				tilltest.Rejected(t, err, order.ReasonGatewayCapture)
				_, err = s.orders.Capture(s.ctx, "o-1", order.Capture{Amount: tilltest.USD(all)})
				tilltest.Rejected(t, err, order.ReasonGatewayCapture)
				require.NoError(t, s.server.FinishCapture("preq-o-1", true))
				learn.hear(s, "o-1")
				s.stands("o-1", order.Captured, all, all, 0)
				_, err = s.orders.Refund(s.ctx, "o-1", order.Refund{Amount: tilltest.USD(part)})
				require.NoError(t, err)
				learn.hear(s, "o-1")
				s.stands("o-1", order.Refunded, all, all, part)
			})
		}
	}
}

// The same methods without a capture mode are paid in one step; there is nothing to capture.
func TestFullStack_APaymentInOneStep(t *testing.T) {
	for how, learn := range learning {
		t.Run(how, func(t *testing.T) {
			const all, part = tilltest.TheAmount, tilltest.ThePart
			s := newShop(t)
			s.pay("o-1", "PAYPAL", order.CaptureNone)
			learn.buy(s, "o-1")
			s.stands("o-1", order.Paid, all, all, 0)
			assert.Equal(t, int64(all), s.server.Totals("preq-o-1").Paid)
			_, err := s.orders.Capture(s.ctx, "o-1", order.Capture{Amount: tilltest.USD(all)})
			tilltest.Rejected(t, err, order.ReasonOneStep)
			_, err = s.orders.Refund(s.ctx, "o-1", order.Refund{Amount: tilltest.USD(part)})
			require.NoError(t, err)
			learn.hear(s, "o-1")
			s.stands("o-1", order.Refunded, all, all, part)
		})
	}
}
