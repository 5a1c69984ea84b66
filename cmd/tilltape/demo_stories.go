package main

import (
	"context"
	"errors"
	"time"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
)

// The methods the demo's buyers pay by: a card, and a wallet that pays in one step.
const (
	card   = "CARD"
	wallet = "ALIPAY_CN"
)

type story struct {
	title string
	tell  func(context.Context) error
}

// stories is the day. Every rule of APO's guide to cancelling is in it.
func (d *demo) stories() []story {
	return []story{
		{"A cancel by paymentId", d.byPaymentID},
		{"The pay call's answer is lost: a cancel by paymentRequestId, without a paymentId", d.byPaymentRequestID},
		{"APO answers U, then S: the same identifier both times", d.unknownThenSuccess},
		{"The answer is lost, and the cancel is found done", d.lostAnswer},
		{"The answer is lost, and APO calls the retry wrong: an inquiry decides", d.lostAnswerWrongPicture},
		{"No cancel after a capture", d.afterCapture},
		{"No cancel during a capture of ours", d.duringOwnCapture},
		{"No cancel during APO's automatic capture", d.duringAutomaticCapture},
		{"No cancel after a partial refund",
			func(ctx context.Context) error { return d.afterRefund(ctx, "o-09", demoAmount/4) }},
		{"No cancel after a full refund", func(ctx context.Context) error { return d.afterRefund(ctx, "o-10", demoAmount) }},
		{"A payment that arrives after the cancel: the order stays cancelled", d.latePayment},
		{"The process dies between the call and the record", d.crash},
		{"No cancel after the acquirer's window", d.afterWindow},
	}
}

// authorized places a card order and has the buyer pay.
func (d *demo) authorized(ctx context.Context, id string, mode events.CaptureMode) (order.Order, error) {
	if err := d.place(ctx, id, card, mode); err != nil {
		return order.Order{}, err
	}
	return d.buyerPays(ctx, id)
}

func (d *demo) buyerPays(ctx context.Context, id string) (order.Order, error) {
	d.clock.Advance(5 * time.Second)
	if err := d.apo.Submit("pay-" + id); err != nil {
		return order.Order{}, err
	}
	return d.hear(ctx, id)
}

func (d *demo) byPaymentID(ctx context.Context) error {
	id := "o-01"
	if _, err := d.authorized(ctx, id, order.CaptureManual); err != nil {
		return err
	}
	result, err := d.cancel(ctx, id)
	d.expect(err == nil && result.Order.Status == order.Cancelled, "order %s to be cancelled, got %s, %v", id,
		result.Order.Status, err)
	d.expect(d.lastCall().PaymentID != "" && d.lastCall().PaymentRequestID == "", "the cancel to name the paymentId alone")
	return nil
}

func (d *demo) byPaymentRequestID(ctx context.Context) error {
	id := "o-02"
	if err := d.next(apotest.Fault{Op: apotest.OpPay, Do: apotest.Cut, After: true}); err != nil {
		return err
	}
	if err := d.place(ctx, id, card, order.CaptureManual); err != nil {
		return err
	}
	result, err := d.cancel(ctx, id)
	d.expect(err == nil && result.Order.Status == order.Cancelled, "order %s to be cancelled, got %s, %v", id,
		result.Order.Status, err)
	d.expect(d.lastCall().PaymentID == "" && d.lastCall().PaymentRequestID != "",
		"the cancel to name the paymentRequestId alone")
	return nil
}

func (d *demo) lastCall() apotest.Call {
	calls := d.apo.Calls()
	return calls[len(calls)-1]
}

// unsure cancels an authorized order with a fault in the way, after which nobody knows what became of it.
func (d *demo) unsure(ctx context.Context, id string, f apotest.Fault) error {
	if _, err := d.authorized(ctx, id, order.CaptureManual); err != nil {
		return err
	}
	f.Op = apotest.OpCancel
	if err := d.next(f); err != nil {
		return err
	}
	_, err := d.cancel(ctx, id)
	d.expect(errors.Is(err, tilltape.ErrUnresolved), "%q to leave the outcome unresolved, got %v", f.Do, err)
	return nil
}

