package apotest_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/apo/apotest"
)

const acknowledgement = `{"result":{"resultCode":"SUCCESS","resultStatus":"S","resultMessage":"success"}}`

// body decodes a notification after verifying it.
func body(t *testing.T, m *merchant, n apotest.Notification) map[string]any {
	t.Helper()
	require.Equal(t, http.MethodPost, n.Method)
	require.True(t, trusted(n.Path, m.client, n.Header.Get("Request-Time"), n.Header.Get("Signature"), n.Body),
		"signature")
	require.Equal(t, m.client, n.Header.Get("Client-Id"))
	var fields map[string]any
	require.NoError(t, json.Unmarshal(n.Body, &fields))
	return fields
}

func status(fields map[string]any) any { return fields["result"].(map[string]any)["resultStatus"] }

// one takes the only notification there is.
func one(t *testing.T, m *merchant) apotest.Notification {
	t.Helper()
	list := m.server.TakeNotifications()
	require.Len(t, list, 1)
	return list[0]
}

func TestPaymentNotifications(t *testing.T) {
	m := open(t, apotest.Config{})
	m.register(apotest.Payment{PaymentRequestID: "c", Capture: apotest.Manual})
	require.NoError(t, m.server.Pend("c"))
	n := one(t, m)
	assert.Equal(t, apotest.OpNotifyPayment, n.Op)
	fields := body(t, m, n)
	assert.Equal(t, "PAYMENT_PENDING", fields["notifyType"])
	assert.Equal(t, "S", status(fields))

	require.NoError(t, m.server.Submit("c"))
	fields = body(t, m, one(t, m))
	assert.Equal(t, "PAYMENT_RESULT", fields["notifyType"])
	assert.Equal(t, "S", status(fields))
	assert.Equal(t, "c", fields["paymentRequestId"])
	assert.Equal(t, "P-c", fields["paymentId"])
	assert.Equal(t, "2026-11-23T17:00:00+08:00", fields["paymentTime"])
	assert.Equal(t, "2026-11-30T17:00:00+08:00", fields["authExpiryTime"])
	assert.Equal(t, map[string]any{"currency": "EUR", "value": "1000"}, fields["paymentAmount"])

	m.is(m.cancel("c"), "S", "SUCCESS")
	assert.Empty(t, m.server.TakeNotifications(), "a cancel is never notified")

	m.register(apotest.Payment{PaymentRequestID: "d"})
	require.NoError(t, m.server.Decline("d"))
	fields = body(t, m, one(t, m))
	assert.Equal(t, "F", status(fields))
	assert.Equal(t, apotest.CodeDeclined, fields["result"].(map[string]any)["resultCode"])

	m.register(apotest.Payment{PaymentRequestID: "e"})
	m.clock.Advance(14*time.Minute - 1)
	assert.Empty(t, m.server.TakeNotifications())
	m.clock.Advance(1)
	fields = body(t, m, one(t, m))
	assert.Equal(t, "F", status(fields), "time ran out")
	assert.Len(t, m.server.Notifications(), 4)
}

func TestCaptureNotifications(t *testing.T) {
	m := open(t, apotest.Config{})
	m.card("c")
	m.server.TakeNotifications()
	m.is(m.capture("c", "k", 700), "S", "SUCCESS")
	n := one(t, m)
	assert.Equal(t, apotest.OpNotifyCapture, n.Op)
	fields := body(t, m, n)
	assert.Equal(t, "CAPTURE_RESULT", fields["notifyType"])
	assert.Equal(t, "k", fields["captureRequestId"])
	assert.Equal(t, "P-c", fields["paymentId"])
	assert.Equal(t, "S", status(fields))
	assert.NotEmpty(t, fields["captureId"])
	assert.NotEmpty(t, fields["captureTime"])

	require.NoError(t, m.server.FailCapture("c"))
	fields = body(t, m, one(t, m))
	assert.Equal(t, "F", status(fields))
	assert.Equal(t, "k", fields["captureRequestId"])

	m.register(apotest.Payment{PaymentRequestID: "auto"})
	require.NoError(t, m.server.Submit("auto"))
	m.server.TakeNotifications()
	require.NoError(t, m.server.FinishCapture("auto", true))
	fields = body(t, m, one(t, m))
	assert.NotContains(t, fields, "captureRequestId", "nobody asked for an automatic capture")
	assert.NotEmpty(t, fields["captureId"])
}

