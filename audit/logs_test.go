package audit_test

import (
	"context"
	"fmt"
	"iter"
	"time"

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
}

func newWriter(pick chooser) *writer {
	return &writer{log: memory.New(), now: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC), pick: pick}
}

func (w *writer) id() string {
	w.serial++
	return fmt.Sprint("id-", w.serial)
}

func (w *writer) env() order.Env { return order.Env{Now: w.now, NewID: w.id} }

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
				d.Inquired(w.picture(t.Call))
				continue
			}
			d.Answered(w.verdict(t.Call))
		}
	}
}

func evidence() *events.Evidence {
	return &events.Evidence{Method: "POST", Path: "/ams/api/v1/payments/x", ClientID: "5X00000000000000", Time: "1", Signature: "s", Body: []byte("{}")}
}

func (w *writer) verdict(c order.Call) order.Verdict {
	v := order.Verdict{Class: order.VerdictClass(w.pick(6)), Code: "CODE", PaymentID: "p-" + c.Order, Evidence: evidence(), At: w.now}
	if c.Kind != order.CallCancel {
		v.TransferID = "t-" + c.RequestID
	}
	return v
}

func (w *writer) picture(c order.Call) order.Picture {
	p := order.Picture{Outcome: events.InquiryOutcome(w.pick(3)), Code: "CODE", Evidence: evidence()}
	if p.Outcome != events.InquiryAnswers {
		return p
	}
	p.State = []order.State{order.StateSuccess, order.StateFail, order.StateProcessing, order.StateCancelled}[w.pick(4)]
	if c.Kind == order.CallInquireRefund {
		p.Facts = []order.Fact{{Kind: order.RefundSucceeded, TransferID: "t-" + c.RequestID, RequestID: c.RequestID, Amount: usd(part), At: w.now}}
		return p
	}
	f := order.Fact{Kind: order.PaymentSucceeded, PaymentID: "p-" + c.Order, Amount: usd(amount), At: w.now}
	switch p.State {
	case order.StateFail:
		f.Kind = order.PaymentFailed
	case order.StateCancelled:
		f.Kind = order.PaymentCancelled
	case order.StateProcessing:
		f.Kind = order.PaymentPending
	}
	p.Facts = []order.Fact{f}
	return p
}

// fact is something that APO's notifications can tell.
func (w *writer) fact(id string) order.Fact {
	kinds := []order.FactKind{order.PaymentSucceeded, order.PaymentSucceeded, order.PaymentPending, order.PaymentFailed, order.CaptureSucceeded,
		order.CaptureFailed, order.RefundSucceeded, order.RefundFailed, order.PaymentCancelled, order.OtherTransaction}
	f := order.Fact{Kind: kinds[w.pick(len(kinds))], PaymentID: "p-" + id, At: w.now,
		Proof: events.Proof{Via: events.ViaNotification, Evidence: evidence()}}
	switch f.Kind {
	case order.PaymentSucceeded:
		f.Amount = usd(amount)
	case order.CaptureSucceeded, order.RefundSucceeded, order.CaptureFailed, order.RefundFailed:
		f.TransferID, f.Amount = fmt.Sprint("foreign-", id, w.pick(3)), usd(part)
	}
	return f
}

// step lets one thing happen to one order.
func (w *writer) step(id string) {
	w.now = w.now.Add([]time.Duration{0, time.Second, time.Minute, time.Hour, 24 * time.Hour}[w.pick(5)])
	switch w.pick(8) {
	case 0:
		w.give(id, order.Cancel{ID: w.id(), Actor: "ada"})
	case 1:
		w.give(id, order.Capture{ID: w.id(), Amount: usd(part)})
	case 2:
		w.give(id, order.Capture{ID: w.id(), Amount: usd(amount), Last: true})
	case 3:
		w.give(id, order.Refund{ID: w.id(), Amount: usd(part), Reason: "broken"})
	case 4:
		w.give(id, order.Claim{})
	case 5:
		w.give(id, order.Resolve{ID: w.id(), Resolution: events.ResolvedFailed, Statement: "case 17"})
	case 6, 7:
		w.give(id, order.Observe{Fact: w.fact(id)})
	}
}

// write makes a log of some orders and that many steps.
func (w *writer) write(steps int) []string {
	ids := []string{"o-1", "o-2", "o-3"}
	for i, id := range ids {
		c := order.Create{Order: id, PaymentRequestID: "preq-" + id, Amount: usd(amount), Method: "CARD", CaptureMode: events.CaptureMode(i % 3)}
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
func records(log store.Log) []events.Record {
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
