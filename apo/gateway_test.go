package apo

import (
	"crypto/rsa"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	testClientID     = "5X00000000000000"
	testRequestTime  = "1685599933871"
	testResponseTime = "2023-06-01T06:12:14.123Z"
)

func testNow() time.Time { return time.UnixMilli(1685599933871) }

func testKeys() Keys {
	return Keys{Private: merchantKey(), Public: map[string]*rsa.PublicKey{"1": &gatewayKey().PublicKey}}
}

// gateway is an APO of one answer: it keeps what it was sent and replies with
// what the test gave it.
type gateway struct {
	*httptest.Server
	mu     sync.Mutex
	calls  []*http.Request
	bodies []string
}

// newGateway serves with reply, which gets the path to sign.
func newGateway(t *testing.T, reply http.HandlerFunc) *gateway {
	t.Helper()
	g := &gateway{}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		g.mu.Lock()
		g.calls, g.bodies = append(g.calls, r), append(g.bodies, string(body))
		g.mu.Unlock()
		reply(w, r)
	}))
	t.Cleanup(g.Close)
	return g
}

func (g *gateway) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.calls)
}

// signed sets the headers of APO's answer to a request at path.
func signed(header http.Header, path, timeName, at, body string) {
	m := Message{Method: http.MethodPost, Path: path, ClientID: testClientID, Time: at, Body: []byte(body)}
	value, err := m.Sign(gatewayKey())
	if err != nil {
		panic(err)
	}
	header.Set(headerClientID, testClientID)
	header.Set(timeName, at)
	header.Set(headerSignature, Signature{Value: value}.Header())
}

// answering is a handler that signs one body for whatever path it is called at.
func answering(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		signed(w.Header(), r.URL.Path, headerResponseTime, testResponseTime, body)
		_, _ = io.WriteString(w, body)
	}
}

func clientOf(t *testing.T, url string, cfg *Config) *Client {
	t.Helper()
	if cfg == nil {
		cfg = &Config{}
	}
	cfg.Now = testNow
	c, err := NewClient(url, testClientID, testKeys(), cfg)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// with builds a body: a result and further members.
func with(status, code, members string) string {
	if members != "" {
		members = "," + members
	}
	return `{"result":{"resultStatus":"` + status + `","resultCode":"` + code + `","resultMessage":"as asked"}` + members +
		`}`
}

func jpy(minor int64) Amount { return Amount{Currency: "JPY", Minor: minor} }

func TestEachCallSendsItsRequestSigned(t *testing.T) {
	type sent func(*Client) Answer
	for name, row := range map[string]struct {
		call       sent
		path, body string
	}{
		"cancel by paymentId": {func(c *Client) Answer {
			return c.Cancel(t.Context(), CancelRequest{PaymentID: "P1"}).Answer
		}, "cancel", `{"paymentId":"P1"}`},
		"cancel by paymentRequestId": {func(c *Client) Answer {
			return c.Cancel(t.Context(), CancelRequest{PaymentRequestID: "R1"}).Answer
		}, "cancel", `{"paymentRequestId":"R1"}`},
		"cancel for a merchant account": {func(c *Client) Answer {
			return c.Cancel(t.Context(), CancelRequest{PaymentID: "P1", MerchantAccountID: "M1"}).Answer
		}, "cancel", `{"paymentId":"P1","merchantAccountId":"M1"}`},
		"cancel with both: paymentId wins": {func(c *Client) Answer {
			return c.Cancel(t.Context(), CancelRequest{PaymentID: "P1", PaymentRequestID: "R1"}).Answer
		}, "cancel", `{"paymentId":"P1"}`},
		"capture": {func(c *Client) Answer {
			return c.Capture(t.Context(), CaptureRequest{CaptureRequestID: "C1", PaymentID: "P1", Amount: jpy(1000)}).Answer
		}, "capture", `{"captureRequestId":"C1","paymentId":"P1","captureAmount":{"currency":"JPY","value":"1000"}}`},
		"the last capture": {func(c *Client) Answer {
			return c.Capture(t.Context(), CaptureRequest{CaptureRequestID: "C1", PaymentID: "P1", Amount: jpy(1000),
				Last: true}).Answer
		}, "capture", `{"captureRequestId":"C1","paymentId":"P1","captureAmount":{"currency":"JPY","value":"1000"},` +
			`"isLastCapture":true}`},
		"the last capture, of nothing": {func(c *Client) Answer {
			return c.Capture(t.Context(), CaptureRequest{CaptureRequestID: "C1", PaymentID: "P1", Amount: jpy(0),
				Last: true}).Answer
		}, "capture", `{"captureRequestId":"C1","paymentId":"P1","captureAmount":{"currency":"JPY","value":"0"},` +
			`"isLastCapture":true}`},
		"refund": {func(c *Client) Answer {
			return c.Refund(t.Context(), RefundRequest{RefundRequestID: "F1", PaymentID: "P1", Amount: jpy(7)}).Answer
		}, "refund", `{"refundRequestId":"F1","paymentId":"P1","refundAmount":{"currency":"JPY","value":"7"}}`},
		"refund with all": {func(c *Client) Answer {
			return c.Refund(t.Context(), RefundRequest{
				RefundRequestID: "F1", PaymentID: "P1", Amount: jpy(7), Reason: "退 & <b>",
				NotifyURL: "https://shop.example/n?a=1&b=2", CaptureID: "K1",
			}).Answer
		}, "refund", `{"refundRequestId":"F1","paymentId":"P1","refundAmount":{"currency":"JPY","value":"7"},` +
			`"refundReason":"退 & <b>","refundNotifyUrl":"https://shop.example/n?a=1&b=2","captureId":"K1"}`},
		"inquire payment": {func(c *Client) Answer {
			return c.InquirePayment(t.Context(), InquirePaymentRequest{PaymentRequestID: "R1"}).Answer
		}, "inquiryPayment", `{"paymentRequestId":"R1"}`},
		"inquire payment of a merchant account": {func(c *Client) Answer {
			return c.InquirePayment(t.Context(), InquirePaymentRequest{PaymentRequestID: "R1", MerchantAccountID: "M1"}).Answer
		}, "inquiryPayment", `{"paymentRequestId":"R1","merchantAccountId":"M1"}`},
		"inquire refund of a merchant account": {func(c *Client) Answer {
			return c.InquireRefund(t.Context(), InquireRefundRequest{RefundRequestID: "F1", MerchantAccountID: "M1"}).Answer
		}, "inquiryRefund", `{"refundRequestId":"F1","merchantAccountId":"M1"}`},
		"inquire refund by refundId": {func(c *Client) Answer {
			return c.InquireRefund(t.Context(), InquireRefundRequest{RefundID: "K1", RefundRequestID: "F1"}).Answer
		}, "inquiryRefund", `{"refundId":"K1"}`},
		"inquire refund by refundRequestId": {func(c *Client) Answer {
			return c.InquireRefund(t.Context(), InquireRefundRequest{RefundRequestID: "F1"}).Answer
		}, "inquiryRefund", `{"refundRequestId":"F1"}`},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t, answering(with("U", "UNKNOWN_EXCEPTION", "")))
			answer := row.call(clientOf(t, g.URL, &Config{AgentToken: "token-1"}))
			assert.Equal(t, Unknown, answer.Class)
			require.ErrorIs(t, answer.Err, ErrUndecided)
			require.Equal(t, 1, g.count())
			assert.Equal(t, row.body, g.bodies[0])
			assert.Equal(t, "/ams/api/v1/payments/"+row.path, g.calls[0].URL.RequestURI())
			isSigned(t, g.calls[0], row.body)
		})
	}
}

