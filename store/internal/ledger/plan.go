package ledger

import (
	"fmt"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
)

// Plan is one commit to be: the records that go into it and what they change, judged against what is in the log before
// it and what the plan holds already. Nothing of it is in the log until an engine has written it. It is for one
// goroutine, and uses its memory again from one commit to the next: what its methods return is valid until
// [Plan.Reset], but for a summary and the tree, which may be kept.
type Plan[L any] struct {
	Log string // names the log in errors

	before Before[L]
	first  uint64 // position of the first record, if there is one
	last   uint64 // position of the newest record, the plan's included
	frames []byte // of all records, one after another
	ends   []int  // of each frame in them
	tree   *seal.Tree

	order []events.Stream
	heads map[events.Stream]*Summary
	keys  map[events.Key]Claim
}

// Reset empties the plan. It goes after what before knows, whose newest record is at the position last and over whose
// records is the tree, nil in a log without a seal. The tree stays as it is: the plan's is a copy.
func (p *Plan[L]) Reset(before Before[L], last uint64, tree *seal.Tree) {
	clear(p.heads)
	clear(p.keys)
	*p = Plan[L]{Log: p.Log, before: before, first: last + 1, last: last, frames: p.frames[:0], ends: p.ends[:0],
		order: p.order[:0], heads: p.heads, keys: p.keys}
	if p.heads == nil {
		p.heads, p.keys = map[events.Stream]*Summary{}, map[events.Key]Claim{}
	}
	if cap(p.frames) > BatchBytesMax {
		p.frames = nil
	}
	if tree != nil {
		p.tree = tree.Clone()
	}
}

// Append judges one request and takes it in, with First and Previous set. A refusal leaves the plan as it was.
func (p *Plan[L]) Append(r *Request[L]) (refusal error) {
	at, err := p.newest(r)
	if err != nil {
		return err
	}
	if at.Version != r.After {
		return &store.ConflictError{Stream: r.Stream, Want: r.After, Have: at.Version}
	}
	for _, record := range r.Records {
		for _, key := range record.Keys {
			owner, owned, err := p.owner(r, key)
			if err != nil {
				return err
			}
			switch {
			case owned && owner != r.Stream:
				return &store.KeyTakenError{Stream: r.Stream, Key: key, Owner: owner}
			case owned && at.Version == 0:
				// Or the stream would begin a second life, and what is due of the first would be done again.
				return &store.DamagedError{Log: p.Log, Reason: fmt.Sprintf("%s %q is not among its streams, and owns the "+
					"lookup key %q", r.Stream.Category, r.Stream.ID, string(key))}
			}
		}
	}
	return p.assign(r, at)
}

// newest is the place of the newest record of the request's stream, the plan's included.
func (p *Plan[L]) newest(r *Request[L]) (Place, error) {
	if s := p.heads[r.Stream]; s != nil {
		return s.Place, nil
	}
	return p.before.Newest(r)
}

// owner is the stream that owns a lookup key of the request, by the plan or before it.
func (p *Plan[L]) owner(r *Request[L], key events.Key) (owner events.Stream, owned bool, err error) {
	if c, ok := p.keys[key]; ok {
		return c.Owner, true, nil
	}
	return p.before.Owner(r, key)
}

// assign gives the request's records their places after the stream's newest.
func (p *Plan[L]) assign(r *Request[L], at Place) error {
	first, begin, previous := p.last+1, len(p.frames), at.Position
	for i, frame := range r.Frames {
		position := first + uint64(i)
		whole, err := frame.AppendFrame(p.frames, r.After+uint64(i)+1, position, previous)
		if err != nil {
			p.frames = p.frames[:begin]
			return r.RecordError(i, err)
		}
		p.frames, previous = whole, position
	}
	end := begin
	for range r.Frames {
		size, _ := events.FrameSize(p.frames[end:]) // of one that was just made
		end += size
		p.ends = append(p.ends, end)
	}
	r.First, r.Previous, p.last = first, at.Position, previous
	newest := r.Records[len(r.Records)-1]
	p.set(r.Stream, &Summary{Place{r.After + uint64(len(r.Records)), p.last}, kept(newest.Head)})
	for i, record := range r.Records {
		p.claim(record.Keys, Claim{r.Stream, first + uint64(i)})
	}
	return nil
}

// Import takes in a record that is in another log with this frame, and judges nothing: its place must be the next one
// here.
func (p *Plan[L]) Import(r events.Record, frame []byte) {
	p.frames = append(p.frames, frame...)
	p.ends = append(p.ends, len(p.frames))
	p.last = r.Position
	p.set(r.Stream, Summarize(r))
	p.claim(r.Keys, Claim{r.Stream, r.Position})
}

func (p *Plan[L]) set(of events.Stream, s *Summary) {
	if _, known := p.heads[of]; !known {
		p.order = append(p.order, of)
	}
	p.heads[of] = s
}

func (p *Plan[L]) claim(keys []events.Key, c Claim) {
	for _, key := range keys {
		if _, known := p.keys[key]; !known {
			p.keys[key] = c
		}
	}
}

// Empty tells whether the plan has no records, Len how many it has, and Size how many bytes their frames take.
func (p *Plan[L]) Empty() bool { return len(p.ends) == 0 }
func (p *Plan[L]) Len() int    { return len(p.ends) }
func (p *Plan[L]) Size() int   { return len(p.frames) }

// First is the position that the plan's first record has, and Last that of the log's newest after the plan.
func (p *Plan[L]) First() uint64 { return p.first }
func (p *Plan[L]) Last() uint64  { return p.last }

// Frames returns the frames of the plan's records, one after another in the order of their positions, and where each of
// them ends.
func (p *Plan[L]) Frames() (frames []byte, ends []int) { return p.frames, p.ends }

// Streams returns the streams that the plan changes, in the order of their first change, and Summary what is known of
// one of them after it, nil where the plan does not change it.
func (p *Plan[L]) Streams() []events.Stream          { return p.order }
func (p *Plan[L]) Summary(of events.Stream) *Summary { return p.heads[of] }

// Claims returns the lookup keys of the plan's records, each with its owner and the first record that has it. Some may
// have been their owner's before: that claim is the older one, and stays.
func (p *Plan[L]) Claims() map[events.Key]Claim { return p.keys }

// aside is how many frames are hashed in a goroutine of their own: as long as a commit is put together, the
// appenders wait for it, and another core has nothing to do.
const aside = 16

// StartHash hashes the plan's frames, at most once after all of them are in it, and returns a function that waits for
// the end of that. It must have been called before the plan is used again.
func (p *Plan[L]) StartHash() (wait func()) { return startHash(p.tree, p.frames, p.ends) }

// startHash appends frames with these ends to the tree, if there is one. It is not the method itself, where a function
// literal would be allocated for the type parameter.
func startHash(tree *seal.Tree, frames []byte, ends []int) (wait func()) {
	if tree == nil {
		return func() {}
	}
	if len(ends) < aside {
		hash(tree, frames, ends)
		return func() {}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		hash(tree, frames, ends)
	}()
	return func() { <-done }
}

func hash(tree *seal.Tree, frames []byte, ends []int) {
	begin := 0
	for _, end := range ends {
		tree.Append(seal.LeafHash(frames[begin:end]))
		begin = end
	}
}

// Tree is the tree over the log's records after the plan, once its frames are hashed; nil in a log without a seal. What
// the plan has filled of it is handed out by [seal.Tree.Full].
func (p *Plan[L]) Tree() *seal.Tree { return p.tree }
