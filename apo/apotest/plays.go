package apotest

// CodeDeclined is the result code of a payment that the buyer's bank declined.
const CodeDeclined = "USER_BALANCE_NOT_ENOUGH"

// play finds a payment by either id and lets act change it. Where several
// merchants are registered, a paymentRequestId means the configured one's.
func (s *Server) play(id string, act func(*payment) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	p := s.book.byRequest[payKey(s.cfg.ClientID, id)]
	if p == nil {
		p = s.book.byID[id]
	}
	if p == nil {
		return playError(id, "found", "nobody called pay for it or registered it")
	}
	return act(p)
}

// Submit lets the buyer pay. A card, and whatever else has a capture mode, is
// authorized and, with automatic capture, its capture is in process from then on;
// all else is paid. Like all plays it takes either id of the payment, and its error
// wraps [ErrPlay].
func (s *Server) Submit(id string) error {
	return s.play(id, func(p *payment) error {
		if p.status != Processing {
			return playError(id, "submitted", "it is "+string(p.status)+"; PayLate pays after a cancel")
		}
		p.status = Success
		s.receive(p)
		return nil
	})
}

// PayLate lets the buyer pay after the cancel, or after the payment's time ran
// out. A cancelled payment stays CANCELLED, and its money is there.
func (s *Server) PayLate(id string) error {
	return s.play(id, func(p *payment) error {
		switch {
		case p.status != Cancelled && p.status != Fail:
			return playError(id, "paid late", "it is "+string(p.status)+"; Submit pays it in time")
		case !p.paid.IsZero():
			return playError(id, "paid late", "the buyer paid it before it was cancelled")
		case p.status == Fail:
			p.status, p.code = Success, ""
		default:
			p.late, p.lateMoney = true, true
		}
		s.receive(p)
		if p.late && s.cfg.Behaviour.ReturnLateMoney {
			s.returnLate(p)
		}
		return nil
	})
}

// receive takes the buyer's money or a hold on it, and notifies.
func (s *Server) receive(p *payment) {
	p.paid, p.paidID = s.now(), s.newID()
	kind := Paid
	if p.twoSteps() {
		kind = Authorized
		p.authExpiry = p.paid.Add(authorizationLife)
		s.wakeAt(p.authExpiry)
	}
	s.write(p, Entry{Kind: kind, Amount: p.Amount, ID: p.paidID, Late: p.late})
	s.notifyPayment(p, typePaymentResult, result{"S", codeSuccess})
	if p.twoSteps() && p.Capture == Automatic && !(p.late && s.cfg.Behaviour.ReturnLateMoney) {
		s.startCapture(p, p.Amount, "").automatic = true
	}
}

// returnLate sends late money back, as an acquirer does by itself.
func (s *Server) returnLate(p *payment) {
	if p.twoSteps() {
		s.release(p, byMerchant)
		return
	}
	t := s.startRefund(p, p.Amount, s.newID())
	t.foreign = true
	s.endRefund(t, "")
}

// Pend tells the merchant that the payment is in process (PAYMENT_PENDING).
func (s *Server) Pend(id string) error {
	return s.play(id, func(p *payment) error {
		if p.status != Processing {
			return playError(id, "pending", "it is "+string(p.status))
		}
		s.notifyPayment(p, typePaymentPending, result{"S", codeSuccess})
		return nil
	})
}

// Decline lets the buyer's bank say no, with [CodeDeclined].
func (s *Server) Decline(id string) error { return s.failUnpaid(id, "declined", CodeDeclined) }

// Expire lets the buyer's time run out now.
func (s *Server) Expire(id string) error { return s.failUnpaid(id, "expired", codeOrderClosed) }

func (s *Server) failUnpaid(id, verb, code string) error {
	return s.play(id, func(p *payment) error {
		if p.status != Processing {
			return playError(id, verb, "it is "+string(p.status))
		}
		s.fail(p, code)
		return nil
	})
}

func (s *Server) fail(p *payment, code string) {
	p.status, p.code = Fail, code
	s.notifyPayment(p, typePaymentResult, result{"F", code})
}

// FinishCapture ends the payment's oldest capture that is in process: with
// success, or with PROCESS_FAIL.
func (s *Server) FinishCapture(id string, ok bool) error {
	return s.play(id, func(p *payment) error {
		for _, t := range p.captures {
			if isPending(t) {
				s.endCapture(t, codeUnless(ok))
				return nil
			}
		}
		return playError(id, "captured", "no capture of it is in process")
	})
}

