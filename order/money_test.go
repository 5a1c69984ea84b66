package order

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
)

func TestHeld_ARefundProvenBeforeItsCaptureWaitsForIt(t *testing.T) {
	x := in(t, Created)
	x.observe(refunded("F1", 100))
	x.observe(refunded("F2", 200))
	assert.Equal(t, Created, x.o.Status)
	assert.Len(t, x.o.Held, 2)
	assert.False(t, x.o.NextDue().IsZero(), "inquired about")
	x.observe(authorized())
	for _, c := range []Command{Cancel{}, Capture{Amount: usd(1)}} {
		_, err := x.do(c)
		r := rejected(t, err)
		assert.Equal(t, []any{ReasonHeldRefund, "F1"}, []any{r.Reason, r.Cause.ID})
	}
	facts := x.observe(captured("C1", 250))
	assert.Equal(t, []events.Kind{events.KindCaptureSucceeded, events.KindRefundSucceeded}, kindsOf(facts),
		"in the capture's own append")
	assert.EqualValues(t, 100, x.o.Refunded)
	assert.Len(t, x.o.Held, 1)
	x.observe(captured("C2", 250))
	assert.EqualValues(t, 300, x.o.Refunded)
	assert.Empty(t, x.o.Held)
	assert.Empty(t, x.o.Anomalies)
	x.now = x.o.NextDue()
	x.inquire(tells(StateSuccess))
	assert.Zero(t, x.o.NextDue(), "the look at them was due still, and is the last")
}

func TestHeld_OneThatNeverFitsIsShownWhenThePaymentIsKnown(t *testing.T) {
	x := in(t, Created)
	x.observe(refunded("F1", theAmount+1))
	assert.Len(t, x.o.Held, 1)
	x.observe(authorized())
	assert.Empty(t, x.o.Held)
	assert.True(t, hasAnomaly(x.o, events.BeyondAuthorized))
	assert.EqualValues(t, 0, x.o.Refunded)

	x = placed(t, CaptureNone)
	x.observe(refunded("F1", theAmount))
	x.observe(paid())
	assert.Equal(t, []any{Refunded, int64(theAmount)}, []any{x.o.Status, x.o.Refunded})
}

// It was never counted, so nothing is in doubt once it is gone: the order is free again, and the contradiction is
// shown.
func TestHeld_OneThatFailsAfterAllIsReleased(t *testing.T) {
	for name, tell := range map[string]func(*till, Fact){
		"notified": func(x *till, f Fact) { x.observe(f) },
		"inquired": func(x *till, f Fact) { x.inquire(tells(StateSuccess, f)) },
	} {
		t.Run(name, func(t *testing.T) {
			x := in(t, Authorized)
			x.observe(refunded("F1", 100))
			x.observe(refunded("F2", 50))
			_, err := x.do(Cancel{CommandID: "k"})
			assert.Equal(t, ReasonHeldRefund, rejected(t, err).Reason)
			tell(x, Fact{Kind: RefundFailed, TransferID: "F1", Code: "RISK_REJECT"})
			assert.True(t, hasAnomaly(x.o, events.TransferContradicts))
			assert.False(t, hasAnomaly(x.o, events.Reversal), "no amount is in doubt")
			assert.Equal(t, []string{"F2"}, []string{x.o.Held[0].RefundID}, "the other still waits")
			tell(x, Fact{Kind: RefundFailed, TransferID: "F2", Code: "RISK_REJECT"})
			x.free()
			x.must(Cancel{CommandID: "k"})
			replayIsLive(t, x)
		})
	}
	x := in(t, Authorized)
	x.observe(refunded("F1", 100))
	x.observe(Fact{Kind: RefundFailed, TransferID: "F1"})
	x.observe(refunded("F1", 100))
	assert.Len(t, x.o.Held, 1, "proven once more, it waits once more")
	x.observe(captured("C1", 600))
	assert.EqualValues(t, 100, x.o.Refunded)
}

func TestHeld_OurOwnRefundThatFindsNoCaptureEndsWithIt(t *testing.T) {
	x := in(t, Captured)
	x.must(Refund{CommandID: "k", Amount: usd(500)})
	x.observe(refunded("F9", 200)) // somebody at the dashboard was faster
	x.observe(Fact{Kind: RefundSucceeded, RequestID: "r-1", Amount: usd(500)})
	assert.True(t, x.o.Operation.Outstanding())
	require.Len(t, x.o.Held, 1)
	x.observe(captured("C2", 400))
	x.ended(OutcomeSucceeded, "")
	assert.EqualValues(t, 700, x.o.Refunded)
}

