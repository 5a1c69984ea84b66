package bolt

import (
	"context"
	"fmt"
	"iter"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/internal/ledger"
)

// One page is what a read takes in one transaction: short enough that nothing that waits for the transaction notices.
const (
	pageMax      = 256     // records or heads
	pageBytesMax = 1 << 20 // of frames; the frame that passes it is the page's last
)

// Read implements [store.Log]. Records of a stream are linked backwards, so it walks from the newest to the version
// after, at one search in the log for each record, or for several that were appended together. A stream of more than a
// page is walked twice: once to find where its pages begin, and once to yield them. Memory is one page, whatever the
// stream's length.
func (l *Log) Read(ctx context.Context, from events.Stream, after uint64) iter.Seq2[events.Record, error] {
	return func(yield func(events.Record, error) bool) {
		if err := l.read(ctx, from, after, yield); err != nil {
			yield(events.Record{}, err)
		}
	}
}

// read yields the stream's records and returns the error that ends them, or nil.
func (l *Log) read(ctx context.Context, from events.Stream, after uint64, yield func(events.Record, error) bool) error {
	if err := store.CheckStream(from); err != nil {
		return err
	}
	doing := func() string { return fmt.Sprintf("read %s %q", from.Category, from.ID) }
	if ctx.Err() != nil {
		return store.CheckContext(ctx, doing())
	}
	var page []events.Record
	var next place
	err := l.viewStream(from, func(tx reading, end place) (err error) {
		page, next, err = l.pageBefore(tx, from, end, after)
		return err
	})
	var ends []place // of the pages that are read again, newest first
	for err == nil && next.Version > after {
		end := place{Version: page[len(page)-1].Version, Position: page[len(page)-1].Position}
		ends = append(ends, end)
		page, next, err = l.pageAt(ctx, doing, from, next, after)
	}
	for err == nil {
		// The page read last is the oldest, and the first to be yielded.
		for _, r := range page {
			if !yield(r, nil) {
				return nil
			}
		}
		if len(ends) == 0 {
			return nil
		}
		end := ends[len(ends)-1]
		ends = ends[:len(ends)-1]
		page, _, err = l.pageAt(ctx, doing, from, end, after)
	}
	return err
}

// pageAt is pageBefore in a transaction of its own.
func (l *Log) pageAt(ctx context.Context, doing func() string, from events.Stream, end place,
	after uint64) (page []events.Record, next place, err error) {
	if ctx.Err() != nil {
		return nil, place{}, store.CheckContext(ctx, doing())
	}
	err = l.view(func(tx reading) error {
		page, next, err = l.pageBefore(tx, from, end, after)
		return err
	})
	return page, next, err
}

// pageBefore returns the page of the stream that ends with the record at end, oldest first, without what is at or
// before the version after; and the end of the page before it. The same end always gives the same page.
func (l *Log) pageBefore(tx reading, from events.Stream, end place, after uint64) (page []events.Record, next place,
	err error) {
	if end.Version <= after {
		return nil, end, nil
	}
	walk := newFrames(l, tx)
	page = make([]events.Record, min(end.Version-after, pageMax))
	first, size := len(page), 0
	for first > 0 && size < pageBytesMax {
		first--
		if page[first], err = l.frameOf(walk, from, end); err != nil {
			return nil, place{}, err
		}
		size += walk.size
		end = place{Version: end.Version - 1, Position: page[first].Previous}
	}
	return page[first:], end, nil
}

// All implements [store.Log]. It reads the log in its own order, a page at a time, and has the system read on ahead.
func (l *Log) All(ctx context.Context, from store.Cursor) iter.Seq2[events.Record, error] {
	return func(yield func(events.Record, error) bool) { l.yieldRecords(ctx, from.Position(), l.pageAfter, yield) }
}

// Frames implements [store.Framer]. Memory is one page of records and of frames.
func (l *Log) Frames(ctx context.Context, from store.Cursor) iter.Seq2[store.Frame, error] {
	return func(yield func(store.Frame, error) bool) { l.yieldFrames(ctx, from.Position(), l.pageAfter, yield) }
}

