package order

import "iter"

// A long answer has an index of its names: to compare each of its facts with each takes seconds for as many as an
// answer may have.

// namesMin is how many facts an answer has at least that gets one: in a shorter one to compare is cheaper.
const namesMin = 24

// chains links the places of facts that have something in common: last has the newest of each, one above its place, and
// before the one that comes before it.
type chains[K comparable] struct {
	last   map[K]int32
	before []int32
}

func chainsOf[K comparable](count int) chains[K] {
	return chains[K]{last: make(map[K]int32, count), before: make([]int32, count)}
}

// add is for places in ascending order.
func (c *chains[K]) add(at int, key K) {
	c.before[at] = c.last[key]
	c.last[key] = int32(at) + 1
}

// all are the places under a key, the newest first.
func (c *chains[K]) all(key K) iter.Seq[int] {
	return func(yield func(int) bool) {
		for at := c.last[key]; at > 0 && yield(int(at)-1); {
			at = c.before[at-1]
		}
	}
}

// names are the places of facts by their identifiers: by themselves, or by the digests that the book knows them by.
type names[K comparable] struct{ ids, requests chains[K] }

func namesOf[K comparable](count int) names[K] {
	return names[K]{chainsOf[K](count), chainsOf[K](count)}
}

// add is for places in ascending order.
func (n *names[K]) add(at int, id, request K) {
	var none K
	if id != none {
		n.ids.add(at, id)
	}
	if request != none {
		n.requests.add(at, request)
	}
}

// of are the places of facts that have one of these identifiers: perhaps more than once.
func (n *names[K]) of(id, request K) iter.Seq[int] {
	return func(yield func(int) bool) {
		var none K
		if id != none {
			for at := range n.ids.all(id) {
				if !yield(at) {
					return
				}
			}
		}
		if request != none {
			for at := range n.requests.all(request) {
				if !yield(at) {
					return
				}
			}
		}
	}
}

// index makes the index of a long answer.
func (h *heard) index() {
	if len(h.facts) < namesMin {
		return
	}
	named := namesOf[string](len(h.facts))
	for i := range h.facts {
		named.add(i, h.facts[i].TransferID, h.facts[i].RequestID)
	}
	h.named = &named
}

// tells reports whether the answer has a fact that names what this one does, and is such a one.
func (h *heard) tells(f *Fact, such func(*Fact) bool) bool {
	if h.named == nil {
		for i := range h.facts { // by its place: a fact is large to copy
			if other := &h.facts[i]; f.names(other) && such(other) {
				return true
			}
		}
		return false
	}
	for at := range h.named.of(f.TransferID, f.RequestID) {
		if such(&h.facts[at]) {
			return true
		}
	}
	return false
}

// splitLong is splitAll for a long answer: only what shares a name, or a place in the book, can be one.
func (o *Order) splitLong(facts []Fact) {
	named := namesOf[string](len(facts))
	places := chainsOf[int](len(facts))
	for i := range facts {
		f := &facts[i]
		mark := func(j int, one bool) {
			if other := &facts[j]; f.splits(other, one) {
				f.split, other.split = true, true
			}
		}
		if f.about() == 0 {
			continue
		}
		for j := range named.of(f.TransferID, f.RequestID) {
			mark(j, false)
		}
		if place := o.placed(f.about(), f.TransferID, f.RequestID); place >= 0 {
			for j := range places.all(place) {
				mark(j, true)
			}
			places.add(i, place)
		}
		named.add(i, f.TransferID, f.RequestID)
	}
}

// namesakes are the places of facts that share an identifier with a transfer on record: perhaps more than once. Their
// index is made where it is first asked for, which is where a line of a kind not known here is on record as what it is.
func (h *heard) namesakes(t *transfer) iter.Seq[int] {
	if h.digested == nil {
		digested := namesOf[uint64](len(h.facts))
		for i := range h.facts {
			digested.add(i, digest(h.facts[i].TransferID), digest(h.facts[i].RequestID))
		}
		h.digested = &digested
	}
	return h.digested.of(t.id, t.request)
}
