package otel

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/otel/metric"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/outbox"
)

// consuming are the consumers that are asked at each collection.
type consuming struct {
	of          []*outbox.Consumer
	lag, parked metric.Int64Observable
	age         metric.Float64Observable
}

// Consumers has consumers asked, whenever metrics are collected, how far they are behind their log and how many orders
// they have parked. Each is told under its name, which the service has given it. stop ends that; call it before their
// log is closed. The error wraps [tilltape.ErrConfig].
//
// A consumer that does not say where it is has no value, and the meter is given its error; the others are told. Cost of
// a collection: what each consumer has not passed is read, up to [outbox.LagMax] records, one consumer after the other
// and all of them within [AskTimeout].
func (t *Telemetry) Consumers(of ...*outbox.Consumer) (stop func() error, err error) {
	names := map[string]bool{}
	for _, c := range of {
		if c == nil || names[c.Name()] {
			return nil, fmt.Errorf("otel: %w: a consumer is nil, or has the name of another; give each once", tilltape.ErrConfig)
		}
		names[c.Name()] = true
	}
	m := &maker{meter: t.meter}
	c := &consuming{of: of, lag: m.asked(consumerLag), parked: m.asked(consumerParked),
		age: m.askedSeconds(consumerLagAge)}
	if err := m.err(); err != nil {
		return nil, err
	}
	r, err := t.meter.RegisterCallback(c.observe, c.lag, c.parked, c.age)
	if err != nil {
		return nil, fmt.Errorf("otel: %w: measuring consumers: %v; check the MeterProvider", tilltape.ErrConfig, err)
	}
	return r.Unregister, nil
}

func (c *consuming) observe(ctx context.Context, o metric.Observer) error {
	ctx, end := context.WithTimeout(ctx, AskTimeout)
	defer end()
	var all error
	for _, consumer := range c.of {
		lag, err := consumer.Lag(ctx)
		if err != nil {
			all = errors.Join(all, fmt.Errorf("consumer %s: %w", consumer.Name(), err))
			continue
		}
		who := with(keyConsumer, consumer.Name())
		o.ObserveInt64(c.lag, int64(lag.Records), who)
		o.ObserveFloat64(c.age, lag.Age.Seconds(), who)
		o.ObserveInt64(c.parked, int64(lag.Parked), who)
	}
	return all
}
