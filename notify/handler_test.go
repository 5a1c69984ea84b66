package notify_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
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
	"github.com/tilltape/tilltape/notify"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

func TestNotificationsCarryAnOrderThroughItsLife(t *testing.T) {
	tilltest.Stores(t, func(t *testing.T, log store.Log) {
		x := tilltest.NewEar(t, log, tilltest.EarConfig{})
		x.Sell("o-1")
		require.NoError(t, x.Server.Submit("preq-o-1"))
		require.True(t, x.Deliver(), "notifyPayment is acknowledged")
		assert.Equal(t, order.Authorized, x.Order("o-1").Status)

		_, err := x.Orders.Capture(x.Ctx, "o-1", order.Capture{Amount: tilltest.USD(tilltest.TheAmount)})
		require.NoError(t, err)
		require.True(t, x.Deliver())
		accepted, err := x.Orders.Refund(x.Ctx, "o-1", order.Refund{Amount: tilltest.USD(tilltest.ThePart)})
		require.NoError(t, err)
		assert.Equal(t, tilltape.Accepted, accepted.Outcome)
		require.True(t, x.Deliver(), "notifyRefund names no payment, and is found by its request")
		assert.Equal(t, order.Refunded, x.Order("o-1").Status)
		assert.Equal(t, tilltest.ThePart, x.Order("o-1").Refunded)

		x.Register("o-2", apotest.Automatic)
		x.Place("o-2", order.CaptureAutomatic)
		require.NoError(t, x.Server.Submit("preq-o-2"))
		require.True(t, x.Deliver())
		require.Equal(t, order.GatewayOutstanding, x.Order("o-2").Gateway)
		require.NoError(t, x.Server.FinishCapture("preq-o-2", true))
		require.True(t, x.Deliver(), "notifyCapture of a capture that is APO's own")
		assert.Equal(t, order.Captured, x.Order("o-2").Status)
		x.Agrees("o-1")
		x.Agrees("o-2")
		s := x.Handler.Stats()
		assert.Equal(t, s.Received, s.Acknowledged, "%+v", s)
	})
}

func TestDuplicateNotificationsAreAcknowledgedAndRecordedOnce(t *testing.T) {
	tilltest.Stores(t, func(t *testing.T, log store.Log) {
		x := tilltest.NewEar(t, log, tilltest.EarConfig{Script: []apotest.Fault{
			{Op: "notifyPayment", From: 1, Do: apotest.Duplicate, Times: 3}}})
		x.Sell("o-1")
		require.NoError(t, x.Server.Submit("preq-o-1"))
		require.True(t, x.Deliver())
		assert.EqualValues(t, 2, x.Order("o-1").Version)
		assert.Equal(t, notify.Stats{Received: 4, Acknowledged: 4, Duplicate: 3}, x.Handler.Stats())
	})
}

// Whatever comes first, the order ends the same.
func TestReorderedNotificationsEndTheSame(t *testing.T) {
	tilltest.Stores(t, func(t *testing.T, log store.Log) {
		x := tilltest.NewEar(t, log, tilltest.EarConfig{Script: []apotest.Fault{
			{Op: "notifyPayment", From: 1, Do: apotest.Reorder}}})
		x.Register("o-1", apotest.Automatic)
		x.Place("o-1", order.CaptureAutomatic)
		require.NoError(t, x.Server.Submit("preq-o-1"))
		require.NoError(t, x.Server.FinishCapture("preq-o-1", true))
		require.False(t, x.Deliver())
		first := x.Server.Notifications()[0]
		require.Equal(t, apotest.OpNotifyCapture, first.Op, "the capture is told of before its payment")
		assert.EqualValues(t, 1, x.Handler.Stats().UnknownOrder, "by a paymentId that nobody here has heard of yet")
		assert.Equal(t, order.GatewayOutstanding, x.Order("o-1").Gateway)
		x.Clock.Advance(2 * time.Minute)
		require.True(t, x.Deliver(), "it is told again")
		assert.Equal(t, order.Captured, x.Order("o-1").Status)
		assert.Empty(t, x.Order("o-1").Anomalies)
		x.Agrees("o-1")
	})
}

func TestALatePaymentIsAcknowledgedAndStandsOpen(t *testing.T) {
	tilltest.Stores(t, func(t *testing.T, log store.Log) {
		x := tilltest.NewEar(t, log, tilltest.EarConfig{})
		x.Sell("o-1")
		_, err := x.Orders.Cancel(x.Ctx, "o-1", order.Cancel{})
		require.NoError(t, err)
		require.NoError(t, x.Server.PayLate("preq-o-1"))
		require.True(t, x.Deliver())
		assert.Equal(t, order.Cancelled, x.Order("o-1").Status)
		assert.Equal(t, []string{"o-1"}, tilltest.IDsOf(t, x.Orders.Anomalies(x.Ctx)))
	})
}

