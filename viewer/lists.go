package viewer

import (
	"context"
	"sync"
	"time"

	"github.com/tilltape/tilltape/store"
)

const (
	// listsAgain is how old the lengths of the lists may be that a page shows while the log is counted.
	listsAgain = 5 * time.Second
	// listsWait is how long a page waits for them: a short log has them by then, and a long one at the next look.
	listsWait = 50 * time.Millisecond
)

// length is how many orders are in a list; of a long one it is known that there are more.
type length struct {
	N           int64
	More, Known bool
}

// lists is how long those lists are that a log's count tells, as long as it does not: the log's indexes are asked then,
// in the background, since each question takes a tenth of a second where much is in memory.
type lists struct {
	mu      sync.Mutex
	known   map[string]length
	at      time.Time     // by the viewer's clock, when they were asked for
	running chan struct{} // closed once they are known; nil: nobody asks
}

// ask has the lists asked for where what is known of them is old; the channel is closed once they are known.
func (l *lists) ask(v *Viewer, now time.Time) <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.running != nil {
		return l.running
	}
	done := make(chan struct{})
	if l.known != nil && now.Sub(l.at) < listsAgain {
		close(done)
		return done
	}
	l.running = done
	asking := func() {
		known := v.lengths(now)
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.running = nil; known != nil {
			l.known, l.at = known, now
		}
		close(done)
	}
	if !v.background(asking) {
		l.running = nil
		close(done)
	}
	return done
}

// wait is what is known, after a moment's patience with who asks.
func (l *lists) wait(ctx context.Context, asked <-chan struct{}) map[string]length {
	timer := time.NewTimer(listsWait)
	defer timer.Stop()
	select {
	case <-asked:
	case <-timer.C:
	case <-ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.known // which is never written to
}

// lengths asks for the lists that need no clock; nil where the log does not tell, or the viewer is closed.
func (v *Viewer) lengths(now time.Time) map[string]length {
	known := map[string]length{}
	for _, l := range listings {
		if l.word == onlyDue {
			continue
		}
		n, err := v.lengthOf(v.life, l.filter(now))
		if err != nil {
			return nil
		}
		known[l.word] = n
	}
	return known
}

// lengthOf asks a log's index how many orders match, up to [CountMax].
func (v *Viewer) lengthOf(ctx context.Context, filter store.Filter) (n length, err error) {
	for _, err := range v.log.Heads(ctx, filter.Limit(CountMax)) {
		if err != nil {
			return length{}, err
		}
		n.N++
	}
	n.More, n.Known = n.N == CountMax, true
	return n, nil
}

// lengths is what was counted.
func (c *counts) lengths() map[string]length {
	known := map[string]length{}
	for _, l := range listings {
		known[l.word] = length{N: c.listed[l.word], Known: true}
	}
	return known
}
