package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/tilltape/tilltape/apo/apotest"
)

const (
	callersTrace = "4bf92f3577b34da6a3ce929d0e0e4736"
	callersSpan  = "00f067aa0ba902b7"
)

// traced begins a service on the world's log whose spans are kept.
func (w *world) traced() *tracetest.InMemoryExporter {
	w.t.Helper()
	kept := tracetest.NewInMemoryExporter()
	w.tracers = sdktrace.NewTracerProvider(sdktrace.WithSyncer(kept))
	w.begin("")
	return kept
}

// from sends a command that is part of the caller's trace.
func (w *world) from(path, key, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, bytes.NewReader([]byte(body)))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", key)
	r.Header.Set("Traceparent", "00-"+callersTrace+"-"+callersSpan+"-01")
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, r)
	return rec
}

// named are the spans of a name, the first that ended first.
func spansOf(kept *tracetest.InMemoryExporter, name string) (spans tracetest.SpanStubs) {
	for _, s := range kept.GetSpans() {
		if s.Name == name {
			spans = append(spans, s)
		}
	}
	return spans
}

// A request's trace goes on in the command and in the call to APO; and what the next process asks again links to it.
func TestATraceGoesFromTheCallerToAPOAndOverARestart(t *testing.T) {
	w := newWorld(t)
	kept := w.traced()
	require.Equal(t, 201, w.from("/orders", "pay-1", placeO1).Code)
	request, create, pay := spansOf(kept, "POST /orders"), spansOf(kept, "order create"), spansOf(kept, "APO pay")
	require.Len(t, request, 1)
	require.Len(t, create, 1)
	require.Len(t, pay, 1)
	assert.Equal(t, callersSpan, request[0].Parent.SpanID().String())
	assert.True(t, request[0].Parent.IsRemote())
	for _, below := range []tracetest.SpanStub{create[0], pay[0]} {
		assert.Equal(t, callersTrace, below.SpanContext.TraceID().String(), below.Name)
		assert.Equal(t, request[0].SpanContext.SpanID(), below.Parent.SpanID(), below.Name)
	}

	require.NoError(t, w.apo.Submit("pay-1"))
	require.Equal(t, 1, w.apo.Deliver(t.Context()))
	require.NoError(t, w.apo.Script(apotest.Fault{Op: apotest.OpCancel, From: 1, To: 1, Do: apotest.Undecided}))
	require.Equal(t, 202, w.from("/orders/o-1/cancel", "c-1", `{}`).Code)
	asked := spansOf(kept, "APO cancel")
	require.Len(t, asked, 1)
	first := spansOf(kept, "order cancel")[0]
	assert.Equal(t, callersTrace, asked[0].SpanContext.TraceID().String())
	assert.Equal(t, first.SpanContext.SpanID(), asked[0].Parent.SpanID())

	again := w.traced() // a new process on the same log
	w.clock.Advance(time.Hour)
	_, err := w.shop.Orders.SettleDue(t.Context())
	require.NoError(t, err)
	retried := append(spansOf(again, "APO cancel"), spansOf(again, "APO inquiryPayment")...)
	require.NotEmpty(t, retried)
	for _, call := range retried {
		require.Len(t, call.Links, 1)
		assert.Equal(t, first.SpanContext.SpanID(), call.Links[0].SpanContext.SpanID())
		assert.Equal(t, callersTrace, call.Links[0].SpanContext.TraceID().String())
	}
}

// What goes out to APO says which span it is a part of, the pay call's too; strangers who notify begin none here.
func TestWhatGoesOutCarriesTheTrace(t *testing.T) {
	w := newWorld(t)
	var mu sync.Mutex
	got := map[string]string{}
	front := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		mu.Lock()
		got[filepath.Base(r.URL.Path)] = r.Header.Get("Traceparent")
		mu.Unlock()
		w.apo.ServeHTTP(rw, r)
	}))
	defer front.Close()
	w.gateway = front.URL
	kept := w.traced()
	require.Equal(t, 201, w.from("/orders", "pay-1", placeO1).Code)
	require.NoError(t, w.apo.Submit("pay-1"))
	notes := w.apo.TakeNotifications()
	require.Len(t, notes, 1)
	notes[0].Header.Set("Traceparent", "00-"+callersTrace+"-"+callersSpan+"-01")
	require.Equal(t, 200, hand(w, &notes[0], notes[0].Body).Code)
	require.Equal(t, 200, w.from("/orders/o-1/cancel", "c-1", `{}`).Code)
	for call, span := range map[string]string{"pay": "APO pay", "cancel": "APO cancel"} {
		of := spansOf(kept, span)
		require.Len(t, of, 1, span)
		c := of[0].SpanContext
		assert.Equal(t, "00-"+callersTrace+"-"+c.SpanID().String()+"-01", got[call])
	}
	notified := spansOf(kept, "POST /notify")
	require.Len(t, notified, 1)
	assert.False(t, notified[0].Parent.IsValid())
	assert.NotEqual(t, callersTrace, notified[0].SpanContext.TraceID().String())
}

