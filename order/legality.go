package order

import (
	"fmt"
	"sync"
	"time"

	"github.com/tilltape/tilltape/events"
)

// ask is a command as legality sees it: guards about an amount ask only where one is given.
type ask struct {
	verb   Verb
	amount Money
	open   bool              // no amount yet: is there any amount it could be given with?
	word   events.Resolution // of a resolution that overrides nothing
}

// question is a command put to an order. It holds copies: guards are called through a table, which the compiler cannot see
// through, so what they are pointed at cannot stay on the stack. Pooled: it is by far the largest thing a decision needs.
type question struct {
	o   Order
	env Env
	ask ask
}

var questions = sync.Pool{New: func() any { return new(question) }}

// guard refuses a command that its status would allow. The zero refusal lets it pass.
type guard func(*question) refusal

type refusal struct {
	reason  Reason
	cause   Cause
	detail  string
	legalAt time.Time
}

// permit judges a command by the FSM and the guards. The FSM arbitrates what status and phase allow; the table gives
// the reason where it does not.
func (o *Order) permit(a ask, env *Env) (Permit, error) {
	p, reason := CommandPermit(a.verb, o.Status)
	if !statusArbiter.can(o.Status.String(), a.verb.String()) {
		return Refused, o.reject(a.verb, reason, o.statusCause())
	}
	if p != Allowed {
		return p, nil
	}
	q := questions.Get().(*question)
	q.o, q.env, q.ask = *o, *env, a
	defer func() {
		*q = question{} // the pool must not keep an order's past alive
		questions.Put(q)
	}()
	for _, g := range guards[a.verb] {
		if r := g(q); r.reason != ReasonNone {
			e := o.reject(a.verb, r.reason, r.cause)
			e.Detail, e.LegalAt = r.detail, r.legalAt
			return Refused, e
		}
	}
	return Allowed, nil
}

func (o *Order) reject(v Verb, reason Reason, cause Cause) *RejectedError {
	return &RejectedError{Order: o.ID, Command: v, Status: o.Status, Reason: reason, Cause: cause, Remedy: o.remedy(v, reason)}
}

// remedy is the reason's, unless the order as it stands leaves another way out.
func (o *Order) remedy(v Verb, reason Reason) string {
	switch {
	case reason == ReasonRefunded && v == VerbCapture:
		return "place a new order for the rest"
	case (reason == ReasonRefunded || reason == ReasonRemainder && v == VerbRefund) && o.Refundable() == 0:
		return "nothing remains to give back"
	case reason == ReasonRemainder && v == VerbCapture && o.Capturable() == 0:
		return "nothing remains to capture"
	case reason == ReasonRemainder && v == VerbResolve:
		return "inquire for what is not on record yet, or resolve as failed"
	case reason == ReasonCapturing && v != VerbCancel:
		return "wait for its outcome"
	case reason == ReasonGatewayCapture && v == VerbCapture:
		return "wait for its result; capture only if it fails"
	case reason == ReasonNothingCaptured && (o.Gateway == GatewayOutstanding || o.Operation.Kind == OpCapture):
		return "wait for the capture that is under way, then refund"
	case reason == ReasonNoLateMoney && o.Late.held() > 0:
		return "clear the anomaly once APO has let the rest go"
	case reason == ReasonNoLateMoney && o.Status == Cancelled:
		return "nothing to do"
	case (reason == ReasonWindow || reason == ReasonNeverCancels) && o.Status == Paid:
		return "refund instead"
	case reason == ReasonWindow && o.Status == Authorized:
		return "let the authorization expire uncaptured"
	}
	return reason.Remedy()
}

// statusCause is the record that brought the order into its status.
func (o *Order) statusCause() Cause {
	switch o.Status {
	case Unplaced:
		return Cause{}
	case Authorized, Paid:
		return o.paymentMark.cause()
	case Captured:
		return o.captureMark.cause()
	case Refunded:
		return o.refundMark.cause()
	case Cancelled, Failed:
		c := o.endMark.cause()
		c.ID = ""
		return c
	}
	return Cause{Version: 1, At: o.CreatedAt}
}

