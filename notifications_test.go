package tilltape_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

// earPath is where APO was told to call, query included.
const earPath = "/apo/notify?till=7"

// ear is a service that hears APO over HTTP: APO on loopback, an Orders, and the handler on a port of its own.
type ear struct {
	t       *testing.T
	ctx     context.Context
	server  *apotest.Server
	clock   *apotest.Clock
	log     store.Log
	orders  *tilltape.Orders
	handler *tilltape.NotificationHandler
	web     *httptest.Server
	said    *bytes.Buffer // the logger's lines
}

// earConfig is what a test of ears wants otherwise.
type earConfig struct {
	orders  tilltape.Config
	notify  tilltape.NotificationConfig
	script  []apotest.Fault
	async   bool // refunds end when the test says so
	gateway func(*apo.Client) tilltape.Gateway
	front   func(http.Handler) http.Handler
}

func newEar(t *testing.T, log store.Log, c earConfig) *ear {
	x := &ear{t: t, ctx: t.Context(), clock: apotest.NewClock(dawn()), log: log, said: &bytes.Buffer{}}
	var served http.Handler
	x.web = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { served.ServeHTTP(w, r) }))
	keys := serverKeys()
	var err error
	x.server, err = apotest.NewServer(&apotest.Config{Merchant: keys[0], APO: keys[1], Now: x.clock.Now, ManualDelivery: true,
		NotifyURL: x.web.URL + earPath, Script: c.script,
		Behaviour: apotest.Behaviour{AsyncRefund: c.async}})
	require.NoError(t, err)
	client, err := apo.NewClient(x.server.URL(), x.server.ClientID(), x.server.Keys(), nil)
	require.NoError(t, err)
	c.orders.Now, c.orders.Logger = x.clock.Now, slog.New(slog.NewTextHandler(x.said, nil))
	var gateway tilltape.Gateway = client
	if c.gateway != nil {
		gateway = c.gateway(client)
	}
	x.orders, err = tilltape.New(log, gateway, &c.orders)
	require.NoError(t, err)
	x.handler, err = x.orders.NotificationHandler(x.server.ClientID(), x.server.Keys(), &c.notify)
	require.NoError(t, err)
	served = x.handler
	if c.front != nil {
		served = c.front(x.handler)
	}
	t.Cleanup(func() {
		x.web.Close()
		require.NoError(t, x.orders.Close())
		client.Close()
		require.NoError(t, x.server.Close())
	})
	return x
}

// register tells APO of a payment, and sell the Orders too.
func (x *ear) register(id string, mode apotest.CaptureMode) {
	x.t.Helper()
	_, err := x.server.Register(apotest.Payment{PaymentRequestID: "preq-" + id, PaymentID: "pay-" + id, Capture: mode,
		Amount: apotest.Amount{Currency: testCurrency, Minor: theAmount}})
	require.NoError(x.t, err)
}

func (x *ear) place(id string, mode events.CaptureMode) {
	x.t.Helper()
	_, err := x.orders.Create(x.ctx, order.Create{Order: id, PaymentRequestID: "preq-" + id, Amount: usd(theAmount),
		Method: apotest.MethodCard, CaptureMode: mode})
	require.NoError(x.t, err)
}

func (x *ear) sell(id string) {
	x.t.Helper()
	x.register(id, apotest.Manual)
	x.place(id, order.CaptureManual)
}

// deliver lets APO send what is due, and says whether all it has ever sent is acknowledged by now.
func (x *ear) deliver() (all bool) {
	x.t.Helper()
	x.server.Deliver(x.ctx)
	all = true
	for _, n := range x.server.Notifications() {
		all = all && n.Acknowledged
	}
	return all
}

func (x *ear) order(id string) order.Order {
	x.t.Helper()
	o, err := x.orders.Get(x.ctx, id)
	require.NoError(x.t, err)
	return o
}

// agrees holds an order against APO's ledger.
func (x *ear) agrees(id string) {
	x.t.Helper()
	o, totals := x.order(id), x.server.Totals("preq-"+id)
	assert.Equal(x.t, totals.Captured, o.Captured+o.Late.Captured, id)
	assert.Equal(x.t, totals.Refunded, o.Refunded+o.Late.Refunded, id)
}

