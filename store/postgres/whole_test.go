package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/pgserver"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/postgres"
)

// wholes counts the turns that were sent whole, and those of them that the server refused.
type wholes struct {
	failures
	sent, refused atomic.Int64
}

func (w *wholes) TraceBatchQuery(_ context.Context, _ *pgx.Conn, q pgx.TraceBatchQueryData) {
	if strings.Contains(q.SQL, ".go_on(") {
		w.sent.Add(1)
	}
	if q.Err != nil && !errors.Is(q.Err, pgx.ErrNoRows) {
		w.refused.Add(1)
	}
}

// newWholes is a log whose turns are counted, and another handle on it.
func newWholes(t *testing.T) (log, other kept, count *wholes) {
	t.Helper()
	other = newLog(t, postgres.Config{})
	config, err := pgxpool.ParseConfig(pgserver.Shared(t).URL())
	require.NoError(t, err)
	count = &wholes{}
	config.ConnConfig.Tracer = count
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	log = openLog(t, pool, other.config)
	t.Cleanup(func() { assert.NoError(t, log.Close()) })
	return log, other, count
}

// whole appends to streams of their own until a turn was sent whole.
func (w *wholes) whole(t *testing.T, log kept, prefix string) (ids []string) {
	t.Helper()
	for before := w.sent.Load(); w.sent.Load() == before; {
		ids = append(ids, prefix+strings.Repeat("i", len(ids)+1))
		id := ids[len(ids)-1]
		_, err := log.Append(context.Background(), events.OrderStream(id), 0, record(id))
		require.NoError(t, err)
		require.Less(t, len(ids), 100, "no turn is sent whole")
	}
	return ids
}

// Who was the last to append sends the next turn whole. Where somebody else has appended meanwhile, begun the stream or
// taken the key, the server says so, and the outcome is what it would have been.
func TestWholeTurns(t *testing.T) {
	ctx := context.Background()
	log, other, count := newWholes(t)
	want := count.whole(t, log, "alone-")
	assert.Zero(t, count.refused.Load())

	_, err := other.Append(ctx, events.OrderStream("other"), 0, record("other"))
	require.NoError(t, err)
	_, err = log.Append(ctx, events.OrderStream("mine"), 0, record("mine"))
	require.NoError(t, err)
	want = append(want, "other", "mine")

	want = append(want, count.whole(t, log, "stream-")...)
	_, err = other.Append(ctx, events.OrderStream("taken"), 0, record("taken"))
	require.NoError(t, err)
	_, err = log.Append(ctx, events.OrderStream("taken"), 0, record("late"))
	conflict, is := errors.AsType[*store.ConflictError](err)
	require.True(t, is, "%v", err)
	assert.EqualValues(t, 1, conflict.Have)
	want = append(want, "taken")

	want = append(want, count.whole(t, log, "key-")...)
	keyed := func(id string) events.Record {
		r := record(id)
		r.Keys = []events.Key{events.NewKey(events.KeyPaymentID, "p-1")}
		return r
	}
	_, err = log.Append(ctx, events.OrderStream("owner"), 0, keyed("owner"))
	require.NoError(t, err)
	want = append(want, "owner")
	want = append(want, count.whole(t, log, "own-")...)
	refused, sent := count.refused.Load(), count.sent.Load()
	_, err = log.Append(ctx, events.OrderStream("owner"), 1, keyed("its own again"))
	require.NoError(t, err)
	if count.sent.Load() > sent { // soon enough after the one before
		assert.Equal(t, refused, count.refused.Load())
	}
	want = append(want, "its own again")
	want = append(want, count.whole(t, log, "going-on-")...)
	_, err = log.Append(ctx, events.OrderStream("going-on-i"), 1, keyed("thief"))
	require.ErrorIs(t, err, store.ErrKeyTaken)
	_, err = log.Append(ctx, events.OrderStream("thief"), 0, keyed("thief"))
	taken, is := errors.AsType[*store.KeyTakenError](err)
	require.True(t, is, "%v", err)
	assert.Equal(t, events.OrderStream("owner"), taken.Owner)

	want = append(want, count.whole(t, log, "again-")...)
	again, err := log.Append(ctx, events.OrderStream(want[0]), 0, record(want[0]))
	require.NoError(t, err, "written before, and recognised")
	assert.EqualValues(t, 1, again[0].Position)
	_, err = log.Append(ctx, events.OrderStream(want[0]), 0, record("another"))
	require.ErrorIs(t, err, store.ErrConflict)
	count.whole(t, log, "last-")

	all, err := drain(other.All(ctx, store.Start()))
	require.NoError(t, err)
	for i, id := range want {
		assert.Equal(t, id, all[i].ID)
		assert.EqualValues(t, i+1, all[i].Position)
	}
	require.NoError(t, log.Verify(ctx, nil))
	require.NoError(t, other.Verify(ctx, nil))
}

