package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// copyBelow is the largest preload, in bytes on the disk, that each cell gets a fresh copy of. A larger one grows from
// cell to cell, by a few hundredths: copying gigabytes would disturb what comes next more than that does.
const copyBelow = 64 << 20

// warmUpShare is the part of a cell's time that passes before anything is counted.
const warmUpShare = 6

// cell is what one contender did under one load: medians over the rounds, but for Max.
type cell struct {
	Orders    int      // on file before
	IDs       ordering // in which order ids follow one another
	Writers   int
	Contender string

	Rates    []float64     // appends a second, by round
	Rate     float64       // their median
	P50, P99 time.Duration // of one append
	Max      time.Duration // the median of the rounds' longest appends
	Longest  time.Duration // the longest of all
	// Written is what it handed to the system to be written, in bytes an event, opening and closing included where the
	// file is a fresh copy; Device is what reached the disk meanwhile, from others too, the file system's own journal
	// included. Below zero: not known.
	Written, Device float64
}

// stored is what a contender's files grew by, where they are large enough that the steps in which they grow do not
// matter.
type stored struct {
	Orders    int
	IDs       ordering
	Contender string
	Events    int64   // appended, in all cells
	Bytes     float64 // on the disk an event
}

// block is a preload and what was measured on it.
type block struct {
	orders int
	ids    ordering
}

// lane is a contender in a block: its file, and the ids that go into it.
type lane struct {
	contender
	course *course
	base   string // the directory of its preload
	fresh  bool   // each cell gets a copy
	grown  int64
	events int64
}

// appends measures every contender under every load.
func (b *bench) appends() error {
	for _, orders := range b.Orders {
		for _, ids := range b.IDs {
			if err := b.appendBlock(block{orders, ids}); err != nil {
				return fmt.Errorf("appends at %d orders, %s ids: %w", orders, ids, err)
			}
		}
	}
	return nil
}

