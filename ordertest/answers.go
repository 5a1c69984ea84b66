package ordertest

import (
	"fmt"
	"time"

	"pgregory.net/rapid"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
)

// signed is a message that looks like one of APO's. Its signature is none.
func (a *author) signed(body string) *events.Evidence {
	return &events.Evidence{Method: "POST", Path: "/ams/api/v1/payments", ClientID: "client",
		Time:       a.Now.Format("20060102150405"),
		KeyVersion: "1", Signature: "c2lnbmF0dXJl", Body: []byte(body)}
}

// notified is a fact as a notification proves it.
func (a *author) notified(f order.Fact) order.Fact {
	f.Proof = events.Proof{Via: events.ViaNotification, Evidence: a.signed(`{"notifyType":"` + f.Kind.String() + `"}`)}
	return f
}

// raiseMinor is what one raise adds to an authorization, in minor units.
const raiseMinor = 100

// fact draws what APO could prove now: mostly what is awaited, now and then what contradicts the order.
func (a *author) fact() order.Fact {
	f := order.Fact{PaymentID: a.paymentID(), Amount: a.Order.Amount}
	kinds := []order.FactKind{order.PaymentSucceeded, order.PaymentSucceeded, order.PaymentPending, order.PaymentFailed}
	if a.Order.Status != order.Created {
		kinds = []order.FactKind{order.CaptureSucceeded, order.CaptureSucceeded, order.RefundSucceeded, order.RefundSucceeded,
			order.CaptureFailed,
			order.RefundFailed, order.PaymentSucceeded, order.PaymentFailed, order.PaymentCancelled,
			order.PaymentRaised, order.RaiseFailed}
	}
	if rapid.IntRange(0, disputedOnce).Draw(a.t, "disputed") == disputedOnce {
		kinds = []order.FactKind{order.DisputeOpened, order.DisputeDue, order.DisputeDefended, order.DisputeClosed}
	}
	f.Kind = rapid.SampledFrom(kinds).Draw(a.t, "fact")
	switch f.Kind {
	case order.CaptureSucceeded, order.CaptureFailed:
		f.TransferID = fmt.Sprintf("capture-%s-%d", a.id, rapid.IntRange(1, 3).Draw(a.t, "capture"))
		f.Amount = a.part(a.Order.Capturable())
	case order.RefundSucceeded, order.RefundFailed:
		f.TransferID = fmt.Sprintf("refund-%s-%d", a.id, rapid.IntRange(1, 3).Draw(a.t, "refund"))
		f.Amount = a.part(a.Order.Refundable())
	case order.PaymentRaised, order.RaiseFailed: // the second of an order's two goes higher than the first
		n := rapid.Int64Range(1, 2).Draw(a.t, "raise")
		f.RequestID, f.Amount.Minor = fmt.Sprintf("update-%s-%d", a.id, n), f.Amount.Minor+n*raiseMinor
		if f.Kind == order.RaiseFailed {
			f.Code = "USER_BALANCE_NOT_ENOUGH"
		}
		return f
	case order.PaymentCancelled: // it says when, or it does not
		if rapid.Bool().Draw(a.t, "dated") {
			f.At = a.Now
		}
	case order.PaymentFailed:
		f.Code = "ORDER_IS_CLOSED"
	case order.DisputeOpened, order.DisputeDue, order.DisputeDefended, order.DisputeClosed:
		return a.dispute(f)
	}
	if op := a.Order.Operation; op.Outstanding() && op.RequestID != "" && rapid.Bool().Draw(a.t, "of our own request") {
		f.RequestID, f.Amount = op.RequestID, op.Amount
	}
	return f
}

// disputedOnce is that of so many facts one more is about a dispute.
const disputedOnce = 7

// dispute draws what APO says of a dispute.
func (a *author) dispute(f order.Fact) order.Fact {
	f.TransferID = fmt.Sprintf("dispute-%s-%d", a.id, rapid.IntRange(1, 2).Draw(a.t, "dispute"))
	f.Amount = a.part(a.Order.Captured)
	switch f.Kind {
	case order.DisputeOpened, order.DisputeDue:
		f.DefendBy = a.Now.Add(7 * 24 * time.Hour)
	case order.DisputeClosed:
		f.At, f.Lost = a.Now, f.Amount
		f.Outcome = rapid.SampledFrom([]events.DisputeOutcome{events.DisputeWon, events.DisputeLost,
			events.DisputeWithdrawn, events.DisputeAccepted}).Draw(a.t, "outcome")
	}
	return f
}

