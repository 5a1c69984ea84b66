package trouble_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/internal/tests/pgserver"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/postgres"
)

// cutCommit is an append whose connection is cut around its COMMIT. The log finds out by itself what became of it: it
// is there once, whoever asks and how often.
func cutCommit(t *testing.T, cut func(p *pgserver.Proxy) *pgserver.Trap) {
	s := pgserver.Shared(t)
	_, schema := made(t, s)
	p := pgserver.NewProxy(t, s.Addr())
	log := open(t, p.URL(s.URL()), postgres.Config{Schema: schema})
	fill(t, log, "before", 3)

	stream, given := events.OrderStream("o-1"), record("doubtful")
	trap := cut(p)
	within(t, "an append whose COMMIT is not answered", func() {
		records, err := log.Append(t.Context(), stream, 0, given)
		if assert.NoError(t, err) {
			assert.Equal(t, uint64(1), records[0].Version)
		}
	})
	sprung(t, trap)
	inOrder(t, log, stream, given)
}

// inOrder holds that the append is there, once, and that the log goes on.
func inOrder(t *testing.T, log *postgres.Log, stream events.Stream, given events.Record) {
	t.Helper()
	var records []events.Record
	within(t, "the same append again", func() { records = again(t, log, stream, 0, given) })
	assert.Equal(t, uint64(1), records[0].Version)
	_, err := log.Append(t.Context(), stream, 0, record("other"))
	require.ErrorIs(t, err, store.ErrConflict)
	fill(t, log, "after", 3)
	assert.Equal(t, []string{"before-0", "before-1", "before-2", given.ID, "after-0", "after-1", "after-2"},
		idsOf(t, log))
	require.NoError(t, log.Verify(t.Context(), nil))
}

// sprung fails the test where nothing went into the trap.
func sprung(t *testing.T, trap *pgserver.Trap) {
	t.Helper()
	select {
	case <-trap.Sprung():
	default:
		t.Fatal("no COMMIT went over the line, so nothing is shown")
	}
}

// findingOut is longer than the log tries to find out about a commit.
const findingOut = 2 * time.Minute

// TestCommitThatNobodyCanAskAbout: where the server stays away, the error does not say that nothing was written, and
// the same append again, when it is back, is recognised.
func TestCommitThatNobodyCanAskAbout(t *testing.T) {
	if !long.Walks() {
		t.Skip("the log tries for half a minute to find out; set " + long.Variable + "=1")
	}
	t.Parallel()
	for name, cut := range map[string]func(p *pgserver.Proxy) *pgserver.Trap{
		"done":          func(p *pgserver.Proxy) *pgserver.Trap { return p.CutAfter("COMMIT", 0) },
		"never arrived": func(p *pgserver.Proxy) *pgserver.Trap { return p.CutBefore("commit", 0) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := pgserver.Shared(t)
			_, schema := made(t, s)
			p := pgserver.NewProxy(t, s.Addr())
			log := open(t, p.URL(s.URL()), postgres.Config{Schema: schema})
			fill(t, log, "before", 3)
			stream, given := events.OrderStream("o-1"), record("doubtful")
			trap := cut(p).ThenRefuse()
			ctx, cancel := context.WithTimeout(t.Context(), findingOut)
			defer cancel()
			_, err := log.Append(ctx, stream, 0, given)
			require.NoError(t, ctx.Err(), "the log gives up in the end")
			require.ErrorIs(t, err, store.ErrStorage)
			assert.False(t, says(err), "it may have been written, and the error says that it was not: %v", err)
			assert.ErrorContains(t, err, "same record ids")
			sprung(t, trap)
			p.Refuse(false)
			inOrder(t, log, stream, given)
		})
	}
}

// again appends until it succeeds, as whoever was left in doubt or turned away does.
func again(t *testing.T, log store.Log, to events.Stream, after uint64, given ...events.Record) []events.Record {
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		records, err := log.Append(context.Background(), to, after, given...)
		if err == nil {
			return records
		}
		if !errors.Is(err, store.ErrUnavailable) && !errors.Is(err, store.ErrStorage) || time.Now().After(deadline) {
			assert.NoError(t, err, "%v", given[0].ID)
			return given
		}
	}
}

