package bolt

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
)

// journalled makes a plan durable in the journal and shows it to readers. One group is written and not synced at any
// time, so that nothing that was acknowledged stands behind one that was torn.
func (l *Log) journalled(p *plan) error {
	if p.Empty() {
		return nil
	}
	l.committing.Lock()
	defer l.committing.Unlock()
	hashed := p.StartHash()
	defer hashed() // whatever happens: the plan's memory is used again
	j := l.journal
	g := newGroup(p, j.past)
	at, err := l.room(g.span())
	if err != nil {
		return err
	}
	g.at = at
	if cap(j.sheet) > sheetMax {
		j.sheet = nil
	}
	j.sheet = g.appendRecord(j.sheet[:0], j.id)
	if _, err = j.writeAt(j.sheet, at); err == nil {
		err = j.sync()
	} else {
		j.scrub(at, g.span())
	}
	if err != nil {
		failed := &failure{err: unconfirmedError(l.path, err)}
		l.fail(failed)
		return failed.err
	}
	if err := errors.Join(l.stillThere(), l.journalThere()); err != nil {
		err = explain(l.path, err)
		l.fail(&failure{err: err})
		return err
	}
	hashed()
	if tree := p.Tree(); tree != nil {
		g.frontier, g.tiles = tree.AppendFrontier(nil), tree.Full()
		j.past = sha256.Sum256(g.frontier)
	}
	l.waiting.add(g)
	l.lazy.show(p)
	if used := l.waiting.size(); used >= j.bounds.moveAt {
		signal(j.wake)
		if j.space.filling(used) {
			j.grow(0, false)
		}
	}
	return nil
}

// scrub blanks a place to which a write has failed: that ends where it likes, and not, as a power loss, between two
// sectors. The log stops in any case. It goes by the other opening, which has seen no error yet.
func (j *journal) scrub(at, n int64) {
	_ = j.blank(at, n) // or the next opening says what is there
}

// sheetMax is how much memory is kept to put records together in, in bytes.
const sheetMax = 1 << 20

// room is a place for so many bytes in the journal. Where there is none, it waits until the mover has freed one or the
// journal has grown; and where both have failed, the group is refused.
func (l *Log) room(n int64) (at int64, err error) {
	j := l.journal
	defer j.starving.Store(false)
	for tried := false; ; tried = true {
		select { // what was freed before is looked at now
		case <-j.freed:
		default:
		}
		live := l.waiting.now()
		if at, ok := j.space.take(n, live); ok {
			return at, nil
		}
		failed, stuck := l.failed.Load(), l.stuck.Load()
		switch grown := j.space.failure(); {
		case failed != nil:
			return 0, failed.err
		case tried && stuck != nil:
			return 0, stuck.err
		case tried && len(live) == 0 && grown != nil:
			return 0, explain(l.journalAt, grown)
		}
		j.grow(n, !tried)
		j.starving.Store(true)
		signal(j.wake)
		signal(j.hurry)
		<-j.freed
	}
}

// journalThere tells whether the journal that was opened is still the one at its path.
func (l *Log) journalThere() error {
	mine, err := l.journal.file.Stat()
	if err != nil {
		return err
	}
	there, err := os.Stat(l.journal.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err != nil || !os.SameFile(mine, there) {
		return &FileError{Kind: store.ErrStorage, Path: l.path, Reason: "its journal " + l.journal.path + " was removed, " +
			"moved or replaced while it was open", Remedy: "put it back where it was, then open the log again; an append " +
			"that failed may have happened: repeat it with the same record ids"}
	}
	return nil
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
	if l.journal != nil { // and not on its way to one, when it is opened
		signal(l.journal.freed)
	}
	return nil
}

// stretchOf is groups as what goes into the file together. Of those that an opening found, it reads the frames, and
// makes the seal's frontier again.
func (l *Log) stretchOf(groups tail) (*stretch, error) {
	s := &stretch{first: l.last + 1, frontier: l.frontier, follows: l.follows}
	for _, g := range groups {
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
		if err := store.CheckContext(ctx, "move what is in the journal of log "+l.path); err != nil {
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
	if l.journal == nil || l.closed.Load() {
		return moveAllMax
	}
	return l.journal.bounds.moveMax
}

// moveRetry is how long the mover waits after a transaction that could not be written.
const moveRetry = 100 * time.Millisecond

// keepMoving is the mover: it takes what gathers in the journal into the file. Where the file has no room, it tries
// again and again; appends go on until the journal is full.
func (l *Log) keepMoving() {
	j := l.journal
	defer close(j.ended)
	for {
		select {
		case <-j.wake:
		case <-j.stop:
			return
		}
		for l.toMove() {
			begun := time.Now()
			err := l.move(j.bounds.moveMax, nil)
			if err == nil {
				j.rest(time.Since(begun), l.waiting.size())
				continue
			}
			l.stuck.Store(&failure{err: err})
			signal(j.freed)
			select {
			case <-time.After(moveRetry):
			case <-j.hurry:
			case <-j.stop:
				return
			}
			if l.failed.Load() != nil {
				return
			}
		}
	}
}

// moveRestMax is how long the mover rests at most.
const moveRestMax = 50 * time.Millisecond

// rest leaves the disk to the appends for as long as a transaction took, unless they wait for room or will soon.
func (j *journal) rest(took time.Duration, used int64) {
	if j.starving.Load() || j.space.filling(used) {
		return
	}
	select {
	case <-time.After(min(took, moveRestMax)):
	case <-j.hurry:
	case <-j.stop:
	}
}

// toMove tells whether enough waits.
func (l *Log) toMove() bool {
	size := l.waiting.size()
	return size >= l.journal.bounds.moveAt || size > 0 && l.journal.starving.Load()
}

// unconfirmedError is why a log stops after a sync that failed.
func unconfirmedError(path string, cause error) error {
	return &FileError{Kind: store.ErrStorage, Path: path,
		Reason: fmt.Sprintf("the disk did not confirm a commit (%v)", cause),
		Remedy: "check the disk, then restart; an append that failed may have happened: repeat it with the same record ids"}
}