// What nobody captured was refunded, by APO's word: after a day a person is told, once, by the inquiry that finds it
// so.
func TestHeld_OneThatWaitsForADayIsShown(t *testing.T) {
	for _, s := range []Status{Authorized, Captured, Cancelled, Failed} {
		t.Run(s.String(), func(t *testing.T) {
			x := in(t, s)
			f := refunded("F1", 700)
			f.At = x.now.Add(-48 * time.Hour) // by APO's word; what counts is how long we know it
			x.observe(f)
			require.Len(t, x.o.Held, 1)
			since, told := x.now, time.Time{}
			for x.now.Sub(since) < 40*24*time.Hour {
				x.now = x.o.NextDue()
				x.inquire(tells(StateProcessing, f))
				if told.IsZero() && hasAnomaly(x.o, events.BeyondAuthorized) {
					told = x.now
				}
			}
			assert.InDelta(t, 36, told.Sub(since).Hours(), 12)
			assert.Len(t, x.o.Anomalies, 1, "once")
			assert.Len(t, x.o.Held, 1, "it still waits for its capture")
			assert.Equal(t, told, x.o.Head().AnomalySince)
			replayIsLive(t, x)
			x.must(ClearAnomaly{CommandID: "c", Anomaly: x.o.Anomalies[0].Version, Reason: "APO ticket 7"})
			x.inquire(tells(StateProcessing, f))
			assert.Empty(t, x.o.Anomalies, "a person has seen it")
		})
	}
	x := in(t, Authorized)
	x.observe(refunded("F1", 700))
	x.later(25 * time.Hour)
	x.inquire(tells(StateSuccess, captured("C1", theAmount)))
	assert.Empty(t, x.o.Anomalies, "the same answer brings its capture")
}

func TestLate_MoneyOnACancelledOrderIsNeverSilent(t *testing.T) {
	x := in(t, Cancelled)
	x.observe(Fact{Kind: PaymentAuthorized, Amount: usd(theAmount)})
	assert.Equal(t, []any{Cancelled, Late{Authorized: theAmount}}, []any{x.o.Status, x.o.Late})
	require.True(t, hasAnomaly(x.o, events.LatePayment))
	assert.Equal(t, x.now, x.o.Head().AnomalySince)
	x.observe(captured("C1", theAmount))
	x.observe(refunded("F1", 400))
	assert.True(t, hasAnomaly(x.o, events.LatePayment), "600 are left")
	require.Len(t, x.o.Anomalies, 1, "one anomaly for all of it")
	facts := x.observe(refunded("F2", 600))
	assert.Equal(t, []events.Kind{events.KindRefundSucceeded, events.KindAnomalyCleared}, kindsOf(facts))
	assert.Empty(t, x.o.Anomalies)
	assert.Equal(t, Late{Authorized: theAmount, Captured: theAmount, Refunded: theAmount}, x.o.Late)
	assert.Equal(t, [3]int64{}, [3]int64{x.o.Authorized, x.o.Captured, x.o.Refunded}, "its own account")
}

// A one-step payment has nothing to void: a CANCEL transaction after the late payment gave all of it back.
func TestLate_ACancelTransactionGivesOneStepMoneyBack(t *testing.T) {
	for name, said := range map[string]struct {
		after time.Duration // of the transaction, from the late payment
		id    string
		back  bool
	}{
		"later":           {time.Hour, "V1", true},
		"the one before":  {-time.Hour, "V1", false},
		"no transaction":  {0, "", false},
		"the S, later":    {time.Hour, "", true},
		"the S, before":   {-time.Hour, "", false},
		"no time is told": {0, "V1", false},
	} {
		t.Run(name, func(t *testing.T) {
			x := placed(t, CaptureNone)
			x.must(Cancel{CommandID: "cancel-0"})
			x.answer(done)
			x.later(2 * time.Hour)
			late := paid()
			late.At = x.now
			x.observe(late)
			require.True(t, hasAnomaly(x.o, events.LatePayment))
			c := Fact{Kind: PaymentCancelled, PaymentID: "P1", TransferID: said.id}
			if said.after != 0 {
				c.At = late.At.Add(said.after)
			}
			x.later(2 * time.Hour)
			facts := kindsOf(x.inquire(tells(StateCancelled, late, c)))
			if !said.back {
				assert.NotContains(t, facts, events.KindCancelSucceeded)
				assert.True(t, hasAnomaly(x.o, events.LatePayment))
				return
			}
			assert.Equal(t, []events.Kind{events.KindCancelSucceeded, events.KindAnomalyCleared, events.KindInquiryAnswered},
				facts)
			assert.Equal(t, []any{Late{Authorized: theAmount, Captured: theAmount, Refunded: theAmount}, true, time.Time{}},
				[]any{x.o.Late, x.o.Late.IsZero(), x.o.NextDue()})
			assert.Empty(t, x.observe(c), "known")
			replayIsLive(t, x)
		})
	}
	x := in(t, Cancelled) // APO cancels no card that was captured
	x.observe(captured("C1", theAmount))
	x.later(time.Hour)
	assert.Empty(t, x.observe(voided(x.now)))
	assert.True(t, hasAnomaly(x.o, events.LatePayment))
}

