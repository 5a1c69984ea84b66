package order

import (
	"fmt"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/tilltape/tilltape/events"
)

// world is a truthful APO in a few lines, with its own book: it knows nothing of this package's tables. Its network is
// not truthful: it loses calls and answers, delays and repeats.
type world struct {
	mode      events.CaptureMode
	state     string // of the payment; empty: it does not exist yet
	repaid    bool   // the buyer paid after the cancellation
	captures  []*moved
	refunds   []*moved
	notices   []Fact // on their way, in any order
	cancelled int

	clock               int       // of what it does to the payment, in seconds
	paidAt, cancelledAt time.Time // by that clock
}

// tick is the next time by APO's clock.
func (w *world) tick() time.Time {
	w.clock++
	return opened.Add(time.Duration(w.clock) * time.Second)
}

// cancelledFact and done are the cancellation as APO signs it.
func (w *world) cancelledFact() Fact {
	return Fact{Kind: PaymentCancelled, PaymentID: "P1", At: w.cancelledAt}
}
func (w *world) done() Verdict {
	v := done
	v.At = w.cancelledAt
	return v
}

// moved is a capture or refund in APO's book.
type moved struct {
	id, request string
	minor       int64
	state       string
	last        bool // a capture after which there is no other
}

func sum(ts []*moved) (minor int64) {
	for _, m := range ts {
		if m.state == StateSuccess {
			minor += m.minor
		}
	}
	return minor
}

func reserved(ts []*moved) (minor int64) {
	for _, m := range ts {
		if m.state != StateFail {
			minor += m.minor
		}
	}
	return minor
}

func (w *world) fact(m *moved, ok, fail, pending FactKind) Fact {
	kind := map[string]FactKind{StateSuccess: ok, StateFail: fail, StateProcessing: pending}[m.state]
	return Fact{Kind: kind, TransferID: m.id, RequestID: m.request, Amount: usd(m.minor), Code: "RISK_REJECT"}
}

func (w *world) captureFact(m *moved) Fact {
	return w.fact(m, CaptureSucceeded, CaptureFailed, CapturePending)
}
func (w *world) refundFact(m *moved) Fact {
	return w.fact(m, RefundSucceeded, RefundFailed, RefundPending)
}

func (w *world) notify(f Fact) { w.notices = append(w.notices, f) }

// pay is the buyer's doing, before or after a cancellation.
func (w *world) pay(ok bool) {
	if w.state != "" && (w.state != StateCancelled || w.repaid || w.cancelled > 0 || !ok) {
		return
	}
	w.repaid = w.state == StateCancelled
	w.state = StateFail
	f := Fact{Kind: PaymentFailed, PaymentID: "P1", Code: "USER_BALANCE_NOT_ENOUGH"}
	if ok {
		w.state, w.paidAt = StateSuccess, w.tick()
		f = Fact{Kind: PaymentSucceeded, PaymentID: "P1", Amount: usd(theAmount), At: w.paidAt}
		if w.mode == CaptureAutomatic {
			w.captures = append(w.captures, &moved{id: "auto", minor: theAmount, state: StateProcessing})
		}
	}
	w.notify(f)
}

// decideOne lets APO finish something it works on.
func (w *world) decideOne(ok bool) {
	for i, m := range append(append([]*moved{}, w.captures...), w.refunds...) {
		if m.state != StateProcessing {
			continue
		}
		m.state = StateFail
		if ok {
			m.state = StateSuccess
		}
		if i < len(w.captures) {
			w.notify(w.captureFact(m))
		} else {
			w.notify(w.refundFact(m))
		}
		return
	}
}

// dashboard refunds without us.
func (w *world) dashboard(minor int64) {
	left := sum(w.captures) - reserved(w.refunds)
	if w.mode == CaptureNone && w.state == StateSuccess {
		left = theAmount - reserved(w.refunds)
	}
	if minor <= left {
		m := &moved{id: fmt.Sprint("D", len(w.refunds)), request: fmt.Sprint("dr", len(w.refunds)), minor: minor,
			state: StateSuccess}
		w.refunds = append(w.refunds, m)
		w.notify(w.refundFact(m))
	}
}

