package bolt

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

// request is one append on its way to the committer and back. All that needs no turn in the log's order is done before
// it is queued and after it is committed, in the goroutine that appends.
type request struct {
	stream  events.Stream
	after   uint64
	records []events.Record
	frames  []events.Prepared
	size    int // of the frames, at most
	look    look
	nudge   bool // not an append: only has the commit carry a step of the flush

	// Set before the batch's done is closed.
	first    uint64 // position of the first record
	previous uint64 // position of the stream's record before
	err      error
}

// Append implements [store.Log]. It returns after the commit that holds the records is synced to the disk, together
// with the other appends that gathered while the commit before it was written. If ctx ends while the append still
// waits for its commit, it has not happened; once the commit has begun, its outcome is reported. If it ends while the
// log looks whether an earlier try was written, this try has written nothing.
func (l *Log) Append(ctx context.Context, to events.Stream, after uint64, records ...events.Record) ([]events.Record,
	error) {
	l.queue.enter()
	defer l.queue.leave()
	r, err := l.prepare(ctx, to, after, records)
	if err != nil {
		return nil, err
	}
	if err := l.enqueue(ctx, r); err != nil {
		return nil, err
	}
	if errors.Is(r.err, store.ErrConflict) {
		// Here and not in the committer: others do not wait while this stream is read.
		written, found, err := l.writtenBefore(ctx, r)
		if err != nil || found {
			return written, err
		}
	}
	if r.err != nil {
		return nil, r.err
	}
	return l.written(r)
}

// prepare checks and encodes an append, and reads from the file what judging it will need.
func (l *Log) prepare(ctx context.Context, to events.Stream, after uint64, records []events.Record) (*request, error) {
	r, err := encode(to, after, records)
	if err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, notBegunError(ctx, to)
	}
	if l.readOnly {
		if err := l.usable(); err != nil {
			return nil, err
		}
		return nil, &FileError{Kind: store.ErrReadOnly, Path: l.path, Reason: "it was opened for reading only",
			Remedy: "open it without Config.ReadOnly to append"}
	}
	r.look, err = l.lookUp(r)
	return r, err
}

// encode makes the frames, and is as strict as [store.CheckAppend]: encoding a record checks all that it checks of one,
// so it is asked where there are several, or for the reason.
func encode(to events.Stream, after uint64, records []events.Record) (*request, error) {
	if len(records) != 1 {
		if err := store.CheckAppend(to, records); err != nil {
			return nil, err
		}
	}
	r := &request{stream: to, after: after, records: records, frames: make([]events.Prepared, len(records))}
	for i, record := range records {
		record.Stream = to
		frame, err := events.Prepare(record)
		if err != nil {
			return nil, cmp.Or(store.CheckAppend(to, records), r.recordError(i, err))
		}
		r.frames[i] = frame
		if r.size += frame.SizeMax(); r.size > store.AppendBytesMax {
			return nil, store.CheckAppendSize(to, r.size)
		}
	}
	return r, nil
}

// recordError is the error of the request's i-th record, which no log can hold.
func (r *request) recordError(i int, err error) error {
	return fmt.Errorf("%w: %s %q: record %d of %d: %w", store.ErrInvalid, r.stream.Category, r.stream.ID, i+1,
		len(r.records), err)
}

// enqueue has the request committed, and returns an error where it never was.
func (l *Log) enqueue(ctx context.Context, r *request) error {
	for {
		joined, retry := l.queue.add(r)
		switch {
		case joined != nil:
			select {
			case <-joined.done:
			case <-ctx.Done():
				if l.queue.withdraw(joined, r) {
					return notBegunError(ctx, r.stream)
				}
				<-joined.done
			}
			return nil
		case retry == nil:
			return closedError(l.path)
		}
		select {
		case <-retry:
			l.queue.resume(1)
		case <-ctx.Done():
			l.queue.resume(1)
			return notBegunError(ctx, r.stream)
		}
	}
}

// notBegunError is the error of an append whose ctx has ended.
func notBegunError(ctx context.Context, to events.Stream) error {
	return store.CheckContext(ctx, fmt.Sprintf("append to %s %q", to.Category, to.ID))
}

// written reads the request's records from their own frames: what readers will get, sharing nothing with the caller's.
func (l *Log) written(r *request) ([]events.Record, error) {
	written := make([]events.Record, len(r.frames))
	scratch := l.scratch.Get().(*[]byte)
	defer l.scratch.Put(scratch)
	frame := *scratch
	defer func() { *scratch = frame }()
	previous := r.previous
	for i, p := range r.frames {
		position := r.first + uint64(i)
		var err error
		if frame, err = p.AppendFrame(frame[:0], r.after+uint64(i)+1, position, previous); err != nil {
			return nil, err
		}
		if written[i], err = l.decode(position, frame); err != nil {
			return nil, err
		}
		previous = position
	}
	return written, nil
}

// writtenBefore looks for the request's records where an earlier try of the same append has put them. It reads the
// stream from its newest record back, as far as the caller has the time.
func (l *Log) writtenBefore(ctx context.Context, r *request) ([]events.Record, bool, error) {
	found := make([]events.Record, 0, len(r.records))
	for record, err := range l.Read(ctx, r.stream, r.after) {
		switch ended := ctx.Err(); {
		case err != nil && ended != nil && errors.Is(err, ended):
			return nil, false, fmt.Errorf("append to %s %q: it wrote nothing, and whether an earlier try did is not known: %w; "+
				"repeat it with the same record ids", r.stream.Category, r.stream.ID, ended)
		case err != nil:
			return nil, false, err
		case record.ID != r.records[len(found)].ID:
			return nil, false, nil
		}
		if found = append(found, record); len(found) == len(r.records) {
			return found, true, nil
		}
	}
	return nil, false, nil
}
