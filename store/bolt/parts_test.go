package bolt

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/internal/ledger"
)

// hold makes the committer wait in the middle of a batch of one append. It returns bbolt's number of that commit and a
// function that lets the committer go on and waits for the append.
func hold(t *testing.T, log *Log) (commit int, release func()) {
	t.Helper()
	tx, err := log.db.Begin(true)
	require.NoError(t, err)
	first, err := log.prepare(context.Background(), events.OrderStream("first"), 0, []events.Record{testRecord("first")})
	require.NoError(t, err)
	log.queue.Enter()
	done := make(chan error, 1)
	go func() { done <- log.enqueue(context.Background(), first) }()
	awaitState(t, log, func(s ledger.State) bool { return s.Waiting == 1 && s.Gathered == 0 })
	return tx.ID(), func() {
		require.NoError(t, tx.Rollback())
		require.NoError(t, <-done)
		log.queue.Leave()
		require.NoError(t, first.Err)
	}
}

// awaitQueue waits until so many appends wait for the commit after the one that is held.
func awaitQueue(t *testing.T, log *Log, length int) {
	t.Helper()
	awaitState(t, log, func(s ledger.State) bool { return s.Gathered == length })
}

func awaitState(t *testing.T, log *Log, is func(ledger.State) bool) {
	t.Helper()
	require.Eventually(t, func() bool { return is(log.queue.State()) }, 10*time.Second, time.Millisecond)
}

func TestWithdrawnAppendHasNotHappened(t *testing.T) {
	log := openTest(t)
	_, release := hold(t, log)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	_, err := log.Append(ctx, events.OrderStream("o-2"), 0, testRecord("r-2"))
	require.ErrorIs(t, err, context.DeadlineExceeded, "while it waits an append can be called off")
	release()
	_, err = log.Head(context.Background(), events.OrderStream("o-2"))
	require.ErrorIs(t, err, store.ErrNotFound, "and then has not happened")
}

func TestGroupsShareACommit(t *testing.T) {
	log := openTest(t)
	commit, release := hold(t, log)
	const writers = 100
	var group sync.WaitGroup
	for i := range writers {
		group.Go(func() {
			_, err := log.Append(context.Background(), events.OrderStream(fmt.Sprintf("o-%d", i)), 0,
				testRecord(fmt.Sprintf("r-%d", i)))
			assert.NoError(t, err)
		})
	}
	awaitQueue(t, log, writers)
	release()
	group.Wait()
	tx, err := log.db.Begin(true)
	require.NoError(t, err)
	defer tx.Rollback()
	assert.Equal(t, commit+2, tx.ID(), "the held commit and one more for all that waited")
}

func TestStreamKeysAreInjective(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.SampledFrom([]rune("ao:é\x00")))
		one := events.Stream{Category: text.Draw(t, "category"), ID: text.Draw(t, "id")}
		two := events.Stream{Category: text.Draw(t, "other category"), ID: text.Draw(t, "other id")}
		assert.Equal(t, one == two, string(streamKey(one)) == string(streamKey(two)))
	})
}

func TestSortableTimes(t *testing.T) {
	inOrder := []time.Time{
		{}, time.Unix(0, -1<<63+1), time.Unix(-1, 0), time.Unix(-1, 999_999_999), time.Unix(0, 0), time.Unix(0, 1),
		time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), time.Unix(0, 1<<63-1),
	}
	for i, at := range inOrder[1:] {
		assert.Less(t, sortable(inOrder[i]), sortable(at), "%s before %s", inOrder[i], at)
	}
	assert.Equal(t, sortable(time.Unix(0, 1<<63-1)), sortable(time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)),
		"as late as can be told")
	assert.Equal(t, sortable(time.Time{}), sortable(time.Date(1000, 1, 1, 0, 0, 0, 0, time.UTC)),
		"as early as can be told")
}

func TestPlaces(t *testing.T) {
	at, ok := parsePlace(placeBytes(place{Version: 7, Position: 1 << 40}))
	assert.True(t, ok)
	assert.Equal(t, place{Version: 7, Position: 1 << 40}, at)
	for _, bad := range []string{"", "\x80", "\x07", "\x07\x80", "\x07\x08\x09"} {
		_, ok = parsePlace([]byte(bad))
		assert.False(t, ok, "%x", bad)
	}
}

// TestPace: a generation is in the file in time, and what is late is no burden to a lone writer.
func TestPace(t *testing.T) {
	const limit = 1 << 17
	begun := func(size, total int) *flush {
		return &flush{gen: &generation{slots: make([]*slot, size)}, keys: make([]owned, total)}
	}
	for _, added := range []int{1, 3, 400, 3000} {
		for _, each := range []int{1, 2, 4} { // entries of the flush for one of the generation
			f := begun(limit, each*limit)
			gathered, commits, carrying := 0, 0, 0
			for f.left() > 0 {
				f.owed += f.rate(gathered, added, limit)
				n := f.bundle(gathered, added, limit)
				most := max(flushMax, each*added)
				if gathered > limit {
					most *= lateShare
				}
				assert.LessOrEqual(t, n, most, "%d entries a commit", added)
				if commits++; n > 0 {
					carrying++
				}
				f.carried(min(f.done+n, f.total()))
				gathered += added
			}
			assert.LessOrEqual(t, gathered, limit*5/4, "%d entries a commit", added)
			assert.LessOrEqual(t, carrying, each*limit/bundleMax+1, "of %d commits of %d entries each", commits, added)
			assert.Zero(t, f.owed)
		}
	}
	late := begun(limit, limit)
	assert.Equal(t, 8, late.rate(2*limit, 1, limit))
	late.owed = limit
	assert.Equal(t, flushMax, late.bundle(2*limit, 1, limit))
	assert.Equal(t, lateShare*3000, late.bundle(2*limit, 3000, limit))
	small := begun(24, 24)
	small.owed = 1
	assert.Equal(t, 1, small.bundle(0, 1, 24), "a small generation goes in many steps too")
}

// TestOneStreamDoesNotHoldTheFlushUp: appends that bring no new entry still carry those of the generation before.
func TestOneStreamDoesNotHoldTheFlushUp(t *testing.T) {
	const limit = 16
	log := openTest(t)
	log.lazy.limit = limit
	longest := uint64(0)
	for i := range uint64(20 * limit) {
		of, after := events.OrderStream("o-1"), i
		if i < limit {
			of, after = events.OrderStream(fmt.Sprintf("o-%d", i+1)), 0
		} else {
			after -= limit - 1
		}
		_, err := log.Append(context.Background(), of, after, testRecord(fmt.Sprintf("r-%d", i)))
		require.NoError(t, err)
		AwaitFlush(log)
		layers := log.lazy.layers()
		if layers.frozen != nil {
			longest = max(longest, i+1-layers.frozen.begin)
		}
	}
	assert.LessOrEqual(t, longest, uint64(2*limit*stretchMax+limit), "records that an open after a kill would replay")
	assert.Positive(t, longest)
}
