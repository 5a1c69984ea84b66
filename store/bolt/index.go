package bolt

import (
	"bytes"
	"encoding/binary"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

// indexWalk is the way through one filter's part of an index, a page at a time. A part is one word's entries, or those of
// all words of the index, which are merged.
type indexWalk struct {
	filter store.Filter
	bucket string
	prefix []byte // of all keys of this part, where it is one word's
	merged bool   // all words
	until  uint64 // the last time of this part
	after  []byte // the key of the last head taken, without its word; nil at the beginning
	done   bool
}

func newIndexWalk(filter store.Filter) *indexWalk {
	w := &indexWalk{filter: filter, bucket: bucketStatus, prefix: indexPrefix(filter.Status), merged: filter == store.Filter{}, until: 1<<64 - 1}
	switch {
	case !filter.DueBy.IsZero():
		w.bucket, w.prefix, w.until = bucketDue, nil, sortable(filter.DueBy)
	case filter.Attention != "":
		w.bucket, w.prefix, w.merged = bucketAttention, indexPrefix(filter.Attention), filter.Attention == store.AnyAttention
	}
	return w
}

// page returns the next heads, without those of orders that were in memory or are there now: these have a record since.
func (w *indexWalk) page(l *Log, memory *memory) (page []store.Head, err error) {
	err = l.viewLayers(func(tx *bbolt.Tx, now layers) error {
		walk := newFrames(l, tx)
		branches, err := w.branches(l, tx)
		if err != nil {
			return err
		}
		for steps := 0; len(page) < pageMax && steps < pagesStepsMax; steps++ {
			next := earliest(branches)
			if next == nil {
				w.done = true
				return nil
			}
			key := next.rest
			if len(key) <= numberSize {
				return l.damaged("an entry of the index %q is unreadable", w.bucket)
			}
			at := binary.BigEndian.Uint64(key)
			if at > w.until {
				w.done = true
				return nil
			}
			w.after = bytes.Clone(key)
			if err := next.advance(); err != nil {
				return err
			}
			order := events.OrderStream(string(key[numberSize:]))
			if memory.has(order) || now.newest(order) != nil {
				continue
			}
			head, err := w.head(l, tx, walk, order, at)
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

// head is the head of an order that the index names and that is not in memory. In one transaction the two agree, or the file is
// damaged.
func (w *indexWalk) head(l *Log, tx *bbolt.Tx, walk *frames, order events.Stream, at uint64) (store.Head, error) {
	s, err := l.filed(tx, walk, order)
	switch {
	case err != nil:
		return store.Head{}, err
	case s == nil:
		return store.Head{}, l.damaged("the index %q names order %q, which the log does not have", w.bucket, order.ID)
	case !w.filter.Matches(s.head) || sortable(w.filter.Time(s.head)) != at:
		return store.Head{}, l.damaged("the index %q and the newest record of order %q disagree", w.bucket, order.ID)
	}
	return s.as(order), nil
}

// branch is the entries of one word that are still to come.
type branch struct {
	cursor lazyCursor
	prefix []byte
	rest   []byte // the next key without its word; nil at the end
}

func (w *indexWalk) branches(l *Log, tx *bbolt.Tx) ([]*branch, error) {
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
			return nil, l.damaged("the index %q has an entry without a word", w.bucket)
		}
		prefix := bytes.Clone(words.key[:1+int(words.key[0])])
		b, err := w.branch(l, tx, prefix)
		if err != nil {
			return nil, err
		}
		all, after = append(all, b), behind(prefix)
	}
	return all, nil
}

func (w *indexWalk) branch(l *Log, tx *bbolt.Tx, prefix []byte) (*branch, error) {
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

// behind is the smallest key after all that begin with the prefix; nil where there is none.
func behind(prefix []byte) []byte {
	after := bytes.Clone(prefix)
	for i := len(after) - 1; i >= 0; i-- {
		if after[i]++; after[i] != 0 {
			return after[:i+1]
		}
	}
	return nil
}
