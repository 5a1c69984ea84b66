package audit

import "github.com/tilltape/tilltape/events"

// tally counts by kind. There are few kinds, and each is one constant's text, so that comparing two is comparing where
// they lie: looking one up in a map would take longer.
type tally []count

type count struct {
	kind events.Kind
	n    uint64
}

func (t *tally) add(k events.Kind) {
	for i := range *t {
		if c := &(*t)[i]; c.kind == k {
			c.n++
			return
		}
	}
	*t = append(*t, count{k, 1})
}

func (t tally) into(kinds map[events.Kind]uint64) {
	for _, c := range t {
		kinds[c.kind] += c.n
	}
}
