package apotest

import "time"

// FailPayment takes the payment itself back after it succeeded, as long as nothing is captured or refunded of it, and
// notifies of its failure. What was held or paid is with the buyer again. [Server.PayLate] lets the buyer pay after
// all.
func (s *Server) FailPayment(id string) error {
	return s.play(id, func(p *payment) error {
		if p.status != Success || p.paid.IsZero() || anyOf(p.captures, takes) || anyOf(p.refunds, (*transfer).alive) {
			return playError(id, "failed", "it is "+string(p.status)+", or some of it is captured or refunded")
		}
		kind := Reversed
		if p.twoSteps() {
			kind = Voided
		}
		s.write(p, Entry{Kind: kind, Amount: of(p.Amount, p.held()), ID: p.paidID, Late: p.late})
		for _, r := range p.raises {
			if r.status == Success {
				r.status, r.code = Fail, codeProcessFail
			}
		}
		p.paid, p.paidID, p.authExpiry = time.Time{}, "", time.Time{}
		s.fail(p, codeProcessFail)
		return nil
	})
}

// CorrectPayment has APO tell another amount of a payment that succeeded, from now on, and notify of it. It covers what
// is captured and refunded; an authorization that was raised takes none.
func (s *Server) CorrectPayment(id string, minor int64) error {
	return s.play(id, func(p *payment) error {
		moved := max(sum(p.captures, takes), p.refunding(), 1)
		if p.status != Success || p.paid.IsZero() || len(p.raises) > 0 || minor < moved || minor == p.Amount.Minor {
			return playError(id, "corrected", "it is "+string(p.status)+", was raised, or more of it has moved")
		}
		more, less := Paid, Reversed
		if p.twoSteps() {
			more, less = Authorized, Voided
		}
		e := Entry{Kind: more, Amount: of(p.Amount, minor-p.Amount.Minor), ID: p.paidID, Late: p.late}
		if minor < p.Amount.Minor {
			e.Kind, e.Amount.Minor = less, -e.Amount.Minor
		}
		s.write(p, e)
		p.Amount.Minor = minor
		s.notifyPayment(p, typePaymentResult, result{"S", codeSuccess})
		return nil
	})
}
