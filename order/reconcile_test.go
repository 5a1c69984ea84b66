package order

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tilltape/tilltape/events"
)

// looked is an order with the usual policy, jitter apart.
func looked(x *till) *till {
	x.policy = Policy{Jitter: NoJitter}
	return x
}

// looks drives what is due by itself, with the same picture again and again, and returns when it was.
func (x *till) looks(p Picture) (days []float64) {
	for range 100 {
		due := x.o.NextDue()
		if due.IsZero() {
			return days
		}
		x.now = due
		call, ok := x.o.Due(x.now)
		require.True(x.t, ok)
		require.Equal(x.t, CallInquirePayment, call.Kind)
		days = append(days, due.Sub(opened).Hours()/24)
		x.inquire(p)
	}
	require.Fail(x.t, "it never ends")
	return nil
}

func TestReconcile_MoneyThatCanStillMoveIsLookedAtEverMoreRarely(t *testing.T) {
	rare := []float64{1, 4, 11, 41, 71}
	x := looked(placed(t, CaptureNone))
	x.observe(paid())
	assert.Equal(t, rare, x.looks(tells(StateSuccess, paid())))

	x = looked(placed(t, CaptureManual))
	x.observe(authorized())
	assert.Equal(t, append(slices.Clone(rare), 90), x.looks(tells(StateSuccess)),
		"an authorization whose end APO did not tell: a person gets it at last")

	x = looked(placed(t, CaptureAutomatic))
	x.observe(authorized())
	x.observe(captured("C1", theAmount))
	assert.Equal(t, rare, x.looks(tells(StateSuccess)), "captured")

	x = looked(placed(t, CaptureManual))
	x.observe(authorized())
	x.observe(captured("C1", theAmount))
	x.later(day / 2)
	x.observe(refunded("F1", 100))
	assert.Equal(t, rare, x.looks(tells(StateSuccess)), "partly refunded: the schedule goes on")
}

func TestReconcile_WhatIsOverIsNotLookedAt(t *testing.T) {
	x := looked(placed(t, CaptureNone))
	x.observe(paid())
	x.observe(refunded("F1", theAmount))
	assert.Zero(t, x.o.NextDue(), "all went back")

	x = looked(placed(t, CaptureManual))
	x.observe(authorized())
	x.must(Cancel{CommandID: "k"})
	facts := x.answer(done)
	assert.Zero(t, x.o.NextDue(), "cancelled after the payment")
	assert.Zero(t, facts[0].(events.CancelSucceeded).Due, "and the log says so")

	x = looked(placed(t, CaptureManual))
	x.later(time.Hour)
	x.inquire(tells(StateFail, failed()))
	assert.Zero(t, x.o.NextDue(), "failed when nobody can pay it any more")
}

// A buyer whose card was refused may have another one that works, and the notification of that payment may be lost: a
// failed order is looked at once more when nobody can pay it any more, also where it was cancelled without APO.
func TestReconcile_AFailedOrderIsLookedAtOnceMore(t *testing.T) {
	for _, how := range []string{"failed", "and cancelled", "while a cancel was outstanding"} {
		t.Run(how, func(t *testing.T) {
			begin := func() *till {
				x := looked(placed(t, CaptureNone))
				if how == "while a cancel was outstanding" {
					x.must(Cancel{CommandID: "k"})
					x.answer(silence)
				}
				x.observe(failed())
				if how == "and cancelled" {
					x.must(Cancel{CommandID: "k"})
				}
				require.Equal(t, how != "failed", x.o.Status == Cancelled)
				require.Equal(t, x.o.PayBy.Add(DefaultMargin), x.o.NextDue())
				x.now = x.o.NextDue()
				return x
			}
			x := begin()
			x.inquire(Picture{Problem: "timeout"})
			assert.NotZero(t, x.o.NextDue(), "no answer is no look")
			x.now = x.o.NextDue()
			x.inquire(tells(StateFail, failed()))
			assert.Zero(t, x.o.NextDue())
			assert.Empty(t, x.o.Anomalies)
			x = begin()
			x.inquire(tells(StateSuccess, paid()))
			assert.EqualValues(t, theAmount, x.o.Captured+x.o.Late.Captured)
			assert.NotEmpty(t, x.o.Anomalies, "a person is told")
			replayIsLive(t, x)
		})
	}
}

