// Package stories_test plays the stories of the library over logs on PostgreSQL, and runs its shop for some days.
package stories_test

import (
	"context"
	"os"
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

func TestMain(m *testing.M) { os.Exit(pgserver.RunWhole(m)) }

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

// open begins a process over the log in a schema.
func open(config *pgxpool.Config, schema string) (store.Log, error) {
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

// start is open for a test.
func start(t *testing.T, url, schema string) store.Log {
	t.Helper()
	config, err := pgxpool.ParseConfig(url)
	require.NoError(t, err)
	log, err := open(config, schema)
	require.NoError(t, err)
	return log
}

func TestStories(t *testing.T) {
	s := pgserver.Shared(t)
	stories.Run(t, storetest.Factory{
		Open: func(t *testing.T) store.Log { return start(t, s.URL(), s.Schema(t)) },
		Reopen: func(t *testing.T, log store.Log) store.Log {
			require.NoError(t, log.Close())
			return start(t, s.URL(), log.(process).schema)
		},
	}, long.Walk)
}
