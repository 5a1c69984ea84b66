package order

import (
	"fmt"
	"slices"
	"time"

	"github.com/tilltape/tilltape/internal/law"
	"github.com/tilltape/tilltape/order/window"
)

// ask puts a question to one guard; nil lets the command pass. What a guard asks stands here and nowhere else: commands
// are decided by it, logs are judged by it, and what is said of it stands in its row.
func (o *Order) ask(g law.Guard, q *question, now time.Time, policy *Policy) *RejectedError {
	switch g {
	case law.GuardIdle:
		return o.guardIdle(q, policy != nil)
	case law.GuardNoRefund:
		return o.guardNoRefund(q)
	case law.GuardRefunds:
		return o.guardRefunds(q)
	case law.GuardGateway:
		return o.guardGateway(q)
	case law.GuardHeld:
		return o.guardHeld(q)
	case law.GuardUnaccounted:
		return o.guardUnaccounted(q)
	case law.GuardUncaptured:
		return o.guardUncaptured(q)
	case law.GuardMoved:
		return o.guardMoved(q)
	case law.GuardKept:
		return o.guardKept(q)
	case law.GuardWindow:
		return o.guardWindow(q, now, policy)
	case law.GuardMode:
		return o.guardMode(q)
	case law.GuardLast:
		return o.guardLast(q)
	case law.GuardSeveral:
		return o.guardSeveral(q, policy)
	case law.GuardExpiry:
		return o.guardExpiry(q, now)
	case law.GuardZero:
		return o.guardZero(q, policy)
	case law.GuardCapturable:
		return o.guardCapturable(q)
	case law.GuardRefundable:
		return o.guardRefundable(q)
	case law.GuardPaymentID:
		return o.guardPaymentID(q, true)
	case law.GuardReversal:
		return o.guardReversal(q)
	case law.GuardDispute:
		return o.guardDispute(q)
	case law.GuardParked:
		return o.guardParked(q, now)
	case law.GuardFreshInquiry:
		return o.guardFreshInquiry(q, now, policy)
	case law.GuardUnanswered:
		return o.guardUnanswered(q, now, policy)
	case law.GuardOnlyAPO:
		return o.guardOnlyAPO(q)
	case law.GuardContradiction:
		return o.guardContradiction(q)
	case law.GuardFits:
		return o.guardFits(q, now)
	case law.GuardLate:
		return o.guardLate(q)
	case law.GuardLatePaymentID:
		return o.guardPaymentID(q, o.Late.returnable() > 0)
	case law.GuardLateInquiry:
		return o.guardInquired(q, now, &o.Operation, o.lateRecord())
	case law.GuardAnomaly:
		return o.guardAnomaly(q)
	}
	return nil
}

// takesIntent reports whether the machine of operations takes an intent now. The FSM says it of a live command; of what
// stands on record the table compiled from the same rows does, which costs a replay less.
func (o *Order) takesIntent(live bool) bool {
	if !live {
		_, ok := o.Operation.Phase.next(law.StepIntent)
		return ok
	}
	return operationArbiter.can(o.Operation.Phase, law.StepIntent.String())
}

func (o *Order) guardIdle(q *question, live bool) *RejectedError {
	if o.takesIntent(live) {
		return nil
	}
	p := &o.Operation
	cause, detail := Cause{Version: p.Intent, At: p.Since, ID: p.RequestID}, p.Phase.String()
	if p.Attempt > 1 {
		detail = fmt.Sprintf("%s, %d attempts", p.Phase, p.Attempt)
	}
	reason := ReasonRefunding
	switch {
	case p.Phase == Parked:
		reason, cause.At, detail = ReasonParked, p.ParkedAt, p.Kind.String()
	case p.Kind == CallCancel:
		reason = ReasonCancelling
	case p.Kind == CallCapture:
		reason = ReasonCapturing
	}
	return o.reject(q.verb, reason, cause).with(detail)
}

// guardNoRefund refuses what must not be beside a refund that APO works on.
func (o *Order) guardNoRefund(q *question) *RejectedError {
	if len(o.Accepted) == 0 {
		return nil
	}
	p := &o.Accepted[0]
	if parked := slices.IndexFunc(o.Accepted, func(p Operation) bool { return p.Phase == Parked }); parked >= 0 {
		p = &o.Accepted[parked]
		return o.reject(q.verb, ReasonParked, Cause{Version: p.Intent, At: p.ParkedAt, ID: p.RequestID}).with(p.Kind.String())
	}
	return o.reject(q.verb, ReasonRefunding, Cause{Version: p.Intent, At: p.Since, ID: p.RequestID}).with(p.Phase.String())
}

func (o *Order) guardRefunds(q *question) *RejectedError {
	if len(o.Accepted) < RefundsMax {
		return nil
	}
	p := &o.Accepted[0]
	return o.reject(q.verb, ReasonRefunds, Cause{Version: p.Intent, At: p.Since, ID: p.RequestID})
}

