package otel

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	nometer "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/trace"
	notrace "go.opentelemetry.io/otel/trace/noop"

	"github.com/tilltape/tilltape/notify"
)

// scope is whose spans and metrics these are.
const scope = "github.com/tilltape/tilltape/otel"

// Config says where spans and metrics go. Nothing global is used: what is nil gets none.
type Config struct {
	Tracers trace.TracerProvider // nil: no spans; the trace of a command's caller is kept with its intent all the same
	Meters  metric.MeterProvider // nil: no metrics
	// Now is the clock that what stands open is judged by, the Orders' own; default [time.Now].
	Now func() time.Time
}

// Telemetry tells a tracer and a meter. It is safe for many goroutines at once, and for several Orders.
type Telemetry struct {
	tracer trace.Tracer
	meter  metric.Meter
	now    func() time.Time

	commands, calls, notifications             metric.Float64Histogram
	refused, transitions, parked, odd, failing metric.Int64Counter
}

// New makes the instruments. The error wraps [tilltape.ErrConfig].
func New(c Config) (*Telemetry, error) {
	if c.Tracers == nil {
		c.Tracers = notrace.NewTracerProvider()
	}
	if c.Meters == nil {
		c.Meters = nometer.NewMeterProvider()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	t := &Telemetry{tracer: c.Tracers.Tracer(scope), meter: c.Meters.Meter(scope), now: c.Now}
	m := &maker{meter: t.meter}
	t.commands, t.calls = m.histogram(commandDuration), m.histogram(callDuration)
	t.notifications = m.histogram(notificationDuration)
	t.refused, t.transitions = m.counter(commandRefused), m.counter(orderTransitions)
	t.parked, t.odd, t.failing = m.counter(orderParked), m.counter(orderAnomalies), m.counter(settlingFailures)
	return t, m.err()
}

// Heard counts and times a notification: it is for [notify.Config.Heard].
func (t *Telemetry) Heard(ctx context.Context, n notify.Notification) {
	t.notifications.Record(ctx, n.Took.Seconds(), with(keyOutcome, n.Outcome.String()))
}

// with is attributes of a metric, each a key and its word.
func with(pairs ...string) metric.MeasurementOption {
	attributes := make([]attribute.KeyValue, 0, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		attributes = append(attributes, attribute.String(pairs[i], pairs[i+1]))
	}
	return metric.WithAttributeSet(attribute.NewSet(attributes...))
}