// foundCancelled asks APO about an order and finds it cancelled.
func (d *demo) foundCancelled(ctx context.Context, id string) {
	d.clock.Advance(time.Second)
	o, err := d.settle(ctx, id)
	d.expect(err == nil && o.Status == order.Cancelled, "order %s to be found cancelled, got %s, %v", id, o.Status, err)
}

func (d *demo) unknownThenSuccess(ctx context.Context) error {
	id := "o-03"
	if err := d.unsure(ctx, id, apotest.Fault{Do: apotest.Undecided}); err != nil {
		return err
	}
	first := d.lastCall()
	d.foundCancelled(ctx, id)
	d.expect(string(first.Body) == string(d.lastCall().Body), "the retry to carry the same bytes")
	return nil
}

func (d *demo) lostAnswer(ctx context.Context) error {
	id := "o-04"
	if err := d.unsure(ctx, id, apotest.Fault{Do: apotest.Cut, After: true}); err != nil {
		return err
	}
	d.foundCancelled(ctx, id)
	return nil
}

func (d *demo) lostAnswerWrongPicture(ctx context.Context) error {
	id := "o-05"
	if err := d.unsure(ctx, id, apotest.Fault{Do: apotest.Cut, After: true}); err != nil {
		return err
	}
	if err := d.next(apotest.Fault{Op: apotest.OpCancel, Do: apotest.Refuse, Code: "ORDER_STATUS_INVALID"}); err != nil {
		return err
	}
	d.foundCancelled(ctx, id)
	d.expect(d.lastCall().Op == apotest.OpInquirePayment, "an inquiry to have decided, got %s", d.lastCall().Op)
	return nil
}

// captured captures the whole of an authorized order.
func (d *demo) captured(ctx context.Context, id string) (tilltape.Result, error) {
	d.line(id, "capture "+usd(demoAmount).String())
	result, err := d.orders.Capture(ctx, id, order.Capture{Amount: usd(demoAmount), Actor: "warehouse"})
	d.wire(id)
	d.outcome(id, result, err)
	return result, err
}

func (d *demo) afterCapture(ctx context.Context) error {
	id := "o-06"
	if _, err := d.authorized(ctx, id, order.CaptureManual); err != nil {
		return err
	}
	result, err := d.captured(ctx, id)
	d.expect(err == nil && result.Order.Status == order.Captured, "order %s to be captured, got %s, %v", id,
		result.Order.Status, err)
	d.refusedCancel(ctx, id, order.ReasonCaptured)
	_, err = d.hear(ctx, id)
	return err
}

func (d *demo) duringOwnCapture(ctx context.Context) error {
	id := "o-07"
	if _, err := d.authorized(ctx, id, order.CaptureManual); err != nil {
		return err
	}
	if err := d.next(apotest.Fault{Op: apotest.OpCapture, Do: apotest.InProcess}); err != nil {
		return err
	}
	result, err := d.captured(ctx, id)
	d.expect(result.Outcome == tilltape.Accepted, "APO to work on the capture, got %s, %v", result.Outcome, err)
	d.refusedCancel(ctx, id, order.ReasonCapturing)
	return d.captureEnds(ctx, id)
}

// captureEnds has APO finish what it works on.
func (d *demo) captureEnds(ctx context.Context, id string) error {
	d.clock.Advance(time.Minute)
	if err := d.apo.FinishCapture("pay-"+id, true); err != nil {
		return err
	}
	o, err := d.hear(ctx, id)
	d.expect(err == nil && o.Status == order.Captured, "order %s to be captured, got %s, %v", id, o.Status, err)
	return err
}

func (d *demo) duringAutomaticCapture(ctx context.Context) error {
	id := "o-08"
	o, err := d.authorized(ctx, id, order.CaptureAutomatic)
	if err != nil {
		return err
	}
	d.expect(o.Gateway == order.GatewayOutstanding, "APO's own capture to be outstanding, got %s", o.Gateway)
	d.refusedCancel(ctx, id, order.ReasonGatewayCapture)
	return d.captureEnds(ctx, id)
}

