package postgres_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/pgserver"
	"github.com/tilltape/tilltape/outbox"
	"github.com/tilltape/tilltape/outbox/outboxtest"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/postgres"
)

func TestKeeper(t *testing.T) {
	log := newLog(t, postgres.Config{})
	outboxtest.TestKeeper(t, func() outbox.Keeper { return log.Keeper() })

	s := pgserver.Shared(t)
	assert.Equal(t, "9|0|2", s.MustExec(t, inSchema(log.config.Schema,
		"select position, parked, revision from {}.consumers where name = 'a'")))
	s.MustExec(t, inSchema(log.config.Schema, "update {}.consumers set state = '[]'"))
	_, err := log.Keeper().Load(t.Context(), "a")
	require.ErrorIs(t, err, outbox.ErrKept)

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = log.Keeper().Load(ended, "a")
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, log.Keeper().Save(ended, "a", outbox.State{Revision: 3}), context.Canceled)
}

// A connection that breaks while a place is saved leaves open whether it was: the next save goes on from either, and a
// save of somebody else is told from our own.
func TestKeeperInDoubt(t *testing.T) {
	ctx := context.Background()
	p, log, direct := proxied(t)
	keeper := log.Keeper()
	at := func(revision, position uint64) outbox.State {
		return outbox.State{Revision: revision, Cursor: store.After(events.Record{Position: position})}
	}
	require.NoError(t, keeper.Save(ctx, "a", at(1, 1)))

	trap := p.CutAfter("INSERT", 0) // it has happened
	require.ErrorIs(t, keeper.Save(ctx, "a", at(2, 2)), store.ErrUnavailable)
	sprung(t, trap)
	require.NoError(t, keeper.Save(ctx, "a", at(2, 3)))

	trap = p.CutBefore("insert into", 0) // it has not
	require.ErrorIs(t, keeper.Save(ctx, "a", at(3, 4)), store.ErrUnavailable)
	sprung(t, trap)
	require.NoError(t, keeper.Save(ctx, "a", at(3, 5)))

	trap = p.CutBefore("insert into", 0)
	require.ErrorIs(t, keeper.Save(ctx, "a", at(4, 6)), store.ErrUnavailable)
	sprung(t, trap)
	require.NoError(t, direct.Keeper().Save(ctx, "a", at(4, 7)))
	require.ErrorIs(t, keeper.Save(ctx, "a", at(4, 8)), outbox.ErrTaken)
	s, err := keeper.Load(ctx, "a")
	require.NoError(t, err)
	assert.Equal(t, at(4, 7), s)
}

// A consumer whose place is in the database outlives its server, and delivers everything.
func TestConsumerOnPostgres(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	p, log, direct := proxied(t)
	delivered := make(chan string, 100)
	sender := outbox.SenderFunc(func(_ context.Context, m outbox.Message) error {
		delivered <- m.ID
		return nil
	})
	consumer, err := outbox.New(log, sender, &outbox.Config{Name: "warehouse", Source: "/orders", Keeper: log.Keeper(),
		Poll: 10 * time.Millisecond, Waits: []time.Duration{10 * time.Millisecond}})
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() { ended <- consumer.Run(ctx) }()
	next := func(id string) {
		t.Helper()
		for {
			select {
			case have := <-delivered:
				if have == id {
					return
				}
			case err := <-ended:
				require.NoError(t, err)
			case <-time.After(time.Minute):
				require.Fail(t, "not delivered", id)
			}
		}
	}
	for _, id := range []string{"o-1", "o-2", "o-3"} {
		_, err := direct.Append(ctx, events.OrderStream(id), 0, record(id))
		require.NoError(t, err)
		next(id)
		p.Cut()
	}
	require.Eventually(t, func() bool {
		s, err := direct.Keeper().Load(ctx, "warehouse")
		return err == nil && s.Cursor.Position() == 3
	}, time.Minute, 10*time.Millisecond)
	stop()
	require.ErrorIs(t, <-ended, context.Canceled)
}
