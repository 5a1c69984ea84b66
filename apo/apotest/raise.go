package apotest

import (
	"fmt"
	"time"
)

// raisesMax is how often an authorization can be raised, as APO documents it.
const raisesMax = 10

// raise is a try to raise an authorization, as APO's updateAmount makes it.
type raise struct {
	id        string // transactionId
	requestID string // updateRequestId
	total     int64  // what is held once it succeeds
	status    Status
	code      string
	at        time.Time // asked for, and once it ended, when that was
}

// held is how much an authorization holds, or held, before any capture: the ordered amount, or what it was raised to.
func (p *payment) held() int64 {
	most := p.Amount.Minor
	for _, r := range p.raises {
		if r.status == Success {
			most = max(most, r.total)
		}
	}
	return most
}

// told is the paymentAmount of an answer.
func (p *payment) told() Amount {
	if p.keepAmount || !p.twoSteps() {
		return p.Amount
	}
	return of(p.Amount, p.held())
}

// RaiseAuthorization raises what the payment's authorization holds to minor units in all, as another system of the
// merchant does with APO's updateAmount, and returns the updateRequestId, which this merchant never saw. APO notifies
// of it. The rules of updateAmount hold: it takes an authorization that is not captured and not let go, an amount above
// the one before, one raise at a time and at most ten; else the error says with which code APO refuses it.
func (s *Server) RaiseAuthorization(id string, minor int64) (updateRequestID string, err error) {
	return s.raise(id, minor, func(p *payment, r *raise) { s.endRaise(p, r, "") })
}

// StartRaise begins what [Server.RaiseAuthorization] does, and leaves it in process until [Server.FinishRaise].
func (s *Server) StartRaise(id string, minor int64) (updateRequestID string, err error) {
	return s.raise(id, minor, func(*payment, *raise) {})
}

// FinishRaise ends the raise that is in process: with success, or with [CodeDeclined], which leaves the authorization
// what it was. One whose payment was captured or let go meanwhile can only fail.
func (s *Server) FinishRaise(id string, ok bool) error {
	return s.play(id, func(p *payment) error {
		for _, r := range p.raises {
			switch {
			case r.status != Processing:
			case !ok:
				s.endRaise(p, r, CodeDeclined)
				return nil
			case p.raiseCode(s.now()) != "":
				return playError(id, "raised", "APO says "+p.raiseCode(s.now())+"; let it fail")
			default:
				s.endRaise(p, r, "")
				return nil
			}
		}
		return playError(id, "raised", "no raise of it is in process")
	})
}

func (s *Server) raise(id string, minor int64, then func(*payment, *raise)) (updateRequestID string, err error) {
	err = s.play(id, func(p *payment) error {
		code := p.raiseCode(s.now())
		switch {
		case code != "":
		case len(p.raises) == raisesMax:
			code = codeIncremental
		case anyRaise(p, Processing):
			code = codeStatusInvalid
		case minor <= p.held():
			return playError(id, "raised", fmt.Sprintf("it holds %d and is to hold %d: a raise goes up", p.held(), minor))
		}
		if code != "" {
			return playError(id, "raised", "APO says "+code)
		}
		r := &raise{id: s.newID(), requestID: s.newID(), total: minor, status: Processing, at: s.now()}
		p.raises = append(p.raises, r)
		updateRequestID = r.requestID
		then(p, r)
		return nil
	})
	return updateRequestID, err
}

// raiseCode is the code with which a raise is refused for how the payment stands, "" if it is not. What it says after a
// capture is documented; the others are those that a capture is refused with.
func (p *payment) raiseCode(now time.Time) string {
	switch {
	case p.closed == byExpiry, p.twoSteps() && !p.paid.IsZero() && now.After(p.authExpiry):
		return codeAuthExpired
	case p.closed == byIssuer:
		return codeAuthCancelled
	case p.status == Cancelled && !p.lateMoney:
		return codeOrderCanceled
	case !p.twoSteps(), p.paid.IsZero():
		return codeStatusInvalid
	case anyOf(p.captures, takes):
		return codeIncremental
	}
	return ""
}

func anyRaise(p *payment, is Status) bool {
	for _, r := range p.raises {
		if r.status == is {
			return true
		}
	}
	return false
}

// endRaise ends a raise with success, or with the code of its failure, and notifies.
func (s *Server) endRaise(p *payment, r *raise, code string) {
	more := r.total - p.held()
	r.at, r.status, r.code = s.now(), Success, code
	told := result{"S", codeSuccess}
	if code != "" {
		r.status, told = Fail, result{"F", code}
	} else {
		s.write(p, Entry{Kind: Authorized, Amount: of(p.Amount, more), ID: r.id, RequestID: r.requestID, Late: p.late})
	}
	fields := p.fields()
	fields["updateRequestId"], fields["paymentAmount"] = r.requestID, wire(of(p.Amount, r.total))
	s.notify(p, OpNotifyPayment, typeUpdateResult, told, r.requestID, p.NotifyURL, fields)
}

// raiseLines are the raises among a payment's transactions.
func (p *payment) raiseLines() (lines []any) {
	for _, r := range p.raises {
		lines = append(lines, line("INCREMENTAL", r.status, r.id, r.requestID, of(p.Amount, r.total), r.at))
	}
	return lines
}
