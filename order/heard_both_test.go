package order

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tilltape/tilltape/events"
)

// toldBoth are orders of which one answer says that they were paid in one step and that they are held.
func toldBoth(t *testing.T) map[string]*till {
	out := map[string]*till{"paid": in(t, Paid), "authorized": in(t, Authorized), "captured": in(t, Captured),
		"paid without a capture": placed(t, CaptureManual)}
	for _, mode := range everyMode {
		out["created, "+mode.String()] = placed(t, mode)
	}
	out["paid without a capture"].observe(paid())
	x := placed(t, CaptureNone) // its own capture failed, so that it may be cancelled
	x.observe(authorized())
	x.observe(Fact{Kind: CaptureFailed, PaymentID: "P1", Code: "X"})
	out["called authorized"] = x
	return out
}

// Money may have been taken, and may only be held: as long as no answer says one of the two, nothing is cancelled,
// captured or given back, whichever the answer tells first, and whether a person has cleared the flag or not.
func TestHeard_HeldAndMovedByOneAnswer(t *testing.T) {
	for _, other := range []int64{theAmount, 800} {
		both := []Fact{paid(), ofAmount(authorized(), other)}
		for name := range toldBoth(t) {
			t.Run(name, func(t *testing.T) {
				var ends [][]any
				for range 2 {
					x := toldBoth(t)[name]
					x.policy.SeveralCaptures = []string{MethodCard}
					slices.Reverse(both)
					for range 3 {
						x.inquire(tells(StateSuccess, both...))
						require.Len(t, x.o.Doubts(), 1)
						require.NotEmpty(t, x.o.Anomalies)
					}
					assert.Len(t, x.inquire(tells(StateSuccess, both...)), 1, "told daily it adds nothing")
					for _, a := range x.o.Anomalies {
						x.must(ClearAnomaly{CommandID: "c", Anomaly: a.Version, Reason: "seen"})
						break
					}
					for _, c := range []Command{Cancel{}, Capture{Amount: usd(1)}, Refund{Amount: usd(1)}} {
						assert.False(t, x.takes(c), "%T", c)
					}
					ends = append(ends, append(standsAs(x), x.o.Book()[0].Refuted))
					for _, one := range []Fact{paid(), authorized()} {
						y := *x
						y.inquire(tells(StateSuccess, one))
						assert.Empty(t, y.o.Doubts(), "one word ends it")
						assert.Equal(t, one.Kind == PaymentPaid, y.o.movedWhole())
						replayIsLive(t, &y)
					}
				}
				assert.Equal(t, ends[0], ends[1])
			})
		}
	}
}

// A doubt of another kind that stands already does not hide it, nor that it was told before.
func TestHeard_HeldAndMovedBesideAnotherDoubt(t *testing.T) {
	for name, word := range map[string]Fact{"of two amounts": ofAmount(paid(), 800), "failed": failed()} {
		t.Run(name, func(t *testing.T) {
			x := in(t, Paid)
			both := tells(StateSuccess, paid(), authorized())
			x.inquire(both)
			x.inquire(tells(StateSuccess, paid()))
			require.Empty(t, x.o.Doubts())
			x.observe(word)
			require.True(t, x.takes(Cancel{CommandID: "k"}))
			x.inquire(both)
			require.Len(t, x.o.Doubts(), 1)
			assert.False(t, x.takes(Cancel{CommandID: "k"}))
			replayIsLive(t, x)
		})
	}
}