func TestPendingIsNotSuccess(t *testing.T) {
	tilltest.Stores(t, func(t *testing.T, log store.Log) {
		x := tilltest.NewEar(t, log, tilltest.EarConfig{})
		x.Sell("o-1")
		require.NoError(t, x.Server.Pend("preq-o-1"))
		n := x.Newest()
		require.Equal(t, "PAYMENT_PENDING", n.Type)
		require.Contains(t, string(n.Body), `"S"`, "it says S all the same")
		require.True(t, x.Deliver())
		assert.Equal(t, order.Created, x.Order("o-1").Status)
		assert.Zero(t, x.Order("o-1").Authorized)
	})
}

// APO's word that a refund was cancelled ends it: no money went back, what was to go is free again, and the log that
// says so can be judged by the message beside it.
func TestACancelledRefundIsAFailedOne(t *testing.T) {
	tilltest.Stores(t, func(t *testing.T, log store.Log) {
		x := tilltest.NewEar(t, log, tilltest.EarConfig{Async: true})
		x.Sell("o-1")
		require.NoError(t, x.Server.Submit("preq-o-1"))
		require.True(t, x.Deliver())
		_, err := x.Orders.Capture(x.Ctx, "o-1", order.Capture{Amount: tilltest.USD(tilltest.TheAmount)})
		require.NoError(t, err)
		require.True(t, x.Deliver())
		accepted, err := x.Orders.Refund(x.Ctx, "o-1", order.Refund{CommandID: "r-1", Amount: tilltest.USD(tilltest.ThePart)})
		require.NoError(t, err)
		require.Equal(t, tilltape.Accepted, accepted.Outcome)

		body := `{"notifyType":"REFUND_RESULT","refundStatus":"CANCELLED","refundId":"K2","refundRequestId":"` +
			accepted.Order.Accepted[0].RequestID + `",` + resultS + `}`
		status, said := x.Send(signed(x, body), nil)
		assert.Equal(t, http.StatusOK, status)
		assert.Equal(t, apo.Acknowledgement, said)
		status, _ = x.Send(signed(x, body), nil)
		assert.Equal(t, http.StatusOK, status, "a duplicate")
		o := x.Order("o-1")
		assert.Equal(t, []any{order.Captured, order.Idle, int64(0)}, []any{o.Status, o.Operation.Phase, o.Refunded})
		assert.Empty(t, o.Anomalies)
		_, err = x.Orders.Refund(x.Ctx, "o-1", order.Refund{CommandID: "r-1", Amount: tilltest.USD(tilltest.ThePart)})
		failed, ok := errors.AsType[*order.FailedError](err)
		require.True(t, ok, "%v", err)
		assert.Empty(t, failed.Code)

		var kept []byte
		for r, err := range log.Read(x.Ctx, events.Stream{Category: events.CategoryOrder, ID: "o-1"}, 0) {
			require.NoError(t, err)
			if e, is := r.Event.(events.RefundFailed); is {
				kept = e.Proof.Evidence.Body
			}
		}
		assert.Equal(t, body, string(kept))
		_, err = audit.Replay(x.Ctx, log, nil)
		require.NoError(t, err, "the judge of a log reads the message alike")
	})
}

// It is not acknowledged, so that APO tells again; by then the order may have been placed.
func TestANotificationOfAnUnknownOrderIsCountedShownAndSentAgain(t *testing.T) {
	tilltest.Stores(t, func(t *testing.T, log store.Log) {
		x := tilltest.NewEar(t, log, tilltest.EarConfig{})
		x.Register("o-1", apotest.Manual)
		require.NoError(t, x.Server.Submit("preq-o-1"))
		require.False(t, x.Deliver())
		assert.Equal(t, notify.Stats{Received: 1, UnknownOrder: 1}, x.Handler.Stats())
		assert.Contains(t, x.Said.String(), "preq-o-1")
		assert.Contains(t, x.Said.String(), "level=WARN")
		status, _ := x.Send(x.Newest(), nil)
		assert.Equal(t, http.StatusNotFound, status)

		x.Place("o-1", order.CaptureManual)
		x.Clock.Advance(2 * time.Minute)
		require.True(t, x.Deliver())
		assert.Equal(t, order.Authorized, x.Order("o-1").Status)
	})
}

// A refund in the dashboard names ids that nobody here has seen, and no payment.
func TestARefundInTheDashboardIsNotAcknowledged(t *testing.T) {
	x := tilltest.NewEar(t, memory.New(), tilltest.EarConfig{})
	x.Sell("o-1")
	require.NoError(t, x.Server.Submit("preq-o-1"))
	require.True(t, x.Deliver())
	_, err := x.Orders.Capture(x.Ctx, "o-1", order.Capture{Amount: tilltest.USD(tilltest.TheAmount)})
	require.NoError(t, err)
	require.True(t, x.Deliver())
	_, err = x.Server.DashboardRefund("preq-o-1", tilltest.ThePart)
	require.NoError(t, err)
	require.False(t, x.Deliver())
	assert.EqualValues(t, 1, x.Handler.Stats().UnknownOrder)
	assert.Zero(t, x.Order("o-1").Refunded, "an inquiry will tell")
}

