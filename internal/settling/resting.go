package settling

import (
	"time"

	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
)

// rest is how long an order is left alone.
type rest struct {
	until time.Time
	wait  time.Duration
}

// free reports whether an order may be driven now, and otherwise until when it rests, unless its drive's end will tell.
func (s *Settler) free(id string) (until time.Time, free bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy[id] {
		return time.Time{}, false
	}
	until = s.resting[id].until
	return until, !until.After(s.cfg.Now())
}

// take makes an order busy.
func (s *Settler) take(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy[id] = true
}

// release lets go of an order that was not driven after all.
func (s *Settler) release(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.busy, id)
}

// settled lets go of an order that was driven, and says when one that failed is tried again.
func (s *Settler) settled(h store.Head, o *order.Order, err error) (again time.Time) {
	id := h.Stream.ID
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.busy, id)
	switch {
	case err != nil:
		s.failures++
		return s.rest(id, time.Time{})
	case o.Version == h.Version:
		// The list says that it is due and its facts say otherwise, perhaps by the rules of another version of this library.
		s.rest(id, o.NextDue())
	default:
		s.failures, s.pause = 0, 0
		delete(s.resting, id)
	}
	return time.Time{}
}

// rest leaves an order alone for twice as long as the last time, and not before that time. The caller holds mu.
func (s *Settler) rest(id string, notBefore time.Time) time.Time {
	if len(s.resting) >= restingMax {
		for other := range s.resting { // whichever: it is only tried again too soon
			delete(s.resting, other)
			break
		}
	}
	wait := min(max(2*s.resting[id].wait, restMin), RestMax)
	until := s.cfg.Now().Add(wait)
	if until.Before(notBefore) {
		until = notBefore
	}
	s.resting[id] = rest{until: until, wait: wait}
	return until
}

// failing reports whether so much fails that it is the log's fault.
func (s *Settler) failing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failures >= failuresMax
}

// paused says how long the log is left alone, after a look that ended with err.
func (s *Settler) paused(err error) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err == nil && s.failures < failuresMax:
		if s.failures == 0 {
			s.pause = 0
		}
		return 0
	case err == nil:
		s.failures = failuresMax - 1 // the next one to be driven finds out whether it works again
	}
	s.pause = min(max(2*s.pause, pauseMin), PauseMax)
	return s.pause
}
