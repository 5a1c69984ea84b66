package bolt

import (
	"slices"
	"sync"
	"time"
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
// that is all of group commit.
type queue struct {
	mu      sync.Mutex
	forming *batch
	inside  int           // calls of Append that have not returned
	waiting int           // of these, those that wait for their commit or for space; the others are on their way
	space   chan struct{} // closed when the forming batch is taken; nil while nobody waits for that
	closed  bool
	wake    chan struct{} // holds one token: the committer may have missed something

	// Of the committer, while it waits.
	timer *time.Timer
	timed bool // the timer was set
	late  bool // and its time has passed
}

func newQueue() *queue {
	timer := time.NewTimer(0)
	timer.Stop()
	return &queue{forming: newBatch(), wake: make(chan struct{}, 1), timer: timer}
}

// enter and leave say where a call of Append begins and ends. They are no matter of a log that is only read, whose
// queue is nil.
func (q *queue) enter() {
	if q == nil {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.inside++
}

func (q *queue) leave() {
	if q == nil {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.inside--
	q.nobodyElse()
}

// coming is how many appends are on their way: they are being prepared, or have their outcome and have not gone on with
// it.
func (q *queue) coming() int { return q.inside - q.waiting }

// nobodyElse wakes the committer where what has gathered is all that comes.
func (q *queue) nobodyElse() {
	if q.coming() == 0 && len(q.forming.requests) > 0 {
		q.signal()
	}
}

// add puts r into the forming batch and returns it. Where that is full it returns a channel instead, which is closed
// when it is worth another try, after resume. Both are nil once the queue is closed.
func (q *queue) add(r *request) (joined *batch, retry <-chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return nil, nil
	}
	q.waiting++
	defer q.nobodyElse()
	if q.forming.full(r.size) {
		if q.space == nil {
			q.space = make(chan struct{})
		}
		return nil, q.space
	}
	q.forming.requests = append(q.forming.requests, r)
	q.forming.bytes += r.size
	if q.forming.full(0) || len(q.forming.requests) == 1 && (q.late || !q.timed) {
		q.signal()
	}
	return q.forming, nil
}

// resume says that so many appends that waited are on their way again.
func (q *queue) resume(n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting -= n
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
	q.waiting--
	q.free() // an empty batch is never taken, so nothing else would wake an append that waits for this space
	return true
}

// take waits for appends and returns the batch that holds them, nil once the queue is closed and empty. Before it takes
// a batch that is not full, it waits for those that are on their way, but no longer than patience in all.
//
// After a commit all appenders that waited for it come with their next append, and each has some microseconds to go:
// taking what the first of them have brought would have the others wait for one commit more. A lone writer is never
// waited for: when it has come, nobody is on the way.
func (q *queue) take(patience time.Duration) *batch {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.timed {
		q.timer.Stop()
	}
	q.late, q.timed = false, false
	for {
		switch b := q.forming; {
		case len(b.requests) > 0 && (q.coming() == 0 || q.late || q.closed || b.full(0)):
			q.forming = newBatch()
			q.free()
			return b
		case len(b.requests) == 0 && q.closed:
			return nil
		}
		q.sleep(patience)
	}
}

// sleep waits until there may be a batch to take. It is called with the lock, and is without it while it waits.
func (q *queue) sleep(patience time.Duration) {
	if q.coming() > 0 && !q.timed {
		q.timed = true
		q.timer.Reset(patience)
	}
	q.mu.Unlock()
	select {
	case <-q.wake:
		q.mu.Lock()
	case <-q.timer.C:
		q.mu.Lock()
		q.late = true
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

// free wakes the appends that wait for space.
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
