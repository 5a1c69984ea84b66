package order

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tilltape/tilltape/events"
)

// mover is one movement as APO can tell it.
type mover struct {
	done, failed, pending FactKind
	id, request           string
	minors                []int64
}

// fact is what APO tells of it: done of some amount, failed or in process.
func (m *mover) fact(kind FactKind, minor int64) Fact {
	f := Fact{Kind: kind, TransferID: m.id, RequestID: m.request, Amount: usd(minor)}
	if f.fails() {
		f.Code = "X"
	}
	return f
}

var movers = []mover{
	{CaptureSucceeded, CaptureFailed, CapturePending, "C1", "cr1", []int64{300, 400}},
	{CaptureSucceeded, CaptureFailed, CapturePending, "C2", "cr2", []int64{200}},
	{RefundSucceeded, RefundFailed, RefundPending, "F1", "fr1", []int64{100, 50}},
	{RefundSucceeded, RefundFailed, RefundPending, "F2", "fr2", []int64{150}},
}

// wordOfAPO is any word on the payment or on what moves of it but that it was cancelled, which nothing leaves.
func wordOfAPO(t *rapid.T, mode events.CaptureMode) Fact {
	switch rapid.IntRange(0, 8).Draw(t, "word") {
	case 0, 1:
		kinds := []FactKind{PaymentSucceeded, PaymentPaid, PaymentAuthorized}
		if mode == CaptureNone { // APO's word that it is authorized makes another order of it, for good
			kinds = kinds[:2]
		}
		return Fact{Kind: rapid.SampledFrom(kinds).Draw(t, "done"),
			PaymentID: "P1", Amount: usd(rapid.SampledFrom([]int64{theAmount, 800}).Draw(t, "of"))}
	case 2:
		return failed()
	}
	m := &movers[rapid.IntRange(0, len(movers)-1).Draw(t, "which")]
	return m.fact(rapid.SampledFrom([]FactKind{m.done, m.done, m.failed, m.pending}).Draw(t, "it"),
		rapid.SampledFrom(m.minors).Draw(t, "of"))
}

// wholeAnswer is an answer that tells of everything once, and contradicts itself in nothing.
func wholeAnswer(t *rapid.T, mode events.CaptureMode) Picture {
	var none []Fact
	for i := range movers {
		none = append(none, movers[i].fact(movers[i].failed, 0))
	}
	switch rapid.IntRange(0, 5).Draw(t, "answer") {
	case 0:
		return tells(StateFail, append(none, failed())...)
	case 1:
		return tells(StateCancelled, append(none, cancelled())...)
	}
	pay := Fact{Kind: PaymentAuthorized, PaymentID: "P1", Amount: usd(theAmount)}
	if mode == CaptureNone {
		pay.Kind = PaymentPaid
	}
	facts, left := []Fact{pay}, int64(0)
	if mode == CaptureNone {
		left = theAmount
	}
	for i := range movers {
		m := &movers[i]
		done := rapid.Bool().Draw(t, "done")
		minor := m.minors[0]
		switch {
		case m.done == RefundSucceeded:
			if done = done && minor <= left; done {
				left -= minor
			}
		case mode == CaptureNone:
			done = false
		case m.done == CaptureSucceeded && done:
			left += minor
		}
		if kind := m.failed; done {
			facts = append(facts, m.fact(m.done, minor))
		} else {
			facts = append(facts, m.fact(kind, minor))
		}
	}
	return tells(StateSuccess, facts...)
}

// end is what an order comes to, reckoned by hand.
type end struct {
	status                         Status
	authorized, captured, refunded int64
	capturable, refundable         int64
	late                           Late
	held, doubts                   int
	cancels, captures, refunds     bool
	counted                        [2]int // captures and refunds in the book
}

