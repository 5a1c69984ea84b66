package order

import (
	"slices"
	"strings"
	"time"

	"github.com/tilltape/tilltape/events"
)

// Records makes the records that facts are appended as, in order, after before.Version: what [Decide] decided for the
// command on the order before. Each has its id, the command's id and author, its times, the lookup keys that it makes
// known about the order, and the head after it. A fact that the engine records for an operation bears that operation's
// command id. The order after them comes along.
//
// Of env it takes the time, and an id for each record; actor stands where the command names nobody. taken are lookup
// keys that other orders own: a store refuses an append that has one, and such a fact is recorded without it, and an
// anomaly with it, since no fact that APO signed may be lost for it. Cost: like [Evolve] for each fact, and one slice.
func Records(before Order, c Command, facts []events.Event, env Env, actor string,
	taken ...events.Key) ([]events.Record, Order) {
	env.Now = env.Now.Round(0) // as it will stand on record, without the process's own clock
	m := making{o: before, env: &env, given: Describe(c), stream: events.OrderStream(before.ID),
		records: make([]events.Record, 0, len(facts)+len(taken))}
	m.o.own()
	if create, is := c.(Create); is {
		m.stream = events.OrderStream(create.OrderID)
	}
	if m.given.CommandID == "" {
		m.given.CommandID = before.Operation.CommandID
	}
	if m.given.Actor == "" {
		m.given.Actor = actor
	}
	var anomalies []events.Event
	for _, e := range facts {
		keys := keysOf(&m.o, e)
		free := keys[:0]
		for _, k := range keys {
			if slices.Contains(taken, k) {
				anomalies = append(anomalies, keyTaken(k, e))
			} else {
				free = append(free, k)
			}
		}
		m.add(e, free)
	}
	for _, e := range anomalies { // after the facts: some of those name one another by stream version
		m.add(e, nil)
	}
	return m.records, m.o
}

// making is records under way.
type making struct {
	o       Order
	env     *Env
	given   Description
	stream  events.Stream
	records []events.Record
}

func (m *making) add(e events.Event, keys []events.Key) {
	r := events.Record{ID: m.env.NewID(), Stream: m.stream, Version: m.o.Version + 1, Recorded: m.env.Now,
		Occurred: occurred(e, m.env.Now), CommandID: m.given.CommandID, Actor: m.given.Actor, Event: e}
	if len(keys) > 0 {
		r.Keys = keys
	}
	m.o.fold(&r)
	r.Head = m.o.head()
	m.records = append(m.records, r)
}

// occurred is when the fact happened by APO's word, or now for what we did ourselves.
func occurred(e events.Event, now time.Time) time.Time {
	if at := events.PartsOf(e).At; !at.IsZero() {
		return at
	}
	return now
}

// keysOf returns the lookup keys that a fact makes known about the order, which is the one before it. Notifications
// name payments and requests, not orders; a store finds the order by these keys.
func keysOf(before *Order, e events.Event) []events.Key {
	var keys []events.Key
	add := func(name, value string) {
		// An identifier of others that no key can hold must not keep its fact out of the log.
		if k := events.NewKey(name, value); value != "" && len(k) <= events.KeyMax {
			keys = append(keys, k)
		}
	}
	p := events.PartsOf(e)
	switch e := e.(type) {
	case events.AnomalyObserved: // whose the identifiers are is what it is about, but for the order's own payment's
		if before.PaymentID == "" && before.foreignPayment(&e) {
			add(events.KeyPaymentID, e.PaymentID)
		}
		return keys
	case events.OrderCreated:
		add(events.KeyPaymentRequestID, p.PaymentRequestID)
	}
	if before.PaymentID == "" {
		add(events.KeyPaymentID, p.PaymentID)
	}
	switch p.Stage {
	case events.StageAsked, events.StageSucceeded, events.StageHeld:
	default: // what did not happen may be asked for under the same identifier by somebody else
		return keys
	}
	switch {
	case p.Transfer == events.TransferCapture && before.placed(captures, "", p.RequestID) < 0:
		add(events.KeyCaptureRequestID, p.RequestID)
	case p.Transfer == events.TransferRefund && before.placeOfRefund("", p.RequestID) < 0:
		add(events.KeyRefundRequestID, p.RequestID)
	}
	return keys
}

// keyTaken is the anomaly that goes with a fact whose lookup key another order owns.
func keyTaken(k events.Key, fact events.Event) events.Event {
	name, value, _ := strings.Cut(string(k), ":")
	return events.AnomalyObserved{Reason: events.KeyTaken, Fact: fact.Kind(), RequestID: clipID(string(k)),
		Detail: name + " " + value + " belongs to another order"}
}

// clipID keeps a key within the bound of an identifier; the detail has it whole.
func clipID(s string) string {
	return strings.ToValidUTF8(s[:min(len(s), events.IDMax)], "")
}
