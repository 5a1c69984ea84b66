package bolt

import (
	"bytes"
	"errors"
	"io/fs"
	"path/filepath"
)

// leftover tells whether there is a journal that this file does not name and that can go: an opening or a close was cut
// short, between two steps. One that has what the file has not belongs to another file, and then this is not the one to
// go on with. Anything else is in the way only of a journal that is wanted there.
func (l *Log) leftover(wanted bool) (mine bool, err error) {
	found, err := scanJournal(l.journalAt, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil && isSystem(err):
		return false, err
	case err != nil && !wanted, err == nil && found.origin != l.id().origin && !wanted:
		return false, nil
	case err != nil:
		return false, l.inTheWayError("%v", err)
	case found.origin != l.id().origin:
		return false, l.inTheWayError("it is the journal of another log, %q", found.origin)
	case found.last() > l.last || found.begin > l.last:
		return false, l.inTheWayError("it is a journal that this file does not name, with records up to position %d, and "+
			"the file ends at position %d", max(found.last(), found.begin), l.last)
	}
	if err := found.fault(l.last); err != nil {
		return false, l.inTheWayError("it is a journal that this file does not name, and %v: it may have had records that "+
			"the file has not", err)
	}
	return true, l.peek(func(tx reading) error { return l.hasAll(tx, found) })
}

// hasAll holds what a journal has against the file: two copies of one log that went apart have the same positions, and
// so have all logs without a seal.
func (l *Log) hasAll(tx reading, found *scan) error {
	walk := newFrames(l, tx)
	for _, s := range found.berths {
		g, err := s.load(l.journalAt, found.id)
		if err != nil {
			return l.inTheWayError("%v", err)
		}
		for position := g.first; position <= g.last(); position++ {
			filed, err := walk.at(position)
			if err != nil {
				return err
			}
			if !bytes.Equal(filed, g.frame(position)) {
				return l.inTheWayError("it is a journal that this file does not name, and has another record at position %d",
					position)
			}
		}
	}
	return nil
}

// removeLeftover removes a journal that can go.
func (l *Log) removeLeftover(wanted bool) error {
	mine, err := l.leftover(wanted)
	if err != nil || !mine {
		return err
	}
	return removeJournal(l.journalAt)
}

// journalAlone refuses to make a log beside a journal that has records: the file that they belong to is not there.
func journalAlone(path string) error {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	if target, err := journalPath(absolute); err == nil { // of an empty file, or a link to one
		absolute = target
	} else {
		absolute += journalSuffix
	}
	found, err := scanJournal(absolute, 0)
	if err != nil || found.last() == 0 && found.torn <= 1 && found.rotten == 0 {
		return nil // who wants a journal there is told later
	}
	return (&Log{journalAt: absolute}).inTheWayError("it is a journal with records up to position %d, and the log that "+
		"it belongs to is not beside it", max(found.last(), found.torn))
}
