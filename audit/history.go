package audit

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
)

// Entry is one thing that happened to an order: a record, with what it is to the order in which it stands. It is what a
// command line, a page and an export show, so that all of them tell the same.
type Entry struct {
	// Record is what the log has. Its Recorded is when, its Actor who.
	Record events.Record
	// What is what happened, in words for people, with amounts in decimals: "captured USD 100.00".
	What string
	// Why is the reason that was given, or what the record says of it; empty where it says nothing. Foreign words come as
	// they are: whoever shows them looks after control characters.
	Why string
	// Refused tells that this is a command that was refused: nothing was sent, and the order is as it was.
	Refused bool
	// Via is how the fact reached us.
	Via events.Channel
	// Call is the call that the record claims or answers; the zero Call where it is about none.
	Call order.Call
	// Code is APO's result code, or a word of ours where there was no call; may be empty.
	Code string
	// Unknown is how long nobody knew what came of the operation that this record ends: from its intent until now. Zero
	// where the record ends none, or where the first answer to the first attempt ended it.
	Unknown time.Duration
	// Order is the order after the record; for a refusal, as it was when it was refused.
	Order order.Order
}

// History yields an order's timeline: its records and its refused commands, in the order of the log. Positions decide,
// so a clock that went back does not mix them up. The error wraps [order.ErrUnknownOrder] where there is no such order
// and no refusal, [events.ErrInvalid] where no log can hold the id, and is the log's or the context's otherwise; it
// ends the sequence.
//
// It trusts the log, as the service does: [Replay] is what judges it. Cost: one read of each of the order's two
// streams, whatever the log's length, and a fold; memory is a page of each. The loop's body may call the log.
func History(ctx context.Context, log store.Reader, id string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		if err := events.CheckID("order id", id); err != nil {
			yield(Entry{}, err)
			return
		}
		h := history{}
		found := false
		for r, err := range merged(log.Read(ctx, events.OrderStream(id), 0), log.Read(ctx, events.RefusalStream(id), 0)) {
			if err != nil {
				yield(Entry{}, fmt.Errorf("history of order %q: %w", id, err))
				return
			}
			found = true
			if !yield(h.entry(&r), nil) {
				return
			}
		}
		if !found {
			yield(Entry{}, fmt.Errorf("history of order %q: %w; look for it in another log", id, order.ErrUnknownOrder))
		}
	}
}

// merged yields two streams by position. An error of one ends both.
func merged(a, b iter.Seq2[events.Record, error]) iter.Seq2[events.Record, error] {
	return func(yield func(events.Record, error) bool) {
		nextA, stopA := iter.Pull2(a)
		defer stopA()
		nextB, stopB := iter.Pull2(b)
		defer stopB()
		ra, errA, okA := nextA()
		rb, errB, okB := nextB()
		for okA || okB {
			if err := errors.Join(errA, errB); err != nil {
				yield(events.Record{}, err)
				return
			}
			if okA && (!okB || ra.Position < rb.Position) {
				if !yield(ra, nil) {
					return
				}
				ra, errA, okA = nextA()
				continue
			}
			if !yield(rb, nil) {
				return
			}
			rb, errB, okB = nextB()
		}
	}
}

// history is a timeline under way.
type history struct {
	o     order.Order
	calls map[call]order.Call // claims, by what an answer names them by
}

// call is how an answer names its call: by the attempt of the newest intent, or by the inquiry's number.
type call struct {
	inquiry bool
	number  uint64
}

func (h *history) entry(r *events.Record) Entry {
	before := h.o
	if r.Stream.Category == events.CategoryOrder {
		h.o = order.Evolve(h.o, *r)
	}
	p := events.PartsOf(r.Event)
	e := Entry{Record: *r, Via: p.Proof.Via, Code: p.Code, Order: h.o}
	_, e.Refused = r.Event.(events.CommandRefused)
	e.What = h.what(r.Event, &p)
	e.Why = why(r.Event, &p)
	e.Call = h.call(r.Event, &p)
	e.Unknown = unknown(&before, &h.o, r, &p)
	return e
}

// call finds the call that a record is about, and keeps those that are claimed for their answers.
func (h *history) call(e events.Event, p *events.Parts) order.Call {
	if h.calls == nil {
		h.calls = map[call]order.Call{}
	}
	switch e := e.(type) {
	case events.CancelRequested, events.CaptureRequested, events.RefundRequested, events.AttemptStarted:
		claimed, ok := h.o.Claimed()
		if ok && !claimed.IsInquiry() {
			h.calls[call{number: claimed.Attempt}] = claimed
			return claimed
		}
	case events.InquiryStarted:
		claimed, ok := h.o.Claimed()
		if ok && claimed.IsInquiry() {
			h.calls[call{inquiry: true, number: e.Number}] = claimed
			return claimed
		}
	case events.InquiryAnswered:
		return h.calls[call{inquiry: true, number: e.Number}]
	}
	if p.Proof.Via == events.ViaAnswer || p.Stage == events.StageUnresolved {
		return h.calls[call{number: p.Attempt}]
	}
	return order.Call{}
}

// unknown is how long the operation that a record ends had no outcome.
func unknown(before, after *order.Order, r *events.Record, p *events.Parts) time.Duration {
	for _, op := range before.Operations() {
		if _, open := after.OperationAt(op.Intent); open {
			continue
		}
		if op.Phase == order.Requested && op.Attempt == 1 && p.Proof.Via == events.ViaAnswer {
			return 0 // the first word was the last
		}
		return r.Recorded.Sub(op.Since)
	}
	return 0
}
