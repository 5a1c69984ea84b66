// Package trouble_test takes from the engine on PostgreSQL what it rests on, and holds it to its word: connections cut
// around a COMMIT, servers that die, settings that promise less, roles without rights, poolers, older dumps, standbys
// that are promoted. It also plays the stories of the library and some days of its shop there. All of it is left out
// everyday, so it is one binary to link.
package trouble_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/pgserver"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/postgres"
)

func TestMain(m *testing.M) { os.Exit(pgserver.RunWhole(m)) }

// patience is how long anything may take before it is called a deadlock.
const patience = 30 * time.Second

var noon = time.Date(2026, time.November, 23, 12, 0, 0, 123456789, time.UTC)

// record is one with that id.
func record(id string) events.Record {
	return events.Record{ID: id, Recorded: noon, Occurred: noon, CommandID: "command-" + id, Actor: "till-7",
		Keys:  []events.Key{events.NewKey(events.KeyPaymentID, id)},
		Head:  events.Head{Status: "created", StatusSince: noon, Phase: "idle", Due: noon},
		Event: events.PaymentPending{PaymentID: id, Proof: events.Proof{Via: events.ViaAnswer, Attempt: 1}}}
}

// poolTo is a pool of connections until the test ends.
func poolTo(t *testing.T, url string) *pgxpool.Pool {
	t.Helper()
	config, err := pgxpool.ParseConfig(url)
	require.NoError(t, err)
	config.MaxConns = 8
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}

// open opens the log and closes it when the test ends.
func open(t *testing.T, url string, config postgres.Config) *postgres.Log {
	t.Helper()
	log, err := postgres.Open(t.Context(), poolTo(t, url), &config)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, log.Close()) })
	return log
}

// made is a new log on the server, and its schema.
func made(t *testing.T, s *pgserver.Server) (*postgres.Log, string) {
	t.Helper()
	schema := s.Schema(t)
	return open(t, s.URL(), postgres.Config{Schema: schema, Migrate: true}), schema
}

// fill appends n records, each to a stream of its own.
func fill(t *testing.T, log store.Log, prefix string, n int) {
	t.Helper()
	for i := range n {
		id := fmt.Sprintf("%s-%d", prefix, i)
		_, err := log.Append(t.Context(), events.OrderStream(id), 0, record(id))
		require.NoError(t, err)
	}
}

// grow appends n records to one stream, at once.
func grow(t *testing.T, log store.Log, stream string, n int) {
	t.Helper()
	var given []events.Record
	for i := range n {
		given = append(given, record(fmt.Sprintf("%s-%d", stream, i)))
	}
	_, err := log.Append(t.Context(), events.OrderStream(stream), 0, given...)
	require.NoError(t, err)
}

// idsOf are the ids of all that the log holds, in order; positions and versions are as they have to be.
func idsOf(t *testing.T, log store.Reader) (ids []string) {
	t.Helper()
	newest := map[events.Stream]events.Record{}
	for r, err := range log.All(context.Background(), store.Start()) {
		require.NoError(t, err)
		before := newest[r.Stream]
		require.Equal(t, [...]uint64{uint64(len(ids)) + 1, before.Version + 1, before.Position},
			[...]uint64{r.Position, r.Version, r.Previous}, r.ID)
		newest[r.Stream] = r
		ids = append(ids, r.ID)
	}
	return ids
}

// notHappened are the errors of an append that, by the contract, has not happened.
var notHappened = []error{store.ErrConflict, store.ErrKeyTaken, store.ErrInvalid, store.ErrUnavailable,
	store.ErrDamaged, context.Canceled, context.DeadlineExceeded}

// says tells whether err says that nothing was written.
func says(err error) bool {
	for _, kind := range notHappened {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// within fails the test where f does not end.
func within(t *testing.T, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatalf("%s: no end after %s", what, patience)
	}
}
