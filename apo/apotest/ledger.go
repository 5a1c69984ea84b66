package apotest

import (
	"slices"
	"time"
)

// Movement says what an [Entry] did to the buyer's money.
type Movement string

// The movements. What is authorized is held before it is captured; what is paid in
// one step moves when the buyer pays.
const (
	Authorized Movement = "authorized" // held, whatever the method
	Paid       Movement = "paid"       // moved, in one step
	Captured   Movement = "captured"   // moved, out of what is held
	Refunded   Movement = "refunded"   // given back
	Voided     Movement = "voided"     // let go, not moved
	Returned   Movement = "returned"   // given back by the cancel of a paid payment
	Reversed   Movement = "reversed"   // a capture, or a payment in one step, taken back after it succeeded
	Restored   Movement = "restored"   // a refund that was taken back after it succeeded
	Disputed   Movement = "disputed"   // taken from the merchant by a dispute that ended
)

// Entry is one line of the ledger. Only what succeeded is there.
type Entry struct {
	Time             time.Time `json:"time"`
	Kind             Movement  `json:"kind"`
	PaymentID        string    `json:"paymentId"`
	PaymentRequestID string    `json:"paymentRequestId"`
	Amount           Amount    `json:"amount"`
	// ID is APO's id of the movement: transactionId, captureId, refundId or disputeId.
	ID string `json:"id,omitempty"`
	// RequestID is the captureRequestId or refundRequestId, where there is one.
	RequestID string `json:"requestId,omitempty"`
	// Late marks an authorization or payment that came after a cancel.
	Late bool `json:"late,omitempty"`
}

// Totals are the sums of a payment's entries, in minor units.
type Totals struct {
	Currency   string `json:"currency"`
	Authorized int64  `json:"authorized"`
	Paid       int64  `json:"paid"`
	Captured   int64  `json:"captured"`
	Refunded   int64  `json:"refunded"`
	Voided     int64  `json:"voided"`
	Returned   int64  `json:"returned"`
	Reversed   int64  `json:"reversed"`
	Restored   int64  `json:"restored"`
	Disputed   int64  `json:"disputed"`
	// Late is the part of Authorized and Paid that came after a cancel.
	Late int64 `json:"late"`
}

// Kept is what the merchant has.
func (t Totals) Kept() int64 {
	return t.Paid + t.Captured + t.Restored - t.Refunded - t.Returned - t.Reversed - t.Disputed
}

// Held is what is blocked of the buyer's money beside that.
func (t Totals) Held() int64 { return t.Authorized - t.Captured - t.Voided }

func (t *Totals) add(e Entry) {
	t.Currency = e.Amount.Currency
	if sum := t.of(e.Kind); sum != nil {
		*sum = add(*sum, e.Amount.Minor)
	}
	if e.Late {
		t.Late = add(t.Late, e.Amount.Minor)
	}
}

// of is the sum of one kind of movement; nil of a kind that there is not.
func (t *Totals) of(kind Movement) *int64 {
	switch kind {
	case Authorized:
		return &t.Authorized
	case Paid:
		return &t.Paid
	case Captured:
		return &t.Captured
	case Refunded:
		return &t.Refunded
	case Voided:
		return &t.Voided
	case Returned:
		return &t.Returned
	case Reversed:
		return &t.Reversed
	case Restored:
		return &t.Restored
	case Disputed:
		return &t.Disputed
	}
	return nil
}

// write adds a line for a payment, and to the sums under each of its ids.
func (s *Server) write(p *payment, e Entry) {
	e.Time, e.PaymentID, e.PaymentRequestID = s.now().UTC(), p.PaymentID, p.PaymentRequestID
	s.ledger = append(s.ledger, e)
	s.addTo(p.PaymentRequestID, e)
	if p.PaymentID != p.PaymentRequestID {
		s.addTo(p.PaymentID, e)
	}
}

func (s *Server) addTo(id string, e Entry) {
	sums := s.totals[id]
	if sums == nil {
		sums = new(Totals)
		s.totals[id] = sums
	}
	sums.add(e)
}

// Ledger lists all money that moved or was held, in order. The list is the
// caller's.
func (s *Server) Ledger() []Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	return slices.Clone(s.ledger)
}

// Totals are the sums of one payment's entries, named by either id; zero if
// there is no entry. They are kept as the entries come: asking costs the same
// whatever the ledger has.
func (s *Server) Totals(id string) Totals {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	if sums := s.totals[id]; sums != nil {
		return *sums
	}
	return Totals{}
}

// AllTotals sums the ledger for every payment in it, by paymentRequestId.
func (s *Server) AllTotals() map[string]Totals {
	all := map[string]Totals{}
	for _, e := range s.Ledger() {
		t := all[e.PaymentRequestID]
		t.add(e)
		all[e.PaymentRequestID] = t
	}
	return all
}
