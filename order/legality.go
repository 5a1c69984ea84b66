package order

import (
	"fmt"
	"time"
)

// ask is a command as legality sees it: guards about an amount ask only where one is given.
type ask struct {
	verb   Verb
	amount Money
	open   bool // no amount yet: is there any amount it could be given with?
}

// guard refuses a command that its status would allow. The zero refusal lets it pass.
type guard func(o *Order, a *ask, env *Env) refusal

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
		return Refused, o.reject(a.verb, reason, o.statusCause(), env)
	}
	if p != Allowed {
		return p, nil
	}
	for _, g := range guards[a.verb] {
		if r := g(o, &a, env); r.reason != ReasonNone {
			e := o.reject(a.verb, r.reason, r.cause, env)
			e.Detail, e.LegalAt = r.detail, r.legalAt
			return Refused, e
		}
	}
	return Allowed, nil
}

func (o *Order) reject(v Verb, reason Reason, cause Cause, env *Env) *RejectedError {
	e := &RejectedError{Order: o.ID, Command: v, Status: o.Status, Reason: reason, Cause: cause, Remedy: reason.Remedy()}
	if reason == ReasonRefunded && o.Refundable() == 0 {
		e.Remedy = "nothing remains to give back"
	}
	return e
}

// statusCause is the record that brought the order into its status.
func (o *Order) statusCause() Cause {
	switch o.Status {
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

func guardIdle(o *Order, _ *ask, _ *Env) refusal {
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
		r.reason, r.cause.At = ReasonParked, p.ParkedAt
	case p.Kind == OpCancel:
		r.reason = ReasonCancelling
	case p.Kind == OpCapture:
		r.reason = ReasonCapturing
	default:
		r.reason = ReasonRefunding
	}
	return r
}

func guardGateway(o *Order, _ *ask, _ *Env) refusal {
	if o.Gateway == GatewayOutstanding {
		return refusal{reason: ReasonGatewayCapture, cause: o.gatewayMark.cause()}
	}
	return refusal{}
}

func guardHeld(o *Order, _ *ask, _ *Env) refusal {
	if len(o.Held) == 0 {
		return refusal{}
	}
	h := o.Held[0]
	return refusal{reason: ReasonHeldRefund, cause: Cause{Version: h.Version, At: h.At, ID: first(h.RefundID, h.RefundRequestID)}}
}

func guardWindow(o *Order, _ *ask, env *Env) refusal {
	w := env.Policy.Windows.For(o.Acquirer, o.Method)
	open, closes := w.Open(env.Now, o.PaymentAt)
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

func guardMode(o *Order, _ *ask, _ *Env) refusal {
	switch {
	case o.CaptureMode == CaptureNone:
		return refusal{reason: ReasonOneStep, cause: o.paymentMark.cause()}
	case o.CaptureMode == CaptureAutomatic && o.Gateway == GatewayNone:
		return refusal{reason: ReasonAutomatic, cause: o.statusCause()}
	}
	return refusal{}
}

func guardSeveral(o *Order, _ *ask, env *Env) refusal {
	switch {
	case o.Status != Captured:
		return refusal{}
	case o.lastCapture:
		return refusal{reason: ReasonLastCapture, cause: o.captureMark.cause()}
	case o.Capturable() > 0 && !env.Policy.takesSeveral(o.Method):
		return refusal{reason: ReasonSingleCapture, cause: o.captureMark.cause()}
	}
	return refusal{}
}

func guardExpiry(o *Order, _ *ask, env *Env) refusal {
	if o.Expires.IsZero() || env.Now.Before(o.Expires) {
		return refusal{}
	}
	return refusal{reason: ReasonExpired, cause: o.paymentMark.cause(), detail: "since " + o.Expires.UTC().Format(time.RFC3339)}
}

func guardRemainder(o *Order, a *ask, _ *Env) refusal {
	return o.guardAmount(a, o.Capturable(), o.captureMark.cause())
}

func guardRefundable(o *Order, a *ask, _ *Env) refusal {
	return o.guardAmount(a, o.Refundable(), o.refundMark.cause())
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

func guardPaymentID(o *Order, _ *ask, _ *Env) refusal {
	if o.PaymentID == "" {
		return refusal{reason: ReasonNoPaymentID, cause: Cause{Version: 1, At: o.CreatedAt}}
	}
	return refusal{}
}

func guardReversal(o *Order, _ *ask, _ *Env) refusal {
	if a, open := o.reversal(); open {
		return refusal{reason: ReasonReversal, cause: Cause{Version: a.Version, At: a.At}}
	}
	return refusal{}
}

func guardParked(o *Order, _ *ask, _ *Env) refusal {
	if o.Operation.Phase == Parked {
		return refusal{}
	}
	return refusal{reason: ReasonNotParked, cause: o.statusCause()}
}

func guardFreshInquiry(o *Order, _ *ask, env *Env) refusal {
	if q := &o.Inquiry; !q.Open && !q.Answered.IsZero() && env.Now.Sub(q.Answered) <= FreshInquiry && q.Subject == o.subject() {
		return refusal{}
	}
	return refusal{reason: ReasonStaleInquiry, cause: Cause{Version: o.Operation.Intent, At: o.Operation.Since}}
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
			err = o.reject(v, ReasonNoAnomaly, Cause{}, &env)
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
