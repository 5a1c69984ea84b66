package postgres_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/pgserver"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/postgres"
)

// proxied is a log behind a proxy, and another handle on the log that is not.
func proxied(t *testing.T) (p *pgserver.Proxy, log, direct kept) {
	t.Helper()
	s := pgserver.Shared(t)
	direct = newLog(t, postgres.Config{})
	p = pgserver.NewProxy(t, s.Addr())
	config := direct.config
	log = openLog(t, newPool(t, p.URL(s.URL())), config)
	t.Cleanup(func() { assert.NoError(t, log.Close()) })
	return p, log, direct
}

func sprung(t *testing.T, trap *pgserver.Trap) {
	t.Helper()
	select {
	case <-trap.Sprung():
	case <-time.After(10 * time.Second):
		require.Fail(t, "the connection was not cut")
	}
}

// A connection that breaks at any statement of a turn leaves no doubt: the log finds out by another one what has become
// of the append, and it is there once.
func TestConnectionsThatBreakInATurn(t *testing.T) {
	ctx := context.Background()
	p, log, direct := proxied(t)
	n := 0
	appendOne := func(trap *pgserver.Trap) {
		id := fmt.Sprintf("o-%d", n)
		n++
		written, err := log.Append(ctx, events.OrderStream(id), 0, record(id))
		require.NoError(t, err)
		require.EqualValues(t, n, written[0].Position)
		if trap != nil {
			sprung(t, trap)
		}
	}
	appendOne(nil)
	for range 2 { // with and without statements that are prepared by then
		appendOne(p.CutAfter("COMMIT", 0))
		appendOne(p.CutAfter("INSERT", 0))
		appendOne(p.CutAfter("BEGIN", 0))
		appendOne(nil)
	}
	all := 0
	for r, err := range direct.All(ctx, store.Start()) {
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintf("o-%d", all), r.ID, "each once")
		all++
	}
	assert.Equal(t, n, all)
	require.NoError(t, direct.Verify(ctx, nil))
	one, err := log.Tree(ctx)
	require.NoError(t, err)
	two, err := direct.Tree(ctx)
	require.NoError(t, err)
	assert.Equal(t, one, two)
}

// Another process may have its turns between the one that is in doubt and the answer.
func TestDoubtWhileAnotherWrites(t *testing.T) {
	ctx := context.Background()
	p, log, direct := proxied(t)
	_, err := log.Append(ctx, events.OrderStream("first"), 0, record("first"))
	require.NoError(t, err)
	for _, tag := range []string{"COMMIT", "BEGIN"} {
		p.Refuse(true)
		trap := p.CutAfter(tag, 0)
		done := make(chan error, 1)
		under, cancel := context.WithCancel(ctx)
		go func() {
			_, err := log.Append(under, events.OrderStream(tag), 0, record(tag))
			done <- err
		}()
		sprung(t, trap)
		cancel() // too late: the turn has begun, and its outcome is reported
		for i := range 3 {
			id := fmt.Sprintf("%s-%d", tag, i)
			_, err := direct.Append(ctx, events.OrderStream(id), 0, record(id))
			require.NoError(t, err)
		}
		p.Refuse(false)
		require.NoError(t, <-done)
	}
	var ids []string
	for r, err := range direct.All(ctx, store.Start()) {
		require.NoError(t, err)
		ids = append(ids, r.ID)
	}
	assert.Equal(t, []string{"first", "COMMIT", "COMMIT-0", "COMMIT-1", "COMMIT-2", "BEGIN-0", "BEGIN-1", "BEGIN-2",
		"BEGIN"}, ids)
	require.NoError(t, log.Verify(ctx, nil))
}

// Where the append that is in doubt was given to another process meanwhile, which wrote records of the same ids in the
// very place, what is acknowledged is what is there, and the log goes on.
func TestDoubtWhileAnotherWritesTheSame(t *testing.T) {
	ctx := context.Background()
	p, log, direct := proxied(t)
	trap := p.CutBefore("commit", 0).ThenRefuse()
	type outcome struct {
		written []events.Record
		err     error
	}
	done := make(chan outcome, 1)
	go func() {
		written, err := log.Append(ctx, events.OrderStream("o-1"), 0, record("r-1"))
		done <- outcome{written, err}
	}()
	sprung(t, trap)
	again := record("r-1")
	again.Actor = "till-8"
	want, err := direct.Append(ctx, events.OrderStream("o-1"), 0, again)
	require.NoError(t, err)
	p.Refuse(false)
	have := <-done
	require.NoError(t, have.err)
	assert.Equal(t, want, have.written)
	_, err = log.Append(ctx, events.OrderStream("o-2"), 0, record("r-2"))
	require.NoError(t, err)
	require.NoError(t, log.Verify(ctx, nil))
}

