package bolt

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

// Head implements [store.Log]. It asks memory, and then reads one key and one frame.
func (l *Log) Head(ctx context.Context, of events.Stream) (head store.Head, err error) {
	if err := store.CheckStream(of); err != nil {
		return store.Head{}, err
	}
	if err := store.CheckContext(ctx, fmt.Sprintf("read the head of %s %q", of.Category, of.ID)); err != nil {
		return store.Head{}, err
	}
	if err := l.usable(); err != nil {
		return store.Head{}, err
	}
	memory := l.lazy.layers()
	if s := memory.newest(of); s != nil {
		return s.Of(of), nil
	}
	err = l.view(func(tx reading) error {
		s, err := l.filed(tx, newFrames(l, tx), of)
		if err == nil && s == nil {
			return &store.NotFoundError{Stream: of}
		}
		head = s.Of(of)
		return err
	})
	return head, err
}

// filed is the summary of a stream by what the file says, nil where it knows none.
func (l *Log) filed(tx reading, walk *frames, of events.Stream) (*summary, error) {
	at, err := l.filedPlace(tx, of)
	if err != nil || at == (place{}) {
		return nil, err
	}
	r, err := l.frameOf(walk, of, at)
	if err != nil {
		return nil, err
	}
	return &summary{Place: at, Head: r.Head}, nil
}

// Heads implements [store.Log]. It walks the filter's index, at two searches an order, together with what memory knows
// better, and then the records that were appended meanwhile: an order whose time moved to before the place of the walk
// is found by these. What is in memory and matches is sorted once, at the beginning: some 10 ms where both generations
// are full, less with a limit. With one it reads no more heads than that.
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
	if err := store.CheckContext(ctx, "read the heads"); err != nil {
		return err
	}
	if most, limited := filter.Most(); limited {
		yield = first(most, yield)
	}
	memory := l.lazy.remember(filter)
	walk := newIndexWalk(filter)
	for !walk.done {
		if err := store.CheckContext(ctx, "go on with the heads"); err != nil {
			return err
		}
		page, err := walk.next(l, memory)
		if err != nil {
			return err
		}
		for _, head := range page {
			if !memory.yield(head, yield) || !yield(head, nil) {
				return nil
			}
		}
	}
	if !memory.yieldAll(yield) {
		return nil
	}
	return l.changedHeads(ctx, filter, memory.end, l.lazy.end(), yield)
}

// first yields n heads and ends.
func first(n int, yield func(store.Head, error) bool) func(store.Head, error) bool {
	return func(h store.Head, err error) bool {
		if err == nil {
			n--
		}
		return yield(h, err) && n > 0
	}
}

// changedHeads yields the heads of the orders with a record after begin and up to end, where they match now.
func (l *Log) changedHeads(ctx context.Context, filter store.Filter, begin, end uint64,
	yield func(store.Head, error) bool) error {
	for begin < end {
		if err := store.CheckContext(ctx, "go on with the heads"); err != nil {
			return err
		}
		p := new(page)
		if err := l.pageAfter(p, begin); err != nil {
			return err
		}
		seen := map[events.Stream]bool{}
		for _, r := range p.records {
			begin = r.Position
			if begin > end || r.Stream.Category != events.CategoryOrder || seen[r.Stream] {
				continue
			}
			seen[r.Stream] = true
			head, err := l.Head(ctx, r.Stream)
			if err != nil {
				return err
			}
			if filter.Matches(head) && !yield(head, nil) {
				return nil
			}
		}
	}
	return nil
}

// memory is what the generations knew when a walk over an index began. Orders in them are not looked for in the file.
type memory struct {
	layers
	filter store.Filter
	left   []store.Head // that match, in order, without those that were yielded
	cut    *store.Head  // while they are collected, the last for which the limit has room; nil as long as there is some
}

// remember collects the heads in memory that match the filter.
func (z *lazy) remember(filter store.Filter) *memory {
	m := &memory{layers: z.layers(), filter: filter}
	for _, g := range []*generation{m.active, m.frozen} {
		for _, s := range m.slots(g) {
			newest := s.newest.Load() // looked at where it lies: most of a hundred thousand are not asked for
			if s.stream.Category != events.CategoryOrder || !filter.Takes(s.stream.ID, &newest.Head) || g == m.frozen &&
				m.newest(s.stream) != newest {
				continue
			}
			if head := newest.Of(s.stream); !m.beyond(head) {
				m.left = append(m.left, head)
				m.shorten(shortenAt)
			}
		}
	}
	slices.SortFunc(m.left, filter.Compare)
	m.shorten(0)
	return m
}

// shortenAt is how many more heads than will be asked for are collected before the others are let go.
const shortenAt = 256

// shorten lets go of what a limit leaves no room for, once there is so much of it: to sort all that a generation has
// for the first few of it would be most of what a short list costs.
func (m *memory) shorten(over int) {
	most, limited := m.filter.Most()
	if !limited || len(m.left) <= most+over {
		return
	}
	slices.SortFunc(m.left, m.filter.Compare)
	m.left = m.left[:most]
	cut := m.left[most-1]
	m.cut = &cut
}

// beyond tells whether the limit has no room for a head.
func (m *memory) beyond(head store.Head) bool {
	return m.cut != nil && m.filter.Compare(head, *m.cut) > 0
}

// slots returns the streams of a generation so far. They can be walked without the lock: slots are only added.
func (m *memory) slots(g *generation) []*slot {
	if g == nil {
		return nil
	}
	m.lazy.mu.RLock()
	defer m.lazy.mu.RUnlock()
	return g.slots
}

// moved takes the head of an order that an index still names at its old place, if it has a record since the walk began
// and its place is now that one or a later one.
func (m *memory) moved(head store.Head, old []byte) {
	if head.Position <= m.end || !m.filter.Matches(head) {
		return
	}
	if now := indexKey(nil, m.filter.Time(head), head.Stream.ID); bytes.Compare(now, old) < 0 {
		return
	}
	i, _ := slices.BinarySearchFunc(m.left, head, m.filter.Compare)
	m.left = slices.Insert(m.left, i, head)
}

// before tells whether something in memory comes before head.
func (m *memory) before(head store.Head) bool {
	return len(m.left) > 0 && m.filter.Compare(m.left[0], head) < 0
}

// yield yields what comes before head.
func (m *memory) yield(head store.Head, yield func(store.Head, error) bool) bool {
	for m.before(head) {
		next := m.left[0]
		m.left = m.left[1:]
		if !yield(next, nil) {
			return false
		}
	}
	return true
}

func (m *memory) yieldAll(yield func(store.Head, error) bool) bool {
	return !slices.ContainsFunc(m.left, func(h store.Head) bool { return !yield(h, nil) })
}
