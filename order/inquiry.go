package order

import (
	"fmt"
	"slices"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/law"
)

// tooMuch is the problem of an answer that comes to more. To ask again tells no less, so a person has to look at it.
var tooMuch = fmt.Sprintf("it tells of more than can be recorded at once, %d facts; have APO's support say what "+
	"became of the payment", AnswerRecordsMax)

// decideInquiry records what an inquiry told: first the facts it proves, folded in the order payment, what failed,
// captures, refunds, what was let go in part; then what follows for the operation; last inquiry.answered, which keeps
// the evidence once and says when APO is asked next. All of it is one append.
func decideInquiry(o *Order, c *RecordInquiry, env *Env) ([]events.Event, error) {
	if c.Number == 0 || c.Number > o.Inquiry.Number {
		return nil, &InvalidError{OrderID: o.ID, Command: "record inquiry", Field: "number",
			Problem: fmt.Sprintf("%d was never started; %d is the newest; give the number of the call that Order.Claimed "+
				"returned", c.Number, o.Inquiry.Number)}
	}
	if !o.Inquiry.Open || c.Number != o.Inquiry.Number {
		d := o.inquiryDecision(env)
		d.hearLate(c)
		return d.signed("record inquiry")
	}
	d := o.inquiryDecision(env)
	d.hearInquiry(&c.Picture)
	if len(d.events) <= AnswerRecordsMax {
		return d.events, nil
	}
	d = o.inquiryDecision(env)
	d.hearInquiry(&Picture{Outcome: events.InquiryUnknown, State: c.Picture.State, Code: c.Picture.Code, Problem: tooMuch,
		Evidence: c.Picture.Evidence})
	return d.events, nil
}

// inquiryDecision is a decision on what an inquiry told, in the name of the operation that it was about.
func (o *Order) inquiryDecision(env *Env) *decision {
	if p := o.inquired(); p != nil {
		return newDecision(o, env, p.CommandID)
	}
	return newDecision(o, env, "")
}

// hearLate records what an inquiry told that was given up meanwhile: no inquiry.answered will keep the message, so each
// fact does. Of a long message that is as many facts as have room beside one another; the inquiry that was started
// since tells the rest.
func (d *decision) hearLate(c *RecordInquiry) {
	proof := events.Proof{Via: events.ViaInquiry, Inquiry: c.Number, Evidence: c.Picture.Evidence}
	size := 0
	if proof.Evidence != nil {
		size = len(proof.Evidence.Body)
	}
	for _, f := range d.o.ranked(c.Picture.Facts) {
		if len(d.events)*size >= events.BodyMax {
			return
		}
		f.Proof = proof
		d.observe(f)
	}
}

// hearInquiry records what the inquiry under way told.
func (d *decision) hearInquiry(pic *Picture) {
	o := d.o
	proof := events.Proof{Via: events.ViaInquiry, Inquiry: o.Inquiry.Number}
	missed := o.known.has(knownMissed)
	during := o.newestWord() > o.Inquiry.started // which may be newer than what is told here
	d.heard = o.heardOf(pic)
	d.uniteTold(d.heard.facts, proof)
	for _, f := range o.ranked(d.heard.facts) {
		f.Proof = proof
		d.observe(f)
	}
	answered := events.InquiryAnswered{Subject: o.Inquiry.Subject, Number: o.Inquiry.Number, Outcome: pic.Outcome,
		State: pic.State, Code: pic.Code, Problem: clip(pic.Problem), Evidence: pic.Evidence}
	// What was asked before the newest attempt tells facts, and nothing about that attempt.
	switch p := d.o.inquired(); {
	case p != nil && (o.known.has(knownInquiring) || p.Intent != o.Operation.Intent):
		d.concludeOperation(p, pic, &answered, proof)
	case p != nil:
		answered.Due = p.Due
	default:
		d.concludeUnpaid(pic, &answered, proof)
	}
	d.showHeld(proof)
	if answered.WatchDue = d.nextWatch(&answered); missed || during && d.o.unasked(true) {
		answered.WatchDue = d.env.Now
	}
	d.showOverdue(&answered)
	d.emit(answered)
}

