package bolt

import (
	"strings"
	"sync"
	"sync/atomic"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/seal"
)

// A tree keyed by other people's ids is hit at a random page by every append, and would be rewritten a page an append.
// So what is keyed by them is lazy: what appends change is kept in memory, a generation of it at a time, and goes into
// the file sorted, in steps within later commits, while the next generation gathers. The file says up to which position
// it holds everything; opening reads the log's tail after that position into memory again, and has it taken into the
// file at once.

// generationMax is the number of entries, streams and lookup keys together, at which a generation is closed. It bounds
// memory: two generations, some 250 B an entry, and while one goes into the file some 100 B for each index entry that
// changes.
const generationMax = 1 << 17

// stretchMax is the number of records for each of these entries at which a generation is closed even if they are of few
// streams. It bounds what an opening after a crash reads again: two generations' records.
const stretchMax = 2

// crowdedShare is how many times that may gather in one generation while nothing can be moved into the file, so that
// none can be closed: some 130 MB, and as much again of one that was on its way.
const crowdedShare = 4

// slot is a stream in a generation. Its summary is replaced, never changed.
type slot struct {
	stream events.Stream
	newest atomic.Pointer[summary]
}

// generation is what the records of one stretch of the log have changed. Nothing is ever taken out of it.
type generation struct {
	heads map[events.Stream]*slot
	slots []*slot // the same, so that they can be walked without a lock
	keys  map[events.Key]claim
	begin uint64 // position of the newest record before it
	last  uint64 // position of the newest record in it
}

func newGeneration() *generation {
	return &generation{heads: map[events.Stream]*slot{}, keys: map[events.Key]claim{}}
}

func (g *generation) size() int { return len(g.slots) + len(g.keys) }

// growth is how many entries the plan will add.
func (g *generation) growth(p *plan) (entries int) {
	for _, of := range p.Streams() {
		if g.heads[of] == nil {
			entries++
		}
	}
	for key := range p.Claims() {
		if _, known := g.keys[key]; !known {
			entries++
		}
	}
	return entries
}

func (g *generation) setHead(of events.Stream, s *summary) {
	known := g.heads[of]
	if known == nil {
		// Own strings: a caller's could keep a whole message alive.
		of.ID = strings.Clone(of.ID)
		known = &slot{stream: of}
		g.heads[of] = known
		g.slots = append(g.slots, known)
	}
	known.newest.Store(s)
}

func (g *generation) setKey(key events.Key, c claim) {
	if _, known := g.keys[key]; !known {
		if own := g.heads[c.Owner]; own != nil {
			c.Owner = own.stream // its own strings, too
		}
		g.keys[events.Key(strings.Clone(string(key)))] = c
	}
}

// lazy is what memory knows better than the lazy buckets. The committer alone writes to it.
type lazy struct {
	limit  int // generationMax
	mu     sync.RWMutex
	active *generation
	frozen *generation   // on its way into the file; nil when there is none
	epoch  uint64        // counts the generations that have left memory
	last   uint64        // position of the newest record that readers may see
	tree   *seal.Tree    // over the records up to last, never changed; nil in a log without a seal
	grown  chan struct{} // closed when last grows; nil while nobody waits for that
}

// layers is the generations in memory at one moment. What is in neither of them is in the file of any transaction that
// begins later, unless it was appended later too.
type layers struct {
	lazy           *lazy
	active, frozen *generation
	epoch          uint64
	end            uint64     // position of the newest record then
	tree           *seal.Tree // over the records up to end; nil in a log without a seal
}

func (z *lazy) layers() layers {
	z.mu.RLock()
	defer z.mu.RUnlock()
	return layers{lazy: z, active: z.active, frozen: z.frozen, epoch: z.epoch, end: z.last, tree: z.tree}
}

// newest returns the summary of a stream, nil where memory has none and the file is to be asked.
func (y *layers) newest(of events.Stream) *summary {
	y.lazy.mu.RLock()
	defer y.lazy.mu.RUnlock()
	for _, g := range []*generation{y.active, y.frozen} {
		if g == nil {
			continue
		}
		if known := g.heads[of]; known != nil {
			return known.newest.Load()
		}
	}
	return nil
}