func TestRefundNotificationsNameNoPayment(t *testing.T) {
	m := open(t, apotest.Config{})
	m.wallet("w")
	m.server.TakeNotifications()
	m.is(m.refund("w", "r", 100), "S", "SUCCESS")
	n := one(t, m)
	fields := body(t, m, n)
	assert.Equal(t, "REFUND_RESULT", fields["notifyType"])
	assert.Equal(t, "SUCCESS", fields["refundStatus"])
	assert.Equal(t, "r", fields["refundRequestId"])
	assert.NotContains(t, fields, "paymentId")
	assert.Equal(t, "w", n.PaymentRequestID, "the test may know")

	refundID, err := m.server.DashboardRefund("w", 50)
	require.NoError(t, err)
	fields = body(t, m, one(t, m))
	assert.Equal(t, refundID, fields["refundId"])
	assert.NotContains(t, fields, "paymentId")
	assert.NotContains(t, []any{"", "r", nil}, fields["refundRequestId"])
}

func TestNotificationsByScript(t *testing.T) {
	m := open(t, apotest.Config{})
	script(t, m, `
notifyPayment 1 duplicate 2
notifyPayment 2 reorder
notifyPayment 4 lose
notifyPayment 5 bad-signature
notifyRefund * delay 1h
`)
	order := func() (ids []string) {
		for _, n := range m.server.TakeNotifications() {
			ids = append(ids, n.PaymentRequestID)
		}
		return ids
	}
	m.wallet("a")
	m.wallet("b")
	m.wallet("c")
	assert.Equal(t, []string{"a", "a", "a", "c", "b"}, order())
	m.wallet("lost")
	assert.Empty(t, order())
	m.wallet("spoilt")
	n := one(t, m)
	assert.False(t, trusted(n.Path, m.client, n.Header.Get("Request-Time"), n.Header.Get("Signature"), n.Body))
	assert.NotEmpty(t, n.Header.Get("Signature"))
}

// inbox is a merchant's listener.
type inbox struct {
	*httptest.Server
	mu     sync.Mutex
	got    []*http.Request
	bodies [][]byte
	status int
	answer string
}

func newInbox(t *testing.T) *inbox {
	t.Helper()
	in := &inbox{status: http.StatusOK, answer: acknowledgement}
	in.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		in.mu.Lock()
		defer in.mu.Unlock()
		in.got, in.bodies = append(in.got, r), append(in.bodies, raw)
		w.WriteHeader(in.status)
		_, _ = io.WriteString(w, in.answer)
	}))
	t.Cleanup(in.Close)
	return in
}

func (in *inbox) count() int {
	in.mu.Lock()
	defer in.mu.Unlock()
	return len(in.got)
}

func (in *inbox) reply(status int, answer string) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.status, in.answer = status, answer
}

func TestRedelivery(t *testing.T) {
	in := newInbox(t)
	m := open(t, apotest.Config{NotifyURL: in.URL + "/hook?shop=1"})
	in.reply(http.StatusInternalServerError, acknowledgement)
	m.wallet("w")
	waits := []time.Duration{0, 2 * time.Minute, 10 * time.Minute, 10 * time.Minute, time.Hour, 2 * time.Hour,
		6 * time.Hour, 15 * time.Hour}
	for i, wait := range waits {
		if wait > 0 {
			m.clock.Advance(wait - 1)
			assert.Zero(t, m.server.Deliver(t.Context()), "delivery %d comes too early", i+1)
			m.clock.Advance(1)
		}
		require.Equal(t, 1, m.server.Deliver(t.Context()), "delivery %d", i+1)
	}
	m.clock.Advance(100 * 24 * time.Hour)
	assert.Zero(t, m.server.Deliver(t.Context()), "eight are all")
	assert.Equal(t, 8, in.count())
	for i, r := range in.got {
		assert.Equal(t, "/hook?shop=1", r.URL.RequestURI())
		assert.True(t, trusted(r.URL.RequestURI(), m.client, r.Header.Get("Request-Time"), r.Header.Get("Signature"),
			in.bodies[i]))
		assert.Equal(t, in.bodies[0], in.bodies[i])
	}
	assert.Equal(t, 8, m.server.Notifications()[0].Deliveries)
}

