package order

import (
	"fmt"
	"time"

	"github.com/tilltape/tilltape/events"
)

// What is asked of a person's word on something that is parked or in doubt.

func (o *Order) guardParked(q *question) *RejectedError {
	switch {
	case o.parked(q.record) != nil, q.open && o.phase() == Parked, (q.open || q.record != 0) && o.undecided(q.record) >= 0,
		o.unjudged(q.record) >= 0:
		return nil
	case q.record != 0:
		return o.reject(q.verb, ReasonNoDoubt, Cause{Version: q.record})
	}
	return o.reject(q.verb, ReasonNotParked, o.statusCause())
}

// guardInquired wants APO's word of just now: on an operation that a person resolves, and since late money became
// known, because what is held may be captured by now, and what was captured may have gone back.
func (o *Order) guardInquired(q *question, now time.Time, about *Operation, cause Cause) *RejectedError {
	last := &o.Inquiry
	age := now.Sub(last.Answered) // below zero: the clock has gone back, and nobody knows
	if !last.Open && !last.Answered.IsZero() && age >= 0 && age <= FreshInquiry && last.Subject == about.subject() &&
		(last.Subject == events.SubjectPayment || last.Intent == about.Intent) {
		return nil
	}
	return o.reject(q.verb, ReasonStaleInquiry, cause)
}

// guardAsked is guardInquired of what a person resolves. About a transfer in doubt APO must have been asked
// since the doubt arose.
func (o *Order) guardAsked(q *question, now time.Time) *RejectedError {
	p, at := o.parked(q.record), o.undecided(q.record)
	switch {
	case o.unjudged(q.record) >= 0: // no inquiry tells of disputes
		return nil
	case p != nil:
		return o.guardInquired(q, now, p, Cause{Version: p.Intent, At: p.Since})
	case at < 0:
		return o.guardInquired(q, now, &o.Operation, Cause{Version: o.Operation.Intent, At: o.Operation.Since})
	}
	t := &o.book[at]
	since := max(t.version, t.doubt)
	if o.Inquiry.started <= since {
		return o.reject(q.verb, ReasonStaleInquiry, o.causeOfDoubt(since))
	}
	return o.guardInquired(q, now, &Operation{}, o.causeOfDoubt(since))
}

func (o *Order) guardOnlyAPO(q *question) *RejectedError {
	if p := o.parked(q.record); p == nil || p.Kind != CallCancel || q.resolution != events.ResolvedSucceeded {
		return nil
	}
	return o.reject(q.verb, ReasonOnlyAPO, Cause{Version: o.Operation.Intent, At: o.Operation.Since})
}

func (o *Order) guardContradiction(q *question) *RejectedError {
	if q.open || o.parked(q.record) == nil || q.override || !o.Inquiry.told.contradicts(q.resolution) {
		return nil
	}
	cause := Cause{Version: o.Operation.Intent, At: o.Inquiry.Answered}
	return o.reject(q.verb, ReasonContradicts, cause).with(o.Inquiry.told.String())
}

// guardFits tries a resolution on a copy. Of APO "succeeded" would be a fact, and held or shown where other money has
// taken its room. An operator's word is a command, and must not be kept as done while what it was about stays parked.
func (o *Order) guardFits(q *question, now time.Time) *RejectedError {
	if q.resolution != events.ResolvedSucceeded {
		return nil
	}
	p := o.parked(q.record)
	if p == nil {
		return o.guardCurrency(q)
	}
	d := newDecision(*o, &Env{Now: now}, "")
	d.resolve(p, q.resolution)
	if d.o.current(p.Intent) == nil {
		return nil
	}
	remains, cause := o.fullAmount()-o.Captured, newest(o.captureMark, o.paymentMark)
	switch {
	case p.Kind == CallRefund:
		remains, cause = o.left(), newest(o.refundMark, o.captureMark, o.paymentMark)
		if o.Status == Cancelled {
			remains = max(remains, o.Late.owed())
		}
	case o.Status == Cancelled:
		remains = o.fullAmount() - o.Late.Captured
	}
	detail := fmt.Sprintf("%s %s, %s remains", p.Kind, p.Amount, o.money(remains))
	return o.reject(q.verb, ReasonRemainder, cause).with(detail)
}

// guardCurrency refuses to count what the order's amounts have no place for: a transfer in another currency, a dispute
// of which no amount is known.
func (o *Order) guardCurrency(q *question) *RejectedError {
	if at := o.unjudged(q.record); at >= 0 && (o.book[at].minor <= 0 || o.book[at].has(markForeign)) {
		return o.reject(q.verb, ReasonCurrency, Cause{Version: q.record}).with("no amount of the dispute is known in it")
	}
	at := o.undecided(q.record)
	if at < 0 || !o.book[at].has(markForeign) {
		return nil
	}
	return o.reject(q.verb, ReasonCurrency, o.causeOfDoubt(o.book[at].version))
}
