package postgres_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/pgserver"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/postgres"
)

// A log whose tables are those of any step before this version's is brought up to date with all that is in it, and goes
// on: with the same root, its streams at the versions that they had.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	ctx, s := context.Background(), pgserver.Shared(t)
	now := newLog(t, postgres.Config{Origin: "shop.example/orders"})
	for i := range 300 { // more than a page, and a full tile
		_, err := now.Append(ctx, events.OrderStream(fmt.Sprintf("o-%d", i%100)), uint64(i/100), record(fmt.Sprint("r-", i)))
		require.NoError(t, err)
	}
	want, _, err := now.Proven(ctx)
	require.NoError(t, err)
	const whole = 3 // the oldest step whose tables hold all that a log needs
	for have := whole; have < len(steps(t, "any")); have++ {
		schema := s.Schema(t)
		pool := newPool(t, s.URL())
		for _, step := range steps(t, schema)[:have] {
			_, err := pool.Exec(ctx, step.SQL, pgx.QueryExecModeSimpleProtocol)
			require.NoError(t, err)
		}
		for _, table := range []string{"log", "records", "heads", "keys", "tiles"} {
			_, err := pool.Exec(ctx, fmt.Sprintf("insert into %s.%s select * from %s.%[2]s", schema, table, now.config.Schema))
			require.NoError(t, err)
		}
		_, err := postgres.Open(ctx, pool, &postgres.Config{Schema: schema})
		require.ErrorIs(t, err, postgres.ErrNoLog)
		require.ErrorContains(t, err, fmt.Sprintf("its tables are of step %d, and this version needs", have))

		log := openLog(t, pool, postgres.Config{Schema: schema, Origin: "shop.example/orders", Migrate: true})
		is, _, err := log.Proven(ctx)
		require.NoError(t, err)
		assert.Equal(t, want, is, "after step %d", have)
		for version := range uint64(3) { // the first asks, the others are sent whole
			_, err = log.Append(ctx, events.OrderStream("o-7"), 3+version, record(fmt.Sprint("more-", version)))
			require.NoError(t, err)
		}
		_, err = log.Append(ctx, events.OrderStream("o-7"), 3, record("late"))
		require.ErrorIs(t, err, store.ErrConflict)
		require.NoError(t, log.Verify(ctx, nil))
		require.NoError(t, log.Close())
	}
}

func steps(t *testing.T, schema string) []postgres.Migration {
	all, err := postgres.Migrations(schema)
	require.NoError(t, err)
	return all
}
