package audit

import "github.com/tilltape/tilltape/events"

// Millions of orders are in no processor's cache: a record whose order had none of late waits for the index's slot,
// then for the row that it leads to, and then for the packed order, a tenth of a replay. So what the records of a batch
// will need is looked at before the first is folded, one kind after another: none of these looks waits for another
// record's, and the processor has many of them under way.

const (
	cacheLine = 64  // bytes that a processor fetches at once
	fetchMax  = 512 // bytes of a packed order that are fetched: most have fewer
)

// fetching is what a shelf knows of the records that come next.
type fetching struct {
	places [batchMax]place
	rows   [batchMax]*row
	seen   byte // what was looked at comes to it, so that the compiler leaves no look out
}

// place is where in the index an id stands by right.
type place struct {
	slots []slot
	tag   uint32
}

// fetch has the processor fetch what folding these records needs of the shelf. It only reads, and what it finds is no
// answer: an id is found by [shelf.find].
func (s *shelf) fetch(records []events.Record) {
	for ; len(records) > batchMax; records = records[batchMax:] {
		s.fetch(records[:batchMax])
	}
	f := &s.fetching
	n := len(records)
	for i := range records {
		of, tag := s.index.of(records[i].Stream.ID)
		f.places[i] = place{of.slots, tag}
	}
	for i, p := range f.places[:n] {
		f.rows[i] = nil
		if len(p.slots) > 0 {
			if at := p.slots[p.tag&uint32(len(p.slots)-1)]; at.row != 0 {
				f.rows[i] = s.row(at.row - 1)
			}
		}
	}
	for _, r := range f.rows[:n] {
		if r == nil {
			continue
		}
		for at := 0; at < min(len(r.packed), fetchMax); at += cacheLine {
			f.seen += r.packed[at]
		}
	}
}
