package order

import (
	"fmt"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/law"
	"github.com/tilltape/tilltape/order/window"
)

// ask puts a question to one guard; nil lets the command pass. What a guard asks stands here and nowhere else: commands
// are decided by it, logs are judged by it, and what is said of it stands in its row.
func (o *Order) ask(g law.Guard, q *question, now time.Time, policy *Policy) *RejectedError {
	switch g {
	case law.GuardIdle:
		return o.guardIdle(q, policy != nil)
	case law.GuardGateway:
		return o.guardGateway(q)
	case law.GuardHeld:
		return o.guardHeld(q)
	case law.GuardUnaccounted:
		return o.guardUnaccounted(q)
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
	case law.GuardParked:
		return o.guardParked(q)
	case law.GuardFreshInquiry:
		return o.guardFreshInquiry(q, now)
	case law.GuardOnlyAPO:
		return o.guardOnlyAPO(q)
	case law.GuardContradiction:
		return o.guardContradiction(q)
	case law.GuardFits:
		return o.guardFits(q, now)
	case law.GuardLate:
		return o.guardLate(q)
	case law.GuardLatePaymentID:
		return o.guardPaymentID(q, o.Late.owed() > 0)
	case law.GuardLateInquiry:
		late, _ := o.late()
		return o.guardInquired(q, now, o.subject(), Cause{Version: late.Version, At: late.At})
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
	return operationArbiter.can(o.Operation.Phase.String(), law.StepIntent.String())
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

func (o *Order) guardGateway(q *question) *RejectedError {
	if o.Gateway != GatewayOutstanding {
		return nil
	}
	return o.reject(q.verb, ReasonGatewayCapture, o.gatewayMark.cause())
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

// guardCapturable lets zero pass where it gives up what is left.
func (o *Order) guardCapturable(q *question) *RejectedError {
	nothing := q.last && o.Captured > 0 && q.amount == o.money(0)
	switch remains := o.capturable(); {
	case !nothing:
		return o.guardAmount(q, remains, o.captureMark, o.paymentMark)
	case remains <= 0:
		return o.reject(q.verb, ReasonRemainder, o.captureMark.cause()).with("nothing remains")
	}
	return nil
}

// guardRefundable names the doubt where only that leaves too little.
func (o *Order) guardRefundable(q *question) *RejectedError {
	r := o.guardAmount(q, o.refundable(), o.refundMark, o.captureMark, o.paymentMark)
	if r == nil || r.Reason != ReasonRemainder || q.amount.Minor > o.left() || o.left() <= 0 {
		return r
	}
	switch bad, doubted := o.contradicted(), o.doubted(); {
	case doubted != nil && doubted.kind == captures:
		return o.reject(q.verb, ReasonReversal, o.causeOfDoubt(doubted.doubt)).with(r.Detail)
	case bad != nil:
		return o.reject(q.verb, ReasonUnaccounted, o.causeOfDoubt(bad.version)).with(r.Detail)
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
func (o *Order) guardAmount(q *question, remains int64, marks ...mark) *RejectedError {
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
func newest(marks ...mark) Cause {
	var m mark
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
	cause := Cause{Version: uint64(record)}
	for i := range o.Anomalies {
		if a := &o.Anomalies[i]; a.Version == cause.Version {
			cause.At = a.At
		}
	}
	return cause
}

func (o *Order) guardParked(q *question) *RejectedError {
	switch {
	case q.record == 0 && o.Operation.Phase == Parked, q.open && o.inDoubt(), q.record != 0 && o.undecided(q.record) >= 0:
		return nil
	case q.record != 0:
		return o.reject(q.verb, ReasonNoDoubt, Cause{Version: q.record})
	}
	return o.reject(q.verb, ReasonNotParked, o.statusCause())
}

// guardInquired wants APO's word of just now: on an operation that a person resolves, and since late money became
// known, because what is held may be captured by now, and what was captured may have gone back.
func (o *Order) guardInquired(q *question, now time.Time, about events.Subject, cause Cause) *RejectedError {
	last := &o.Inquiry
	age := now.Sub(last.Answered) // below zero: the clock has gone back, and nobody knows
	if !last.Open && !last.Answered.IsZero() && age >= 0 && age <= FreshInquiry && last.Subject == about {
		return nil
	}
	return o.reject(q.verb, ReasonStaleInquiry, cause)
}

// guardFreshInquiry is guardInquired of what a person resolves. About a transfer in doubt APO must have been asked
// since the doubt arose.
func (o *Order) guardFreshInquiry(q *question, now time.Time) *RejectedError {
	at := o.undecided(q.record)
	if q.record == 0 && o.Operation.Phase == Parked || at < 0 {
		return o.guardInquired(q, now, o.subject(), Cause{Version: o.Operation.Intent, At: o.Operation.Since})
	}
	t := &o.book[at]
	since := max(t.version, t.doubt)
	if o.Inquiry.started <= since {
		return o.reject(q.verb, ReasonStaleInquiry, o.causeOfDoubt(since))
	}
	return o.guardInquired(q, now, events.SubjectPayment, o.causeOfDoubt(since))
}

func (o *Order) guardOnlyAPO(q *question) *RejectedError {
	if q.record != 0 || o.Operation.Kind != CallCancel || q.resolution != events.ResolvedSucceeded {
		return nil
	}
	return o.reject(q.verb, ReasonOnlyAPO, Cause{Version: o.Operation.Intent, At: o.Operation.Since})
}

func (o *Order) guardContradiction(q *question) *RejectedError {
	if q.open || q.record != 0 || q.override || !o.Inquiry.told.contradicts(q.resolution) {
		return nil
	}
	cause := Cause{Version: o.Operation.Intent, At: o.Inquiry.Answered}
	return o.reject(q.verb, ReasonContradicts, cause).with(o.Inquiry.told.String())
}

// guardFits tries a resolution on a copy. Of APO "succeeded" would be a fact, and held or shown where other money has
// taken its room. An operator's word is a command, and must not be kept as done while what it was about stays parked.
func (o *Order) guardFits(q *question, now time.Time) *RejectedError {
	if q.resolution != events.ResolvedSucceeded {
		return nil
	}
	if q.record != 0 {
		return o.guardCurrency(q)
	}
	d := newDecision(*o, &Env{Now: now}, "")
	d.resolve(q.resolution)
	if !d.o.Operation.Outstanding() {
		return nil
	}
	p := &o.Operation
	remains, cause := o.fullAmount()-o.Captured, newest(o.captureMark, o.paymentMark)
	switch {
	case p.Kind == CallRefund:
		remains, cause = o.left(), newest(o.refundMark, o.captureMark, o.paymentMark)
		if o.Status == Cancelled {
			remains = max(remains, o.Late.owed())
		}
	case o.Status == Cancelled:
		remains = o.fullAmount() - o.Late.Captured
	}
	detail := fmt.Sprintf("%s %s, %s remains", p.Kind, p.Amount, o.money(remains))
	return o.reject(q.verb, ReasonRemainder, cause).with(detail)
}

// guardCurrency refuses to count a transfer that the order's amounts have no place for.
func (o *Order) guardCurrency(q *question) *RejectedError {
	at := o.undecided(q.record)
	if at < 0 || !o.book[at].has(markForeign) {
		return nil
	}
	return o.reject(q.verb, ReasonCurrency, o.causeOfDoubt(o.book[at].version))
}

func (o *Order) guardLate(q *question) *RejectedError {
	_, open := o.late()
	switch {
	case !open || o.Late.IsZero():
		return o.reject(q.verb, ReasonNoLateMoney, o.statusCause())
	case o.Late.owed() <= 0 && o.Late.Captured > 0: // APO cancels nothing of what was captured in part
		const detail = "what was not captured of the late authorization can only expire"
		return o.reject(q.verb, ReasonNoLateMoney, o.statusCause()).with(detail)
	}
	return nil
}

func (o *Order) guardAnomaly(q *question) *RejectedError {
	for i := range o.Anomalies {
		if q.open || o.Anomalies[i].Version == q.anomaly {
			return nil
		}
	}
	return o.reject(q.verb, ReasonNoAnomaly, Cause{Version: q.anomaly})
}
