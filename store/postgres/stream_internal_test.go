package postgres

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/internal/tests/pgserver"
)

// What is looked for by stream is found by an index, however many streams there are, and what walks all heads is in an
// index's order: no page of either is sorted.
func TestStreamsAreFoundByAnIndex(t *testing.T) {
	s, ctx := pgserver.Shared(t), context.Background()
	schema := s.Schema(t)
	pool, err := pgxpool.New(ctx, s.URL())
	require.NoError(t, err)
	defer pool.Close()
	require.NoError(t, Migrate(ctx, pool, schema))
	conn, err := pool.Acquire(ctx)
	require.NoError(t, err)
	defer conn.Release()
	_, err = conn.Exec(ctx, "set enable_seqscan = off; set enable_bitmapscan = off; set plan_cache_mode = "+
		"force_generic_plan")
	require.NoError(t, err)
	sql := statementsIn(schema)
	for name, c := range map[string]struct{ sql, arguments, index string }{
		"a head":            {sql.head, "'order', 'o'", "heads_pkey"},
		"where streams end": {sql.newest, "'{order}', '{o}'", "heads_pkey"},
		"a stream":          {sql.stream, "'order', 'o', 0, 10", "records_stream_version"},
		"every head":        {sql.verifyHeads, "'o', 'order', 10", "heads_pkey"},
	} {
		_, err := conn.Exec(ctx, "prepare it as "+c.sql)
		require.NoError(t, err, name)
		var plan string
		rows, err := conn.Query(ctx, "explain execute it ("+c.arguments+")")
		require.NoError(t, err, name)
		for rows.Next() {
			var line string
			require.NoError(t, rows.Scan(&line))
			plan += line + "\n"
		}
		require.NoError(t, rows.Err(), name)
		assert.Contains(t, plan, "Index Scan using "+c.index, name)
		assert.Contains(t, plan, "Index Cond: (", name)
		assert.NotContains(t, plan, "Sort", name)
		_, err = conn.Exec(ctx, "deallocate it")
		require.NoError(t, err, name)
	}
	var first []string
	require.NoError(t, pool.QueryRow(ctx, `select array_agg(pg_get_indexdef(i.oid, 1, true) order by i.relname)
		from pg_class i join pg_namespace n on n.oid = i.relnamespace
		where n.nspname = $1 and i.relname in ('heads_pkey', 'records_stream_version')`, schema).Scan(&first))
	assert.Equal(t, []string{"stream", "stream"}, first, "what comes first tells rows apart")
}