func (o *Order) guardGateway(q *question) *RejectedError {
	if o.Gateway != GatewayOutstanding {
		return nil
	}
	return o.reject(q.verb, ReasonGatewayCapture, place{uint64(o.gateway), o.gatewayAt}.cause())
}

func (o *Order) guardHeld(q *question) *RejectedError {
	if len(o.Held) == 0 {
		return nil
	}
	h := &o.Held[0]
	cause := Cause{Version: h.Version, At: h.At, ID: first(h.RefundID, h.RefundRequestID)}
	return o.reject(q.verb, ReasonHeldRefund, cause)
}

func (o *Order) guardUnaccounted(q *question) *RejectedError {
	t := o.contradicted()
	if t == nil {
		return nil
	}
	return o.reject(q.verb, ReasonUnaccounted, o.causeOfDoubt(t.version))
}

func (o *Order) guardUncaptured(q *question) *RejectedError {
	if !o.capturedInTime() {
		return nil
	}
	return o.reject(q.verb, ReasonCaptured, o.captureMark.cause())
}

// guardMoved: what is only held APO may capture by itself, and a cancel beside that must not be.
func (o *Order) guardMoved(q *question) *RejectedError {
	t := o.paymentDoubt()
	if t == nil || !t.has(markHeld) {
		return nil
	}
	return o.reject(q.verb, ReasonReversal, o.causeOfDoubt(t.doubt))
}

func (o *Order) guardKept(q *question) *RejectedError {
	if o.Refunded == 0 {
		return nil
	}
	return o.reject(q.verb, ReasonRefunded, o.refundMark.cause())
}

func (o *Order) guardWindow(q *question, now time.Time, policy *Policy) *RejectedError {
	w := policy.Windows.For(o.Acquirer, o.Method)
	open, closes := w.Open(now, o.PaymentAt)
	switch {
	case open:
		return nil
	case w.Kind == window.Never:
		return o.reject(q.verb, ReasonNeverCancels, Cause{Version: 1, At: o.CreatedAt}).with(o.Acquirer + " " + o.Method)
	case closes.IsZero():
		return o.reject(q.verb, ReasonWindow, o.paymentMark.cause()).with(w.Kind.String())
	}
	return o.reject(q.verb, ReasonWindow, o.paymentMark.cause()).with("at " + closes.UTC().Format(time.RFC3339))
}

func (o *Order) guardMode(q *question) *RejectedError {
	switch {
	case o.CaptureMode == CaptureNone:
		return o.reject(q.verb, ReasonOneStep, o.paymentMark.cause())
	case o.CaptureMode == CaptureAutomatic && o.Gateway == GatewayNone:
		return o.reject(q.verb, ReasonAutomatic, o.statusCause())
	}
	return nil
}

func (o *Order) guardLast(q *question) *RejectedError {
	if o.lastCapture() == nil {
		return nil
	}
	return o.reject(q.verb, ReasonLastCapture, o.endMark.cause())
}

func (o *Order) guardSeveral(q *question, policy *Policy) *RejectedError {
	zero := q.amount.Minor == 0 && (!q.open || policy.takesZero(o.Method)) // captures nothing
	if o.Status != Captured || o.capturable() <= 0 || zero || policy.takesSeveral(o.Method) {
		return nil
	}
	return o.reject(q.verb, ReasonSingleCapture, o.captureMark.cause())
}

func (o *Order) guardZero(q *question, policy *Policy) *RejectedError {
	if q.open || q.amount.Minor != 0 || policy.takesZero(o.Method) {
		return nil
	}
	return o.rejectAmount(q)
}

// guardCapturable lets zero pass where it gives up what is left. It names the doubt where only that leaves too little.
func (o *Order) guardCapturable(q *question) *RejectedError {
	nothing := q.last && o.Captured > 0 && q.amount == o.money(0)
	remains := o.capturable()
	var r *RejectedError
	switch {
	case !nothing:
		r = o.guardAmount(q, remains, &o.captureMark, &o.paymentMark)
	case remains <= 0:
		r = o.reject(q.verb, ReasonRemainder, o.captureMark.cause()).with("nothing remains")
	}
	if t := o.paymentDoubt(); t != nil && r != nil && r.Reason == ReasonRemainder &&
		q.amount.Minor <= o.Authorized-o.Captured {
		return o.reject(q.verb, ReasonReversal, o.causeOfDoubt(t.doubt)).with(r.Detail)
	}
	return r
}

// guardRefundable names the doubt, or the refund that is held, where only that leaves too little.
func (o *Order) guardRefundable(q *question) *RejectedError {
	disputed := o.disputeMark()
	r := o.guardAmount(q, o.refundable(), &o.refundMark, &o.captureMark, &o.paymentMark, &disputed)
	if r == nil || r.Reason != ReasonRemainder || q.amount.Minor > o.undisputed() || o.undisputed() <= 0 {
		return r
	}
	switch bad, doubted := o.contradicted(), o.doubted(); {
	case doubted != nil && (doubted.kind == captures || doubted.kind == payments):
		return o.reject(q.verb, ReasonReversal, o.causeOfDoubt(doubted.doubt)).with(r.Detail)
	case bad != nil:
		return o.reject(q.verb, ReasonUnaccounted, o.causeOfDoubt(bad.version)).with(r.Detail)
	case len(o.Held) > 0:
		return o.guardHeld(q).with(r.Detail)
	}
	return r
}