// A cancellation does not stop a buyer who is just paying, and the notification of that payment may be lost.
func TestReconcile_ACancelledOrderIsLookedAtOnceMore(t *testing.T) {
	cancelled := func() *till {
		x := looked(placed(t, CaptureNone))
		x.must(Cancel{CommandID: "k"})
		x.answer(done)
		return x
	}
	x := cancelled()
	assert.Equal(t, x.o.PayBy.Add(DefaultMargin), x.o.NextDue())
	x.now = x.o.NextDue()
	x.inquire(Picture{Problem: "timeout"})
	assert.Equal(t, x.now.Add(10*time.Minute), x.o.NextDue(), "no answer is no look")
	x.now = x.o.NextDue()
	x.inquire(tells(StateCancelled, Fact{Kind: PaymentCancelled}))
	assert.Zero(t, x.o.NextDue())

	x = cancelled()
	x.now = x.o.NextDue()
	x.inquire(tells(StateSuccess, paid()))
	assert.True(t, hasAnomaly(x.o, events.LatePayment), "not silent")
	assert.NotZero(t, x.o.NextDue(), "and looked at until it has gone back")
	x.inquire(tells(StateSuccess, refunded("APO-1", theAmount)))
	assert.Zero(t, x.o.NextDue())

	x = looked(placed(t, CaptureNone))
	x.must(Cancel{CommandID: "k"})
	x.later(time.Hour)
	x.answer(done)
	assert.Zero(t, x.o.NextDue(), "nobody can be paying any longer")
}

func TestReconcile_AnOrderThatHearsNothing(t *testing.T) {
	for name, payBy := range map[string]time.Time{"with payBy": opened.Add(14 * time.Minute), "without": {}} {
		t.Run(name, func(t *testing.T) {
			x := looked(newTill(t))
			c := create(CaptureManual)
			c.PayBy = payBy
			x.must(c)
			got := x.looks(tells(StatePending))
			assert.Len(t, got, 5)
			assert.Equal(t, Created, x.o.Status, "pending is not never paid")

			x = looked(newTill(t))
			x.must(c)
			x.looks(notExist)
			assert.Equal(t, []any{Cancelled, events.CauseNeverPaid}, []any{x.o.Status, x.o.CancelCause})
		})
	}
}

func TestReconcile_NoAnswerIsAskedForAgainWithinThePeriod(t *testing.T) {
	x := looked(in(t, Created))
	x.policy.ReconcileFor = 3 * day
	x.observe(authorized())
	x.observe(captured("C1", theAmount))
	got := x.looks(Picture{Problem: "timeout"})
	assert.InDelta(t, 1+10.0/60/24, got[1], 1e-6)
	assert.LessOrEqual(t, got[len(got)-1], 4.0, "and then no more")
}

func TestReconcile_ThePolicySaysHowOften(t *testing.T) {
	x := looked(in(t, Created))
	x.policy.Reconciles, x.policy.ReconcileFor = []time.Duration{2 * day}, 5*day
	x.observe(authorized())
	x.observe(captured("C1", theAmount))
	assert.Equal(t, []float64{2, 4}, x.looks(tells(StateSuccess)))

	x = in(t, Captured)
	require.Equal(t, NoReconcile, x.policy.ReconcileFor)
	assert.Zero(t, x.o.NextDue())
	assert.Equal(t, []time.Duration{day, 3 * day, 7 * day, 30 * day}, Policy{}.WithDefaults().Reconciles)
}

// The one thing a dashboard refund is known by, where its notification names ids that nobody here ever saw.
func TestReconcile_LearnsADashboardRefund(t *testing.T) {
	x := looked(placed(t, CaptureNone))
	x.observe(paid())
	x.now = x.o.NextDue()
	from := len(x.log)
	x.inquire(tells(StateSuccess, paid(), refunded("D1", 400),
		Fact{Kind: CaptureSucceeded, TransferID: "C9", Amount: usd(100)}))
	got := Differences(x.log[from:])
	require.Len(t, got, 2)
	assert.Equal(t, "capture.succeeded C9 USD 1.00 (contradicts the status: the order is paid)", got[0].String())
	assert.Equal(t, "refund.succeeded D1 USD 4.00", got[1].String())
	assert.Equal(t, Difference{Version: 5, Fact: events.KindRefundSucceeded, TransferID: "D1", Amount: usd(400),
		At: x.now}, got[1])
	assert.EqualValues(t, 400, x.o.Refunded)

	from = len(x.log)
	x.inquire(tells(StateSuccess, paid(), refunded("D1", 400)))
	assert.Empty(t, Differences(x.log[from:]), "now the two agree")
}

