package tilltape

import (
	"context"
	"fmt"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
)

// Reconciliation is what an inquiry made of an order.
type Reconciliation struct {
	Order order.Order // as it stands now
	// Whole: APO told the payment with all its captures and refunds, or that it knows no such payment. Not so while a
	// refund is outstanding: then APO was asked about that one alone.
	Whole bool
	// Answer is what APO said of what was asked last.
	Answer events.InquiryOutcome
	// Inquiries is how many answers of APO's, or silences, were recorded meanwhile.
	Inquiries int
	// Differences are the facts that the log did not have, oldest first; none: it was as APO says.
	Differences []order.Difference
}

// Reconcile asks APO how the payment stands, records what it proves and reports what the log did not have: a refund
// made in APO's dashboard, somebody else's capture, a payment whose notifications were all lost, or what contradicts
// the record and stands open now. What follows at once from the answer is done too, such as a cancel that APO turns out
// never to have had. [Orders.Run] does all that by itself for orders whose money can still move; this is for a person,
// or a nightly check, that wants to know now.
//
// The inquiry is claimed like every other, so that two never ask at once. The error wraps [order.ErrUnknownOrder];
// [order.ErrNotDue] where somebody else is asking APO about the order right now, or it was asked as often as it may be
// ([order.CallsPerMinuteMax]); [ErrUnresolved] where APO gave no usable answer: the order is as it was and the
// reconciliation says nothing; [ErrContended]; or the log's error. Beside an error the Reconciliation has the
// differences that were booked before it; where ctx ends once APO has answered, they are read all the same. Cost: one
// inquiry, a second one after a refund that the first one ended, two appends each, and one read of the order's stream.
func (s *Orders) Reconcile(ctx context.Context, id string) (Reconciliation, error) {
	before, err := s.Get(ctx, id)
	if err != nil {
		return Reconciliation{}, err
	}
	var r Reconciliation
	for range 2 { // the second time where the first one was about a refund, and has ended it
		if r.Order, err = s.perform(ctx, id, order.Claim{Inquire: true}, s.carry); err != nil {
			_, _ = s.learn(ctx, &r, before.Version) // it may have booked something before it failed
			return r, err
		}
		done, err := s.learn(ctx, &r, before.Version)
		if err != nil || done {
			return r, err
		}
	}
	return r, nil
}

// learn reads what was recorded since, and reports whether asking again would tell no more. It reads where the caller
// has gone, too: what is booked is in the log, so that no later inquiry tells of it.
func (s *Orders) learn(ctx context.Context, r *Reconciliation, since uint64) (done bool, err error) {
	if r.Order.ID == "" { // it was not begun
		return false, nil
	}
	ctx, end := s.recording(ctx)
	defer end()
	records, err := s.records(ctx, events.OrderStream(r.Order.ID), since)
	if err != nil {
		return false, readError(r.Order.ID, err)
	}
	r.Differences = order.Differences(records)
	r.Inquiries = 0
	var last events.InquiryAnswered
	for _, record := range records {
		if answered, is := record.Event.(events.InquiryAnswered); is {
			last = answered
			r.Inquiries++
			r.Whole = r.Whole || answered.Subject == events.SubjectPayment && answered.Outcome != events.InquiryUnknown
		}
	}
	r.Answer = last.Outcome
	if last.Outcome == events.InquiryUnknown {
		return false, noAnswerError(r.Order.ID, &last)
	}
	return r.Whole || r.Order.Operation.Outstanding(), nil
}

// noAnswerError is an inquiry that told nothing: APO was silent, or answered with a code that speaks of the query
// alone.
func noAnswerError(id string, a *events.InquiryAnswered) error {
	why := a.Problem
	if why == "" {
		why = "it answered " + a.Code
	}
	return fmt.Errorf("order %s: reconcile: %w: APO did not say how the payment stands: %s; try again", id,
		ErrUnresolved, why)
}
