package main

import (
	"context"
	"time"

	"github.com/tilltape/tilltape/order"
)

// orderView is an order as our clients see it. Amounts read like "USD 10.00".
type orderView struct {
	Order     string   `json:"order"`
	Status    string   `json:"status"`
	Words     string   `json:"words"` // the status, or what is under way
	Attention []string `json:"attention,omitempty"`
	Amount    string   `json:"amount"`
	Captured  string   `json:"captured"`
	Refunded  string   `json:"refunded"`
	PayURL    string   `json:"payUrl,omitempty"` // where the buyer pays: when the order is placed, and then no more

	Actions []actionView `json:"actions,omitempty"`
	History []factView   `json:"history,omitempty"`
}

// actionView says whether a command would be taken now, and if not why and what to do instead.
type actionView struct {
	Command string `json:"command"`
	Legal   bool   `json:"legal"`
	Max     string `json:"max,omitempty"`
	Reason  string `json:"reason,omitempty"`
	Why     string `json:"why,omitempty"`
	Remedy  string `json:"remedy,omitempty"`
}

// factView is one record without its evidence, which holds a buyer's data and stays in the log.
type factView struct {
	Version uint64    `json:"version"`
	At      time.Time `json:"at"`
	Fact    string    `json:"fact"`
	By      string    `json:"by"`
	Command string    `json:"commandId,omitempty"`
}

func viewOf(o *order.Order) orderView {
	money := func(minor int64) string { return order.Money{Minor: minor, Currency: o.Amount.Currency}.String() }
	return orderView{Order: o.ID, Status: o.Status.String(), Words: o.Words(), Attention: o.Head().Attention(),
		Amount: o.Amount.String(), Captured: money(o.Captured), Refunded: money(o.Refunded)}
}

// whole is the order with what it would take and how it came about: one read of its stream, so that all of it is the
// order at one moment.
func (s *shop) whole(ctx context.Context, id string) (orderView, error) {
	var o order.Order
	var facts []factView
	for r, err := range s.Orders.History(ctx, id) {
		if err != nil {
			return orderView{}, err
		}
		o = order.Evolve(o, r)
		facts = append(facts,
			factView{Version: r.Version, At: r.Occurred, Fact: string(r.Event.Kind()), By: r.Actor, Command: r.CommandID})
	}
	if o.Version == 0 {
		return orderView{}, order.ErrUnknownOrder
	}
	v := viewOf(&o)
	v.History = facts
	cfg := s.Orders.Config()
	for _, a := range o.Actions(order.Env{Now: cfg.Now(), Policy: cfg.Policy}) {
		if a.Verb != order.VerbCancel && a.Verb != order.VerbCapture && a.Verb != order.VerbRefund {
			continue // not to be had over HTTP here
		}
		line := actionView{Command: a.Verb.String(), Legal: a.Legal}
		if a.Max.Minor > 0 {
			line.Max = a.Max.String()
		}
		if no := a.Rejected; no != nil {
			line.Reason, line.Why, line.Remedy = no.Reason.String(), no.Why(), no.Remedy
		}
		v.Actions = append(v.Actions, line)
	}
	return v, nil
}
