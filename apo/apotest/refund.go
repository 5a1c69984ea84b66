package apotest

// refund answers a refund. S accepts it; how it ends is for the notification and
// inquiryRefund to say.
func (s *Server) refund(clientID string, r request, pending bool) answer {
	amount, ok := r.RefundAmount.amount()
	if !ok || r.RefundRequestID == "" || r.PaymentID == "" {
		return failed(codeParamIllegal)
	}
	id, content := r.key(OpRefund, clientID)
	if known := s.recall(id); known != nil {
		switch {
		case known.content != content:
			return failed(codeInconsistent)
		case known.transfer == nil:
			return failed(known.failure)
		}
		return known.transfer.refundAnswer()
	}
	p := s.find(clientID, r.PaymentID, "")
	if code := s.refundCode(p, amount, string(r.CaptureID)); code != "" {
		s.remember(id, remembered{content: content, failure: code})
		return failed(code)
	}
	t := s.startRefund(p, amount, string(r.RefundRequestID))
	t.captureID, t.inProcess = string(r.CaptureID), pending
	if r.RefundNotifyURL != "" {
		t.notifyURL = string(r.RefundNotifyURL)
	}
	s.remember(id, remembered{content: content, transfer: t})
	if !pending && !s.cfg.Behaviour.AsyncRefund {
		s.endRefund(t, "")
	}
	return t.refundAnswer()
}

// refundCode is the code with which a refund is refused, "" if it is not.
func (s *Server) refundCode(p *payment, amount Amount, captureID string) string {
	switch {
	case p == nil:
		return codeOrderNotExist
	case p.status == Fail:
		return codeOrderClosed
	case p.refundable() == 0:
		return codeStatusInvalid
	case p.NoRefund:
		return codeRefundUnsupported
	case amount.Currency != p.Amount.Currency:
		return codeCurrency
	case s.now().After(p.paid.Add(p.RefundWindow)):
		return codeRefundWindow
	case add(p.refunding(), amount.Minor) > p.refundable():
		return codeRefundExceed
	case p.NoPartialRefund && amount.Minor != p.refundable():
		return codeRefundPartial
	case p.SingleRefund && anyOf(p.refunds, (*transfer).alive):
		return codeRefundMultiple
	}
	if captureID == "" {
		return ""
	}
	c := s.book.captures[captureID]
	if c == nil || c.payment != p || c.status != Success {
		return codeParamIllegal
	}
	of := sum(p.refunds, func(t *transfer) bool { return t.alive() && t.captureID == captureID })
	if add(of, amount.Minor) > c.amount.Minor {
		return codeRefundExceed
	}
	return ""
}

// startRefund files a refund in process.
func (s *Server) startRefund(p *payment, amount Amount, requestID string) *transfer {
	t := &transfer{
		ID: s.newID(), RequestID: requestID, amount: amount, status: Processing, at: s.now(), payment: p,
		notifyURL: p.NotifyURL,
	}
	t.settleAt = s.settleTime()
	p.refunds = append(p.refunds, t)
	s.book.refunds[t.ID] = t
	s.book.refundKeys[key{OpRefund, p.ClientID, requestID}] = t
	return t
}

// endRefund ends a refund with success, or with the code of its failure, and
// notifies.
func (s *Server) endRefund(t *transfer, code string) {
	t.ended, t.status, t.code = s.now(), Success, ""
	if code != "" {
		t.status, t.code = Fail, code
	} else {
		s.write(t.payment, Entry{Kind: Refunded, Amount: t.amount, ID: t.ID, RequestID: t.RequestID})
	}
	s.notifyRefund(t)
}

// refundAnswer is what its request id is told, now and for ever.
func (t *transfer) refundAnswer() answer {
	fields := map[string]any{
		"refundId": t.ID, "refundRequestId": t.RequestID, "paymentId": t.payment.PaymentID,
		"refundAmount": wire(t.amount),
	}
	if t.inProcess && t.status == Processing {
		return undecided(codeRefundInProcess, fields)
	}
	fields["refundTime"] = isoTime(t.at)
	fields["acquirerInfo"] = map[string]any{"acquirerName": acquirerName}
	return done(fields)
}