func guardIdle(q *question) refusal {
	o := &q.o
	p := &o.Operation
	if operationArbiter.can(p.Phase.String(), string(stepIntent)) {
		return refusal{}
	}
	r := refusal{cause: Cause{Version: p.Intent, At: p.Since, ID: p.RequestID}, detail: p.Phase.String()}
	if p.Attempt > 1 {
		r.detail = fmt.Sprintf("%s, %d attempts", p.Phase, p.Attempt)
	}
	switch {
	case p.Phase == Parked:
		r.reason, r.cause.At, r.detail = ReasonParked, p.ParkedAt, p.Kind.String()
	case p.Kind == OpCancel:
		r.reason = ReasonCancelling
	case p.Kind == OpCapture:
		r.reason = ReasonCapturing
	default:
		r.reason = ReasonRefunding
	}
	return r
}

func guardGateway(q *question) refusal {
	o := &q.o
	if o.Gateway == GatewayOutstanding {
		return refusal{reason: ReasonGatewayCapture, cause: o.gatewayMark.cause()}
	}
	return refusal{}
}

func guardHeld(q *question) refusal {
	o := &q.o
	if len(o.Held) == 0 {
		return refusal{}
	}
	h := o.Held[0]
	return refusal{reason: ReasonHeldRefund, cause: Cause{Version: h.Version, At: h.At, ID: first(h.RefundID, h.RefundRequestID)}}
}

func guardWindow(q *question) refusal {
	o := &q.o
	w := q.env.Policy.Windows.For(o.Acquirer, o.Method)
	open, closes := w.Open(q.env.Now, o.PaymentAt)
	switch {
	case open:
		return refusal{}
	case w.Kind == WindowNever:
		return refusal{reason: ReasonNeverCancels, cause: Cause{Version: 1, At: o.CreatedAt}, detail: o.Acquirer + " " + o.Method}
	}
	r := refusal{reason: ReasonWindow, cause: o.paymentMark.cause(), detail: w.Kind.String()}
	if !closes.IsZero() {
		r.detail = "at " + closes.UTC().Format(time.RFC3339)
	}
	return r
}

func guardMode(q *question) refusal {
	o := &q.o
	switch {
	case o.CaptureMode == CaptureNone:
		return refusal{reason: ReasonOneStep, cause: o.paymentMark.cause()}
	case o.CaptureMode == CaptureAutomatic && o.Gateway == GatewayNone:
		return refusal{reason: ReasonAutomatic, cause: o.statusCause()}
	}
	return refusal{}
}

func guardSeveral(q *question) refusal {
	o := &q.o
	switch {
	case o.Status != Captured:
		return refusal{}
	case o.lastCapture:
		return refusal{reason: ReasonLastCapture, cause: o.captureMark.cause()}
	case o.Capturable() > 0 && !q.env.Policy.takesSeveral(o.Method):
		return refusal{reason: ReasonSingleCapture, cause: o.captureMark.cause()}
	}
	return refusal{}
}

func guardExpiry(q *question) refusal {
	o := &q.o
	if o.Expires.IsZero() || q.env.Now.Before(o.Expires) {
		return refusal{}
	}
	return refusal{reason: ReasonExpired, cause: o.paymentMark.cause(), detail: "at " + o.Expires.UTC().Format(time.RFC3339)}
}

func guardRemainder(q *question) refusal {
	o := &q.o
	return o.guardAmount(&q.ask, o.Capturable(), newest(o.captureMark, o.paymentMark))
}

func guardRefundable(q *question) refusal {
	o := &q.o
	return o.guardAmount(&q.ask, o.Refundable(), newest(o.refundMark, o.captureMark, o.paymentMark))
}

// newest is the record that left what remains.
func newest(marks ...mark) Cause {
	var m mark
	for _, other := range marks {
		if other.version > m.version {
			m = other
		}
	}
	return m.cause()
}

// guardAmount compares without adding, so that no amount can overflow it.
func (o *Order) guardAmount(a *ask, remains int64, cause Cause) refusal {
	rest := Money{Minor: remains, Currency: o.Amount.Currency}
	switch {
	case a.open && remains > 0:
		return refusal{}
	case a.open:
		return refusal{reason: ReasonRemainder, cause: cause, detail: "nothing remains"}
	case a.amount.Minor <= 0:
		return refusal{reason: ReasonAmount, detail: fmt.Sprintf("got %d minor units", a.amount.Minor)}
	case a.amount.Currency != o.Amount.Currency:
		return refusal{reason: ReasonCurrency, detail: fmt.Sprintf("got %q, the order is in %s", a.amount.Currency, o.Amount.Currency)}
	case a.amount.Minor > remains:
		return refusal{reason: ReasonRemainder, cause: cause, detail: fmt.Sprintf("%s asked, %s remains", a.amount, rest)}
	}
	return refusal{}
}

