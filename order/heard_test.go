package order

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tilltape/tilltape/events"
)

// What one answer tells in two ways it does not decide: it is in doubt, until another answer or a person says, and to
// be told so each day adds nothing.
func TestHeard_AnAnswerThatContradictsItself(t *testing.T) {
	failedCapture := Fact{Kind: CaptureFailed, TransferID: "C1", Code: "X"}
	failedRefund := Fact{Kind: RefundFailed, TransferID: "F1", Code: "X"}
	for name, c := range map[string]struct {
		status  Status
		facts   []Fact
		refunds int64 // what may be refunded beside that
		truth   []Fact
	}{
		"the payment of two amounts": {Authorized, []Fact{ofAmount(authorized(), 800), ofAmount(authorized(), 900)}, 0,
			[]Fact{ofAmount(authorized(), 900)}},
		"the payment as it was, and of another amount": {Authorized, []Fact{authorized(), ofAmount(authorized(), 900)}, 0,
			[]Fact{ofAmount(authorized(), 900)}},
		"a payment heard of for the first time": {Created, []Fact{authorized(), ofAmount(authorized(), 900)}, 0,
			[]Fact{authorized()}},
		"a capture of two amounts": {Captured, []Fact{authorized(), captured("C1", 600), captured("C1", 500)}, 0,
			[]Fact{authorized(), captured("C1", 500)}},
		"a capture done and failed": {Captured, []Fact{authorized(), failedCapture, captured("C1", 600)}, 0,
			[]Fact{authorized(), captured("C1", 600)}},
		"a capture heard of for the first time": {Authorized, []Fact{authorized(), failedCapture, captured("C1", 600)}, 0,
			[]Fact{authorized(), captured("C1", 600)}},
		"a refund done and failed": {Refunded, []Fact{authorized(), captured("C1", 600), failedRefund,
			refunded("F1", 100)}, 500, []Fact{authorized(), captured("C1", 600), refunded("F1", 100)}},
		"a refund of two amounts": {Refunded, []Fact{authorized(), captured("C1", 600), refunded("F1", 200),
			refunded("F1", 100)}, 0, []Fact{authorized(), captured("C1", 600), refunded("F1", 200)}},
	} {
		t.Run(name, func(t *testing.T) {
			x := in(t, c.status)
			x.policy.SeveralCaptures = []string{MethodCard}
			x.inquire(tells(StateSuccess, c.facts...))
			require.Len(t, x.o.Doubts(), 1)
			assert.NotEmpty(t, x.o.Anomalies)
			assert.Equal(t, c.refunds, x.o.Refundable())
			assert.LessOrEqual(t, x.o.Authorized-x.o.Captured-x.o.Capturable(), int64(theAmount))
			for range 3 {
				assert.Len(t, x.inquire(tells(StateSuccess, c.facts...)), 1)
				assert.Len(t, x.o.Doubts(), 1)
			}
			settled, same := x.o, Resolve{Record: x.o.Doubts()[0], Resolution: events.ResolvedSucceeded, Statement: "7"}
			x.must(same)
			assert.Empty(t, x.o.Doubts())
			x.o, x.log = settled, x.log[:len(x.log)-1]
			x.inquire(tells(StateSuccess, c.truth...))
			assert.Empty(t, x.o.Doubts(), "another answer says it")
			y := placed(t, CaptureManual)
			y.inquire(tells(StateSuccess, c.truth...))
			assert.Equal(t, standsAs(y), standsAs(x))
			replayIsLive(t, x)
		})
	}
}

// The smaller amount holds, whichever the answer tells last.
func TestHeard_OfTwoAmountsTheSmallerHolds(t *testing.T) {
	less := ofAmount(authorized(), 800)
	for _, two := range [][]Fact{{authorized(), less}, {less, authorized()}} {
		for _, s := range []Status{Created, Authorized} {
			x := in(t, s)
			x.inquire(tells(StateSuccess, two...))
			assert.EqualValues(t, 800, x.o.Capturable())
			replayIsLive(t, x)
		}
	}
}

