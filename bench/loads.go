package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"time"

	"go.etcd.io/bbolt"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
)

// loadResult is what reading one order among many takes.
type loadResult struct {
	Orders     int // on file
	Warm, Cold timing
	// RawWarm and RawCold are getting the values that hold the order's frames from bbolt by their positions, without
	// looking anything up, decoding, or folding.
	RawWarm, RawCold timing
	Stored           float64 // bytes on the disk a record
}

// timing is how long something took, over many times.
type timing struct{ P50, P99 time.Duration }

func timed(durations []time.Duration) timing {
	return timing{percentile(durations, 0.50), percentile(durations, 0.99)}
}

const (
	warmLoads = 10_000 // orders loaded to come to the warm figures
	coldLoads = 200    // orders of a file none of whose pages are in memory at first
)

// logBucket is where our file keeps frames, by position.
var logBucket = []byte("log")

func (b *bench) loads() error {
	t, err := b.theTape()
	if err != nil {
		return err
	}
	res := &loadResult{Orders: t.orders}
	if res.Stored, err = t.storedEach(); err != nil {
		return err
	}
	warm, cold := t.some(warmLoads), t.some(coldLoads)
	b.progress("loading orders, warm")
	runtime.GC()
	positions := map[string][]uint64{}
	err = t.withLog(func(log store.Log) error {
		if _, err := loadEach(log, warm, positions); err != nil {
			return err
		}
		took, err := loadEach(log, warm, nil)
		res.Warm = timed(took)
		return err
	})
	if err != nil {
		return err
	}
	if err := t.withFile(func(db *bbolt.DB) error {
		if _, err := getEach(db, warm, positions, holds); err != nil {
			return err
		}
		took, err := getEach(db, warm, positions, nil)
		res.RawWarm = timed(took)
		return err
	}); err != nil {
		return err
	}
	b.progress("loading orders, cold")
	if err := b.loadCold(t, res, cold, positions); err != nil {
		return err
	}
	b.out.Load = res
	return nil
}

func (b *bench) loadCold(t *tape, res *loadResult, ids []string, positions map[string][]uint64) error {
	if err := forget(t.path); err != nil {
		b.progress("no cold figures: %v", err)
		return nil
	}
	if err := t.withLog(func(log store.Log) error {
		took, err := loadEach(log, ids, nil)
		res.Cold = timed(took)
		return err
	}); err != nil {
		return err
	}
	if err := forget(t.path); err != nil {
		return err
	}
	return t.withFile(func(db *bbolt.DB) error {
		took, err := getEach(db, ids, positions, nil)
		res.RawCold = timed(took)
		return err
	})
}

// some returns up to n of the sampled ids.
func (t *tape) some(n int) []string { return t.sample[:min(n, len(t.sample))] }

func (t *tape) withLog(do func(store.Log) error) error {
	log, err := bolt.Open(t.path, nil)
	if err != nil {
		return err
	}
	return errors.Join(do(log), log.Close())
}

func (t *tape) withFile(do func(*bbolt.DB) error) error {
	db, err := bbolt.Open(t.path, 0o600, &bbolt.Options{ReadOnly: true})
	if err != nil {
		return err
	}
	return errors.Join(do(db), db.Close())
}

// loadEach reads and folds the orders, one after another, and tells how long each took. It notes their records'
// positions where it is given a map.
func loadEach(log store.Log, ids []string, positions map[string][]uint64) ([]time.Duration, error) {
	took := make([]time.Duration, len(ids))
	for i, id := range ids {
		from := time.Now()
		var o order.Order
		for r, err := range log.Read(context.Background(), events.OrderStream(id), 0) {
			if err != nil {
				return nil, err
			}
			o = order.Evolve(o, r)
			if positions != nil {
				positions[id] = append(positions[id], r.Position)
			}
		}
		took[i] = time.Since(from)
		if o.Status != order.Captured {
			return nil, fmt.Errorf("order %s was loaded %s, and was appended captured", id, o.Status)
		}
	}
	return took, nil
}

// getEach reads the values that hold the orders' frames. A value holds the frames of several positions and stands under
// the last. check, where there is one, is given what was found for each position.
func getEach(db *bbolt.DB, ids []string, positions map[string][]uint64,
	check func(position uint64, value []byte) error) ([]time.Duration, error) {
	took := make([]time.Duration, len(ids))
	var key [8]byte
	bytes := 0
	for i, id := range ids {
		from := time.Now()
		err := db.View(func(tx *bbolt.Tx) error {
			c := tx.Bucket(logBucket).Cursor()
			for _, position := range positions[id] {
				binary.BigEndian.PutUint64(key[:], position)
				_, value := c.Seek(key[:])
				if len(value) == 0 {
					return fmt.Errorf("position %d of order %s is not in the file's log", position, id)
				}
				if check != nil {
					if err := check(position, value); err != nil {
						return err
					}
				}
				bytes += int(value[0]) + int(value[len(value)-1]) // both ends are in memory
			}
			return nil
		})
		took[i] = time.Since(from)
		if err != nil {
			return nil, err
		}
	}
	if bytes == 0 {
		return nil, errors.New("the file's log holds nothing but zeros")
	}
	return took, nil
}

// holds tells whether the value holds the frame of that position, so that what is measured is what is meant: frames,
// and after them six bytes for each.
func holds(position uint64, value []byte) error {
	for frames := 0; len(value) > 6*frames; frames++ {
		size, err := events.FrameSize(value)
		if err != nil {
			return err
		}
		r, err := events.DecodeFrame(value[:size])
		if err != nil {
			return err
		}
		if r.Position == position {
			return nil
		}
		value = value[size:]
	}
	return fmt.Errorf("position %d is not where the file's log says", position)
}
