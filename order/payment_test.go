package order

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
)

func ofAmount(f Fact, minor int64) Fact {
	f.Amount = usd(minor)
	return f
}

// An authorization that APO tells with two amounts: until an inquiry has the newer, nothing above the smaller one is
// captured, and then its amount is the amount.
func TestPaymentDoubt_OfTwoAmountsTheNewestIsTheAmount(t *testing.T) {
	for _, c := range []struct{ told, sure, newest int64 }{{800, 800, 800}, {800, 800, 1000}, {1200, 1000, 1200}} {
		x := in(t, Authorized)
		x.policy.SeveralCaptures = []string{MethodCard}
		x.observe(ofAmount(authorized(), c.told))
		assert.Equal(t, x.now, x.o.NextDue(), "APO is asked at once")
		assert.Equal(t, []any{amounts(in(t, Authorized).o), c.sure}, []any{amounts(x.o), x.o.Capturable()})
		record := x.o.Anomalies[0].Version
		assert.Equal(t, []uint64{record}, x.o.Doubts())
		entry := x.o.Book()[0]
		assert.Equal(t, []any{true, true, record}, []any{entry.Counted, entry.Unequal, entry.Doubt})
		x.must(ClearAnomaly{Anomaly: record, Reason: "seen"})
		if c.sure < theAmount {
			_, err := x.do(Capture{Amount: usd(theAmount)})
			r := rejected(t, err)
			assert.Equal(t, []any{ReasonReversal, record}, []any{r.Reason, r.Cause.Version}, "to clear the flag frees nothing")
		}
		x.inquire(tells(StateSuccess, ofAmount(authorized(), c.newest)))
		assert.Equal(t, []int64{c.newest, 0, 0}, amounts(x.o))
		assert.Empty(t, x.o.Doubts())
		for _, old := range []int64{1000, c.told} {
			assert.Empty(t, x.observe(ofAmount(authorized(), old)), "%d is on record", old)
		}
		assert.Len(t, x.inquire(tells(StateSuccess, ofAmount(authorized(), c.newest))), 1, "and teaches nothing any more")
		x.must(Capture{CommandID: "c", Amount: usd(c.newest)})
		replayIsLive(t, x)
	}
}

// An amount that does not cover what moved cannot be taken: the smaller one bounds what goes back, until a person says;
// and what was captured was authorized, also where a person says that it was less.
func TestPaymentDoubt_AnAmountThatCannotBe(t *testing.T) {
	for _, word := range []events.Resolution{events.ResolvedSucceeded, events.ResolvedFailed} {
		x := in(t, Authorized)
		x.observe(captured("C1", 900))
		x.inquire(tells(StateSuccess, ofAmount(authorized(), 800), captured("C1", 900)))
		assert.Equal(t, []any{[]int64{1000, 900, 0}, int64(800)}, []any{amounts(x.o), x.o.Refundable()})
		_, err := x.do(Refund{Amount: usd(900)})
		assert.Equal(t, ReasonReversal, rejected(t, err).Reason)
		x.inquire(tells(StateSuccess, ofAmount(authorized(), 800), captured("C1", 900)))
		x.must(Resolve{Record: x.o.Doubts()[0], Resolution: word, Statement: "APO ticket 7"})
		want := map[events.Resolution][]int64{events.ResolvedSucceeded: {1000, 900, 0}, events.ResolvedFailed: {900, 900, 0}}
		assert.Equal(t, want[word], amounts(x.o))
		assert.EqualValues(t, 900, x.o.Refundable())
		replayIsLive(t, x)
	}
}

