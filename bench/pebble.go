package main

import (
	"context"
	"errors"
	"hash/maphash"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"

	"github.com/tilltape/tilltape/events"
)

// What Pebble may keep in memory, in bytes.
const (
	pebbleCache    = 256 << 20
	pebbleMemTable = 64 << 20
)

// pebbleStripes is how many locks there are for streams and keys: many more than writers, so that two seldom share one.
const pebbleStripes = 1 << 16

// The first byte of every key says what it is.
const (
	pebbleLog    = 'l' // position → frame
	pebbleHead   = 'h' // order id → headValue
	pebbleKey    = 'k' // lookup key → order id
	pebbleStatus = 's'
	pebbleDue    = 'd'
)

// lsm is a log in Pebble: every append is a batch of its own, and Pebble syncs those that come together at once. Locks
// on the stream and the keys stand in for the transactions that it does not have.
type lsm struct {
	db       *pebble.DB
	position atomic.Uint64
	seed     maphash.Seed
	stripes  []sync.Mutex
}

func openPebble(path string) (keeper, error) {
	k, err := openLSM(path)
	if err != nil {
		return nil, err
	}
	return k, nil
}

// quiet keeps Pebble from telling about itself.
type quiet struct{}

func (quiet) Infof(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}
func (quiet) Fatalf(format string, args ...any) {
	pebble.DefaultLogger.Fatalf(format, args...)
}

func openLSM(path string) (*lsm, error) {
	cache := pebble.NewCache(pebbleCache)
	defer cache.Unref()
	db, err := pebble.Open(path, &pebble.Options{Cache: cache, MemTableSize: pebbleMemTable, Logger: quiet{}})
	if err != nil {
		return nil, err
	}
	k := &lsm{db: db, seed: maphash.MakeSeed(), stripes: make([]sync.Mutex, pebbleStripes)}
	it, err := db.NewIter(&pebble.IterOptions{LowerBound: []byte{pebbleLog}, UpperBound: []byte{pebbleLog + 1}})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if it.Last() {
		k.position.Store(parseBigEndian(it.Key()[1:]))
	}
	return k, it.Close()
}

func tagged(tag byte, key ...[]byte) []byte {
	return slices.Concat([]byte{tag}, slices.Concat(key...))
}

// lock takes the locks of the stream and the keys, always in one order.
func (k *lsm) lock(r *events.Record) (unlock func()) {
	stripes := []int{k.stripe(r.Stream.ID)}
	for _, key := range r.Keys {
		stripes = append(stripes, k.stripe(string(key)))
	}
	slices.Sort(stripes)
	stripes = slices.Compact(stripes)
	for _, i := range stripes {
		k.stripes[i].Lock()
	}
	return func() {
		for _, i := range stripes {
			k.stripes[i].Unlock()
		}
	}
}

func (k *lsm) stripe(text string) int { return int(maphash.String(k.seed, text) % pebbleStripes) }

// get returns a copy of the value, nil where there is none.
func (k *lsm) get(key []byte) ([]byte, error) {
	value, closer, err := k.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return slices.Clone(value), closer.Close()
}

func (k *lsm) Append(r *events.Record, after uint64) error {
	frame, err := events.Prepare(*r)
	if err != nil {
		return err
	}
	defer k.lock(r)()
	id := []byte(r.Stream.ID)
	value, err := k.get(tagged(pebbleHead, id))
	if err != nil {
		return err
	}
	old, _ := parseHeadValue(value)
	if old.version != after {
		return errStale
	}
	for _, key := range r.Keys {
		owner, err := k.get(tagged(pebbleKey, []byte(key)))
		if err != nil {
			return err
		}
		if owner != nil && string(owner) != r.Stream.ID {
			return errTaken
		}
	}
	b := k.db.NewBatch()
	if err := k.write(b, r, frame, old); err != nil {
		return errors.Join(err, b.Close())
	}
	return errors.Join(b.Commit(pebble.Sync), b.Close())
}

// write puts the record and what finds it again into the batch.
func (k *lsm) write(b *pebble.Batch, r *events.Record, frame events.Prepared, old headValue) error {
	id := []byte(r.Stream.ID)
	position := k.position.Add(1)
	now := headOf(r, old.version+1, position)
	bytes, err := frame.AppendFrame(make([]byte, 0, frame.SizeMax()), now.version, position, old.position)
	if err != nil {
		return err
	}
	set := func(key, value []byte) { err = errors.Join(err, b.Set(key, value, nil)) }
	drop := func(key []byte) { err = errors.Join(err, b.Delete(key, nil)) }
	set(tagged(pebbleLog, bigEndian(position)), bytes)
	set(tagged(pebbleHead, id), now.bytes())
	for _, key := range r.Keys {
		set(tagged(pebbleKey, []byte(key)), id)
	}
	if !now.sameStatus(old) {
		if old.version > 0 {
			drop(tagged(pebbleStatus, old.statusKey(id)))
		}
		set(tagged(pebbleStatus, now.statusKey(id)), nil)
	}
	if old.due != now.due {
		if old.due != 0 {
			drop(tagged(pebbleDue, old.dueKey(id)))
		}
		if now.due != 0 {
			set(tagged(pebbleDue, now.dueKey(id)), nil)
		}
	}
	return err
}

func (k *lsm) Close() error { return k.db.Close() }

// pebbleFillBatch is how many orders one batch of the preload holds.
const pebbleFillBatch = 5_000

// fillPebble leaves a tree that has nothing to compact.
func fillPebble(path string, c *course, orders int) (err error) {
	k, err := openLSM(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, k.Close()) }()
	err = fillEach(c, orders, pebbleFillBatch, func(records []events.Record) error {
		b := k.db.NewBatch()
		defer b.Close()
		for i := range records {
			frame, err := events.Prepare(records[i])
			if err != nil {
				return err
			}
			if err := k.write(b, &records[i], frame, headValue{}); err != nil {
				return err
			}
		}
		return b.Commit(pebble.NoSync)
	})
	if err != nil {
		return err
	}
	if err := k.db.Flush(); err != nil {
		return err
	}
	return k.db.Compact(context.Background(), []byte{0}, []byte{0xff}, true)
}
