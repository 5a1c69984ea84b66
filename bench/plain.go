package main

import (
	"encoding/binary"
	"slices"
	"strings"
	"time"

	"go.etcd.io/bbolt"

	"github.com/tilltape/tilltape/events"
)

// plain is bbolt as most would use it: one transaction an append, with the log and everything that finds a record again
// in it.
type plain struct{ db *bbolt.DB }

// Its buckets.
var (
	plainLog    = []byte("log")    // position → frame
	plainHeads  = []byte("heads")  // order id → version, position, since, due, status
	plainKeys   = []byte("keys")   // lookup key → order id
	plainStatus = []byte("status") // status, since, order id
	plainDue    = []byte("due")    // due, order id
)

// plainMapSize is the address space set aside, so that no append waits for the map to grow.
const plainMapSize = 4 << 30

func openPlain(path string) (keeper, error) {
	k, err := openPlainFile(path)
	if err != nil {
		return nil, err
	}
	return k, nil
}

func openPlainFile(path string) (*plain, error) {
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{InitialMmapSize: plainMapSize, FreelistType: bbolt.FreelistMapType})
	if err != nil {
		return nil, err
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{plainLog, plainHeads, plainKeys, plainStatus, plainDue} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		return nil
	})
	return &plain{db}, err
}

func (k *plain) Append(r *events.Record, after uint64) error {
	frame, err := events.Prepare(*r)
	if err != nil {
		return err
	}
	return k.db.Update(func(tx *bbolt.Tx) error { return plainAppend(tx, r, frame, after) })
}

func plainAppend(tx *bbolt.Tx, r *events.Record, frame events.Prepared, after uint64) error {
	heads, keys, log := tx.Bucket(plainHeads), tx.Bucket(plainKeys), tx.Bucket(plainLog)
	id := []byte(r.Stream.ID)
	old, known := parseHeadValue(heads.Get(id))
	if old.version != after {
		return errStale
	}
	for _, key := range r.Keys {
		if owner := keys.Get([]byte(key)); owner != nil && string(owner) != r.Stream.ID {
			return errTaken
		}
	}
	position, err := log.NextSequence()
	if err != nil {
		return err
	}
	b, err := frame.AppendFrame(make([]byte, 0, frame.SizeMax()), after+1, position, old.position)
	if err != nil {
		return err
	}
	log.FillPercent = 1 // positions only grow
	if err := log.Put(bigEndian(position), b); err != nil {
		return err
	}
	now := headOf(r, after+1, position)
	if known {
		if err := unindex(tx, old, now, id); err != nil {
			return err
		}
	}
	if err := index(tx, old, now, id); err != nil {
		return err
	}
	for _, key := range r.Keys {
		if err := keys.Put([]byte(key), id); err != nil {
			return err
		}
	}
	return heads.Put(id, now.bytes())
}

// headValue is what plain and Pebble keep of a stream.
type headValue struct {
	version, position, since, due uint64
	status                        string
}

func headOf(r *events.Record, version, position uint64) headValue {
	return headValue{version, position, nanos(r.Head.StatusSince), nanos(r.Head.Due), r.Head.Status}
}

func nanos(t time.Time) uint64 {
	if t.IsZero() {
		return 0
	}
	return uint64(t.UnixNano())
}

func bigEndian(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func parseBigEndian(b []byte) uint64 { return binary.BigEndian.Uint64(b) }

// headNumbers is the length of a head's four numbers.
const headNumbers = 4 * 8

func (h headValue) bytes() []byte {
	b := make([]byte, 0, headNumbers+len(h.status))
	for _, n := range []uint64{h.version, h.position, h.since, h.due} {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	return append(b, h.status...)
}

func parseHeadValue(b []byte) (headValue, bool) {
	if len(b) < headNumbers {
		return headValue{}, false
	}
	n := func(i int) uint64 { return binary.BigEndian.Uint64(b[8*i:]) }
	return headValue{n(0), n(1), n(2), n(3), string(b[headNumbers:])}, true
}

func (h headValue) statusKey(id []byte) []byte {
	return slices.Concat([]byte(h.status), []byte{0}, bigEndian(h.since), id)
}

func (h headValue) dueKey(id []byte) []byte { return slices.Concat(bigEndian(h.due), id) }

func (h headValue) sameStatus(o headValue) bool { return h.status == o.status && h.since == o.since }

// unindex takes out what of the old entries no longer holds.
func unindex(tx *bbolt.Tx, old, now headValue, id []byte) error {
	if !old.sameStatus(now) {
		if err := tx.Bucket(plainStatus).Delete(old.statusKey(id)); err != nil {
			return err
		}
	}
	if old.due != 0 && old.due != now.due {
		return tx.Bucket(plainDue).Delete(old.dueKey(id))
	}
	return nil
}

// index puts in what of the new entries is not there yet.
func index(tx *bbolt.Tx, old, now headValue, id []byte) error {
	if !now.sameStatus(old) {
		if err := tx.Bucket(plainStatus).Put(now.statusKey(id), nil); err != nil {
			return err
		}
	}
	if now.due != 0 && now.due != old.due {
		return tx.Bucket(plainDue).Put(now.dueKey(id), nil)
	}
	return nil
}

func (k *plain) Close() error { return k.db.Close() }

// plainFillBatch is how many entries one transaction of the preload holds.
const plainFillBatch = 50_000

// fillPlain puts every bucket's entries in their order: inserted as they come, a million random ids would take bbolt a
// quarter of an hour. Its pages are then half full, which spares later appends some splits.
func fillPlain(path string, c *course, orders int) (err error) {
	k, err := openPlainFile(path)
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := k.Close(); err == nil {
			err = closeErr
		}
	}()
	k.db.NoSync = true
	var heads, keys, status, due []entry
	position := uint64(0)
	err = fillEach(c, orders, plainFillBatch, func(records []events.Record) error {
		log := make([]entry, len(records))
		for i := range records {
			r := &records[i]
			position++
			frame, err := events.Prepare(*r)
			if err != nil {
				return err
			}
			b, err := frame.AppendFrame(nil, 1, position, 0)
			if err != nil {
				return err
			}
			id, h := []byte(r.Stream.ID), headOf(r, 1, position)
			log[i] = entry{string(bigEndian(position)), b}
			heads = append(heads, entry{r.Stream.ID, h.bytes()})
			status = append(status, entry{string(h.statusKey(id)), nil})
			due = append(due, entry{string(h.dueKey(id)), nil})
			for _, key := range r.Keys {
				keys = append(keys, entry{string(key), id})
			}
		}
		return k.put(plainLog, log, 1)
	})
	if err != nil {
		return err
	}
	for _, b := range []struct {
		name    []byte
		entries []entry
	}{{plainHeads, heads}, {plainKeys, keys}, {plainStatus, status}, {plainDue, due}} {
		if err := k.put(b.name, b.entries, bbolt.DefaultFillPercent); err != nil {
			return err
		}
	}
	err = k.db.Update(func(tx *bbolt.Tx) error { return tx.Bucket(plainLog).SetSequence(position) })
	if err != nil {
		return err
	}
	return k.db.Sync()
}

// entry is a key and its value.
type entry struct {
	key   string
	value []byte
}

func (k *plain) put(bucket []byte, entries []entry, fill float64) error {
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.key, b.key) })
	for part := range slices.Chunk(entries, plainFillBatch) {
		err := k.db.Update(func(tx *bbolt.Tx) error {
			b := tx.Bucket(bucket)
			b.FillPercent = fill
			for _, e := range part {
				if err := b.Put([]byte(e.key), e.value); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
