package bolt

import (
	"cmp"
	"context"
	"sync/atomic"
	"time"

	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
)

// mover takes records into the file that readers see already and that something else keeps until they are there: the
// journal, or the order that the log follows.
type mover struct {
	bounds  moveBounds
	filling func(used int64) bool // so many bytes that wait are too many for it to rest

	wake  chan struct{}    // holds one token: there may be something to move
	late  <-chan time.Time // sends where whatever waits is to be moved; nil: never
	hurry chan struct{}    // holds one token: somebody waits for what could not be moved
	freed chan struct{}    // holds one token: there may be room, or there never will be
	stop  chan struct{}    // closed when nothing is to be moved any more
	ended chan struct{}    // closed when the mover has ended

	starving atomic.Bool // appends wait for room
}

// moveBounds are sizes in bytes.
type moveBounds struct {
	step, max int64 // of the journal: what it grows by; of what waits: the most, in the journal or in memory
	moveAt    int64 // what gathers before it is moved into the file
	moveMax   int   // of which so much goes into one transaction
}

// defaultBounds are those of a journal, or of what an order brings.
func (c Config) defaultBounds() moveBounds {
	if c.Follow != "" {
		return moveBounds{max: followedMax, moveAt: followedAt, moveMax: moveMax}
	}
	return moveBounds{step: journalStep, max: journalMax, moveAt: moveAt, moveMax: moveMax}
}

// starve has the mover move whatever there is, for somebody who waits for room; freed tells when to look again.
func (m *mover) starve() {
	m.starving.Store(true)
	signal(m.wake)
	signal(m.hurry)
}

// crowded tells whether nothing more may wait, since no generation was closed for long.
func (l *Log) crowded() bool { return l.lazy.crowded() && l.waiting.size() > 0 }

func newMover(bounds moveBounds) *mover {
	return &mover{bounds: bounds, wake: make(chan struct{}, 1), hurry: make(chan struct{}, 1),
		freed: make(chan struct{}, 1), stop: make(chan struct{}), ended: make(chan struct{})}
}

// move takes the oldest groups that wait into the file, as many as go into one transaction, with a step of what is
// lazy; steps is nil for as much of it as these groups pay for.
func (l *Log) move(bytes int, steps func(*flush) int) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	if failed := l.failed.Load(); failed != nil { // the file may have some of these, or be held for ever
		return failed.err
	}
	groups := l.waiting.next(bytes)
	if len(groups) > 0 && groups[0].first != l.last+1 {
		return l.damagedError("position %d is to be moved into it, and it ends at position %d", groups[0].first, l.last)
	}
	s, err := l.stretchOf(groups)
	if err != nil {
		return explain(l.path, err)
	}
	gathered, added := l.lazy.gained(&l.gathered)
	if steps == nil {
		steps = func(f *flush) int { return f.paceOf(gathered, added, len(s.ends), l.lazy.limit) }
	}
	flushed, err := l.enter(s, steps)
	if err != nil {
		if failed := l.failed.Load(); failed != nil {
			err = failed.err
		}
		return explain(l.path, err)
	}
	l.waiting.drop(len(groups))
	if s.tree != nil {
		l.filedTree = s.tree
	}
	if closed := l.lazy.turnOver(flushed); closed != nil {
		l.gathered = 0
		l.flush = l.newFlush(closed)
	}
	l.stuck.Store(nil)
	if l.mover != nil { // and not on its way to one, when it is opened
		signal(l.mover.freed)
	}
	return nil
}

// stretchOf is groups as what goes into the file together. Of those that an opening found, it reads the frames, and
// makes the seal's frontier again.
func (l *Log) stretchOf(groups tail) (*stretch, error) {
	s := &stretch{first: l.last + 1, frontier: l.frontier, follows: l.follows}
	for _, g := range groups {
		s.follows = cmp.Or(g.follows, s.follows)
		loaded, err := l.load(g)
		if err != nil {
			return nil, err
		}
		begin := len(s.frames)
		s.frames = append(s.frames, loaded.frames...)
		for _, end := range loaded.ends {
			s.ends = append(s.ends, begin+end)
		}
		s.frontier, s.tiles = loaded.frontier, append(s.tiles, loaded.tiles...)
		if loaded != g && l.filedTree != nil {
			if s.tree == nil {
				s.tree = l.filedTree.Clone()
			}
			hashFrames(s.tree, loaded)
		}
	}
	if s.tree != nil {
		s.frontier = s.tree.AppendFrontier(nil)
	}
	return s, nil
}

func hashFrames(tree *seal.Tree, g *group) {
	for position := g.first; position <= g.last(); position++ {
		tree.Append(seal.LeafHash(g.frame(position)))
	}
}

// moveUntil has the file hold the records up to a position, which readers may see.
func (l *Log) moveUntil(ctx context.Context, position uint64) error {
	for {
		if err := store.CheckContext(ctx, "move what waits into log "+l.path); err != nil {
			return err
		}
		waiting := l.waiting.now()
		if len(waiting) == 0 || waiting[0].first > position {
			return nil
		}
		if err := l.move(l.moveMax(), nil); err != nil {
			return err
		}
	}
}

// moveMax is how much goes into one transaction now.
func (l *Log) moveMax() int {
	if l.mover == nil || l.closed.Load() {
		return moveAllMax
	}
	return l.mover.bounds.moveMax
}

// moveRetry is how long the mover waits after a transaction that could not be written.
const moveRetry = 100 * time.Millisecond

// keepMoving takes what gathers into the file. Where that has no room, it tries again and again; appends go on until
// nothing more may wait.
func (l *Log) keepMoving() {
	m := l.mover
	defer close(m.ended)
	for {
		late := false
		select {
		case <-m.wake:
		case <-m.late:
			late = true
		case <-m.stop:
			return
		}
		for l.toMove(late) {
			begun := time.Now()
			err := l.move(m.bounds.moveMax, nil)
			if err == nil {
				m.rest(time.Since(begun), l.waiting.size())
				continue
			}
			l.stuck.Store(&failure{err: err})
			signal(m.freed)
			select {
			case <-time.After(moveRetry):
			case <-m.hurry:
			case <-m.stop:
				return
			}
			if l.failed.Load() != nil {
				return
			}
		}
		if late && l.committing.TryLock() { // whoever has it may wait for what is moved
			_ = l.fileFollowed() // tried again by the next one
			l.committing.Unlock()
		}
	}
}

// moveRestMax is how long the mover rests at most.
const moveRestMax = 50 * time.Millisecond

// rest leaves the disk to the appends for as long as a transaction took, unless they wait for room or will soon.
func (m *mover) rest(took time.Duration, used int64) {
	if m.starving.Load() || m.filling(used) {
		return
	}
	select {
	case <-time.After(min(took, moveRestMax)):
	case <-m.hurry:
	case <-m.stop:
	}
}

// toMove tells whether enough waits, or whatever does has waited for long.
func (l *Log) toMove(late bool) bool {
	size := l.waiting.size()
	return size >= l.mover.bounds.moveAt || size > 0 && (late || l.mover.starving.Load())
}

// stopMoving ends the mover, and waits until it has ended.
func (l *Log) stopMoving() {
	close(l.mover.stop)
	l.await(l.mover.ended)
}