// hasty tells of the capture before it answers the call that made it.
type hasty struct {
	*apo.Client
	first func()
}

func (h hasty) Capture(ctx context.Context, r apo.CaptureRequest) apo.CaptureAnswer {
	a := h.Client.Capture(ctx, r)
	h.first()
	return a
}

func TestANotificationThatOvertakesTheAnswerIsTheSameFact(t *testing.T) {
	tilltest.Stores(t, func(t *testing.T, log store.Log) {
		var x *tilltest.Ear
		x = tilltest.NewEar(t, log, tilltest.EarConfig{Gateway: func(c *apo.Client) tilltape.Gateway {
			return hasty{c, func() { assert.True(t, x.Deliver()) }}
		}})
		x.Sell("o-1")
		require.NoError(t, x.Server.Submit("preq-o-1"))
		require.True(t, x.Deliver())
		result, err := x.Orders.Capture(x.Ctx, "o-1", order.Capture{Amount: tilltest.USD(tilltest.TheAmount)})
		require.NoError(t, err)
		assert.Equal(t, order.Captured, result.Order.Status)
		assert.Equal(t, tilltest.TheAmount, result.Order.Captured, "once")
		assert.Empty(t, result.Order.Anomalies)
		assert.Equal(t, order.Idle, result.Order.Operation.Phase)
		x.Agrees("o-1")
	})
}

// Fifty at once of the same message: one is recorded, all are acknowledged.
func TestTheSameNotificationFiftyTimesAtOnce(t *testing.T) {
	const times = 50
	tilltest.Stores(t, func(t *testing.T, log store.Log) {
		x := tilltest.NewEar(t, log, tilltest.EarConfig{})
		x.Sell("o-1")
		require.NoError(t, x.Server.Submit("preq-o-1"))
		n := x.Newest()
		var wg sync.WaitGroup
		for range times {
			wg.Go(func() {
				status, body := x.Send(n, nil)
				assert.Equal(t, http.StatusOK, status)
				assert.Equal(t, apo.Acknowledgement, body)
				_ = x.Handler.Stats()
			})
		}
		wg.Wait()
		assert.EqualValues(t, 2, x.Order("o-1").Version)
		s := x.Handler.Stats()
		assert.EqualValues(t, times, s.Received)
		assert.EqualValues(t, times, s.Acknowledged)
		assert.EqualValues(t, times-1, s.Duplicate, "one of them told something new")
	})
}

func TestTheSignedPathSurvivesPrefixesAndProxies(t *testing.T) {
	strip := func(h http.Handler) http.Handler { return http.StripPrefix("/apo", h) }
	x := tilltest.NewEar(t, memory.New(), tilltest.EarConfig{Front: strip})
	x.Sell("o-1")
	require.NoError(t, x.Server.Submit("preq-o-1"))
	assert.True(t, x.Deliver(), "what a mux strips was signed all the same")

	proxied := func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.RequestURI = "/internal" + r.RequestURI
			h.ServeHTTP(w, r)
		})
	}
	for signed, good := range map[string]bool{"": false, tilltest.EarPath: true, "/apo/notify": false} {
		x := tilltest.NewEar(t, memory.New(), tilltest.EarConfig{Front: proxied,
			Verifier: apo.VerifierConfig{SignedPath: signed}})
		x.Sell("o-1")
		require.NoError(t, x.Server.Submit("preq-o-1"))
		assert.Equal(t, good, x.Deliver(), "%q", signed)
	}

	// A request line with a whole URL, as a proxy may be sent one, signs what comes behind the host.
	x = tilltest.NewEar(t, memory.New(), tilltest.EarConfig{Front: func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.RequestURI = "http://shop.example" + r.RequestURI
			h.ServeHTTP(w, r)
		})
	}})
	x.Sell("o-1")
	require.NoError(t, x.Server.Submit("preq-o-1"))
	assert.True(t, x.Deliver())
}

func TestNewHandler_RefusesWhatItCannotServeWith(t *testing.T) {
	x := tilltest.NewEar(t, memory.New(), tilltest.EarConfig{})
	v, err := apo.NewVerifier("c-1", x.Server.Keys(), nil)
	require.NoError(t, err)
	for name, tt := range map[string]struct {
		orders   *tilltape.Orders
		verifier *apo.Verifier
		cfg      notify.Config
	}{
		"no orders":             {nil, v, notify.Config{}},
		"no verifier":           {x.Orders, nil, notify.Config{}},
		"negative concurrency":  {x.Orders, v, notify.Config{Concurrency: -1}},
		"negative read timeout": {x.Orders, v, notify.Config{ReadTimeout: -1}},
	} {
		h, err := notify.NewHandler(tt.orders, tt.verifier, &tt.cfg)
		require.ErrorIs(t, err, tilltape.ErrConfig, name)
		assert.Nil(t, h, name)
	}
	_, err = notify.NewHandler(x.Orders, v, nil)
	require.NoError(t, err, "nil takes the defaults")
}