// onTheWay returns what is on its way into the file of a stream, about which the file's places and indexes may be at
// odds meanwhile; nil where nothing is.
func (y *layers) onTheWay(of events.Stream) *summary {
	y.lazy.mu.RLock()
	defer y.lazy.mu.RUnlock()
	if y.frozen == nil || y.frozen.heads[of] == nil {
		return nil
	}
	return y.frozen.heads[of].newest.Load()
}

// owner returns the claim on a lookup key; false where memory does not know and the file is to be asked.
func (y *layers) owner(key events.Key) (claim, bool) {
	y.lazy.mu.RLock()
	defer y.lazy.mu.RUnlock()
	for _, g := range []*generation{y.active, y.frozen} {
		if g == nil {
			continue
		}
		if c, known := g.keys[key]; known {
			return c, true
		}
	}
	return claim{}, false
}

// end is the position of the newest record that readers may see.
func (z *lazy) end() uint64 {
	z.mu.RLock()
	defer z.mu.RUnlock()
	return z.last
}

// wait returns a channel that is closed once the log has records after the position.
func (z *lazy) wait(position uint64) <-chan struct{} {
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.last > position {
		done := make(chan struct{})
		close(done)
		return done
	}
	if z.grown == nil {
		z.grown = make(chan struct{})
	}
	return z.grown
}

// wake ends every wait for the log to grow.
func (z *lazy) wake() {
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.grown != nil {
		close(z.grown)
		z.grown = nil
	}
}

// publish shows readers what a commit has made durable. flushed tells that the frozen generation is in the file now.
// It returns the generation that was closed by this, if any.
func (z *lazy) publish(p *plan, flushed bool) (closed *generation) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.showLocked(p)
	return z.turnOverLocked(flushed)
}

// show is publish where a generation is closed by somebody else.
func (z *lazy) show(p *plan) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.showLocked(p)
}

// turnOver lets go of the frozen generation, where that is in the file now, and closes the active one, if it is full.
func (z *lazy) turnOver(flushed bool) (closed *generation) {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.turnOverLocked(flushed)
}

func (z *lazy) showLocked(p *plan) {
	for _, of := range p.Streams() {
		z.active.setHead(of, p.Summary(of))
	}
	for key, c := range p.Claims() {
		z.active.setKey(key, c)
	}
	z.active.last, z.last, z.tree = p.Last(), p.Last(), p.Tree()
	if z.grown != nil && !p.Empty() {
		close(z.grown)
		z.grown = nil
	}
}

func (z *lazy) turnOverLocked(flushed bool) (closed *generation) {
	if flushed {
		z.frozen = nil
		z.epoch++
	}
	if z.frozen == nil && (z.active.size() >= z.limit || z.active.last-z.active.begin >= uint64(z.limit)*stretchMax) {
		return z.freezeLocked()
	}
	return nil
}

// crowded tells whether much more has gathered than one generation is to have.
func (z *lazy) crowded() bool {
	z.mu.RLock()
	defer z.mu.RUnlock()
	return z.active.size() >= crowdedShare*z.limit
}

// filled is how many entries are in memory; a record counts as much of one as stretchMax says.
func (z *lazy) filled() (entries int) {
	z.mu.RLock()
	defer z.mu.RUnlock()
	for _, g := range []*generation{z.active, z.frozen} {
		if g != nil {
			entries += max(g.size(), int((g.last-g.begin)/stretchMax))
		}
	}
	return entries
}

// freeze closes the active generation; nil where there is nothing in it.
func (z *lazy) freeze() *generation {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.freezeLocked()
}

func (z *lazy) freezeLocked() *generation {
	if z.active.size() == 0 {
		return nil
	}
	z.frozen, z.active = z.active, newGeneration()
	z.active.begin, z.active.last = z.frozen.last, z.frozen.last
	return z.frozen
}
