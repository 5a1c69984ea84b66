package order

import (
	"math"
	"slices"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/law"
)

var zeroTime time.Time

// foldOperation folds the facts about what we ask of APO.
func (o *Order) foldOperation(r *events.Record) {
	p := &o.Operation
	switch e := r.Event.(type) {
	case events.CancelRequested:
		o.beginOperation(r, CallCancel, e.Lease)
		p.By, p.Reason, p.Compensates = e.By, e.Reason, e.Compensates
	case events.CaptureRequested:
		o.beginOperation(r, CallCapture, e.Lease)
		p.RequestID, p.PaymentID, p.Amount, p.Last = e.CaptureRequestID, e.PaymentID, e.Amount, e.Last
	case events.RefundRequested:
		o.beginOperation(r, CallRefund, e.Lease)
		p.RequestID, p.PaymentID, p.Amount, p.Reason, p.Compensates = e.RefundRequestID, e.PaymentID, e.Amount, e.Reason,
			e.Compensates
	case events.AttemptStarted:
		p.Phase, _ = p.Phase.next(law.StepAttempt)
		p.Attempt, p.Lease, p.Due, p.AskedAt = e.Attempt, e.Lease, e.Lease, r.Recorded
		o.took(r.Recorded)
		// The answer before it was about another attempt: this one is unknown until it is answered.
		p.Cleared, p.Inquire, p.AfterF = false, false, false
		o.known.set(knownInquiring, false)
	case events.CancelUnresolved:
		p.foldUnresolved(&e.Unresolved)
	case events.CaptureUnresolved:
		p.foldUnresolved(&e.Unresolved)
	case events.RefundUnresolved:
		p.foldUnresolved(&e.Unresolved)
	case events.CaptureAccepted:
		if e.CaptureRequestID == "" {
			o.foldAwaited(r, &e)
			break
		}
		p.foldAccepted(e.Attempt, e.Code, e.Due)
	case events.RefundAccepted:
		p.foldAccepted(e.Attempt, e.Code, e.Due)
		o.leaveSlot()
	case events.CancelFailed:
		o.endOperation(r, p.Intent, OutcomeFailed, e.Code)
	case events.InquiryStarted:
		i := &o.Inquiry // what was told before stays
		i.Subject, i.Intent, i.Number, i.Open, i.Lease, i.started = e.Subject, e.Intent, e.Number, true, e.Lease,
			uint32(r.Version)
		about := o.askedAbout()
		i.parked = about != nil && about.Phase == Parked
		o.known.set(knownInquiring, true)
		o.known.set(knownMissed|knownHeard, false)
		o.took(r.Recorded)
		if p := o.current(e.Intent); p != nil && p != &o.Operation { // the next one asked about is another
			o.writable(e.Intent).AskedAt = r.Recorded
		}
	case events.InquiryAnswered:
		o.foldInquiryAnswered(r, &e)
	case events.OperationParked:
		o.foldParked(r, &e)
	case events.TransferResolved:
		o.foldTransferResolved(r, &e)
	case events.OperationResolved:
		// The fact that ends the operation follows in the same append.
		o.rememberCommand(r, VerbResolve, resolveContent(e.Resolution, e.Override, e.Statement, e.Intent))
	}
}

// beginOperation claims attempt 1. The slot is zero before: an intent is legal only while it is idle.
func (o *Order) beginOperation(r *events.Record, kind CallKind, lease time.Time) {
	p := &o.Operation
	p.Kind = kind
	p.Phase, _ = Idle.next(law.StepIntent)
	p.CommandID, p.Intent, p.Since = r.CommandID, r.Version, r.Recorded
	p.Attempt, p.Lease, p.Due, p.AskedAt = 1, lease, lease, r.Recorded
	o.took(r.Recorded)
	o.known.set(knownInquiring, false)
}

// foldUnresolved keeps an attempt's unknown outcome. The answer to an earlier attempt than the newest only counts: the
// newest one's lease and due time stand.
func (p *Operation) foldUnresolved(u *events.Unresolved) {
	p.Answered |= attemptBit(u.Attempt)
	if u.Definite {
		p.Refusals++
	}
	if u.Attempt != p.Attempt {
		p.Inquire = p.Inquire || u.Inquire
		return
	}
	p.Phase, _ = p.Phase.next(law.StepUnresolved)
	p.AfterF, p.Code, p.Inquire, p.Cleared = u.Definite, u.Code, u.Inquire, false
	p.Lease, p.Due = zeroTime, u.Due
	p.Waits++
}