// A server that cannot be reached is an answer in a few seconds, and nothing was written; once it can, appends go on.
func TestServerThatIsAway(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	p, log, _ := proxied(t)
	p.Refuse(true)
	p.Cut()
	begun := time.Now()
	_, err := log.Append(ctx, events.OrderStream("o-1"), 0, record("r-1"))
	require.ErrorIs(t, err, store.ErrUnavailable)
	assert.Less(t, time.Since(begun), 15*time.Second)
	_, err = log.Head(ctx, events.OrderStream("o-1"))
	require.ErrorIs(t, err, store.ErrUnavailable)
	p.Refuse(false)
	_, err = log.Head(ctx, events.OrderStream("o-1"))
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = log.Append(ctx, events.OrderStream("o-1"), 0, record("r-1"))
	require.NoError(t, err)
}

// A process that dies in its turn, or stays silent in it, holds up nobody for long.
func TestTurnOfASilentProcess(t *testing.T) {
	ctx := context.Background()
	log := newLog(t, postgres.Config{})
	tx, err := log.pool.Begin(ctx)
	require.NoError(t, err)
	_, err = tx.Exec(ctx, fmt.Sprintf("select from %s.log for update", log.config.Schema))
	require.NoError(t, err)
	time.AfterFunc(300*time.Millisecond, func() { _ = tx.Conn().PgConn().Conn().Close() })
	begun := time.Now()
	_, err = log.Append(ctx, events.OrderStream("o-1"), 0, record("r-1"))
	require.NoError(t, err)
	assert.Greater(t, time.Since(begun), 250*time.Millisecond, "it waited for the turn")
	_ = tx.Rollback(ctx) // of a connection that is gone
}

// A database that was restored from an older copy is not what the log was, and says so until it is opened again.
func TestDatabaseThatWentBack(t *testing.T) {
	ctx := context.Background()
	s := pgserver.NewWhole(t, nil)
	log := openLog(t, newPool(t, s.URL()), postgres.Config{Migrate: true, MayLoseNewest: true}) // which is another matter
	loses := openLog(t, newPool(t, s.URL()), postgres.Config{MayGoBack: true})
	dump := ""
	for i := range 3 {
		id := fmt.Sprintf("o-%d", i)
		_, err := log.Append(ctx, events.OrderStream(id), 0, record(id))
		require.NoError(t, err)
		if i == 1 {
			dump = s.Dump(t, postgres.DefaultSchema)
		}
	}
	tree, err := loses.Tree(ctx)
	require.NoError(t, err)
	require.EqualValues(t, 3, tree.Size)
	cursor := store.After(events.Record{Position: 3})
	s.Restore(t, postgres.DefaultSchema, dump)

	_, err = log.Append(ctx, events.OrderStream("o-3"), 0, record("o-3"))
	require.ErrorIs(t, err, store.ErrDamaged)
	assert.ErrorContains(t, err, "it ends at position 2, and had 3 records")
	_, err = log.Tree(ctx)
	require.ErrorIs(t, err, store.ErrDamaged)
	for _, err = range log.All(ctx, cursor) {
	}
	require.ErrorIs(t, err, store.ErrInvalid, "a cursor beyond the end is an error")

	_, err = loses.Append(ctx, events.OrderStream("other"), 0, record("other"))
	require.NoError(t, err)
	require.NoError(t, loses.Verify(ctx, nil))
	_, err = log.Append(ctx, events.OrderStream("o-3"), 0, record("o-3"))
	require.ErrorIs(t, err, store.ErrDamaged, "it has as many records again, and they are others")
	assert.ErrorContains(t, err, "its seal over 3 records is not what this log had")
	again := openLog(t, newPool(t, s.URL()), postgres.Config{})
	_, err = again.Append(ctx, events.OrderStream("o-3"), 0, record("o-3"))
	require.NoError(t, err)
	for _, l := range []kept{log, loses, again} {
		require.NoError(t, l.Close())
	}
}
