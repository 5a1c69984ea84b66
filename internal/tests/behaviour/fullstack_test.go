package behaviour_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
)

// shop is the whole library: real HTTP, real signatures, a real file.
type shop struct {
	t        *testing.T
	ctx      context.Context
	server   *apotest.Server
	clock    *apotest.Clock
	client   *apo.Client
	verifier *apo.Verifier
	path     string
	log      *bolt.Log
	orders   *tilltape.Orders
	policy   order.Policy
}

func newShop(t *testing.T) *shop { return newShopOf(t, apo.DefaultCallTimeout) }

// newShopOf is a shop whose calls get so much time, in real time: what waits for none to end is not to depend on how
// busy the machine is.
func newShopOf(t *testing.T, callTimeout time.Duration) *shop {
	clock := apotest.NewClock(tilltest.Dawn())
	keys := tilltest.ServerKeys()
	server, err := apotest.NewServer(&apotest.Config{Merchant: keys[0], APO: keys[1], Now: clock.Now,
		ManualDelivery: true})
	require.NoError(t, err)
	s := &shop{t: t, ctx: t.Context(), server: server, clock: clock, path: filepath.Join(t.TempDir(), "orders.log")}
	s.client, err = apo.NewClient(server.URL(), server.ClientID(), server.Keys(),
		&apo.Config{CallTimeout: callTimeout})
	require.NoError(t, err)
	s.verifier, err = s.client.Verifier(nil)
	require.NoError(t, err)
	s.start()
	t.Cleanup(func() {
		s.stop()
		s.client.Close()
		require.NoError(t, server.Close())
	})
	return s
}

func (s *shop) start() {
	s.t.Helper()
	var err error
	s.log, err = bolt.Open(s.path, nil)
	require.NoError(s.t, err)
	s.orders, err = tilltape.New(s.log, s.client, &tilltape.Config{Now: s.clock.Now, Policy: s.policy})
	require.NoError(s.t, err)
}

func (s *shop) stop() {
	s.t.Helper()
	require.NoError(s.t, s.orders.Close())
	require.NoError(s.t, s.log.Close())
}

// restartAndSettle lets another process find what is owed, and ask once.
func (s *shop) restartAndSettle() {
	s.t.Helper()
	s.stop()
	s.start()
	s.clock.Advance(2 * time.Second)
	_, err := s.orders.SettleDue(s.ctx)
	require.NoError(s.t, err)
}

// sell places an order and registers its payment; the buyer has not paid yet.
func (s *shop) sell(id string, capture apotest.CaptureMode) {
	s.t.Helper()
	mode := order.CaptureManual
	if capture == apotest.Automatic {
		mode = order.CaptureAutomatic
	}
	_, err := s.server.Register(apotest.Payment{PaymentRequestID: "preq-" + id, PaymentID: "pay-" + id, Capture: capture,
		Amount: apotest.Amount{Currency: tilltest.TestCurrency, Minor: tilltest.TheAmount}})
	require.NoError(s.t, err)
	_, err = s.orders.Create(s.ctx, order.Create{OrderID: id, PaymentRequestID: "preq-" + id,
		Amount: tilltest.USD(tilltest.TheAmount), Method: apotest.MethodCard,
		CaptureMode: mode, PayBy: s.clock.Now().Add(14 * time.Minute)})
	require.NoError(s.t, err)
}

// hear takes what APO notifies; every message comes twice.
func (s *shop) hear() {
	s.t.Helper()
	for _, n := range s.server.TakeNotifications() {
		for range 2 {
			v, err := s.verifier.VerifyNotification(n.Method, n.Path, n.Header, n.Body)
			require.NoError(s.t, err)
			_, err = s.orders.Observe(s.ctx, v)
			require.NoError(s.t, err)
		}
	}
}

func (s *shop) buy(id string) {
	s.t.Helper()
	require.NoError(s.t, s.server.Submit("preq-"+id))
	s.hear()
}

func (s *shop) order(id string) order.Order {
	s.t.Helper()
	o, err := s.orders.Get(s.ctx, id)
	require.NoError(s.t, err)
	return o
}

// settle passes time until nothing is owed within two days.
func (s *shop) settle() {
	s.t.Helper()
	for range 40 {
		s.clock.Advance(time.Hour)
		s.hear()
		_, err := s.orders.SettleDue(s.ctx)
		require.NoError(s.t, err)
	}
}

