package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

// indexWalk is the way through an index, or the part of it that a filter asks for, a page at a time. The entries of all
// words of an index are merged.
type indexWalk struct {
	bucket string
	prefix []byte // of all keys, where they are one word's
	merged bool   // all words
	until  uint64 // the last time
	after  []byte // the key that the walk goes on after, without its word; nil at the beginning
	page   int    // heads at a time
	done   bool
}

func newIndexWalk(filter store.Filter) *indexWalk {
	w := wholeIndex(indexBuckets[filter.Index()])
	if word := filter.Word(); word != "" {
		w.prefix, w.merged = indexPrefix(word), false
	}
	if until := filter.Until(); !until.IsZero() {
		w.until = sortable(until)
	}
	if at, id, ok := filter.From(); ok {
		w.after = indexKey(nil, at, id)
	}
	if most, ok := filter.Most(); ok {
		w.page = min(w.page, most)
	}
	return w
}

// wholeIndex walks all entries of an index.
func wholeIndex(bucket string) *indexWalk {
	return &indexWalk{bucket: bucket, merged: hasWords(bucket), until: 1<<64 - 1, page: pageMax}
}

// next returns the next heads, without those of orders that were in memory when the walk began: memory has them. An
// order that has a record since is given to memory, where its new place is still to come.
func (w *indexWalk) next(l *Log, memory *memory) (page []store.Head, err error) {
	err = l.viewLayers(func(tx *bbolt.Tx, now layers) error {
		walk := newFrames(l, tx)
		branches, err := w.branches(tx.Bucket([]byte(w.bucket)))
		if err != nil {
			return l.damaged("the index %q has an entry without a word", w.bucket)
		}
		for steps := 0; len(page) < w.page && steps < pagesStepsMax; steps++ {
			next := earliest(branches)
			if next == nil {
				w.done = true
				return nil
			}
			key := next.rest
			if len(key) <= numberSize {
				return l.damaged("an entry of the index %q is unreadable", w.bucket)
			}
			if binary.BigEndian.Uint64(key) > w.until {
				w.done = true
				return nil
			}
			w.after = bytes.Clone(key)
			found := entry{w.bucket, string(next.prefix) + string(key)}
			next.advance()
			order := events.OrderStream(string(w.after[numberSize:]))
			if known := now.newest(order); known != nil {
				memory.moved(known.as(order), w.after)
				continue
			}
			if known := memory.newest(order); known != nil && known.position <= memory.end {
				continue
			}
			head, err := l.indexed(tx, walk, order, found)
			if err != nil {
				return err
			}
			page = append(page, head)
		}
		return nil
	})
	return page, err
}

// pagesStepsMax is the most entries that one page looks at.
const pagesStepsMax = 4 * pageMax

// indexed is the head of an order that an index names and that is not in memory. In one transaction the two agree, or
// the file is damaged.
func (l *Log) indexed(tx *bbolt.Tx, walk *frames, order events.Stream, found entry) (store.Head, error) {
	s, err := l.filed(tx, walk, order)
	switch {
	case err != nil:
		return store.Head{}, err
	case s == nil:
		return store.Head{}, l.damaged("the index %q names order %q, which the log does not have", found.bucket, order.ID)
	case !slices.Contains(entries(s.head, order.ID), found):
		return store.Head{}, l.damaged("the index %q and the newest record of order %q disagree", found.bucket, order.ID)
	}
	return s.as(order), nil
}

// checkIndex walks an index to its end, whatever words it has: the walk compares each entry with the order's newest
// record.
func (l *Log) checkIndex(ctx context.Context, bucket string) error {
	memory := &memory{layers: l.lazy.layers()}
	for walk := wholeIndex(bucket); !walk.done; {
		if err := store.CheckContext(ctx, "verify log "+l.path); err != nil {
			return err
		}
		if _, err := walk.next(l, memory); err != nil {
			return err
		}
	}
	return nil
}

// branch is the entries of one word that are still to come.
type branch struct {
	cursor *bbolt.Cursor
	prefix []byte
	rest   []byte // the next key without its word; nil at the end
}

func (w *indexWalk) branches(index *bbolt.Bucket) ([]*branch, error) {
	if !w.merged {
		return []*branch{w.branch(index, w.prefix)}, nil
	}
	var all []*branch
	cursor := index.Cursor()
	for key, _ := cursor.First(); key != nil; {
		if len(key) < 1+int(key[0]) {
			return nil, store.ErrDamaged
		}
		prefix := bytes.Clone(key[:1+int(key[0])])
		all = append(all, w.branch(index, prefix))
		after := beyond(prefix)
		if after == nil {
			break
		}
		key, _ = cursor.Seek(after)
	}
	return all, nil
}

func (w *indexWalk) branch(index *bbolt.Bucket, prefix []byte) *branch {
	b := &branch{cursor: index.Cursor(), prefix: prefix}
	from := slices.Concat(prefix, w.after)
	key, _ := b.cursor.Seek(from)
	if w.after != nil && bytes.Equal(key, from) {
		key, _ = b.cursor.Next()
	}
	b.take(key)
	return b
}

func (b *branch) advance() {
	key, _ := b.cursor.Next()
	b.take(key)
}

func (b *branch) take(key []byte) {
	rest, mine := bytes.CutPrefix(key, b.prefix)
	if b.rest = rest; key == nil || !mine {
		b.rest = nil
	}
}

// earliest is the branch whose next key is the smallest; nil when all are at their end.
func earliest(branches []*branch) (first *branch) {
	for _, b := range branches {
		if b.rest != nil && (first == nil || bytes.Compare(b.rest, first.rest) < 0) {
			first = b
		}
	}
	return first
}

// beyond is the smallest key after all that begin with the prefix; nil where there is none.
func beyond(prefix []byte) []byte {
	after := bytes.Clone(prefix)
	for i := len(after) - 1; i >= 0; i-- {
		if after[i]++; after[i] != 0 {
			return after[:i+1]
		}
	}
	return nil
}
