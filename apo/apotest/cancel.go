package apotest

// cancel answers a cancel: in full or not at all, at once, and without any
// notification.
func (s *Server) cancel(clientID string, r request) answer {
	if r.PaymentID == "" && r.PaymentRequestID == "" {
		return failed(codeParamIllegal)
	}
	p := s.find(clientID, r.PaymentID, r.PaymentRequestID)
	if p == nil || !p.madeFor(r.MerchantAccountID) {
		return failed(codeOrderNotExist)
	}
	if code := s.cancelCode(p); code != "" {
		return failed(code)
	}
	if p.status != Cancelled || p.lateMoney {
		s.release(p, byMerchant)
	}
	return done(map[string]any{
		"paymentId": p.PaymentID, "paymentRequestId": p.PaymentRequestID, "cancelTime": isoTime(p.cancelled),
	})
}

// cancelCode is the code with which a cancel is refused, "" if it is not.
func (s *Server) cancelCode(p *payment) string {
	switch {
	case p.status == Fail:
		return codeOrderClosed
	case anyOf(p.refunds, (*transfer).alive), anyOf(p.captures, used):
		return codeProcessFail
	case anyOf(p.captures, isPending):
		return codeStatusInvalid
	case p.status == Cancelled && !p.lateMoney:
		if s.cfg.Behaviour.RefuseSecondCancel {
			return codeStatusInvalid
		}
		return ""
	}
	return p.windowCode(s.now())
}

// release cancels a payment: what was held is let go, what was paid goes back.
func (s *Server) release(p *payment, why closure) {
	now := s.now()
	if !p.paid.IsZero() {
		v := void{id: s.newID(), at: now}
		kind := Returned
		v.amount = p.held()
		if p.twoSteps() {
			kind = Voided
			v.amount -= sum(p.captures, used)
		}
		p.voids = append(p.voids, v)
		s.write(p, Entry{Kind: kind, Amount: of(p.Amount, v.amount), ID: v.id})
	}
	p.status, p.closed, p.lateMoney = Cancelled, why, false
	p.cancelled = now
	for _, r := range p.raises {
		if r.status == Processing {
			s.endRaise(p, r, codeOrderCanceled)
		}
	}
}

// releaseRest lets go of what a last capture left, once it is known how much that is. The payment goes on.
func (s *Server) releaseRest(p *payment) {
	rest := p.held() - sum(p.captures, used)
	if p.closed == byLast || rest <= 0 || !anyOf(p.captures, closes) || anyOf(p.captures, isPending) {
		return
	}
	v := void{id: s.newID(), amount: rest, at: s.now()}
	p.voids = append(p.voids, v)
	s.write(p, Entry{Kind: Voided, Amount: of(p.Amount, rest), ID: v.id})
	p.closed = byLast
}
