package ledger

import (
	"errors"
	"time"

	"github.com/tilltape/tilltape/store"
)

// Figures are what has gone through the queue, and what waits in it; where the log ends and what it takes is the
// engine's to add. There are none of a log that is only read, whose queue is nil.
func (q *Queue[L]) Figures() store.Figures {
	if q == nil {
		return store.Figures{}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	f := q.figures
	f.Waiting = q.waiting
	return f
}

// figures counts the batch, which has its outcomes: the committer alone does, so no append pays for more than the time
// that it began.
func (b *Batch[L]) figures(now time.Time) store.Figures {
	var f store.Figures
	for _, r := range b.Requests {
		switch {
		case r.Nudge:
		case r.Err == nil:
			f.Appends++
			f.Records += uint64(len(r.Records))
			f.Took.Add(now.Sub(r.ready))
		case errors.Is(r.Err, store.ErrConflict), errors.Is(r.Err, store.ErrKeyTaken):
			f.Refused++
		default:
			f.Failed++
		}
	}
	return f
}

// count adds what a batch has come to, under the lock.
func (q *Queue[L]) count(f *store.Figures) {
	to := &q.figures
	to.Appends += f.Appends
	to.Records += f.Records
	to.Refused += f.Refused
	to.Failed += f.Failed
	to.Took.Sum += f.Took.Sum
	for i, n := range f.Took.Classes {
		to.Took.Classes[i] += n
	}
}
