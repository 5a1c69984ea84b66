package settling

import (
	"sync"
	"time"

	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
)

// Bounds of what is left alone.
const (
	RestMax  = time.Minute     // an order that could not be driven
	PauseMax = 5 * time.Second // a log that fails

	restMin     = time.Second
	pauseMin    = 100 * time.Millisecond
	failuresMax = 16   // failures in a row, of whatever orders, until it is the log that fails
	restingMax  = 1024 // orders whose rest is remembered
)

// memory is what one pass knows of the passes before it.
type memory struct {
	now func() time.Time

	mu       sync.Mutex
	busy     map[string]bool // orders that are driven now
	resting  map[string]rest // orders that are due and nothing could be done about
	failures int             // in a row
	pause    time.Duration   // the newest pause; zero: the log works
}

// rest is how long an order is left alone.
type rest struct {
	until time.Time
	wait  time.Duration
}

// free reports whether an order may be driven now, and otherwise until when it rests, unless its drive's end will tell.
func (m *memory) free(id string) (until time.Time, free bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.busy[id] {
		return time.Time{}, false
	}
	until = m.resting[id].until
	return until, !until.After(m.now())
}

// take makes an order busy.
func (m *memory) take(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.busy[id] = true
}

// release lets go of an order that was not driven after all.
func (m *memory) release(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.busy, id)
}

// settled lets go of an order that was driven, and says when one that failed is tried again.
func (m *memory) settled(h store.Head, o *order.Order, err error) (again time.Time) {
	id := h.Stream.ID
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.busy, id)
	switch {
	case err != nil:
		m.failures++
		return m.rest(id, time.Time{})
	case o.Version == h.Version:
		// The list says that it is due and its facts say otherwise, perhaps by the rules of another version of this library.
		m.rest(id, o.NextDue())
	default:
		m.failures, m.pause = 0, 0
		delete(m.resting, id)
	}
	return time.Time{}
}

// rest leaves an order alone for twice as long as the last time, and not before that time. The caller holds mu.
func (m *memory) rest(id string, notBefore time.Time) time.Time {
	if len(m.resting) >= restingMax {
		for other := range m.resting { // whichever: it is only tried again too soon
			delete(m.resting, other)
			break
		}
	}
	wait := min(max(2*m.resting[id].wait, restMin), RestMax)
	until := m.now().Add(wait)
	if until.Before(notBefore) {
		until = notBefore
	}
	m.resting[id] = rest{until: until, wait: wait}
	return until
}

// failing reports whether so much fails that it is the log's fault.
func (m *memory) failing() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.failures >= failuresMax
}

// paused says how long the log is left alone, after a look that ended with err.
func (m *memory) paused(err error) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case err == nil && m.failures < failuresMax:
		if m.failures == 0 {
			m.pause = 0
		}
		return 0
	case err == nil:
		m.failures = failuresMax - 1 // the next one to be driven finds out whether it works again
	}
	m.pause = min(max(2*m.pause, pauseMin), PauseMax)
	return m.pause
}
