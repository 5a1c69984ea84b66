package bolt

import (
	"bytes"
	"encoding/binary"
	"slices"

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
	err = l.viewLayers(func(tx reading, now layers) error {
		walk := newFrames(l, tx)
		branches, err := w.branches(l, tx)
		if err != nil {
			return err
		}
		for steps := 0; len(page) < w.page && steps < pagesStepsMax; steps++ {
			next := earliest(branches)
			if next == nil {
				w.done = true
				return nil
			}
			key := next.rest
			if len(key) <= numberSize {
				return l.damagedError("an entry of the index %q is unreadable", w.bucket)
			}
			if binary.BigEndian.Uint64(key) > w.until {
				w.done = true
				return nil
			}
			w.after = bytes.Clone(key)
			found := entry{w.bucket, string(next.prefix) + string(key)}
			if err := next.advance(); err != nil {
				return err
			}
			order := events.OrderStream(string(w.after[numberSize:]))
			if known := now.newest(order); known != nil {
				memory.moved(known.Of(order), w.after)
				continue
			}
			if known := memory.newest(order); known != nil && known.Position <= memory.end {
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
func (l *Log) indexed(tx reading, walk *frames, order events.Stream, found entry) (store.Head, error) {
	s, err := l.filed(tx, walk, order)
	switch {
	case err != nil:
		return store.Head{}, err
	case s == nil:
		return store.Head{}, l.damagedError("the index %q names order %q, which the log does not have", found.bucket,
			order.ID)
	case !slices.Contains(entries(s.Head, order.ID), found):
		return store.Head{}, l.damagedError("the index %q and the newest record of order %q disagree", found.bucket, order.ID)
	}
	return s.Of(order), nil
}

// branch is the entries of one word that are still to come.
type branch struct {
	cursor lazyCursor
	prefix []byte
	rest   []byte // the next key without its word; nil at the end
}

func (w *indexWalk) branches(l *Log, tx reading) ([]*branch, error) {
	if !w.merged {
		only, err := w.branch(l, tx, w.prefix)
		return []*branch{only}, err
	}
	var all []*branch
	words := l.lazyCursor(tx, w.bucket)
	for after := []byte{}; after != nil; {
		if _, err := words.seek(after); err != nil {
			return nil, err
		}
		if words.key == nil {
			break
		}
		if len(words.key) < 1+int(words.key[0]) {
			return nil, l.damagedError("the index %q has an entry without a word", w.bucket)
		}
		prefix := bytes.Clone(words.key[:1+int(words.key[0])])
		b, err := w.branch(l, tx, prefix)
		if err != nil {
			return nil, err
		}
		all, after = append(all, b), beyond(prefix)
	}
	return all, nil
}

func (w *indexWalk) branch(l *Log, tx reading, prefix []byte) (*branch, error) {
	b := &branch{cursor: l.lazyCursor(tx, w.bucket), prefix: prefix}
	found, err := b.cursor.seek(slices.Concat(prefix, w.after))
	if err == nil && found && w.after != nil {
		err = b.cursor.next()
	}
	b.take()
	return b, err
}

func (b *branch) advance() error {
	err := b.cursor.next()
	b.take()
	return err
}

func (b *branch) take() {
	rest, mine := bytes.CutPrefix(b.cursor.key, b.prefix)
	if b.rest = rest; b.cursor.key == nil || !mine {
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
