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
)

func TestQueueOrderAndBounds(t *testing.T) {
	q := newQueue()
	var all []*request
	for range 5 {
		r := &request{}
		all = append(all, r)
		require.True(t, q.add(r))
	}
	require.True(t, q.withdraw(all[1]))
	require.False(t, q.withdraw(all[1]), "what is out cannot be taken out")
	assert.Equal(t, []*request{all[0], all[2]}, q.take(2), "oldest first, no more than asked for")
	require.False(t, q.withdraw(all[0]), "the committer has it")
	q.close()
	require.False(t, q.add(&request{}), "a closed queue takes nothing")
	assert.Equal(t, []*request{all[3], all[4]}, q.take(9), "what waited is still taken")
	assert.Empty(t, q.take(9))
	assert.Empty(t, q.take(9), "and again")
}

func TestQueueWakesTheCommitter(t *testing.T) {
	q := newQueue()
	const requests = 1000
	taken := make(chan int)
	go func() {
		n := 0
		for batch := q.take(7); len(batch) > 0; batch = q.take(7) {
			n += len(batch)
		}
		taken <- n
	}()
	var group sync.WaitGroup
	for range requests {
		group.Go(func() { q.add(&request{}) })
	}
	group.Wait()
	q.close()
	select {
	case n := <-taken:
		assert.Equal(t, requests, n)
	case <-time.After(10 * time.Second):
		t.Fatal("the committer sleeps beside a full queue")
	}
}

// hold makes the committer wait in the middle of a batch of one append. It returns bbolt's number of that commit and a
// function that lets the committer go on and waits for the append.
func hold(t *testing.T, log *Log) (commit int, release func()) {
	t.Helper()
	tx, err := log.db.Begin(true)
	require.NoError(t, err)
	first := &request{stream: events.OrderStream("first"), records: []events.Record{testRecord("first")}, done: make(chan struct{})}
	require.True(t, log.queue.add(first))
	awaitQueue(t, log, 0)
	return tx.ID(), func() {
		require.NoError(t, tx.Rollback())
		<-first.done
		require.NoError(t, first.err)
	}
}

// awaitQueue waits until so many appends wait.
func awaitQueue(t *testing.T, log *Log, length int) {
	t.Helper()
	require.Eventually(t, func() bool {
		log.queue.mu.Lock()
		defer log.queue.mu.Unlock()
		return len(log.queue.waiting) == length
	}, 10*time.Second, time.Millisecond)
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
			_, err := log.Append(context.Background(), events.OrderStream(fmt.Sprintf("o-%d", i)), 0, testRecord(fmt.Sprintf("r-%d", i)))
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
		back, ok := parseStreamKey(streamKey(one))
		assert.True(t, ok)
		assert.Equal(t, one, back)
	})
	for _, key := range []string{"", "\x01", "\x05orde"} {
		_, ok := parseStreamKey([]byte(key))
		assert.False(t, ok, "%q is no stream", key)
	}
}

func TestSortableTimes(t *testing.T) {
	inOrder := []time.Time{
		{}, time.Unix(0, -1<<63+1), time.Unix(-1, 0), time.Unix(-1, 999_999_999), time.Unix(0, 0), time.Unix(0, 1),
		time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), time.Unix(0, 1<<63-1),
	}
	for i, at := range inOrder[1:] {
		assert.Less(t, sortable(inOrder[i]), sortable(at), "%s before %s", inOrder[i], at)
	}
	assert.Equal(t, sortable(time.Unix(0, 1<<63-1)), sortable(time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)), "as late as can be told")
	assert.Equal(t, sortable(time.Time{}), sortable(time.Date(1000, 1, 1, 0, 0, 0, 0, time.UTC)), "as early as can be told")
}

func TestPlaces(t *testing.T) {
	at, ok := parsePlace(place{7, 1 << 40}.bytes())
	assert.True(t, ok)
	assert.Equal(t, place{7, 1 << 40}, at)
	_, ok = parsePlace(make([]byte, placeSize-1))
	assert.False(t, ok)
}
