package apotest

import "fmt"

// recall finds what a request id was used for, unless that is forgotten.
func (s *Server) recall(id key) *remembered {
	known := s.book.keys[id]
	if known == nil {
		return nil
	}
	if life := s.cfg.Behaviour.ForgetKeysAfter; life > 0 && !s.now().Before(known.at.Add(life)) {
		return nil
	}
	return known
}

func (s *Server) remember(id key, r remembered) {
	r.at = s.now()
	s.book.keys[id] = &r
}

// ForgetKeys forgets all request ids of captures and refunds, as gateways do
// that keep them for a day: the same id is a new request from now on. What was
// done stays done.
func (s *Server) ForgetKeys() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.book.keys)
}

// key is the request id of a capture or refund with the content that belongs to
// it for ever; its id is empty for every other operation.
func (r request) key(op Op, clientID string) (id key, content string) {
	amount := r.CaptureAmount
	switch op {
	case OpCapture:
	case OpRefund:
		amount = r.RefundAmount
	default:
		return key{}, ""
	}
	parts := []text{r.PaymentID, amount.Currency, amount.Value, r.CaptureID}
	last, _ := r.IsLastCapture.truth()
	return key{op, clientID, r.requestID(op)}, fmt.Sprintf("%q %t", parts, last)
}
