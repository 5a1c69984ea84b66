package memory

import (
	"context"
	"fmt"
	"iter"
	"math"
	"slices"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

// pageMax is how many frames a reader takes under the lock at a time.
const pageMax = 256

// Read implements [store.Log].
func (l *Log) Read(ctx context.Context, from events.Stream, after uint64) iter.Seq2[events.Record, error] {
	return func(yield func(events.Record, error) bool) {
		if err := store.CheckStream(from); err != nil {
			yield(events.Record{}, err)
			return
		}
		seen := after
		next := func() ([][]byte, error) {
			page, err := l.streamPage(from, seen)
			seen += uint64(len(page))
			return page, err
		}
		recordsOf(inPages(ctx, fmt.Sprintf("read %s %q", from.Category, from.ID), next), yield)
	}
}

// All implements [store.Log].
func (l *Log) All(ctx context.Context, from store.Cursor) iter.Seq2[events.Record, error] {
	return func(yield func(events.Record, error) bool) { recordsOf(l.Frames(ctx, from), yield) }
}

// Frames implements [store.Framer]. It copies no frame: what stands in the log is never changed.
func (l *Log) Frames(ctx context.Context, from store.Cursor) iter.Seq2[store.Frame, error] {
	return func(yield func(store.Frame, error) bool) {
		seen := from.Position()
		inPages(ctx, "read the log", func() ([][]byte, error) {
			page, err := l.logPage(seen)
			seen += uint64(len(page))
			return page, err
		})(yield)
	}
}

// recordsOf yields the frames' records.
func recordsOf(frames iter.Seq2[store.Frame, error], yield func(events.Record, error) bool) {
	for f, err := range frames {
		if !yield(f.Record, err) {
			return
		}
	}
}

// Watch implements [store.Watcher].
func (l *Log) Watch(ctx context.Context, from store.Cursor) iter.Seq2[events.Record, error] {
	return func(yield func(events.Record, error) bool) {
		for {
			for r, err := range l.All(ctx, from) {
				if !yield(r, err) || err != nil {
					return
				}
				from = store.After(r)
			}
			select {
			case <-l.wait(from.Position()):
			case <-ctx.Done():
			}
		}
	}
}

// wait returns a channel that is closed once the log has a record after the position, or is closed.
func (l *Log) wait(position uint64) <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || uint64(len(l.frames)) > position {
		done := make(chan struct{})
		close(done)
		return done
	}
	if l.grown == nil {
		l.grown = make(chan struct{})
	}
	return l.grown
}

// inPages yields one page of frames after the other, until a page is empty.
func inPages(ctx context.Context, doing string, next func() ([][]byte, error)) iter.Seq2[store.Frame, error] {
	return func(yield func(store.Frame, error) bool) {
		for {
			err := store.CheckContext(ctx, doing)
			var page [][]byte
			if err == nil {
				page, err = next()
			}
			if err != nil {
				yield(store.Frame{}, err)
				return
			}
			if len(page) == 0 {
				return
			}
			for _, frame := range page {
				r, err := decode(frame)
				if err != nil {
					yield(store.Frame{}, err)
					return
				}
				if !yield(store.Frame{Record: r, Bytes: frame}, nil) {
					return
				}
			}
		}
	}
}

// streamPage returns the stream's next frames after the version.
func (l *Log) streamPage(from events.Stream, after uint64) ([][]byte, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.closed {
		return nil, closedError()
	}
	have := l.version(from)
	if after >= have {
		return nil, nil
	}
	var page [][]byte
	for _, position := range l.streams[from].positions[after:min(have, after+pageMax)] {
		page = append(page, l.frames[position-1])
	}
	return page, nil
}

// logPage returns the log's next frames after the position.
func (l *Log) logPage(after uint64) ([][]byte, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.closed {
		return nil, closedError()
	}
	end := uint64(len(l.frames))
	if after > end {
		return nil, store.BeyondEnd(logName, after, end)
	}
	return slices.Clone(l.frames[after:min(end, after+pageMax)]), nil
}

// Head implements [store.Log].
func (l *Log) Head(ctx context.Context, of events.Stream) (store.Head, error) {
	if err := store.CheckStream(of); err != nil {
		return store.Head{}, err
	}
	if err := store.CheckContext(ctx, fmt.Sprintf("read the head of %s %q", of.Category, of.ID)); err != nil {
		return store.Head{}, err
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.closed {
		return store.Head{}, closedError()
	}
	s := l.streams[of]
	if s == nil {
		return store.Head{}, &store.NotFoundError{Stream: of}
	}
	return s.summary(of), nil
}

// summary is the stream's head with its place.
func (s *stream) summary(of events.Stream) store.Head {
	n := len(s.positions)
	return store.Head{Stream: of, Version: uint64(n), Position: s.positions[n-1], Head: s.head}
}

// Heads implements [store.Log]. It takes all that match at once, so what it yields is the log at one moment.
func (l *Log) Heads(ctx context.Context, filter store.Filter) iter.Seq2[store.Head, error] {
	return func(yield func(store.Head, error) bool) {
		heads, err := l.matching(ctx, filter)
		for _, head := range heads {
			if err = store.CheckContext(ctx, "go on with the heads"); err != nil {
				break
			}
			if !yield(head, nil) {
				return
			}
		}
		if err != nil {
			yield(store.Head{}, err)
		}
	}
}

// matching returns the heads of the orders the filter takes, in the filter's order.
func (l *Log) matching(ctx context.Context, filter store.Filter) ([]store.Head, error) {
	if err := filter.Check(); err != nil {
		return nil, err
	}
	if err := store.CheckContext(ctx, "read the heads"); err != nil {
		return nil, err
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.closed {
		return nil, closedError()
	}
	if filter.Index() == store.IndexDue && filter.Until().Before(time.Unix(0, l.soonest.Load())) {
		return nil, nil
	}
	var heads []store.Head
	soonest := int64(math.MaxInt64)
	for name, s := range l.streams {
		if name.Category != events.CategoryOrder {
			continue
		}
		if filter.Takes(name.ID, &s.head) {
			heads = append(heads, s.summary(name))
		}
		if !s.head.Due.IsZero() {
			soonest = min(soonest, s.head.Due.UnixNano())
		}
	}
	l.soonest.Store(soonest)
	slices.SortFunc(heads, filter.Compare)
	if n, limited := filter.Most(); limited && n < len(heads) {
		heads = heads[:n]
	}
	return heads, nil
}