// isSigned holds a request's headers against what APO asks for, and its signature against its body.
func isSigned(t *testing.T, r *http.Request, body string) {
	t.Helper()
	assert.Equal(t, http.MethodPost, r.Method)
	assert.Equal(t, testClientID, r.Header.Get("client-id"))
	assert.Equal(t, testRequestTime, r.Header.Get("request-time"))
	assert.Equal(t, "token-1", r.Header.Get("agent-token"))
	assert.Equal(t, "application/json; charset=UTF-8", r.Header.Get("content-type"))
	signature, err := ParseSignature(r.Header.Get("signature"))
	require.NoError(t, err)
	assert.Equal(t, "1", signature.KeyVersion)
	m := Message{Method: r.Method, Path: r.URL.Path, ClientID: testClientID, Time: testRequestTime, Body: []byte(body)}
	require.NoError(t, m.Verify(&merchantKey().PublicKey, signature.Value))
}

func TestGatewayURLMayHaveAPathAndATrailingSlash(t *testing.T) {
	for suffix, wantPath := range map[string]string{
		"": "/ams/api/v1/payments/cancel", "/": "/ams/api/v1/payments/cancel",
		"/proxy/apo": "/proxy/apo/ams/api/v1/payments/cancel", "/proxy//": "/proxy/ams/api/v1/payments/cancel",
	} {
		for prefix, signedPath := range map[string]string{
			"": "/ams/api/v1/payments/cancel", "/far/": "/far/ams/api/v1/payments/cancel",
		} {
			body := with("S", "SUCCESS", `"paymentId":"P1"`)
			g := newGateway(t, func(w http.ResponseWriter, _ *http.Request) {
				signed(w.Header(), signedPath, headerResponseTime, testResponseTime, body)
				_, _ = io.WriteString(w, body)
			})
			answer := clientOf(t, g.URL+suffix, &Config{SignedPathPrefix: prefix}).Cancel(t.Context(),
				CancelRequest{PaymentID: "P1"})
			require.NoError(t, answer.Err, "%q %q", suffix, prefix)
			assert.Equal(t, Succeeded, answer.Class)
			assert.Equal(t, signedPath, answer.Evidence.Path)
			assert.Equal(t, wantPath, g.calls[0].URL.Path)
			signature, err := ParseSignature(g.calls[0].Header.Get("signature"))
			require.NoError(t, err)
			m := Message{Method: "POST", Path: signedPath, ClientID: testClientID, Time: testRequestTime,
				Body: []byte(g.bodies[0])}
			assert.NoError(t, m.Verify(&merchantKey().PublicKey, signature.Value))
		}
	}
}

func TestSandboxClientsUseTheSandboxPath(t *testing.T) {
	g := newGateway(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	c, err := NewClient(g.URL, "SANDBOX_5X", testKeys(), nil)
	require.NoError(t, err)
	defer c.Close()
	assert.Equal(t, Unknown, c.Cancel(t.Context(), CancelRequest{PaymentID: "P1"}).Class)
	assert.Equal(t, "/ams/sandbox/api/v1/payments/cancel", g.calls[0].URL.Path)
	assert.False(t, strings.Contains(g.URL, "sandbox"))
}

func TestCallTimeoutHasADefault(t *testing.T) {
	assert.Equal(t, DefaultCallTimeout, clientOf(t, "https://apo.example", nil).CallTimeout())
	assert.Equal(t, time.Minute, clientOf(t, "https://apo.example", &Config{CallTimeout: time.Minute}).CallTimeout())
}