func (p *Operation) foldAccepted(attempt uint64, code string, due time.Time) {
	p.Answered |= attemptBit(attempt)
	p.Phase, _ = p.Phase.next(law.StepAccepted)
	p.AfterF, p.Code, p.Inquire, p.Cleared = false, code, false, false
	p.Lease, p.Due, p.Waits = zeroTime, due, 0
}

func (o *Order) foldInquiryAnswered(r *events.Record, e *events.InquiryAnswered) {
	o.Inquiry.Open = false
	o.foldHeard(e)
	if e.Outcome != events.InquiryUnknown {
		o.Inquiry.Answered, o.Inquiry.told = r.Recorded, toldBy(e)
		o.known.set(knownHeard, true)
	}
	// Only the look that was due moves the schedule on; one before its time, or that began it, leaves it as it was.
	if e.Subject == events.SubjectPayment && !e.WatchDue.IsZero() && !e.WatchDue.Equal(o.WatchDue) {
		o.Watches++
	}
	o.WatchDue = e.WatchDue
	p := o.inquired()
	if p == nil {
		return
	}
	sameRound := p.Due.Equal(e.Due) // accepted in this very append, or inquired about before its time
	p.Due = e.Due
	switch {
	case e.Outcome != events.InquiryUnknown:
		p.AskedAt, p.Unanswered = r.Recorded, 0
	case o.Inquiry.parked && p.Unanswered < math.MaxUint8:
		p.Unanswered++
	}
	if e.AskAgain {
		p.Phase, _ = p.Phase.next(law.StepAskAgain)
		p.Cleared, p.Inquire, p.Lease = true, false, zeroTime
		if !o.Operation.outstanding() {
			o.returnToSlot(p.Intent)
		}
		return
	}
	if !sameRound {
		p.Waits++
	}
}

// toldBy is what an inquiry's answer says of the operation it did not decide.
func toldBy(e *events.InquiryAnswered) bearing {
	switch {
	case e.Listed:
		return toldUndecided
	case e.Outcome == events.InquiryNotExist:
		return toldNotDone
	}
	switch e.State {
	case StateSuccess, StateProcessing, StatePending, StateFail, StateCancelled:
		return toldNotDone
	}
	return toldNothing
}

// inquired is the operation that the newest inquiry is about, for the fold; nil: none is outstanding.
func (o *Order) inquired() *Operation {
	if o.Inquiry.Subject == events.SubjectRefund {
		return o.writable(o.Inquiry.Intent)
	}
	return o.askedAbout()
}

// askedAbout is the operation that the newest inquiry is about, to be read.
func (o *Order) askedAbout() *Operation {
	switch p := &o.Operation; {
	case o.Inquiry.Subject == events.SubjectRefund:
		return o.current(o.Inquiry.Intent)
	case p.outstanding() && p.Kind != CallRefund:
		return p
	}
	return nil
}

// endOperation ends an operation and remembers how its command ended.
func (o *Order) endOperation(r *events.Record, intent uint64, outcome Outcome, code string) {
	p := o.current(intent)
	if p == nil {
		return
	}
	if p.CommandID != "" {
		o.commands = o.remembering(memory{id: digest(p.CommandID), content: p.content(), version: r.Version,
			verb: p.verb(), outcome: outcome, code: code})
	}
	if outcome == OutcomeFailed && slices.Contains(surprising, code) {
		o.watchSoon(r)
	}
	o.drop(intent)
}

// surprising are the codes by which APO refuses a capture or refund that our own rules had found to fit: it says
// that our picture of the payment is wrong. The operation has failed all the same, and its ids are closed.
var surprising = []string{
	"CAPTURE_AMOUNT_EXCEED_AUTH_LIMIT", "MULTI_CAPTURE_NOT_SUPPORTED", "PAYMENT_COUNT_EXCEED_LIMIT",
	"REFUND_AMOUNT_EXCEED", "REFUND_WINDOW_EXCEED", "PARTIAL_REFUND_NOT_SUPPORTED", "MULTIPLE_REFUNDS_NOT_SUPPORTED",
	"CURRENCY_NOT_SUPPORT",
}

// attemptBit is an attempt's place in Operation.Answered.
func attemptBit(n uint64) uint64 {
	if n == 0 || n > AttemptsMax {
		return 0
	}
	return 1 << (n - 1)
}
