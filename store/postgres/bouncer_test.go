package postgres_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/pgserver"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/postgres"
)

// everyCall makes each call of a log once, on something.
func everyCall(t *testing.T, log kept) {
	t.Helper()
	ctx := context.Background()
	r := record("r-1")
	r.Keys = []events.Key{"paymentId:\x00é"}
	r.Event = events.OrderCreated{PaymentRequestID: "pr-1", Amount: events.Money{Minor: 1250, Currency: "EUR"}}
	r.Head.OperationSince, r.Head.AnomalySince = noon, noon
	written, err := log.Append(ctx, events.OrderStream("o-1"), 0, r, record("r-2"))
	require.NoError(t, err)
	again, err := log.Append(ctx, events.OrderStream("o-1"), 0, r, record("r-2"))
	require.NoError(t, err)
	assert.Equal(t, written, again)
	many := make([]events.Record, seal.TileWidth)
	for i := range many {
		many[i] = record(fmt.Sprintf("many-%d", i))
	}
	_, err = log.Append(ctx, events.OrderStream("o-2"), 0, many...)
	require.NoError(t, err)
	owner, err := log.Lookup(ctx, r.Keys[0])
	require.NoError(t, err)
	assert.Equal(t, events.OrderStream("o-1"), owner)
	_, err = log.Lookup(ctx, "paymentId:none")
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = log.Append(ctx, events.OrderStream("o-3"), 0, r)
	require.ErrorIs(t, err, store.ErrKeyTaken)
	head, err := log.Head(ctx, events.OrderStream("o-1"))
	require.NoError(t, err)
	assert.EqualValues(t, 2, head.Version)
	all, err := drain(log.All(ctx, store.Start()))
	require.NoError(t, err)
	assert.Len(t, all, len(many)+2)
	stream, err := drain(log.Read(ctx, events.OrderStream("o-1"), 0))
	require.NoError(t, err)
	assert.Equal(t, written, stream)
	for _, filter := range []store.Filter{store.AllOrders(), store.InStatus("created"), store.DueBy(noon)} {
		n := 0
		for _, err := range log.Heads(ctx, filter) {
			require.NoError(t, err)
			n++
		}
		assert.Equal(t, 2, n, filter.String())
	}
	_, err = log.Prove(ctx, 1)
	require.NoError(t, err)
	_, err = log.ProveConsistency(ctx, 1, 3)
	require.NoError(t, err)
	require.NoError(t, log.Verify(ctx, nil))
}

// A pool may speak to the server in any of the driver's ways, and through PgBouncer in transaction mode in those that
// leave nothing behind in a session.
func TestThroughPgBouncer(t *testing.T) {
	s := pgserver.NewWhole(t, nil)
	bouncer := pgserver.NewBouncer(t, s, 4)
	ways := map[string]string{
		"direct, cache_statement": s.URL(), "direct, cache_describe": s.URL(), "direct, describe_exec": s.URL(),
		"direct, exec": s.URL(), "direct, simple_protocol": s.URL(),
		"bouncer, cache_describe": bouncer.URL(), "bouncer, exec": bouncer.URL(),
		"bouncer, simple_protocol": bouncer.URL(),
	}
	for way, address := range ways {
		t.Run(way, func(t *testing.T) {
			config, err := pgxpool.ParseConfig(address)
			require.NoError(t, err)
			config.ConnConfig.DefaultQueryExecMode = map[string]pgx.QueryExecMode{
				"cache_statement": pgx.QueryExecModeCacheStatement, "cache_describe": pgx.QueryExecModeCacheDescribe,
				"describe_exec": pgx.QueryExecModeDescribeExec, "exec": pgx.QueryExecModeExec,
				"simple_protocol": pgx.QueryExecModeSimpleProtocol}[way[strings.Index(way, ", ")+2:]]
			pool, err := pgxpool.NewWithConfig(context.Background(), config)
			require.NoError(t, err)
			defer pool.Close()
			signer := newSigner(t, "shop.example/orders")
			log := openLog(t, pool, postgres.Config{Schema: s.Schema(t), Migrate: true, Signer: signer,
				Listen: postgres.Direct(newPool(t, s.URL()))})
			everyCall(t, log)

			// A connection of its own for listening, around the pooler, hears of the end.
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			for r, err := range log.Watch(ctx, store.Start()) {
				require.NoError(t, err)
				if r.Position == seal.TileWidth+2 {
					_, err := log.Append(ctx, events.OrderStream("last"), 0, record("last"))
					require.NoError(t, err)
				}
				if r.ID == "last" {
					break
				}
			}
			require.NoError(t, log.Close())
		})
	}
}
