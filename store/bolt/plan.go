package bolt

import (
	"time"
	"unique"

	"go.etcd.io/bbolt"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/internal/ledger"
)

// plan is one commit to be: the records that go into it and what they change, judged against what is in the log before
// it and what the plan holds already. Nothing of it is in the log until it is written and published.
type plan struct {
	log    *Log
	memory layers
	last   uint64 // position of the newest record, the plan's included

	frames []byte // of all records, one after another
	ends   []int  // of each frame in them
	chunks []chunk
	values []byte     // of the chunks
	tree   *seal.Tree // after the plan, once hash has ended; nil without a seal

	order []events.Stream // the streams that the plan changes, in order of their first change
	heads map[events.Stream]*summary
	keys  map[events.Key]claim
}

// chunk is a stretch of the plan's frames that becomes one value of the log.
type chunk struct {
	last       uint64 // position of the last record in it
	begin, end int    // of its frames among the plan's
}

// newPlan returns an empty plan. It uses the memory of the one before: a log writes one at a time.
func (l *Log) newPlan() *plan {
	memory := l.lazy.layers()
	p := &l.plan
	clear(p.heads)
	clear(p.keys)
	*p = plan{log: l, memory: memory, last: memory.end, frames: p.frames[:0], ends: p.ends[:0], chunks: p.chunks[:0],
		values: p.values[:0], order: p.order[:0], heads: p.heads, keys: p.keys}
	if p.heads == nil {
		p.heads, p.keys = map[events.Stream]*summary{}, map[events.Key]claim{}
	}
	if cap(p.frames) > ledger.BatchBytesMax {
		p.frames, p.values = nil, nil
	}
	if memory.tree != nil {
		p.tree = memory.tree.Clone()
	}
	return p
}

func (p *plan) empty() bool { return len(p.chunks) == 0 }