func TestDifference_OnlyWhatAnInquiryProved(t *testing.T) {
	require.Len(t, everyFact, len(events.Kinds()))
	for _, e := range everyFact {
		k := e.Kind()
		d, ok := differenceOf(&events.Record{Version: 7, Event: provenBy(e, events.ViaInquiry)})
		_, hasProof := reflect.TypeOf(e).FieldByName("Proof")
		_, attempt := reflect.TypeOf(e).FieldByName("Unresolved")
		assert.Equal(t, hasProof && !attempt, ok, "%s", k)
		if ok && k != events.KindAnomalyObserved { // it is named by the fact that it is about
			assert.NotEmpty(t, d.String())
		}
		_, ok = differenceOf(&events.Record{Version: 7, Event: provenBy(e, events.ViaNotification)})
		assert.False(t, ok, "%s", k)
	}
	_, ok := differenceOf(&events.Record{})
	assert.False(t, ok)
	assert.Equal(t, "cancel.failed NOT_CANCELLED",
		Difference{Fact: events.KindCancelFailed, Code: CodeNotCancelled}.String())
}

// everyFact is one empty fact of each kind.
var everyFact = []events.Event{events.OrderCreated{}, events.PaymentPending{}, events.PaymentAuthorized{},
	events.PaymentPaid{},
	events.PaymentFailed{}, events.PaymentRaised{}, events.RaiseFailed{},
	events.CancelRequested{}, events.CancelSucceeded{}, events.CancelFailed{}, events.CancelUnresolved{},
	events.CancelDated{},
	events.CaptureRequested{}, events.CaptureAccepted{}, events.CaptureSucceeded{}, events.CaptureFailed{},
	events.CaptureUnresolved{},
	events.RefundRequested{}, events.RefundAccepted{}, events.RefundSucceeded{}, events.RefundFailed{},
	events.RefundUnresolved{},
	events.RefundHeld{}, events.DisputeOpened{}, events.DisputeDue{}, events.DisputeDefended{}, events.DisputeClosed{},
	events.AttemptStarted{}, events.InquiryStarted{}, events.InquiryAnswered{},
	events.OperationParked{},
	events.OperationResolved{}, events.TransferResolved{}, events.AnomalyObserved{}, events.AnomalyCleared{},
	events.CommandRefused{}}

// provenBy is the fact, known by that channel.
func provenBy(e events.Event, via events.Channel) events.Event {
	v := reflect.New(reflect.TypeOf(e)).Elem()
	if f := v.FieldByName("Proof"); f.IsValid() {
		f.Set(reflect.ValueOf(events.Proof{Via: via}))
	}
	return v.Interface().(events.Event)
}

// Reconciling again and again comes to an end: APO's picture once folded holds nothing that differs.
func TestReconcile_TheSamePictureDiffersOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := startWalk(t)
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			k.step(t)
		}
		k.settle(t)
		k.inquire(k.w.picture(k.o.inquiry()))
		from := len(k.log)
		k.inquire(k.w.picture(k.o.inquiry()))
		require.Empty(t, Differences(k.log[from:]))
	})
}

// Without jitter or with it, on a schedule or off it: what the policy chooses stands in the facts, so a fold that knows
// no policy comes to the same due time.
func TestReconcile_TheDueTimeIsOnRecord(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := startWalk(t)
		k.policy.ReconcileFor = rapid.SampledFrom([]time.Duration{0, NoReconcile, day}).Draw(t, "for")
		k.policy.Jitter = rapid.SampledFrom([]int{0, NoJitter, JitterMax}).Draw(t, "jitter")
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			k.step(t)
		}
		replayIsLive(t, k.till)
	})
}
