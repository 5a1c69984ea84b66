package bolt

import "github.com/tilltape/tilltape/events"

// confirmCovered checks that the lazy buckets have what the record at the position they cover says. Otherwise a
// position that is too high would make streams unknown that have their first record before it.
func (l *Log) confirmCovered(tx reading, covered uint64) error {
	if covered == 0 {
		return nil
	}
	r, err := newFrames(l, tx).record(covered)
	if err != nil {
		return err
	}
	at, err := l.filedPlace(tx, r.Stream)
	if err != nil {
		return err
	}
	if at.Version < r.Version || at.Position < r.Position || at.Version == r.Version && at.Position != r.Position {
		return l.damagedError("its heads are said to cover position %d, and %s %q is not among them",
			covered, r.Stream.Category, r.Stream.ID)
	}
	return l.confirmKeys(tx, r)
}

// confirmKeys checks that a record that is covered owns its lookup keys.
func (l *Log) confirmKeys(tx reading, r events.Record) error {
	for _, key := range r.Keys {
		owner, ok, err := l.filedOwner(tx, key)
		if err != nil {
			return err
		}
		if !ok || owner != r.Stream {
			return l.damagedError("its lookup keys are said to cover position %d, and %q is not among them", r.Position,
				string(key))
		}
	}
	return nil
}