// cancel answers a cancel that arrived.
func (w *world) cancel() Verdict {
	switch {
	case w.state == StateCancelled:
		return w.done()
	case w.state == StateFail, reserved(w.captures) > 0, reserved(w.refunds) > 0:
		return wrongF
	}
	if w.state == StateSuccess {
		w.cancelled++ // a payment that was there: the buyer cannot pay again
	}
	w.state, w.cancelledAt = StateCancelled, w.tick()
	return w.done()
}

// atTheDoor is a refusal of this one call (too much traffic, no access): it says nothing about the request's earlier
// calls.
const atTheDoor = "AT THE DOOR"

// call answers a call of ours that arrived. outcome is what APO makes of a new request.
func (w *world) call(c Call, outcome string) Verdict {
	if outcome == atTheDoor {
		return refusedF
	}
	switch c.Kind {
	case CallCancel:
		return w.cancel()
	case CallCapture:
		return w.transfer(&w.captures, c, "C", outcome, theAmount-reserved(w.captures), w.state == StateSuccess)
	}
	left := sum(w.captures)
	if w.mode == CaptureNone {
		left = theAmount
	}
	return w.transfer(&w.refunds, c, "F", outcome, left-reserved(w.refunds), w.state == StateSuccess)
}

func (w *world) transfer(book *[]*moved, c Call, prefix string, outcome string, left int64, alive bool) Verdict {
	for _, m := range *book {
		if m.request == c.RequestID { // the same id again: the same answer, no second effect
			return answerOf(m)
		}
	}
	closed := slices.ContainsFunc(*book, func(m *moved) bool { return m.last && m.state != StateFail })
	if !alive || c.Amount.Minor > left || prefix == "C" && closed {
		return Verdict{Class: VerdictWrong, Code: "ORDER_STATUS_INVALID"}
	}
	m := &moved{id: fmt.Sprint(prefix, len(*book)), request: c.RequestID, minor: c.Amount.Minor, state: outcome,
		last: c.Last}
	*book = append(*book, m)
	if outcome != StateProcessing {
		if prefix == "C" {
			w.notify(w.captureFact(m))
		} else {
			w.notify(w.refundFact(m))
		}
	}
	return answerOf(m)
}

func answerOf(m *moved) Verdict {
	switch m.state {
	case StateSuccess:
		return Verdict{Class: VerdictSucceeded, TransferID: m.id, Code: "SUCCESS"}
	case StateFail:
		return Verdict{Class: VerdictFailed, Code: "RISK_REJECT"}
	}
	return Verdict{Class: VerdictAccepted, Code: "IN_PROCESS", TransferID: m.id}
}

// picture is the truth about the payment, or about the refund that is asked for.
func (w *world) picture(c Call) Picture {
	if c.Kind == CallInquireRefund {
		for _, m := range w.refunds {
			if m.request == c.RequestID {
				return tells(m.state, w.refundFact(m))
			}
		}
		return Picture{Outcome: events.InquiryNotExist, Code: "REFUND_NOT_EXIST"}
	}
	if w.state == "" {
		return notExist
	}
	p := tells(w.state)
	switch w.state {
	case StateSuccess:
		p.Facts = append(p.Facts, Fact{Kind: PaymentSucceeded, PaymentID: "P1", Amount: usd(theAmount), At: w.paidAt})
	case StateFail:
		p.Facts = append(p.Facts, failed())
	case StateCancelled:
		p.Facts = append(p.Facts, w.cancelledFact())
	}
	for _, m := range w.captures {
		if rest := theAmount - reserved(w.captures); m.last && m.state == StateSuccess && rest > 0 {
			p.Facts = append(p.Facts, voidedPart(rest))
		}
		p.Facts = append(p.Facts, w.captureFact(m))
	}
	for _, m := range w.refunds {
		p.Facts = append(p.Facts, w.refundFact(m))
	}
	return p
}

// deliver hands a notice over, perhaps once more later.
func (w *world) deliver(t *rapid.T, x *till) {
	if len(w.notices) == 0 {
		return
	}
	i := rapid.IntRange(0, len(w.notices)-1).Draw(t, "notice")
	f := w.notices[i]
	if !rapid.Bool().Draw(t, "comes again") {
		w.notices = append(w.notices[:i:i], w.notices[i+1:]...)
	}
	x.observe(f)
}
