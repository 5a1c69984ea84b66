package apotest

import "time"

// settle lets happen whatever the clock says should have happened by now.
func (s *Server) settle() {
	now := s.now()
	if s.book.wake.IsZero() || now.Before(s.book.wake) {
		return
	}
	for _, p := range s.book.payments {
		s.settleOne(p, now)
	}
	s.book.wake = time.Time{}
	for _, p := range s.book.payments {
		p.times(s.wakeAt)
	}
}

// wakeAt sees to it that settle looks again at t. Without it every call would
// walk through all payments.
func (s *Server) wakeAt(t time.Time) {
	if !t.IsZero() && (s.book.wake.IsZero() || t.Before(s.book.wake)) {
		s.book.wake = t
	}
}

// times gives all times at which something happens to the payment by itself.
func (p *payment) times(give func(time.Time)) {
	if p.status == Processing {
		give(p.Expiry)
	}
	for _, list := range [][]*transfer{p.captures, p.refunds} {
		for _, t := range list {
			if isPending(t) {
				give(t.settleAt)
			}
		}
	}
	if p.holds() {
		give(p.authExpiry.Add(1))
	}
}

// holds reports an authorization that still has something to let go.
func (p *payment) holds() bool {
	return !p.authExpiry.IsZero() && (p.status == Success && p.closed == notClosed || p.lateMoney && p.closed != byLast) &&
		!anyOf(p.captures, isPending) && sum(p.captures, used) < p.held()
}

func (s *Server) settleOne(p *payment, now time.Time) {
	due := func(t *transfer) bool {
		return t.status == Processing && !t.settleAt.IsZero() && !now.Before(t.settleAt)
	}
	for _, t := range p.captures {
		if due(t) {
			s.endCapture(t, "")
		}
	}
	for _, t := range p.refunds {
		if due(t) {
			s.endRefund(t, "")
		}
	}
	if p.status == Processing && !now.Before(p.Expiry) {
		s.fail(p, codeOrderClosed)
	}
	p.expireAuthorization(s, now)
}

// expireAuthorization lets go what was authorized and not captured in time. APO
// sends no notification for that.
func (p *payment) expireAuthorization(s *Server, now time.Time) {
	if !p.holds() || !now.After(p.authExpiry) {
		return
	}
	captured := anyOf(p.captures, used)
	s.release(p, byExpiry)
	if captured {
		p.status = Success // what was captured stays; only the rest is gone
	}
}
