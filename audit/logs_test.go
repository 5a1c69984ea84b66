package audit_test

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/engine"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

// chooser says what happens next; a test draws from it.
type chooser func(n int) int

// writer makes a log by driving orders as a service does, with whatever APO answers.
type writer struct {
	log    store.Log
	now    time.Time
	serial int
	pick   chooser
	tells  func(order.Call) order.Picture // what APO answers to inquiries; nil: whatever pick says
}

func newWriter(pick chooser) *writer {
	return &writer{log: memory.New(), now: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC), pick: pick}
}

func (w *writer) id() string {
	w.serial++
	return fmt.Sprint("id-", w.serial)
}

func (w *writer) env() order.Env {
	return order.Env{Now: w.now, NewID: w.id, Policy: order.Policy{ZeroLastCaptures: []string{order.MethodCard}}}
}

const (
	amount = 1000
	part   = 400
)

func usd(minor int64) order.Money { return order.Money{Minor: minor, Currency: "USD"} }

// give drives one command to its end. Refusals leave nothing, so they are no error here.
func (w *writer) give(id string, c order.Command) {
	d := engine.New(id, c, w.env, "checkout")
	for {
		switch t := d.Task(); t.Kind {
		case engine.Done:
			return
		case engine.Read:
			var records []events.Record
			for r, err := range w.log.Read(context.Background(), t.Stream, t.After) {
				if err != nil {
					panic(err)
				}
				records = append(records, r)
			}
			d.Loaded(records, nil)
		case engine.Append:
			_, err := w.log.Append(context.Background(), t.Stream, t.After, t.Records...)
			d.Appended(err)
		case engine.Ask:
			if t.Call.IsInquiry() {
				if w.tells != nil {
					d.Inquired(w.tells(t.Call))
				} else {
					d.Inquired(w.picture(t.Call))
				}
				continue
			}
			d.Answered(w.verdict(t.Call))
		}
	}
}

// fields are what a message of APO's says beside its result.
type fields map[string]any

func wire(m order.Money) any {
	return fields{"currency": m.Currency, "value": fmt.Sprint(m.Minor)}
}

