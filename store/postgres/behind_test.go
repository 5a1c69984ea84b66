package postgres_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/pgserver"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/postgres"
)

// Of two standbys one can be behind the other. A reader whose pool leads to both is told that it cannot be told, and
// never that the log was damaged; who watches goes on once the slow one has caught up.
func TestStandbysThatAreNotAsFar(t *testing.T) {
	ctx := context.Background()
	primary := pgserver.NewWhole(t, nil)
	log := openLog(t, newPool(t, primary.URL()), postgres.Config{Migrate: true})
	add := func(id string) {
		_, err := log.Append(ctx, events.OrderStream(id), 0, record(id))
		require.NoError(t, err)
	}
	add("o-1")
	fast, slow := primary.NewStandby(t), primary.NewStandby(t)
	p := pgserver.NewProxy(t, fast.Addr())
	config := postgres.Config{ReadOnly: true}
	require.Eventually(t, func() bool {
		l, err := postgres.Open(ctx, newPool(t, slow.URL()), &config)
		return err == nil && assert.NoError(t, l.Close())
	}, 10*time.Second, 10*time.Millisecond)
	slow.MustExec(t, "select pg_wal_replay_pause()")
	reader := openLog(t, newPool(t, p.URL(fast.URL())), config) // which hears of the rest by its seal alone
	for i := range 300 {                                        // more than a tile of the seal
		add(fmt.Sprintf("late-%d", i))
	}
	require.Eventually(t, func() bool {
		tree, err := reader.Tree(ctx)
		return err == nil && tree.Size == 301
	}, 10*time.Second, 10*time.Millisecond)
	_, proven, err := reader.Proven(ctx)
	require.NoError(t, err)
	p.Target(slow.Addr())
	reader.pool.Reset()

	_, err = drain(proven)
	unavailable(t, err)
	_, err = drain(reader.All(ctx, store.After(events.Record{Position: 300})))
	unavailable(t, err)
	_, err = drain(reader.All(ctx, store.After(events.Record{Position: 1000})))
	require.ErrorIs(t, err, store.ErrInvalid, "of this nobody has ever told")
	_, err = reader.Tree(ctx)
	unavailable(t, err)
	watching, stop := context.WithTimeout(ctx, 30*time.Second)
	defer stop()
	seen := make(chan uint64, 1)
	go func() {
		for r, err := range reader.Watch(watching, store.After(events.Record{Position: 300})) {
			if assert.NoError(t, err) {
				seen <- r.Position
			}
			return
		}
	}()
	time.AfterFunc(time.Second, func() { slow.MustExec(t, "select pg_wal_replay_resume()") })
	require.NoError(t, reader.Verify(ctx, nil), "it waits a while")
	assert.EqualValues(t, 301, <-seen)
	require.NoError(t, reader.Backup(ctx, filepath.Join(t.TempDir(), "copy"), nil))
	require.NoError(t, reader.Close())
	require.NoError(t, log.Close())
}

func unavailable(t *testing.T, err error) {
	t.Helper()
	require.ErrorIs(t, err, store.ErrUnavailable)
	require.NotErrorIs(t, err, store.ErrDamaged)
	assert.ErrorContains(t, err, "is a standby and ends at position 1, and there were 30")
}
