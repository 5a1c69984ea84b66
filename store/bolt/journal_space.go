package bolt

import (
	"errors"
	"sync"
)

// space gives out the places of a journal. What it has given out is free again once its group has left the tail: it is
// in the file then, and synced.
type space struct {
	at, limit int64 // the stretch from which records are given places, all of it free

	mu      sync.Mutex
	size    int64 // of the file, written from end to end
	growing bool
	growth  sync.WaitGroup
	failed  error // of the last try to grow
}

// take returns a place for n bytes; false where there is none while all of live is in use.
func (s *space) take(n int64, live tail) (at int64, ok bool) {
	if s.at+n > s.limit && !s.find(n, live) {
		return 0, false
	}
	at = s.at
	s.at += n
	return at, true
}

// find looks for a free stretch of n bytes: on from where it is, from the beginning, or after all that is in use.
func (s *space) find(n int64, live tail) bool {
	s.mu.Lock()
	size := s.size
	s.mu.Unlock()
	beyond := int64(journalBegin)
	for _, g := range live {
		beyond = max(beyond, g.end())
	}
	for _, from := range []int64{s.at, journalBegin, beyond} {
		limit := size
		for _, g := range live {
			if g.end() > from {
				limit = min(limit, max(g.at, from))
			}
		}
		if from+n <= limit {
			s.at, s.limit = from, limit
			return true
		}
	}
	return false
}

// grow makes the journal longer, so that there is room for n bytes more; unless it grows already, or has its full
// length and room for that in it, or has failed to grow and is not to try again. It does so in a goroutine of its own,
// for it writes all that it adds.
func (j *journal) grow(n int64, again bool) {
	s := &j.space
	s.mu.Lock()
	defer s.mu.Unlock()
	long := s.size - journalBegin
	if again {
		s.failed = nil
	}
	if s.growing || s.failed != nil || long >= j.bounds.max && long >= n {
		return
	}
	s.growing = true
	begin, more := s.size, max(j.bounds.step, n)
	s.growth.Go(func() {
		err := j.lay(begin, more)
		if err != nil {
			err = errors.Join(err, j.giveBack(begin)) // a full disk has better use for it
		} else {
			err = j.lengthen(begin + more)
		}
		s.mu.Lock()
		s.growing, s.failed = false, err
		if err == nil {
			s.size = begin + more
		}
		s.mu.Unlock()
		signal(j.freed)
	})
}

// lay writes the zeros that the journal grows by.
func (j *journal) lay(begin, more int64) error {
	for at := begin; at < begin+more; at += blankPiece {
		if err := j.blank(at, min(begin+more-at, blankPiece)); err != nil {
			return err
		}
	}
	return nil
}

// lengthen makes it durable that the journal is so long. What fails may have been written: the file is left as long as
// it is.
func (j *journal) lengthen(length int64) error {
	j.said = max(j.said, length)
	if _, err := j.writeMore(lengthPage(j.id, length), journalHeader); err != nil {
		return err
	}
	return j.syncMore()
}

// giveBack makes the journal so short again, but never shorter than it may say that it is.
func (j *journal) giveBack(size int64) error { return j.cut(max(size, j.said)) }

// failure is why the journal could not grow, nil while it does or did.
func (s *space) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed
}

// filling tells whether so many bytes in use are reason to grow: half of it is left then for what comes while it grows.
func (s *space) filling(used int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return used > s.size/2
}

// signal leaves a token in a channel that holds one.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
