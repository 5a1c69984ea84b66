package main

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/problem"
)

func TestWhatIsNotThereIsToldAsAProblem(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		method, path string
		status       int
		allow, says  string
	}{
		{"GET", "/", 404, "", "there is no such path"},
		{"POST", "/orders/o-1/void", 404, "", "there is no such path"},
		{"PUT", "/orders", 405, "POST", "nothing here takes PUT"},
		{"DELETE", "/orders/o-1", 405, "GET, HEAD", "nothing here takes DELETE"},
		{"GET", "/notify", 405, "POST", "nothing here takes GET"},
		{"BREW", "/orders", 405, "POST", "nothing here takes this method"},
		{"GET", "/orders/o-1", 404, "", "no such order is on record"},
	} {
		a := w.do(c.method, c.path, "", "")
		assert.Equal(t, c.status, a.status, c.path)
		assert.Equal(t, c.allow, a.header.Get("Allow"), c.path)
		p := a.problem(t)
		assert.Equal(t, c.says, p.Detail, c.path)
		assert.Equal(t, c.path, p.Instance)
		assert.NotEmpty(t, p.Type)
		assert.NotEmpty(t, p.Title)
		assert.NotEmpty(t, p.Remedy)
	}
}

func TestABodyThatIsNoJSONIsUnsupported(t *testing.T) {
	w := newWorld(t)
	given := func(name, value string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("POST", "/orders", strings.NewReader(placeO1))
		r.Header.Set("Idempotency-Key", "pay-1")
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set(name, value)
		rec := httptest.NewRecorder()
		w.handler.ServeHTTP(rec, r)
		return rec
	}
	for _, kind := range []string{"", "text/plain", "application/x-www-form-urlencoded", "application/json; charset"} {
		rec := given("Content-Type", kind)
		assert.Equal(t, http.StatusUnsupportedMediaType, rec.Code, kind)
		assert.Equal(t, "application/json", rec.Header().Get("Accept"))
		assert.Equal(t, problem.ContentType, rec.Header().Get("Content-Type"))
	}
	rec := given("Content-Encoding", "gzip")
	assert.Equal(t, http.StatusUnsupportedMediaType, rec.Code)
	assert.Equal(t, "identity", rec.Header().Get("Accept-Encoding"))
	assert.Zero(t, w.apo.Count())
	assert.Equal(t, http.StatusCreated, given("Content-Type", "application/json; charset=utf-8").Code)
}

// A panic is told as no more than that: neither its text nor its stack.
func TestAPanicIsTheServicesOwnAffair(t *testing.T) {
	w := newWorld(t)
	mux := http.NewServeMux()
	mux.HandleFunc("/early", func(http.ResponseWriter, *http.Request) { panic("the secret") })
	mux.HandleFunc("/late", func(rw http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(rw, "half of it")
		panic("the secret")
	})
	server := httptest.NewServer(w.shop.honest(mux))
	defer server.Close()
	resp, err := http.Get(server.URL + "/early")
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	assert.Equal(t, http.StatusInternalServerError, resp.StatusCode)
	assert.Equal(t, problem.ContentType, resp.Header.Get("Content-Type"))
	assert.NotContains(t, string(body), "secret")
	assert.NotContains(t, string(body), ".go")
	assert.Contains(t, w.logged.String(), "the secret")
	assert.Contains(t, w.logged.String(), "http_test.go", "where it happened")

	resp, err = http.Get(server.URL + "/late")
	if err == nil { // the headers may have gone before it was cut off
		defer resp.Body.Close()
		_, err = io.ReadAll(resp.Body)
	}
	require.Error(t, err, "nobody takes it for the whole")
}

// Whoever sends slowly is let go: before its headers are there by the server, and then with a problem.
func TestASlowClientIsLetGo(t *testing.T) {
	w := newWorld(t)
	headers, bodies := w.shop.Server(w.handler), w.shop.Server(w.handler)
	for _, limit := range []time.Duration{headers.ReadHeaderTimeout, headers.ReadTimeout, headers.WriteTimeout,
		headers.IdleTimeout} {
		assert.Positive(t, limit)
	}
	headers.ReadHeaderTimeout, bodies.ReadTimeout = 100*time.Millisecond, 100*time.Millisecond
	said := func(server *http.Server, begin string) string {
		listener := listening(t)
		go func() { _ = server.Serve(listener) }()
		defer server.Close()
		c, err := net.Dial("tcp", listener.Addr().String())
		require.NoError(t, err)
		defer c.Close()
		require.NoError(t, c.SetDeadline(time.Now().Add(time.Minute)))
		_, err = io.WriteString(c, begin)
		require.NoError(t, err)
		answer, err := io.ReadAll(c)
		require.NoError(t, err, "it is the service that hangs up")
		return string(answer)
	}
	assert.NotContains(t, said(headers, "POST /orders HTTP/1.1\r\nHost: shop\r\nIdempot"), "goroutine")
	answer := said(bodies, "POST /orders HTTP/1.1\r\nHost: shop\r\nIdempotency-Key: pay-1\r\n"+
		"Content-Type: application/json\r\nContent-Length: 200\r\n\r\n{\"order\":")
	assert.Contains(t, answer, "HTTP/1.1 408 Request Timeout\r\n")
	assert.Contains(t, answer, "the body took too long to come")
	assert.Zero(t, w.apo.Count())
}