// says is a message of APO's as it would be kept: the answer to a call, or a notification, with that content. Nobody
// checks its signature here.
func says(op apo.Op, status, code string, content fields) *events.Evidence {
	path := "/ams/api/v1/payments/" + string(op)
	if op.IsNotification() {
		path = "/hear"
	}
	body := fields{"result": fields{"resultStatus": status, "resultCode": code, "resultMessage": "so it is"}}
	for k, v := range content {
		if v != "" {
			body[k] = v
		}
	}
	b, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	return &events.Evidence{Method: "POST", Path: path, ClientID: "5X00000000000000", Time: "1", Signature: "s", Body: b}
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// The answers to calls, by what they mean.
var answers = map[order.VerdictClass][2]string{
	order.VerdictUnknown: {"U", "UNKNOWN_EXCEPTION"}, order.VerdictUnknownF: {"F", "WHO_KNOWS"},
	order.VerdictSucceeded: {"S", "SUCCESS"}, order.VerdictFailed: {"F", "PARAM_ILLEGAL"},
	order.VerdictWrong: {"F", "PROCESS_FAIL"},
}

func (w *writer) verdict(c order.Call) order.Verdict {
	v := order.Verdict{Class: order.VerdictClass(w.pick(6)), PaymentID: "p-" + c.OrderID, At: w.now}
	result, op := answers[v.Class], apo.OpCancel
	content := fields{"paymentId": v.PaymentID, "cancelTime": stamp(v.At)}
	switch c.Kind {
	case order.CallCapture:
		op, v.TransferID = apo.OpCapture, "t-"+c.RequestID
		content = fields{"paymentId": v.PaymentID, "captureId": v.TransferID, "captureRequestId": c.RequestID,
			"captureAmount": wire(c.Amount), "captureTime": stamp(v.At)}
		if v.Class == order.VerdictAccepted {
			result = [2]string{"U", "CAPTURE_IN_PROCESS"}
		}
	case order.CallRefund:
		op, v.TransferID = apo.OpRefund, "t-"+c.RequestID
		content = fields{"paymentId": v.PaymentID, "refundId": v.TransferID, "refundRequestId": c.RequestID,
			"refundAmount": wire(c.Amount), "refundTime": stamp(v.At)}
		if v.Class == order.VerdictAccepted || v.Class == order.VerdictSucceeded { // S only accepts a refund
			v.Class, result = order.VerdictAccepted, [2]string{"S", "SUCCESS"}
		}
	default:
		if v.Class == order.VerdictAccepted { // no cancel is ever accepted
			v.Class, result = order.VerdictUnknown, answers[order.VerdictUnknown]
		}
	}
	v.Code, v.Message, v.Evidence = result[1], "so it is", says(op, result[0], result[1], content)
	return v
}

func (w *writer) picture(c order.Call) order.Picture {
	p := order.Picture{Outcome: events.InquiryOutcome(w.pick(3))}
	op := apo.OpInquirePayment
	if c.Kind == order.CallInquireRefund {
		op = apo.OpInquireRefund
	}
	switch p.Outcome {
	case events.InquiryUnknown:
		p.Code, p.Evidence = "UNKNOWN_EXCEPTION", says(op, "U", "UNKNOWN_EXCEPTION", nil)
		return p
	case events.InquiryNotExist:
		p.Code = map[apo.Op]string{apo.OpInquirePayment: "ORDER_NOT_EXIST", apo.OpInquireRefund: "REFUND_NOT_EXIST"}[op]
		p.Evidence = says(op, "F", p.Code, nil)
		return p
	}
	p.State = []string{order.StateSuccess, order.StateFail, order.StateProcessing, order.StateCancelled}[w.pick(4)]
	p.Code = "SUCCESS"
	if op == apo.OpInquireRefund {
		p.State = order.StateSuccess
		p.Facts = []order.Fact{{Kind: order.RefundSucceeded, TransferID: "t-" + c.RequestID, RequestID: c.RequestID,
			Amount: usd(part), At: w.now}}
		p.Evidence = says(op, "S", p.Code, fields{"refundId": "t-" + c.RequestID, "refundRequestId": c.RequestID,
			"refundAmount": wire(usd(part)), "refundTime": stamp(w.now), "refundStatus": p.State})
		return p
	}
	f := order.Fact{Kind: order.PaymentSucceeded, PaymentID: "p-" + c.OrderID, Amount: usd(amount), At: w.now}
	switch p.State {
	case order.StateFail:
		f.Kind = order.PaymentFailed
	case order.StateCancelled: // its paymentTime is no time of the cancel
		f.Kind, f.At = order.PaymentCancelled, time.Time{}
	case order.StateProcessing:
		f.Kind = order.PaymentPending
	}
	p.Facts = []order.Fact{f}
	p.Evidence = says(op, "S", p.Code, fields{"paymentId": f.PaymentID, "paymentAmount": wire(f.Amount),
		"paymentTime": stamp(w.now), "paymentStatus": string(p.State)})
	return p
}

// notified makes a fact one that APO's notification told.
func notified(f order.Fact) order.Fact {
	op, status, code, content := apo.OpNotifyPayment, "S", "SUCCESS", fields{"paymentId": f.PaymentID}
	switch f.Kind {
	case order.PaymentFailed, order.CaptureFailed, order.RefundFailed, order.RaiseFailed:
		status, code = "F", "PROCESS_FAIL"
		f.Code = code
	}
	transfer := func(of apo.Op, name string) {
		op = of
		content[name+"Id"], content[name+"RequestId"], content[name+"Time"] = f.TransferID, f.RequestID, stamp(f.At)
		content[name+"Amount"], content["notifyType"] = wire(f.Amount), strings.ToUpper(name)+"_RESULT"
	}
	switch f.Kind {
	case order.CaptureSucceeded, order.CaptureFailed:
		transfer(apo.OpNotifyCapture, "capture")
	case order.RefundSucceeded, order.RefundFailed:
		transfer(apo.OpNotifyRefund, "refund")
	case order.PaymentPending:
		content["notifyType"], content["paymentTime"] = "PAYMENT_PENDING", stamp(f.At)
	case order.PaymentRaised, order.RaiseFailed:
		content["notifyType"], content["paymentTime"] = "UPDATE_AMOUNT_RESULT", stamp(f.At)
		content["updateRequestId"], content["paymentAmount"] = f.RequestID, wire(f.Amount)
		f.At = time.Time{} // that one is the payment's
	case order.CaptureUnread:
		op, content["notifyType"], f.Code, f.At = apo.OpNotifyCapture, "CAPTURE_RESULT", "CAPTURE_RESULT", time.Time{}
		content["captureId"], content["captureAmount"], f.TransferID = "c-"+f.PaymentID, "120.00", "c-"+f.PaymentID
	case order.RefundUnread:
		op, content["notifyType"], f.Code, f.At = apo.OpNotifyRefund, "REFUND_RESULT", "REFUND_RESULT", time.Time{}
		content["refundStatus"] = "REVIEW"
	case order.NotUnderstood:
		op, content["notifyType"], f.Code, f.At = apo.OpNotification, "CARD_STATUS", "CARD_STATUS", time.Time{}
	case order.DisputeOpened, order.DisputeDue, order.DisputeDefended, order.DisputeClosed:
		op = apo.OpNotifyDispute
		tellDispute(&f, content)
	default:
		content["notifyType"], content["paymentTime"] = "PAYMENT_RESULT", stamp(f.At)
		if f.Amount != (order.Money{}) {
			content["paymentAmount"] = wire(f.Amount)
		}
	}
	f.Proof = events.Proof{Via: events.ViaNotification, Evidence: says(op, status, code, content)}
	return f
}

// tellDispute puts a fact about a dispute into its message, and leaves in it what the message tells.
func tellDispute(f *order.Fact, content fields) {
	content["disputeId"], content["disputeAmount"] = f.TransferID, wire(f.Amount)
	at, outcome, lost := f.At, f.Outcome, f.Lost
	f.At, f.Outcome, f.Lost = time.Time{}, 0, order.Money{}
	switch f.Kind {
	case order.DisputeOpened:
		f.At, f.Code, f.Message = at, "4853", "never came"
		f.DefendBy, f.Undefendable, f.Type = at.Add(24*time.Hour), true, "CHARGEBACK"
		content["disputeNotificationType"], content["disputeTime"] = "DISPUTE_CREATED", stamp(at)
		content["disputeReasonCode"], content["disputeReasonMsg"], content["disputeType"] = f.Code, f.Message, "CHARGEBACK"
		content["defenseDueTime"], content["defendable"] = stamp(f.DefendBy), false
	case order.DisputeDue:
		f.DefendBy = at.Add(24 * time.Hour)
		content["disputeNotificationType"], content["defenseDueTime"] = "DEFENSE_DUE_ALERT", stamp(f.DefendBy)
	case order.DisputeDefended:
		content["disputeNotificationType"] = "DEFENSE_SUPPLIED"
	default:
		f.At, f.Outcome, f.Lost, f.Message = at, outcome, lost, "never came"
		content["disputeNotificationType"], content["disputeJudgedTime"] = "DISPUTE_JUDGED", stamp(at)
		content["disputeJudgedResult"] = map[bool]string{true: "ACCEPT_BY_MERCHANT",
			false: "ACCEPT_BY_CUSTOMER"}[outcome == events.DisputeLost]
		content["disputeJudgedAmount"], content["disputeReasonMsg"] = wire(lost), f.Message
	}
}

// fact is something that APO's notifications can tell.
func (w *writer) fact(id string) order.Fact {
	kinds := []order.FactKind{order.PaymentSucceeded, order.PaymentSucceeded, order.PaymentSucceeded,
		order.PaymentSucceeded, order.PaymentPending, order.PaymentFailed, order.CaptureSucceeded, order.CaptureSucceeded,
		order.CaptureFailed, order.RefundSucceeded, order.RefundFailed, order.PaymentRaised, order.RaiseFailed,
		order.PaymentCancelled, order.OtherTransaction, order.CaptureUnclear, order.RefundUnclear, order.DisputeOpened,
		order.DisputeDue, order.DisputeDefended, order.DisputeClosed, order.NotUnderstood}
	f := order.Fact{Kind: kinds[w.pick(len(kinds))], PaymentID: "p-" + id, At: w.now}
	switch f.Kind {
	case order.NotUnderstood:
		f.Kind = []order.FactKind{order.NotUnderstood, order.CaptureUnread, order.RefundUnread}[w.pick(3)]
	case order.PaymentSucceeded:
		f.Amount = usd(amount)
	case order.CaptureSucceeded, order.RefundSucceeded, order.CaptureFailed, order.RefundFailed:
		f.TransferID, f.Amount = fmt.Sprint("foreign-", id, w.pick(3)), usd(part)
	case order.PaymentRaised, order.RaiseFailed:
		f.RequestID, f.Amount = fmt.Sprint("update-", id, w.pick(3)), usd(amount+part)
	case order.DisputeOpened, order.DisputeDue, order.DisputeDefended, order.DisputeClosed:
		f.TransferID, f.Amount = fmt.Sprint("dispute-", id, w.pick(2)), usd(part)
		f.Lost = usd(int64(100 * w.pick(3)))
		f.Outcome = []events.DisputeOutcome{events.DisputeLost, events.DisputeWon}[w.pick(2)]
	case order.CaptureUnclear, order.RefundUnclear:
		f.TransferID, f.Amount, f.Code = fmt.Sprint("foreign-", id, w.pick(3)), usd(part), "REVIEW"
		return inquired(f)
	case order.PaymentCancelled, order.OtherTransaction: // no notification tells it
		return inquired(f)
	}
	return notified(f)
}

// inquired makes a fact one that the answer to an inquiry tells, which somebody else made and handed on.
func inquired(f order.Fact) order.Fact {
	content := fields{"paymentId": f.PaymentID, "paymentStatus": "CANCELLED", "paymentTime": stamp(f.At)}
	if f.Kind == order.PaymentCancelled {
		f.At = time.Time{}
	}
	if f.Kind == order.OtherTransaction {
		content = fields{"paymentId": f.PaymentID, "paymentStatus": "SUCCESS", "transactions": []any{fields{
			"transactionType": "CHARGEBACK", "transactionStatus": "SUCCESS", "transactionTime": stamp(f.At)}}}
	}
	if lines := map[order.FactKind]string{order.CaptureUnclear: "CAPTURE", order.RefundUnclear: "REFUND"}; f.Code != "" {
		content = fields{"paymentId": f.PaymentID, "paymentStatus": "SUCCESS", "transactions": []any{fields{
			"transactionType": lines[f.Kind], "transactionStatus": f.Code, "transactionTime": stamp(f.At),
			"transactionId": f.TransferID, "transactionAmount": wire(f.Amount)}}}
	}
	f.Proof = events.Proof{Via: events.ViaInquiry, Evidence: says(apo.OpInquirePayment, "S", "SUCCESS", content)}
	return f
}

// step lets one thing happen to one order.
func (w *writer) step(id string) {
	w.now = w.now.Add([]time.Duration{0, time.Second, time.Minute, time.Hour, 24 * time.Hour}[w.pick(5)])
	switch w.pick(8) {
	case 0:
		w.give(id, order.Cancel{CommandID: w.id(), Actor: "ada"})
	case 1:
		w.give(id, order.Capture{CommandID: w.id(), Amount: usd(part)})
	case 2:
		w.give(id, order.Capture{CommandID: w.id(), Amount: usd(amount), Last: true})
	case 3:
		w.give(id, order.Refund{CommandID: w.id(), Amount: usd(part), Reason: "broken"})
	case 4:
		w.give(id, order.Claim{})
	case 5:
		w.give(id, order.Resolve{CommandID: w.id(), Resolution: events.ResolvedFailed, Statement: "case 17"})
	case 6, 7:
		w.give(id, order.Observe{Fact: w.fact(id)})
	}
}

// write makes a log of some orders and that many steps.
func (w *writer) write(steps int) []string {
	ids := []string{"o-1", "o-2", "o-3"}
	for i, id := range ids {
		c := order.Create{OrderID: id, PaymentRequestID: "preq-" + id, Amount: usd(amount), Method: "CARD",
			CaptureMode: events.CaptureMode(i % 3)}
		if c.CaptureMode == order.CaptureNone {
			c.Method = "ALIPAY_CN"
		}
		w.give(id, c)
	}
	for range steps {
		w.step(ids[w.pick(len(ids))])
	}
	return ids
}

// records reads a whole log.
func records(log store.Reader) []events.Record {
	var out []events.Record
	for r, err := range log.All(context.Background(), store.Start()) {
		if err != nil {
			panic(err)
		}
		out = append(out, r)
	}
	return out
}

// tampered is a log that holds what a test says, instead of what was written.
type tampered struct {
	store.Log
	records []events.Record
	err     error // after the records
}

func (l *tampered) All(context.Context, store.Cursor) iter.Seq2[events.Record, error] {
	return func(yield func(events.Record, error) bool) {
		for _, r := range l.records {
			if !yield(r, nil) {
				return
			}
		}
		if l.err != nil {
			yield(events.Record{}, l.err)
		}
	}
}
