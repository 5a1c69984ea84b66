package bolt

import (
	"bytes"
	"cmp"
	"errors"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

// flush takes a closed generation into the file: lookup keys, then index entries (of each index those that come before
// those that go), then the places of the streams, each in the order of the file's keys, so that neighbours share pages;
// and with the last of them the position that they cover.
//
// An order's index entries are in the file some commits before its place, so between the two they do not fit. A reader
// of an index leaves out what is in memory, and that all of the generation is. After a crash the generation is made
// again from the same records, which the file names as long as the flush is under way, and the flush begins again: what
// it does twice changes nothing.
type flush struct {
	gen      *generation
	prepared chan struct{} // closed when the fields below are there
	err      error         // of preparing
	keys     []owned
	edits    []edit
	places   []filing
	done     int // entries that are in the file, in this order
	owed     int // entries that commits so far should have carried and have not
}

// owned is a lookup key on its way into the file, and where it first was.
type owned struct {
	key      []byte
	position uint64
}

// edit is an index entry that comes or goes.
type edit struct {
	entry
	gone bool
}

// compare has an index take what comes before what goes. An order that is in it stays in it so, after any step: a walk
// that began before the generation gathered finds it at its old place or at the new one.
func (e edit) compare(f edit) int {
	if e.gone != f.gone && e.bucket == f.bucket {
		if f.gone {
			return -1
		}
		return 1
	}
	return cmp.Or(cmp.Compare(e.bucket, f.bucket), cmp.Compare(e.key, f.key))
}

// filing is a stream's place on its way into the file.
type filing struct {
	key    []byte
	stream events.Stream
	now    *summary
}

// newFlush reads and sorts in a goroutine of its own: nobody waits for that.
func (l *Log) newFlush(g *generation) *flush {
	f := &flush{gen: g, prepared: make(chan struct{})}
	go func() {
		defer close(f.prepared)
		f.prepare(l)
	}()
	return f
}

func (f *flush) prepare(l *Log) {
	f.keys = make([]owned, 0, len(f.gen.keys))
	for key, claim := range f.gen.keys {
		f.keys = append(f.keys, owned{ownerKey(key), claim.Position})
	}
	slices.SortFunc(f.keys, func(a, b owned) int { return bytes.Compare(a.key, b.key) })
	all := make([]filing, 0, len(f.gen.slots))
	for _, s := range f.gen.slots {
		all = append(all, filing{streamKey(s.stream), s.stream, s.newest.Load()})
	}
	slices.SortFunc(all, func(a, b filing) int { return bytes.Compare(a.key, b.key) })
	for len(all) > 0 && f.err == nil {
		page := all[:min(pageMax, len(all))]
		all = all[len(page):]
		f.err = explain(l.path, guarded(func() error {
			return l.peek(func(tx reading) error { return f.compare(l, tx, page) })
		}))
	}
	slices.SortFunc(f.edits, edit.compare)
}

// compare finds out what is to be done for these streams: what the indexes hold of an order is read from the frame that
// its place in the file names. What a flush before a crash has done already is left alone. Where that place or the
// frame is damaged, the new place is put beside it, and the old index entries stay for a reader of the index to find:
// the other orders go on.
func (f *flush) compare(l *Log, tx reading, streams []filing) error {
	walk := newFrames(l, tx)
	for _, s := range streams {
		before, err := l.filedPlace(tx, s.stream)
		if errors.Is(err, store.ErrDamaged) {
			before, err = place{}, nil
		}
		if err != nil {
			return err
		}
		if before.Version >= s.now.Version {
			continue
		}
		f.places = append(f.places, s)
		if s.stream.Category != events.CategoryOrder {
			continue
		}
		var old []entry
		if before != (place{}) {
			switch r, err := l.frameOf(walk, s.stream, before); {
			case err == nil:
				old = entries(r.Head, s.stream.ID)
			case !errors.Is(err, store.ErrDamaged):
				return err
			}
		}
		f.reindex(old, entries(s.now.Head, s.stream.ID))
	}
	return nil
}

// reindex replaces an order's index entries by the new ones, and touches only those that differ.
func (f *flush) reindex(before, after []entry) {
	for _, e := range before {
		if !slices.Contains(after, e) {
			f.edits = append(f.edits, edit{e, true})
		}
	}
	for _, e := range after {
		if !slices.Contains(before, e) {
			f.edits = append(f.edits, edit{e, false})
		}
	}
}

func (f *flush) ready() bool {
	select {
	case <-f.prepared:
		return true
	default:
		return false
	}
}

func (f *flush) total() int { return len(f.keys) + len(f.edits) + len(f.places) }
func (f *flush) left() int  { return f.total() - f.done }

// step puts the next n entries into a transaction, and tells how many are in then. A step that is rolled back is to be
// repeated: done moves on only by the caller, which writes with it how far the file is, by progress.
func (f *flush) step(tx *bbolt.Tx, n int) (done int, err error) {
	done = f.done
	if f.err != nil || n == 0 && f.left() > 0 {
		return done, f.err
	}
	for ; n > 0 && done < f.total(); n-- {
		if err := f.put(tx, done); err != nil {
			return done, err
		}
		done++
	}
	return done, nil
}

// progress is how far the lazy buckets are with done of the entries: with the first of them the file says which records
// they come from, and with the last that these are covered.
func (f *flush) progress(done int, before progress) progress {
	switch done {
	case f.total():
		return progress{f.gen.last, f.gen.last}
	case 0:
		return before
	}
	return progress{before.covered, f.gen.last}
}

// put puts the i-th entry into a transaction.
func (f *flush) put(tx *bbolt.Tx, i int) error {
	if i < len(f.keys) {
		k := f.keys[i]
		return tx.Bucket([]byte(bucketKeys)).Put(k.key, summed(k.key, short(k.position)))
	}
	if i -= len(f.keys); i < len(f.edits) {
		e := f.edits[i]
		if e.gone {
			return tx.Bucket([]byte(e.bucket)).Delete([]byte(e.key))
		}
		key := []byte(e.key)
		return tx.Bucket([]byte(e.bucket)).Put(key, summed(key, nil))
	}
	s := f.places[i-len(f.edits)]
	return tx.Bucket([]byte(bucketHeads)).Put(s.key, summed(s.key, placeBytes(s.now.Place)))
}