func guardPaymentID(q *question) refusal {
	o := &q.o
	if o.PaymentID == "" {
		return refusal{reason: ReasonNoPaymentID, cause: Cause{Version: 1, At: o.CreatedAt}}
	}
	return refusal{}
}

func guardReversal(q *question) refusal {
	o := &q.o
	if a, open := o.reversal(); open {
		return refusal{reason: ReasonReversal, cause: Cause{Version: a.Version, At: a.At}}
	}
	return refusal{}
}

func guardParked(q *question) refusal {
	o := &q.o
	if o.Operation.Phase == Parked {
		return refusal{}
	}
	return refusal{reason: ReasonNotParked, cause: o.statusCause()}
}

func guardFreshInquiry(q *question) refusal {
	o := &q.o
	if o.freshlyInquired(q.env.Now) {
		return refusal{}
	}
	return refusal{reason: ReasonStaleInquiry, cause: Cause{Version: o.Operation.Intent, At: o.Operation.Since}}
}

func guardContradiction(q *question) refusal {
	o := &q.o
	impossible := o.Operation.Kind == OpCancel && q.ask.word == events.ResolvedSucceeded // whatever APO said
	if q.ask.word == 0 || impossible || !o.Inquiry.Said.contradicts(q.ask.word) {
		return refusal{}
	}
	return refusal{reason: ReasonContradicts, cause: Cause{Version: o.Operation.Intent, At: o.Inquiry.Answered}, detail: o.Inquiry.Said.String()}
}

func guardLate(q *question) refusal {
	o := &q.o
	_, open := o.late()
	switch {
	case !open || o.Late.IsZero():
		return refusal{reason: ReasonNoLateMoney, cause: o.statusCause()}
	case o.Late.owed() <= 0 && o.Late.Captured > 0: // APO cancels nothing of what was captured in part
		return refusal{reason: ReasonNoLateMoney, cause: o.statusCause(), detail: "what was not captured of the late authorization can only expire"}
	}
	return refusal{}
}

func guardLateRefund(q *question) refusal {
	o := &q.o
	if o.Late.owed() > 0 && o.PaymentID == "" {
		return refusal{reason: ReasonNoPaymentID, cause: Cause{Version: 1, At: o.CreatedAt}}
	}
	return refusal{}
}

// guardLateInquiry wants APO's word since the late money became known: what is held may be captured by now, and what was
// captured may have gone back.
func guardLateInquiry(q *question) refusal {
	o := &q.o
	late, _ := o.late()
	if o.freshlyInquired(q.env.Now) {
		return refusal{}
	}
	return refusal{reason: ReasonStaleInquiry, cause: Cause{Version: late.Version, At: late.At}}
}

// freshlyInquired reports whether APO has just told how what matters now stands.
func (o *Order) freshlyInquired(now time.Time) bool {
	last := &o.Inquiry
	age := now.Sub(last.Answered) // below zero: the clock has gone back, and nobody knows
	return !last.Open && !last.Answered.IsZero() && age >= 0 && age <= FreshInquiry && last.Subject == o.subject()
}

// Action says whether a command is legal now.
type Action struct {
	Verb     Verb
	Legal    bool
	Max      Money          // of a capture or refund: the most it may be given with
	Rejected *RejectedError // why not, because of which record, and what to do instead; nil where Legal
}

// Actions answers, for every command a person can give, whether it is legal now, and if not why, because of which
// record, and what to do instead. Rejections, the command line and every other view speak from it.
func (o Order) Actions(env Env) []Action {
	out := make([]Action, 0, len(verbNames)-1)
	for _, v := range Verbs() {
		a := Action{Verb: v}
		_, err := o.permit(ask{verb: v, open: true}, &env)
		if v == VerbClearAnomaly && err == nil && len(o.Anomalies) == 0 {
			err = o.reject(v, ReasonNoAnomaly, Cause{})
		}
		a.Legal = err == nil
		if r, ok := err.(*RejectedError); ok {
			a.Rejected = r
		}
		switch {
		case a.Legal && v == VerbCapture:
			a.Max = Money{Minor: o.Capturable(), Currency: o.Amount.Currency}
		case a.Legal && v == VerbRefund:
			a.Max = Money{Minor: o.Refundable(), Currency: o.Amount.Currency}
		}
		out = append(out, a)
	}
	return out
}