// comesTo is what a whole answer makes of an order, by its lines alone: none of this package's rules is asked.
func comesTo(p Picture, mode events.CaptureMode) (e end) {
	if p.State == StateFail {
		return end{status: Failed, cancels: true}
	}
	e.authorized = theAmount
	for _, f := range p.Facts {
		switch f.Kind {
		case CaptureSucceeded:
			e.captured, e.counted[0] = e.captured+f.Amount.Minor, e.counted[0]+1
		case RefundSucceeded:
			e.refunded, e.counted[1] = e.refunded+f.Amount.Minor, e.counted[1]+1
		}
	}
	if mode == CaptureNone {
		e.captured = theAmount
	}
	switch {
	case e.refunded > 0:
		e.status = Refunded
	case mode == CaptureNone:
		e.status, e.cancels = Paid, true
	case e.captured > 0:
		e.status = Captured
	default:
		e.status, e.cancels = Authorized, true
	}
	e.capturable, e.refundable = e.authorized-e.captured, e.captured-e.refunded
	e.captures = mode == CaptureManual && e.status != Refunded && e.capturable > 0
	e.refunds = e.refundable > 0
	return e
}

// reckoned is what an order has come to, for comparison.
func reckoned(x *till) end {
	o := &x.o
	e := end{status: o.Status, authorized: o.Authorized, captured: o.Captured, refunded: o.Refunded,
		capturable: o.Capturable(), refundable: o.Refundable(), late: o.Late, held: len(o.Held), doubts: len(o.Doubts()),
		cancels: x.takes(Cancel{}), captures: x.takes(Capture{Amount: usd(1)}), refunds: x.takes(Refund{Amount: usd(1)})}
	for i := range o.book {
		if t := &o.book[i]; t.is(transferCounted) && (t.kind == captures || t.kind == refunds) {
			e.counted[t.kind-captures]++
		}
	}
	return e
}

// Whatever an order has heard: an answer that tells of everything, and contradicts itself in nothing, is what it comes
// to, as if nothing else had ever been told.
func TestHeard_TheLastAnswerAloneSaysHowItStands(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		mode := rapid.SampledFrom([]events.CaptureMode{CaptureNone, CaptureManual}).Draw(t, "mode")
		x := placed(t, mode)
		x.policy.SeveralCaptures = []string{MethodCard}
		for range rapid.IntRange(0, 6).Draw(t, "words") {
			if rapid.IntRange(0, 4).Draw(t, "by an inquiry") > 0 {
				x.observe(wordOfAPO(t, mode))
				continue
			}
			state := rapid.SampledFrom([]string{StateSuccess, StateFail, StateCancelled, StateProcessing}).Draw(t, "state")
			x.inquire(tells(state, wordOfAPO(t, mode), wordOfAPO(t, mode)))
		}
		p := wholeAnswer(t, mode)
		x.inquire(p)
		x.inquire(p)
		want := placed(t, mode)
		want.inquire(p)
		if p.State == StateCancelled { // what it undid stays in the amounts
			require.Equal(t, []any{Cancelled, Late{}, 0}, []any{x.o.Status, x.o.Late, len(x.o.Held)})
		} else {
			require.Equal(t, standsAs(want), standsAs(x))
			require.Equal(t, comesTo(p, mode), reckoned(x))
		}
		require.Empty(t, x.o.Doubts())
		replayIsLive(t, x)
	})
}

// What a cancellation lets go of the late money is all of it, also what the same answer says was not given back.
func TestHeard_AReleaseFollowsWhatItsAnswerSays(t *testing.T) {
	x := placed(t, CaptureNone)
	x.must(Cancel{CommandID: "cancel-0"})
	x.answer(done)
	x.inquire(tells(StateSuccess, paid(), refunded("F1", 100)))
	require.Equal(t, Late{Authorized: theAmount, Captured: theAmount, Refunded: 100}, x.o.Late)
	for range 2 {
		x.inquire(tells(StateCancelled, cancelled(), Fact{Kind: RefundFailed, TransferID: "F1", Code: "X"}))
	}
	require.True(t, x.o.Late.IsZero(), "%+v", x.o.Late)
	replayIsLive(t, x)
}
