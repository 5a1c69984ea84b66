package postgres_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/internal/tests/pgserver"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
	"github.com/tilltape/tilltape/store/postgres"
	"github.com/tilltape/tilltape/store/storetest"
)

// everydayChecks is how often a property is checked in everyday runs: each check makes a schema and a pool.
const everydayChecks = 4

func TestMain(m *testing.M) {
	long.Checks(everydayChecks)
	os.Exit(pgserver.Run(m))
}

// kept is a log that remembers how it was opened.
type kept struct {
	*postgres.Log
	pool   *pgxpool.Pool
	config postgres.Config
}

// newPool is a pool of connections that ends with the test.
func newPool(t testing.TB, url string) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(context.Background(), url)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}

// openLog opens a log that the caller closes.
func openLog(t testing.TB, pool *pgxpool.Pool, config postgres.Config) kept {
	t.Helper()
	log, err := postgres.Open(context.Background(), pool, &config)
	require.NoError(t, err)
	return kept{log, pool, config}
}

// newLog is a log in a schema of its own on the shared server, closed with the test.
func newLog(t testing.TB, config postgres.Config) kept {
	t.Helper()
	s := pgserver.Shared(t)
	config.Schema, config.Migrate = s.Schema(t), true
	log := openLog(t, newPool(t, s.URL()), config)
	t.Cleanup(func() { require.NoError(t, log.Close()) })
	return log
}

// factory makes logs with these settings.
func factory(t *testing.T, config func(pool *pgxpool.Pool) postgres.Config) storetest.Factory {
	s := pgserver.Shared(t)
	signer := newSigner(t, "shop.example/orders")
	pool := newPool(t, s.URL()) // of all its logs: connections cost more than most clauses
	return storetest.Factory{
		Short: !long.Enabled(),
		Open: func(t *testing.T) store.Log {
			c := config(pool)
			c.Schema, c.Migrate, c.Signer = s.Schema(t), true, signer
			return openLog(t, pool, c)
		},
		Reopen: func(t *testing.T, log store.Log) store.Log {
			require.NoError(t, log.Close())
			return openLog(t, log.(kept).pool, log.(kept).config)
		},
		Second: func(t *testing.T, log store.Log) store.Log {
			pool := newPool(t, s.URL())
			c := config(pool)
			c.Schema, c.Signer = log.(kept).config.Schema, signer
			return openLog(t, pool, c)
		},
		Seal: &storetest.Seal{
			Verifier: signer.Verifier(),
			Backup: func(t *testing.T, log store.Log) (store.Log, error) {
				path := filepath.Join(t.TempDir(), "backup.log")
				if err := log.(kept).Backup(context.Background(), path, nil); err != nil {
					return nil, err
				}
				return bolt.Open(path, &bolt.Config{ReadOnly: true, Signer: signer})
			},
			OpenToRead: func(t *testing.T, log store.Log) (store.Log, error) {
				require.NoError(t, log.Close())
				c := log.(kept).config
				c.ReadOnly, c.Migrate = true, false
				again, err := postgres.Open(context.Background(), log.(kept).pool, &c)
				if err != nil {
					return nil, err
				}
				return kept{again, log.(kept).pool, c}, nil
			},
			Tamper: tamperRecord,
		},
	}
}

func newSigner(t *testing.T, name string) *seal.Signer {
	key, _, err := seal.GenerateKey(rand.Reader, name)
	require.NoError(t, err)
	signer, err := seal.NewSigner(key)
	require.NoError(t, err)
	return signer
}

// tamperRecord changes a letter of the actor in the record at the position, in its frame and in the column beside it,
// as a superuser can.
func tamperRecord(t *testing.T, log store.Log, position uint64) {
	t.Helper()
	ctx, schema := context.Background(), log.(kept).config.Schema
	for r, err := range log.All(ctx, store.After(events.Record{Position: position - 1})) {
		require.NoError(t, err)
		frame, err := events.AppendFrame(nil, r)
		require.NoError(t, err)
		at := bytes.Index(frame, []byte(r.Actor))
		require.Positive(t, at)
		frame[at]++
		other := string(frame[at : at+len(r.Actor)])
		_, err = log.(kept).pool.Exec(ctx, fmt.Sprintf("alter table %s.records disable trigger all", schema))
		require.NoError(t, err)
		tag, err := log.(kept).pool.Exec(ctx, fmt.Sprintf("update %s.records set frame = $1, actor = $2 where position = $3",
			schema), frame, other, int64(position))
		require.NoError(t, err)
		require.EqualValues(t, 1, tag.RowsAffected())
		return
	}
}

func listening(pool *pgxpool.Pool) postgres.Config {
	return postgres.Config{Listen: postgres.Direct(pool)}
}

func TestLog(t *testing.T) {
	t.Parallel()
	storetest.Run(t, factory(t, listening))
}

// noon is when everything in these tests happens.
var noon = time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC)

func record(id string) events.Record {
	return events.Record{
		ID: id, Recorded: noon, Occurred: noon, Actor: "till-7",
		Head:  events.Head{Status: "created", StatusSince: noon, Phase: "idle", Due: noon},
		Event: events.PaymentPending{PaymentID: "payment-" + id},
	}
}

func inSchema(schema, sql string) string { return strings.ReplaceAll(sql, "{}", schema) }

// drain reads a sequence to its end or its error.
func drain(sequence iter.Seq2[events.Record, error]) (all []events.Record, err error) {
	for r, err := range sequence {
		if err != nil {
			return all, err
		}
		all = append(all, r)
	}
	return all, nil
}