// ranked are an inquiry's facts in the order in which they are folded.
func (o *Order) ranked(facts []Fact) []Fact {
	facts = slices.Clone(facts)
	slices.SortStableFunc(facts, func(a, b Fact) int { return o.factRank(&a) - o.factRank(&b) })
	return facts
}

// factRank is a fact's place in an inquiry's order. A raise comes before the payment, whose amount may be the raised
// one. What failed makes room for what was done, and a refund that waits for its capture must not find it before it is
// said what became of it. What was let go of an authorization in part comes after the captures that left it, and last
// what failed and was done by the same answer, and what nobody knows, which it may tell as what it is, too.
func (o *Order) factRank(f *Fact) int {
	switch f.Kind {
	case PaymentRaised, RaiseFailed:
		return -1
	case OtherTransaction, CaptureUnclear, RefundUnclear:
		return 6
	case CaptureFailed, RefundFailed:
		switch {
		case f.split:
			return 6
		case f.Kind == RefundFailed && o.findHeld(f.TransferID, f.RequestID) >= 0:
			return 1
		}
		return 2
	case CaptureSucceeded, CapturePending:
		return 3
	case RefundSucceeded, RefundPending:
		if o.findHeld(f.TransferID, f.RequestID) >= 0 {
			return 2
		}
		return 4
	case PaymentCancelled:
		switch {
		case o.releasesPart(f):
			return 5
		case o.dates(f): // before the payment that it may have undone
			return -2
		}
	}
	return 0
}

// concludeOperation applies the row of operation × proven fact, for what the facts themselves have not ended.
func (d *decision) concludeOperation(p *Operation, pic *Picture, answered *events.InquiryAnswered,
	proof events.Proof) {
	then, _ := p.then(p.proven(pic))
	answered.Listed = pic.Outcome == events.InquiryAnswers && (p.listed(pic) >= 0 || p.Kind == CallRefund)
	if then == law.NeverPaid {
		if !d.env.Now.Before(d.o.payDeadline(&d.env)) {
			d.emit(events.CancelSucceeded{Cause: events.CauseNeverPaid, Proof: proof})
			return
		}
		then = law.AskAgain
	}
	again, passes := then == law.AskAgain, true
	if again {
		again, passes, _ = d.o.askedAnew(p, d.env.Now)
	}
	switch {
	case then == law.Fail,
		!again && !passes && p.Phase != Parked && d.o.isNotTold(p): // nor will it be sent again
		d.failOperation(p, p.failureCode(pic), "", proof)
	case p.Phase == Parked:
		answered.Due = d.after(ParkedEvery)
	case then == law.Park:
		answered.Due = d.park(p, parkedUnknown)
	case p.usedUp(&d.env): // after APO was asked once more: what it can tell, a person need not find out
		answered.Due = d.park(p, d.parkReason(p))
	case again && p.Attempt < AttemptsMax:
		answered.AskAgain, answered.Due = true, d.env.Now
		if p.Inquire { // APO answered F: asking again at once would be answered the same
			answered.Due = d.retryDue(p.Waits)
		}
	case p.Phase == Accepted && p.Due.After(d.env.Now): // accepted just now: the schedule begins
		answered.Due = p.Due
	case p.Phase == Accepted:
		answered.Due = d.waitDue(p.Waits + 1) // the first wait passed before this inquiry
	default:
		answered.Due = d.retryDue(p.Waits)
	}
}

// concludeUnpaid: APO never heard of the payment and its time is over.
func (d *decision) concludeUnpaid(pic *Picture, answered *events.InquiryAnswered, proof events.Proof) {
	o := &d.o
	if answered.Subject == events.SubjectPayment && pic.Outcome == events.InquiryNotExist && o.Status == Created &&
		!o.Operation.outstanding() && !d.env.Now.Before(o.payDeadline(&d.env)) {
		d.emit(events.CancelSucceeded{Cause: events.CauseNeverPaid, Proof: proof})
	}
}