// The same key with the same body has the same answer, whatever has become of the order since, and whichever process is
// asked; with another body it is a mistake.
func TestAKeyHasOneAnswer(t *testing.T) {
	w := newWorld(t)
	w.authorized()
	const capture, refund = `{"amount":"USD 10.00","actor":"warehouse"}`, `{"amount":"USD 4.00","reason":"sent back"}`
	captured := w.do("POST", "/orders/o-1/capture", `"capture-1"`, capture)
	require.Equal(t, http.StatusOK, captured.status, captured.body)
	w.do("POST", "/orders/o-1/refund", "refund-1", refund)
	require.Positive(t, w.apo.Deliver(t.Context()))
	refunded := w.do("POST", "/orders/o-1/refund", "refund-1", refund)
	require.Equal(t, http.StatusOK, refunded.status, refunded.body)
	w.do("POST", "/orders/o-1/refund", "refund-2", refund)
	calls := w.apo.Count()

	for range 2 {
		again := w.do("POST", "/orders/o-1/capture", "capture-1", `{"actor":"warehouse", "amount":"USD 10.00"}`)
		assert.Equal(t, captured.status, again.status)
		assert.Equal(t, captured.body, again.body, "the order as the capture left it")
		assert.Equal(t, refunded.body, w.do("POST", "/orders/o-1/refund", "refund-1", refund).body)
		for name, other := range map[string][3]string{
			"amount":  {"/orders/o-1/capture", "capture-1", `{"amount":"USD 9.00","actor":"warehouse"}`},
			"last":    {"/orders/o-1/capture", "capture-1", `{"amount":"USD 10.00","last":true,"actor":"warehouse"}`},
			"actor":   {"/orders/o-1/capture", "capture-1", `{"amount":"USD 10.00"}`},
			"command": {"/orders/o-1/cancel", "capture-1", `{}`},
			"reason":  {"/orders/o-1/refund", "refund-1", `{"amount":"USD 4.00","reason":"broken"}`},
			"pending": {"/orders/o-1/refund", "refund-2", `{"amount":"USD 4.00","reason":"broken"}`},
			"who":     {"/orders", "pay-1", strings.Replace(placeO1, "shop", "till", 1)},
		} {
			a := w.do("POST", other[0], other[1], other[2])
			assert.Equal(t, http.StatusUnprocessableEntity, a.status, name+a.body)
			assert.Equal(t, problem.TypeBase+"mismatch", a.problem(t).Type, name)
		}
		w.begin("") // a process that remembers nothing
	}
	assert.Equal(t, calls, w.apo.Count())
	assert.Equal(t, int64(1000), w.apo.Totals("pay-1").Captured)
}

// A cancel that needs no call has no reason on record; it is the same command all the same.
func TestACancelOfWhatHasFailedIsGivenAgain(t *testing.T) {
	w := newWorld(t)
	require.Equal(t, http.StatusCreated, w.do("POST", "/orders", "pay-1", placeO1).status)
	require.NoError(t, w.apo.Decline("pay-1"))
	require.Equal(t, 1, w.apo.Deliver(t.Context()))
	require.Equal(t, "failed", w.do("GET", "/orders/o-1", "", "").order(t).Status)
	assert.Equal(t, http.StatusCreated, w.do("POST", "/orders", "pay-1", placeO1).status, "as it was answered")
	for range 2 {
		a := w.do("POST", "/orders/o-1/cancel", "cancel-1", `{"reason":"changed their mind","actor":"alice"}`)
		assert.Equal(t, http.StatusOK, a.status, a.body)
		assert.Equal(t, "cancelled", a.order(t).Status)
	}
	assert.Zero(t, w.apo.Count(apotest.OpCancel))
}
