package bolt

import (
	"slices"
	"sync"

	"github.com/tilltape/tilltape/events"
)

// request is one append on its way to the committer and back. Its outcome is set before done is closed.
type request struct {
	stream  events.Stream
	after   uint64
	records []events.Record

	done    chan struct{}
	written []events.Record
	err     error
}

// queue holds the appends that wait for the committer. Whatever gathers while one commit is being written goes into the
// next one together: that is all of group commit, and it delays nobody.
type queue struct {
	mu      sync.Mutex
	waiting []*request
	closed  bool
	wake    chan struct{} // holds one token: the committer may have missed something
}

func newQueue() *queue { return &queue{wake: make(chan struct{}, 1)} }

// add puts r at the end; false once the queue is closed.
func (q *queue) add(r *request) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false
	}
	q.waiting = append(q.waiting, r)
	q.signal()
	return true
}

// withdraw takes r out again; false if the committer has it already.
func (q *queue) withdraw(r *request) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := slices.Index(q.waiting, r)
	if i < 0 {
		return false
	}
	q.waiting = slices.Delete(q.waiting, i, i+1)
	return true
}

// take waits for requests and returns at most limit of them, oldest first; none once the queue is closed and empty.
func (q *queue) take(limit int) []*request {
	for {
		q.mu.Lock()
		n, closed := min(len(q.waiting), limit), q.closed
		batch := slices.Clone(q.waiting[:n])
		q.waiting = slices.Delete(q.waiting, 0, n)
		q.mu.Unlock()
		if n > 0 || closed {
			return batch
		}
		<-q.wake
	}
}

// close lets no more requests in. Those that wait are still taken.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.signal()
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}
