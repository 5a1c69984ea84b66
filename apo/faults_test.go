package apo

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/internal/tests/long"
)

// done is a body that would prove a cancel if everything around it were right.
var done = with("S", "SUCCESS", `"paymentId":"P1"`)

func sign(w http.ResponseWriter, r *http.Request, body string) {
	signed(w.Header(), r.URL.Path, headerResponseTime, testResponseTime, body)
}

// unproven is a reply that proves nothing, and the error that the client has for it.
type unproven struct {
	reply http.HandlerFunc
	err   error
	says  string
}

// notBelieved are the replies whose signature is missing or does not fit.
func notBelieved() map[string]unproven {
	return map[string]unproven{
		"unsigned": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, done)
		}, ErrUnsigned, "HTTP 200"},
		"unsigned refusal of the gateway": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, with("F", "INVALID_CLIENT", ""))
		}, ErrUnsigned, "INVALID_CLIENT"},
		"echo of our headers": {func(w http.ResponseWriter, r *http.Request) {
			_, _ = fmt.Fprint(w, r.Header.Get(headerAgentToken), " ", r.Header.Get(headerSignature))
		}, ErrUnsigned, "[redacted]"},
		"unsigned 502": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadGateway)
		}, ErrUnsigned, "HTTP 502"},
		"no response-time": {func(w http.ResponseWriter, r *http.Request) {
			sign(w, r, done)
			w.Header().Del(headerResponseTime)
			_, _ = io.WriteString(w, done)
		}, ErrUnsigned, headerResponseTime},
		"no client id": {func(w http.ResponseWriter, r *http.Request) {
			sign(w, r, done)
			w.Header().Del(headerClientID)
			_, _ = io.WriteString(w, done)
		}, ErrUnsigned, headerClientID},
		"wrong signature": {func(w http.ResponseWriter, r *http.Request) {
			sign(w, r, done+" ")
			_, _ = io.WriteString(w, done)
		}, ErrSignature, "does not fit"},
		"signed for another path": {func(w http.ResponseWriter, _ *http.Request) {
			signed(w.Header(), "/ams/api/v1/payments/refund", headerResponseTime, testResponseTime, done)
			_, _ = io.WriteString(w, done)
		}, ErrSignature, "does not fit"},
		"another client's": {func(w http.ResponseWriter, r *http.Request) {
			sign(w, r, done)
			w.Header().Set(headerClientID, "5X11111111111111")
			_, _ = io.WriteString(w, done)
		}, ErrSignature, "another client id"},
		"two signatures": {func(w http.ResponseWriter, r *http.Request) {
			sign(w, r, done)
			w.Header().Add(headerSignature, w.Header().Get(headerSignature))
			_, _ = io.WriteString(w, done)
		}, ErrSignature, "more than once"},
		"time that holds a body": {func(w http.ResponseWriter, r *http.Request) {
			signed(w.Header(), r.URL.Path, headerResponseTime, `1.{"a":`, done)
			_, _ = io.WriteString(w, done)
		}, ErrSignature, "time"},
		"key version of nobody": {func(w http.ResponseWriter, r *http.Request) {
			sign(w, r, done)
			w.Header().Set(headerSignature, strings.Replace(w.Header().Get(headerSignature), "keyVersion=1", "keyVersion=9", 1))
			_, _ = io.WriteString(w, done)
		}, ErrSignature, "key version"},
	}
}

