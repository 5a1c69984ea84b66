package bolt

import (
	"runtime"
	"slices"
	"sync"
)

// Bounds of one commit. Appends that come when the next one is full wait until it has begun.
const (
	batchMax      = 1024    // appends
	batchBytesMax = 8 << 20 // of their frames; a batch takes at least one append
)

// batch is the appends that share a commit.
type batch struct {
	requests []*request
	bytes    int
	done     chan struct{} // closed when every request has its outcome
}

func newBatch() *batch { return &batch{done: make(chan struct{})} }

func (b *batch) full(size int) bool {
	return len(b.requests) >= batchMax || len(b.requests) > 0 && b.bytes+size > batchBytesMax
}

// queue is where appends gather while a commit is being written. Whatever has gathered goes into the next one together:
// that is all of group commit, and it delays nobody.
type queue struct {
	mu      sync.Mutex
	forming *batch
	space   chan struct{} // closed when the forming batch is taken; nil while nobody waits for that
	closed  bool
	wake    chan struct{} // holds one token: the committer may have missed something
}

func newQueue() *queue { return &queue{forming: newBatch(), wake: make(chan struct{}, 1)} }

// add puts r into the forming batch and returns it. Where that is full it returns a channel instead, which is closed when
// it is worth another try. Both are nil once the queue is closed.
func (q *queue) add(r *request) (joined *batch, retry <-chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed:
		return nil, nil
	case q.forming.full(r.size):
		if q.space == nil {
			q.space = make(chan struct{})
		}
		return nil, q.space
	}
	q.forming.requests = append(q.forming.requests, r)
	q.forming.bytes += r.size
	if len(q.forming.requests) == 1 {
		q.signal()
	}
	return q.forming, nil
}

// withdraw takes r out of its batch again; false if the committer has the batch already.
func (q *queue) withdraw(from *batch, r *request) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.forming != from {
		return false
	}
	i := slices.Index(from.requests, r)
	from.requests = slices.Delete(from.requests, i, i+1)
	from.bytes -= r.size
	return true
}

// take waits for appends and returns the batch that holds them, nil once the queue is closed and empty.
func (q *queue) take() *batch {
	for {
		q.gather()
		q.mu.Lock()
		b, closed := q.forming, q.closed
		if len(b.requests) > 0 {
			q.forming = newBatch()
			q.free()
			q.mu.Unlock()
			return b
		}
		q.mu.Unlock()
		if closed {
			return nil
		}
		<-q.wake
	}
}

// gather lets those run who are ready to, for as long as they add to the batch: after a commit, all who waited for it come
// with their next append within microseconds of one another, and the first must not be committed alone. It waits for nobody
// who is not running already, so that a lone writer pays nothing.
func (q *queue) gather() {
	for had := -1; ; {
		q.mu.Lock()
		n := len(q.forming.requests)
		q.mu.Unlock()
		if n == 0 || n == had || n >= batchMax {
			return
		}
		had = n
		runtime.Gosched()
	}
}

// close lets no more appends in. Those in the forming batch are still taken.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.free()
	q.signal()
}

// free wakes whoever waits for space.
func (q *queue) free() {
	if q.space != nil {
		close(q.space)
		q.space = nil
	}
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}