func TestOnlyTheExactAcknowledgementEndsRedelivery(t *testing.T) {
	in := newInbox(t)
	m := open(t, apotest.Config{NotifyURL: in.URL})
	m.wallet("w")
	for _, answer := range []string{
		"", "ok", `{}`, `{"result":{"resultCode":"SUCCESS","resultStatus":"S"}}`,
		`{"result":{"resultCode":"SUCCESS","resultStatus":"U","resultMessage":"success"}}`,
		`{"result":{"resultCode":"SUCCESS","resultStatus":"S","resultMessage":"success"},"more":{}}`,
		`{"result":{"resultCode":"SUCCESS","resultStatus":"S","resultMessage":"success","more":1}}`,
	} {
		in.reply(http.StatusOK, answer)
		require.Equal(t, 1, m.server.Deliver(t.Context()), answer)
		require.False(t, m.server.Notifications()[0].Acknowledged, answer)
		m.clock.Advance(15 * time.Hour)
	}
	in.reply(http.StatusOK, ` { "result": {"resultStatus":"S", "resultCode":"SUCCESS", "resultMessage":"success"} } `)
	require.Equal(t, 1, m.server.Deliver(t.Context()))
	assert.True(t, m.server.Notifications()[0].Acknowledged)
	m.clock.Advance(15 * time.Hour)
	assert.Zero(t, m.server.Deliver(t.Context()))
}

func TestDelayedAndReorderedDelivery(t *testing.T) {
	in := newInbox(t)
	m := open(t, apotest.Config{NotifyURL: in.URL})
	script(t, m, "notifyPayment 1 delay 1h\nnotifyPayment 2 reorder")
	m.wallet("delayed")
	assert.Zero(t, m.server.Deliver(t.Context()))
	m.wallet("waits")
	assert.Zero(t, m.server.Deliver(t.Context()))
	m.clock.Advance(time.Minute)
	assert.Equal(t, 1, m.server.Deliver(t.Context()), "nothing came to overtake it")
	m.clock.Advance(time.Hour)
	assert.Equal(t, 1, m.server.Deliver(t.Context()))
}

func TestNotifyURLs(t *testing.T) {
	in, own := newInbox(t), newInbox(t)
	m := open(t, apotest.Config{NotifyURL: in.URL})
	m.register(apotest.Payment{PaymentRequestID: "w", Method: "W", NotifyURL: own.URL + "/pay"})
	require.NoError(t, m.server.Submit("w"))
	assert.Equal(t, 1, m.server.Deliver(t.Context()))
	assert.Equal(t, 1, own.count())
	m.is(m.call("refund", map[string]any{
		"refundRequestId": "r", "paymentId": "P-w", "refundAmount": money(1), "refundNotifyUrl": in.URL + "/refund",
	}), "S", "SUCCESS")
	assert.Equal(t, 1, m.server.Deliver(t.Context()))
	assert.Equal(t, 1, in.count())

	m.server.TakeNotifications()
	m.register(apotest.Payment{PaymentRequestID: "out", Method: "W", NotifyURL: "https://shop.example/hook"})
	require.NoError(t, m.server.Submit("out"))
	assert.Zero(t, m.server.Deliver(t.Context()), "nothing leaves this machine")
	n := one(t, m)
	assert.Equal(t, "/hook", n.Path)
	body(t, m, n)

	for _, bad := range []string{"https://shop.example/", "ftp://127.0.0.1/", "127.0.0.1:80", "http://%zz"} {
		_, err := apotest.NewUnstartedServer(&apotest.Config{NotifyURL: bad})
		assert.ErrorIs(t, err, apotest.ErrConfig, bad)
	}
}

func TestAStartedServerDeliversByItself(t *testing.T) {
	in := newInbox(t)
	pair := keyPair()
	s, err := apotest.NewServer(&apotest.Config{
		Merchant: pair[0], APO: pair[1], NotifyURL: in.URL, Behaviour: apotest.Behaviour{SettleAfter: 10 * time.Millisecond},
	})
	require.NoError(t, err)
	defer s.Close()
	_, err = s.Register(apotest.Payment{PaymentRequestID: "c", Amount: apotest.Amount{Currency: "EUR", Minor: 1}})
	require.NoError(t, err)
	require.NoError(t, s.Submit("c"))
	require.Eventually(t, func() bool { return in.count() == 2 }, patience, 5*time.Millisecond, "payment and capture")
}

func TestDeliverStopsWithItsContext(t *testing.T) {
	in := newInbox(t)
	m := open(t, apotest.Config{NotifyURL: in.URL})
	m.wallet("w")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.Zero(t, m.server.Deliver(ctx))
	assert.Zero(t, in.count())
}