// What was let go before the payment was told of is not what moved: late money is never less than what came.
func TestLate_APaymentThatIsToldAfterItWasLetGo(t *testing.T) {
	x := placed(t, CaptureNone)
	reach(x, Cancelled)
	x.observe(captured("C1", 100))
	x.later(time.Hour)
	x.observe(voided(x.now))
	require.True(t, x.o.Late.IsZero())
	x.observe(paid())
	assert.Equal(t, Late{Authorized: theAmount, Captured: theAmount, Refunded: 100}, x.o.Late)
	replayIsLive(t, x)
}

func TestLate_ARefundMayComeBeforeTheMoney(t *testing.T) {
	x := in(t, Cancelled)
	x.observe(refunded("F1", theAmount))
	assert.Len(t, x.o.Held, 1)
	x.observe(Fact{Kind: PaymentPaid, Amount: usd(theAmount)})
	assert.Equal(t, Late{Authorized: theAmount, Captured: theAmount, Refunded: theAmount}, x.o.Late)
	assert.Empty(t, x.o.Anomalies)
}

// A payment known before the cancel, without its time, and told again after it with one, is not money anew.
func TestLate_APaymentKnownBeforeIsNotLateWhenToldAgain(t *testing.T) {
	for name, after := range map[string]time.Duration{"before the cancel": -time.Second, "after it": time.Hour} {
		t.Run(name, func(t *testing.T) {
			x := in(t, Paid)
			x.later(time.Minute)
			c := cancelled()
			c.At = x.now
			x.observe(c)
			again := paid()
			again.At = c.At.Add(after)
			require.Len(t, x.observe(again), 1, "it teaches when it was")
			assert.Equal(t, []any{Late{}, int64(theAmount), time.Time{}}, []any{x.o.Late, x.o.Captured, x.o.NextDue()})
			assert.Empty(t, x.o.Anomalies)
			replayIsLive(t, x)
		})
	}
}

func TestLate_ClearedByAPersonStaysClearedUntilMoreMoves(t *testing.T) {
	x := in(t, Cancelled)
	x.observe(authorized())
	clear := ClearAnomaly{CommandID: "clear", Anomaly: x.o.Anomalies[0].Version, Reason: "voided at APO", Actor: "mia"}
	x.must(clear)
	assert.Empty(t, x.o.Anomalies)
	assert.Empty(t, x.must(clear), "the same command id again")
	assert.Equal(t, CommandState{Verb: VerbClearAnomaly, Outcome: OutcomeSucceeded, Version: x.o.Version},
		x.o.Command("clear"))
	assert.Empty(t, x.observe(authorized()), "said again it is no news")
	x.observe(captured("C1", theAmount))
	assert.True(t, hasAnomaly(x.o, events.LatePayment))
}

func TestLate_TheClosingOfItIsNoOutcomeOfACommandUnderWay(t *testing.T) {
	x := asked(t, CallCapture)
	x.observe(cancelled())
	require.True(t, x.o.Operation.Outstanding(), "its outcome is still not known")
	x.observe(captured("C5", 300))
	x.observe(refunded("F5", 300))
	require.Empty(t, x.o.Anomalies)
	assert.Equal(t, OutcomePending, x.o.Command("k").Outcome)
	x.observe(Fact{Kind: CaptureFailed, RequestID: "r-1", Code: "AUTH_CANCELLED"})
	x.ended(OutcomeFailed, "AUTH_CANCELLED")
	assert.Equal(t, VerbCapture, x.o.Command("k").Verb)
}

func TestLate_ARefundOfWhatWasPaidBeforeTheCancellation(t *testing.T) {
	x := in(t, Paid)
	x.observe(cancelled())
	x.observe(refunded("F1", 300))
	assert.Equal(t, []any{Cancelled, int64(300), Late{}}, []any{x.o.Status, x.o.Refunded, x.o.Late})
	assert.True(t, hasAnomaly(x.o, events.StatusContradicts))
}

func TestForeign_CapturesAndRefundsCount(t *testing.T) {
	x := in(t, Authorized)
	x.observe(captured("dashboard-1", 300))
	x.policy.SeveralCaptures = []string{"CARD"}
	_, err := x.do(Capture{Amount: usd(701)})
	assert.Equal(t, ReasonRemainder, rejected(t, err).Reason)
	x.must(Capture{CommandID: "k", Amount: usd(700)})
	x.answer(done)
	x.observe(refunded("dashboard-2", 400))
	_, err = x.do(Refund{Amount: usd(601)})
	assert.Equal(t, ReasonRemainder, rejected(t, err).Reason)
	x.must(Refund{Amount: usd(600)})
}

