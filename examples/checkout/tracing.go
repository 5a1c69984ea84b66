package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// tracing makes spans and hands them on. OpenTelemetry's own variables say where to; without them there are no spans.
type tracing struct {
	on      bool
	tracers trace.TracerProvider
	stop    func(context.Context) error // hands on what is left
}

// flushTimeout is how long a collector has for the last spans when the service ends.
const flushTimeout = 5 * time.Second

// The variables that are read here. All others of OpenTelemetry's (sampler, headers, certificates, batches, the
// service's name) its SDK reads by itself.
const (
	sdkDisabled    = "OTEL_SDK_DISABLED"
	tracesExporter = "OTEL_TRACES_EXPORTER"
	endpointAll    = "OTEL_EXPORTER_OTLP_ENDPOINT"
	endpointTraces = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	protocolAll    = "OTEL_EXPORTER_OTLP_PROTOCOL"
	protocolTraces = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"

	onlyProtocol = "http/protobuf"
)

// traced reports whether an environment asks for spans: it says that they are exported by OTLP, or where to. The error
// names what this service does not speak.
func traced(environ []string) (bool, error) {
	said := map[string]string{}
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		said[name] = value
	}
	if strings.EqualFold(said[sdkDisabled], "true") {
		return false, nil
	}
	switch exporter := said[tracesExporter]; exporter {
	case "otlp":
	case "none":
		return false, nil
	case "":
		if said[endpointAll] == "" && said[endpointTraces] == "" {
			return false, nil
		}
	default:
		return false, fmt.Errorf("%s %q is not known here; give otlp, or none", tracesExporter, exporter)
	}
	return true, spoken(said)
}

// spoken is an error where the protocol for spans is one that this service does not speak. What is said of spans counts
// before what is said of all signals.
func spoken(said map[string]string) error {
	for _, name := range []string{protocolTraces, protocolAll} {
		switch p := said[name]; p {
		case "":
			continue
		case onlyProtocol:
			return nil
		default:
			return fmt.Errorf("%s %q is not spoken here; give %s, and the collector's port for that, mostly 4318", name, p,
				onlyProtocol)
		}
	}
	return nil
}

// newTracing is as the environment has it. Nothing is sent yet: a collector that is away costs spans and no order.
func newTracing(ctx context.Context, environ []string) (*tracing, error) {
	on, err := traced(environ)
	if err != nil {
		return nil, err
	}
	if !on {
		return &tracing{tracers: noop.NewTracerProvider(), stop: func(context.Context) error { return nil }}, nil
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("exporting spans: %w; see to the variables that begin with OTEL_EXPORTER_OTLP_", err)
	}
	of, err := resource.New(ctx, resource.WithAttributes(attribute.String("service.name", "checkout")),
		resource.WithTelemetrySDK(), resource.WithFromEnv()) // which may say another name
	if err != nil {
		return nil, fmt.Errorf("naming the service: %w; see to OTEL_RESOURCE_ATTRIBUTES", err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(of))
	return &tracing{on: true, tracers: provider, stop: provider.Shutdown}, nil
}

// traces has a span for each request. Its caller's trace goes on in it, and the commands that it gives are below it.
// Strangers reach the path for notifications, and begin no trace of theirs in ours.
func (s *shop) traces(pages http.Handler) http.Handler {
	tracer := s.tracers.Tracer("checkout")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		if r.URL.Path != notifyPath {
			ctx = propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(r.Header))
		}
		name, known := method(r.Method)
		called := cmp.Or(name, "HTTP")
		if !known { // as OpenTelemetry's conventions have it
			name = "_OTHER"
		}
		ctx, span := tracer.Start(ctx, called, trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
			attribute.String("http.request.method", name), attribute.String("url.path", r.URL.Path),
			attribute.String("url.scheme", "http"))) // TLS is a proxy's
		answered := &begun{ResponseWriter: w}
		r = r.WithContext(ctx)
		defer func() {
			if r.Pattern != "" { // the mux has found whose it is
				span.SetName(r.Pattern)
				_, route, _ := strings.Cut(r.Pattern, " ")
				span.SetAttributes(attribute.String("http.route", route))
			}
			status := answered.status
			if status == 0 { // it was cut off
				status = http.StatusInternalServerError
			}
			span.SetAttributes(attribute.Int("http.response.status_code", status))
			if status >= http.StatusInternalServerError {
				span.SetStatus(codes.Error, http.StatusText(status))
			}
			span.End()
		}()
		pages.ServeHTTP(answered, r)
	})
}

// end hands on the spans that are left. That a collector does not take them is told, and is no fault of the service's.
func (t *tracing) end(logger *slog.Logger) {
	ctx, end := context.WithTimeout(context.Background(), flushTimeout)
	defer end()
	if err := t.stop(ctx); err != nil {
		logger.Warn("spans were lost", "err", err)
	}
}
