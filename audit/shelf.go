package audit

import (
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/tilltape/tilltape/order"
)

const (
	warmMax  = 512  // orders kept as they are; the rest lie packed
	pageRows = 4096 // rows a page has: a table that grew by copying would for a moment take twice its room
)

// shelf keeps the orders of a replay: packed, since there may be millions, but for the few that had a record of late, since
// an order's records come close together. What lies packed shares no memory with the records it came from.
type shelf struct {
	rows    map[string]uint32 // by order id
	pages   [][]row
	warm    []warm // the order of row n, if it is warm, is at n modulo warmMax
	scratch []byte
}

// row is an order's place on the shelf.
type row struct {
	packed   string // without the id; empty where the order has only ever been warm
	previous uint64 // the position of the order's newest record
}

// warm is an order as it is.
type warm struct {
	row   uint32
	held  bool
	dirty bool // what lies packed is older
	order order.Order
}

func newShelf() *shelf {
	return &shelf{rows: map[string]uint32{}}
}

func (s *shelf) row(n uint32) *row { return &s.pages[n/pageRows][n%pageRows] }

// add gives an order a row. Its id is copied.
func (s *shelf) add(id string) uint32 {
	n := uint32(len(s.rows))
	if n%pageRows == 0 {
		s.pages = append(s.pages, make([]row, pageRows))
	}
	s.rows[strings.Clone(id)] = n
	return n
}

// take makes the order of a row warm and returns it, to be read, or changed and marked dirty, before the next take.
func (s *shelf) take(n uint32, id string) *warm {
	if s.warm == nil {
		s.warm = make([]warm, warmMax)
	}
	w := &s.warm[n%warmMax]
	if w.held && w.row == n {
		return w
	}
	s.rest(w)
	w.row, w.held, w.order = n, true, s.unpacked(n, id)
	return w
}

// rest packs what a warm place holds.
func (s *shelf) rest(w *warm) {
	if w.dirty {
		w.order.ID = "" // the row has it
		s.scratch = order.Pack(s.scratch[:0], w.order)
		s.row(w.row).packed = string(s.scratch)
	}
	w.held, w.dirty = false, false
}

// settle packs all that is warm. From then on the shelf is only read, and by as many as want to.
func (s *shelf) settle() {
	for i := range s.warm {
		s.rest(&s.warm[i])
	}
	s.warm, s.scratch = nil, nil
}

func (s *shelf) unpacked(n uint32, id string) order.Order {
	var o order.Order
	if packed := s.row(n).packed; packed != "" {
		o, _ = order.Unpack(packed) // of our own packing
	}
	o.ID = id
	return o
}

// get returns an order of a settled shelf.
func (s *shelf) get(id string) (order.Order, bool) {
	n, ok := s.rows[id]
	if !ok {
		return order.Order{}, false
	}
	return s.unpacked(n, id), true
}

// all yields the orders of a settled shelf by id.
func (s *shelf) all() iter.Seq[order.Order] {
	return func(yield func(order.Order) bool) {
		for _, id := range slices.Sorted(maps.Keys(s.rows)) {
			if !yield(s.unpacked(s.rows[id], id)) {
				return
			}
		}
	}
}