// answer draws APO's answer to the call that is claimed, or its silence.
func (a *author) answer() order.Command {
	call, ok := a.Order.Claimed()
	switch {
	case !ok:
		return nil
	case call.IsInquiry():
		return order.RecordInquiry{Number: call.Number, Picture: a.picture(call)}
	}
	v := order.Verdict{At: a.Now,
		Class: rapid.SampledFrom([]order.VerdictClass{order.VerdictSucceeded, order.VerdictAccepted, order.VerdictUnknown,
			order.VerdictFailed, order.VerdictWrong, order.VerdictUnknownF}).Draw(a.t, "verdict")}
	switch v.Class {
	case order.VerdictUnknown:
		v.Problem = "no answer in time"
		return order.RecordAnswer{Call: call, Verdict: v}
	case order.VerdictSucceeded, order.VerdictAccepted:
		v.Code, v.PaymentID = "SUCCESS", call.PaymentID
		if call.Kind != order.CallCancel {
			v.TransferID = "transfer-" + call.RequestID
		}
	default:
		v.Code = "PROCESS_FAIL"
	}
	v.Evidence = a.signed(`{"result":{"resultCode":"` + v.Code + `"}}`)
	return order.RecordAnswer{Call: call, Verdict: v}
}

// picture draws what the inquiry tells.
func (a *author) picture(call order.Call) order.Picture {
	p := order.Picture{Outcome: rapid.SampledFrom([]events.InquiryOutcome{events.InquiryAnswers, events.InquiryAnswers,
		events.InquiryNotExist,
		events.InquiryUnknown}).Draw(a.t, "inquiry")}
	switch p.Outcome {
	case events.InquiryUnknown:
		p.Problem = "no answer in time"
		return p
	case events.InquiryNotExist:
		p.Code = "ORDER_NOT_EXIST"
		if call.Kind == order.CallInquireRefund {
			p.Code = "REFUND_NOT_EXIST"
		}
	default:
		a.tell(call, &p)
	}
	p.Evidence = a.signed(`{"paymentStatus":"` + p.State + `"}`)
	return p
}

// tell draws the state of the payment or refund, and the facts that go with it.
func (a *author) tell(call order.Call, p *order.Picture) {
	p.State = rapid.SampledFrom([]string{order.StateSuccess, order.StateFail, order.StateProcessing,
		order.StateCancelled}).Draw(a.t, "state")
	op := a.Order.Operation
	if call.Kind == order.CallInquireRefund {
		kind := map[string]order.FactKind{order.StateSuccess: order.RefundSucceeded, order.StateFail: order.RefundFailed,
			order.StateProcessing: order.RefundPending}[p.State]
		if kind == order.FactNone { // a refund is never cancelled
			p.State, kind = order.StateProcessing, order.RefundPending
		}
		p.Facts = []order.Fact{{Kind: kind, TransferID: "transfer-" + call.RequestID, RequestID: call.RequestID,
			Amount: op.Amount}}
		return
	}
	switch p.State {
	case order.StateSuccess:
		p.Facts = append(p.Facts, order.Fact{Kind: order.PaymentSucceeded, PaymentID: a.paymentID(), Amount: a.Order.Amount})
		if op.Kind == order.CallCapture && rapid.Bool().Draw(a.t, "captured") {
			p.Facts = append(p.Facts, order.Fact{Kind: order.CaptureSucceeded, TransferID: "transfer-" + op.RequestID,
				RequestID: op.RequestID, Amount: op.Amount})
		}
	case order.StateFail:
		p.Facts = append(p.Facts, order.Fact{Kind: order.PaymentFailed, PaymentID: a.paymentID(), Code: "ORDER_IS_CLOSED"})
	case order.StateCancelled:
		p.Facts = append(p.Facts, order.Fact{Kind: order.PaymentCancelled, PaymentID: a.paymentID()})
	}
}