// newest is the notification that APO made last, signed now.
func (x *ear) newest() apotest.Notification {
	x.t.Helper()
	all := x.server.Notifications()
	require.NotEmpty(x.t, all)
	return all[len(all)-1]
}

// send sends a notification as its sender would, spoilt by change, and returns the answer.
func (x *ear) send(n apotest.Notification, change func(*http.Request)) (status int, body string) {
	x.t.Helper()
	r, err := http.NewRequestWithContext(x.ctx, n.Method, n.URL, bytes.NewReader(n.Body))
	require.NoError(x.t, err)
	r.Header = n.Header.Clone()
	if change != nil {
		change(r)
	}
	answer, err := http.DefaultClient.Do(r)
	require.NoError(x.t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(x.t, err)
	if answer.StatusCode != http.StatusOK {
		assert.Equal(x.t, http.StatusText(answer.StatusCode)+"\n", string(text), "no detail to whoever it is")
	}
	return answer.StatusCode, string(text)
}

func TestNotificationsCarryAnOrderThroughItsLife(t *testing.T) {
	stores(t, func(t *testing.T, log store.Log) {
		x := newEar(t, log, earConfig{})
		x.sell("o-1")
		require.NoError(t, x.server.Submit("preq-o-1"))
		require.True(t, x.deliver(), "notifyPayment is acknowledged")
		assert.Equal(t, order.Authorized, x.order("o-1").Status)

		_, err := x.orders.Capture(x.ctx, "o-1", order.Capture{Amount: usd(theAmount)})
		require.NoError(t, err)
		require.True(t, x.deliver())
		_, err = x.orders.Refund(x.ctx, "o-1", order.Refund{Amount: usd(thePart)})
		require.ErrorIs(t, err, tilltape.ErrAccepted)
		require.True(t, x.deliver(), "notifyRefund names no payment, and is found by its request")
		assert.Equal(t, order.Refunded, x.order("o-1").Status)
		assert.Equal(t, thePart, x.order("o-1").Refunded)

		x.register("o-2", apotest.Automatic)
		x.place("o-2", order.CaptureAutomatic)
		require.NoError(t, x.server.Submit("preq-o-2"))
		require.True(t, x.deliver())
		require.Equal(t, order.GatewayOutstanding, x.order("o-2").Gateway)
		require.NoError(t, x.server.FinishCapture("preq-o-2", true))
		require.True(t, x.deliver(), "notifyCapture of a capture that is APO's own")
		assert.Equal(t, order.Captured, x.order("o-2").Status)
		x.agrees("o-1")
		x.agrees("o-2")
		s := x.handler.Stats()
		assert.Equal(t, s.Received, s.Acknowledged, "%+v", s)
	})
}

func TestDuplicateNotificationsAreAcknowledgedAndRecordedOnce(t *testing.T) {
	stores(t, func(t *testing.T, log store.Log) {
		x := newEar(t, log, earConfig{script: []apotest.Fault{{Op: "notifyPayment", From: 1, Do: apotest.Duplicate, Times: 3}}})
		x.sell("o-1")
		require.NoError(t, x.server.Submit("preq-o-1"))
		require.True(t, x.deliver())
		assert.EqualValues(t, 2, x.order("o-1").Version)
		assert.Equal(t, tilltape.NotificationStats{Received: 4, Acknowledged: 4, Duplicate: 3}, x.handler.Stats())
	})
}

// Whatever comes first, the order ends the same.
func TestReorderedNotificationsEndTheSame(t *testing.T) {
	stores(t, func(t *testing.T, log store.Log) {
		x := newEar(t, log, earConfig{script: []apotest.Fault{{Op: "notifyPayment", From: 1, Do: apotest.Reorder}}})
		x.register("o-1", apotest.Automatic)
		x.place("o-1", order.CaptureAutomatic)
		require.NoError(t, x.server.Submit("preq-o-1"))
		require.NoError(t, x.server.FinishCapture("preq-o-1", true))
		require.False(t, x.deliver())
		first := x.server.Notifications()[0]
		require.Equal(t, apotest.OpNotifyCapture, first.Op, "the capture is told of before its payment")
		assert.EqualValues(t, 1, x.handler.Stats().UnknownOrder, "by a paymentId that nobody here has heard of yet")
		assert.Equal(t, order.GatewayOutstanding, x.order("o-1").Gateway)
		x.clock.Advance(2 * time.Minute)
		require.True(t, x.deliver(), "it is told again")
		assert.Equal(t, order.Captured, x.order("o-1").Status)
		assert.Empty(t, x.order("o-1").Anomalies)
		x.agrees("o-1")
	})
}

func TestALatePaymentIsAcknowledgedAndStandsOpen(t *testing.T) {
	stores(t, func(t *testing.T, log store.Log) {
		x := newEar(t, log, earConfig{})
		x.sell("o-1")
		_, err := x.orders.Cancel(x.ctx, "o-1", order.Cancel{})
		require.NoError(t, err)
		require.NoError(t, x.server.PayLate("preq-o-1"))
		require.True(t, x.deliver())
		assert.Equal(t, order.Cancelled, x.order("o-1").Status)
		assert.Equal(t, []string{"o-1"}, idsOf(t, x.orders.Anomalies(x.ctx)))
	})
}

func TestPendingIsNotSuccess(t *testing.T) {
	stores(t, func(t *testing.T, log store.Log) {
		x := newEar(t, log, earConfig{})
		x.sell("o-1")
		require.NoError(t, x.server.Pend("preq-o-1"))
		n := x.newest()
		require.Equal(t, "PAYMENT_PENDING", n.Type)
		require.Contains(t, string(n.Body), `"S"`, "it says S all the same")
		require.True(t, x.deliver())
		assert.Equal(t, order.Created, x.order("o-1").Status)
		assert.Zero(t, x.order("o-1").Authorized)
	})
}

// It is not acknowledged, so that APO tells again; by then the order may have been placed.
func TestANotificationOfAnUnknownOrderIsCountedShownAndSentAgain(t *testing.T) {
	stores(t, func(t *testing.T, log store.Log) {
		x := newEar(t, log, earConfig{})
		x.register("o-1", apotest.Manual)
		require.NoError(t, x.server.Submit("preq-o-1"))
		require.False(t, x.deliver())
		assert.Equal(t, tilltape.NotificationStats{Received: 1, UnknownOrder: 1}, x.handler.Stats())
		assert.Contains(t, x.said.String(), "preq-o-1")
		assert.Contains(t, x.said.String(), "level=WARN")
		status, _ := x.send(x.newest(), nil)
		assert.Equal(t, http.StatusNotFound, status)

		x.place("o-1", order.CaptureManual)
		x.clock.Advance(2 * time.Minute)
		require.True(t, x.deliver())
		assert.Equal(t, order.Authorized, x.order("o-1").Status)
	})
}

// A refund in the dashboard names ids that nobody here has seen, and no payment.
func TestARefundInTheDashboardIsNotAcknowledged(t *testing.T) {
	x := newEar(t, memory.New(), earConfig{})
	x.sell("o-1")
	require.NoError(t, x.server.Submit("preq-o-1"))
	require.True(t, x.deliver())
	_, err := x.orders.Capture(x.ctx, "o-1", order.Capture{Amount: usd(theAmount)})
	require.NoError(t, err)
	require.True(t, x.deliver())
	_, err = x.server.DashboardRefund("preq-o-1", thePart)
	require.NoError(t, err)
	require.False(t, x.deliver())
	assert.EqualValues(t, 1, x.handler.Stats().UnknownOrder)
	assert.Zero(t, x.order("o-1").Refunded, "an inquiry will tell")
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
	stores(t, func(t *testing.T, log store.Log) {
		var x *ear
		x = newEar(t, log, earConfig{gateway: func(c *apo.Client) tilltape.Gateway {
			return hasty{c, func() { assert.True(t, x.deliver()) }}
		}})
		x.sell("o-1")
		require.NoError(t, x.server.Submit("preq-o-1"))
		require.True(t, x.deliver())
		o, err := x.orders.Capture(x.ctx, "o-1", order.Capture{Amount: usd(theAmount)})
		require.NoError(t, err)
		assert.Equal(t, order.Captured, o.Status)
		assert.Equal(t, theAmount, o.Captured, "once")
		assert.Empty(t, o.Anomalies)
		assert.Equal(t, order.Idle, o.Operation.Phase)
		x.agrees("o-1")
	})
}

// Fifty at once of the same message: one is recorded, all are acknowledged.
func TestTheSameNotificationFiftyTimesAtOnce(t *testing.T) {
	const times = 50
	stores(t, func(t *testing.T, log store.Log) {
		x := newEar(t, log, earConfig{})
		x.sell("o-1")
		require.NoError(t, x.server.Submit("preq-o-1"))
		n := x.newest()
		var wg sync.WaitGroup
		for range times {
			wg.Go(func() {
				status, body := x.send(n, nil)
				assert.Equal(t, http.StatusOK, status)
				assert.Equal(t, apo.Acknowledgement, body)
				_ = x.handler.Stats()
			})
		}
		wg.Wait()
		assert.EqualValues(t, 2, x.order("o-1").Version)
		s := x.handler.Stats()
		assert.EqualValues(t, times, s.Received)
		assert.EqualValues(t, times, s.Acknowledged)
		assert.EqualValues(t, times-1, s.Duplicate, "one of them told something new")
	})
}

func TestTheSignedPathSurvivesPrefixesAndProxies(t *testing.T) {
	strip := func(h http.Handler) http.Handler { return http.StripPrefix("/apo", h) }
	x := newEar(t, memory.New(), earConfig{front: strip})
	x.sell("o-1")
	require.NoError(t, x.server.Submit("preq-o-1"))
	assert.True(t, x.deliver(), "what a mux strips was signed all the same")

	proxied := func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.RequestURI = "/internal" + r.RequestURI
			h.ServeHTTP(w, r)
		})
	}
	for signed, good := range map[string]bool{"": false, earPath: true, "/apo/notify": false} {
		x := newEar(t, memory.New(), earConfig{front: proxied, notify: tilltape.NotificationConfig{SignedPath: signed}})
		x.sell("o-1")
		require.NoError(t, x.server.Submit("preq-o-1"))
		assert.Equal(t, good, x.deliver(), "%q", signed)
	}

	// A request line with a whole URL, as a proxy may be sent one, signs what comes behind the host.
	x = newEar(t, memory.New(), earConfig{front: func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.RequestURI = "http://shop.example" + r.RequestURI
			h.ServeHTTP(w, r)
		})
	}})
	x.sell("o-1")
	require.NoError(t, x.server.Submit("preq-o-1"))
	assert.True(t, x.deliver())
}

