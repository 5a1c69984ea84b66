package otel_test

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/otel"
	"github.com/tilltape/tilltape/store/memory"
)

// world is a shop whose telemetry is kept.
type world struct {
	t         *testing.T
	clock     *apotest.Clock
	server    *apotest.Server
	log       *memory.Log
	spans     *tracetest.SpanRecorder
	tracers   *sdktrace.TracerProvider
	reader    *sdkmetric.ManualReader
	telemetry *otel.Telemetry
	verifier  *apo.Verifier
	client    *apo.Client
	orders    *tilltape.Orders

	mu       sync.Mutex
	requests []trace.SpanContext // what the requests to APO were part of
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, log: memory.New(), clock: apotest.NewClock(time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC))}
	var err error
	w.server, err = apotest.NewServer(&apotest.Config{Now: w.clock.Now, ManualDelivery: true})
	require.NoError(t, err)
	t.Cleanup(func() { _ = w.server.Close() })
	w.open(nil)
	return w
}

// RoundTrip notes what a request is a part of, as an instrumented transport would.
func (w *world) RoundTrip(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	w.requests = append(w.requests, trace.SpanContextFromContext(r.Context()))
	w.mu.Unlock()
	return http.DefaultTransport.RoundTrip(r)
}

// open opens the orders with a telemetry of their own, as a new process would.
func (w *world) open(next *tilltape.Observer) {
	t := w.t
	t.Helper()
	if w.orders != nil {
		require.NoError(t, w.orders.Close())
	}
	w.spans, w.reader = tracetest.NewSpanRecorder(), sdkmetric.NewManualReader()
	w.tracers = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(w.spans))
	var err error
	w.telemetry, err = otel.New(otel.Config{Tracers: w.tracers, Now: w.clock.Now,
		Meters: sdkmetric.NewMeterProvider(sdkmetric.WithReader(w.reader))})
	require.NoError(t, err)
	w.client, err = apo.NewClient(w.server.URL(), w.server.ClientID(), w.server.Keys(),
		&apo.Config{HTTPClient: &http.Client{Transport: w}, Observer: w.telemetry.Client(), Now: w.clock.Now})
	require.NoError(t, err)
	w.verifier, err = w.client.Verifier(nil)
	require.NoError(t, err)
	w.orders, err = tilltape.New(w.log, w.client, &tilltape.Config{Now: w.clock.Now,
		Observer: w.telemetry.Observer(next)})
	require.NoError(t, err)
	t.Cleanup(func() { _ = w.orders.Close() })
}

// usd is an amount.
func usd(minor int64) order.Money { return order.Money{Minor: minor, Currency: "USD"} }

// authorized places an order whose buyer has paid.
func (w *world) authorized(id string) {
	w.t.Helper()
	ctx := context.Background()
	_, err := w.orders.Create(ctx, order.Create{OrderID: id, PaymentRequestID: "pay-" + id, Amount: usd(1000),
		Method: "CARD", CaptureMode: order.CaptureManual})
	require.NoError(w.t, err)
	_, err = w.server.Register(apotest.Payment{PaymentRequestID: "pay-" + id, Method: "CARD",
		Amount: apo.Amount{Currency: "USD", Minor: 1000}, Capture: apo.CaptureManual})
	require.NoError(w.t, err)
	require.NoError(w.t, w.server.Submit("pay-"+id))
	w.hear()
}

// hear takes APO's notifications.
func (w *world) hear() {
	w.t.Helper()
	for _, n := range w.server.TakeNotifications() {
		fact, err := w.verifier.VerifyNotification(n.Method, n.Path, n.Header, n.Body)
		require.NoError(w.t, err)
		_, err = w.orders.Observe(context.Background(), fact)
		require.NoError(w.t, err)
	}
}

// ended returns the spans that have ended, by name, in the order of their end.
func (w *world) ended(name string) (spans []sdktrace.ReadOnlySpan) {
	for _, s := range w.spans.Ended() {
		if s.Name() == name {
			spans = append(spans, s)
		}
	}
	return spans
}

// one returns the only span of that name.
func (w *world) one(name string) sdktrace.ReadOnlySpan {
	w.t.Helper()
	spans := w.ended(name)
	require.Len(w.t, spans, 1, name)
	return spans[0]
}

// attributesOf are a span's attributes as words.
func attributesOf(s sdktrace.ReadOnlySpan) map[string]string {
	out := map[string]string{}
	for _, kv := range s.Attributes() {
		out[string(kv.Key)] = kv.Value.String()
	}
	return out
}

// collected returns the metrics by name.
func (w *world) collected() map[string]metricdata.Metrics {
	w.t.Helper()
	var all metricdata.ResourceMetrics
	require.NoError(w.t, w.reader.Collect(context.Background(), &all))
	return byName(all)
}

func byName(all metricdata.ResourceMetrics) map[string]metricdata.Metrics {
	out := map[string]metricdata.Metrics{}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			out[m.Name] = m
		}
	}
	return out
}

// point is one value of a metric, with a histogram's count and sum.
type point struct {
	attributes attribute.Set
	value      float64
	count      uint64
}

// pointsOf are the values of a metric, and whether they grow only.
func pointsOf(m metricdata.Metrics) (points []point, kind string) {
	switch data := m.Data.(type) {
	case metricdata.Sum[int64]:
		for _, p := range data.DataPoints {
			points = append(points, point{p.Attributes, float64(p.Value), 0})
		}
		return points, sumKind(data.IsMonotonic)
	case metricdata.Sum[float64]:
		for _, p := range data.DataPoints {
			points = append(points, point{p.Attributes, p.Value, 0})
		}
		return points, sumKind(data.IsMonotonic)
	case metricdata.Gauge[int64]:
		for _, p := range data.DataPoints {
			points = append(points, point{p.Attributes, float64(p.Value), 0})
		}
		return points, "gauge"
	case metricdata.Gauge[float64]:
		for _, p := range data.DataPoints {
			points = append(points, point{p.Attributes, p.Value, 0})
		}
		return points, "gauge"
	case metricdata.Histogram[float64]:
		for _, p := range data.DataPoints {
			points = append(points, point{p.Attributes, p.Sum, p.Count})
		}
		return points, "histogram"
	}
	return nil, "none of these"
}

func sumKind(monotonic bool) string {
	if monotonic {
		return "counter"
	}
	return "up-down counter"
}

// values are a metric's values by their attributes, in words; of a histogram, how many there are.
func (w *world) values(name string) map[string]float64 {
	w.t.Helper()
	points, kind := pointsOf(w.collected()[name])
	out := map[string]float64{}
	for _, p := range points {
		key := p.attributes.Encoded(attribute.DefaultEncoder())
		out[key] = p.value
		if kind == "histogram" {
			out[key] = float64(p.count)
		}
	}
	return out
}
