package trouble_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/internal/tests/pgserver"
	"github.com/tilltape/tilltape/internal/tests/stories"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/postgres"
	"github.com/tilltape/tilltape/store/storetest"
)

// process is a log with a pool of its own, as each process of a service has.
type process struct {
	*postgres.Log
	pool   *pgxpool.Pool
	schema string
}

// Close ends what the process had.
func (p process) Close() error {
	defer p.pool.Close()
	return p.Log.Close()
}

// begin begins a process over the log in a schema.
func begin(config *pgxpool.Config, schema string) (store.Log, error) {
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		return nil, err
	}
	log, err := postgres.Open(context.Background(), pool, &postgres.Config{Schema: schema, Migrate: true})
	if err != nil {
		pool.Close()
		return nil, err
	}
	return process{log, pool, schema}, nil
}

// start is begin for a test.
func start(t *testing.T, url, schema string) store.Log {
	t.Helper()
	config, err := pgxpool.ParseConfig(url)
	require.NoError(t, err)
	log, err := begin(config, schema)
	require.NoError(t, err)
	return log
}

// TestStories plays the stories of the library over logs on PostgreSQL.
func TestStories(t *testing.T) {
	t.Parallel()
	s := pgserver.Shared(t)
	stories.Run(t, storetest.Factory{
		Open: func(t *testing.T) store.Log { return start(t, s.URL(), s.Schema(t)) },
		Reopen: func(t *testing.T, log store.Log) store.Log {
			require.NoError(t, log.Close())
			return start(t, s.URL(), log.(process).schema)
		},
	}, long.Walk)
}
