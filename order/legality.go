package order

import (
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/law"
)

// question is a command as the rules see it.
type question struct {
	verb       Verb
	amount     Money             // of a capture or refund
	last       bool              // of a capture
	resolution events.Resolution // of a resolve
	override   bool              // of a resolve
	record     uint64            // of a resolve: what it is about, 0: the operation that is parked
	anomaly    uint64            // of a clear
	open       bool              // none of these yet: is there anything it could be given with?
}

// permit judges a command by the FSM and the rules. The FSM arbitrates what status and phase allow; the table gives
// the reason where it does not.
func (o *Order) permit(q *question, env *Env) (law.Permit, *RejectedError) {
	p, reason := o.permits(q.verb)
	if !statusArbiter.can(o.Status, q.verb.String()) {
		return law.Refused, o.bothParts(o.reject(q.verb, reason, o.causeOfStatus(q.verb)), env)
	}
	policy := &env.Policy
	switch p {
	case law.Already:
		return p, nil
	case law.Local: // the window is about what is sent
		policy = nil
	}
	if r := o.objection(q, env.Now, policy); r != nil {
		return law.Refused, r
	}
	return p, nil
}

// objection asks the rules of a command that its status allows, in their order, and says which is broken first; nil:
// none. Where the command stands on record the policy of its day does not: policy is nil, and its rules are left out.
func (o *Order) objection(q *question, now time.Time, policy *Policy) *RejectedError {
	rules := law.Rules(law.Verb(q.verb))
	for i := range rules {
		r := &rules[i]
		if r.Policy && policy == nil {
			continue
		}
		if rejected := o.ask(r.Guard, q, now, policy); rejected != nil {
			return rejected
		}
	}
	return nil
}

func (o *Order) reject(v Verb, reason Reason, cause Cause) *RejectedError {
	return &RejectedError{OrderID: o.ID, Command: v, Status: o.Status, Reason: reason, Cause: cause,
		Remedy: o.remedy(v, reason)}
}

// with adds figures.
func (e *RejectedError) with(detail string) *RejectedError {
	e.Detail = detail
	return e
}

// remedy is the reason's, unless the order as it stands leaves another way out.
func (o *Order) remedy(v Verb, reason Reason) string {
	switch {
	case reason == ReasonRefunded && v == VerbCapture:
		return "create a new order for the rest"
	case (reason == ReasonNothingCaptured || reason == ReasonNotAuthorized) && o.contradicted() != nil:
		return ReasonUnaccounted.Remedy()
	case reason == ReasonCurrency && v == VerbResolve:
		return "resolve it as failed if APO says so; as long as it stands, this order takes no other command"
	case reason == ReasonRefunded && v == VerbCancel && o.Status == Authorized:
		return "capture it, or let the authorization end uncaptured"
	case (reason == ReasonRefunded || reason == ReasonRemainder && v == VerbRefund) && o.refundable() == 0:
		return "nothing remains to give back"
	case reason == ReasonRemainder && v == VerbCapture && o.capturable() == 0:
		return "nothing remains to capture"
	case reason == ReasonRemainder && v == VerbResolve:
		return "reconcile for what is not on record yet, or resolve as failed"
	case reason == ReasonCapturing && v != VerbCancel:
		return "wait for its outcome; APO is asked again by itself, and at once by reconcile"
	case reason == ReasonGatewayCapture && v == VerbCapture:
		return "wait for its result; capture only if it fails"
	case reason == ReasonNothingCaptured && (o.Gateway == GatewayOutstanding || o.Operation.Kind == CallCapture):
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

// What a cancel's remedy says of what is still held where some was captured.
const (
	endRest  = "give up what is still held with a last capture, then refund"
	zeroRest = "give up what is still held with a last capture of zero, then refund"
	restEnds = "; what is still held ends with the authorization"
)

// bothParts completes the remedy of a cancel whose order is captured in part: what is still held has to end too. A last
// capture comes before the refund, because after it nothing can be captured any more.
func (o *Order) bothParts(r *RejectedError, env *Env) *RejectedError {
	over := !o.Expires.IsZero() && !env.Now.Before(o.Expires)
	if r.Command != VerbCancel || o.Captured == 0 || o.capturable() <= 0 || over || o.Gateway == GatewayOutstanding ||
		o.Operation.outstanding() {
		return r
	}
	permit, _ := o.permits(VerbCapture)
	switch {
	case permit != law.Allowed || o.objection(&question{verb: VerbCapture, open: true}, env.Now, &env.Policy) != nil:
		r.Remedy += restEnds
	case env.Policy.takesZero(o.Method):
		r.Remedy = zeroRest
	default:
		r.Remedy = endRest
	}
	return r
}

// causeOfStatus is the record for which the status refuses the command: of another create, the first one.
func (o *Order) causeOfStatus(v Verb) Cause {
	if v == VerbCreate && o.Status != Unplaced {
		return Cause{Version: 1, At: o.CreatedAt}
	}
	return o.statusCause()
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

// Action says whether a command is legal now.
type Action struct {
	Verb     Verb
	Legal    bool
	Max      Money          // of a capture or refund: the most it may be given with; zero: only a last capture of zero
	Rejected *RejectedError // why not, because of which record, and what to do instead; nil where Legal
}

// Actions answers, for every command a person can give, whether it is legal now, and if not why, because of which
// record, and what to do instead. Rejections, the command line and every other view speak from it.
func (o Order) Actions(env Env) []Action {
	env.Now = env.Now.Round(0)
	verbs := law.Verbs()
	out := make([]Action, 0, len(verbs))
	for _, verb := range verbs {
		v := Verb(verb)
		_, r := o.permit(&question{verb: v, open: true}, &env)
		a := Action{Verb: v, Legal: r == nil, Rejected: r}
		switch {
		case a.Legal && v == VerbCapture:
			a.Max = o.money(o.capturable())
			if o.Status == Captured && !env.Policy.takesSeveral(o.Method) {
				a.Max = o.money(0) // what is left can be given up, and not captured
			}
		case a.Legal && v == VerbRefund:
			a.Max = o.money(o.refundable())
		}
		out = append(out, a)
	}
	return out
}