// agrees holds the log against APO's ledger, and judges all of it.
func (s *shop) agrees() {
	s.t.Helper()
	p, err := audit.Replay(s.ctx, s.log, nil)
	require.NoError(s.t, err)
	for o := range p.Orders() {
		totals := s.server.Totals(o.PaymentRequestID)
		assert.Equal(s.t, totals.Paid+totals.Captured, o.Captured+o.Late.Captured, o.ID)
		assert.Equal(s.t, totals.Refunded, o.Refunded+o.Late.Refunded, o.ID)
		assert.Equal(s.t, s.order(o.ID), o)
	}
	for r, err := range s.log.All(s.ctx, store.Start()) {
		require.NoError(s.t, err)
		if proof := events.PartsOf(r.Event).Proof; proof.Evidence != nil {
			require.NoError(s.t, apo.Evidence(*proof.Evidence).Verify(s.server.PublicKey()), "position %d: APO's signature",
				r.Position)
		}
	}
}

// As many characters as APO takes, of whatever language, go all the way: into a record, and to APO.
func TestFullStack_ARefundsReasonIsCountedInCharacters(t *testing.T) {
	s := newShop(t)
	for _, char := range []string{"x", "退", "𝄞"} {
		id := "o-" + char
		s.sell(id, apotest.Manual)
		s.buy(id)
		_, err := s.orders.Capture(s.ctx, id, order.Capture{Amount: tilltest.USD(tilltest.TheAmount)})
		require.NoError(t, err)
		reason := strings.Repeat(char, order.RefundReasonMax)
		_, err = s.orders.Refund(s.ctx, id, order.Refund{Amount: tilltest.USD(tilltest.ThePart), Reason: reason + char})
		require.ErrorIs(t, err, order.ErrInvalid)
		accepted, err := s.orders.Refund(s.ctx, id, order.Refund{Amount: tilltest.USD(tilltest.ThePart), Reason: reason})
		require.NoError(t, err)
		assert.Equal(t, tilltape.Accepted, accepted.Outcome)
		s.hear()
		assert.Equal(t, order.Refunded, s.order(id).Status)
	}
	s.agrees()
}

func TestFullStack_ADayAtTheTill(t *testing.T) {
	s := newShop(t)
	s.sell("o-1", apotest.Manual)
	s.buy("o-1")
	_, err := s.orders.Capture(s.ctx, "o-1", order.Capture{Amount: tilltest.USD(tilltest.TheAmount)})
	require.NoError(t, err)
	calls := s.server.Count()
	_, err = s.orders.Cancel(s.ctx, "o-1", order.Cancel{})
	tilltest.Rejected(t, err, order.ReasonCaptured)
	assert.Equal(t, calls, s.server.Count(), "APO was never called")
	accepted, err := s.orders.Refund(s.ctx, "o-1", order.Refund{Amount: tilltest.USD(tilltest.ThePart), Reason: "broken"})
	require.NoError(t, err)
	assert.Equal(t, tilltape.Accepted, accepted.Outcome)
	s.hear()
	assert.Equal(t, order.Refunded, s.order("o-1").Status)

	s.sell("o-2", apotest.Manual)
	_, err = s.orders.Cancel(s.ctx, "o-2", order.Cancel{})
	require.NoError(t, err, "by paymentRequestId, before the buyer pays")
	require.NoError(t, s.server.PayLate("preq-o-2"))
	s.hear()
	o := s.order("o-2")
	assert.Equal(t, order.Cancelled, o.Status, "a late payment leaves it cancelled")
	assert.Equal(t, []events.AnomalyReason{events.LatePayment}, tilltest.Anomalies(o))

	s.sell("o-3", apotest.Automatic)
	s.buy("o-3")
	_, err = s.orders.Cancel(s.ctx, "o-3", order.Cancel{})
	tilltest.Rejected(t, err, order.ReasonGatewayCapture)
	require.NoError(t, s.server.FinishCapture("preq-o-3", true))
	s.hear()
	assert.Equal(t, order.Captured, s.order("o-3").Status)
	s.agrees()
}

