package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
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

	// Services are the checkout service under load on half of these orders and on all of them.
	Services []servedMemory
}

// servedMemory is what a service keeps while shoppers are at it.
type servedMemory struct {
	Orders   int
	Alive    uint64 // bytes of its own memory that a collection leaves, the shoppers still connected
	Resident uint64 // of its own memory in the machine's, at the most; 0 where the system does not tell
	Commands float64
	Pages    int // of the viewer's, asked for one after another meanwhile
}

const (
	// flatWriters are those who place and cancel orders at once.
	flatWriters = 64
	// flatLooks are in each half of the orders.
	flatLooks = 10
	// servedCells is how many cells' times shoppers are at the service.
	servedCells = 10
)

// memory places, authorizes and cancels orders through the library, on one log, and has the service run on what that
// leaves: a million orders over HTTP would take an hour.
func (b *bench) memory() (err error) {
	dir, err := os.MkdirTemp(b.dir, "memory-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	whole, half := filepath.Join(dir, logName), filepath.Join(dir, "half-"+logName)
	res, err := b.flat(whole, half)
	if err != nil {
		return err
	}
	for i, path := range []string{half, whole} {
		served, err := b.served(path)
		if err != nil {
			return err
		}
		served.Orders = res.Orders / (2 - i)
		res.Services = append(res.Services, served)
	}
	b.out.Memory = res
	return nil
}

// served has shoppers at a service on that log.
func (b *bench) served(log string) (m servedMemory, err error) {
	checkout, simulator, err := b.programs()
	if err != nil {
		return m, err
	}
	b.progress("memory, the service on %s", filepath.Base(log))
	w := &shopping{checkout: checkout, simulator: simulator, keys: filepath.Dir(checkout), log: log}
	var viewer viewing
	w.sample = func(service *program) {
		viewer.next(w.private)
		m.Resident = max(m.Resident, resident(service.Process.Pid))
	}
	lane, err := w.run(servedCells*b.CellTime, func(*program) error {
		collect, err := http.Get(w.private + "/debug/pprof/heap?gc=1")
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, collect.Body)
		if err = errors.Join(err, collect.Body.Close()); err != nil {
			return err
		}
		now, err := w.figures()
		m.Alive = uint64(now.alive)
		return err
	})
	m.Commands, m.Pages = lane.Commands, viewer.pages
	viewer.client.CloseIdleConnections()
	return m, errors.Join(err, viewer.err)
}

// flat places orders on the log, and copies it when half of them are there.
func (b *bench) flat(path, half string) (res *flatResult, err error) {
	log, err := bolt.Open(path, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	cancel, err := wholeCancels(log)
	if err != nil {
		return nil, err
	}
	c := newCourse(timeOrdered)
	part := max(1, b.Tape/(2*flatLooks))
	res = &flatResult{Orders: part * 2 * flatLooks}
	var took time.Duration
	for look := range 2 * flatLooks {
		if look == flatLooks {
			if err := log.Backup(context.Background(), half, nil); err != nil {
				return nil, err
			}
		}
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
			return nil, err
		}
		took += time.Since(from)
		most := &res.First
		if look >= flatLooks {
			most = &res.Second
		}
		*most = max(*most, living())
	}
	res.Rate = ratio(float64(res.Orders), took.Seconds())
	return res, nil
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
	title := fmt.Sprintf("Memory under %s orders", count(float64(m.Orders)))
	t := table{title: title, words: 1,
		head: []string{"", "half of them", "all of them", "×"},
		note: fmt.Sprintf("The library: each order is placed, authorized and cancelled through it, its gateway answering at "+
			"once, %s orders a second; bytes that live after a collection, the most of ten looks in each half. The service: "+
			"a process of its own on the log with half of these orders, and then one on all of them, each with the same "+
			"shoppers for as long, while somebody goes from one of the viewer's pages to the next; what a collection leaves "+
			"at the end, and the most that its own memory took of the machine's, without the file's pages, which are mapped.",
			count(m.Rate)),
		rows: [][]string{{"the library, alive", megabytes(m.First), megabytes(m.Second),
			times(float64(m.Second), float64(m.First))}}}
	if s := m.Services; len(s) == 2 {
		t.rows = append(t.rows, []string{"the service, alive", megabytes(s[0].Alive), megabytes(s[1].Alive),
			times(float64(s[1].Alive), float64(s[0].Alive))},
			[]string{"the service, resident", megabytes(s[0].Resident), megabytes(s[1].Resident),
				times(float64(s[1].Resident), float64(s[0].Resident))},
			[]string{"pages of its viewer", count(float64(s[0].Pages)), count(float64(s[1].Pages)), ""})
	}
	return t
}

func megabytes(n uint64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

// flatMost is the most that the second half of a million orders may have beside the first.
const flatMost = 1.1

// memoryMusts are what the design asks of it.
func (r *report) memoryMusts() []figure {
	limit := fmt.Sprintf("≤ %.1f ×", flatMost)
	library := figure{Must: true, What: "memory in the second half of the orders beside the first", Limit: limit}
	alive := figure{Must: true, What: "a service's memory on all orders beside half", Limit: limit}
	resident := figure{Must: true, What: "the same, in the machine's memory", Limit: limit}
	if m := r.Memory; m != nil {
		library.flat(m.First, m.Second, m.Orders)
		if s := m.Services; len(s) == 2 {
			alive.flat(s[0].Alive, s[1].Alive, m.Orders)
			if s[0].Resident > 0 {
				resident.flat(s[0].Resident, s[1].Resident, m.Orders)
			}
		}
	}
	return []figure{library, alive, resident}
}

// flat says how much more the second is.
func (f *figure) flat(first, second uint64, orders int) {
	got := ratio(float64(second), float64(first))
	f.Measured, f.Met = fmt.Sprintf("%.2f ×", got), got <= flatMost
	f.Note = fmt.Sprintf("%s to %s, %s orders", megabytes(second), megabytes(first), count(float64(orders)))
}
