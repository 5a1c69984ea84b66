package evidence

import (
	"context"
	"fmt"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/jsonform"
	"github.com/tilltape/tilltape/order"
)

// Of gathers what is on record of an order. Cost: one read of its stream, held in memory with every message. The error
// wraps [order.ErrUnknownOrder] where there is no such order, and is an *[order.InvalidError] where no log can hold the
// id.
func Of(ctx context.Context, r *tilltape.Reader, id string) (Bundle, error) {
	g := gathering{bundle: Bundle{Format: Format, Made: Time{r.Config().Now().UTC()}, Calls: []Call{},
		Messages: []Message{}, Facts: []Fact{}}}
	for record, err := range r.History(ctx, id) {
		if err != nil {
			return Bundle{}, err
		}
		g.take(&record)
	}
	if g.o.Version == 0 {
		return Bundle{}, fmt.Errorf("evidence of order %q: %w; look for it in another log", id, order.ErrUnknownOrder)
	}
	return g.done(), nil
}

// gathering makes a [Bundle] of an order's records, in order.
type gathering struct {
	bundle    Bundle
	o         order.Order
	attempts  map[uint64]int // the call of each attempt of the newest operation
	intents   map[uint64]int // the first call of each operation
	inquiries map[uint64]int // the call of each inquiry
}

func (g *gathering) take(r *events.Record) {
	g.o = order.Evolve(g.o, *r)
	g.bundle.Facts = append(g.bundle.Facts, Fact{Version: r.Version, Recorded: Time{r.Recorded},
		Occurred: Time{r.Occurred}, Fact: string(r.Event.Kind()), CommandID: r.CommandID, Status: r.Head.Status,
		Phase: r.Head.Phase})
	g.claimed(r)
	p := events.PartsOf(r.Event)
	if p.Proof.Evidence != nil {
		g.bundle.Messages = append(g.bundle.Messages, messageOf(r, p.Proof.Via, p.Proof.Evidence))
	}
	g.answered(r, &p)
}

// claimed adds the call that a claim stands for.
func (g *gathering) claimed(r *events.Record) {
	switch r.Event.(type) {
	case events.CancelRequested, events.CaptureRequested, events.RefundRequested:
		g.attempts = map[uint64]int{}
		if g.intents == nil {
			g.intents = map[uint64]int{}
		}
		g.intents[r.Version] = len(g.bundle.Calls)
	case events.AttemptStarted, events.InquiryStarted:
	default:
		return
	}
	c, ok := g.o.Claimed()
	if !ok {
		return // a record that our rules cannot have written
	}
	made := Call{Call: c.Kind.String(), CommandID: r.CommandID, Attempt: c.Attempt, Version: r.Version,
		Claimed: Time{r.Recorded}, Until: Time{c.Lease}, Request: requestOf(c)}
	if c.IsInquiry() {
		made.Inquiry = c.Number
		if g.inquiries == nil {
			g.inquiries = map[uint64]int{}
		}
		g.inquiries[c.Number] = len(g.bundle.Calls)
	} else {
		g.attempts[c.Attempt] = len(g.bundle.Calls)
	}
	g.bundle.Calls = append(g.bundle.Calls, made)
}

// answered puts an answer to its call. What an inquiry's facts say is in the inquiry's own answer already, and an
// anomaly's answer is a late one, perhaps to an operation before the newest.
func (g *gathering) answered(r *events.Record, p *events.Parts) {
	at, known := -1, false
	_, inquiry := r.Event.(events.InquiryAnswered)
	switch {
	case inquiry:
		at, known = g.inquiries[p.Inquiry]
	case p.Stage == events.StageUnresolved, p.Stage != events.StageNone && p.Proof.Via == events.ViaAnswer:
		at, known = g.attempts[p.Attempt]
	}
	if known && g.bundle.Calls[at].Answer == nil {
		g.bundle.Calls[at].Answer = &Answer{Version: r.Version, At: Time{r.Recorded}, Fact: string(r.Event.Kind()),
			Code: p.Code, Message: p.Message, Problem: p.Problem}
	}
}

func (g *gathering) done() Bundle {
	o := &g.o
	sum := func(minor int64) Amount { return Amount{Currency: o.Amount.Currency, Minor: minor} }
	g.bundle.Order = Order{ID: o.ID, Version: o.Version, Status: o.Status.String(), Since: Time{o.StatusSince},
		PaymentRequestID: o.PaymentRequestID, PaymentID: o.PaymentID, MerchantAccount: o.MerchantAccountID,
		Method: o.Method, CaptureMode: o.CaptureMode.String(),
		Amount: *amountOf(o.Amount), Authorized: sum(o.Authorized), Captured: sum(o.Captured), Refunded: sum(o.Refunded)}
	for _, p := range o.Operations() {
		g.bundle.Open = append(g.bundle.Open, Operation{Operation: p.Verb().String(), CommandID: p.CommandID,
			Phase: p.Phase.String(), Since: Time{p.Since}, Attempts: p.Attempt, Code: p.Code, Parked: Time{p.ParkedAt},
			AskAgain: Time{p.Due},
			Request:  g.asked(p.Intent)})
	}
	for _, a := range o.Anomalies {
		g.bundle.Anomalies = append(g.bundle.Anomalies,
			Anomaly{Version: a.Version, Reason: a.Reason.String(), At: Time{a.At}})
	}
	return g.bundle
}

// asked is what an operation asked for: every attempt's request is equal to the first one's.
func (g *gathering) asked(intent uint64) Request {
	if at, ok := g.intents[intent]; ok && at < len(g.bundle.Calls) {
		return g.bundle.Calls[at].Request
	}
	return Request{}
}

func requestOf(c order.Call) Request {
	r := Request{PaymentID: c.PaymentID, PaymentRequestID: c.PaymentRequestID, MerchantAccount: c.MerchantAccountID,
		Reason: c.Reason}
	switch c.Kind {
	case order.CallCapture:
		r.CaptureRequestID, r.Amount, r.IsLastCapture = c.RequestID, amountOf(c.Amount), c.Last
	case order.CallRefund:
		r.RefundRequestID, r.Amount = c.RequestID, amountOf(c.Amount)
	case order.CallInquireRefund:
		r.RefundRequestID = c.RequestID
	}
	return r
}

func amountOf(m order.Money) *Amount {
	return &Amount{Currency: m.Currency, Minor: m.Minor}
}

func messageOf(r *events.Record, via events.Channel, e *events.Evidence) Message {
	m := Message{Version: r.Version, Via: via.String(), Method: e.Method, Path: e.Path, ClientID: e.ClientID, Time: e.Time,
		KeyVersion: e.KeyVersion, Signature: e.Signature, Body: e.Body}
	m.Decoded, _ = jsonform.AppendMessage(nil, e.Body)
	return m
}
