package order

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order/window"
)

// decisions are the commands whose cost matters, each on an order that takes (or refuses) it.
func decisions(t testing.TB) map[string]func() ([]events.Event, error) {
	out := map[string]func() ([]events.Event, error){}
	add := func(name string, x *till, c Command) {
		env := Env{Now: x.now, Policy: Policy{Windows: window.Antom()}, NewID: func() string { return "r-9" }}
		o := x.o
		out[name] = func() ([]events.Event, error) { return Decide(o, c, env) }
	}
	add("cancel", in(t, Authorized), Cancel{CommandID: "k", Reason: "changed their mind", Actor: "mia"})
	add("capture", in(t, Authorized), Capture{CommandID: "k", Amount: usd(400)})
	add("refund", in(t, Captured), Refund{CommandID: "k", Amount: usd(200), Reason: "broken"})
	add("cancel refused", in(t, Captured), Cancel{CommandID: "k"})
	add("payment", in(t, Created), Observe{Fact: authorized()})
	x := asked(t, CallCancel)
	v := done
	v.Evidence = signed()
	add("answer", x, RecordAnswer{Call: x.attempt(), Verdict: v})
	return out
}

// Allocations are the same on every machine; times are for BenchmarkDecide to show.
func TestAllocations_OfDecide(t *testing.T) {
	if raced {
		t.Skip("pools are not what they are without the race detector")
	}
	const most = 4
	for name, decide := range decisions(t) {
		assert.LessOrEqual(t, testing.AllocsPerRun(200, func() { _, _ = decide() }), float64(most), name)
	}
}

func BenchmarkDecide(b *testing.B) {
	for name, decide := range decisions(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = decide()
			}
		})
	}
}

// fold is a record and the order it is folded into.
type fold struct {
	o Order
	r events.Record
}

// folds has a record of every kind that the histories of this page come by.
func folds(t testing.TB) map[events.Kind]fold {
	accepted := asked(t, CallRefund)
	accepted.answer(works)
	accepted.observe(Fact{Kind: RefundFailed, RequestID: "r-1"})
	capture := asked(t, CallCapture)
	capture.answer(unknownU)
	capture.inquire(Picture{Outcome: events.InquiryAnswers, State: StateProcessing,
		Facts: []Fact{{Kind: CapturePending, RequestID: "r-1"}}})
	capture.observe(Fact{Kind: CaptureFailed, RequestID: "r-1"})
	refund := asked(t, CallRefund)
	refund.answer(unknownU)
	cancel := asked(t, CallCancel)
	cancel.answer(unknownU)
	cancel.retry()
	cancel.observe(captured("C1", 1))
	parked := asked(t, CallCapture)
	parked.inquire(notExist)
	parked.must(Resolve{CommandID: "res", Resolution: events.ResolvedFailed, Statement: "APO ticket 7"})
	held := in(t, Authorized)
	held.observe(refunded("F1", 1))
	late := in(t, Cancelled)
	late.observe(Fact{Kind: PaymentPending})
	late.observe(authorized())
	late.must(ClearAnomaly{Anomaly: late.o.Anomalies[0].Version})
	dated := in(t, Cancelled)
	dated.observe(voided(dated.now))
	pending := in(t, Created)
	pending.observe(Fact{Kind: PaymentPending})
	pending.observe(raised("u1", 1500))
	pending.observe(Fact{Kind: RaiseFailed, RequestID: "u2"})
	disputes := in(t, Captured)
	for _, k := range []FactKind{DisputeOpened, DisputeDue, DisputeDefended, DisputeClosed} {
		disputes.observe(disputed(k, "D1", 100))
	}
	doubted := in(t, Refunded)
	doubted.observe(Fact{Kind: RefundFailed, TransferID: "F1"})
	doubted.inquire(tells(StateSuccess))
	doubted.must(Resolve{CommandID: "res", Record: doubted.o.Anomalies[0].Version, Resolution: events.ResolvedFailed,
		Statement: "APO ticket 7"})
	out := map[events.Kind]fold{}
	for _, x := range []*till{disputes, in(t, Paid), in(t, Refunded), in(t, Failed), accepted, capture, refund, cancel,
		parked, held, late, pending, doubted, dated} {
		var o Order
		for _, r := range x.log {
			if _, known := out[r.Event.Kind()]; !known {
				out[r.Event.Kind()] = fold{o, r}
			}
			o = Evolve(o, r)
		}
	}
	return out
}

