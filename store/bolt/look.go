package bolt

import "github.com/tilltape/tilltape/events"

// look is what the file said about a request's stream and keys before it was queued. It stands as long as no generation
// has left memory since: until then, whatever is newer is still in memory, and memory is asked first.
type look struct {
	epoch  uint64
	newest place
	owners map[events.Key]events.Stream // of the request's keys that somebody owns
}

// lookUp asks the file where memory does not know. It reads the pages that judging the request would need, so that the
// committer, for whom everybody waits, need not.
func (l *Log) lookUp(r *request) (found look, err error) {
	memory := l.lazy.layers()
	found.epoch = memory.epoch
	known := memory.newest(r.Stream) != nil
	var keys []events.Key
	for _, record := range r.Records {
		for _, key := range record.Keys {
			if _, known := memory.owner(key); !known {
				keys = append(keys, key)
			}
		}
	}
	if known && len(keys) == 0 {
		return found, nil
	}
	err = l.view(func(tx reading) error {
		if !known {
			if found.newest, err = l.filedPlace(tx, r.Stream); err != nil {
				return err
			}
			// A stream whose newest record cannot be read is not appended to.
			if found.newest != (place{}) {
				if _, err = l.frameOf(newFrames(l, tx), r.Stream, found.newest); err != nil {
					return err
				}
			}
		}
		for _, key := range keys {
			owner, ok, err := l.filedOwner(tx, key)
			if err != nil {
				return err
			}
			if ok {
				if found.owners == nil {
					found.owners = map[events.Key]events.Stream{}
				}
				found.owners[key] = owner
			}
		}
		return nil
	})
	return found, err
}

// filedPlace returns where the file says that the stream's newest record is, the zero place where it has none for
// certain.
func (l *Log) filedPlace(tx reading, of events.Stream) (place, error) {
	value, found, err := l.entry(tx, bucketHeads, streamKey(of))
	if err != nil || !found {
		return place{}, err
	}
	at, ok := parsePlace(value)
	if !ok || at.Version == 0 || at.Position < at.Version {
		return place{}, l.damagedError("the entry of %s %q is unreadable", of.Category, of.ID)
	}
	return at, nil
}

// filedOwner returns the stream that owns the lookup key by what the file says.
func (l *Log) filedOwner(tx reading, key events.Key) (owner events.Stream, ok bool, err error) {
	value, found, err := l.entry(tx, bucketKeys, ownerKey(key))
	if err != nil || !found {
		return events.Stream{}, false, err
	}
	position, ok := parseShort(value)
	if !ok {
		return events.Stream{}, false, l.damagedError("the owner of the lookup key %q is unreadable", string(key))
	}
	r, err := newFrames(l, tx).record(position)
	if err != nil {
		return events.Stream{}, false, err
	}
	for _, k := range r.Keys {
		if k == key {
			return r.Stream, true, nil
		}
	}
	return events.Stream{}, false,
		l.damagedError("the lookup key %q leads to position %d, whose record does not have it", string(key), position)
}
