package order

import (
	"time"

	"github.com/tilltape/tilltape/events"
)

// held is what of the late money is only held: a cancel releases it.
func (l Late) held() int64 { return max(l.Authorized-l.Captured, 0) }

// owed is what of the late money moved and has not gone back: a refund returns it.
func (l Late) owed() int64 { return l.Captured - l.Refunded }

// returnable is what of that a dispute has not taken either.
func (l Late) returnable() int64 { return l.owed() - l.Disputed }

// late returns the open anomaly of the late money.
func (o *Order) late() (Anomaly, bool) { return o.anomalyFor(events.LatePayment) }

// lateRecord is the record that tells of the late money: the anomaly, as long as it is open; once a person has cleared
// that, which changes no amount, the newest fact that has some.
func (o *Order) lateRecord() Cause {
	if a, open := o.late(); open {
		return Cause{Version: a.Version, At: a.At}
	}
	c := Cause{}
	if o.known.has(knownLate) {
		c = o.paymentMark.cause()
		c.ID = ""
	}
	for i := range o.book {
		if t := &o.book[i]; t.has(markLate) && t.is(transferCounted) && uint64(t.version) > c.Version {
			c = Cause{Version: uint64(t.version)}
		}
	}
	return c
}

// decideCompensate begins the operation that gives late money back. Its intent names the record that tells of it.
func decideCompensate(o *Order, c *Compensate, env *Env) ([]events.Event, error) {
	if err := checkAuthor(o.ID, "compensate", c.CommandID, c.Actor); err != nil {
		return nil, err
	}
	if m, known := o.recall(c.CommandID); known {
		return nil, o.again(c.CommandID, m, contentOf(VerbCompensate, Money{}, false, ""))
	}
	if _, rejected := o.permit(&question{verb: VerbCompensate}, env); rejected != nil {
		return nil, rejected
	}
	late := o.lateRecord()
	lease := env.Now.Add(env.Policy.lease())
	if o.Late.returnable() <= 0 {
		return []events.Event{events.CancelRequested{By: o.identifier(), Reason: compensationReason,
			Compensates: late.Version, Lease: lease, Trace: env.Trace}}, nil
	}
	id, err := o.mint(env, "compensate", refunds)
	if err != nil {
		return nil, err
	}
	return []events.Event{events.RefundRequested{RefundRequestID: id, PaymentID: o.PaymentID,
		Amount: o.money(o.Late.returnable()), Reason: compensationReason, Compensates: late.Version, Lease: lease,
		Trace: env.Trace}}, nil
}

// identifier is what a cancel names: the paymentId where it is known.
func (o *Order) identifier() events.Identifier {
	if o.PaymentID == "" {
		return events.Identifier{PaymentRequestID: o.PaymentRequestID}
	}
	return events.Identifier{PaymentID: o.PaymentID}
}

// releases reports whether a cancellation lets go of the late money: the S to the cancel that asked for that, and what
// APO dates after the payment. Mere "CANCELLED" may be the old one, unless it was an inquiry that told of the
// late money.
func (o *Order) releases(f *Fact) bool {
	return o.releasable() && (f.own && o.Late.held() > 0 || f.ofTransaction() && f.At.After(o.PaymentAt) ||
		!f.own && o.known.has(knownPaymentTime) && f.At.Unix() > o.PaymentAt.Unix())
}

// fellAgain reports whether a cancellation of the payment as a whole, which no inquiry dates, is a newer word than that
// of the inquiry that told of the late money: then it lets go of all of it, whatever had moved. Money of which only a
// notification has told may stand beside the old cancel. What is dated, a VOID, lets go of what it can by itself.
func (o *Order) fellAgain(at time.Time, p *events.Proof) bool {
	return o.Status == Cancelled && o.known.has(knownStood) && !o.Late.IsZero() && at.IsZero() &&
		p.Via == events.ViaInquiry && o.newestOnPayment(p)
}

// releasable reports whether there is late money that a cancellation can let go: what is held, and of a one-step
// payment what moved too. What was captured of a card only a refund returns.
func (o *Order) releasable() bool {
	return o.Status == Cancelled && (o.Late.held() > 0 || o.CaptureMode == CaptureNone && o.Late.owed() > 0)
}

// compensates reports whether the call's intent came after the order was cancelled: then it was to give late money
// back.
func (o *Order) compensates(c *Call) bool {
	return c.Kind == CallCancel && o.Status == Cancelled && c.Intent > o.endMark.version
}