func TestCommitDoneAndNotAnswered(t *testing.T) {
	cutCommit(t, func(p *pgserver.Proxy) *pgserver.Trap { return p.CutAfter("COMMIT", 0) })
}

func TestCommitThatNeverArrived(t *testing.T) {
	cutCommit(t, func(p *pgserver.Proxy) *pgserver.Trap { return p.CutBefore("commit", 0) })
}

// TestCommitsCutUnderLoad cuts commit after commit while many append, and lets everybody ask again.
func TestCommitsCutUnderLoad(t *testing.T) {
	s := pgserver.Shared(t)
	_, schema := made(t, s)
	p := pgserver.NewProxy(t, s.Addr())
	log := open(t, p.URL(s.URL()), postgres.Config{Schema: schema})
	cuts := long.Rounds(60, 12)
	stop := make(chan struct{})
	var group sync.WaitGroup
	var mu sync.Mutex
	acknowledged := map[string]uint64{}
	for writer := range 16 {
		group.Go(func() {
			for n := uint64(0); ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				id := fmt.Sprintf("w%d-%d", writer, n)
				records := again(t, log, events.OrderStream(fmt.Sprint("o-", writer)), n, record(id))
				mu.Lock()
				acknowledged[id] = records[0].Position
				mu.Unlock()
			}
		})
	}
	for n := range cuts {
		arm := p.CutAfter
		if n%2 == 1 {
			arm = func(string, int) *pgserver.Trap { return p.CutBefore("commit", n%3) }
		}
		select {
		case <-arm("COMMIT", n%3).Sprung():
		case <-time.After(patience):
			t.Fatal("nobody commits any more")
		}
	}
	close(stop)
	within(t, "the last appends", group.Wait)
	positions := map[string]uint64{}
	for i, id := range idsOf(t, log) {
		require.NotContains(t, positions, id, "written twice")
		positions[id] = uint64(i) + 1
	}
	for id, position := range acknowledged {
		assert.Equal(t, position, positions[id], id)
	}
	assert.Greater(t, len(acknowledged), cuts)
	require.NoError(t, log.Verify(t.Context(), nil))
}

// TestServerDiesUnderLoad: whoever asks again after an outage is told, once the server is back.
func TestServerDiesUnderLoad(t *testing.T) {
	s := pgserver.New(t, nil)
	log, _ := made(t, s)
	stop := make(chan struct{})
	var group sync.WaitGroup
	var mu sync.Mutex
	acknowledged := map[string]uint64{}
	for writer := range 8 {
		group.Go(func() {
			for n := uint64(0); ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				id := fmt.Sprintf("w%d-%d", writer, n)
				records := again(t, log, events.OrderStream(fmt.Sprint("o-", writer)), n, record(id))
				mu.Lock()
				acknowledged[id] = records[0].Position
				mu.Unlock()
			}
		})
	}
	downs := []func() error{s.Kill, s.StopImmediately, s.Stop}
	for n := range long.Rounds(9, 3) {
		time.Sleep(150 * time.Millisecond)
		pgserver.Do(t, downs[n%len(downs)]())
		_, err := log.Head(t.Context(), events.OrderStream("o-0"))
		assert.True(t, errors.Is(err, store.ErrUnavailable) || errors.Is(err, store.ErrStorage),
			"a server that is away: %v", err)
		pgserver.Do(t, s.Start())
	}
	time.Sleep(150 * time.Millisecond)
	close(stop)
	within(t, "the last appends", group.Wait)
	ids := idsOf(t, log)
	for id, position := range acknowledged {
		require.Less(t, position, uint64(len(ids))+1, id)
		assert.Equal(t, id, ids[position-1])
	}
	assert.NotEmpty(t, acknowledged)
	require.NoError(t, log.Verify(t.Context(), nil))
}
