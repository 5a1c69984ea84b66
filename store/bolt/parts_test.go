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

func TestQueueOrder(t *testing.T) {
	q := newQueue()
	var all []*request
	for range 4 {
		r := &request{}
		all = append(all, r)
		b, retry := put(q, r)
		require.Same(t, q.forming, b)
		require.Nil(t, retry)
	}
	first := q.forming
	require.True(t, q.withdraw(first, all[1]))
	require.Same(t, first, q.take(0))
	assert.Equal(t, []*request{all[0], all[2], all[3]}, first.requests, "oldest first, without what was withdrawn")
	require.False(t, q.withdraw(first, all[0]), "the committer has it")
	second, _ := put(q, &request{})
	require.NotSame(t, first, second)
	q.close()
	none, retry := put(q, &request{})
	require.Nil(t, none, "a closed queue takes nothing")
	require.Nil(t, retry, "and there is nothing to wait for")
	assert.Same(t, second, q.take(0), "what waited is still taken")
	assert.Nil(t, q.take(0))
	assert.Nil(t, q.take(0), "and again")
}

// put has a request come and be added.
func put(q *queue, r *request) (joined *batch, retry <-chan struct{}) {
	q.enter()
	return q.add(r)
}

// TestQueueWaitsForWhatIsOnTheWay: an append that comes while others still do goes with them, and none waits for one
// that does not come, nor beyond patience.
func TestQueueWaitsForWhatIsOnTheWay(t *testing.T) {
	c := newCommitter(t)
	_, _ = put(c.q, &request{})
	c.take(time.Hour)
	assert.Equal(t, 1, <-c.taken, "a lone writer is not kept waiting")
	c.done(1)

	for range 3 {
		c.q.enter()
	}
	c.take(time.Hour)
	_, _ = c.q.add(&request{})
	c.waits()
	_, _ = c.q.add(&request{})
	c.waits()
	c.q.leave()
	assert.Equal(t, 2, <-c.taken, "the third does not come")

	c.q.resume(2)
	c.take(time.Hour)
	_, _ = c.q.add(&request{})
	c.waits()
	c.q.leave()
	assert.Equal(t, 1, <-c.taken, "an appender with its outcome may come again, and has not")
	c.done(1)

	c.take(time.Hour)
	_, _ = put(c.q, &request{})
	assert.Equal(t, 1, <-c.taken, "it slept, and nobody else was on the way")
	c.done(1)
	assert.Zero(t, c.q.inside)
	assert.Zero(t, c.q.waiting)
}

func TestQueueWaitsNoLongerThanItsPatience(t *testing.T) {
	c := newCommitter(t)
	c.q.enter()
	c.q.enter()
	begun := time.Now()
	c.take(aWhile)
	_, _ = c.q.add(&request{})
	assert.Equal(t, 1, <-c.taken, "the other is late")
	assert.GreaterOrEqual(t, time.Since(begun), aWhile)
	c.done(1)
	c.take(aWhile)
	c.waits()
	_, _ = c.q.add(&request{})
	assert.Equal(t, 1, <-c.taken)
	c.done(1)

	c.q.enter()
	_, _ = put(c.q, &request{})
	c.take(time.Hour)
	c.waits()
	c.q.close()
	assert.Equal(t, 1, <-c.taken, "a closed queue waits for nobody")
}

// aWhile is long enough for a committer that does not wait to show it.
const aWhile = 20 * time.Millisecond

// committer takes batches from a queue beside the test.
type committer struct {
	t     *testing.T
	q     *queue
	taken chan int // how many requests each batch had
}

func newCommitter(t *testing.T) committer { return committer{t, newQueue(), make(chan int)} }

func (c committer) take(patience time.Duration) {
	go func() {
		b := c.q.take(patience)
		c.taken <- len(b.requests)
	}()
}

// done ends n appends: they are on their way again and leave.
func (c committer) done(n int) {
	c.q.resume(n)
	for range n {
		c.q.leave()
	}
}

func (c committer) waits() {
	c.t.Helper()
	select {
	case n := <-c.taken:
		c.t.Fatalf("the committer took %d and did not wait", n)
	case <-time.After(aWhile):
	}
}

func TestQueueTakesWhatIsFull(t *testing.T) {
	q := newQueue()
	q.enter()
	for range batchMax {
		_, _ = put(q, &request{})
	}
	assert.Len(t, q.take(time.Hour).requests, batchMax)

	_, _ = put(q, &request{size: 1})
	_, retry := q.add(&request{size: batchBytesMax})
	assert.NotNil(t, retry)
	assert.Len(t, q.take(time.Hour).requests, 1, "an append without room is not on the way either")
}

