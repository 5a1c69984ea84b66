package tilltape

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
	p := events.PartsOf(r.Event)
	if p.Proof.Evidence != nil {
		b.bundle.Messages = append(b.bundle.Messages, messageOf(r, p.Proof.Via, p.Proof.Evidence))
	}
	b.answered(r, &p)
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

// answered puts an answer to its call. What an inquiry's facts say is in the inquiry's own answer already, and an
// anomaly's answer is a late one, perhaps to an operation before the newest.
func (b *bundling) answered(r *events.Record, p *events.Parts) {
	at, known := -1, false
	_, inquiry := r.Event.(events.InquiryAnswered)
	switch {
	case inquiry:
		at, known = b.inquiries[p.Inquiry]
	case p.Stage == events.StageUnresolved, p.Stage != events.StageNone && p.Proof.Via == events.ViaAnswer:
		at, known = b.attempts[p.Attempt]
	}
	if known && b.bundle.Calls[at].Answer == nil {
		b.bundle.Calls[at].Answer = &BundleAnswer{Version: r.Version, At: r.Recorded, Fact: string(r.Event.Kind()),
			Code: p.Code, Message: p.Message, Problem: p.Problem}
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