func (o *Order) rejectAmount(q *question) *RejectedError {
	return o.reject(q.verb, ReasonAmount, Cause{}).with("got " + q.amount.String())
}

func (o *Order) guardExpiry(q *question, now time.Time) *RejectedError {
	if o.Expires.IsZero() || now.Before(o.Expires) {
		return nil
	}
	return o.reject(q.verb, ReasonExpired, o.paymentMark.cause()).with("at " + o.Expires.UTC().Format(time.RFC3339))
}

// guardAmount compares without adding, so that no amount can overflow it. The newest of the marks is the record that
// left what remains.
func (o *Order) guardAmount(q *question, remains int64, marks ...*mark) *RejectedError {
	switch {
	case q.open && remains > 0:
		return nil
	case q.open:
		return o.reject(q.verb, ReasonRemainder, newest(marks...)).with("nothing remains")
	case q.amount.Minor <= 0:
		return o.rejectAmount(q)
	case q.amount.Currency != o.Amount.Currency:
		detail := fmt.Sprintf("got %q, the order is in %s", q.amount.Currency, o.Amount.Currency)
		return o.reject(q.verb, ReasonCurrency, Cause{}).with(detail)
	case q.amount.Minor > remains:
		detail := fmt.Sprintf("%s asked, %s remains", q.amount, o.money(remains))
		return o.reject(q.verb, ReasonRemainder, newest(marks...)).with(detail)
	}
	return nil
}

// newest is the record that left what remains.
func newest(marks ...*mark) Cause {
	m := &mark{}
	for _, other := range marks {
		if other.version > m.version {
			m = other
		}
	}
	return m.cause()
}

func (o *Order) guardPaymentID(q *question, needed bool) *RejectedError {
	if !needed || o.PaymentID != "" {
		return nil
	}
	return o.reject(q.verb, ReasonNoPaymentID, Cause{Version: 1, At: o.CreatedAt})
}

func (o *Order) guardReversal(q *question) *RejectedError {
	t := o.doubted()
	if t == nil {
		return nil
	}
	return o.reject(q.verb, ReasonReversal, o.causeOfDoubt(t.doubt))
}

// causeOfDoubt is the record that tells of a doubt. The rules do not rest on its anomaly: that may be cleared, and then
// tells no time.
func (o *Order) causeOfDoubt(record uint32) Cause {
	a, _ := o.openAnomaly(uint64(record))
	return Cause{Version: uint64(record), At: a.At}
}

func (o *Order) guardDispute(q *question) *RejectedError {
	if q.verb == VerbCapture {
		if t := o.foreignDispute(); t != nil {
			const detail = "in another currency than the order's"
			return o.reject(q.verb, ReasonDisputed, Cause{Version: uint64(t.version)}).with(detail)
		}
		return nil
	}
	t := o.openDispute()
	if t == nil {
		if lost := o.lostDispute(); q.verb == VerbCancel && lost != nil {
			return o.reject(q.verb, ReasonDisputed, Cause{Version: uint64(lost.version)}).with("it took money")
		}
		if q.verb == VerbCompensate && o.inDispute() > 0 {
			return o.reject(q.verb, ReasonDisputed, o.disputeMark().cause()).with("it took an unknown amount")
		}
		return nil
	}
	detail := "defended"
	switch {
	case t.has(markDefended):
	case t.has(markUndefendable):
		detail = "it cannot be defended"
	case t.has(markUndated):
		detail = "not defended yet"
	default:
		detail = "to be defended by " + time.Unix(0, t.at).UTC().Format(time.RFC3339)
	}
	return o.reject(q.verb, ReasonDisputed, Cause{Version: uint64(t.version)}).with(detail)
}

func (o *Order) guardLate(q *question) *RejectedError {
	switch {
	case o.Late.IsZero():
		return o.reject(q.verb, ReasonNoLateMoney, o.statusCause())
	case o.Late.returnable() <= 0 && o.Late.Captured > 0: // APO cancels nothing of what was captured in part
		const detail = "what was not captured of the late authorization can only expire"
		return o.reject(q.verb, ReasonNoLateMoney, o.statusCause()).with(detail)
	}
	return nil
}

func (o *Order) guardAnomaly(q *question) *RejectedError {
	if _, stands := o.openAnomaly(q.anomaly); stands || q.open && len(o.Anomalies) > 0 {
		return nil
	}
	return o.reject(q.verb, ReasonNoAnomaly, Cause{Version: q.anomaly})
}
