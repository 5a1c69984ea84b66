package postgres_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/pgserver"
	"github.com/tilltape/tilltape/store/postgres"
)

// lonePool has one connection, so that what is said by hand is said in the session that appends.
func lonePool(t *testing.T, tracer pgx.QueryTracer) *pgxpool.Pool {
	t.Helper()
	config, err := pgxpool.ParseConfig(pgserver.Shared(t).URL())
	require.NoError(t, err)
	config.MaxConns = 1
	config.ConnConfig.Tracer = tracer
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}

func appendNew(t *testing.T, log kept, id string) {
	t.Helper()
	_, err := log.Append(context.Background(), events.OrderStream(id), 0, record(id))
	require.NoError(t, err)
}

// named is how many statements of ours the one session of a pool has.
func named(t *testing.T, pool *pgxpool.Pool) (n int) {
	t.Helper()
	require.NoError(t, pool.QueryRow(context.Background(),
		"select count(*) from pg_prepared_statements where name like 'tilltape%'").Scan(&n))
	return n
}

// Statements are prepared once in a session, whatever becomes of their turns.
func TestStatements_ArePreparedOnce(t *testing.T) {
	log := newLog(t, postgres.Config{})
	pool := lonePool(t, nil)
	one := openLog(t, pool, log.config)
	defer func() { require.NoError(t, one.Close()) }()
	for round := range 5 {
		appendNew(t, one, fmt.Sprintf("one-%d", round))
		appendNew(t, one, fmt.Sprintf("two-%d", round)) // whole
		appendNew(t, log, fmt.Sprintf("other-%d", round))
	}
	n := named(t, pool)
	assert.Positive(t, n)
	for round := range 5 {
		appendNew(t, log, fmt.Sprintf("another-%d", round))
		appendNew(t, one, fmt.Sprintf("three-%d", round)) // sent whole, refused, and asked for again
		appendNew(t, one, fmt.Sprintf("four-%d", round))
	}
	assert.Equal(t, n, named(t, pool))
}

// A session whose statements somebody has had the server forget is given up, and the appends go on in another one.
func TestStatements_ThatTheServerForgot(t *testing.T) {
	log := newLog(t, postgres.Config{})
	pool := lonePool(t, nil)
	one := openLog(t, pool, log.config)
	defer func() { require.NoError(t, one.Close()) }()
	for round := range 3 {
		appendNew(t, one, fmt.Sprintf("one-%d", round))
		appendNew(t, one, fmt.Sprintf("two-%d", round))
		_, err := pool.Exec(context.Background(), "deallocate all", pgx.QueryExecModeSimpleProtocol)
		require.NoError(t, err)
	}
	require.NoError(t, log.Verify(context.Background(), nil))
}

// batches counts what the driver tells of them.
type batches struct {
	failures
	sql map[string]int
}

func (b *batches) TraceBatchQuery(ctx context.Context, conn *pgx.Conn, q pgx.TraceBatchQueryData) {
	b.failures.TraceBatchQuery(ctx, conn, q)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sql[q.SQL]++
}

// Who traces a pool's connections hears of the statements of every turn.
func TestStatements_AreTraced(t *testing.T) {
	log := newLog(t, postgres.Config{})
	heard := &batches{sql: map[string]int{}}
	one := openLog(t, lonePool(t, heard), log.config)
	appendNew(t, one, "one")
	appendNew(t, one, "two") // whole
	require.NoError(t, one.Close())
	assert.Equal(t, 2, heard.sql["commit"])
	assert.Empty(t, heard.all)
}
