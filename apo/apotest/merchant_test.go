package apotest_test

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/internal/tests/testkeys"
)

// keyPair are the merchant's and APO's.
func keyPair() [2]*rsa.PrivateKey { return [2]*rsa.PrivateKey{testkeys.Merchant(), testkeys.APO()} }

// patience is far above what anything here takes on a busy machine.
const patience = 30 * time.Second

func start() time.Time { return time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC) }

// merchant is a client that knows nothing of package apo: it signs and verifies
// by itself.
type merchant struct {
	t      *testing.T
	server *apotest.Server
	clock  *apotest.Clock
	base   string
	client string
	prefix string
	key    *rsa.PrivateKey
	http   *http.Client
	edit   func(*http.Request)
}

// open starts a server that stands at start and gives its merchant.
func open(t *testing.T, cfg apotest.Config) *merchant {
	t.Helper()
	pair := keyPair()
	m := &merchant{t: t, clock: apotest.NewClock(start()), key: pair[0], prefix: "/ams/sandbox/api/v1/payments/"}
	cfg.Merchant, cfg.APO, cfg.Now, cfg.ManualDelivery = pair[0], pair[1], m.clock.Now, true
	var err error
	m.server, err = apotest.NewServer(&cfg)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, m.server.Close()) })
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	m.http = &http.Client{Timeout: 10 * time.Second, Transport: transport}
	m.base, m.client = m.server.URL(), m.server.ClientID()
	if !strings.HasPrefix(m.client, "SANDBOX_") {
		m.prefix = "/ams/api/v1/payments/"
	}
	return m
}

// response is what came back.
type response struct {
	http    int
	header  http.Header
	raw     []byte
	status  string
	code    string
	fields  map[string]any
	trusted bool // its signature fits
	err     error
}

func (r response) text(name string) string {
	value, _ := r.fields[name].(string)
	return value
}

// signature signs as the documentation describes it, with crypto/rsa alone.
func signature(t *testing.T, key *rsa.PrivateKey, path, client, stamp string, body []byte) string {
	t.Helper()
	sum := sha256.Sum256(fmt.Appendf(nil, "POST %s\n%s.%s.%s", path, client, stamp, body))
	raw, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
	require.NoError(t, err)
	return "algorithm=RSA256,keyVersion=1,signature=" + url.QueryEscape(base64.StdEncoding.EncodeToString(raw))
}

// trusted verifies a message of APO's.
func trusted(path, client, stamp, header string, body []byte) bool {
	_, value, found := strings.Cut(header, "signature=")
	value, err := url.QueryUnescape(value)
	raw, errDecode := base64.StdEncoding.DecodeString(value)
	if !found || err != nil || errDecode != nil {
		return false
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "POST %s\n%s.%s.%s", path, client, stamp, body))
	return rsa.VerifyPKCS1v15(&keyPair()[1].PublicKey, crypto.SHA256, sum[:], raw) == nil
}

// send posts a body to an operation.
func (m *merchant) send(op string, body []byte) response {
	m.t.Helper()
	path := m.prefix + op
	request, err := http.NewRequestWithContext(m.t.Context(), http.MethodPost, m.base+path, bytes.NewReader(body))
	require.NoError(m.t, err)
	stamp := strconv.FormatInt(m.clock.Now().UnixMilli(), 10)
	request.Header.Set("Content-Type", "application/json; charset=UTF-8")
	request.Header.Set("Client-Id", m.client)
	request.Header.Set("Request-Time", stamp)
	request.Header.Set("Signature", signature(m.t, m.key, path, m.client, stamp, body))
	if m.edit != nil {
		m.edit(request)
	}
	got, err := m.http.Do(request)
	if err != nil {
		return response{err: err}
	}
	defer got.Body.Close()
	r := response{http: got.StatusCode, header: got.Header}
	if r.raw, r.err = io.ReadAll(got.Body); r.err != nil {
		return r
	}
	r.trusted = trusted(request.URL.RequestURI(), got.Header.Get("Client-Id"), got.Header.Get("Response-Time"),
		got.Header.Get("Signature"), r.raw)
	if json.Unmarshal(r.raw, &r.fields) == nil {
		if result, ok := r.fields["result"].(map[string]any); ok {
			r.status, _ = result["resultStatus"].(string)
			r.code, _ = result["resultCode"].(string)
		}
	}
	return r
}

func (m *merchant) call(op string, fields map[string]any) response {
	m.t.Helper()
	body, err := json.Marshal(fields)
	require.NoError(m.t, err)
	return m.send(op, body)
}

func money(minor int64) map[string]any { return amountOf("EUR", minor) }

func amountOf(currency string, minor int64) map[string]any {
	return map[string]any{"currency": currency, "value": strconv.FormatInt(minor, 10)}
}

func (m *merchant) cancel(id string) response {
	m.t.Helper()
	return m.call("cancel", map[string]any{"paymentRequestId": id})
}

func (m *merchant) capture(id, requestID string, minor int64) response {
	m.t.Helper()
	return m.call("capture", map[string]any{"captureRequestId": requestID, "paymentId": "P-" + id,
		"captureAmount": money(minor)})
}

// lastCapture says of a capture whether it is the last, in whichever form.
func (m *merchant) lastCapture(id, requestID string, minor int64, said any) response {
	m.t.Helper()
	return m.call("capture", map[string]any{"captureRequestId": requestID, "paymentId": "P-" + id,
		"captureAmount": money(minor), "isLastCapture": said})
}

func (m *merchant) refund(id, requestID string, minor int64) response {
	m.t.Helper()
	return m.call("refund", map[string]any{"refundRequestId": requestID, "paymentId": "P-" + id,
		"refundAmount": money(minor)})
}

func (m *merchant) inquire(id string) response {
	m.t.Helper()
	return m.call("inquiryPayment", map[string]any{"paymentRequestId": id})
}

func (m *merchant) inquireRefund(requestID string) response {
	m.t.Helper()
	return m.call("inquiryRefund", map[string]any{"refundRequestId": requestID})
}

// register puts a payment of 1000 on APO's side, whose paymentId is P- and id.
func (m *merchant) register(p apotest.Payment) {
	m.t.Helper()
	p.PaymentID = "P-" + p.PaymentRequestID
	p.Amount = apotest.Amount{Currency: "EUR", Minor: 1000}
	_, err := m.server.Register(p)
	require.NoError(m.t, err)
}

// card and wallet register a payment and let the buyer pay it.
func (m *merchant) card(id string) {
	m.t.Helper()
	m.register(apotest.Payment{PaymentRequestID: id, Capture: apotest.Manual})
	require.NoError(m.t, m.server.Submit(id))
}

func (m *merchant) wallet(id string) {
	m.t.Helper()
	m.register(apotest.Payment{PaymentRequestID: id, Method: "ALIPAY_CN"})
	require.NoError(m.t, m.server.Submit(id))
}

// is requires a signed answer with that result.
func (m *merchant) is(r response, status, code string) {
	m.t.Helper()
	require.NoError(m.t, r.err)
	require.Equal(m.t, status+" "+code, r.status+" "+r.code, string(r.raw))
	require.True(m.t, r.trusted, "the signature does not fit")
	require.Equal(m.t, http.StatusOK, r.http)
}
