package bolt

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"

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
		crowded := l.crowded()
		if !crowded {
			if at, ok := j.space.take(n, live); ok {
				return at, nil
			}
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
		if !crowded {
			j.grow(n, !tried)
		}
		j.starve()
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

// unconfirmedError is why a log stops after a sync that failed.
func unconfirmedError(path string, cause error) error {
	return &FileError{Kind: store.ErrStorage, Path: path,
		Reason: fmt.Sprintf("the disk did not confirm a commit (%v)", cause),
		Remedy: "check the disk, then restart; an append that failed may have happened: repeat it with the same record ids"}
}
