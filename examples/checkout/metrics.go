package main

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	exporter "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/tilltape/tilltape/notify"
	"github.com/tilltape/tilltape/otel"
	"github.com/tilltape/tilltape/service"
)

// metrics are what Prometheus asks for: what the orders do, what stands open in the log, and the process.
type metrics struct {
	telemetry *otel.Telemetry // has the spans, too
	pages     http.Handler
}

// scrapesMax is how many scrapes are answered at once: a pair of Prometheus servers. Each asks the log what stands
// open, and one that is slow must not be asked ever more.
const scrapesMax = 2

func newMetrics(tracers trace.TracerProvider, now func() time.Time) (*metrics, error) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	reader, err := exporter.New(exporter.WithRegisterer(registry))
	if err != nil {
		return nil, err
	}
	meters := metric.NewMeterProvider(metric.WithReader(reader))
	telemetry, err := otel.New(otel.Config{Tracers: tracers, Meters: meters, Now: now})
	if err != nil {
		return nil, err
	}
	pages := promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: scrapesMax})
	return &metrics{telemetry: telemetry, pages: pages}, nil
}

// watch has the orders and the notifications tell the metrics, too.
func (m *metrics) watch(cfg *service.Config) {
	cfg.Orders.Observer = m.telemetry.Observer(cfg.Orders.Observer)
	heard := cfg.Notify.Heard
	cfg.Notify.Heard = func(ctx context.Context, n notify.Notification) {
		heard(ctx, n)
		m.telemetry.Heard(ctx, n)
	}
}
