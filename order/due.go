package order

import (
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/words"
)

// CallKind is which call APO is owed, and what an operation asks of it.
type CallKind uint8

// The calls.
const (
	CallNone CallKind = iota
	CallCancel
	CallCapture
	CallRefund
	CallInquirePayment
	CallInquireRefund
)

var callNames = [...]string{"none", "cancel", "capture", "refund", "inquiryPayment", "inquiryRefund"}

// String is the call as APO names it.
func (k CallKind) String() string { return words.Of(callNames[:], k) }

// Call is what APO is to be asked: a function of stored state alone, so the first try, a retry and a restart all carry
// the same ids and amounts.
type Call struct {
	Kind             CallKind
	OrderID          string
	Intent           uint64 // stream version of the operation's intent; 0 for an inquiry about the payment alone
	Attempt          uint64 // of an operation's call
	Number           uint64 // of an inquiry
	PaymentID        string
	PaymentRequestID string
	RequestID        string // captureRequestId or refundRequestId
	Amount           Money
	Last             bool // of a capture: the last one of its authorization
	Reason           string
	Lease            time.Time // the call must be over by then; zero before it is claimed

	MerchantAccountID string // of a cancel or an inquiry
}

// IsInquiry reports whether the call only asks.
func (c Call) IsInquiry() bool { return c.Kind == CallInquirePayment || c.Kind == CallInquireRefund }

// NextDue returns when something is owed next: a call, or the end of a claim in force. Zero means that nothing is. It
// is later than what was scheduled where APO was asked very often, see [CallsPerMinuteMax].
func (o Order) NextDue() time.Time { return o.nextDue() }

func (o *Order) nextDue() time.Time {
	due := o.WatchDue
	if p := &o.Operation; p.outstanding() {
		due = earlier(due, p.Due)
	}
	if p := o.dueFirst(); p != nil {
		due = earlier(due, p.Due)
	}
	if due.IsZero() {
		return due
	}
	if lease := o.claimedUntil(); inForce(lease, due) {
		due = lease
	}
	if o.pausing(due) {
		due = time.Unix(0, o.room()).UTC()
	}
	return due
}

// claimedUntil is the end of the latest claim that is not answered.
func (o *Order) claimedUntil() time.Time {
	if o.Inquiry.Open && o.Inquiry.Lease.After(o.Operation.Lease) {
		return o.Inquiry.Lease
	}
	return o.Operation.Lease
}

// claimed reports whether a claim is in force. One that ends further ahead than any lease was made by a clock that has
// gone back since: waiting for it could take years.
func (o *Order) claimed(now time.Time) bool {
	return inForce(o.Operation.Lease, now) || o.Inquiry.Open && inForce(o.Inquiry.Lease, now)
}

func inForce(lease, now time.Time) bool { return now.Before(lease) && lease.Sub(now) <= LeaseMax }

// free reports whether APO may be asked at now, if anything is owed: no claim is in force, because what was perhaps
// sent must get its time to answer, and it was not asked as often as it may be.
func (o *Order) free(now time.Time) bool { return !o.claimed(now) && !o.pausing(now) }

// Due returns the call that APO is owed at now, before it is claimed; ok is false while nothing is due, a claim is in
// force, or APO has been asked [CallsPerMinuteMax] times lately.
func (o Order) Due(now time.Time) (c Call, ok bool) {
	if !o.free(now) {
		return Call{}, false
	}
	p := &o.Operation
	if p.outstanding() && !p.Due.IsZero() && !now.Before(p.Due) {
		if o.mustInquire(now) {
			return o.inquiry(), true
		}
		return o.operationCall(p.Attempt + 1), true
	}
	if p := o.dueFirst(); p != nil && !now.Before(p.Due) {
		return o.refundInquiry(p), true
	}
	if !o.WatchDue.IsZero() && !now.Before(o.WatchDue) {
		return o.paymentInquiry(), true
	}
	return Call{}, false
}

// Claimed returns the call that the newest claim stands for: what its writer may make until the lease ends. ok is false
// when the newest claim has been answered.
func (o Order) Claimed() (c Call, ok bool) {
	p := &o.Operation
	if o.known.has(knownInquiring) {
		if !o.Inquiry.Open {
			return Call{}, false
		}
		c = o.paymentInquiry()
		if p := o.current(o.Inquiry.Intent); o.Inquiry.Subject == events.SubjectRefund && p != nil {
			c = o.refundInquiry(p)
		}
		c.Number, c.Lease = o.Inquiry.Number, o.Inquiry.Lease
		return c, true
	}
	if p.Phase == Requested && p.Answered&attemptBit(p.Attempt) == 0 {
		c = o.operationCall(p.Attempt)
		c.Lease = p.Lease
		return c, true
	}
	return Call{}, false
}

// mustInquire says whether the operation's next contact is an inquiry: always for what APO works on or a person has,
// and for what no new command could ask any more; from the third try on, after an F that did not decide, and after a
// long silence, because "the same id again" is safe only while APO remembers the id. Where the clock has gone back
// nobody knows how long it was.
func (o *Order) mustInquire(now time.Time) bool {
	p := &o.Operation
	silent := now.Sub(p.AskedAt) >= SilenceMax || now.Before(p.AskedAt)
	if p.Phase == Accepted || p.Phase == Parked || p.Attempt >= AttemptsMax {
		return true
	}
	again, _, _ := o.askedAnew(p, now)
	switch {
	case !again:
		return true
	case p.Cleared:
		return silent
	}
	return p.Inquire || p.Attempt >= 2 || silent
}

func (o *Order) operationCall(attempt uint64) Call {
	p := &o.Operation
	c := Call{Kind: p.Kind, OrderID: o.ID, Intent: p.Intent, Attempt: attempt, RequestID: p.RequestID,
		PaymentID: p.PaymentID, Amount: p.Amount}
	switch p.Kind {
	case CallCancel:
		c.PaymentID, c.PaymentRequestID = p.By.PaymentID, p.By.PaymentRequestID
		c.MerchantAccountID = o.MerchantAccountID
	case CallCapture:
		c.Last = p.Last
	case CallRefund:
		c.Reason = p.Reason
	}
	return c
}

// subject is what an inquiry about the operation is about.
func (p *Operation) subject() events.Subject {
	if p.Kind == CallRefund {
		return events.SubjectRefund
	}
	return events.SubjectPayment
}

// inquiry is the next inquiry about the outstanding operation; without one, about the accepted refund that APO was not
// asked about for longest, or the payment.
func (o *Order) inquiry() Call {
	switch last := o.askedLast(); {
	case o.Operation.Kind == CallRefund:
		return o.refundInquiry(&o.Operation)
	case !o.Operation.outstanding() && last != nil:
		return o.refundInquiry(last)
	}
	return o.paymentInquiry()
}

func (o *Order) refundInquiry(p *Operation) Call {
	return Call{Kind: CallInquireRefund, OrderID: o.ID, Intent: p.Intent, RequestID: p.RequestID,
		Number: o.Inquiry.Number + 1, MerchantAccountID: o.MerchantAccountID}
}

func (o *Order) paymentInquiry() Call {
	c := Call{Kind: CallInquirePayment, OrderID: o.ID, Intent: o.Operation.Intent, PaymentID: o.PaymentID,
		Number: o.Inquiry.Number + 1, MerchantAccountID: o.MerchantAccountID}
	if c.PaymentID == "" {
		c.PaymentRequestID = o.PaymentRequestID
	}
	return c
}