// A payment that APO also calls failed: nothing is captured or given back of it, a cancel is judged by what may stand,
// and the newest word is what it says.
func TestPaymentDoubt_ThatItFailed(t *testing.T) {
	for _, s := range []Status{Authorized, Paid, Captured, Refunded} {
		t.Run(s.String(), func(t *testing.T) {
			doubted := func() *till {
				x := in(t, s)
				x.policy.SeveralCaptures = []string{MethodCard}
				x.observe(failed())
				return x
			}
			before, x := in(t, s).o, doubted()
			assert.Equal(t, x.now, x.o.NextDue(), "APO is asked at once")
			assert.Equal(t, []any{s, amounts(before)}, []any{x.o.Status, amounts(x.o)})
			assert.Equal(t, []int64{0, 0}, []int64{x.o.Capturable(), x.o.Refundable()})
			for _, c := range []Command{Capture{Amount: usd(1)}, Refund{Amount: usd(1)}} {
				if _, reason := before.permits(Describe(c).Verb); reason == ReasonNone {
					_, err := x.do(c)
					assert.Equal(t, ReasonReversal, rejected(t, err).Reason)
				}
			}
			assert.Equal(t, s == Authorized || s == Paid, x.takes(Cancel{}), "by what may stand")
			record := x.o.Doubts()[0]
			x.must(ClearAnomaly{Anomaly: record, Reason: "seen"})
			assert.Equal(t, []int64{0, 0}, []int64{x.o.Capturable(), x.o.Refundable()}, "to clear the flag frees nothing")

			x.inquire(tells(StateFail, failed()))
			assert.Equal(t, []any{Failed, []int64{0, 0, 0}}, []any{x.o.Status, amounts(x.o)})
			assert.Empty(t, x.o.Doubts())
			entry := x.o.Book()[len(x.o.Book())-1]
			assert.Equal(t, []any{events.TransferPayment, true, true}, []any{entry.Transfer, entry.Failed, entry.TakenBack})
			assert.Empty(t, x.observe(failed()), "it is on record")
			if pay := before.Book()[0]; s == Paid {
				assert.Empty(t, x.observe(ofAmount(paid(), pay.Amount.Minor)), "and so is the success")
			} else {
				assert.Empty(t, x.observe(authorized()), "and so is the success")
			}
			replayIsLive(t, x)

			x = doubted()
			x.inquire(tells(StateSuccess, success(s)))
			assert.Equal(t, []any{s, amounts(before), 0}, []any{x.o.Status, amounts(x.o), len(x.o.Anomalies)})
			assert.Equal(t, []int64{before.Capturable(), before.Refundable()}, []int64{x.o.Capturable(), x.o.Refundable()})
			assert.Empty(t, x.observe(failed()), "a failure that is on record")
			replayIsLive(t, x)
		})
	}
}

// success is how the payment of an order with that status succeeded.
func success(s Status) Fact {
	if s == Paid {
		return paid()
	}
	return authorized()
}

// An inquiry that calls the payment failed and tells of a capture as done contradicts itself: a person says.
func TestPaymentDoubt_WhereAnInquiryCannotTell(t *testing.T) {
	for name, word := range map[string]Fact{"failed": failed(), "cancelled": cancelled()} {
		for _, resolution := range []events.Resolution{events.ResolvedSucceeded, events.ResolvedFailed} {
			t.Run(name+" "+resolution.String(), func(t *testing.T) {
				x := in(t, Captured) // 600
				before := x.o
				state := map[string]string{"failed": StateFail, "cancelled": StateCancelled}[name]
				x.inquire(tells(state, word, captured("C1", 600)))
				require.Equal(t, []any{Captured, int64(0)}, []any{x.o.Status, x.o.Refundable()})
				record := x.o.Doubts()[0]
				settle := Resolve{Record: record, Resolution: resolution, Statement: "APO ticket 7"}
				_, err := x.do(settle)
				assert.Equal(t, ReasonStaleInquiry, rejected(t, err).Reason)
				assert.Len(t, x.inquire(tells(state, word, captured("C1", 600))), 1)
				x.must(settle)
				if resolution == events.ResolvedSucceeded {
					assert.Equal(t, []any{Captured, amounts(before), int64(600)}, []any{x.o.Status, amounts(x.o), x.o.Refundable()})
				} else {
					assert.Equal(t, []any{Failed, []int64{0, 0, 0}}, []any{x.o.Status, amounts(x.o)})
				}
				assert.Empty(t, x.o.Doubts())
				replayIsLive(t, x)
			})
		}
	}
}

// A captured payment that APO calls cancelled: nothing is given back beside that, and the newest word cancels the
// order.
func TestPaymentDoubt_ACapturedPaymentIsCancelled(t *testing.T) {
	for _, s := range []Status{Captured, Refunded} {
		x := in(t, s)
		before := x.o
		x.observe(cancelled())
		assert.Equal(t, []any{s, int64(0), x.now}, []any{x.o.Status, x.o.Refundable(), x.o.NextDue()})
		y := in(t, s)
		y.observe(cancelled())
		y.inquire(tells(StateSuccess, authorized()))
		assert.Equal(t, []any{s, before.Refundable(), 0}, []any{y.o.Status, y.o.Refundable(), len(y.o.Anomalies)})
		replayIsLive(t, y)
		x.inquire(tells(StateCancelled, cancelled()))
		assert.Equal(t, []any{Cancelled, amounts(before), Late{}}, []any{x.o.Status, amounts(x.o), x.o.Late},
			"what the cancel undid")
		assert.Len(t, x.o.Anomalies, 1, "a person should know")
		assert.Empty(t, x.o.Doubts())
		replayIsLive(t, x)
	}
}

