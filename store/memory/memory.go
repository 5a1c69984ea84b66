package memory

import (
	"context"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

// logName stands where an engine with a file names the file.
const logName = "memory log"

var (
	_ store.Log          = (*Log)(nil)
	_ store.Watcher      = (*Log)(nil)
	_ store.Framer       = (*Log)(nil)
	_ store.Checkpointer = (*Log)(nil)
	_ store.Measured     = (*Log)(nil)
)

// Log is an append-only log in memory. Make one with [New] or [NewSealed]; it is safe for many goroutines at once. It
// keeps the contract of [store.Log], except that nothing outlives the process; what it can do besides is watching, and
// proving where it is sealed.
type Log struct {
	mu      sync.RWMutex
	closed  bool
	frames  [][]byte // the frame at position p is frames[p-1]; a frame is never changed once it stands here
	streams map[events.Stream]*stream
	keys    map[events.Key]events.Stream
	grown   chan struct{} // closed when a frame comes or the log is closed; nil while nobody waits for that
	seal    *sealing      // nil in a log without a seal; which of the two never changes
	figures store.Figures
	soonest atomic.Int64 // nothing is due before, in nanoseconds since the epoch: asked each second, it seldom walks
}

// stream is where a stream's records are, and what the newest of them says about its order.
type stream struct {
	positions []uint64 // the record of version v is at positions[v-1]
	head      events.Head
}

// New returns an empty log without a seal.
func New() *Log {
	l := &Log{streams: map[events.Stream]*stream{}, keys: map[events.Key]events.Stream{}}
	l.soonest.Store(math.MaxInt64)
	return l
}

// Append implements [store.Log]. It never waits for anything but other appends, so ctx matters at its beginning only.
func (l *Log) Append(ctx context.Context, to events.Stream, after uint64, records ...events.Record) ([]events.Record,
	error) {
	if err := store.CheckAppend(to, records); err != nil {
		return nil, err
	}
	if err := store.CheckContext(ctx, fmt.Sprintf("append to %s %q", to.Category, to.ID)); err != nil {
		return nil, err
	}
	ready := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, closedError()
	}

	have := l.version(to)
	if have != after {
		l.figures.Refused++
		if written, ok := l.written(to, after, records); ok {
			return written, nil
		}
		return nil, &store.ConflictError{Stream: to, Want: after, Have: have}
	}
	for _, r := range records {
		for _, key := range r.Keys {
			if owner, taken := l.keys[key]; taken && owner != to {
				l.figures.Refused++
				return nil, &store.KeyTakenError{Stream: to, Key: key, Owner: owner}
			}
		}
	}
	written, err := l.write(to, records)
	if err == nil {
		l.figures.Appends++
		l.figures.Records += uint64(len(written))
		l.figures.Took.Add(time.Since(ready))
	}
	return written, err
}

// Figures implements [store.Measured]. Bytes is what the records' frames take.
func (l *Log) Figures() store.Figures {
	l.mu.RLock()
	defer l.mu.RUnlock()
	f := l.figures
	f.Last = uint64(len(l.frames))
	return f
}

// version is the stream's version, 0 where there is none.
func (l *Log) version(of events.Stream) uint64 {
	if s := l.streams[of]; s != nil {
		return uint64(len(s.positions))
	}
	return 0
}

// written returns what stands in the stream after the version, if it was written by an append of these very records.
func (l *Log) written(in events.Stream, after uint64, records []events.Record) ([]events.Record, bool) {
	have, n := l.version(in), uint64(len(records))
	if have < n || after > have-n {
		return nil, false
	}
	found := make([]events.Record, 0, n)
	for i, position := range l.streams[in].positions[after : after+n] {
		r, err := decode(l.frames[position-1])
		if err != nil || r.ID != records[i].ID {
			return nil, false
		}
		found = append(found, r)
	}
	return found, true
}

// write gives the records their places and keeps them. Everything that can fail is done before anything is kept.
func (l *Log) write(to events.Stream, records []events.Record) ([]events.Record, error) {
	s := l.streams[to]
	if s == nil {
		s = &stream{}
	}
	first := uint64(len(l.frames)) + 1
	previous := uint64(0)
	if n := len(s.positions); n > 0 {
		previous = s.positions[n-1]
	}

	frames := make([][]byte, 0, len(records))
	placed := make([]events.Record, 0, len(records))
	size := 0
	for i, r := range records {
		r.Stream, r.Version = to, uint64(len(s.positions)+i)+1
		r.Position, r.Previous = first+uint64(i), previous
		previous = r.Position
		frame, err := events.AppendFrame(nil, r)
		if err != nil {
			return nil, fmt.Errorf("%w: %s %q: record %d of %d: %w", store.ErrInvalid, to.Category, to.ID, i+1, len(records),
				err)
		}
		if size += len(frame); size > store.AppendBytesMax {
			return nil, store.CheckAppendSize(to, size)
		}
		// Returned is what a reader will read: it shares nothing with the caller's record.
		stored, err := decode(frame)
		if err != nil {
			return nil, err
		}
		frames, placed = append(frames, frame), append(placed, stored)
	}

	for _, r := range placed {
		s.positions = append(s.positions, r.Position)
		for _, key := range r.Keys {
			l.keys[key] = to
		}
	}
	s.head = placed[len(placed)-1].Head
	if due := s.head.Due; !due.IsZero() && to.Category == events.CategoryOrder {
		l.soonest.Store(min(l.soonest.Load(), due.UnixNano()))
	}
	l.streams[to] = s
	l.frames = append(l.frames, frames...)
	l.figures.Bytes += int64(size)
	if l.seal != nil {
		for _, frame := range frames {
			l.seal.leaves = append(l.seal.leaves, leafHash(frame))
		}
	}
	l.wake()
	return placed, nil
}

// wake ends every watcher's waiting.
func (l *Log) wake() {
	if l.grown != nil {
		close(l.grown)
		l.grown = nil
	}
}

// Lookup implements [store.Log].
func (l *Log) Lookup(ctx context.Context, key events.Key) (events.Stream, error) {
	if err := store.CheckKey(key); err != nil {
		return events.Stream{}, err
	}
	if err := store.CheckContext(ctx, fmt.Sprintf("look up %q", string(key))); err != nil {
		return events.Stream{}, err
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.closed {
		return events.Stream{}, closedError()
	}
	owner, ok := l.keys[key]
	if !ok {
		return events.Stream{}, &store.NotFoundError{Key: key}
	}
	return owner, nil
}

// Close implements [store.Log]. The records are gone once nothing refers to the log any more.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.wake()
	return nil
}

func closedError() error {
	return fmt.Errorf("%s: %w; make a new one, what this one held is gone", logName, store.ErrClosed)
}

// decode reads one kept frame.
func decode(frame []byte) (events.Record, error) {
	r, err := events.DecodeFrame(frame)
	if err != nil {
		return events.Record{}, fmt.Errorf("%s: %w", logName, err)
	}
	return r, nil
}
