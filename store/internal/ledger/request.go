package ledger

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

// Request is one append on its way to the committer and back. All that needs no turn in the log's order is done before
// it is queued and after it is committed, in the goroutine that appends. L is what an engine looked up for it
// meanwhile.
type Request[L any] struct {
	Stream  events.Stream
	After   uint64
	Records []events.Record
	Frames  []events.Prepared
	Size    int // of the frames, at most
	Look    L
	Nudge   bool // not an append: only has the committer write

	// Set by the committer before [Queue.Done].
	First    uint64 // position of the first record
	Previous uint64 // position of the stream's record before
	Err      error

	ready   time.Time       // when it came to the queue
	written []events.Record // what readers will get, places left out
}

// Encode makes the frames, and is as strict as [store.CheckAppend]: encoding a record checks all that it checks of one,
// so it is asked where there are several, or for the reason. Of the frames' bytes it asks [store.CheckAppendSize].
func Encode[L any](to events.Stream, after uint64, records []events.Record) (*Request[L], error) {
	if len(records) != 1 {
		if err := store.CheckAppend(to, records); err != nil {
			return nil, err
		}
	}
	r := &Request[L]{Stream: to, After: after, Records: records, Frames: make([]events.Prepared, len(records))}
	for i, record := range records {
		record.Stream = to
		frame, err := events.Prepare(record)
		if err != nil {
			return nil, cmp.Or(store.CheckAppend(to, records), r.RecordError(i, err))
		}
		r.Frames[i] = frame
		if r.Size += frame.SizeMax(); r.Size > store.AppendBytesMax {
			return nil, store.CheckAppendSize(to, r.Size)
		}
	}
	return r, nil
}

// RecordError is the error of the request's i-th record, which no log can hold.
func (r *Request[L]) RecordError(i int, err error) error {
	return fmt.Errorf("%w: %s %q: record %d of %d: %w", store.ErrInvalid, r.Stream.Category, r.Stream.ID, i+1,
		len(r.Records), err)
}

// NotBegunError is the error of an append whose ctx has ended; nil while it goes on.
func NotBegunError(ctx context.Context, to events.Stream) error {
	return store.CheckContext(ctx, fmt.Sprintf("append to %s %q", to.Category, to.ID))
}

// Enqueue has the request committed, and returns an error where it never was: that of ctx, or the bare
// [store.ErrClosed]. What [Request.Written] returns is made while the commit is waited for: nobody waits for that then.
func (q *Queue[L]) Enqueue(ctx context.Context, r *Request[L]) error {
	joined, err := q.join(ctx, r)
	if err != nil {
		return err
	}
	_ = r.read() // Written tells an error, once it is written
	select {
	case <-joined.done:
	case <-ctx.Done():
		if q.withdraw(joined, r) {
			return NotBegunError(ctx, r.Stream)
		}
		<-joined.done
	}
	return nil
}

// join puts the request into a batch, once there is space for it.
func (q *Queue[L]) join(ctx context.Context, r *Request[L]) (*Batch[L], error) {
	r.ready = time.Now()
	for {
		joined, retry := q.add(r)
		switch {
		case joined != nil:
			return joined, nil
		case retry == nil:
			return nil, store.ErrClosed
		}
		select {
		case <-retry:
			q.resume(1)
		case <-ctx.Done():
			q.resume(1)
			return nil, NotBegunError(ctx, r.Stream)
		}
	}
}

// EnqueueAll has requests committed in their order, together as far as a batch has room; each of them has entered. It
// returns once all that joined a batch have their outcome, with Enqueue's error for the first that could not.
func (q *Queue[L]) EnqueueAll(ctx context.Context, requests []*Request[L]) (err error) {
	for _, r := range requests {
		var joined *Batch[L]
		if joined, err = q.join(ctx, r); err != nil {
			break
		}
		defer func() { <-joined.done }()
	}
	return err
}

// Written returns the records of a request that was committed: what readers will get of their frames, sharing nothing
// with the caller's that can be written to. The error is the log's, by its name, of one that has no reader.
func (r *Request[L]) Written(log string) ([]events.Record, error) {
	if err := r.read(); err != nil {
		return nil, store.Unreadable(log, r.First+uint64(len(r.written)), err)
	}
	previous := r.Previous
	for i := range r.written {
		w := &r.written[i]
		w.Version, w.Position, w.Previous = r.After+uint64(i)+1, r.First+uint64(i), previous
		previous = w.Position
	}
	return r.written, nil
}

// read makes the records that were not made yet. They have no place in their stream and in the log.
func (r *Request[L]) read() error {
	if len(r.written) == len(r.Records) {
		return nil
	}
	r.written = slices.Grow(r.written, len(r.Records)-len(r.written))
	for _, record := range r.Records[len(r.written):] {
		record.Stream = r.Stream
		record, err := events.AsRead(record)
		if err != nil {
			return err
		}
		r.written = append(r.written, record)
	}
	return nil
}
