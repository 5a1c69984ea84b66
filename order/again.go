package order

import (
	"time"

	"github.com/tilltape/tilltape/internal/law"
)

// What was asked is sent again only as long as a new command could ask it: the rules that a command has to keep hold
// for each of its calls, whatever was heard since the first one. Otherwise APO is asked what became of it.

// askedAnew reports whether a new command could ask what an operation asks, and if not, why: which rule objects, nil
// where it would give late money back otherwise. passes tells whether that may pass, by itself or by a person's word:
// then the operation waits. The operation itself is left out of account, and so are the policy of the day, which does
// not hold for what is under way, and that APO has to be heard before late money is given back, which each round does
// by itself.
func (o *Order) askedAnew(p *Operation, now time.Time) (again, passes bool, rejected *RejectedError) {
	q := question{verb: p.verb(), amount: p.Amount, last: p.Last}
	if permit, reason := o.permits(q.verb); permit != law.Allowed {
		return false, false, o.reject(q.verb, reason, o.causeOfStatus(q.verb))
	}
	without := *o
	without.drop(p.Intent)
	rules := law.Rules(law.Verb(q.verb))
	for i := range rules {
		if r := &rules[i]; !r.Policy && r.Guard != law.GuardLateInquiry {
			if rejected = without.ask(r.Guard, &q, now, nil); rejected != nil {
				return false, r.Guard.Passes(), rejected
			}
		}
	}
	return without.compensatedAnew(p), false, nil
}

// compensatedAnew reports whether late money would be given back so: what has moved by a refund, of no more than there
// is, and what is only held by a cancel.
func (o *Order) compensatedAnew(p *Operation) bool {
	owed := o.Late.returnable()
	return p.Compensates == 0 || p.Kind == CallRefund && p.Amount.Minor <= owed || p.Kind == CallCancel && owed <= 0
}

// isNotTold reports whether nothing on record can be what the operation asks for, under another name or none, and
// nothing is in doubt, or held, that could make room for it again.
func (o *Order) isNotTold(p *Operation) bool {
	for i := range o.book {
		t := &o.book[i]
		if t.kind.asked() == p.Kind && t.request == 0 && t.minor == p.Amount.Minor && uint64(t.version) > p.Intent {
			return false
		}
	}
	return !o.inDoubt() && len(o.Held) == 0
}
