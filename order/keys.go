package order

import (
	"strings"

	"github.com/tilltape/tilltape/events"
)

// Keys returns the lookup keys that a fact makes known about the order, which is the one before it. Notifications name
// payments and requests, not orders; a store finds the order by these keys.
func Keys(before Order, e events.Event) []events.Key {
	var keys []events.Key
	add := func(name, value string) {
		// An identifier of others that no key can hold must not keep its fact out of the log.
		if k := events.NewKey(name, value); value != "" && len(k) <= events.KeyMax {
			keys = append(keys, k)
		}
	}
	p := events.PartsOf(e)
	switch e.(type) {
	case events.AnomalyObserved: // whose the identifiers are is what it is about
		return nil
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
	case p.Transfer == events.TransferCapture && named(before.captures, "", p.RequestID) < 0:
		add(events.KeyCaptureRequestID, p.RequestID)
	case p.Transfer == events.TransferRefund && before.placeOfRefund("", p.RequestID) < 0:
		add(events.KeyRefundRequestID, p.RequestID)
	}
	return keys
}

// KeyTaken is the anomaly that goes with a fact whose lookup key belongs to another order: the fact is kept, without the
// key.
func KeyTaken(k events.Key, fact events.Event) events.Event {
	return events.AnomalyObserved{Reason: events.KeyTaken, Fact: fact.Kind(), RequestID: clipID(string(k)),
		Detail: "the lookup key " + string(k) + " belongs to another order"}
}

// clipID keeps a key within the bound of an identifier; the detail has it whole.
func clipID(s string) string {
	return strings.ToValidUTF8(s[:min(len(s), events.IDMax)], "")
}
