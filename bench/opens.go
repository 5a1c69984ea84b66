package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store/bolt"
)

// openResult is how long opening the file takes, medians over the rounds.
type openResult struct {
	Orders              int // on file
	CleanWarm           time.Duration
	CleanCold           time.Duration // zero: not known on this system
	Killed, KilledWorst time.Duration // after a writer of 64 goroutines was killed
	KilledOrders        int           // that it had completed before, in the median round
	KilledRecords       uint64        // that the worst opening had to read again
}

const (
	// victimCommand makes this program the one that is killed.
	victimCommand = "append-until-killed"
	victimWriters = 512
	// victimLife is for how many cells' time it appends: long enough to leave a whole generation on its way into the file,
	// and another.
	victimLife = 8
)

func (b *bench) opens() error {
	t, err := b.theTape()
	if err != nil {
		return err
	}
	res := &openResult{Orders: t.orders}
	var warm, cold, killed []time.Duration
	var completed []float64
	for round := range b.Rounds {
		b.progress("opening, round %d of %d", round+1, b.Rounds)
		took, _, _, err := t.open("")
		if err != nil {
			return err
		}
		warm = append(warm, took)
		if forget(t.path) == nil {
			if took, _, _, err = t.open(""); err != nil {
				return err
			}
			cold = append(cold, took)
		}
		last, n, err := kill(t.path, victimLife*b.CellTime)
		if err != nil {
			return err
		}
		took, again, version, err := t.open(last)
		if err != nil {
			return err
		}
		if version != eventsPerOrder {
			return fmt.Errorf("order %s was acknowledged before the kill and is at version %d, not %d", last, version,
				eventsPerOrder)
		}
		res.KilledRecords = max(res.KilledRecords, again)
		killed, completed = append(killed, took), append(completed, float64(n))
	}
	res.CleanWarm, res.CleanCold, res.Killed, res.KilledWorst = median(warm), median(cold), median(killed),
		percentile(killed, 1)
	res.KilledOrders = int(median(completed))
	b.out.Open = res
	return nil
}

// open opens and closes the log, tells how long the former took and how many records it read again, and which version
// the order is at then.
func (t *tape) open(id string) (took time.Duration, again, version uint64, err error) {
	from := time.Now()
	log, err := bolt.Open(t.path, nil)
	took = time.Since(from)
	if err != nil {
		return 0, 0, 0, err
	}
	again = log.Recovery().Records
	if id != "" {
		head, headErr := log.Head(context.Background(), events.OrderStream(id))
		version, err = head.Version, headErr
	}
	return took, again, version, errors.Join(err, log.Close())
}

// kill lets another process append for a while, kills it, and tells how many orders it completed and the last of them.
func kill(path string, after time.Duration) (last string, completed int, err error) {
	self, err := os.Executable()
	if err != nil {
		return "", 0, err
	}
	c := exec.Command(self, victimCommand, path)
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		return "", 0, err
	}
	if err := c.Start(); err != nil {
		return "", 0, err
	}
	var timer *time.Timer
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if timer == nil { // it is at work now, however long opening took
			timer = time.AfterFunc(after, func() { _ = c.Process.Kill() })
			defer timer.Stop()
		}
		last = lines.Text()
		completed++
	}
	_ = c.Wait() // it was killed
	if last == "" {
		return "", 0, errors.New("the process to be killed completed nothing")
	}
	return last, completed, lines.Err()
}

// victim appends orders until it is killed, and tells of each that is complete.
func victim(path string, stdout io.Writer) (status int) {
	k, err := openOurs(path)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		return 1
	}
	c := newCourse(random)
	now := uint64(time.Now().UnixNano())
	c.lanes.Store(now) // ids that neither the tape nor a victim before has
	err = together(victimWriters, 1<<40, func(int) func() error {
		m := c.maker()
		return func() error {
			id, facts := m.newOrder()
			for i := range facts {
				if err := k.Append(&facts[i], uint64(i)); err != nil {
					return err
				}
			}
			_, err := io.WriteString(stdout, id+"\n") // whole lines: a pipe takes so few bytes at once
			return err
		}
	})
	fmt.Fprintln(os.Stderr, "bench:", err)
	return 1
}
