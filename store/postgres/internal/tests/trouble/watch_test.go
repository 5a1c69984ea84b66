package trouble_test

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

// watched are the ids that a Watch yields.
func watched(t *testing.T, log store.Watcher) <-chan string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ids, done := make(chan string, 1000), make(chan struct{})
	go func() {
		defer close(done)
		for r, err := range log.Watch(ctx, store.Start()) {
			if err != nil {
				assert.ErrorIs(t, err, context.Canceled)
				return
			}
			ids <- r.ID
		}
	}()
	t.Cleanup(func() {
		cancel()
		within(t, "a watch whose context has ended", func() { <-done })
	})
	return ids
}

// comes waits for the next ids.
func comes(t *testing.T, ids <-chan string, prefix string, n int) {
	t.Helper()
	within(t, "watching for "+prefix, func() {
		for i := range n {
			assert.Equal(t, fmt.Sprintf("%s-%d", prefix, i), <-ids)
		}
	})
}

func connectTo(url string) func(context.Context) (*pgx.Conn, error) {
	return func(ctx context.Context) (*pgx.Conn, error) { return pgx.Connect(ctx, url) }
}

// TestWatchGoesOnAfterCuts: a notification is a hint. What was appended while nobody could listen is not missed.
func TestWatchGoesOnAfterCuts(t *testing.T) {
	s := pgserver.Shared(t)
	writer, schema := made(t, s)
	p := pgserver.NewProxy(t, s.Addr())
	log := open(t, p.URL(s.URL()), postgres.Config{Schema: schema, Listen: connectTo(p.URL(s.URL()))})
	ids := watched(t, log)
	for n := range 5 {
		prefix := fmt.Sprint("round-", n)
		fill(t, writer, prefix+"-a", 3)
		comes(t, ids, prefix+"-a", 3)
		p.Refuse(true)
		p.Cut()
		fill(t, writer, prefix+"-b", 3) // while the watcher is cut off
		p.Refuse(false)
		comes(t, ids, prefix+"-b", 3)
	}
}

func TestWatchGoesOnAfterRestarts(t *testing.T) {
	s := pgserver.New(t, nil)
	writer, schema := made(t, s)
	log := open(t, s.URL(), postgres.Config{Schema: schema, Listen: connectTo(s.URL())})
	ids := watched(t, log)
	fill(t, writer, "before", 2)
	comes(t, ids, "before", 2)
	pgserver.Do(t, s.Kill())
	pgserver.Do(t, s.Start())
	for n := range 3 {
		id := fmt.Sprintf("after-%d", n)
		within(t, "an append after the restart", func() { again(t, writer, events.OrderStream(id), 0, record(id)) })
	}
	comes(t, ids, "after", 3)
}

func TestWatchByPolling(t *testing.T) {
	s := pgserver.Shared(t)
	writer, schema := made(t, s)
	log := open(t, s.URL(), postgres.Config{Schema: schema})
	ids := watched(t, log)
	for n := range 3 {
		prefix := fmt.Sprint("round-", n)
		fill(t, writer, prefix, 3)
		comes(t, ids, prefix, 3)
	}
}

// forPoolers has the driver prepare no statements under names: the next transaction's connection would not know them.
const forPoolers = "default_query_exec_mode=cache_describe"

// TestBehindPgBouncer: everything goes through a pooler in transaction mode, where no two transactions need have the
// same connection, and only the listener, where there is one, has its own.
func TestBehindPgBouncer(t *testing.T) {
	for name, listens := range map[string]bool{"listening beside it": true, "polling": false} {
		t.Run(name, func(t *testing.T) {
			s := pgserver.New(t, nil)
			b := pgserver.NewBouncer(t, s, 3)
			config := postgres.Config{Schema: s.Schema(t), Migrate: true}
			if listens {
				config.Listen = connectTo(s.URL())
			}
			url := b.URL() + "&" + forPoolers
			log := open(t, url, config)
			config.Migrate = false
			other := open(t, url, config)
			ids := watched(t, other)
			for n := range 5 {
				prefix := fmt.Sprint("round-", n)
				fill(t, log, prefix+"-a", 4)
				comes(t, ids, prefix+"-a", 4)
				fill(t, other, prefix+"-b", 4)
				comes(t, ids, prefix+"-b", 4)
			}
			assert.Len(t, idsOf(t, log), 40)
			head, err := log.Head(t.Context(), events.OrderStream("round-0-a-0"))
			require.NoError(t, err)
			assert.Equal(t, uint64(1), head.Version)
			require.NoError(t, other.Verify(t.Context(), nil))
		})
	}
}