// A raise tells of two amounts, and is no contradiction.
func TestHeard_ARaiseIsNoSecondAmount(t *testing.T) {
	x := in(t, Authorized)
	x.inquire(tells(StateSuccess, authorized(), ofAmount(authorized(), 1200), raised("u1", 1200)))
	assert.Empty(t, x.o.Doubts())
	assert.EqualValues(t, 1200, x.o.Capturable())
	replayIsLive(t, x)
}

// Which of two amounts an answer means that has none nobody knows.
func TestHeard_ASuccessWithoutAnAmountSaysNothingOfTwo(t *testing.T) {
	x := in(t, Authorized)
	x.observe(ofAmount(authorized(), 800))
	x.inquire(tells(StateSuccess, ofAmount(authorized(), 0)))
	assert.EqualValues(t, 800, x.o.Capturable())
	assert.Len(t, x.o.Doubts(), 1)
	x.inquire(tells(StateSuccess, Fact{Kind: PaymentAuthorized, PaymentID: "P1"}))
	assert.EqualValues(t, 800, x.o.Capturable())
	assert.Len(t, x.o.Doubts(), 1)
	x.inquire(tells(StateSuccess, authorized()))
	assert.EqualValues(t, theAmount, x.o.Capturable())
	assert.Empty(t, x.o.Doubts())
	replayIsLive(t, x)
}

// What an inquiry says is no message that is delivered again: the same contradiction counts once more after it was
// settled.
func TestHeard_TheSameContradictionCountsAgain(t *testing.T) {
	for _, second := range []Fact{captured("C1", 500), {Kind: CaptureFailed, TransferID: "C1", Code: "X"}} {
		x := in(t, Captured)
		different := tells(StateSuccess, authorized(), captured("C1", 600), second)
		for range 2 {
			x.inquire(different)
			require.Len(t, x.o.Doubts(), 1, second.Kind)
			assert.Zero(t, x.o.Refundable())
			x.inquire(tells(StateSuccess, authorized(), captured("C1", 600)))
			require.Empty(t, x.o.Doubts())
		}
		replayIsLive(t, x)
	}
}

// A payment that APO says was cancelled, and then that it stands: nothing leaves cancelled, and its money is late
// money, which somebody can give back.
func TestHeard_APaymentThatStandsThoughItWasCancelled(t *testing.T) {
	for name, c := range map[string]struct {
		order func() *till
		facts []Fact
		late  Late
		by    CallKind
	}{
		"captured": {func() *till { return in(t, Captured) }, []Fact{authorized(), captured("C1", 600)},
			Late{Authorized: theAmount, Captured: 600}, CallRefund},
		"captured, and not listed": {func() *till { return in(t, Captured) }, []Fact{authorized()},
			Late{Authorized: theAmount, Captured: 600}, CallRefund},
		"refunded": {func() *till { return in(t, Refunded) }, []Fact{authorized(), captured("C1", 600)},
			Late{Authorized: theAmount, Captured: 600, Refunded: 100}, CallRefund},
		"authorized": {func() *till { return in(t, Authorized) }, []Fact{authorized()}, Late{Authorized: theAmount},
			CallCancel},
		"paid": {func() *till { return in(t, Paid) }, []Fact{paid()}, Late{Authorized: theAmount, Captured: theAmount},
			CallRefund},
		"captured before it was known": {func() *till {
			x := placed(t, CaptureManual)
			x.observe(captured("C1", 600))
			return x
		}, []Fact{authorized(), captured("C1", 600)}, Late{Authorized: theAmount, Captured: 600}, CallRefund},
	} {
		t.Run(name, func(t *testing.T) {
			x := c.order()
			x.inquire(tells(StateCancelled, cancelled()))
			require.Equal(t, []any{Cancelled, Late{}}, []any{x.o.Status, x.o.Late})
			x.observe(c.facts[0])
			assert.True(t, x.o.Late.IsZero(), "a message that is delivered, perhaps again, revives nothing")
			before := len(x.o.Anomalies)
			x.inquire(tells(StateSuccess, c.facts...))
			assert.Equal(t, []any{Cancelled, c.late, int64(0)}, []any{x.o.Status, x.o.Late, x.o.Captured})
			assert.Greater(t, len(x.o.Anomalies), before)
			assert.Len(t, x.inquire(tells(StateSuccess, c.facts...)), 1)
			x.must(Compensate{CommandID: "k", Actor: "ann"})
			assert.Equal(t, c.by, x.o.Operation.Kind)
			replayIsLive(t, x)
		})
	}
}

