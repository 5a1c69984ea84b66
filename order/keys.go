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
	payment := func(id string) {
		if before.PaymentID == "" {
			add(events.KeyPaymentID, id)
		}
	}
	switch e := e.(type) {
	case events.OrderCreated:
		add(events.KeyPaymentRequestID, e.PaymentRequestID)
		add(events.KeyPaymentID, e.PaymentID)
	case events.PaymentPending:
		payment(e.PaymentID)
	case events.PaymentAuthorized:
		payment(e.PaymentID)
	case events.PaymentPaid:
		payment(e.PaymentID)
	case events.PaymentFailed:
		payment(e.PaymentID)
	case events.CancelSucceeded:
		payment(e.PaymentID)
	case events.CaptureRequested:
		add(events.KeyCaptureRequestID, e.CaptureRequestID)
	case events.CaptureSucceeded:
		payment(e.PaymentID)
		if named(before.captures, "", e.CaptureRequestID) < 0 {
			add(events.KeyCaptureRequestID, e.CaptureRequestID)
		}
	case events.CaptureFailed:
		payment(e.PaymentID)
	case events.RefundRequested:
		add(events.KeyRefundRequestID, e.RefundRequestID)
	case events.RefundSucceeded:
		payment(e.PaymentID)
		if named(before.refunds, "", e.RefundRequestID) < 0 {
			add(events.KeyRefundRequestID, e.RefundRequestID)
		}
	case events.RefundHeld:
		payment(e.PaymentID)
		if before.findHeld("", e.RefundRequestID) < 0 {
			add(events.KeyRefundRequestID, e.RefundRequestID)
		}
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