// payDeadline is when a payment that APO does not know can no longer come.
func (o *Order) payDeadline(env *Env) time.Time {
	by := o.PayBy
	if by.IsZero() {
		by = o.CreatedAt.Add(env.Policy.validity())
	}
	return by.Add(env.Policy.margin())
}

// proven says what the picture proves about the operation that its facts have not ended.
func (p *Operation) proven(pic *Picture) law.Proven {
	listed := p.listed(pic)
	compensating := p.Kind == CallCancel && p.Compensates != 0
	switch {
	case pic.Outcome == events.InquiryNotExist && compensating:
		return law.ProvenNothing // there was a payment: APO contradicts itself
	case pic.Outcome == events.InquiryNotExist:
		return law.ProvenNotExist
	case pic.Outcome != events.InquiryAnswers:
		return law.ProvenNothing
	case listed >= 0 && (pic.Facts[listed].Kind == CapturePending || pic.Facts[listed].Kind == RefundPending):
		return law.ProvenProcessing
	case listed >= 0 || p.Kind == CallRefund:
		return law.ProvenNothing // ours is told of in a way that contradicts what we asked: never ask again on that
	}
	switch pic.State {
	case StateSuccess, StateProcessing, StatePending:
		return law.ProvenAlive
	case StateCancelled, StateFail:
		switch {
		case p.Kind == CallCapture:
			return law.ProvenDead
		case compensating && pic.State == StateCancelled:
			return law.ProvenOldCancel
		}
	}
	return law.ProvenNothing
}

// listed is where the picture tells of the operation's request; -1: nowhere.
func (p *Operation) listed(pic *Picture) int {
	id := p.RequestID
	return slices.IndexFunc(pic.Facts, func(f Fact) bool { return id != "" && f.RequestID == id })
}

// failureCode is the code an operation ends with when an inquiry decides against it: APO's own where it gave one.
func (p *Operation) failureCode(pic *Picture) string {
	switch {
	case p.AfterF && p.Code != "":
		return p.Code
	case pic.State == StateCancelled || pic.State == StateFail:
		return CodeCancelled
	case p.Kind == CallCancel:
		return CodeNotCancelled
	}
	return CodeNotDone
}

// inProcess reports whether an inquiry tells that APO still works on the payment.
func inProcess(state string) bool { return state == StateProcessing || state == StatePending }

// nextWatch says when the payment is looked at again. What APO works on (its own capture, a held refund) is asked about
// until it is known; what stands is asked about ever more rarely, as long as its money can still move. No answer is no
// look.
func (d *decision) nextWatch(answered *events.InquiryAnswered) time.Time {
	o := &d.o
	due := o.WatchDue
	switch {
	case due.After(d.env.Now), answered.Subject != events.SubjectPayment:
		return due
	case !o.waitingSince().IsZero():
		return d.overdueWatch(o.waitingSince())
	case due.IsZero(), !o.watching():
		return zeroTime
	case answered.Outcome == events.InquiryUnknown && (o.Status == Created || o.Status == Authorized ||
		o.inDoubt() || o.known.has(knownNews) || !d.reconcileDue(0).IsZero()):
		return d.silentWatch()
	case o.Status == Cancelled && o.Late.IsZero(), o.Status == Failed && !o.inDoubt() && o.raisedTo() == 0:
		if due := d.unpaidDue(); !due.IsZero() || !o.unpaid() || !inProcess(answered.State) {
			return due // nobody paid it after all, or it is not over
		}
	}
	if end := keepable(o.Expires.Add(d.env.Policy.margin())); o.Status == Authorized && end.After(d.env.Now) {
		return end // this one was about APO's own capture, which failed
	}
	if o.Status == Authorized {
		return d.heldDue(int(o.Watches) + 1)
	}
	return d.reconcileDue(int(o.Watches) + 1)
}