func (b *bench) appendBlock(bl block) error {
	dir, err := os.MkdirTemp(b.dir, "appends-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	lanes, err := b.preload(dir, bl)
	if err != nil {
		return err
	}
	rounds := map[string][]outcome{}
	for round := range b.Rounds {
		for _, writers := range b.Writers {
			for i := range lanes {
				l := &lanes[(i+round)%len(lanes)] // nobody always comes after the same
				b.progress("%d orders, %s ids, round %d of %d: %d writers: %s", bl.orders, bl.ids, round+1, b.Rounds, writers,
					l.Name)
				o, err := b.runCell(dir, l, writers)
				if err != nil {
					return fmt.Errorf("%s, %d writers: %w", l.Name, writers, err)
				}
				key := fmt.Sprint(writers, l.Name)
				rounds[key] = append(rounds[key], o)
			}
		}
	}
	for _, writers := range b.Writers {
		for _, l := range lanes {
			b.out.Appends = append(b.out.Appends, summary(bl, writers, l.Name, rounds[fmt.Sprint(writers, l.Name)]))
		}
	}
	for _, l := range lanes {
		if !l.fresh && l.Name != nameRaw {
			b.out.Stored = append(b.out.Stored,
				stored{bl.orders, bl.ids, l.Name, l.events, ratio(float64(l.grown), float64(l.events))})
		}
	}
	return nil
}

// preload makes every contender's file, as many at once as there are cores. Those that begin from the same are made
// once and copied.
func (b *bench) preload(dir string, bl block) ([]lane, error) {
	all := b.contenders()
	lanes := make([]lane, len(all))
	made := map[string]*lane{}
	var firsts []*lane
	for i, c := range all {
		lanes[i] = lane{contender: c, base: filepath.Join(dir, fmt.Sprint("base-", i)), course: newCourse(bl.ids)}
		if made[c.Base] == nil {
			made[c.Base] = &lanes[i]
			firsts = append(firsts, &lanes[i])
		}
	}
	var next atomic.Int64
	err := together(runtime.GOMAXPROCS(0), len(firsts), func(int) func() error {
		return func() error { return b.fillLane(firsts[next.Add(1)-1], bl) }
	})
	if err != nil {
		return nil, err
	}
	for i := range lanes {
		l := &lanes[i]
		if first := made[l.Base]; first != l {
			l.course = first.course
			if err := copyDir(first.base, l.base); err != nil {
				return nil, err
			}
		}
		size, err := allocatedUnder(l.base)
		if err != nil {
			return nil, err
		}
		l.fresh = size < copyBelow
	}
	return lanes, nil
}

func (b *bench) fillLane(l *lane, bl block) error {
	b.progress("%d orders, %s ids: preloading %s", bl.orders, bl.ids, l.Name)
	if err := os.Mkdir(l.base, 0o700); err != nil {
		return err
	}
	if err := l.fill(filepath.Join(l.base, logName), l.course, bl.orders); err != nil {
		return fmt.Errorf("%s: %w", l.Name, err)
	}
	return nil
}

// logName is the log's file in its directory.
const logName = "log"

// outcome is one cell in one round.
type outcome struct {
	rate          float64
	p50, p99, max time.Duration
	written       float64
	device        float64
}

func (b *bench) runCell(dir string, l *lane, writers int) (outcome, error) {
	at := l.base
	if l.fresh {
		at = filepath.Join(dir, "cell")
		defer os.RemoveAll(at)
		if err := copyDir(l.base, at); err != nil {
			return outcome{}, err
		}
	}
	sizeBefore, err := allocatedUnder(at)
	if err != nil {
		return outcome{}, err
	}
	runtime.GC()
	stop := b.meter()
	k, err := l.open(filepath.Join(at, logName))
	if err != nil {
		return outcome{}, err
	}
	if !l.fresh && l.Steady > 0 {
		if err := bringOn(k, l.course, l.Steady); err != nil {
			return outcome{}, errors.Join(err, k.Close())
		}
		l.events += int64(l.Steady) * eventsPerOrder
	}
	if !l.fresh {
		stop = b.meter()
	}
	o, events, err := load(k, l.course, writers, b.CellTime)
	written, device := int64(notKnown), int64(notKnown)
	if !l.fresh {
		written, device = stop()
	}
	if err := errors.Join(err, k.Close()); err != nil {
		return outcome{}, err
	}
	if l.fresh {
		written, device = stop()
	}
	sizeAfter, err := allocatedUnder(at)
	if err != nil {
		return outcome{}, err
	}
	l.grown += sizeAfter - sizeBefore
	l.events += events
	o.written, o.device = each(written, events), each(device, events)
	return o, nil
}

// turnWith opens a contender of a section that has servers, lets it take its turn and closes it. What is written to the
// disk is not only the contender's there.
func (b *bench) turnWith(c *course, writers int, open func() (keeper, error)) (outcome, error) {
	k, err := open()
	if err != nil {
		return outcome{}, err
	}
	o, _, err := load(k, c, writers, b.CellTime)
	o.written, o.device = notKnown, notKnown
	return o, errors.Join(err, k.Close())
}

// bringOn appends whole orders, of many writers at once.
func bringOn(k keeper, c *course, orders int) error { return wholeOrders(k, c, steadyWriters, orders) }

// wholeOrders appends so many orders with all their facts, of so many writers at once.
func wholeOrders(k keeper, c *course, writers, orders int) error {
	return together(writers, orders, func(int) func() error {
		m := c.maker()
		return func() error {
			_, facts := m.newOrder()
			for i := range facts {
				if err := k.Append(&facts[i], uint64(i)); err != nil {
					return err
				}
			}
			return nil
		}
	})
}

// steadyWriters is how many goroutines do that.
const steadyWriters = 512

// notKnown stands for a number of bytes that the system does not tell.
const notKnown = -1

func each(bytes, events int64) float64 {
	if bytes == notKnown {
		return notKnown
	}
	return ratio(float64(bytes), float64(events))
}

// meter begins to count what is written. The function that it returns tells how much that was until then.
func (b *bench) meter() func() (written, device int64) {
	writtenBefore, writtenKnown := writtenBytes()
	deviceBefore, deviceKnown := deviceBytes(b.dir)
	return func() (written, device int64) {
		written, device = notKnown, notKnown
		if n, known := writtenBytes(); known && writtenKnown {
			written = n - writtenBefore
		}
		if n, known := deviceBytes(b.dir); known && deviceKnown {
			device = n - deviceBefore
		}
		return written, device
	}
}

// load lets so many writers append orders, each one fact after another, and counts what ends within the time. Appends
// that begin within it and end later count among the latencies, so that a stall at its end is not lost.
func load(k keeper, c *course, writers int, cellTime time.Duration) (o outcome, events int64, err error) {
	var (
		ready, all       sync.WaitGroup
		start            = make(chan struct{})
		begin, finish    time.Time
		inTime, appended atomic.Int64
		failed           atomic.Pointer[error]
		latencies        = make([][]time.Duration, writers)
	)
	for i := range writers {
		m := c.maker()
		ready.Add(1)
		all.Go(func() {
			ready.Done()
			<-start
			w := window{begin: begin, finish: finish}
			if err := w.write(k, m); err != nil {
				failed.CompareAndSwap(nil, &err)
			}
			latencies[i] = w.latencies
			inTime.Add(w.inTime)
			appended.Add(w.appended)
		})
	}
	ready.Wait()
	begin = time.Now().Add(cellTime / warmUpShare)
	finish = begin.Add(cellTime)
	close(start)
	all.Wait()
	if err := failed.Load(); err != nil {
		return o, appended.Load(), *err
	}
	every := slices.Concat(latencies...)
	o.rate = float64(inTime.Load()) / cellTime.Seconds()
	o.p50, o.p99, o.max = percentile(every, 0.50), percentile(every, 0.99), percentile(every, 1)
	return o, appended.Load(), nil
}

// window is one writer's share of a cell.
type window struct {
	begin, finish    time.Time
	inTime, appended int64
	latencies        []time.Duration
}

func (w *window) write(k keeper, m *maker) error {
	for {
		id, facts := m.newOrder()
		for i := range facts {
			from := time.Now()
			if from.After(w.finish) {
				return nil
			}
			if err := k.Append(&facts[i], uint64(i)); err != nil {
				return fmt.Errorf("order %s: fact %d: %w", id, i+1, err)
			}
			to := time.Now()
			w.appended++
			if !from.Before(w.begin) {
				w.latencies = append(w.latencies, to.Sub(from))
			}
			if !to.Before(w.begin) && !to.After(w.finish) {
				w.inTime++
			}
		}
	}
}

// summary comes to a cell's figures from its rounds'.
func summary(bl block, writers int, name string, rounds []outcome) cell {
	c := cell{Orders: bl.orders, IDs: bl.ids, Writers: writers, Contender: name}
	var p50, p99, longest []time.Duration
	var written, device []float64
	for _, o := range rounds {
		c.Rates = append(c.Rates, o.rate)
		p50, p99, longest = append(p50, o.p50), append(p99, o.p99), append(longest, o.max)
		written, device = append(written, o.written), append(device, o.device)
	}
	c.Rate, c.P50, c.P99, c.Max = median(c.Rates), median(p50), median(p99), median(longest)
	c.Longest, c.Written, c.Device = percentile(longest, 1), median(written), median(device)
	return c
}
