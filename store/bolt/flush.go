package bolt

import (
	"bytes"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/tilltape/tilltape/events"
)

// flushMax is the most entries one commit carries into the lazy buckets, unless its own appends bring more: nobody waits
// long for what others did. Each entry can hit a page of its own, so these are some 2 MiB written.
const flushMax = 512

// bundleShare is the part of a generation, and bundleMax the most entries, that a step waits to have together. A step costs some
// pages whatever it carries, inner ones of each bucket and the list of free ones: a commit in some hundred pays that for all, and
// the others are as quick as if nothing were lazy.
const (
	bundleShare = 512
	bundleMax   = flushMax / 2
)

// flush takes a closed generation into the file, in the order of the file's keys, so that neighbours share pages.
type flush struct {
	gen    *generation
	sorted chan struct{} // closed when the fields below are there
	keys   []owned
	heads  []filing
	done   int // entries that are in the file, keys first
	owed   int // entries that commits so far should have carried and have not
}

// owned is a lookup key on its way into the file, and where it first was.
type owned struct {
	key      []byte
	position uint64
}

// filing is a stream on its way into the file.
type filing struct {
	key  []byte
	slot *slot
}

// newFlush sorts in a goroutine of its own: nobody waits for that.
func newFlush(g *generation) *flush {
	f := &flush{gen: g, sorted: make(chan struct{})}
	go func() {
		defer close(f.sorted)
		f.keys = make([]owned, 0, len(g.keys))
		for key, claim := range g.keys {
			f.keys = append(f.keys, owned{ownerKey(key), claim.position})
		}
		slices.SortFunc(f.keys, func(a, b owned) int { return bytes.Compare(a.key, b.key) })
		f.heads = make([]filing, 0, len(g.slots))
		for _, s := range g.slots {
			f.heads = append(f.heads, filing{streamKey(s.stream), s})
		}
		slices.SortFunc(f.heads, func(a, b filing) int { return bytes.Compare(a.key, b.key) })
	}()
	return f
}

func (f *flush) ready() bool {
	select {
	case <-f.sorted:
		return true
	default:
		return false
	}
}

func (f *flush) left() int { return len(f.keys) + len(f.heads) - f.done }

// pace is how many entries the commit of the plan carries: none for most of them, and then a bundle, so that the generation
// is in the file when the next one is closed, for its entries or for its records.
func (z *lazy) pace(f *flush, p *plan) int {
	g, entries := z.active, z.active.growth(p)
	f.owed += max(f.rate(g.size(), entries, z.limit), f.rate(int(g.last-g.begin), len(p.ends), z.limit*stretchMax))
	return f.bundle(z.limit, entries)
}

// rate is how many entries a commit should come up for that adds so much to what has gathered, of which the limit is to be the
// most. When late, more than that gathers for a while, rather than have one commit pay for all that is left.
func (f *flush) rate(gathered, added, limit int) int {
	room := max(limit-gathered, limit/8, 1)
	return max((f.left()*added+room-1)/room, added)
}

// bundle is how many of the entries owed a commit carries that brings so many of its own.
func (f *flush) bundle(limit, added int) int {
	f.owed = min(f.owed, f.left())
	if f.owed < min(max(limit/bundleShare, 1), bundleMax, f.left()) {
		return 0
	}
	return min(f.owed, max(flushMax, added))
}

// carried moves on to what the next step begins with.
func (f *flush) carried(done int) {
	f.owed = max(f.owed-(done-f.done), 0)
	f.done = done
}

// step puts the next n entries into a transaction, and with the last of them the position they cover. A step that is
// rolled back is to be repeated: done moves on only by the caller.
func (f *flush) step(l *Log, tx *bbolt.Tx, n int) (done int, err error) {
	done = f.done
	for ; n > 0 && done < len(f.keys); n-- {
		if err := tx.Bucket([]byte(bucketKeys)).Put(f.keys[done].key, short(f.keys[done].position)); err != nil {
			return done, err
		}
		done++
	}
	for ; n > 0 && done < len(f.keys)+len(f.heads); n-- {
		if err := f.file(l, tx, f.heads[done-len(f.keys)]); err != nil {
			return done, err
		}
		done++
	}
	if done < len(f.keys)+len(f.heads) {
		return done, nil
	}
	return done, tx.Bucket([]byte(bucketMeta)).Put([]byte(metaCovered), number(f.gen.last))
}

// file puts a stream's summary and index entries in the place of those that the file has. Both go into one transaction:
// what the file says of one stream always fits together.
func (f *flush) file(l *Log, tx *bbolt.Tx, h filing) error {
	now := h.slot.newest.Load()
	before, err := l.filedPlace(tx, h.slot.stream)
	if err != nil || before.version >= now.version {
		return err
	}
	if err := tx.Bucket([]byte(bucketHeads)).Put(h.key, now.bytes()); err != nil {
		return err
	}
	if h.slot.stream.Category != events.CategoryOrder {
		return nil
	}
	var old []entry
	if before != (place{}) {
		r, err := l.frameOf(newFrames(l, tx), h.slot.stream, before)
		if err != nil {
			return err
		}
		old = entries(r.Head, r.Stream.ID)
	}
	return refile(tx, old, entries(now.head, h.slot.stream.ID))
}

// refile replaces an order's index entries by the new ones, and touches only those that differ.
func refile(tx *bbolt.Tx, before, after []entry) error {
	for _, e := range before {
		if slices.Contains(after, e) {
			continue
		}
		if err := tx.Bucket([]byte(e.bucket)).Delete([]byte(e.key)); err != nil {
			return err
		}
	}
	for _, e := range after {
		if slices.Contains(before, e) {
			continue
		}
		if err := tx.Bucket([]byte(e.bucket)).Put([]byte(e.key), nil); err != nil {
			return err
		}
	}
	return nil
}