// What comes after a failure is in doubt as what comes before it: in either order APO is asked which is the newer.
func TestPaymentDoubt_ASuccessAfterAFailure(t *testing.T) {
	x := placed(t, CaptureManual)
	x.observe(failed())
	x.observe(authorized())
	assert.Equal(t, []any{Authorized, int64(0), x.now}, []any{x.o.Status, x.o.Capturable(), x.o.NextDue()})
	y := placed(t, CaptureManual)
	y.observe(authorized())
	y.observe(failed())
	for _, z := range []*till{x, y} {
		z.inquire(tells(StateSuccess, authorized()))
		assert.Equal(t, []any{Authorized, int64(theAmount), 0}, []any{z.o.Status, z.o.Capturable(), len(z.o.Anomalies)})
		replayIsLive(t, z)
	}
	x = placed(t, CaptureManual)
	x.observe(failed())
	x.inquire(tells(StateSuccess, authorized()))
	assert.EqualValues(t, theAmount, x.o.Capturable(), "an inquiry that says so is the newest word")
}

// An inquiry that was begun before a message may have been answered before it.
func TestPaymentDoubt_AnInquiryUnderWayIsNotTheNewestWord(t *testing.T) {
	x := in(t, Paid)
	number := x.must(Claim{Inquire: true})[0].(events.InquiryStarted).Number
	x.observe(failed())
	x.must(RecordInquiry{Number: number, Picture: tells(StateSuccess, paid())})
	assert.Zero(t, x.o.Refundable())
	x.inquire(tells(StateFail, failed()))
	assert.Equal(t, Failed, x.o.Status)
	replayIsLive(t, x)
}

// Late money of a payment that failed after all is none, and of another amount it is so much.
func TestPaymentDoubt_OfLateMoney(t *testing.T) {
	x := in(t, Cancelled)
	x.observe(authorized())
	x.observe(failed())
	x.inquire(tells(StateProcessing))
	assert.False(t, x.takes(Compensate{CommandID: "k"}))
	x.inquire(tells(StateFail, failed()))
	_, open := x.o.late()
	assert.Equal(t, []any{Cancelled, Late{}, false}, []any{x.o.Status, x.o.Late, open})
	replayIsLive(t, x)

	x = in(t, Cancelled)
	x.observe(authorized())
	x.inquire(tells(StateSuccess, ofAmount(authorized(), 800)))
	assert.Equal(t, Late{Authorized: 800}, x.o.Late)
	for _, minor := range []int64{1200, 900, 1200} { // whatever a person has looked at before
		for _, a := range x.o.Anomalies {
			x.must(ClearAnomaly{Anomaly: a.Version, Reason: "seen"})
		}
		x.inquire(tells(StateSuccess, ofAmount(authorized(), minor)))
		assert.Equal(t, minor == 1200, hasAnomaly(x.o, events.LatePayment), "more of it is not silent")
	}
	replayIsLive(t, x)
}

// What is under way is asked about, and not sent again.
func TestPaymentDoubt_NothingIsSentAgainBesideIt(t *testing.T) {
	for kind, s := range map[CallKind]Status{CallCapture: Authorized, CallRefund: Paid} {
		x := in(t, s)
		var c Command = Capture{CommandID: "c", Amount: usd(100)}
		if kind == CallRefund {
			c = Refund{CommandID: "c", Amount: usd(100)}
		}
		x.must(c)
		x.answer(silence)
		x.observe(failed())
		x.later(2 * time.Second)
		call, ok := x.o.Due(x.now)
		require.True(t, ok)
		assert.True(t, call.IsInquiry(), kind)
	}
	x := in(t, Authorized) // nothing is left to cancel
	x.must(Cancel{CommandID: "k"})
	x.answer(silence)
	x.inquire(tells(StateFail, failed()))
	assert.Equal(t, []any{Cancelled, OutcomeSucceeded, 0}, []any{x.o.Status, x.o.Command("k").Outcome, len(x.o.Doubts())})
	replayIsLive(t, x)
}