func TestQueueIsBounded(t *testing.T) {
	q := newQueue()
	for range batchMax {
		b, _ := put(q, &request{})
		require.NotNil(t, b)
	}
	isFull := func(size int) {
		t.Helper()
		b, retry := put(q, &request{size: size})
		require.Nil(t, b)
		select {
		case <-retry:
			t.Fatal("nothing has changed yet")
		default:
		}
		q.take(0)
		<-retry
	}
	isFull(1)
	big := &request{size: batchBytesMax + 1}
	b, _ := put(q, big)
	require.NotNil(t, b, "what is too big for any batch is taken alone")
	isFull(1)
	_, _ = put(q, &request{size: batchBytesMax - 1})
	b, _ = put(q, &request{size: 1})
	require.NotNil(t, b)
	require.True(t, q.withdraw(b, b.requests[0]))
	b, _ = put(q, big)
	require.Nil(t, b)
	b, _ = put(q, &request{size: batchBytesMax - 1})
	require.NotNil(t, b, "what is withdrawn leaves its space")
	_, retry := put(q, big)
	q.close()
	<-retry
	b, retry = put(q, big)
	require.Nil(t, b)
	require.Nil(t, retry, "an append that waited for space learns that the queue is closed")
}

func TestQueueWakesTheCommitter(t *testing.T) {
	q := newQueue()
	const requests = 1000
	taken := make(chan int)
	go func() {
		n := 0
		for b := q.take(0); b != nil; b = q.take(0) {
			n += len(b.requests)
		}
		taken <- n
	}()
	var group sync.WaitGroup
	for range requests {
		group.Go(func() { put(q, &request{}) })
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
	first, err := log.prepare(context.Background(), events.OrderStream("first"), 0, []events.Record{testRecord("first")})
	require.NoError(t, err)
	joined, _ := put(log.queue, first)
	require.NotNil(t, joined)
	awaitQueue(t, log, 0)
	return tx.ID(), func() {
		require.NoError(t, tx.Rollback())
		<-joined.done
		log.queue.leave()
		require.NoError(t, first.err)
	}
}

// awaitQueue waits until so many appends wait.
func awaitQueue(t *testing.T, log *Log, length int) {
	t.Helper()
	require.Eventually(t, func() bool {
		log.queue.mu.Lock()
		defer log.queue.mu.Unlock()
		return len(log.queue.forming.requests) == length
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
	at, ok := parsePlace(place{7, 1 << 40}.bytes())
	assert.True(t, ok)
	assert.Equal(t, place{7, 1 << 40}, at)
	for _, bad := range []string{"", "\x80", "\x07", "\x07\x80", "\x07\x08\x09"} {
		_, ok = parsePlace([]byte(bad))
		assert.False(t, ok, "%x", bad)
	}
}

// TestPace: a generation is in the file in time, and what is late is no burden to a lone writer.
func TestPace(t *testing.T) {
	const limit = 1 << 17
	for _, added := range []int{1, 3, 400, 3000} {
		f := &flush{keys: make([]owned, limit)}
		gathered, commits, carrying := 0, 0, 0
		for f.left() > 0 {
			f.owed += f.rate(gathered, added, limit)
			n := f.bundle(limit, added)
			assert.LessOrEqual(t, n, max(flushMax, added), "%d entries a commit", added)
			if commits++; n > 0 {
				carrying++
			}
			f.carried(min(f.done+n, limit))
			gathered += added
		}
		assert.LessOrEqual(t, gathered, limit*5/4, "%d entries a commit", added)
		assert.LessOrEqual(t, carrying, limit/bundleMax+1, "of %d commits of %d entries each", commits, added)
		assert.Zero(t, f.owed)
	}
	late := &flush{keys: make([]owned, limit)}
	assert.Equal(t, 8, late.rate(2*limit, 1, limit))
	small := &flush{keys: make([]owned, 24)}
	small.owed = 1
	assert.Equal(t, 1, small.bundle(24, 1), "a small generation goes in many steps too")
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
		layers := log.lazy.layers()
		if layers.frozen != nil {
			longest = max(longest, i+1-layers.frozen.begin)
		}
	}
	assert.LessOrEqual(t, longest, uint64(2*limit*stretchMax+limit), "records that an open after a kill would replay")
	assert.Positive(t, longest)
}
