package bolt

import (
	"errors"

	"go.etcd.io/bbolt"

	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/internal/ledger"
)

// engine is a Log as what writes its appends.
type engine Log

// Begin implements [ledger.Engine]. What judging asks of the file was looked up when each append was prepared.
func (e *engine) Begin(*batch) (ledger.Turn[look], error) {
	l := (*Log)(e)
	if failed := l.failed.Load(); failed != nil {
		return ledger.Turn[look]{}, failed.err
	}
	return l.turn(), nil
}

// Commit implements [ledger.Engine], in one transaction.
func (e *engine) Commit(b *batch, p *plan) error {
	l, nudged := (*Log)(e), b.Nudged()
	if l.journal != nil {
		return l.journalled(p)
	}
	if failed := l.failed.Load(); failed != nil { // since the turn began
		return failed.err
	}
	if p.Empty() && !nudged {
		return nil
	}
	err := l.write(p, func(f *flush) int {
		if nudged {
			return flushMax
		}
		return l.lazy.pace(f, p)
	})
	if err == nil {
		return nil
	}
	if failed := l.failed.Load(); failed != nil {
		err = failed.err // what the log says from now on: the cause alone may promise that nothing was written
		if errors.Is(err, store.ErrDamaged) {
			err = brokenOffError(l.path)
		}
	}
	return explain(l.path, err)
}

// brokenOffError is the error of appends in whose commit the damage was found. Nobody is told of damage that an append
// may or may not have got past: store.ErrDamaged promises that it did not.
func brokenOffError(path string) error {
	return &FileError{Kind: store.ErrStorage, Path: path, Reason: "a commit broke off: its pages are damaged",
		Remedy: "open it again, or go on from a backup; an append that failed may have happened: repeat it with the same " +
			"record ids"}
}

// write makes a plan durable together with a step of the flush that is under way, and shows it to readers. steps tells
// how many entries that step may have.
func (l *Log) write(p *plan, steps func(*flush) int) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	hashed := p.StartHash()
	defer hashed() // whatever happens: the plan's memory is used again
	frames, ends := p.Frames()
	flushed, err := l.enter(&stretch{first: p.First(), frames: frames, ends: ends, follows: l.follows, plan: p,
		hashed: hashed}, steps)
	if err != nil {
		return err
	}
	if closed := l.lazy.publish(p, flushed); closed != nil {
		l.flush = l.newFlush(closed)
	}
	return nil
}

// stretch is records that go into the file in one transaction, and what the seal becomes by them.
type stretch struct {
	first  uint64 // position of the first, if there is one
	frames []byte // one after another
	ends   []int  // of each in them

	follows string // what the header says after it

	plan   *plan // that they are, where they are of one; hashed waits until it is
	hashed func()

	frontier []byte // where they are of none
	tiles    []seal.Tile
	tree     *seal.Tree // where an opening found them, after them
}

// seal is the frontier after the stretch, nil without a seal, and the tiles that it fills.
func (s *stretch) seal() (frontier []byte, tiles []seal.Tile) {
	if s.plan == nil {
		return s.frontier, s.tiles
	}
	s.hashed()
	tree := s.plan.Tree()
	if tree == nil {
		return nil, nil
	}
	return tree.AppendFrontier(nil), tree.Full()
}

// enter makes a stretch durable in the file together with a step of the flush that is under way, and tells whether that
// is done with it.
func (l *Log) enter(s *stretch, steps func(*flush) int) (flushed bool, err error) {
	done, filled := 0, false
	now := header{identity: l.id(), progress: l.progress, follows: s.follows, journal: l.marked}
	step := l.flush != nil && l.flush.ready()
	last := l.last
	if len(s.ends) > 0 {
		last = s.first + uint64(len(s.ends)) - 1
	}
	l.chunks.cut(s.first, s.frames, s.ends)
	err = guarded(func() error {
		return l.update(func(tx *bbolt.Tx) error {
			if err := l.chunks.write(tx); err != nil {
				return err
			}
			step = step && l.flush.gen.last <= last // what is lazy never leads to a record that is not there
			if step {
				var err error
				if done, err = l.flush.step(tx, steps(l.flush)); err != nil {
					return err
				}
				now.progress = l.flush.progress(done, l.progress)
			}
			frontier, tiles := s.seal()
			if err := writeTiles(tx, tiles); err != nil {
				return err
			}
			now.frontier = frontier
			if err := now.putAfter(tx, l.progress); err != nil {
				return err
			}
			filled = true
			return nil
		})
	})
	if err != nil {
		if filled || isFault(err) {
			l.doubt(err)
		}
		return false, err
	}
	// Two calls to the system, beside two flushes of the disk: nobody is told that a record is kept in a file that is
	// gone.
	if err := l.stillThere(); err != nil {
		err = explain(l.path, err)
		l.fail(&failure{err: err})
		return false, err
	}
	l.progress, l.last, l.frontier, l.follows = now.progress, last, now.frontier, now.follows
	if step {
		l.flush.carried(done)
		if flushed = l.flush.left() == 0; flushed {
			l.flush = nil
		}
	}
	return flushed, nil
}

// flushAll takes everything that memory knows better into the file, for an orderly end.
func (l *Log) flushAll() error {
	for {
		f := l.underWay()
		if f == nil {
			return nil
		}
		<-f.prepared
		if err := l.write(l.newPlan(), func(*flush) int { return flushAllMax }); err != nil {
			return err
		}
	}
}

// underWay is the flush that is under way, or one that is begun; nil where nothing is left. Others may carry it on.
func (l *Log) underWay() *flush {
	l.writing.Lock()
	defer l.writing.Unlock()
	if l.flush == nil {
		if closed := l.lazy.freeze(); closed != nil {
			l.flush = l.newFlush(closed)
		}
	}
	return l.flush
}

// flushAllMax is flushMax where nobody waits for the commit. What a step replaces is free for the next but one, and
// what the last ones replaced stays in bbolt's list of free pages, which every later commit writes again: a large step
// makes it long for good.
const flushAllMax = 2 * flushMax

// doubt decides whether the log can go on after a commit that failed. bbolt undoes most of them; but where the file's
// header is written and only its sync failed, readers see a commit that the disk may not have, and nothing that is
// built on it would be durable. Then, and after a fault, the log stops until it is opened again.
func (l *Log) doubt(cause error) {
	wedged := isFault(cause)
	if !wedged && l.undone() {
		return
	}
	err := explain(l.path, cause)
	if !wedged {
		err = unconfirmedError(l.path, cause)
	}
	l.fail(&failure{err: err, wedged: wedged})
}

// undone tells whether the file shows no commit after the last that is known to be durable. One without records counts,
// too: what the system could not write of it may be missing from under those that come later.
func (l *Log) undone() bool {
	var now int
	err := guarded(func() error {
		return l.db.View(func(tx *bbolt.Tx) error { now = tx.ID(); return nil })
	})
	return err == nil && now == l.commits
}

// update is bbolt's, and remembers which commit was the last that the disk has confirmed.
func (l *Log) update(f func(tx *bbolt.Tx) error) error {
	id := 0
	err := l.db.Update(func(tx *bbolt.Tx) error {
		id = tx.ID()
		return f(tx)
	})
	if err == nil {
		l.commits = id
	}
	return err
}
