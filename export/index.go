package export

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

// index says where the lines of each stream are. It is made of the records and not changed afterwards.
type index struct {
	streams map[events.Stream]*entry
	owners  map[events.Key]events.Stream
}

type entry struct {
	head  store.Head
	lines []place
}

// place is where a line is.
type place struct {
	offset int64
	number uint64
	size   int
}

// indexed returns the index, which it makes where there is none. An attempt that failed is made again.
func (l *Log) indexed(ctx context.Context, doing string) (*index, error) {
	if err := l.usable(ctx, doing); err != nil {
		return nil, err
	}
	if l.header.Filter.timed() {
		return nil, filteredError(l.name, "what an order's records are without those it does not have is no history",
			l.header)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.index != nil {
		return l.index, nil
	}
	x := &index{streams: map[events.Stream]*entry{}, owners: map[events.Key]events.Stream{}}
	takes := l.header.Filter.selector()
	var last uint64
	progress := l.indexing
	if progress == nil {
		progress = func(uint64, uint64) {}
	} else {
		defer progress(l.header.Count, l.header.Count)
	}
	for ln, err := range l.lines(ctx) {
		if done := ln.number - 1; done%progressEvery == 0 { // the header is a line, too
			progress(done, l.header.Count)
		}
		if err != nil {
			return nil, err
		}
		s, err := l.parse(ln, last, takes)
		if err == nil {
			last = s.Record.Position
			err = l.enter(x, ln, &s.Record)
		}
		if err != nil {
			return nil, err
		}
	}
	l.index = x
	return x, nil
}

// Indexing has the making of the index told: now and then how many of how many records are read, and at its end, also
// where it fails, that all are. It takes seconds where the export has millions. Call it before the log is asked.
func (l *Log) Indexing(progress func(done, total uint64)) { l.indexing = progress }

// enter takes a record into the index, where it follows the stream's record before.
func (l *Log) enter(x *index, ln line, r *events.Record) error {
	e := x.streams[r.Stream]
	if e == nil {
		e = &entry{}
		x.streams[r.Stream] = e
	}
	if r.Version != e.head.Version+1 || r.Previous != e.head.Position {
		return l.lineError(ln.number, r.Position, fmt.Sprintf("version %d of %s %q does not follow version %d", r.Version,
			r.Stream.Category, r.Stream.ID, e.head.Version), nil)
	}
	e.head = store.Head{Stream: r.Stream, Version: r.Version, Position: r.Position, Head: r.Head}
	e.lines = append(e.lines, place{ln.offset, ln.number, len(ln.bytes)})
	for _, key := range r.Keys {
		if owner, taken := x.owners[key]; taken && owner != r.Stream {
			return l.lineError(ln.number, r.Position, fmt.Sprintf("the lookup key %q belongs to %s %q", string(key),
				owner.Category, owner.ID), nil)
		}
		x.owners[key] = r.Stream
	}
	return nil
}

// Read implements [store.Reader].
func (l *Log) Read(ctx context.Context, stream events.Stream, after uint64) iter.Seq2[events.Record, error] {
	return func(yield func(events.Record, error) bool) {
		if err := store.CheckStream(stream); err != nil {
			yield(events.Record{}, err)
			return
		}
		doing := fmt.Sprintf("read %s %q", stream.Category, stream.ID)
		x, err := l.indexed(ctx, doing)
		if err != nil {
			yield(events.Record{}, err)
			return
		}
		e := x.streams[stream]
		if e == nil || after >= e.head.Version {
			return
		}
		for _, at := range e.lines[after:] {
			r, err := l.at(ctx, at, doing)
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

// at reads the record of one line.
func (l *Log) at(ctx context.Context, at place, doing string) (events.Record, error) {
	if err := l.usable(ctx, doing); err != nil {
		return events.Record{}, err
	}
	text := make([]byte, at.size)
	if _, err := l.src.ReadAt(text, at.offset); err != nil {
		return events.Record{}, storageError(l.name, err)
	}
	s, err := l.parse(line{bytes: text, number: at.number, offset: at.offset}, 0, l.header.Filter.selector())
	return s.Record, err
}

// Lookup implements [store.Reader].
func (l *Log) Lookup(ctx context.Context, key events.Key) (events.Stream, error) {
	if err := store.CheckKey(key); err != nil {
		return events.Stream{}, err
	}
	x, err := l.indexed(ctx, fmt.Sprintf("look up %q", string(key)))
	if err != nil {
		return events.Stream{}, err
	}
	owner, ok := x.owners[key]
	if !ok {
		return events.Stream{}, &store.NotFoundError{Key: key}
	}
	return owner, nil
}

// Head implements [store.Reader].
func (l *Log) Head(ctx context.Context, stream events.Stream) (store.Head, error) {
	if err := store.CheckStream(stream); err != nil {
		return store.Head{}, err
	}
	x, err := l.indexed(ctx, fmt.Sprintf("read the head of %s %q", stream.Category, stream.ID))
	if err != nil {
		return store.Head{}, err
	}
	e := x.streams[stream]
	if e == nil {
		return store.Head{}, &store.NotFoundError{Stream: stream}
	}
	return e.head, nil
}

// Heads implements [store.Reader].
func (l *Log) Heads(ctx context.Context, filter store.Filter) iter.Seq2[store.Head, error] {
	return func(yield func(store.Head, error) bool) {
		heads, err := l.matching(ctx, filter)
		for _, h := range heads {
			if err = l.usable(ctx, "go on with the heads"); err != nil {
				break
			}
			if !yield(h, nil) {
				return
			}
		}
		if err != nil {
			yield(store.Head{}, err)
		}
	}
}

func (l *Log) matching(ctx context.Context, filter store.Filter) (heads []store.Head, err error) {
	if err := filter.Check(); err != nil {
		return nil, err
	}
	x, err := l.indexed(ctx, "read the heads")
	if err != nil {
		return nil, err
	}
	for stream, e := range x.streams {
		if stream.Category == events.CategoryOrder && filter.Matches(e.head) {
			heads = append(heads, e.head)
		}
	}
	slices.SortFunc(heads, filter.Compare)
	if most, limited := filter.Most(); limited && most < len(heads) {
		heads = heads[:most]
	}
	return heads, nil
}
