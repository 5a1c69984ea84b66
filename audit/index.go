package audit

import "hash/maphash"

// index finds rows by their order's id. It keeps 32 bits of a hash and the row's number, and leaves the ids to the
// rows, which have them anyway: a map from id to row would keep each again, in an object that the garbage collector
// visits, and reading it would miss the processor's caches once more. It is cut into shards, since a table that grows
// has for a moment two tables' size.
type index struct {
	seed   maphash.Seed
	shards [1 << shardBits]shard
}

const (
	shardBits = 8 // of the hash, its highest ones; the tag is the lowest
	shardMin  = 8 // slots a shard begins with; as ever after, a power of two
)

// shard is an open-addressing table; slots that collide stand one after another.
type shard struct {
	slots []slot
	used  int
}

type slot struct {
	tag uint32 // of the hash; where the slot stands by right follows from it
	row uint32 // one more than it is, so that 0 is a free slot
}

func newIndex() index { return index{seed: maphash.MakeSeed()} }

// of returns the id's shard and tag.
func (x *index) of(id string) (*shard, uint32) {
	h := maphash.String(x.seed, id)
	return &x.shards[h>>(64-shardBits)], uint32(h)
}

// found walks the rows that may be an id's.
type found struct {
	slots []slot
	tag   uint32
	at    uint32
	row   uint32
}

func (x *index) find(id string) found {
	s, tag := x.of(id)
	return found{slots: s.slots, tag: tag, at: tag}
}

// next moves to the next row that may be it; false when there is none.
func (f *found) next() bool {
	if len(f.slots) == 0 {
		return false
	}
	for mask := uint32(len(f.slots) - 1); ; {
		s := f.slots[f.at&mask]
		f.at++
		if s.row == 0 {
			return false
		}
		if s.tag == f.tag {
			f.row = s.row - 1
			return true
		}
	}
}

// add enters a row under an id that has none.
func (x *index) add(id string, row uint32) {
	s, tag := x.of(id)
	s.add(tag, row)
}

func (s *shard) add(tag, row uint32) {
	if 4*(s.used+1) > 3*len(s.slots) {
		s.grow()
	}
	s.put(slot{tag: tag, row: row + 1})
	s.used++
}

func (s *shard) put(new slot) {
	mask := uint32(len(s.slots) - 1)
	at := new.tag & mask
	for s.slots[at].row != 0 {
		at = (at + 1) & mask
	}
	s.slots[at] = new
}

func (s *shard) grow() {
	old := s.slots
	s.slots = make([]slot, max(shardMin, 2*len(old)))
	for _, o := range old {
		if o.row != 0 {
			s.put(o)
		}
	}
}
