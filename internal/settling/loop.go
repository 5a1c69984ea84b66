package settling

import (
	"context"
	"errors"
	"time"

	"github.com/tilltape/tilltape/store"
)

// Run drives whatever is due until stop ends, and waits for what is under way then: calls may go on for grace, and are
// cut short. It ends with an error where the log is closed.
func (s *Settler) Run(stop context.Context, grace time.Duration, hooks Hooks) error {
	calls, cut := context.WithCancel(context.WithoutCancel(stop))
	defer cut()
	err := s.loop(calls, stop, &hooks)
	timer := time.AfterFunc(grace, cut)
	defer timer.Stop()
	s.driving.Wait()
	return err
}

// loop looks for what is due whenever there may be something, until it is stopped or the log is closed.
func (s *Settler) loop(calls, stop context.Context, hooks *Hooks) error {
	for stop.Err() == nil {
		next, err := s.look(s.newPass(calls, stop, hooks))
		if errors.Is(err, store.ErrClosed) {
			return err
		}
		wake := s.wake
		if pause := s.orders.paused(err); pause > 0 {
			next, wake = s.cfg.Now().Add(pause), nil // what is left due meanwhile would fail as well
			if err != nil {
				hooks.Failed(stop, Trouble{Err: err, Again: next})
			}
		}
		// A clock that is set back during the look must not put off the next one: no wait is longer than LookEvery.
		timer := time.NewTimer(min(next.Sub(s.cfg.Now()), LookEvery))
		select {
		case <-timer.C:
		case <-wake:
		case <-stop.Done():
		}
		timer.Stop()
	}
	return nil
}

// look begins to drive what is due, after the strays where it is time for them, and says when to look again.
func (s *Settler) look(p *pass) (next time.Time, err error) {
	defer func() { p.leave(err) }()
	if p.began.Sub(s.strayed).Abs() >= StraysEvery {
		whole, err := p.walk(p.strays())
		if err != nil {
			return p.next, err
		}
		if whole {
			s.strayed = p.began
		}
	}
	_, err = p.walk(p.due(p.next))
	return p.next, err
}