// append judges one request and takes it in. A refusal leaves the plan as it was.
func (p *plan) append(r *request) (refusal error) {
	at, err := p.newest(r)
	if err != nil {
		return err
	}
	if at.version != r.After {
		return &store.ConflictError{Stream: r.Stream, Want: r.After, Have: at.version}
	}
	for _, record := range r.Records {
		for _, key := range record.Keys {
			owner, ok, err := p.owner(r, key)
			if err != nil {
				return err
			}
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

// newest is the place of the newest record of the request's stream.
func (p *plan) newest(r *request) (at place, err error) {
	if s := p.heads[r.Stream]; s != nil {
		return s.place, nil
	}
	if s := p.memory.newest(r.Stream); s != nil {
		return s.place, nil
	}
	if p.memory.epoch == r.Look.epoch {
		return r.Look.newest, nil
	}
	err = p.log.db.View(func(tx *bbolt.Tx) error {
		at, err = p.log.filedPlace(tx, r.Stream)
		return err
	})
	return at, err
}

// owner is the stream that owns a lookup key of the request.
func (p *plan) owner(r *request, key events.Key) (owner events.Stream, ok bool, err error) {
	if c, ok := p.keys[key]; ok {
		return c.owner, true, nil
	}
	if c, ok := p.memory.owner(key); ok {
		return c.owner, true, nil
	}
	if p.memory.epoch == r.Look.epoch {
		owner, ok = r.Look.owners[key]
		return owner, ok, nil
	}
	err = p.log.db.View(func(tx *bbolt.Tx) error {
		owner, ok, err = p.log.filedOwner(tx, key)
		return err
	})
	return owner, ok, err
}

// assign gives the request's records their places after the stream's newest.
func (p *plan) assign(r *request, at place) error {
	r.First, r.Previous = p.last+1, at.position
	begin, previous := len(p.frames), at.position
	for i, frame := range r.Frames {
		position := r.First + uint64(i)
		whole, err := frame.AppendFrame(p.frames, r.After+uint64(i)+1, position, previous)
		if err != nil {
			p.frames = p.frames[:begin]
			return r.RecordError(i, err)
		}
		p.frames, previous = whole, position
	}
	end := begin
	for i := range r.Frames {
		size, _ := events.FrameSize(p.frames[end:]) // of one that was just made
		end += size
		p.take(r.First+uint64(i), end)
	}
	newest := r.Records[len(r.Records)-1]
	p.set(r.Stream, &summary{place{r.After + uint64(len(r.Records)), p.last}, normal(newest.Head)})
	for i, record := range r.Records {
		p.claim(record.Keys, claim{r.Stream, r.First + uint64(i)})
	}
	return nil
}

// take makes the frame that ends at end, after those before it, the log's next record.
func (p *plan) take(position uint64, end int) {
	p.ends = append(p.ends, end)
	p.last = position
	if n := len(p.chunks); n > 0 {
		c := p.chunks[n-1]
		c.last, c.end = position, c.end+1
		if p.size(c) <= chunkMax {
			p.chunks[n-1] = c
			return
		}
	}
	n := len(p.ends)
	p.chunks = append(p.chunks, chunk{last: position, begin: n - 1, end: n})
}

// start is where the frames of the chunk begin, and size how long its value is.
func (p *plan) start(c chunk) int {
	if c.begin == 0 {
		return 0
	}
	return p.ends[c.begin-1]
}

func (p *plan) size(c chunk) int { return p.ends[c.end-1] - p.start(c) + directorySize(c.end-c.begin) }

// value is what stands in the log for the chunk. It is valid until the next plan.
func (p *plan) value(c chunk) []byte {
	start, begin := p.start(c), len(p.values)
	p.values = append(p.values, p.frames[start:p.ends[c.end-1]]...)
	p.values = appendDirectory(p.values, start, p.ends[c.begin:c.end])
	return p.values[begin:len(p.values):len(p.values)]
}

// hash appends the plan's frames to the tree.
func (p *plan) hash() {
	begin := 0
	for _, end := range p.ends {
		p.tree.Append(seal.LeafHash(p.frames[begin:end]))
		begin = end
	}
}

// aside is how many frames are hashed in a goroutine of their own: as long as a commit is put together, the
// appenders wait for it, and another core has nothing to do.
const aside = 16

// startHash hashes, and returns a function that waits for the end of it.
func (p *plan) startHash() (wait func()) {
	if p.tree == nil {
		return func() {}
	}
	if len(p.ends) < aside {
		p.hash()
		return func() {}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.hash()
	}()
	return func() { <-done }
}

func (p *plan) set(of events.Stream, s *summary) {
	if _, known := p.heads[of]; !known {
		p.order = append(p.order, of)
	}
	p.heads[of] = s
}

func (p *plan) claim(keys []events.Key, c claim) {
	for _, key := range keys {
		if _, known := p.keys[key]; !known {
			p.keys[key] = c
		}
	}
}

// write puts the plan's records into a transaction.
func (p *plan) write(tx *bbolt.Tx) error {
	log := tx.Bucket([]byte(bucketLog))
	// Positions only grow, so pages of the log are never written into again: fill them to the brim.
	log.FillPercent = 1.0
	for _, c := range p.chunks {
		if err := log.Put(number(c.last), p.value(c)); err != nil {
			return err
		}
	}
	return nil
}

// frontier is the seal's right edge after the plan, once hash has ended; nil without a seal.
func (p *plan) frontier() []byte {
	if p.tree == nil {
		return nil
	}
	return p.tree.AppendFrontier(nil)
}

// writeTiles puts the tiles that the plan has filled into a transaction.
func (p *plan) writeTiles(tx *bbolt.Tx) error {
	if p.tree == nil {
		return nil
	}
	tiles := tx.Bucket([]byte(bucketTiles))
	tiles.FillPercent = 1.0
	for _, tile := range p.tree.Full() {
		hashes, err := tile.AppendBinary(nil)
		if err != nil {
			return err
		}
		if err := tiles.Put(tileKey(tile.Level, tile.Index), hashes); err != nil {
			return err
		}
	}
	return nil
}

// normal is the head as a reader of its frame gets it, its times in UTC and without a clock reading; and to be kept:
// its words, of which there are few, are not parts of a message that they would keep alive.
func normal(h events.Head) events.Head {
	for _, word := range []*string{&h.Status, &h.Phase} {
		*word = unique.Make(*word).Value()
	}
	for _, t := range []*time.Time{&h.StatusSince, &h.OperationSince, &h.ParkedSince, &h.AnomalySince, &h.DisputeBy,
		&h.Due} {
		if !t.IsZero() {
			*t = time.Unix(0, t.UnixNano()).UTC()
		}
	}
	return h
}