// A span says how its request was answered; only the service's own trouble is an error, a request cut off too.
func TestASpanSaysHowARequestWasAnswered(t *testing.T) {
	w := newWorld(t)
	kept := w.traced()
	require.Equal(t, 404, w.from("/orders/o-9/cancel", "c-1", `{}`).Code)
	require.Equal(t, 404, w.from("/nowhere", "c-1", `{}`).Code)
	require.NoError(t, w.log.Close())
	require.GreaterOrEqual(t, w.from("/orders/o-1/cancel", "c-1", `{}`).Code, 500)
	spans := append(spansOf(kept, "POST /orders/{id}/cancel"), spansOf(kept, "POST")...)
	require.Len(t, spans, 3)
	for i, want := range []struct {
		route string
		code  codes.Code
	}{{"/orders/{id}/cancel", codes.Unset}, {"/orders/{id}/cancel", codes.Error}, {"", codes.Unset}} {
		assert.Equal(t, want.code, spans[i].Status.Code, i)
		route := ""
		for _, kv := range spans[i].Attributes {
			if kv.Key == "http.route" {
				route = kv.Value.AsString()
			}
		}
		assert.Equal(t, want.route, route)
	}
	cut := w.shop.traces(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	assert.Panics(t, func() {
		cut.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/cut", nil))
	})
	assert.Equal(t, codes.Error, spansOf(kept, "GET")[0].Status.Code)
}

// A method that strangers make up names no span.
func TestAMethodThatNobodyKnowsIsAnother(t *testing.T) {
	w := newWorld(t)
	kept := w.traced()
	w.handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("BREW", "/orders", nil))
	spans := spansOf(kept, "HTTP")
	require.Len(t, spans, 1)
	said := map[string]string{}
	for _, kv := range spans[0].Attributes {
		said[string(kv.Key)] = kv.Value.AsString()
	}
	assert.Equal(t, "_OTHER", said["http.request.method"])
	assert.Equal(t, "http", said["url.scheme"])
}

func TestTheEnvironmentSaysWhetherThereAreSpans(t *testing.T) {
	const grpc = "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"
	for name, c := range map[string]struct {
		environ []string
		on      bool
		wrong   string
	}{
		"nothing is said":        {nil, false, ""},
		"where to":               {[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318"}, true, ""},
		"where to, for spans":    {[]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://localhost:4318/v1/traces"}, true, ""},
		"that they are exported": {[]string{"OTEL_TRACES_EXPORTER=otlp"}, true, ""},
		"that they are not":      {[]string{"OTEL_TRACES_EXPORTER=none", "OTEL_EXPORTER_OTLP_ENDPOINT=http://h"}, false, ""},
		"that nothing is":        {[]string{"OTEL_SDK_DISABLED=TRUE", "OTEL_TRACES_EXPORTER=otlp"}, false, ""},
		"the protocol": {[]string{"OTEL_TRACES_EXPORTER=otlp", "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"}, true,
			""},
		"another protocol, of nothing":   {[]string{grpc}, false, ""},
		"another protocol, switched off": {[]string{grpc, "OTEL_SDK_DISABLED=true", "OTEL_TRACES_EXPORTER=otlp"}, false, ""},
		"another protocol, not exported": {[]string{grpc, "OTEL_TRACES_EXPORTER=none"}, false, ""},
		"another protocol for the rest": {[]string{grpc, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/protobuf",
			"OTEL_TRACES_EXPORTER=otlp"}, true, ""},
		"another protocol for spans": {[]string{"OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
			"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=grpc", "OTEL_TRACES_EXPORTER=otlp"}, false,
			`OTEL_EXPORTER_OTLP_TRACES_PROTOCOL "grpc" is not spoken here; give http/protobuf, and the collector's port ` +
				"for that, mostly 4318"},
		"another protocol": {[]string{grpc, "OTEL_EXPORTER_OTLP_ENDPOINT=http://h"}, false,
			`OTEL_EXPORTER_OTLP_PROTOCOL "grpc" is not spoken here; give http/protobuf, and the collector's port for that, ` +
				"mostly 4318"},
		"another exporter": {[]string{"OTEL_TRACES_EXPORTER=zipkin"}, false, `OTEL_TRACES_EXPORTER "zipkin" is not known ` +
			"here; give otlp, or none"},
	} {
		t.Run(name, func(t *testing.T) {
			on, err := traced(c.environ)
			if c.wrong != "" {
				require.EqualError(t, err, c.wrong)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, c.on, on)
		})
	}
}

// The program as it is started: spans go where OpenTelemetry's variables say, the last ones before it ends.
func TestTheProgramExportsItsSpans(t *testing.T) {
	var mu sync.Mutex
	var got []byte
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		got = append(got, body...)
		assert.Equal(t, "/v1/traces", r.URL.Path)
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	defer collector.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	t.Setenv("OTEL_SERVICE_NAME", "the-shop")
	server, err := apotest.NewServer(nil)
	require.NoError(t, err)
	defer func() { assert.NoError(t, server.Close()) }()
	dir := t.TempDir()
	keys := filepath.Join(dir, "keys")
	require.NoError(t, server.WriteKeys(keys))
	url, stop := serving(t, environment(server, keys, "CHECKOUT_LOG="+filepath.Join(dir, "orders.tilltape"),
		"OTEL_EXPORTER_OTLP_ENDPOINT="+collector.URL)...)
	w := &world{t: t, url: url}
	require.Equal(t, 201, w.do("POST", "/orders", "pay-1", placeO1).status)
	require.NoError(t, stop())
	mu.Lock()
	defer mu.Unlock()
	for _, name := range []string{"the-shop", "POST /orders", "order create", "APO pay"} {
		assert.Contains(t, string(got), name)
	}
}