// FinishRefund ends the payment's oldest refund that is in process: with
// success, or with PROCESS_FAIL.
func (s *Server) FinishRefund(id string, ok bool) error {
	return s.play(id, func(p *payment) error {
		for _, t := range p.refunds {
			if isPending(t) {
				s.endRefund(t, codeUnless(ok))
				return nil
			}
		}
		return playError(id, "refunded", "no refund of it is in process")
	})
}

func codeUnless(ok bool) string {
	if ok {
		return ""
	}
	return codeProcessFail
}

// FailCapture takes back the payment's newest capture after it succeeded, and
// notifies of its failure. Its request id goes on replaying S.
func (s *Server) FailCapture(id string) error {
	return s.play(id, func(p *payment) error {
		for i := len(p.captures) - 1; i >= 0; i-- {
			if t := p.captures[i]; t.status == Success && t.amount.Minor > 0 {
				t.status, t.code, t.reversed = Fail, codeProcessFail, true
				s.write(p, Entry{Kind: Reversed, Amount: t.amount, ID: t.ID, RequestID: t.RequestID})
				s.notifyCapture(t)
				return nil
			}
		}
		return playError(id, "reversed", "no capture of it has succeeded")
	})
}

// FailRefund takes back the payment's newest refund after it succeeded, and
// notifies of its failure: the buyer's bank sent it back. The merchant has the
// money again. Its request id goes on replaying S.
func (s *Server) FailRefund(id string) error {
	return s.play(id, func(p *payment) error {
		for i := len(p.refunds) - 1; i >= 0; i-- {
			if t := p.refunds[i]; t.status == Success {
				t.status, t.code = Fail, codeProcessFail
				s.write(p, Entry{Kind: Restored, Amount: t.amount, ID: t.ID, RequestID: t.RequestID})
				s.notifyRefund(t)
				return nil
			}
		}
		return playError(id, "restored", "no refund of it has succeeded")
	})
}

// DashboardRefund refunds minor units at APO's dashboard, with ids the merchant
// never saw, and returns the refundId. The rules of a refund hold.
func (s *Server) DashboardRefund(id string, minor int64) (refundID string, err error) {
	err = s.play(id, func(p *payment) error {
		if minor <= 0 {
			return playError(id, "refunded", "the amount is not positive")
		}
		if code := s.refundCode(p, of(p.Amount, minor), ""); code != "" {
			return playError(id, "refunded", "APO says "+code)
		}
		t := s.startRefund(p, of(p.Amount, minor), s.newID())
		t.foreign, refundID = true, t.ID
		s.endRefund(t, "")
		return nil
	})
	return refundID, err
}

// DashboardCapture captures minor units at APO's dashboard, with ids the
// merchant never saw, and returns the captureId. The rules of a capture hold.
func (s *Server) DashboardCapture(id string, minor int64) (captureID string, err error) {
	err = s.play(id, func(p *payment) error {
		if minor <= 0 {
			return playError(id, "captured", "the amount is not positive")
		}
		if code := p.captureCode(of(p.Amount, minor), s.now()); code != "" {
			return playError(id, "captured", "APO says "+code)
		}
		t := s.startCapture(p, of(p.Amount, minor), s.newID())
		t.foreign, captureID = true, t.ID
		s.endCapture(t, "")
		return nil
	})
	return captureID, err
}

// VoidAuthorization lets the issuer take an uncaptured authorization back. APO
// sends no notification for it.
func (s *Server) VoidAuthorization(id string) error {
	return s.play(id, func(p *payment) error {
		if !p.twoSteps() || p.paid.IsZero() || p.status != Success || anyOf(p.captures, takes) {
			return playError(id, "voided", "it has no authorization without a capture")
		}
		s.release(p, byIssuer)
		return nil
	})
}

// DenyInquiries has APO answer all inquiries that name the payment's merchant
// account (that name none, if it has none) with a signed ACCESS_DENIED, as it does
// once an account was closed; with deny false it answers them again. Payments,
// refunds and notifications go on as before.
func (s *Server) DenyInquiries(id string, deny bool) error {
	return s.play(id, func(p *payment) error {
		s.book.denied[accountKey(p.ClientID, p.MerchantAccountID)] = deny
		return nil
	})
}

// Status is how far a payment has come, named by either id; "" if there is none.
func (s *Server) Status(id string) Status {
	var status Status
	_ = s.play(id, func(p *payment) error {
		status = p.status
		return nil
	})
	return status
}