func TestForeign_MoreThanThereIsIsAnAnomaly(t *testing.T) {
	x := in(t, Captured)
	x.observe(captured("C9", 401))
	assert.True(t, hasAnomaly(x.o, events.BeyondAuthorized))
	assert.EqualValues(t, 600, x.o.Captured, "never clipped")
	x = in(t, Cancelled)
	x.observe(captured("C1", 600))
	x.observe(captured("C2", 401))
	assert.True(t, hasAnomaly(x.o, events.BeyondAuthorized))
	assert.EqualValues(t, 600, x.o.Late.Captured)
}

func TestCaptures_SeveralOnlyWhereTheMethodTakesThem(t *testing.T) {
	x := in(t, Captured)
	_, err := x.do(Capture{Amount: usd(1)})
	r := rejected(t, err)
	assert.Equal(t, []any{ReasonSingleCapture, "C1"}, []any{r.Reason, r.Cause.ID})
	x.policy.SeveralCaptures = []string{"OTHER", "CARD"}
	x.must(Capture{CommandID: "k", Amount: usd(100), Last: true})
	x.answer(done)
	assert.Zero(t, x.o.Capturable(), "the last one closes the authorization")
	_, err = x.do(Capture{Amount: usd(1)})
	assert.Equal(t, ReasonLastCapture, rejected(t, err).Reason)
	assert.True(t, x.o.PartiallyCaptured())
}

func TestAmounts_CannotOverflow(t *testing.T) {
	for _, minor := range []int64{math.MaxInt64, math.MinInt64, -1, 0} {
		for _, c := range []Command{Capture{Amount: usd(minor)}, Refund{Amount: usd(minor)}} {
			x := in(t, Authorized)
			if _, refund := c.(Refund); refund {
				x = in(t, Captured)
			}
			_, err := x.do(c)
			want := ReasonAmount
			if minor > 0 {
				want = ReasonRemainder
			}
			assert.Equal(t, want, rejected(t, err).Reason)
		}
		x := in(t, Captured)
		x.observe(captured("C9", minor))
		x.observe(refunded("F9", minor))
		assert.Len(t, x.o.Anomalies, 2)
		assert.Equal(t, [2]int64{600, 0}, [2]int64{x.o.Captured, x.o.Refunded})
	}
	x := newTill(t)
	c := create(CaptureManual)
	c.Amount = usd(math.MaxInt64)
	x.must(c)
	x.observe(refunded("F1", math.MaxInt64))
	x.observe(refunded("F2", math.MaxInt64)) // held twice over: their sum is not an int64
	x.observe(captured("C1", math.MaxInt64))
	assert.EqualValues(t, int64(math.MaxInt64), x.o.Refunded)
	x.observe(Fact{Kind: PaymentAuthorized, Amount: c.Amount})
	assert.True(t, hasAnomaly(x.o, events.BeyondAuthorized))
	_, err := x.do(Refund{Amount: usd(1)})
	assert.Equal(t, ReasonRemainder, rejected(t, err).Reason)
}

func TestWords_AndRemainders(t *testing.T) {
	for want, x := range map[string]*till{"cancelling": asked(t, CallCancel), "capturing": asked(t, CallCapture),
		"refunding":       asked(t, CallRefund),
		"partly captured": in(t, Captured), "partly refunded": in(t, Refunded), "needs attention": parked(t)} {
		assert.Equal(t, want, x.o.Words())
	}
	x := in(t, Captured)
	x.observe(captured("C-rest", x.o.Capturable()))
	assert.Equal(t, "captured", x.o.Words(), "all of it")
	x.observe(refunded("F-all", x.o.Refundable()))
	assert.Equal(t, "refunded", x.o.Words(), "all of it")
	x = in(t, Refunded)
	assert.True(t, x.o.PartiallyRefunded())
	assert.EqualValues(t, 500, x.o.Refundable())
	assert.EqualValues(t, 400, x.o.Capturable())
	assert.False(t, in(t, Captured).o.PartiallyRefunded())
}

func TestHeld_TheirSumStopsAtWhatAnInt64Holds(t *testing.T) {
	x := in(t, Created)
	x.observe(refunded("F1", math.MaxInt64))
	x.observe(refunded("F2", math.MaxInt64))
	assert.EqualValues(t, int64(math.MaxInt64), x.o.heldMinor())
}

func TestHeld_OneThatAnotherLeavesNoRoomForIsShown(t *testing.T) {
	x := in(t, Created)
	x.observe(refunded("F1", 900))
	x.observe(refunded("F2", 300))
	x.observe(authorized())
	require.Len(t, x.o.Held, 2)
	x.observe(captured("C1", 400))
	assert.EqualValues(t, 300, x.o.Refunded)
	assert.Empty(t, x.o.Held)
	assert.True(t, hasAnomaly(x.o, events.BeyondAuthorized))
}