// notUsable are the replies that are no answer, or a signed one that cannot be read.
func notUsable() map[string]unproven {
	return map[string]unproven{
		"redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		}, ErrUnsigned, "never followed"},
		"truncated": {func(w http.ResponseWriter, r *http.Request) {
			sign(w, r, done)
			w.Header().Set("Content-Length", fmt.Sprint(len(done)))
			_, _ = io.WriteString(w, done[:len(done)/2])
		}, ErrTransport, "cut short"},
		"cut before the answer": {func(http.ResponseWriter, *http.Request) {
			panic(http.ErrAbortHandler)
		}, ErrTransport, `no answer: the connection was cut: "`},
		"too large": {func(w http.ResponseWriter, r *http.Request) {
			body := done + strings.Repeat(" ", BodyMax)
			sign(w, r, body)
			_, _ = io.WriteString(w, body)
		}, ErrTooLarge, "above 983040 bytes"},
		"signed and not JSON": {func(w http.ResponseWriter, r *http.Request) {
			sign(w, r, "<html>")
			_, _ = io.WriteString(w, "<html>")
		}, ErrMalformed, "not one JSON object"},
		"signed and empty": {func(w http.ResponseWriter, r *http.Request) {
			sign(w, r, "")
		}, ErrMalformed, "not one JSON object"},
		"signed with a key twice": {answering(`{"result":{"resultStatus":"F","resultStatus":"S"}}`), ErrMalformed, "twice"},
		"signed without result":   {answering(`{"paymentId":"P1"}`), ErrMalformed, "no result"},
		"signed with a bad field": {answering(with("S", "SUCCESS", `"paymentId":{}`)), ErrMalformed, "paymentId"},
	}
}

func TestWhatIsNotProvenIsUnknown(t *testing.T) {
	const token = "agent-token-7"
	rows := notBelieved()
	maps.Copy(rows, notUsable())
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t, row.reply)
			g.Config.ErrorLog = nil
			answer := clientOf(t, g.URL, &Config{AgentToken: token}).Cancel(t.Context(), CancelRequest{PaymentID: "P1"})
			assert.Equal(t, Unknown, answer.Class)
			require.ErrorIs(t, answer.Err, row.err)
			assert.ErrorContains(t, answer.Err, row.says)
			var detail *Error
			require.ErrorAs(t, answer.Err, &detail)
			assert.Equal(t, "cancel", detail.Thing)
			assert.NotEmpty(t, detail.Remedy)
			assert.Equal(t, 1, g.count(), "one call, never a hidden retry or a followed redirect")
			assert.Empty(t, answer.Facts)
			assert.Equal(t, row.err == ErrMalformed, answer.Evidence != nil, "what is signed is kept, nothing else")
			assert.NotContains(t, answer.Err.Error(), token)
			sent, err := ParseSignature(g.calls[0].Header.Get(headerSignature))
			require.NoError(t, err)
			assert.NotContains(t, answer.Err.Error(), sent.Value[:40])
		})
	}
}

func TestASignedAnswerCountsByItsBodyWhateverTheStatus(t *testing.T) {
	for _, status := range []int{200, 201, 302, 400, 500, 503} {
		g := newGateway(t, func(w http.ResponseWriter, r *http.Request) {
			sign(w, r, done)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, done)
		})
		answer := clientOf(t, g.URL, nil).Cancel(t.Context(), CancelRequest{PaymentID: "P1"})
		require.NoError(t, answer.Err, status)
		assert.Equal(t, Succeeded, answer.Class, status)
		assert.Equal(t, status, answer.HTTPStatus)
	}
}

func TestABodyOfExactlyTheBoundIsRead(t *testing.T) {
	g := newGateway(t, answering(done+strings.Repeat(" ", BodyMax-len(done))))
	answer := clientOf(t, g.URL, nil).Cancel(t.Context(), CancelRequest{PaymentID: "P1"})
	require.NoError(t, answer.Err)
	assert.Len(t, answer.Evidence.Body, BodyMax)
}