// An answer that also tells of the cancel does not say that the payment stands.
func TestHeard_ASuccessBesideACancelRevivesNothing(t *testing.T) {
	x := in(t, Captured)
	x.inquire(tells(StateCancelled, cancelled()))
	x.inquire(tells(StateSuccess, authorized(), voided(x.now.Add(-time.Hour))))
	assert.True(t, x.o.Late.IsZero())
	x.inquire(tells(StateCancelled, authorized()))
	assert.True(t, x.o.Late.IsZero())
	replayIsLive(t, x)
}

// Whatever an order has heard: the same answer told again and again comes to an end, and then adds nothing but itself.
func TestHeard_TheSameAnswerComesToAnEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := newTill(t)
		x.policy.SeveralCaptures = []string{MethodCard}
		x.must(create(rapid.SampledFrom([]events.CaptureMode{CaptureNone, CaptureAutomatic, CaptureManual}).Draw(t, "mode")))
		for range rapid.IntRange(0, 8).Draw(t, "facts") {
			x.observe(someFact(t))
		}
		p := somePicture(t)
		for range 3 {
			x.inquire(p)
		}
		before := x.o
		if facts := x.inquire(p); len(facts) > 1 {
			require.Failf(t, "the fourth time", "%+v\nstatus %s, %+v\n%+v", p.Facts, x.o.Status, facts, x.o.book)
		}
		require.Equal(t, []any{before.book, before.Anomalies, before.Held}, []any{x.o.book, x.o.Anomalies, x.o.Held})
	})
}

// comesToAnEnd holds that an answer teaches nothing any more by the fourth time.
func comesToAnEnd(t *testing.T, x *till, p Picture) {
	t.Helper()
	for range 3 {
		x.inquire(p)
	}
	before := x.o
	assert.Len(t, x.inquire(p), 1)
	assert.Equal(t, []any{before.book, before.Anomalies}, []any{x.o.book, x.o.Anomalies})
	replayIsLive(t, x)
}

// A refund of nothing that is done and failed in another currency can never be this order's, whatever is told of it.
func TestHeard_ARefundOfNothingDoneAndFailedComesToAnEnd(t *testing.T) {
	x := placed(t, CaptureNone)
	p := tells(StateSuccess, Fact{Kind: PaymentSucceeded, PaymentID: "P1", Amount: usd(theAmount)},
		Fact{Kind: RefundSucceeded, TransferID: "T3", Amount: usd(0)},
		Fact{Kind: RefundFailed, TransferID: "T3", Amount: Money{Currency: "EUR"}, Code: "X"})
	comesToAnEnd(t, x, p)
}

// Of a payment that was raised, an answer with an amount that it held and one that it never held contradicts itself, as
// it did before the payment was known: the smaller one holds, and that is said once.
func TestHeard_TwoAmountsBesideARaiseComeToAnEnd(t *testing.T) {
	for _, mode := range []events.CaptureMode{CaptureAutomatic, CaptureManual} {
		x := placed(t, mode)
		x.observe(Fact{Kind: PaymentRaised, Amount: usd(100)})
		p := tells(StateSuccess, Fact{Kind: PaymentAuthorized, Amount: usd(400)},
			Fact{Kind: PaymentSucceeded, Amount: usd(1200)})
		comesToAnEnd(t, x, p)
		assert.EqualValues(t, 400, x.o.Authorized)
	}
}

// A raise to less is none: of two amounts the smaller one holds, and that is said once.
func TestHeard_ARaiseToLessIsASecondAmount(t *testing.T) {
	for _, mode := range []events.CaptureMode{CaptureNone, CaptureAutomatic, CaptureManual} {
		pay := Fact{Kind: PaymentSucceeded, Amount: usd(theAmount)}
		for _, before := range [][]Fact{nil, {{Kind: PaymentSucceeded}}} {
			comesToAnEnd(t, told(t, mode, before), tells(StateSuccess, pay, Fact{Kind: PaymentRaised, Amount: usd(400)},
				ofAmount(pay, 400)))
		}
	}
}

