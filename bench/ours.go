package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
)

// ours is the library's own log through its public interface.
type ours struct{ log store.Log }

func openOurs(path string) (keeper, error) { return openLog(path, nil) }

// openJournal has appends go to a journal beside the file.
func openJournal(path string) (keeper, error) { return openLog(path, &bolt.Config{Journal: true}) }

// openUnsealed makes a log without a seal. That it has none is kept in its file.
func openUnsealed(path string) (keeper, error) { return openLog(path, &bolt.Config{Unsealed: true}) }

func openLog(path string, config *bolt.Config) (keeper, error) {
	log, err := bolt.Open(path, config)
	if err != nil {
		return nil, err
	}
	return ours{log}, nil
}

func (k ours) Append(r *events.Record, after uint64) error {
	_, err := k.log.Append(context.Background(), r.Stream, after, *r)
	switch {
	case errors.Is(err, store.ErrConflict):
		return errors.Join(errStale, err)
	case errors.Is(err, store.ErrKeyTaken):
		return errors.Join(errTaken, err)
	}
	return err
}

func (k ours) Close() error { return k.log.Close() }

// oursSteady is enough to close a generation: what is lazy is on its way into the file then, while the next one
// gathers.
const oursSteady = 50_000

// oursFillWriters is how many goroutines preload at once: their appends share commits.
const oursFillWriters = 2048

func fillOurs(path string, c *course, orders int) error {
	return fillThrough(openOurs, path, c, orders)
}

// fillThrough preloads by ordinary appends of many writers.
func fillThrough(open func(string) (keeper, error), path string, c *course, orders int) (err error) {
	k, err := open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, k.Close()) }()
	return together(oursFillWriters, orders, func(int) func() error {
		m := c.maker()
		return func() error {
			_, facts := m.newOrder()
			return k.Append(&facts[0], 0)
		}
	})
}

// together lets so many goroutines do count things between them. Each gets its own do from worker, which is called for
// one after another. It returns the first error, after all have ended.
func together(workers, count int, worker func(i int) (do func() error)) error {
	var (
		left   atomic.Int64
		failed atomic.Pointer[error]
		all    sync.WaitGroup
	)
	left.Store(int64(count))
	for i := range min(workers, count) {
		do := worker(i)
		all.Go(func() {
			for failed.Load() == nil && left.Add(-1) >= 0 {
				if err := do(); err != nil {
					err = fmt.Errorf("writer %d: %w", i, err)
					failed.CompareAndSwap(nil, &err)
				}
			}
		})
	}
	all.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}

func fillUnsealed(path string, c *course, orders int) error {
	return fillThrough(openUnsealed, path, c, orders)
}