func TestTimeoutAndCancelledContextAreUnknown(t *testing.T) {
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	hang := func(http.ResponseWriter, *http.Request) { <-release }
	stall := func(w http.ResponseWriter, r *http.Request) {
		sign(w, r, done)
		_, _ = io.WriteString(w, done[:10])
		_ = http.NewResponseController(w).Flush()
		<-release
	}
	for name, reply := range map[string]http.HandlerFunc{"no header": hang, "half a body": stall} {
		t.Run(name, func(t *testing.T) {
			// The gateways outlive the clients: closing one waits for its handlers.
			server := httptest.NewServer(reply)
			t.Cleanup(server.CloseClientConnections)
			c := clientOf(t, server.URL, &Config{CallTimeout: 50 * time.Millisecond})
			answer := c.Cancel(t.Context(), CancelRequest{PaymentID: "P1"})
			assert.Equal(t, Unknown, answer.Class)
			require.ErrorIs(t, answer.Err, ErrTransport)
			require.ErrorIs(t, answer.Err, context.DeadlineExceeded)

			c = clientOf(t, server.URL, nil)
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(50*time.Millisecond, cancel)
			answer = c.Cancel(ctx, CancelRequest{PaymentID: "P1"})
			assert.Equal(t, Unknown, answer.Class)
			require.ErrorIs(t, answer.Err, ErrTransport)
			require.ErrorIs(t, answer.Err, context.Canceled)

			brought := clientOf(t, server.URL, &Config{HTTPClient: &http.Client{Timeout: 50 * time.Millisecond}})
			answer = brought.Cancel(t.Context(), CancelRequest{PaymentID: "P1"})
			require.ErrorIs(t, answer.Err, context.DeadlineExceeded, "a brought client's own timeout")
		})
	}
}

func TestNobodyListening(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	answer := clientOf(t, "http://"+listener.Addr().String(), nil).Cancel(t.Context(), CancelRequest{PaymentID: "P1"})
	assert.Equal(t, Unknown, answer.Class)
	require.ErrorIs(t, answer.Err, ErrTransport)
	assert.Zero(t, answer.HTTPStatus)
	var leaked *net.OpError
	assert.NotErrorAs(t, answer.Err, &leaked, "no type of the network library in our contract")
}

