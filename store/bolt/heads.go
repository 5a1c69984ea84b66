package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

// Head implements [store.Log]. It reads one key and one frame.
func (l *Log) Head(ctx context.Context, of events.Stream) (head store.Head, err error) {
	if err := store.CheckStream(of); err != nil {
		return store.Head{}, err
	}
	if err := store.CheckContext(ctx, fmt.Sprintf("read the head of %s %q", of.Category, of.ID)); err != nil {
		return store.Head{}, err
	}
	err = l.view(func(tx *bbolt.Tx) error {
		head, err = l.head(tx, of)
		return err
	})
	return head, err
}

// head is the summary in the stream's newest frame.
func (l *Log) head(tx *bbolt.Tx, of events.Stream) (store.Head, error) {
	at, err := l.newest(tx, of)
	if err != nil {
		return store.Head{}, err
	}
	if at == (place{}) {
		return store.Head{}, &store.NotFoundError{Stream: of}
	}
	r, err := l.frameOf(tx, of, at)
	if err != nil {
		return store.Head{}, err
	}
	return store.Head{Stream: of, Version: at.version, Position: at.position, Head: r.Head}, nil
}

// Heads implements [store.Log]. It walks the filter's index, at two key lookups an order, and then the records that were
// appended meanwhile: an order whose time moved to before the place of the walk is found by these.
func (l *Log) Heads(ctx context.Context, filter store.Filter) iter.Seq2[store.Head, error] {
	return func(yield func(store.Head, error) bool) {
		if err := l.heads(ctx, filter, yield); err != nil {
			yield(store.Head{}, err)
		}
	}
}

// heads yields the heads that match and returns the error that ends them, or nil.
func (l *Log) heads(ctx context.Context, filter store.Filter, yield func(store.Head, error) bool) error {
	if err := filter.Check(); err != nil {
		return err
	}
	begin, err := l.end(ctx)
	if err != nil {
		return err
	}
	walk := newIndexWalk(filter)
	for !walk.done {
		if err := store.CheckContext(ctx, "go on with the heads"); err != nil {
			return err
		}
		page, err := walk.page(l)
		if err != nil {
			return err
		}
		for _, head := range page {
			if !yield(head, nil) {
				return nil
			}
		}
	}
	end, err := l.end(ctx)
	if err != nil {
		return err
	}
	return l.changedHeads(ctx, filter, begin, end, yield)
}

// end is the position of the log's newest record.
func (l *Log) end(ctx context.Context) (end uint64, err error) {
	if err := store.CheckContext(ctx, "read the heads"); err != nil {
		return 0, err
	}
	err = l.view(func(tx *bbolt.Tx) error { end = lastPosition(tx); return nil })
	return end, err
}

// changedHeads yields the heads of the orders with a record after begin and up to end, where they match now.
func (l *Log) changedHeads(ctx context.Context, filter store.Filter, begin, end uint64, yield func(store.Head, error) bool) error {
	for begin < end {
		if err := store.CheckContext(ctx, "go on with the heads"); err != nil {
			return err
		}
		page, err := l.pageAfter(begin)
		if err != nil {
			return err
		}
		seen := map[events.Stream]bool{}
		for _, r := range page {
			begin = r.Position
			if begin > end || r.Stream.Category != events.CategoryOrder || seen[r.Stream] {
				continue
			}
			seen[r.Stream] = true
			head, err := l.Head(ctx, r.Stream)
			if err != nil {
				return err
			}
			if filter.Matches(head.Head) && !yield(head, nil) {
				return nil
			}
		}
	}
	return nil
}

// indexWalk is the way through one filter's part of an index, a page at a time.
type indexWalk struct {
	filter store.Filter
	bucket string
	prefix []byte // of all keys of this part
	until  uint64 // the last time of this part
	after  []byte // the key of the last head taken; nil at the beginning
	done   bool
}

func newIndexWalk(filter store.Filter) *indexWalk {
	w := &indexWalk{filter: filter, bucket: bucketStatus, prefix: indexPrefix(filter.Status), until: 1<<64 - 1}
	switch {
	case !filter.DueBy.IsZero():
		w.bucket, w.prefix, w.until = bucketDue, nil, sortable(filter.DueBy)
	case filter.Attention != "":
		w.bucket, w.prefix = bucketAttention, indexPrefix(filter.Attention)
	}
	return w
}

// page returns the next heads.
func (w *indexWalk) page(l *Log) (page []store.Head, err error) {
	err = l.view(func(tx *bbolt.Tx) error {
		cursor := tx.Bucket([]byte(w.bucket)).Cursor()
		from := slices.Concat(w.prefix, w.after)
		key, _ := cursor.Seek(from)
		if w.after != nil && bytes.Equal(key, from) {
			key, _ = cursor.Next()
		}
		for ; len(page) < pageMax; key, _ = cursor.Next() {
			rest, mine := bytes.CutPrefix(key, w.prefix)
			if key == nil || !mine {
				w.done = true
				return nil
			}
			if len(rest) <= numberSize {
				return l.damaged("an entry of the index %q is unreadable", w.bucket)
			}
			at := binary.BigEndian.Uint64(rest)
			if at > w.until {
				w.done = true
				return nil
			}
			order := events.OrderStream(string(rest[numberSize:]))
			head, err := l.head(tx, order)
			if errors.Is(err, store.ErrNotFound) {
				return l.damaged("the index %q names order %q, which the log does not have", w.bucket, order.ID)
			}
			if err != nil {
				return err
			}
			// In one transaction the index and the frame agree, or the file is damaged.
			if !w.filter.Matches(head.Head) || sortable(w.filter.Time(head.Head)) != at {
				return l.damaged("the index %q and the newest record of order %q disagree", w.bucket, head.Stream.ID)
			}
			page = append(page, head)
			w.after = bytes.Clone(rest)
		}
		return nil
	})
	return page, err
}
