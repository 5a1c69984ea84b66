package evidence

import (
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
)

// bundling makes a [Bundle] of an order's records, in order.
type bundling struct {
	bundle    Bundle
	o         order.Order
	attempts  map[uint64]int // the call of each attempt of the newest operation
	inquiries map[uint64]int // the call of each inquiry
}

func (b *bundling) take(r *events.Record) {
	b.o = order.Evolve(b.o, *r)
	b.bundle.Facts = append(b.bundle.Facts, BundleFact{Version: r.Version, Recorded: r.Recorded, Occurred: r.Occurred,
		Fact: string(r.Event.Kind()), CommandID: r.CommandID, Status: r.Head.Status, Phase: r.Head.Phase})
	b.claimed(r)
	s := saidIn(r.Event)
	if s.proof.Evidence != nil {
		b.bundle.Messages = append(b.bundle.Messages, messageOf(r, s.proof.Via, s.proof.Evidence))
	}
	b.answered(r, &s)
}

// claimed adds the call that a claim stands for.
func (b *bundling) claimed(r *events.Record) {
	switch r.Event.(type) {
	case events.CancelRequested, events.CaptureRequested, events.RefundRequested:
		b.attempts = map[uint64]int{}
	case events.AttemptStarted, events.InquiryStarted:
	default:
		return
	}
	c, ok := b.o.Claimed()
	if !ok {
		return // a record that our rules cannot have written
	}
	made := BundleCall{Call: c.Kind.String(), CommandID: r.CommandID, Attempt: c.Attempt, Version: r.Version, Claimed: r.Recorded,
		Until: c.Lease, Request: requestOf(c)}
	if c.IsInquiry() {
		made.Inquiry = c.Number
		if b.inquiries == nil {
			b.inquiries = map[uint64]int{}
		}
		b.inquiries[c.Number] = len(b.bundle.Calls)
	} else {
		b.attempts[c.Attempt] = len(b.bundle.Calls)
	}
	b.bundle.Calls = append(b.bundle.Calls, made)
}

// answered puts an answer to its call. What an inquiry's facts say is in the inquiry's own answer already.
func (b *bundling) answered(r *events.Record, s *said) {
	at, known := -1, false
	switch {
	case s.inquiry != 0:
		at, known = b.inquiries[s.inquiry]
	case s.attempt != 0:
		at, known = b.attempts[s.attempt]
	}
	if known && b.bundle.Calls[at].Answer == nil {
		b.bundle.Calls[at].Answer = &BundleAnswer{Version: r.Version, At: r.Recorded, Fact: string(r.Event.Kind()), Code: s.code,
			Message: s.message, Problem: s.problem}
	}
}

func (b *bundling) done() Bundle {
	o := &b.o
	b.bundle.Order = BundleOrder{ID: o.ID, Version: o.Version, Status: o.Status.String(), Since: o.StatusSince,
		PaymentRequestID: o.PaymentRequestID, PaymentID: o.PaymentID, Method: o.Method, CaptureMode: o.CaptureMode.String(),
		Amount: *amountOf(o.Amount), Authorized: o.Authorized, Captured: o.Captured, Refunded: o.Refunded}
	if p := &o.Operation; p.Outstanding() {
		b.bundle.Open = &BundleOperation{Operation: p.Verb().String(), CommandID: p.CommandID, Phase: p.Phase.String(), Since: p.Since,
			Attempts: p.Attempt, Code: p.Code, Parked: p.ParkedAt, AskAgain: o.NextDue(), Request: b.asked()}
	}
	for _, a := range o.Anomalies {
		b.bundle.Anomalies = append(b.bundle.Anomalies, BundleAnomaly{Version: a.Version, Reason: a.Reason.String(), At: a.At})
	}
	return b.bundle
}

// asked is what the newest operation asked for: every attempt's request is equal to the first one's.
func (b *bundling) asked() BundleRequest {
	if at, ok := b.attempts[1]; ok {
		return b.bundle.Calls[at].Request
	}
	return BundleRequest{}
}

// said is what a record keeps of a message, or of there being none.
type said struct {
	proof                  events.Proof
	code, message, problem string
	attempt, inquiry       uint64 // that it answers; 0: it does not
}

// saidIn finds it in a fact.
func saidIn(e events.Event) said {
	proven := func(p events.Proof, code, message string) said {
		s := said{proof: p, code: code, message: message}
		if p.Via == events.ViaAnswer {
			s.attempt = p.Attempt
		}
		return s
	}
	unresolved := func(u *events.Unresolved) said {
		return said{proof: u.Proof, code: u.Code, message: u.Message, problem: u.Problem, attempt: u.Attempt}
	}
	switch e := e.(type) {
	case events.PaymentPending:
		return proven(e.Proof, "", "")
	case events.PaymentAuthorized:
		return proven(e.Proof, "", "")
	case events.PaymentPaid:
		return proven(e.Proof, "", "")
	case events.PaymentFailed:
		return proven(e.Proof, e.Code, "")
	case events.CancelSucceeded:
		return proven(e.Proof, "", "")
	case events.CancelFailed:
		return proven(e.Proof, e.Code, e.Message)
	case events.CancelUnresolved:
		return unresolved(&e.Unresolved)
	case events.CaptureAccepted:
		return proven(e.Proof, e.Code, "")
	case events.CaptureSucceeded:
		return proven(e.Proof, "", "")
	case events.CaptureFailed:
		return proven(e.Proof, e.Code, e.Message)
	case events.CaptureUnresolved:
		return unresolved(&e.Unresolved)
	case events.RefundAccepted:
		return proven(e.Proof, e.Code, "")
	case events.RefundSucceeded:
		return proven(e.Proof, "", "")
	case events.RefundFailed:
		return proven(e.Proof, e.Code, e.Message)
	case events.RefundUnresolved:
		return unresolved(&e.Unresolved)
	case events.RefundHeld:
		return proven(e.Proof, "", "")
	case events.InquiryAnswered:
		return said{proof: events.Proof{Via: events.ViaInquiry, Evidence: e.Evidence}, code: e.Code, problem: e.Problem, inquiry: e.Number}
	case events.AnomalyObserved:
		return said{proof: e.Proof} // an answer here is a late one, perhaps to an operation before the newest
	}
	return said{}
}
