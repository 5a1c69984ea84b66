package order

import (
	"fmt"
	"time"

	"github.com/tilltape/tilltape/events"
)

// What is asked of a person's word on something that is parked or in doubt.

func (o *Order) guardParked(q *question, now time.Time) *RejectedError {
	switch {
	case o.parked(q.record) != nil, o.settled(q.record), o.ownCapture(q.record, now),
		q.open && (o.ownCapture(uint64(o.gateway), now) || o.phase() == Parked || o.inDoubt() || len(o.Held) > 0):
		return nil
	case q.record != 0:
		return o.reject(q.verb, ReasonNoDoubt, Cause{Version: q.record})
	}
	return o.reject(q.verb, ReasonNotParked, o.statusCause())
}

// settled reports whether a record tells of something other than an operation that a person can settle: a transfer in
// doubt, a refund that is held, a dispute.
func (o *Order) settled(record uint64) bool {
	return record != 0 && (o.undecided(record) >= 0 || o.unjudged(record) >= 0 || o.heldAt(record) >= 0)
}

// guardInquired wants APO's word of just now: on an operation that a person resolves, and since late money became
// known, because what is held may be captured by now, and what was captured may have gone back. It has to be the newest
// inquiry that APO has answered: an older answer was perhaps about something else.
func (o *Order) guardInquired(q *question, now time.Time, about *Operation, cause Cause) *RejectedError {
	last := &o.Inquiry
	age := now.Sub(last.Answered) // below zero: the clock has gone back, and nobody knows
	if o.known.has(knownHeard) && !last.Answered.IsZero() && age >= 0 && age <= FreshInquiry &&
		last.Subject == about.subject() && (last.Subject == events.SubjectPayment || last.Intent == about.Intent) {
		return nil
	}
	return o.reject(q.verb, ReasonStaleInquiry, cause)
}

// guardAsked is guardInquired of what a person resolves. About a transfer in doubt, or a refund that is held, APO must
// have been asked since that is so.
func (o *Order) guardAsked(q *question, now time.Time) *RejectedError {
	p, at := o.parked(q.record), o.undecided(q.record)
	switch {
	case o.unjudged(q.record) >= 0: // no inquiry tells of disputes
		return nil
	case p != nil:
		return o.guardInquired(q, now, p, Cause{Version: p.Intent, At: p.Since})
	case at >= 0:
		since := max(o.book[at].version, o.book[at].doubt)
		return o.guardAskedSince(q, now, o.causeOfDoubt(since))
	}
	if o.ownCapture(q.record, now) {
		return o.guardAskedSince(q, now, place{uint64(o.gateway), o.gatewayAt}.cause())
	}
	if i := o.heldAt(q.record); i >= 0 {
		return o.guardAskedSince(q, now, Cause{Version: o.Held[i].Version, At: o.Held[i].Since})
	}
	return o.guardInquired(q, now, &o.Operation, Cause{Version: o.Operation.Intent, At: o.Operation.Since})
}

// guardAskedSince wants APO's word of just now on the payment, by an inquiry that was begun since that record.
func (o *Order) guardAskedSince(q *question, now time.Time, record Cause) *RejectedError {
	if uint64(o.Inquiry.started) <= record.Version {
		return o.reject(q.verb, ReasonStaleInquiry, record)
	}
	return o.guardInquired(q, now, &Operation{}, record)
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
	d := newDecision(o, &Env{Now: now}, "")
	d.resolve(p, q.resolution)
	if d.o.current(p.Intent) == nil {
		return nil
	}
	remains, cause := o.fullAmount()-o.Captured, newest(&o.captureMark, &o.paymentMark)
	switch {
	case p.Kind == CallRefund:
		remains, cause = o.left(), newest(&o.refundMark, &o.captureMark, &o.paymentMark)
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
	if at < 0 || !o.book[at].has(markForeign) &&
		(o.book[at].kind != others && !o.book[at].has(markUnclear) || o.counted(at) || o.book[at].minor > 0) {
		return nil
	}
	r := o.reject(q.verb, ReasonCurrency, o.causeOfDoubt(o.book[at].version))
	if !o.book[at].has(markForeign) {
		r.Detail = "APO has told no amount of it"
	}
	return r
}
