package postgres_test

import (
	"context"
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/internal/tests/pgserver"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/postgres"
)

// deaf is a connection of a machine that dies: once it is deaf it hears nothing any more, and the server is not told.
type deaf struct {
	net.Conn
	dead *atomic.Bool
}

func (c deaf) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.dead.Load() {
		<-time.After(20 * time.Second)
		return 0, net.ErrClosed
	}
	return n, err
}

// TestMachineThatDiesInItsTurn: the server ends the turn of a process that says nothing any more, and an append that
// had been waiting since before that turn outwaits it.
func TestMachineThatDiesInItsTurn(t *testing.T) {
	if !long.Walks() {
		t.Skip("the server takes ten seconds to notice; set " + long.Variable + "=1")
	}
	t.Parallel()
	ctx := context.Background()
	log := newLog(t, postgres.Config{})
	url := pgserver.Shared(t).URL()
	config, err := pgxpool.ParseConfig(url)
	require.NoError(t, err)
	var dead atomic.Bool
	config.ConnConfig.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		return deaf{conn, &dead}, err
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	dies := openLog(t, pool, log.config)
	t.Cleanup(func() { assert.NoError(t, dies.Close()) })
	_, err = dies.Append(ctx, events.OrderStream("o-0"), 0, record("r-0"))
	require.NoError(t, err)
	// It is told of another process, and so asks in its next turn.
	_, err = log.Append(ctx, events.OrderStream("o-1"), 0, record("r-1"))
	require.NoError(t, err)
	_, err = dies.Append(ctx, events.OrderStream("o-2"), 0, record("r-2"))
	require.NoError(t, err)

	holder, err := log.pool.Begin(ctx)
	require.NoError(t, err)
	_, err = holder.Exec(ctx, fmt.Sprintf("select from %s.log for update", log.config.Schema))
	require.NoError(t, err)
	begins := func(of kept, id string) <-chan error {
		ended := make(chan error, 1)
		go func() {
			_, err := of.Append(ctx, events.OrderStream(id), 0, record(id))
			ended <- err
		}()
		time.Sleep(300 * time.Millisecond) // until it waits for its turn
		return ended
	}
	first, second := begins(dies, "first"), begins(log, "second")
	dead.Store(true)
	require.NoError(t, holder.Commit(ctx))
	begun := time.Now()
	require.NoError(t, <-second, "it waited for the turn when the other one died in its own")
	assert.Greater(t, time.Since(begun), 5*time.Second, "the server has noticed before the machine died")
	assert.Less(t, time.Since(begun), 20*time.Second)
	dead.Store(false)
	require.ErrorIs(t, <-first, store.ErrUnavailable, "whose turn was taken from it")
	_, err = dies.Append(ctx, events.OrderStream("first"), 0, record("first"))
	require.NoError(t, err, "and the other one is heard of again")
	assert.Equal(t, []string{"r-0", "r-1", "r-2", "second", "first"}, idsOf(t, log))
}

func idsOf(t *testing.T, log kept) (ids []string) {
	t.Helper()
	all, err := drain(log.All(context.Background(), store.Start()))
	require.NoError(t, err)
	for _, r := range all {
		ids = append(ids, r.ID)
	}
	return ids
}