// yieldFrames yields the records after a position with their frames and, at last, what ends them.
func (l *Log) yieldFrames(ctx context.Context, seen uint64, next nextPage, yield func(store.Frame, error) bool) {
	p := &page{keep: true}
	err := l.inPages(ctx, p, seen, next, func(i int) bool {
		return yield(store.Frame{Record: p.records[i], Bytes: p.frames[i]}, nil)
	})
	if err != nil {
		yield(store.Frame{}, err)
	}
}

// page is what one transaction reads of the log. Its memory is used again from one to the next.
type page struct {
	records []events.Record
	keep    bool     // the frames are wanted
	frames  [][]byte // they, in chunks
	chunks  []byte   // copied before anything of them was believed
}

func (p *page) empty() { p.records, p.frames, p.chunks = p.records[:0], p.frames[:0], p.chunks[:0] }

// nextPage reads the records after a position into a page, which is empty; none at the end. With an error it has those
// before the bad place.
type nextPage func(p *page, position uint64) error

// yieldRecords yields the records after a position and, at last, what ends them.
func (l *Log) yieldRecords(ctx context.Context, seen uint64, next nextPage, yield func(events.Record, error) bool) {
	p := new(page)
	if err := l.inPages(ctx, p, seen, next, func(i int) bool { return yield(p.records[i], nil) }); err != nil {
		yield(events.Record{}, err)
	}
}

// inPages reads the records after seen, a page at a time, and hands out each by its number in the page, until a page
// has none or deal does not want more. It returns the error that ends them, or nil.
func (l *Log) inPages(ctx context.Context, p *page, seen uint64, next nextPage, deal func(i int) (more bool)) error {
	ahead := l.newReadAhead()
	defer ahead.stop()
	for {
		p.empty()
		err := store.CheckContext(ctx, "read the log")
		if err == nil {
			err = next(p, seen)
		}
		for i := range p.records {
			if !deal(i) {
				return nil
			}
		}
		n := len(p.records)
		if err != nil || n == 0 {
			return err
		}
		seen = p.records[n-1].Position
		ahead.at(seen, n)
	}
}

// Watch implements [store.Watcher]: All, and then whatever is appended, as soon as it is durable. It waits without
// polling, and ends with the error of ctx, with store.ErrClosed once the log is closed, or with what a read ends with.
func (l *Log) Watch(ctx context.Context, from store.Cursor) iter.Seq2[events.Record, error] {
	return ledger.Watch(ctx, watched{l}, from)
}

// watched is a Log as what can be followed.
type watched struct{ *Log }

// Grown implements [ledger.Watched].
func (w watched) Grown(position uint64) <-chan struct{} { return w.lazy.wait(position) }

// Ended implements [ledger.Watched].
func (w watched) Ended() <-chan struct{} { return w.ended }

// pageAfter is [nextPage] for all that readers may see: what is in the file and not yet shown is not read.
func (l *Log) pageAfter(p *page, position uint64) error {
	return l.pageUntil(p, position, l.lazy.end(), l.unproven())
}

// pageUntil is pageAfter for the records up to a position that readers may see, each held against what is proven.
func (l *Log) pageUntil(p *page, position, end uint64, held *proven) error {
	if n := min(end-min(position, end), pageMax); uint64(cap(p.records)) < n {
		p.records = make([]events.Record, 0, n)
	}
	return l.view(func(tx reading) error {
		if position > end {
			return store.BeyondEnd(l.name, position, end)
		}
		size := 0
		walk := held.in(tx)
		if p.keep {
			walk.copies = &p.chunks
		}
		for next := position + 1; next <= end && len(p.records) < pageMax && size < pageBytesMax; next++ {
			r, frame, err := walk.record(next)
			if err != nil {
				return err
			}
			p.records = append(p.records, r)
			size += len(frame)
			if p.keep {
				p.frames = append(p.frames, frame)
			}
		}
		return nil
	})
}