func TestFullStack_EveryFaultOfACancelEndsWithOneCancellation(t *testing.T) {
	faults := map[string][]apotest.Fault{
		"U, then S":               {{Op: "cancel", From: 1, Do: apotest.Undecided}},
		"cut before the work":     {{Op: "cancel", From: 1, Do: apotest.Cut}},
		"cut after the work":      {{Op: "cancel", From: 1, Do: apotest.Cut, After: true}},
		"timeout before the work": {{Op: "cancel", From: 1, Do: apotest.Timeout}},
		"timeout after the work":  {{Op: "cancel", From: 1, Do: apotest.Timeout, After: true}},
		"5xx after the work":      {{Op: "cancel", From: 1, Do: apotest.HTTPError, HTTPStatus: 502, After: true}},
		"unsigned answer":         {{Op: "cancel", From: 1, Do: apotest.Unsigned}},
		"wrong signature":         {{Op: "cancel", From: 1, Do: apotest.BadSignature}},
		"truncated body":          {{Op: "cancel", From: 1, Do: apotest.Truncated}},
		"body too large":          {{Op: "cancel", From: 1, Do: apotest.Oversized}},
		"not JSON":                {{Op: "cancel", From: 1, Do: apotest.NotJSON}},
	}
	for name, fs := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShopOf(t, time.Second)
			s.sell("o-1", apotest.Manual)
			s.buy("o-1")
			require.NoError(t, s.server.Script(fs...))
			_, err := s.orders.Cancel(s.ctx, "o-1", order.Cancel{CommandID: tilltest.CommandID})
			require.ErrorIs(t, err, tilltape.ErrUnresolved, "what is not proven is unknown")
			assert.NotEqual(t, order.Cancelled, s.order("o-1").Status)
			s.settle()
			assert.Equal(t, order.Cancelled, s.order("o-1").Status)
			voids := 0
			for _, e := range s.server.Ledger() {
				if e.Kind == apotest.Voided {
					voids++
				}
			}
			assert.Equal(t, 1, voids)
			s.agrees()
		})
	}
}

func TestFullStack_ARestartAfterACrashRefundsOnce(t *testing.T) {
	s := newShop(t)
	s.sell("o-1", apotest.Manual)
	s.buy("o-1")
	_, err := s.orders.Capture(s.ctx, "o-1", order.Capture{Amount: tilltest.USD(tilltest.TheAmount)})
	require.NoError(t, err)
	require.NoError(t, s.server.Script(apotest.Fault{Op: "refund", From: 1, Do: apotest.Cut, After: true}))
	_, err = s.orders.Refund(s.ctx, "o-1", order.Refund{CommandID: tilltest.CommandID,
		Amount: tilltest.USD(tilltest.ThePart)})
	require.ErrorIs(t, err, tilltape.ErrUnresolved)
	s.stop()
	s.clock.Advance(25 * time.Hour)
	s.server.ForgetKeys() // a gateway that keeps its keys for a day: the same id would move money again
	s.server.TakeNotifications()
	s.start()
	s.settle()
	o := s.order("o-1")
	assert.Equal(t, tilltest.ThePart, o.Refunded)
	assert.Equal(t, order.OutcomeSucceeded, o.Command(tilltest.CommandID).Outcome)
	assert.Equal(t, 1, s.server.Count("refund"), "after a long silence APO is inquired of first")
	s.agrees()
}

func TestFullStack_ARefundInTheDashboardIsLearntByInquiry(t *testing.T) {
	s := newShop(t)
	s.sell("o-1", apotest.Automatic)
	s.buy("o-1")
	require.NoError(t, s.server.FinishCapture("preq-o-1", true))
	_, err := s.server.DashboardRefund("preq-o-1", tilltest.ThePart)
	require.NoError(t, err)
	s.server.TakeNotifications() // all of them lost
	s.clock.Advance(time.Hour)
	_, err = s.orders.SettleDue(s.ctx)
	require.NoError(t, err)
	o := s.order("o-1")
	assert.Equal(t, order.Refunded, o.Status)
	assert.Equal(t, tilltest.ThePart, o.Refunded)
	s.agrees()
}

func TestFullStack_AnUnpaidOrderEndsAsAPOSays(t *testing.T) {
	s := newShop(t)
	s.sell("o-1", apotest.Manual)
	s.clock.Advance(15 * time.Minute) // APO lets the payment expire
	s.server.TakeNotifications()
	s.settle()
	assert.Equal(t, order.Failed, s.order("o-1").Status)
	assert.True(t, s.order("o-1").NextDue().IsZero())
	s.agrees()
}
