package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store/bolt"
)

// flatResult is what orders keep in the library's memory, as more and more of them are in the log: bytes that live
// after a collection, the most of ten looks in each half.
type flatResult struct {
	Orders        int // each placed, authorized and cancelled
	First, Second uint64
	Rate          float64 // orders a second
}

const (
	// flatWriters are those who place and cancel orders at once.
	flatWriters = 64
	// flatLooks are in each half of the orders.
	flatLooks = 10
)

// memory places, authorizes and cancels orders through the library, on one log.
func (b *bench) memory() (err error) {
	dir, err := os.MkdirTemp(b.dir, "memory-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	log, err := bolt.Open(filepath.Join(dir, logName), nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	cancel, err := wholeCancels(log)
	if err != nil {
		return err
	}
	c := newCourse(timeOrdered)
	part := max(1, b.Tape/(2*flatLooks))
	res := &flatResult{Orders: part * 2 * flatLooks}
	var took time.Duration
	for look := range 2 * flatLooks {
		b.progress("memory, %d orders of %d", look*part, res.Orders)
		from := time.Now()
		err := together(flatWriters, part, func(int) func() error {
			m := c.maker()
			return func() error {
				id, facts := m.newOrder()
				if _, err := log.Append(context.Background(), events.OrderStream(id), 0, facts[0], facts[1]); err != nil {
					return err
				}
				return cancel(id)
			}
		})
		if err != nil {
			return err
		}
		took += time.Since(from)
		most := &res.First
		if look >= flatLooks {
			most = &res.Second
		}
		*most = max(*most, living())
	}
	res.Rate = ratio(float64(res.Orders), took.Seconds())
	b.out.Memory = res
	return nil
}

// living is how many bytes a collection leaves.
func living() uint64 {
	var s runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}

func (r *report) memoryTable() table {
	m := r.Memory
	title := fmt.Sprintf("Memory of the library under %s orders, with a stub for a gateway", count(float64(m.Orders)))
	return table{title: title, words: 1,
		head: []string{"", "first half", "second half", "×", "orders/s"},
		note: "Each order is placed, authorized and cancelled through the library, its gateway answering at once. Bytes " +
			"that live after a collection, the most of ten looks in each half.",
		rows: [][]string{{"alive", megabytes(m.First), megabytes(m.Second), times(float64(m.Second), float64(m.First)),
			count(m.Rate)}}}
}

func megabytes(n uint64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

// flatMost is the most that the second half of a million orders may have beside the first.
const flatMost = 1.1

// memoryMusts are what the design asks of it.
func (r *report) memoryMusts() []figure {
	f := figure{Must: true, What: "memory in the second half of the orders beside the first",
		Limit: fmt.Sprintf("≤ %.1f ×", flatMost)}
	if m := r.Memory; m != nil {
		got := ratio(float64(m.Second), float64(m.First))
		f.Measured, f.Met = fmt.Sprintf("%.2f ×", got), got <= flatMost
		f.Note = fmt.Sprintf("%s to %s, %s orders", megabytes(m.Second), megabytes(m.First), count(float64(m.Orders)))
	}
	return []figure{f}
}
