package ledger

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/store"
)

type (
	request = Request[int]
	batch   = Batch[int]
	queue   = Queue[int]
)

func TestQueueOrder(t *testing.T) {
	q := NewQueue[int]()
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
	require.Same(t, first, q.Take(0))
	assert.Equal(t, []*request{all[0], all[2], all[3]}, first.Requests, "oldest first, without what was withdrawn")
	require.False(t, q.withdraw(first, all[0]), "the committer has it")
	second, _ := put(q, &request{})
	require.NotSame(t, first, second)
	q.Close()
	none, retry := put(q, &request{})
	require.Nil(t, none, "a closed queue takes nothing")
	require.Nil(t, retry, "and there is nothing to wait for")
	assert.Same(t, second, q.Take(0), "what waited is still taken")
	assert.Nil(t, q.Take(0))
	assert.Nil(t, q.Take(0), "and again")
}

// put has a request come and be added.
func put(q *queue, r *request) (joined *batch, retry <-chan struct{}) {
	q.Enter()
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
		c.q.Enter()
	}
	c.take(time.Hour)
	_, _ = c.q.add(&request{})
	c.waits()
	_, _ = c.q.add(&request{})
	c.waits()
	c.q.Leave()
	assert.Equal(t, 2, <-c.taken, "the third does not come")

	c.q.resume(2)
	c.take(time.Hour)
	_, _ = c.q.add(&request{})
	c.waits()
	c.q.Leave()
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
	c.q.Enter()
	c.q.Enter()
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

	c.q.Enter()
	_, _ = put(c.q, &request{})
	c.take(time.Hour)
	c.waits()
	c.q.Close()
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

func newCommitter(t *testing.T) committer { return committer{t, NewQueue[int](), make(chan int)} }

func (c committer) take(patience time.Duration) {
	go func() {
		b := c.q.Take(patience)
		c.taken <- len(b.Requests)
	}()
}

// done ends n appends: they are on their way again and leave.
func (c committer) done(n int) {
	c.q.resume(n)
	for range n {
		c.q.Leave()
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
	q := NewQueue[int]()
	q.Enter()
	for range BatchMax {
		_, _ = put(q, &request{})
	}
	assert.Len(t, q.Take(time.Hour).Requests, BatchMax)

	_, _ = put(q, &request{Size: 1})
	_, retry := q.add(&request{Size: BatchBytesMax})
	assert.NotNil(t, retry)
	assert.Len(t, q.Take(time.Hour).Requests, 1, "an append without room is not on the way either")
}

func TestQueueIsBounded(t *testing.T) {
	q := NewQueue[int]()
	for range BatchMax {
		b, _ := put(q, &request{})
		require.NotNil(t, b)
	}
	isFull := func(size int) {
		t.Helper()
		b, retry := put(q, &request{Size: size})
		require.Nil(t, b)
		select {
		case <-retry:
			t.Fatal("nothing has changed yet")
		default:
		}
		q.Take(0)
		<-retry
	}
	isFull(1)
	big := &request{Size: BatchBytesMax + 1}
	b, _ := put(q, big)
	require.NotNil(t, b, "what is too big for any batch is taken alone")
	isFull(1)
	_, _ = put(q, &request{Size: BatchBytesMax - 1})
	b, _ = put(q, &request{Size: 1})
	require.NotNil(t, b)
	require.True(t, q.withdraw(b, b.Requests[0]))
	b, _ = put(q, big)
	require.Nil(t, b)
	b, _ = put(q, &request{Size: BatchBytesMax - 1})
	require.NotNil(t, b, "what is withdrawn leaves its space")
	_, retry := put(q, big)
	q.Close()
	<-retry
	b, retry = put(q, big)
	require.Nil(t, b)
	require.Nil(t, retry, "an append that waited for space learns that the queue is closed")
}

func TestQueueWakesTheCommitter(t *testing.T) {
	q := NewQueue[int]()
	const requests = 1000
	taken := make(chan int)
	go func() {
		n := 0
		for b := q.Take(0); b != nil; b = q.Take(0) {
			n += len(b.Requests)
		}
		taken <- n
	}()
	var group sync.WaitGroup
	for range requests {
		group.Go(func() { put(q, &request{}) })
	}
	group.Wait()
	q.Close()
	select {
	case n := <-taken:
		assert.Equal(t, requests, n)
	case <-time.After(10 * time.Second):
		t.Fatal("the committer sleeps beside a full queue")
	}
}

// Requests that are queued together keep their order, and share a batch as far as it has room; each has its outcome
// once EnqueueAll has returned, and what did not join says why.
func TestQueueTakesManyInOrder(t *testing.T) {
	q := NewQueue[struct{}]()
	const many = 2*BatchMax + 3
	requests := make([]*Request[struct{}], many)
	for i := range requests {
		requests[i] = &Request[struct{}]{After: uint64(i)}
		q.Enter()
		defer q.Leave()
	}
	ended := make(chan struct{})
	var sizes []int
	next := uint64(0)
	go func() {
		defer close(ended)
		for b := q.Take(time.Second); b != nil; b = q.Take(time.Second) {
			sizes = append(sizes, len(b.Requests))
			for _, r := range b.Requests {
				assert.Equal(t, next, r.After, "in order")
				next++
				r.First = next
			}
			q.Done(b)
		}
	}()
	require.NoError(t, q.EnqueueAll(context.Background(), requests))
	for i, r := range requests {
		require.EqualValues(t, i+1, r.First, "it has its outcome")
	}
	q.Close()
	<-ended
	assert.Equal(t, []int{BatchMax, BatchMax, 3}, sizes)
	require.ErrorIs(t, q.EnqueueAll(context.Background(), requests[:2]), store.ErrClosed)
}
