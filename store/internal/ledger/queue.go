package ledger

import (
	"slices"
	"sync"
	"time"

	"github.com/tilltape/tilltape/store"
)

// Bounds of one commit. Appends that come when the next one is full wait until it has begun.
const (
	BatchMax      = 1024    // appends
	BatchBytesMax = 8 << 20 // of their frames; a batch takes at least one append
)

// Batch is the appends that share a commit.
type Batch[L any] struct {
	Requests []*Request[L]
	bytes    int
	done     chan struct{} // closed when every request has its outcome
}

func newBatch[L any]() *Batch[L] { return &Batch[L]{done: make(chan struct{})} }

func (b *Batch[L]) full(size int) bool {
	return len(b.Requests) >= BatchMax || len(b.Requests) > 0 && b.bytes+size > BatchBytesMax
}

// Queue is where appends gather while a commit is being written. Whatever has gathered goes into the next one together:
// that is all of group commit.
type Queue[L any] struct {
	mu      sync.Mutex
	forming *Batch[L]
	inside  int           // calls of Append that have not returned
	waiting int           // of these, those that wait for their commit or for space; the others are on their way
	space   chan struct{} // closed when the forming batch is taken; nil while nobody waits for that
	closed  bool
	wake    chan struct{} // holds one token: the committer may have missed something
	figures store.Figures // of the batches that are done

	// Of the committer, while it waits.
	timer *time.Timer
	timed bool // the timer was set
	late  bool // and its time has passed
}

// NewQueue returns an empty queue.
func NewQueue[L any]() *Queue[L] {
	timer := time.NewTimer(0)
	timer.Stop()
	return &Queue[L]{forming: newBatch[L](), wake: make(chan struct{}, 1), timer: timer}
}

// Enter and Leave say where a call of Append begins and ends. They are no matter of a log that is only read, whose
// queue is nil.
func (q *Queue[L]) Enter() {
	if q == nil {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.inside++
}

func (q *Queue[L]) Leave() {
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
func (q *Queue[L]) coming() int { return q.inside - q.waiting }

// nobodyElse wakes the committer where what has gathered is all that comes.
func (q *Queue[L]) nobodyElse() {
	if q.coming() == 0 && len(q.forming.Requests) > 0 {
		q.signal()
	}
}

// add puts r into the forming batch and returns it. Where that is full it returns a channel instead, which is closed
// when it is worth another try, after resume. Both are nil once the queue is closed.
func (q *Queue[L]) add(r *Request[L]) (joined *Batch[L], retry <-chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return nil, nil
	}
	q.waiting++
	defer q.nobodyElse()
	if q.forming.full(r.Size) {
		if q.space == nil {
			q.space = make(chan struct{})
		}
		return nil, q.space
	}
	q.forming.Requests = append(q.forming.Requests, r)
	q.forming.bytes += r.Size
	if q.forming.full(0) || len(q.forming.Requests) == 1 && (q.late || !q.timed) {
		q.signal()
	}
	return q.forming, nil
}

// Done says that every request of a batch that was taken has its outcome: their appends are on their way again.
func (q *Queue[L]) Done(b *Batch[L]) {
	f := b.figures(time.Now())
	q.mu.Lock()
	q.waiting -= len(b.Requests)
	q.count(&f)
	q.mu.Unlock()
	close(b.done)
}

// Fail gives every request of the batch one outcome.
func (b *Batch[L]) Fail(err error) {
	for _, r := range b.Requests {
		r.Err = err
	}
}

// State is what a queue holds at one moment.
type State struct {
	Gathered int  // appends that will share the next commit
	Inside   int  // appends that have entered and not left
	Waiting  int  // of these, those that wait for their commit or for space
	Full     bool // some wait for space
}

// State tells what the queue holds.
func (q *Queue[L]) State() State {
	q.mu.Lock()
	defer q.mu.Unlock()
	return State{Gathered: len(q.forming.Requests), Inside: q.inside, Waiting: q.waiting, Full: q.space != nil}
}

// resume says that so many appends that waited are on their way again.
func (q *Queue[L]) resume(n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting -= n
}

// withdraw takes r out of its batch again; false if the committer has the batch already.
func (q *Queue[L]) withdraw(from *Batch[L], r *Request[L]) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.forming != from {
		return false
	}
	i := slices.Index(from.Requests, r)
	from.Requests = slices.Delete(from.Requests, i, i+1)
	from.bytes -= r.Size
	q.waiting--
	q.free() // an empty batch is never taken, so nothing else would wake an append that waits for this space
	return true
}

// Take waits for appends and returns the batch that holds them, nil once the queue is closed and empty. Before it takes
// a batch that is not full, it waits for those that are on their way, but no longer than patience in all.
//
// After a commit all appenders that waited for it come with their next append, and each has some microseconds to go:
// taking what the first of them have brought would have the others wait for one commit more. A lone writer is never
// waited for: when it has come, nobody is on the way.
func (q *Queue[L]) Take(patience time.Duration) *Batch[L] {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.timed {
		q.timer.Stop()
	}
	q.late, q.timed = false, false
	for {
		switch b := q.forming; {
		case len(b.Requests) > 0 && (q.coming() == 0 || q.late || q.closed || b.full(0)):
			q.forming = newBatch[L]()
			q.free()
			return b
		case len(b.Requests) == 0 && q.closed:
			return nil
		}
		q.sleep(patience)
	}
}

// sleep waits until there may be a batch to take. It is called with the lock, and is without it while it waits.
func (q *Queue[L]) sleep(patience time.Duration) {
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

// Close lets no more appends in. Those in the forming batch are still taken.
func (q *Queue[L]) Close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.free()
	q.signal()
}

// free wakes the appends that wait for space.
func (q *Queue[L]) free() {
	if q.space != nil {
		close(q.space)
		q.space = nil
	}
}

func (q *Queue[L]) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}
