package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store/bolt"
)

// tape is our log with whole orders in it, the records of each far apart as in a service's: between two of one order
// lie those of all others that are under way.
type tape struct {
	path   string
	orders int
	sample []string // ids of some of its orders, in no order
}

const (
	tapeWriters  = 1024 // goroutines that make it
	tapeUnderWay = 64   // orders that each has under way at once
)

// theTape makes the tape at its first call.
func (b *bench) theTape() (*tape, error) {
	if b.tape != nil {
		return b.tape, nil
	}
	b.progress("writing %d orders of %d facts", b.Tape, eventsPerOrder)
	t := &tape{path: filepath.Join(b.dir, "tape"), orders: b.Tape}
	if err := t.write(); err != nil {
		return nil, err
	}
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(t.sample),
		func(i, j int) { t.sample[i], t.sample[j] = t.sample[j], t.sample[i] })
	b.tape = t
	return t, nil
}

func (t *tape) write() (err error) {
	log, err := bolt.Open(t.path, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	var mu sync.Mutex
	c := newCourse(random)
	heaps := (t.orders + tapeUnderWay - 1) / tapeUnderWay
	left := t.orders
	return together(tapeWriters, heaps, func(int) func() error {
		m := c.maker()
		return func() error {
			mu.Lock()
			n := min(left, tapeUnderWay)
			left -= n
			mu.Unlock()
			heap := make([][eventsPerOrder]events.Record, n)
			for i := range heap {
				_, heap[i] = m.newOrder()
			}
			for fact := range eventsPerOrder {
				for i := range heap {
					r := heap[i][fact]
					if _, err := log.Append(context.Background(), r.Stream, uint64(fact), r); err != nil {
						return err
					}
				}
			}
			mu.Lock()
			defer mu.Unlock()
			t.sample = append(t.sample, heap[0][0].Stream.ID, heap[n/2][0].Stream.ID)
			return nil
		}
	})
}

// storedEach is what the file takes on the disk for each record.
func (t *tape) storedEach() (float64, error) {
	info, err := os.Stat(t.path)
	if err != nil {
		return 0, err
	}
	return ratio(float64(allocated(info)), float64(t.orders*eventsPerOrder)), nil
}
