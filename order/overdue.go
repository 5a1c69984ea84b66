package order

import (
	"fmt"
	"time"

	"github.com/tilltape/tilltape/events"
)

// waitingSince is since when the newest thing is waited for that only APO can tell; zero: nothing is.
func (o *Order) waitingSince() (since time.Time) {
	if o.Gateway == GatewayOutstanding {
		since = time.Unix(0, o.gatewayAt).UTC()
		if since.Before(o.CreatedAt) { // APO's times are its own
			since = o.CreatedAt
		}
	}
	for i := range o.Held {
		if at := o.Held[i].Since; at.After(since) {
			since = at
		}
	}
	for i := range o.book {
		if t := &o.book[i]; t.has(markPending) || t.has(markUnclear) && t.doubt != 0 {
			if at := time.Unix(0, t.at).UTC(); at.After(since) {
				since = at
			}
		}
	}
	return since
}

// silentSince is since when APO has told nothing of the payment.
func (o *Order) silentSince() time.Time {
	since := o.Inquiry.Answered
	for _, at := range []time.Time{o.CreatedAt, o.StatusSince} {
		if at.After(since) {
			since = at
		}
	}
	return since
}

// silentWatch is when APO is asked again after an inquiry that told nothing; zero: not by itself any more.
func (d *decision) silentWatch() time.Time {
	switch age := d.env.Now.Sub(d.o.silentSince()); {
	case age < d.env.Policy.patience(Accepted):
		return d.waitDue(int(d.o.Watches))
	case age < OverdueMax:
		return d.after(ParkedEvery)
	}
	return zeroTime
}

// overdueWatch is when APO is asked again about what is waited for since then; zero: not by itself any more.
func (d *decision) overdueWatch(since time.Time) time.Time {
	switch age := d.env.Now.Sub(since); {
	case age < d.env.Policy.patience(Accepted):
		return d.waitDue(int(d.o.Watches) + 1) // the first wait passed before this inquiry
	case age < OverdueMax:
		return d.after(ParkedEvery)
	}
	return zeroTime
}

// lastLook reports whether APO has answered the last inquiry about a payment that is waited for by itself.
func (d *decision) lastLook(answered *events.InquiryAnswered) bool {
	return answered.Outcome == events.InquiryAnswers && answered.WatchDue.IsZero() &&
		d.env.Policy.ReconcileFor >= 0 && !d.o.Operation.outstanding()
}

// showOverdue gives to a person, once, what APO tells no result of: its own capture after so long that an operation
// would be parked, a payment of which it tells nothing for as long, and one that is still in process, or only
// authorized, when APO is asked about it for the last time.
func (d *decision) showOverdue(answered *events.InquiryAnswered) {
	o := &d.o
	patience := d.env.Policy.patience(Accepted)
	switch {
	case o.Gateway == GatewayOutstanding && d.env.Now.Sub(o.waitingSince()) >= patience:
		f := Fact{Kind: CapturePending, PaymentID: o.PaymentID}
		d.anomaly(events.NoResult, &f, fmt.Sprintf("APO has captured by itself for %s without a result; contact APO support",
			days(patience)))
	case (o.Status == Created || o.unpaid() && inProcess(answered.State)) && d.lastLook(answered):
		f := Fact{Kind: PaymentPending, PaymentID: o.PaymentID}
		d.anomaly(events.NoResult, &f, "APO has no result of the payment, and is not asked any more; contact APO support")
	case o.Status == Authorized && d.lastLook(answered):
		f := Fact{Kind: PaymentAuthorized, PaymentID: o.PaymentID}
		d.anomaly(events.NoResult, &f, "it is authorized, neither captured nor cancelled, and APO is not asked any more; "+
			"capture or cancel it, or contact APO support")
	case answered.Subject == events.SubjectPayment && answered.Outcome == events.InquiryUnknown &&
		!o.Operation.outstanding() && o.watching() && d.env.Now.Sub(o.silentSince()) >= patience:
		f := Fact{Kind: PaymentPending, PaymentID: o.PaymentID}
		d.anomaly(events.NoResult, &f, fmt.Sprintf("APO has told nothing of the payment for %s; contact APO support",
			days(patience)))
	}
}
