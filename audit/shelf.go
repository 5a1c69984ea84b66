package audit

import (
	"iter"
	"slices"
	"strings"

	"github.com/tilltape/tilltape/internal/ours"
	"github.com/tilltape/tilltape/order"
)

const (
	warmMax  = 512  // orders kept as they are; the rest lie packed
	idSize   = 3    // bytes of an id's length: a store that is not ours may take longer ones than events.IDMax
	pageRows = 4096 // rows a page has: a table that grew by copying would for a moment take twice its room
)

// shelf keeps the orders of a replay: packed, since there may be millions, but for the few that had a record of late,
// since an order's records come close together. What lies packed shares no memory with the records it came from.
type shelf struct {
	index   index
	pages   [][]row
	n       uint32
	newest  uint32   // the row taken last
	warm    []warm   // the order of row n, if it is warm, is at n modulo warmMax
	since   []uint64 // the page at which each of them became warm: what it has of records is of this one or later
	page    uint64   // that is being folded, counted
	scratch []byte
	fetching
}

// row is an order's place on the shelf.
type row struct {
	packed   string // the id's length, the id, and the order without it; empty where it has only ever been warm
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
	return &shelf{index: newIndex(), warm: make([]warm, warmMax), since: make([]uint64, warmMax)}
}

func (s *shelf) row(n uint32) *row { return &s.pages[n/pageRows][n%pageRows] }

// find returns the row of the order. Often it is the one taken last: what is appended at once stands together.
func (s *shelf) find(id string) (n uint32, ok bool) {
	if len(s.warm) > 0 {
		if w := &s.warm[s.newest%warmMax]; w.held && w.row == s.newest && w.order.ID == id {
			return s.newest, true
		}
	}
	for found := s.index.find(id); found.next(); {
		if s.id(found.row) == id {
			return found.row, true
		}
	}
	return 0, false
}

// id is the id of a row's order.
func (s *shelf) id(n uint32) string {
	packed := s.row(n).packed
	if packed == "" {
		return s.warm[n%warmMax].order.ID
	}
	return packed[idSize : idSize+int(packed[0])+int(packed[1])<<8+int(packed[2])<<16]
}

// add gives an order that has no row one.
func (s *shelf) add(id string) uint32 {
	n := s.n
	if n%pageRows == 0 {
		s.pages = append(s.pages, make([]row, pageRows))
	}
	s.index.add(id, n)
	s.n++
	return n
}

// take makes the order of a row warm and returns it, to be read, or changed and marked dirty, before the next take.
func (s *shelf) take(n uint32) *warm {
	s.newest = n
	w := &s.warm[n%warmMax]
	if w.held && w.row == n {
		return w
	}
	s.rest(w)
	w.row, w.held = n, true
	s.since[n%warmMax] = s.page
	s.unpack(n, &w.order)
	return w
}

// rest packs what a warm place holds.
func (s *shelf) rest(w *warm) {
	if w.dirty {
		n := len(w.order.ID)
		s.scratch = append(append(s.scratch[:0], byte(n), byte(n>>8), byte(n>>16)), w.order.ID...)
		w.order.ID = ""
		s.scratch = w.order.Pack(ours.Key{}, s.scratch)
		s.row(w.row).packed = string(s.scratch)
	}
	w.held, w.dirty = false, false
}

// restBefore brings those to rest that became warm before a page.
func (s *shelf) restBefore(page uint64) {
	for i, since := range s.since {
		if since < page {
			s.rest(&s.warm[i])
			s.since[i] = s.page
		}
	}
}

// settle packs all that is warm. From then on the shelf is only read, and by as many as want to.
func (s *shelf) settle() {
	for i := range s.warm {
		s.rest(&s.warm[i])
	}
	s.warm, s.since, s.scratch = nil, nil, nil
}

// unpack sets the order to the row's; to the zero order where nothing is packed.
func (s *shelf) unpack(n uint32, o *order.Order) {
	*o = order.Order{}
	packed := s.row(n).packed
	if packed == "" {
		return
	}
	id := s.id(n)
	o.Unpack(ours.Key{}, packed[idSize+len(id):]) // of our own packing
	o.ID = id
}

func (s *shelf) unpacked(n uint32) (o order.Order) {
	s.unpack(n, &o)
	return o
}

// get returns an order of a settled shelf.
func (s *shelf) get(id string) (order.Order, bool) {
	n, ok := s.find(id)
	if !ok {
		return order.Order{}, false
	}
	return s.unpacked(n), true
}

// all yields the orders of a settled shelf by id.
func (s *shelf) all() iter.Seq[order.Order] {
	return func(yield func(order.Order) bool) {
		rows := make([]uint32, s.n)
		for i := range rows {
			rows[i] = uint32(i)
		}
		slices.SortFunc(rows, func(a, b uint32) int { return strings.Compare(s.id(a), s.id(b)) })
		for _, n := range rows {
			if !yield(s.unpacked(n)) {
				return
			}
		}
	}
}

// unsorted yields the orders of a settled shelf in the order in which they began. Each is valid until the next.
func (s *shelf) unsorted() iter.Seq[*order.Order] {
	return func(yield func(*order.Order) bool) {
		var o order.Order
		for n := range s.n {
			if s.unpack(n, &o); !yield(&o) {
				return
			}
		}
	}
}
