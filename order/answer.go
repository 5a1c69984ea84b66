package order

import (
	"fmt"

	"github.com/tilltape/tilltape/events"
)

// decideAnswer records what came of an attempt. What is not proven is unknown: only an S, and an F that says "not done"
// where every other attempt is known to have been refused too, end an operation here.
func decideAnswer(o *Order, c *RecordAnswer, env *Env) ([]events.Event, error) {
	p := &o.Operation
	d := newDecision(o, env, p.CommandID)
	v := &c.Verdict
	if v.Class == VerdictSucceeded && v.Evidence == nil && c.Call.Kind == CallCancel {
		v.Class, v.Problem = VerdictUnknown, "a success that nobody signed"
	}
	proof := events.Proof{Via: events.ViaAnswer, Attempt: c.Call.Attempt, Evidence: v.Evidence}
	if o.current(c.Call.Intent) == nil {
		d.lateAnswer(&c.Call, v, proof)
		return d.signed("record answer")
	}
	if p.Intent != c.Call.Intent {
		return nil, nil // APO has accepted it: a proven fact alone decides
	}
	if c.Call.Attempt == 0 || c.Call.Attempt > p.Attempt {
		return nil, &InvalidError{OrderID: o.ID, Command: "record answer", Field: "attempt",
			Problem: fmt.Sprintf("%d was never started; %d is the newest; give the call that Order.Claimed returned",
				c.Call.Attempt, p.Attempt)}
	}
	if p.Answered&attemptBit(c.Call.Attempt) != 0 {
		return nil, nil
	}
	waits := p.Phase == Accepted || p.Phase == Parked
	switch {
	case v.Class == VerdictSucceeded && p.Kind != CallRefund:
		d.observe(o.succeededFact(&c.Call, v, proof))
		if d.o.Operation.Intent == c.Call.Intent && d.o.Operation.outstanding() && p.Phase != Parked {
			d.unresolved(v, proof, false, true) // the answer contradicts the order: an inquiry decides
		}
	case waits: // what APO works on, or a person has, is decided by a proven fact alone
	case v.Class == VerdictSucceeded, v.Class == VerdictAccepted && p.Kind != CallCancel:
		d.observe(pendingFact(&c.Call, v, proof))
	case v.Class == VerdictFailed && p.Attempt-uint64(p.Refusals) <= 1:
		d.failOperation(p, v.Code, clip(v.Message), proof)
	case v.Class == VerdictFailed, v.Class == VerdictWrong:
		d.unresolved(v, proof, true, true)
	case v.Class == VerdictUnknownF:
		d.unresolved(v, proof, false, true)
	default:
		d.unresolved(v, proof, false, false)
	}
	return d.signed("record answer")
}

// unresolved keeps an unknown outcome and says when APO is asked next: after an F that does not decide at once, because
// APO is there to answer and only an inquiry can tell; after U and silence by the schedule.
func (d *decision) unresolved(v *Verdict, proof events.Proof, definite, inquire bool) {
	p := &d.o.Operation
	due := d.env.Now
	if !inquire {
		due = d.retryDue(p.Waits)
	}
	u := events.Unresolved{Attempt: proof.Attempt, Code: v.Code, Message: clip(v.Message), Problem: clip(v.Problem),
		Definite: definite, Inquire: inquire, Due: due, Proof: proof}
	switch p.Kind {
	case CallCancel:
		d.emit(events.CancelUnresolved{Unresolved: u})
	case CallCapture:
		d.emit(events.CaptureUnresolved{Unresolved: u})
	case CallRefund:
		d.emit(events.RefundUnresolved{Unresolved: u})
	}
}

// failOperation ends an operation as failed; its ids are closed for ever.
func (d *decision) failOperation(p *Operation, code, message string, proof events.Proof) {
	switch p.Kind {
	case CallCancel:
		d.emit(events.CancelFailed{Code: code, Message: message, Proof: proof})
	case CallCapture:
		d.emit(events.CaptureFailed{CaptureRequestID: p.RequestID, Code: code, Message: message, Proof: proof})
	case CallRefund:
		d.emit(events.RefundFailed{RefundRequestID: p.RequestID, Code: code, Message: message, Proof: proof})
	}
}

// lateAnswer hears an answer whose operation has ended meanwhile. One that agrees is a duplicate; one that contradicts
// is a fact all the same.
func (d *decision) lateAnswer(c *Call, v *Verdict, proof events.Proof) {
	switch {
	case v.Class == VerdictSucceeded && c.Kind != CallRefund:
		d.observe(d.o.succeededFact(c, v, proof))
	case v.Class == VerdictSucceeded || v.Class == VerdictAccepted:
		kind := captures
		if c.Kind == CallRefund {
			kind = refunds
		}
		at := d.o.placed(kind, v.TransferID, c.RequestID)
		if c.Kind != CallCancel && at >= 0 && d.o.book[at].is(transferFailed) &&
			!d.o.book[at].tookAndFailed(v.TransferID) {
			f := pendingFact(c, v, proof)
			f.Amount = c.Amount
			d.anomaly(events.LateAnswer, &f, fmt.Sprintf("the %s had failed, now APO accepts it", c.Kind))
		}
	case v.Class == VerdictFailed && d.o.ended(c):
		f := failedFact(c, v, proof)
		d.anomaly(events.LateAnswer, &f, "the operation had succeeded, now an attempt of it was refused")
	}
}

// tookAndFailed reports whether the failed refund is one that APO had taken, by its own identifier: then an answer that
// it took it is older, and no contradiction. What only we called failed, after an inquiry or by a person's word, has
// none.
func (t *transfer) tookAndFailed(id string) bool {
	return t.id != 0 && (id == "" || digest(id) == t.id)
}

// ended reports whether the call's operation is known to have succeeded.
func (o *Order) ended(c *Call) bool {
	switch c.Kind {
	case CallCancel:
		if o.compensates(c) {
			return o.Late.IsZero()
		}
		return o.Status == Cancelled && o.CancelCause == events.CauseRequested
	case CallCapture:
		at := o.placed(captures, "", c.RequestID)
		return o.counted(at)
	case CallRefund:
		at := o.placed(refunds, "", c.RequestID)
		return o.counted(at)
	}
	return false
}

func (o *Order) succeededFact(c *Call, v *Verdict, proof events.Proof) Fact {
	f := Fact{Kind: PaymentCancelled, PaymentID: v.PaymentID, At: v.At, Code: v.Code, Proof: proof, own: o.compensates(c)}
	if c.Kind == CallCapture {
		f.Kind, f.TransferID, f.RequestID, f.Amount = CaptureSucceeded, v.TransferID, c.RequestID, c.Amount
	}
	return f
}

func pendingFact(c *Call, v *Verdict, proof events.Proof) Fact {
	f := Fact{Kind: RefundPending, PaymentID: v.PaymentID, TransferID: v.TransferID, RequestID: c.RequestID, At: v.At,
		Code: v.Code, Proof: proof}
	if c.Kind == CallCapture {
		f.Kind = CapturePending
	}
	return f
}

func failedFact(c *Call, v *Verdict, proof events.Proof) Fact {
	f := Fact{RequestID: c.RequestID, Code: v.Code, Proof: proof}
	switch c.Kind {
	case CallCapture:
		f.Kind = CaptureFailed
	case CallRefund:
		f.Kind = RefundFailed
	default:
		f.Kind = PaymentCancelled
	}
	return f
}
