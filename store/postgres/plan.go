package postgres

import (
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/internal/ledger"
)

// place is where a stream's newest record is. The zero place is before its first.
type place struct{ version, position uint64 }

// plan is one turn to be: what of a batch is written, judged against what the server held at the beginning of the turn
// and what the plan holds already.
type plan struct {
	log    *Log
	begin  uint64                         // position of the newest record before the plan
	last   uint64                         // the same after it
	newest map[events.Stream]place        // of every stream in the batch that is there
	owners map[events.Key]events.Stream   // of every key in the batch that somebody owns
	taken  []*request                     // what is written
	heads  map[events.Stream]*events.Head // of each stream that is written to
	order  []events.Stream                // these, in order of their first change
	keys   []claim                        // that are new
	frames []byte                         // of all records, one after another
	ends   []int                          // of each frame in them
	tree   *seal.Tree                     // over the log with the plan
}

// claim is a lookup key that gets its owner.
type claim struct {
	key      events.Key
	owner    events.Stream
	position uint64
}

// reset empties the plan, which uses its memory again, for a log that ends at the tree's size.
func (p *plan) reset(l *Log, tree *seal.Tree) {
	if p.newest == nil {
		p.newest, p.owners = map[events.Stream]place{}, map[events.Key]events.Stream{}
		p.heads = map[events.Stream]*events.Head{}
	}
	clear(p.newest)
	clear(p.owners)
	clear(p.heads)
	if cap(p.frames) > ledger.BatchBytesMax {
		p.frames = nil
	}
	*p = plan{log: l, begin: tree.Size(), last: tree.Size(), newest: p.newest, owners: p.owners, heads: p.heads,
		taken: p.taken[:0], order: p.order[:0], keys: p.keys[:0], frames: p.frames[:0], ends: p.ends[:0], tree: tree}
}

// append judges one request and takes it in. A refusal leaves the plan as it was.
func (p *plan) append(r *request) (refusal error) {
	at := p.newest[r.Stream]
	if at.version != r.After {
		return &store.ConflictError{Stream: r.Stream, Want: r.After, Have: at.version}
	}
	for _, record := range r.Records {
		for _, key := range record.Keys {
			owner, ok := p.owners[key]
			switch {
			case ok && owner != r.Stream:
				return &store.KeyTakenError{Stream: r.Stream, Key: key, Owner: owner}
			case ok && at.version == 0:
				// Or the stream would begin a second life, and what is due of the first would be done again.
				return p.log.damagedError("%s %q is not among its streams, and owns the lookup key %q",
					r.Stream.Category, r.Stream.ID, string(key))
			}
		}
	}
	return p.assign(r, at)
}

// assign gives the request's records their places after the stream's newest.
func (p *plan) assign(r *request, at place) error {
	r.First, r.Previous = p.last+1, at.position
	begin, ends, previous := len(p.frames), len(p.ends), at.position
	for i, frame := range r.Frames {
		position := r.First + uint64(i)
		whole, err := frame.AppendFrame(p.frames, r.After+uint64(i)+1, position, previous)
		if err != nil {
			p.frames, p.ends = p.frames[:begin], p.ends[:ends]
			return r.RecordError(i, err)
		}
		p.frames, p.ends, previous = whole, append(p.ends, len(whole)), position
	}
	p.last += uint64(len(r.Frames))
	p.taken = append(p.taken, r)
	if _, known := p.heads[r.Stream]; !known {
		p.order = append(p.order, r.Stream)
	}
	p.newest[r.Stream] = place{r.After + uint64(len(r.Records)), p.last}
	p.heads[r.Stream] = &r.Records[len(r.Records)-1].Head
	for i, record := range r.Records {
		for _, key := range record.Keys {
			if _, known := p.owners[key]; !known {
				p.owners[key] = r.Stream
				p.keys = append(p.keys, claim{key, r.Stream, r.First + uint64(i)})
			}
		}
	}
	return nil
}

// hash appends the plan's frames to the tree.
func (p *plan) hash() {
	begin := 0
	for _, end := range p.ends {
		p.tree.Append(seal.LeafHash(p.frames[begin:end]))
		begin = end
	}
}
