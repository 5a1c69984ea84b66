package trouble_test

import (
	"context"
	"iter"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/internal/tests/pgserver"
	"github.com/tilltape/tilltape/internal/tests/simulation"
	"github.com/tilltape/tilltape/store"
)

// idle lets a pool keep its connections as they are: time in the simulation passes a thousand times faster than at the
// server, and connections would be looked after all the time.
func idle(config *pgxpool.Config) {
	const never = time.Duration(math.MaxInt64)
	config.MaxConnLifetime, config.MaxConnIdleTime, config.HealthCheckPeriod = never, never, never
	config.ShouldPing = func(context.Context, pgxpool.ShouldPingParams) bool { return false }
}

// drowsy is a process that remembers what is due next for as long as no process appends anything. In a simulated year
// Run looks half a million times in vain.
type drowsy struct {
	store.Log
	appends *atomic.Int64 // to the log, by whatever process: begun, and ended

	mu   sync.Mutex
	seen int64 // of them when it was asked
	next time.Time
}

func (d *drowsy) Append(ctx context.Context, to events.Stream, after uint64,
	records ...events.Record) ([]events.Record, error) {
	d.appends.Add(1)
	defer d.appends.Add(1)
	return d.Log.Append(ctx, to, after, records...)
}

func (d *drowsy) Heads(ctx context.Context, filter store.Filter) iter.Seq2[store.Head, error] {
	if filter.Index() == store.IndexDue && ctx.Err() == nil && filter.Until().Before(d.soonest(ctx, filter.Until())) {
		return func(func(store.Head, error) bool) {}
	}
	return d.Log.Heads(ctx, filter)
}

// soonest is when something is due, as far as that is known.
func (d *drowsy) soonest(ctx context.Context, now time.Time) time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	appends := d.appends.Load()
	if d.seen == appends {
		return d.next
	}
	const years = 100
	d.seen, d.next = appends, now.AddDate(years, 0, 0)
	for h, err := range d.Log.Heads(ctx, store.DueBy(d.next).Limit(1)) {
		if d.next = h.Due; err != nil {
			d.seen, d.next = -1, time.Time{}
		}
	}
	return d.next
}

// Everyday the shop is open for some days. It is closed for a hundred more in any case, and they take most of the time.
const (
	wholeDays    = 30
	everydayDays = 10
)

func TestSimulation(t *testing.T) {
	t.Parallel()
	s := pgserver.Shared(t)
	engine := func(t *testing.T) func() (store.Log, error) {
		config, err := pgxpool.ParseConfig(s.URL())
		require.NoError(t, err)
		idle(config)
		schema, appends := s.Schema(t), &atomic.Int64{}
		return func() (store.Log, error) {
			log, err := begin(config.Copy(), schema)
			if err != nil {
				return nil, err
			}
			return &drowsy{Log: log, appends: appends, seen: -1}, nil
		}
	}
	simulation.Simulate(t, engine, simulation.Run{Seed: 4, Days: long.Walk(wholeDays, everydayDays)})
}