func TestNotificationHandler_RefusesWhatItCannotBelieveWith(t *testing.T) {
	x := newEar(t, memory.New(), earConfig{})
	keys := x.server.Keys()
	for name, tt := range map[string]struct {
		client string
		keys   apo.Keys
		cfg    tilltape.NotificationConfig
		also   error
	}{
		"no client":             {"", keys, tilltape.NotificationConfig{}, apo.ErrConfig},
		"no keys":               {"c-1", apo.Keys{}, tilltape.NotificationConfig{}, apo.ErrKey},
		"negative freshness":    {"c-1", keys, tilltape.NotificationConfig{FreshFor: -1}, apo.ErrConfig},
		"no path":               {"c-1", keys, tilltape.NotificationConfig{SignedPath: "notify"}, apo.ErrConfig},
		"negative concurrency":  {"c-1", keys, tilltape.NotificationConfig{Concurrency: -1}, tilltape.ErrConfig},
		"negative read timeout": {"c-1", keys, tilltape.NotificationConfig{ReadTimeout: -1}, tilltape.ErrConfig},
	} {
		h, err := x.orders.NotificationHandler(tt.client, tt.keys, &tt.cfg)
		require.ErrorIs(t, err, tilltape.ErrConfig, name)
		require.ErrorIs(t, err, tt.also, name)
		assert.Nil(t, h, name)
	}
	_, err := x.orders.NotificationHandler("c-1", keys, nil)
	require.NoError(t, err, "nil takes the defaults")
}
