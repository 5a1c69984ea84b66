package bolt

import (
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

// One page is what a read takes in one transaction: short enough that nobody who waits for the transaction notices.
const (
	pageMax      = 256     // records or heads
	pageBytesMax = 1 << 20 // of frames; the frame that passes it is the page's last
)

// Read implements [store.Log]. Records of a stream are linked backwards, so it walks from the newest to the version
// after, at one key lookup a record. A stream of more than a page is walked twice: once to find where its pages
// begin, and once to yield them. Memory is one page, whatever the stream's length.
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
	doing := fmt.Sprintf("read %s %q", from.Category, from.ID)
	if err := store.CheckContext(ctx, doing); err != nil {
		return err
	}
	var end place
	err := l.view(func(tx *bbolt.Tx) (err error) { end, err = l.newest(tx, from); return err })
	if err != nil {
		return err
	}

	var ends []place // of the pages, newest page first
	var page []events.Record
	for end.version > after {
		if err := store.CheckContext(ctx, doing); err != nil {
			return err
		}
		ends = append(ends, end)
		if page, end, err = l.pageBefore(from, end, after); err != nil {
			return err
		}
	}
	// The page read last is the oldest, and the first to be yielded.
	for i := len(ends) - 1; i >= 0; i-- {
		if page == nil {
			if err := store.CheckContext(ctx, doing); err != nil {
				return err
			}
			if page, _, err = l.pageBefore(from, ends[i], after); err != nil {
				return err
			}
		}
		for _, r := range page {
			if !yield(r, nil) {
				return nil
			}
		}
		page = nil
	}
	return nil
}

// pageBefore returns the page of the stream that ends with the record at end, oldest first, without what is at or before
// the version after; and the end of the page before it.
func (l *Log) pageBefore(from events.Stream, end place, after uint64) (page []events.Record, next place, err error) {
	err = l.view(func(tx *bbolt.Tx) error {
		for end.version > after && len(page) < pageMax {
			r, err := l.frameOf(tx, from, end)
			if err != nil {
				return err
			}
			page = append(page, r)
			end = place{version: end.version - 1, position: r.Previous}
		}
		return nil
	})
	slices.Reverse(page)
	return page, end, err
}

// All implements [store.Log]. It reads the log in its own order, a page at a time.
func (l *Log) All(ctx context.Context, from store.Cursor) iter.Seq2[events.Record, error] {
	return func(yield func(events.Record, error) bool) {
		seen := from.Position()
		for {
			err := store.CheckContext(ctx, "read the log")
			var page []events.Record
			if err == nil {
				page, err = l.pageAfter(seen)
			}
			for _, r := range page {
				if !yield(r, nil) {
					return
				}
				seen = r.Position
			}
			if err != nil {
				yield(events.Record{}, err)
				return
			}
			if len(page) == 0 {
				return
			}
		}
	}
}

// pageAfter returns the log's next records after the position. With an error it returns those before the bad place.
func (l *Log) pageAfter(position uint64) (page []events.Record, err error) {
	err = l.view(func(tx *bbolt.Tx) error {
		last := lastPosition(tx)
		if position > last {
			return store.BeyondEnd("log "+l.path, position, last)
		}
		size := 0
		cursor := tx.Bucket([]byte(bucketLog)).Cursor()
		key, frame := cursor.Seek(positionKey(position + 1))
		for next := position + 1; next <= last && len(page) < pageMax && size < pageBytesMax; next++ {
			if len(key) != numberSize || binary.BigEndian.Uint64(key) != next {
				return &store.DamagedError{Log: "log " + l.path, Position: next, Reason: "there is no record here"}
			}
			r, err := l.decode(next, frame)
			if err != nil {
				return err
			}
			page = append(page, r)
			size += len(frame)
			key, frame = cursor.Next()
		}
		return nil
	})
	return page, err
}