// A turn that was sent whole may reach the server's tables long after its process has given up waiting. Once that has
// said that nothing was written, nothing is.
func TestWholeTurnThatComesLate(t *testing.T) {
	ctx := context.Background()
	s := pgserver.Shared(t)
	p, log, direct := proxied(t)
	var trap *pgserver.Trap
	for n := 0; trap == nil; n++ {
		require.Less(t, n, 100, "no turn is sent whole")
		id := fmt.Sprintf("o-%d", n)
		_, err := log.Append(ctx, events.OrderStream(id), 0, record(id))
		require.NoError(t, err)
		late := p.DelayFrom(inSchema(log.config.Schema, "select {}.go_on("), 0)
		t.Cleanup(late.Release)
		s.MustExec(t, inSchema(log.config.Schema, `create or replace function {}.fail() returns trigger language plpgsql
			as $$ begin raise exception 'no space' using errcode = '53100'; end $$;
			create trigger fails before insert on {}.records execute function {}.fail()`))
		_, err = log.Append(ctx, events.OrderStream("late"), 0, record("late"))
		require.ErrorIs(t, err, store.ErrFull, "nothing was written")
		s.MustExec(t, inSchema(log.config.Schema, "drop trigger fails on {}.records"))
		select {
		case <-late.Sprung():
			trap = late
		default:
			p.Disarm()
		}
	}
	trap.Release()
	_, err := direct.Head(ctx, events.OrderStream("late"))
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = log.Append(ctx, events.OrderStream("late"), 0, record("late"))
	require.NoError(t, err)
	require.NoError(t, log.Verify(ctx, nil))
}

// A process that accepts that its database goes back remembers nothing of what was lost, though as much is there again.
func TestWholeTurnsOverADatabaseThatWentBack(t *testing.T) {
	ctx := context.Background()
	s := pgserver.NewWhole(t, nil)
	log := openLog(t, newPool(t, s.URL()), postgres.Config{Migrate: true, MayGoBack: true})
	order := events.OrderStream("o-1")
	_, err := log.Append(ctx, order, 0, record("r-1"))
	require.NoError(t, err)
	dump := s.Dump(t, postgres.DefaultSchema)
	_, err = log.Append(ctx, order, 1, record("r-2"))
	require.NoError(t, err)
	_, err = log.Append(ctx, order, 2, record("lost"))
	require.NoError(t, err)
	s.Restore(t, postgres.DefaultSchema, dump)
	other := openLog(t, newPool(t, s.URL()), postgres.Config{})
	for _, id := range []string{"o-2", "o-3"} {
		_, err = other.Append(ctx, events.OrderStream(id), 0, record(id))
		require.NoError(t, err)
	}
	tree, err := log.Tree(ctx)
	require.NoError(t, err)
	require.EqualValues(t, 3, tree.Size)

	_, err = log.Append(ctx, order, 3, record("r-4"))
	conflict, is := errors.AsType[*store.ConflictError](err)
	require.True(t, is, "%v", err)
	assert.EqualValues(t, 1, conflict.Have)
	_, err = log.Append(ctx, order, 1, record("r-2 again"))
	require.NoError(t, err)
	require.NoError(t, log.Verify(ctx, nil))
	for _, l := range []kept{log, other} {
		require.NoError(t, l.Close())
	}
}

// A role that may not call the schema's functions appends all the same, by turns that ask.
func TestTurnsOfARoleWithoutFunctions(t *testing.T) {
	ctx := context.Background()
	s, owner := pgserver.Shared(t), newLog(t, postgres.Config{})
	schema := owner.config.Schema
	s.MustExec(t, inSchema(schema, "revoke execute on all functions in schema {} from public; "+
		"create role {}_poor login password 'poor'; grant usage on schema {} to {}_poor; "+
		"grant select, insert, update on all tables in schema {} to {}_poor"))
	log := openLog(t, newPool(t, s.URLAs(schema+"_poor", "poor")), owner.config)
	for i := range 10 {
		id := fmt.Sprintf("o-%d", i)
		_, err := log.Append(ctx, events.OrderStream(id), 0, record(id))
		require.NoError(t, err)
	}
	require.NoError(t, log.Close())
	require.NoError(t, owner.Verify(ctx, nil))
	s.MustExec(t, inSchema(schema, "drop owned by {}_poor; drop role {}_poor"))
}
