package otel_test

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/notify"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/otel"
	"github.com/tilltape/tilltape/outbox"
	"github.com/tilltape/tilltape/store/memory"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// A service gives the observer to its orders. Here the spans are kept; yours go to an exporter.
func ExampleNew() {
	ctx := context.Background()
	server := must(apotest.NewServer(nil))
	defer server.Close()
	client := must(apo.NewClient(server.URL(), server.ClientID(), server.Keys(), nil))

	spans := tracetest.NewSpanRecorder()
	telemetry := must(otel.New(otel.Config{Tracers: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))}))
	orders := must(tilltape.New(memory.New(), client, &tilltape.Config{Observer: telemetry.Observer(nil)}))
	defer orders.Close()

	must(orders.Create(ctx, order.Create{OrderID: "o-1", PaymentRequestID: "pay-1",
		Amount: order.Money{Minor: 1000, Currency: "USD"}, Method: "CARD", CaptureMode: order.CaptureManual}))
	must(server.Register(apotest.Payment{PaymentRequestID: "pay-1", Method: "CARD", Capture: apo.CaptureManual,
		Amount: apo.Amount{Currency: "USD", Minor: 1000}}))
	must(orders.Cancel(ctx, "o-1", order.Cancel{}))
	for _, span := range spans.Ended() {
		fmt.Println(span.Name(), "below another:", span.Parent().IsValid())
	}
	// Output:
	// order create below another: false
	// APO cancel below another: true
	// order cancel below another: false
}

// meter is a provider whose metrics are read by hand.
func meter() (*sdkmetric.MeterProvider, *sdkmetric.ManualReader) {
	reader := sdkmetric.NewManualReader()
	return sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)), reader
}

// What stands open in a log, and its figures, are asked for whenever metrics are collected.
func ExampleTelemetry_Measure() {
	ctx := context.Background()
	meters, reader := meter()
	log := memory.New()
	defer log.Close()
	telemetry := must(otel.New(otel.Config{Meters: meters}))
	stop := must(telemetry.Measure(log))
	defer stop() // before the log is closed

	var all metricdata.ResourceMetrics
	if err := reader.Collect(ctx, &all); err != nil {
		fmt.Println(err)
	}
	for _, m := range all.ScopeMetrics[0].Metrics {
		if m.Name == "tilltape.order.unresolved" {
			fmt.Println(m.Description, m.Data.(metricdata.Gauge[int64]).DataPoints[0].Value)
		}
	}
	// Output: Orders with an operation whose outcome is not known. 0
}

// The service's own observer is told within the spans.
func ExampleTelemetry_Observer() {
	telemetry := must(otel.New(otel.Config{}))
	observer := telemetry.Observer(&tilltape.Observer{
		Parked: func(_ context.Context, a tilltape.Alarm) { fmt.Println("page somebody:", a.OrderID) },
	})
	observer.Parked(context.Background(), tilltape.Alarm{OrderID: "o-1"})
	// Output: page somebody: o-1
}

// A handler of notifications counts what it hears.
func ExampleTelemetry_Heard() {
	meters, reader := meter()
	telemetry := must(otel.New(otel.Config{Meters: meters}))
	config := notify.Config{Heard: telemetry.Heard} // for notify.NewHandler

	config.Heard(context.Background(), notify.Notification{Outcome: notify.Duplicate, Took: time.Millisecond})
	var all metricdata.ResourceMetrics
	if err := reader.Collect(context.Background(), &all); err != nil {
		fmt.Println(err)
	}
	point := all.ScopeMetrics[0].Metrics[0].Data.(metricdata.Histogram[float64]).DataPoints[0]
	fmt.Println(point.Count, point.Attributes.Encoded(attribute.DefaultEncoder()))
	// Output: 1 tilltape.outcome=duplicate
}

// The pay call is the service's own: the client tells of it, and puts the trace on what it sends.
func ExampleTelemetry_Client() {
	server := must(apotest.NewServer(nil))
	defer server.Close()
	spans := tracetest.NewSpanRecorder()
	telemetry := must(otel.New(otel.Config{Tracers: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))}))
	client := must(apo.NewClient(server.URL(), server.ClientID(), server.Keys(), &apo.Config{
		Observer: telemetry.Client(), HTTPClient: &http.Client{Transport: otel.Transport(nil)}}))

	answer := client.Pay(context.Background(), apo.PayRequest{PaymentRequestID: "pay-1", Method: "CARD",
		Capture: apo.CaptureManual, Amount: apo.Amount{Currency: "USD", Minor: 1000}})
	fmt.Println(answer.Class, spans.Ended()[0].Name())
	// Output: accepted APO pay
}

// How far those are who drink from the log is asked when metrics are collected.
func ExampleTelemetry_Consumers() {
	ctx := context.Background()
	log := memory.New()
	warehouse := must(outbox.New(log, outbox.SenderFunc(func(context.Context, outbox.Message) error { return nil }),
		&outbox.Config{Name: "warehouse", Source: "https://shop.example/orders", Keeper: outbox.MemoryKeeper()}))
	meters, reader := meter()
	telemetry := must(otel.New(otel.Config{Meters: meters}))
	stop := must(telemetry.Consumers(warehouse))
	defer func() { _ = stop() }()

	must(log.Append(ctx, events.OrderStream("o-1"), 0, events.Record{ID: "r-1", Recorded: time.Now(),
		Event: events.PaymentPending{}}))
	var all metricdata.ResourceMetrics
	if err := reader.Collect(ctx, &all); err != nil {
		panic(err)
	}
	for _, m := range all.ScopeMetrics[0].Metrics {
		if lag, is := m.Data.(metricdata.Gauge[int64]); is {
			fmt.Println(m.Name, lag.DataPoints[0].Value)
		}
	}
	// Unordered output:
	// tilltape.consumer.lag 1
	// tilltape.consumer.parked 0
}
