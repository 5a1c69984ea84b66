package apotest

import "time"

// capture answers a capture. A request id that is known gets its own answer
// again; a new one is judged by the payment as it stands.
func (s *Server) capture(clientID string, r request, pending bool) answer {
	amount, ok := r.CaptureAmount.amount()
	last, said := r.IsLastCapture.truth()
	ok = ok || last && r.CaptureAmount.zero()
	if !ok || !said || r.CaptureRequestID == "" || r.PaymentID == "" {
		return failed(codeParamIllegal)
	}
	id, content := r.key(OpCapture, clientID)
	if known := s.recall(id); known != nil {
		switch {
		case known.content != content:
			return failed(codeInconsistent)
		case known.transfer == nil:
			return failed(known.failure)
		}
		return known.transfer.captureAnswer()
	}
	p := s.find(clientID, r.PaymentID, "")
	if code := p.captureCode(amount, s.now()); code != "" {
		s.remember(id, remembered{content: content, failure: code})
		return failed(code)
	}
	t := s.startCapture(p, amount, string(r.CaptureRequestID))
	t.last = last
	s.remember(id, remembered{content: content, transfer: t})
	if !pending && !s.cfg.Behaviour.AsyncCapture {
		s.endCapture(t, "")
	}
	return t.captureAnswer()
}

// captureCode is the code with which a capture is refused, "" if it is not.
// Capture knows no ORDER_NOT_EXIST: what does not exist has no authorization.
func (p *payment) captureCode(amount Amount, now time.Time) string {
	switch {
	case p == nil:
		return codeAuthNotFound
	case p.closed == byExpiry:
		return codeAuthExpired
	case p.closed == byIssuer:
		return codeAuthCancelled
	case p.status == Cancelled && !p.lateMoney:
		return codeOrderCanceled
	case !p.twoSteps(), p.paid.IsZero(), p.automaticOutstanding():
		return codeStatusInvalid
	case now.After(p.authExpiry):
		return codeAuthExpired
	case anyOf(p.captures, closes):
		return codeAuthCancelled
	case amount.Currency != p.Amount.Currency:
		return codeCurrency
	case amount.Minor == 0 && !p.ZeroCapture:
		return codeParamIllegal
	case amount.Minor == 0:
		return p.zeroCode()
	case p.SingleCapture && anyOf(p.captures, takes):
		return codeMultiCapture
	case add(sum(p.captures, takes), amount.Minor) > p.held():
		return codeCaptureExceed
	}
	return ""
}

// zeroCode refuses a last capture of zero where nothing was captured before it: there a cancel lets go.
func (p *payment) zeroCode() string {
	if !anyOf(p.captures, takes) {
		return codeStatusInvalid
	}
	return ""
}

// takes reports a capture that took, or is about to take, its part of the
// authorization.
func takes(t *transfer) bool { return used(t) || isPending(t) }

// closes reports a capture after which there is no other: it was called the last, and took its part or is about to.
func closes(t *transfer) bool { return t.last && takes(t) }

// automaticOutstanding reports that APO itself is about to capture.
func (p *payment) automaticOutstanding() bool {
	return anyOf(p.captures, func(t *transfer) bool { return t.automatic && isPending(t) })
}

// startCapture files a capture in process.
func (s *Server) startCapture(p *payment, amount Amount, requestID string) *transfer {
	t := &transfer{
		ID: s.newID(), RequestID: requestID, amount: amount, status: Processing, at: s.now(), payment: p,
		notifyURL: p.NotifyURL,
	}
	t.settleAt = s.settleTime()
	p.captures = append(p.captures, t)
	s.book.captures[t.ID] = t
	return t
}

// endCapture ends a capture with success, or with the code of its failure, and
// notifies.
func (s *Server) endCapture(t *transfer, code string) {
	t.ended, t.status, t.code = s.now(), Success, ""
	if code != "" {
		t.status, t.code = Fail, code
	} else if t.amount.Minor > 0 {
		s.write(t.payment, Entry{Kind: Captured, Amount: t.amount, ID: t.ID, RequestID: t.RequestID})
	}
	s.releaseRest(t.payment)
	// While it was in process the authorization could not run out.
	s.wakeAt(t.payment.authExpiry.Add(1))
	s.notifyCapture(t)
}

// captureAnswer is what its request id is told, now and for ever after it ended.
func (t *transfer) captureAnswer() answer {
	fields := map[string]any{
		"captureId": t.ID, "captureRequestId": t.RequestID, "paymentId": t.payment.PaymentID,
		"captureAmount": wire(t.amount),
	}
	switch {
	case t.status == Processing:
		return undecided(codeCaptureInProcess, fields)
	case t.status == Fail && !t.reversed:
		return failed(t.code)
	}
	fields["captureTime"] = isoTime(t.ended)
	fields["acquirerInfo"] = map[string]any{"acquirerName": acquirerName}
	return done(fields)
}

const acquirerName = "Antom"

// settleTime is when what starts now ends by itself, zero if it does not.
func (s *Server) settleTime() time.Time {
	if s.cfg.Behaviour.SettleAfter <= 0 {
		return time.Time{}
	}
	at := s.now().Add(s.cfg.Behaviour.SettleAfter)
	s.wakeAt(at)
	return at
}
