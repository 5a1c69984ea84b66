package bolt

import (
	"slices"
	"sync"

	"github.com/tilltape/tilltape/seal"
)

// group is the records of one sync of the journal, or of one Apply. It is never changed.
type group struct {
	berth
	frames   []byte // one after another; nil of one that an opening found, which are in the journal alone
	ends     []int  // of each in them
	frontier []byte // of the seal after them; nil in a log without one, and where frames is
	tiles    []seal.Tile
	follows  string // how far the log has applied the order that it follows, with them; empty where it follows none
}

// frame is the frame at a position, which the group has.
func (g *group) frame(position uint64) []byte {
	i, begin := int(position-g.first), 0
	if i > 0 {
		begin = g.ends[i-1]
	}
	return g.frames[begin:g.ends[i]:g.ends[i]]
}

// tail is the groups that waited for the file at one moment, in the order of their positions.
type tail []*group

// at is the group that has the position, nil where none does.
func (t tail) at(position uint64) *group {
	if len(t) == 0 || position < t[0].first || position > t[len(t)-1].last() {
		return nil
	}
	i, found := slices.BinarySearchFunc(t, position, func(g *group, position uint64) int {
		switch {
		case g.last() < position:
			return -1
		case g.first > position:
			return 1
		}
		return 0
	})
	if !found {
		return nil
	}
	return t[i]
}

// tile is the hashes of a tile that was filled by records of the tail, nil where there is none.
func (t tail) tile(id seal.TileID) []byte {
	for _, g := range t {
		for _, tile := range g.tiles {
			if tile.Level == id.Level && tile.Index == id.Index {
				hashes, _ := tile.AppendBinary(nil) // a full one has a form
				return hashes
			}
		}
	}
	return nil
}

// waiting is the tail as it grows at one end and shrinks at the other. A group comes to it before readers may see its
// records, and leaves it once they are in the file.
type waiting struct {
	mu      sync.Mutex
	groups  tail
	bytes   int64 // that they take in the journal, or would
	dropped int   // groups that were dropped and that the array of groups still has
}

func (w *waiting) now() tail {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.groups
}

// add appends beyond what anybody who asked before has.
func (w *waiting) add(g *group) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.groups = append(w.groups, g)
	w.bytes += g.span()
}

func (w *waiting) size() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.bytes
}

// next is the oldest groups, with frames of so many bytes together and at least one, if there is one.
func (w *waiting) next(bytes int) tail {
	all := w.now()
	n, size := 0, 0
	for n < len(all) && (n == 0 || size+all[n].size <= bytes) {
		size += all[n].size
		n++
	}
	return all[:n]
}

// drop lets go of the oldest groups, which are in the file.
func (w *waiting) drop(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, g := range w.groups[:n] {
		w.bytes -= g.span()
	}
	w.dropped += n
	w.groups = w.groups[n:]
	// What is before them stays in memory for as long as they are a part of the same array; and who asked before has that.
	if len(w.groups) == 0 {
		w.groups, w.dropped = nil, 0
	} else if w.dropped > len(w.groups) {
		w.groups, w.dropped = slices.Clone(w.groups), 0
	}
}