// Of a payment that is held or moved a person says whether it is what counts: if it is not, it is the other one, and
// has not failed. One that was called failed too has.
func TestResolve_OfHeldOrMovedTheOtherIsSo(t *testing.T) {
	for name, c := range map[string]struct {
		order string
		to    Status
		moved bool
		late  bool
	}{
		"moved, and is only held": {"paid", Authorized, false, false},
		"to be captured, and is":  {"paid without a capture", Authorized, false, false},
		"held, and has moved":     {"authorized", Captured, true, false},
		"captured, and has moved": {"captured", Captured, true, false},
		"called authorized":       {"called authorized", Paid, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			x := toldBoth(t)[c.order]
			for range 2 {
				x.inquire(tells(StateSuccess, paid(), authorized()))
			}
			at := x.o.PaymentAt
			x.must(Resolve{CommandID: "k", Record: x.o.Doubts()[0], Resolution: events.ResolvedFailed, Statement: "7"})
			assert.Equal(t, []any{c.to, c.moved, int64(theAmount), at}, []any{x.o.Status, x.o.movedWhole(),
				x.o.Authorized, x.o.PaymentAt})
			assert.Nil(t, x.o.paymentDoubt())
			assert.Equal(t, x.now, x.o.NextDue(), "APO is asked whether it is so")
			assert.True(t, x.o.Book()[0].Settled)
			replayIsLive(t, x)
			comesToAnEnd(t, x, tells(StateSuccess, paid(), authorized()))
			assert.False(t, x.takes(Cancel{CommandID: "k2"}), "an answer that says both again is a doubt again")
		})
	}
	x := in(t, Paid)
	x.observe(failed())
	for range 2 {
		x.inquire(tells(StateSuccess, paid(), authorized()))
	}
	x.must(Resolve{CommandID: "k", Record: x.o.Doubts()[0], Resolution: events.ResolvedFailed, Statement: "7"})
	assert.Equal(t, Failed, x.o.Status)
	replayIsLive(t, x)
}

// The same of money that came when the order was cancelled: what moved is late money that a person looks at.
func TestResolve_OfLateMoneyHeldOrMoved(t *testing.T) {
	for _, first := range []Fact{paid(), authorized()} {
		x := in(t, Cancelled)
		x.observe(first)
		require.Equal(t, first.Kind == PaymentPaid, x.o.movedWhole())
		for range 2 {
			x.inquire(tells(StateSuccess, paid(), authorized()))
		}
		require.Len(t, x.o.Doubts(), 1)
		assert.False(t, x.takes(Compensate{CommandID: "k"}))
		x.must(ClearAnomaly{CommandID: "c", Anomaly: x.o.Anomalies[0].Version, Reason: "seen"})
		x.must(Resolve{CommandID: "k", Record: x.o.Doubts()[0], Resolution: events.ResolvedFailed, Statement: "7"})
		assert.Equal(t, []any{Cancelled, int64(theAmount), first.Kind == PaymentAuthorized},
			[]any{x.o.Status, x.o.Late.Authorized, x.o.Late.Captured == theAmount})
		assert.True(t, hasAnomaly(x.o, events.LatePayment))
		replayIsLive(t, x)
	}
}

// Whatever was told before: beside an answer that says both no command is legal that either word forbids, and the next
// answer that says one thing is what the order comes to.
func TestHeard_BothAndThenOneWord(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		mode := rapid.SampledFrom([]events.CaptureMode{CaptureNone, CaptureManual}).Draw(t, "mode")
		x := placed(t, mode)
		x.policy.SeveralCaptures = []string{MethodCard}
		for range rapid.IntRange(0, 5).Draw(t, "words") {
			x.observe(wordOfAPO(t, mode))
		}
		both := []Fact{paid(), authorized()}
		if rapid.Bool().Draw(t, "the other way round") {
			slices.Reverse(both)
		}
		x.inquire(tells(StateSuccess, both...))
		require.NotEmpty(t, x.o.Doubts())
		for _, c := range []Command{Cancel{}, Capture{Amount: usd(1)}, Refund{Amount: usd(1)}} {
			require.False(t, x.takes(c), "%T", c)
		}
		p := wholeAnswer(t, mode)
		x.inquire(p)
		x.inquire(p)
		require.Empty(t, x.o.Doubts())
		if p.State == StateCancelled { // what it undid stays in the amounts
			require.Equal(t, []any{Cancelled, Late{}, 0}, []any{x.o.Status, x.o.Late, len(x.o.Held)})
		} else {
			require.Equal(t, comesTo(p, mode), reckoned(x))
		}
		replayIsLive(t, x)
	})
}
