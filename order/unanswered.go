package order

import (
	"fmt"
	"time"
)

// Of a parked operation APO may tell nothing for ever: its account was closed and every inquiry is refused, or nobody
// answers. Then a person goes without its word, knowingly, once APO was asked often enough.

// guardFreshInquiry wants APO's word of just now on what a person resolves; or that APO, asked just now, has told
// nothing of the parked operation since it was parked, and that the person knows.
func (o *Order) guardFreshInquiry(q *question, now time.Time, policy *Policy) *RejectedError {
	r, p := o.guardAsked(q, now), o.parked(q.record)
	if r == nil || o.silent(p, now) && (q.override || q.open) {
		return nil
	}
	return o.unheard(r, p, now, policy)
}

// guardUnanswered wants that APO has told nothing often enough, where a person goes without its word.
func (o *Order) guardUnanswered(q *question, now time.Time, policy *Policy) *RejectedError {
	r, p := o.guardAsked(q, now), o.parked(q.record)
	if r == nil || p != nil && int(p.Unanswered) >= policy.unanswered() {
		return nil
	}
	return o.unheard(r, p, now, policy)
}

// silent reports whether APO was asked just now about a parked operation, and told nothing of it.
func (o *Order) silent(p *Operation, now time.Time) bool {
	last, age := &o.Inquiry, now.Sub(time.Unix(0, o.askedAt)) // below zero: as in guardInquired
	return p != nil && p.Unanswered > 0 && o.askedAbout() == p && last.parked && o.known.has(knownInquiring) &&
		!last.Open && age >= 0 && age <= FreshInquiry
}

// unheard says in a refusal how often APO has told nothing of a parked operation, and how much more often it takes.
func (o *Order) unheard(r *RejectedError, p *Operation, now time.Time, policy *Policy) *RejectedError {
	if p == nil {
		return r
	}
	missing := policy.unanswered() - int(p.Unanswered)
	if !o.silent(p, now) {
		missing = max(missing, 1) // the newest must be of just now
	}
	switch {
	case missing <= 0:
		r.Remedy = "resolve with an override, or reconcile once more"
	case missing == 1:
		r.Remedy += "; if APO tells nothing of it once more, resolve with an override"
	default:
		r.Remedy += fmt.Sprintf("; if APO tells nothing of it %d more times, resolve with an override", missing)
	}
	if p.Unanswered > 0 {
		r.Detail = fmt.Sprintf("inquiries in a row that told nothing: %d", p.Unanswered)
	}
	return r
}

// unanswered is how many inquiries in a row may tell nothing until a person may go without APO's word. Where a log is
// judged there is no policy, and only that it cannot be less than one is known.
func (p *Policy) unanswered() int {
	switch {
	case p == nil:
		return 1
	case p.UnansweredInquiries == 0:
		return DefaultUnansweredInquiries
	}
	return min(max(p.UnansweredInquiries, 1), UnansweredInquiriesMax)
}
