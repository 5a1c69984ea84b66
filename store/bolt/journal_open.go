package bolt

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"go.etcd.io/bbolt"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/internal/ledger"
)

// readBack brings into memory what the records of the journal say that the file names, as far as the file does not have
// them. The records themselves stay in the journal until they are asked for. It is called after all that is in the file
// is there.
func (l *Log) readBack(tx reading, h header) error {
	found, err := scanJournal(l.journalAt, l.last)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return l.journalError("its journal %s is missing, in which there may be records that it does not have", l.journalAt)
	case isNewer(err):
		return &FileError{Kind: store.ErrNewerFormat, Path: l.path, Remedy: "upgrade first",
			Reason: fmt.Sprintf("its journal %s is a newer one: %v", l.journalAt, err)}
	case err != nil && !isSystem(err):
		return l.journalError("its journal %s is not what was written: %v", l.journalAt, err)
	case err != nil:
		return err
	case found.id != h.journal || found.origin != h.origin:
		return l.journalError("the file %s is the journal of another log, or of another copy of this one, and not the one "+
			"that it names", l.journalAt)
	case found.begin > l.last:
		return l.journalError("its journal %s was begun after position %d, and the file ends at position %d: it is an older "+
			"one than the journal's", l.journalAt, found.begin, l.last)
	}
	end := l.last
	for _, s := range found.berths {
		if s.first != end+1 {
			return l.journalError("its journal %s has records from position %d on, and none at position %d: what stood there "+
				"is not what was written", l.journalAt, s.first, end+1)
		}
		end = s.last()
	}
	if err := found.fault(end); err != nil {
		return l.journalError("its journal %s is damaged: %v", l.journalAt, err)
	}
	for _, s := range found.berths {
		if err := l.readGroup(tx, &group{berth: s}); err != nil {
			return err
		}
	}
	return nil
}

// readGroup takes into memory what a group of the journal says, once its records are proven to be written after all
// those before them, and to continue their streams.
func (l *Log) readGroup(tx reading, found *group) error {
	active, tree := l.lazy.active, l.lazy.tree
	if found.past != pastOf(tree) {
		return l.journalError("its journal %s has records from position %d on that were not written after those that are "+
			"before them here: one of the two files went another way", l.journalAt, found.first)
	}
	g, err := l.load(found)
	if err != nil {
		return err
	}
	if tree != nil {
		tree = tree.Clone()
	}
	for position := g.first; position <= g.last(); position++ {
		frame := g.frame(position)
		r, err := l.decode(position, frame)
		if err != nil {
			return err
		}
		at, err := l.placeOf(tx, r.Stream)
		if err != nil {
			return err
		}
		if r.Version != at.Version+1 || r.Previous != at.Position {
			return &store.DamagedError{Log: l.name, Position: position, Reason: fmt.Sprintf("the journal's record here is "+
				"version %d of %s %q, and the log has version %d before it", r.Version, r.Stream.Category, r.Stream.ID, at.Version)}
		}
		active.setHead(r.Stream, ledger.Summarize(r))
		for _, key := range r.Keys {
			active.setKey(key, claim{Owner: r.Stream, Position: r.Position})
		}
		if tree != nil {
			tree.Append(seal.LeafHash(frame))
		}
	}
	if tree != nil {
		found.tiles = tree.Full()
	}
	active.last, l.lazy.last, l.lazy.tree = g.last(), g.last(), tree
	l.recovery.Records += uint64(g.count)
	l.waiting.add(found)
	return nil
}

// placeOf is the place of a stream's newest record.
func (l *Log) placeOf(tx reading, of events.Stream) (place, error) {
	memory := l.lazy.layers()
	if s := memory.newest(of); s != nil {
		return s.Place, nil
	}
	return l.filedPlace(tx, of)
}

// emptyJournal takes what the journal holds into the file, and takes the mark off the file: from then on the file is
// the whole log. Only then the journal goes, once it is let go of.
func (l *Log) emptyJournal(letGo func() error) error {
	err := l.moveUntil(context.Background(), l.lazy.end())
	marked := l.marked != ""
	if err == nil && marked {
		err = l.mark("")
	}
	if err = errors.Join(err, letGo()); err != nil || !marked {
		return err // and what is at its path stays
	}
	if err := removeJournal(l.journalAt); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// mark writes into the file which journal it has, or that it has none.
func (l *Log) mark(id string) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	now := l.header()
	now.journal = id
	if err := guarded(func() error {
		return l.update(func(tx *bbolt.Tx) error { return now.put(tx, metaJournal) })
	}); err != nil {
		l.fail(&failure{err: explain(l.path, err), wedged: isFault(err)})
		return err
	}
	l.marked = id
	return nil
}

// useJournal makes a journal and has appends go to it.
func (l *Log) useJournal(bounds moveBounds) error {
	j, err := makeJournal(l.journalAt, l.absolute, journalHead{origin: l.id().origin, begin: l.last},
		pastOf(l.lazy.tree), bounds)
	if err != nil {
		return err
	}
	if err := l.mark(j.id); err != nil {
		return errors.Join(err, j.close())
	}
	l.journal, l.mover = j, j.mover
	return nil
}

// endJournal takes all that is left into the file, once the mover has ended.
func (l *Log) endJournal() error {
	j := l.journal
	j.space.growth.Wait()
	if l.failed.Load() != nil {
		return j.close()
	}
	return l.emptyJournal(func() error { // where another file has its name, that one is not to be removed
		return errors.Join(l.stillThere(), l.journalThere(), j.close())
	})
}

func (l *Log) journalError(format string, args ...any) error {
	return &FileError{Kind: store.ErrDamaged, Path: l.path, Reason: fmt.Sprintf(format, args...),
		Remedy: "put back the two files that belong together, or keep a copy of both and go on from a backup or a salvage"}
}

func (l *Log) inTheWayError(format string, args ...any) error {
	return &FileError{Kind: store.ErrStorage, Path: l.journalAt, Reason: fmt.Sprintf(format, args...),
		Remedy: "move it away, or put back the file that it belongs to; it was not changed"}
}
