package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
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
	"github.com/tilltape/tilltape/store/memory"
	"github.com/tilltape/tilltape/store/postgres"
)

// questions counts the turns of a pool that began with a look at the log's row, and what they asked beside it: where
// streams end, and who has lookup keys.
type questions struct {
	failures
	turns, asked atomic.Int64
}

func (q *questions) TraceBatchQuery(_ context.Context, _ *pgx.Conn, data pgx.TraceBatchQueryData) {
	switch sql := data.SQL; {
	case strings.Contains(sql, " for update"):
		q.turns.Add(1)
	case strings.Contains(sql, "cross join lateral"):
		q.asked.Add(1)
	}
}

// newPair is two handles on one log, of which the first has its questions counted.
func newPair(t *testing.T) (log, other kept, count *questions) {
	t.Helper()
	other = newLog(t, postgres.Config{})
	config, err := pgxpool.ParseConfig(pgserver.Shared(t).URL())
	require.NoError(t, err)
	count = &questions{}
	config.ConnConfig.Tracer = count
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	log = openLog(t, pool, other.config)
	t.Cleanup(func() { assert.NoError(t, log.Close()) })
	return log, other, count
}

// Of two that take turns, each reads what the other has appended, and asks for nothing that it remembers or that its
// writes prove: where its own streams end, that a stream begins, that a lookup key is new.
func TestTurnsBesideOthersAskForNoMoreThanTheyMust(t *testing.T) {
	ctx := context.Background()
	log, other, count := newPair(t)
	keyed := func(id string) events.Record {
		r := record(id)
		r.Keys = []events.Key{events.NewKey(events.KeyPaymentID, "p-"+id)}
		return r
	}
	appends := func(l kept, stream string, after uint64, id string) {
		t.Helper()
		_, err := l.Append(ctx, events.OrderStream(stream), after, keyed(id))
		require.NoError(t, err)
	}
	appends(log, "mine", 0, "first")
	appends(other, "theirs", 0, "theirs-first")
	appends(log, "mine", 1, "second")
	turns, asked := count.turns.Load(), count.asked.Load()
	for i := range 10 {
		appends(other, "theirs", uint64(i)+1, fmt.Sprint("theirs-", i))
		appends(log, "mine", uint64(i)+2, fmt.Sprint("mine-", i))
		appends(other, fmt.Sprint("theirs-", i), 0, fmt.Sprint("their-new-", i))
		appends(log, fmt.Sprint("mine-", i), 0, fmt.Sprint("my-new-", i))
	}
	assert.Equal(t, turns+20, count.turns.Load())
	assert.Equal(t, asked, count.asked.Load())

	appends(other, "mine", 12, "not-mine")
	appends(log, "mine", 13, "mine-again")
	assert.Greater(t, count.asked.Load(), asked, "the other one appended to a stream that was remembered")
	require.NoError(t, log.Verify(ctx, nil))
}

// Whatever two handles remember, each append ends as it does in a log that remembers nothing.
func TestTurnsOfTwoEndAsInOneThatRemembersNothing(t *testing.T) {
	ctx := context.Background()
	const rounds, streams, keys = 400, 12, 30
	log, other, count := newPair(t)
	oracle := memory.New()
	random := rand.New(rand.NewPCG(11, 30))
	versions := map[string]uint64{}
	for i := range rounds {
		stream := fmt.Sprint("o-", random.IntN(streams+i/10))
		after := versions[stream]
		if random.IntN(6) == 0 {
			after = uint64(random.IntN(int(after) + 2))
		}
		r := record(fmt.Sprint("r-", i))
		if random.IntN(2) == 0 {
			r.Keys = []events.Key{events.NewKey(events.KeyPaymentID, fmt.Sprint("p-", random.IntN(keys)))}
		}
		by := log
		if random.IntN(3) == 0 {
			by = other
		}
		_, want := oracle.Append(ctx, events.OrderStream(stream), after, r)
		_, err := by.Append(ctx, events.OrderStream(stream), after, r)
		if want == nil {
			versions[stream] = after + 1
			require.NoError(t, err, "round %d", i)
			continue
		}
		for _, kind := range []error{store.ErrConflict, store.ErrKeyTaken} {
			require.Equal(t, errors.Is(want, kind), errors.Is(err, kind), "round %d: %v, and not %v", i, err, want)
		}
	}
	assert.Positive(t, count.asked.Load())
	assert.Less(t, count.asked.Load(), 2*count.turns.Load())
	want, err := drain(oracle.All(ctx, store.Start()))
	require.NoError(t, err)
	have, err := drain(other.All(ctx, store.Start()))
	require.NoError(t, err)
	require.Len(t, have, len(want))
	for i := range want {
		assert.Equal(t, want[i].ID, have[i].ID)
	}
	require.NoError(t, log.Verify(ctx, nil))
}