func TestInvalidRequestsAreRefusedBeforeSending(t *testing.T) {
	g := newGateway(t, answering(done))
	c := clientOf(t, g.URL, nil)
	ctx := t.Context()
	long, bad := strings.Repeat("x", IDMax+1), "a\x00b"
	good := RefundRequest{RefundRequestID: "F1", PaymentID: "P1", Amount: jpy(1)}
	change := func(edit func(*RefundRequest)) Answer {
		r := good
		edit(&r)
		return c.Refund(ctx, r).Answer
	}
	capture := func(id, payment string, amount Amount) Answer {
		return c.Capture(ctx, CaptureRequest{CaptureRequestID: id, PaymentID: payment, Amount: amount}).Answer
	}
	tooLong := func(char string) string { return strings.Repeat(char, refundReasonMax+1) }
	for name, row := range map[string]struct {
		answer Answer
		says   string
	}{
		"cancel without id":      {c.Cancel(ctx, CancelRequest{}).Answer, "paymentId or paymentRequestId is empty"},
		"cancel, long id":        {c.Cancel(ctx, CancelRequest{PaymentID: long}).Answer, "65 bytes"},
		"cancel, NUL":            {c.Cancel(ctx, CancelRequest{PaymentRequestID: bad}).Answer, "control character"},
		"cancel, not UTF-8":      {c.Cancel(ctx, CancelRequest{PaymentID: "\xff"}).Answer, "UTF-8"},
		"capture without id":     {capture("", "P1", jpy(1)), "captureRequestId is empty"},
		"capture, no payment":    {capture("C1", "", jpy(1)), "paymentId is empty"},
		"capture of nothing":     {capture("C1", "P1", jpy(0)), "captureAmount is JPY 0, and"},
		"capture of less":        {capture("C1", "P1", jpy(-5)), "captureAmount is JPY -5, and"},
		"capture, no currency":   {capture("C1", "P1", Amount{Minor: 1}), "currency"},
		"capture, odd currency":  {capture("C1", "P1", Amount{Currency: "Jpy", Minor: 1}), "currency"},
		"refund without id":      {change(func(r *RefundRequest) { r.RefundRequestID = "" }), "refundRequestId"},
		"refund, long capture":   {change(func(r *RefundRequest) { r.CaptureID = long }), "captureId"},
		"refund of nothing":      {change(func(r *RefundRequest) { r.Amount = Amount{} }), "refundAmount"},
		"refund, endless reason": {change(func(r *RefundRequest) { r.Reason = tooLong("é") }), "refundReason"},
		"refund, long in ASCII":  {change(func(r *RefundRequest) { r.Reason = tooLong("x") }), "refundReason"},
		"refund, long in clefs":  {change(func(r *RefundRequest) { r.Reason = tooLong("𝄞") }), "refundReason"},
		"refund, reason bytes":   {change(func(r *RefundRequest) { r.Reason = "\xff" }), "refundReason"},
		"refund, no URL":         {change(func(r *RefundRequest) { r.NotifyURL = "shop" }), "refundNotifyUrl"},
		"refund, other URL":      {change(func(r *RefundRequest) { r.NotifyURL = "ftp://shop.example/" }), "refundNotifyUrl"},
		"refund, URL with user": {change(func(r *RefundRequest) { r.NotifyURL = "https://a:hunter2@shop.example/" }),
			"refundNotifyUrl"},
		"refund, endless URL": {change(func(r *RefundRequest) {
			r.NotifyURL = "https://shop.example/" +
				strings.Repeat("x", notifyURLMax)
		}), "refundNotifyUrl"},
		"inquiry without id": {c.InquirePayment(ctx, InquirePaymentRequest{}).Answer,
			"paymentId or paymentRequestId is empty"},
		"refund inquiry without": {c.InquireRefund(ctx, InquireRefundRequest{}).Answer,
			"refundId or refundRequestId is empty"},
		"refund inquiry, long": {c.InquireRefund(ctx, InquireRefundRequest{RefundID: long}).Answer, "refundId has 65 bytes"},
	} {
		assert.Equal(t, NotSent, row.answer.Class, name)
		require.ErrorIs(t, row.answer.Err, ErrInvalidRequest, name)
		assert.ErrorContains(t, row.answer.Err, row.says, name)
		assert.NotContains(t, row.answer.Err.Error(), "hunter2")
	}
	assert.Zero(t, g.count(), "nothing was sent")
	assert.Equal(t, Accepted, c.Refund(ctx, good).Class, "and the good one goes out")
	assert.Equal(t, 1, g.count())
	for _, char := range []string{"x", "退", "𝄞"} {
		whole := good
		whole.Reason = strings.Repeat(char, refundReasonMax)
		assert.Equal(t, Accepted, c.Refund(ctx, whole).Class, "a reason of as many characters as it may have, like %s", char)
	}
}

func TestHundredsOfCallsShareAConnectionAndLeakNothing(t *testing.T) {
	var connections atomic.Int64
	server := httptest.NewUnstartedServer(answering(done))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	before := runtime.NumGoroutine()
	c, err := NewClient(server.URL, testClientID, testKeys(), nil)
	require.NoError(t, err)
	for range long.Rounds(500, 100) {
		require.Equal(t, Succeeded, c.Cancel(t.Context(), CancelRequest{PaymentID: "P1"}).Class)
	}
	assert.LessOrEqual(t, connections.Load(), int64(2))
	c.Close()
	// A connection's goroutines end a moment after it is closed.
	for end := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
	}
	assert.LessOrEqual(t, runtime.NumGoroutine(), before)
	require.Equal(t, Succeeded, c.Cancel(t.Context(), CancelRequest{PaymentID: "P1"}).Class, "a closed client opens again")
	c.Close()
}

func TestABroughtHTTPClientIsUsedAndLeftAsItWas(t *testing.T) {
	g := newGateway(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/x", http.StatusFound) })
	var through atomic.Int64
	brought := &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		through.Add(1)
		return http.DefaultTransport.RoundTrip(r)
	})}
	c := clientOf(t, g.URL, &Config{HTTPClient: brought})
	assert.ErrorContains(t, c.Cancel(t.Context(), CancelRequest{PaymentID: "P1"}).Err, "never followed")
	assert.Equal(t, int64(1), through.Load())
	assert.Nil(t, brought.CheckRedirect)
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
