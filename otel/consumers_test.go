package otel_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/otel"
	"github.com/tilltape/tilltape/outbox"
)

// consumer is one on the world's log.
func (w *world) consumer(name string, keeper outbox.Keeper, sender outbox.SenderFunc) *outbox.Consumer {
	w.t.Helper()
	c, err := outbox.New(w.log, sender, &outbox.Config{Name: name, Source: "shop", Keeper: keeper, Now: w.clock.Now,
		Waits: []time.Duration{time.Nanosecond}})
	require.NoError(w.t, err)
	return c
}

// catchesUp runs a consumer until the log's last record was tried.
func (w *world) catchesUp(c *outbox.Consumer) {
	w.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	require.Eventually(w.t, func() bool {
		lag, err := c.Lag(context.Background())
		return err == nil && lag.Records == 0
	}, 10*time.Second, time.Millisecond)
	stop()
	require.ErrorIs(w.t, <-ended, context.Canceled)
}

func places(t *testing.T, w *world, id string) {
	t.Helper()
	_, err := w.orders.Create(context.Background(), order.Create{OrderID: id, PaymentRequestID: "pay-" + id,
		Amount: usd(1000), Method: "CARD", CaptureMode: order.CaptureManual})
	require.NoError(t, err)
}

// Each consumer is told under its name: what it has not passed, for how long that has waited, and what it has parked.
func TestConsumers_TellHowFarTheyAre(t *testing.T) {
	w := newWorld(t)
	refusing := func(_ context.Context, m outbox.Message) error {
		if m.Subject == "o-1" {
			return outbox.ErrRefused
		}
		return nil
	}
	warehouse := w.consumer("warehouse", outbox.MemoryKeeper(), nil)
	ledger := w.consumer("ledger", outbox.MemoryKeeper(), refusing)
	stop, err := w.telemetry.Consumers(warehouse, ledger)
	require.NoError(t, err)
	both := func(warehouse, ledger float64) map[string]float64 {
		return map[string]float64{"tilltape.consumer=warehouse": warehouse, "tilltape.consumer=ledger": ledger}
	}
	for _, name := range []string{"tilltape.consumer.lag", "tilltape.consumer.lag.age", "tilltape.consumer.parked"} {
		assert.Equal(t, both(0, 0), w.values(name), name)
	}
	places(t, w, "o-1")
	w.clock.Advance(time.Hour)
	places(t, w, "o-2")
	assert.Equal(t, both(2, 2), w.values("tilltape.consumer.lag"))
	assert.Equal(t, both(3600, 3600), w.values("tilltape.consumer.lag.age"))
	w.catchesUp(ledger)
	assert.Equal(t, both(2, 0), w.values("tilltape.consumer.lag"))
	assert.Equal(t, both(3600, 0), w.values("tilltape.consumer.lag.age"))
	assert.Equal(t, both(0, 1), w.values("tilltape.consumer.parked"))
	require.NoError(t, stop())
	assert.NotContains(t, w.collected(), "tilltape.consumer.lag")
}

var errKeeper = errors.New("the folder is away")

type away struct{}

func (away) Load(context.Context, string) (outbox.State, error) { return outbox.State{}, errKeeper }
func (away) Save(context.Context, string, outbox.State) error   { return errKeeper }

// One that does not say where it is has no value, rather than a zero or an old one, and the others are told.
func TestConsumers_OneThatDoesNotSay(t *testing.T) {
	w := newWorld(t)
	places(t, w, "o-1")
	stop, err := w.telemetry.Consumers(w.consumer("lost", away{}, nil),
		w.consumer("warehouse", outbox.MemoryKeeper(), nil))
	require.NoError(t, err)
	defer func() { assert.NoError(t, stop()) }()
	var all metricdata.ResourceMetrics
	err = w.reader.Collect(context.Background(), &all)
	require.ErrorIs(t, err, errKeeper)
	require.ErrorContains(t, err, "consumer lost")
	points, _ := pointsOf(byName(all)["tilltape.consumer.lag"])
	require.Len(t, points, 1)
	assert.EqualValues(t, 1, points[0].value)
}

func TestConsumers_Wrong(t *testing.T) {
	w := newWorld(t)
	one := w.consumer("warehouse", outbox.MemoryKeeper(), nil)
	for _, of := range [][]*outbox.Consumer{{nil}, {one, one}} {
		_, err := w.telemetry.Consumers(of...)
		require.ErrorIs(t, err, tilltape.ErrConfig)
	}
	telemetry, err := otel.New(otel.Config{Meters: picky{name: "tilltape.consumer.lag"}})
	require.NoError(t, err)
	_, err = telemetry.Consumers(one)
	require.ErrorIs(t, err, tilltape.ErrConfig)
	require.ErrorContains(t, err, "tilltape.consumer.lag: their own")
}