// Two lines about one capture, of nothing, in two currencies: neither is newer than the other.
func TestHeard_TwoLinesOfNothingComeToAnEnd(t *testing.T) {
	one := Fact{Kind: CapturePending, TransferID: "T3", Amount: Money{Currency: "EUR"}}
	other := Fact{Kind: CapturePending, PaymentID: "P2", TransferID: "T3", Amount: usd(0)}
	comesToAnEnd(t, placed(t, CaptureNone), tells(StateSuccess, one, other))
}

// A line of a kind not known here is told as a refund, too, also where the two name it by the two names that are on
// record.
func TestHeard_AnUnknownLineOfARefundByItsOtherNameComesToAnEnd(t *testing.T) {
	x := placed(t, CaptureNone)
	x.observe(Fact{Kind: RefundFailed, TransferID: "T1", RequestID: "r-1", Amount: usd(100), Code: "X"})
	p := tells(StateSuccess, Fact{Kind: PaymentCancelled, PaymentID: "P1"},
		Fact{Kind: OtherTransaction, PaymentID: "P2", RequestID: "r-1", Amount: usd(100)},
		Fact{Kind: RefundFailed, TransferID: "T1", RequestID: "q1", Amount: usd(100)})
	comesToAnEnd(t, x, p)
}

// A payment in doubt that an answer calls done and cancelled is cancelled: that it was done is how it could be. Where
// the answer tells of a refund too it decides nothing, however often.
func TestHeard_DoneAndCancelledByOneAnswer(t *testing.T) {
	for _, moved := range []bool{false, true} {
		x := placed(t, CaptureNone)
		x.observe(Fact{Kind: RefundSucceeded, RequestID: "q1", Amount: usd(100)})
		answer := tells(StateSuccess, paid(), cancelled())
		if moved {
			answer.Facts = append(answer.Facts, Fact{Kind: RefundSucceeded, RequestID: "q1", Amount: usd(100)})
		}
		for range 3 {
			x.inquire(answer)
		}
		assert.Len(t, x.inquire(answer), 1)
		if moved {
			assert.Equal(t, []any{Refunded, int64(0), 1}, []any{x.o.Status, x.o.Refundable(), len(x.o.Doubts())})
		} else {
			assert.Equal(t, []any{Cancelled, 0}, []any{x.o.Status, len(x.o.Doubts())})
		}
		replayIsLive(t, x)
	}
}

// Held or moved is a word too: a payment that was told as made in one step, by our configuration or by a line of an
// answer, is only held once APO's newest word says so, and until then nothing goes back that may not be there.
func TestHeard_APaymentThatIsOnlyHeldAfterAll(t *testing.T) {
	x := in(t, Paid)
	x.observe(authorized())
	assert.Equal(t, []any{Paid, int64(0), x.now}, []any{x.o.Status, x.o.Refundable(), x.o.NextDue()})
	y := in(t, Paid)
	y.observe(authorized())
	y.inquire(tells(StateSuccess, paid()))
	assert.Equal(t, []any{Paid, int64(theAmount), 0}, []any{y.o.Status, y.o.Refundable(), len(y.o.Anomalies)})
	replayIsLive(t, y)

	x.inquire(tells(StateSuccess, authorized()))
	assert.Equal(t, []any{Authorized, []int64{theAmount, 0, 0}}, []any{x.o.Status, amounts(x.o)})
	assert.Equal(t, []any{GatewayOutstanding, 0, 1}, []any{x.o.Gateway, len(x.o.Doubts()), len(x.o.Anomalies)})
	assert.False(t, x.o.NextDue().IsZero(), "APO captures by itself, as far as anybody knows")
	assert.False(t, x.takes(Cancel{}))
	assert.Len(t, x.inquire(tells(StateSuccess, authorized())), 1)
	x.observe(captured("C1", theAmount))
	assert.EqualValues(t, theAmount, x.o.Refundable())
	replayIsLive(t, x)

	z := placed(t, CaptureManual)
	z.observe(paid())
	require.Equal(t, Captured, z.o.Status)
	z.inquire(tells(StateSuccess, authorized()))
	assert.Equal(t, []any{Authorized, []int64{theAmount, 0, 0}, GatewayNone}, []any{z.o.Status, amounts(z.o), z.o.Gateway})
	z.must(Capture{CommandID: "c", Amount: usd(theAmount)})
	replayIsLive(t, z)
}