func TestAllocations_OfEvolve(t *testing.T) {
	// These add to the book, an anomaly, a held refund or a failure, or end a command whose id is remembered.
	adds := map[events.Kind]bool{}
	for _, k := range []events.Kind{events.KindOrderCreated, events.KindPaymentFailed,
		events.KindPaymentRaised, events.KindRaiseFailed, events.KindCaptureSucceeded, events.KindCaptureFailed,
		events.KindRefundSucceeded, events.KindRefundFailed, events.KindRefundHeld,
		events.KindCancelSucceeded, events.KindCancelFailed, events.KindAnomalyObserved, events.KindAnomalyCleared,
		events.KindRefundAccepted, events.KindOperationResolved, events.KindTransferResolved, events.KindDisputeOpened,
		events.KindDisputeDue, events.KindDisputeDefended, events.KindDisputeClosed} {
		adds[k] = true
	}
	if raced {
		t.Skip("pools are not what they are without the race detector")
	}
	known := folds(t)
	for _, kind := range events.Kinds() {
		f, ok := known[kind]
		if kind == events.KindCommandRefused {
			continue
		}
		if !assert.True(t, ok, "no history has %s", kind) {
			continue
		}
		var sink Order
		allocs := testing.AllocsPerRun(200, func() { sink = Evolve(f.o, f.r) })
		assert.NotEmpty(t, sink.ID)
		if !adds[kind] {
			assert.Zero(t, allocs, kind)
		} else {
			assert.LessOrEqual(t, allocs, 3.0, kind)
		}
	}
}

// BenchmarkEvolve folds into a copy whose place is always the same. How long copying an order to the stack and back
// takes depends on where the stack happens to lie: twenty nanoseconds or ninety, whatever is folded.
func BenchmarkEvolve(b *testing.B) {
	known := folds(b)
	for _, kind := range events.Kinds() {
		f, ok := known[kind]
		if !ok {
			continue
		}
		b.Run(fmt.Sprint(kind), func(b *testing.B) {
			b.ReportAllocs()
			o := new(Order)
			for b.Loop() {
				*o = f.o
				o.own()
				o.fold(&f.r)
			}
		})
	}
}

// lives are whole logs of orders, by how they went: what a service folds is these, in which most records only move a
// word or two, and a few allocate.
func lives(t testing.TB) map[string][]events.Record {
	refund := asked(t, CallRefund)
	refund.answer(works)
	refund.observe(Fact{Kind: RefundSucceeded, TransferID: "F9", RequestID: "r-1", Amount: usd(200)})
	capture := asked(t, CallCapture)
	capture.answer(done)
	cancel := asked(t, CallCancel)
	cancel.answer(unknownU)
	cancel.inquire(tells(StateCancelled))
	out := map[string][]events.Record{"refund accepted": refund.log, "captured by us": capture.log,
		"cancel unresolved": cancel.log}
	for _, s := range []Status{Paid, Captured, Refunded, Cancelled, Failed} {
		out[s.String()] = in(t, s).log
	}
	return out
}

// BenchmarkLife folds an order's whole log, as loading it does.
func BenchmarkLife(b *testing.B) {
	for name, log := range lives(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			o := new(Order)
			for b.Loop() {
				*o = Order{}
				for i := range log {
					o.fold(&log[i])
				}
			}
		})
	}
}