func (d *demo) afterRefund(ctx context.Context, id string, minor int64) error {
	if err := d.place(ctx, id, wallet, order.CaptureNone); err != nil {
		return err
	}
	if _, err := d.buyerPays(ctx, id); err != nil {
		return err
	}
	d.line(id, "refund "+usd(minor).String())
	result, err := d.orders.Refund(ctx, id, order.Refund{Amount: usd(minor), Reason: "returned", Actor: "bob"})
	d.wire(id)
	d.outcome(id, result, err)
	d.expect(result.Outcome == tilltape.Accepted, "APO to accept the refund first, got %s, %v", result.Outcome, err)
	o, err := d.hear(ctx, id)
	if err != nil {
		return err
	}
	d.expect(o.Status == order.Refunded && o.Refunded == minor, "order %s to be refunded %d, got %s, %d", id, minor,
		o.Status, o.Refunded)
	d.refusedCancel(ctx, id, order.ReasonRefunded)
	return nil
}

func (d *demo) latePayment(ctx context.Context) error {
	id := "o-11"
	if err := d.place(ctx, id, wallet, order.CaptureNone); err != nil {
		return err
	}
	if _, err := d.cancel(ctx, id); err != nil {
		return err
	}
	d.clock.Advance(time.Minute)
	if err := d.apo.PayLate("pay-" + id); err != nil {
		return err
	}
	o, err := d.hear(ctx, id)
	if err != nil {
		return err
	}
	d.expect(o.Status == order.Cancelled, "order %s to stay cancelled, got %s", id, o.Status)
	d.expect(len(o.Anomalies) == 1 && o.Anomalies[0].Reason == events.LatePayment,
		"the late payment to stand open as an anomaly, got %v", o.Anomalies)
	for _, a := range o.Anomalies {
		d.line(id, d.t.paint(yellow,
			"anomaly: "+a.Reason.String()+" of "+usd(o.Late.Captured).String())+"; the order is "+o.Status.String())
	}
	return nil
}

func (d *demo) crash(ctx context.Context) error {
	id := "o-12"
	if _, err := d.authorized(ctx, id, order.CaptureManual); err != nil {
		return err
	}
	d.line(id, "another process takes over the till and cancels")
	if err := d.shut(); err != nil {
		return err
	}
	died, err := d.dieCancelling(ctx, id)
	if err != nil {
		return err
	}
	if err := d.open(); err != nil {
		return err
	}
	d.wire(id)
	d.line(id, d.t.paint(red, "that process is gone: "+died))
	o, err := d.orders.Get(ctx, id)
	if err != nil {
		return err
	}
	d.expect(o.Operation.Phase == order.Requested && o.Status == order.Authorized,
		"the log to say: requested, perhaps sent; got %s, %s", o.Status, o.Operation.Phase)
	d.line(id, "the log says: "+o.Status.String()+", cancel "+o.Operation.Phase.String()+", perhaps sent; due at "+
		o.NextDue().Format(time.TimeOnly))
	d.clock.Advance(o.NextDue().Sub(d.clock.Now()))
	o, err = d.settle(ctx, id)
	d.expect(err == nil && o.Status == order.Cancelled, "order %s to be found cancelled, got %s, %v", id, o.Status, err)
	return err
}

func (d *demo) afterWindow(ctx context.Context) error {
	id := "o-13"
	if err := d.place(ctx, id, wallet, order.CaptureNone); err != nil {
		return err
	}
	if _, err := d.buyerPays(ctx, id); err != nil {
		return err
	}
	d.clock.Advance(24 * time.Hour)
	d.line(id, "a day passes")
	d.refusedCancel(ctx, id, order.ReasonWindow)
	return nil
}

// next scripts a fault for the next call of its operation.
func (d *demo) next(f apotest.Fault) error {
	f.From = 1
	return d.apo.Script(f)
}
