package order

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
)

func TestSchedule_TheFirstRetriesAreAttemptsThenInquiriesComeFirst(t *testing.T) {
	for _, k := range operations {
		x := asked(t, k)
		ids := x.attempt()
		x.answer(unknownU)
		assert.Equal(t, x.now.Add(time.Second), x.o.NextDue())
		x.retry()
		x.answer(unknownU)
		assert.Equal(t, x.now.Add(5*time.Second), x.o.NextDue())

		x.now = x.o.NextDue()
		call, _ := x.o.Due(x.now)
		require.True(t, call.IsInquiry(), "the third try is an inquiry")
		x.inquire(Picture{Problem: "timeout"})
		assert.Equal(t, x.now.Add(30*time.Second), x.o.NextDue())
		x.now = x.o.NextDue()
		missing := tells(StateSuccess)
		if k == CallRefund {
			missing = notExist
		}
		x.inquire(missing)
		call, due := x.o.Due(x.now)
		require.True(t, due, "it was not done: asked again at once")
		ids.Attempt = 3
		assert.Equal(t, ids, call, "with the same ids and amount")
		x.retry()
		x.answer(unknownU)
		assert.Equal(t, x.now.Add(2*time.Minute), x.o.NextDue(), "the schedule went on meanwhile")
		x.now = x.o.NextDue()
		call, _ = x.o.Due(x.now)
		assert.True(t, call.IsInquiry())
	}
}

func TestSchedule_GrowsToADayAndStays(t *testing.T) {
	x := asked(t, CallCancel)
	for i, wait := range append(Policy{}.WithDefaults().Retries, 24*time.Hour, 24*time.Hour) {
		x.inquire(Picture{})
		assert.Equal(t, x.now.Add(wait), x.o.NextDue(), "round %d", i+1)
		x.now = x.o.NextDue()
	}
	assert.Len(t, Policy{}.WithDefaults().Waits, 4)
}

func TestSchedule_IsThePolicysWhereItSays(t *testing.T) {
	x := in(t, Authorized)
	x.policy = Policy{Jitter: NoJitter, ReconcileFor: NoReconcile, Lease: time.Second,
		Retries: []time.Duration{3 * time.Second}, Waits: []time.Duration{4 * time.Second}}
	x.must(Capture{CommandID: "k", Amount: usd(1)})
	assert.Equal(t, x.now.Add(time.Second), x.claimedLease())
	x.answer(silence)
	assert.Equal(t, x.now.Add(3*time.Second), x.o.NextDue())
	x.retry()
	x.answer(works)
	assert.Equal(t, x.now.Add(4*time.Second), x.o.NextDue())
}

func (x *till) claimedLease() time.Time { c, _ := x.o.Claimed(); return c.Lease }

func TestSchedule_AnFThatDoesNotDecideIsInquiredAboutAtOnce(t *testing.T) {
	for name, v := range map[string]Verdict{"unknown F": unknownF, "wrong picture": wrongF} {
		x := asked(t, CallCancel)
		x.answer(v)
		call, due := x.o.Due(x.now)
		require.True(t, due, name)
		assert.Equal(t, CallInquirePayment, call.Kind, name)
	}
	x := asked(t, CallCancel)
	x.answer(unknownF)
	x.inquire(tells(StateSuccess))
	_, due := x.o.Due(x.now)
	assert.False(t, due, "APO would answer the same: not at once")
	x.retry()
	assert.EqualValues(t, 2, x.o.Operation.Attempt)
}

func TestSchedule_AfterAnHourOfSilenceAnInquiryComesFirst(t *testing.T) {
	x := asked(t, CallCapture)
	x.answer(silence)
	x.later(SilenceMax - time.Nanosecond)
	call, _ := x.o.Due(x.now)
	assert.False(t, call.IsInquiry())
	x.later(time.Nanosecond)
	call, _ = x.o.Due(x.now)
	assert.True(t, call.IsInquiry(), "APO may have forgotten the id")

	x.inquire(tells(StateSuccess))
	call, _ = x.o.Due(x.now)
	assert.False(t, call.IsInquiry())
	x.later(SilenceMax)
	call, _ = x.o.Due(x.now)
	assert.True(t, call.IsInquiry(), "what an inquiry allowed is not allowed for ever")
}

func TestSchedule_AttemptsAreBounded(t *testing.T) {
	x := asked(t, CallCapture)
	x.policy.ParkAfter = 365 * 24 * time.Hour
	for x.o.Operation.Attempt < AttemptsMax {
		x.answer(unknownU)
		x.now = x.o.NextDue()
		if call, _ := x.o.Due(x.now); call.IsInquiry() {
			x.inquire(tells(StateSuccess))
		}
		x.retry()
	}
	x.answer(unknownU)
	x.now = x.o.NextDue()
	x.inquire(tells(StateSuccess))
	_, due := x.o.Due(x.now)
	assert.False(t, due, "asked at once it would be the same inquiry again, without end")
	call, due := x.o.Due(x.o.NextDue())
	assert.True(t, due)
	assert.True(t, call.IsInquiry(), "only inquiries are left")
}

func TestLease_NothingIsDueBeforeItEnds(t *testing.T) {
	for _, k := range operations {
		x := asked(t, k)
		lease := x.now.Add(DefaultLease)
		call, ok := x.o.Claimed()
		require.True(t, ok)
		assert.Equal(t, lease, call.Lease)
		assert.Equal(t, lease, x.o.NextDue())
		x.now = lease.Add(-time.Nanosecond)
		for _, c := range []Claim{{}, {Inquire: true}} {
			_, err := x.do(c)
			assert.ErrorIs(t, err, ErrNotDue, k.String())
		}
		x.now = lease
		x.must(Claim{})
		assert.EqualValues(t, 2, x.o.Operation.Attempt, "no answer means perhaps sent: the same ids again")
		_, err := x.do(Claim{})
		assert.ErrorIs(t, err, ErrNotDue, "of two that claim, one claims")
	}
}

func TestLease_OfAnInquiry(t *testing.T) {
	x := asked(t, CallCapture)
	x.answer(wrongF)
	x.must(Claim{})
	call, ok := x.o.Claimed()
	require.True(t, ok)
	assert.Equal(t, Call{Kind: CallInquirePayment, OrderID: "o-1", Intent: 3, Number: 1, PaymentID: "P1",
		Lease: x.now.Add(DefaultLease)}, call)
	for _, c := range []Claim{{}, {Inquire: true}} {
		_, err := x.do(c)
		assert.ErrorIs(t, err, ErrNotDue)
	}
	x.now = x.o.NextDue()
	x.must(Claim{}) // the process that claimed it died
	assert.EqualValues(t, 2, x.o.Inquiry.Number)
}

func TestClaimed_IsTheNewestClaimWhateverAnOldInquiryLeftOpen(t *testing.T) {
	x := in(t, Authorized)
	x.must(Claim{Inquire: true}) // its owner dies without an answer
	x.must(Cancel{CommandID: "k"})
	call, ok := x.o.Claimed()
	require.True(t, ok)
	assert.Equal(t, CallCancel, call.Kind)
	assert.Equal(t, x.o.Operation.Lease, call.Lease)
	x.now = x.o.NextDue()
	x.must(Claim{})
	call, _ = x.o.Claimed()
	assert.Equal(t, []any{CallCancel, uint64(2)}, []any{call.Kind, call.Attempt})

	x = in(t, Authorized)
	_, ok = x.o.Claimed()
	assert.False(t, ok)
	x.must(Claim{Inquire: true})
	x.must(Cancel{CommandID: "k"})
	x.answer(done)
	_, ok = x.o.Claimed()
	assert.False(t, ok, "the newest claim is answered")
}

func TestInquiry_NamesThePaymentAsItIsKnown(t *testing.T) {
	x := newTill(t)
	c := create(CaptureManual)
	c.PaymentID = ""
	x.must(c)
	x.must(Claim{Inquire: true})
	call, _ := x.o.Claimed()
	assert.Equal(t, []string{"", "pr-1"}, []string{call.PaymentID, call.PaymentRequestID})
	x.must(RecordInquiry{Number: 1, Picture: tells(StatePending, Fact{Kind: PaymentPending, PaymentID: "P9"})})
	x.must(Claim{Inquire: true})
	call, _ = x.o.Claimed()
	assert.Equal(t, []string{"P9", ""}, []string{call.PaymentID, call.PaymentRequestID})

	x = asked(t, CallRefund)
	x.answer(wrongF)
	x.must(Claim{})
	call, _ = x.o.Claimed()
	assert.Equal(t, []any{CallInquireRefund, "r-1"}, []any{call.Kind, call.RequestID})
}

func TestInquiry_OnlyOneThatWasStartedCanBeAnswered(t *testing.T) {
	x := in(t, Authorized)
	for _, n := range []uint64{0, 1} {
		_, err := x.do(RecordInquiry{Number: n})
		assert.ErrorIs(t, err, ErrInvalid)
	}
}

func TestInquiry_ALateAnswerStillTellsFacts(t *testing.T) {
	x := in(t, Authorized)
	x.must(Claim{Inquire: true})
	x.now = x.o.Inquiry.Lease
	x.must(Claim{Inquire: true})
	late := tells(StateSuccess, captured("C1", 100))
	late.Evidence = signed()
	facts := x.must(RecordInquiry{Number: 1, Picture: late})
	require.Equal(t, []events.Kind{events.KindCaptureSucceeded}, kindsOf(facts),
		"no inquiry.answered: another is under way")
	assert.NotNil(t, facts[0].(events.CaptureSucceeded).Proof.Evidence, "so the fact keeps the evidence itself")
	assert.True(t, x.o.Inquiry.Open)
}

func TestInquiry_FactsAreFoldedPaymentCapturesRefunds(t *testing.T) {
	x := placed(t, CaptureManual)
	facts := x.inquire(tells(StateSuccess, refunded("F1", 100), captured("C1", 500), authorized()))
	assert.Equal(t, []events.Kind{events.KindPaymentAuthorized, events.KindCaptureSucceeded, events.KindRefundSucceeded,
		events.KindInquiryAnswered}, kindsOf(facts))
}

func TestInquiry_AskedBeforeTheAttemptSaysNothingAboutIt(t *testing.T) {
	x := in(t, Authorized)
	x.must(Claim{Inquire: true})
	x.must(Capture{CommandID: "k", Amount: usd(400)})
	lease := x.o.Operation.Lease
	stale := tells(StateSuccess)
	stale.Evidence = signed()
	x.must(RecordInquiry{Number: 1, Picture: stale})
	assert.Equal(t, []any{Requested, lease, lease}, []any{x.o.Operation.Phase, x.o.Operation.Lease, x.o.NextDue()},
		"the attempt keeps its time to answer")

	x = in(t, Authorized)
	x.must(Claim{Inquire: true})
	x.must(Capture{CommandID: "k", Amount: usd(400)})
	x.answer(wrongF)
	x.must(RecordInquiry{Number: 1, Picture: stale})
	assert.True(t, x.o.Operation.Outstanding(), "not listed then, perhaps done since")
	x.inquire(tells(StateSuccess, Fact{Kind: CaptureSucceeded, RequestID: "r-1", Amount: usd(400)}))
	x.ended(OutcomeSucceeded, "")
}

// A policy and what stands for its zero fields come to the same decisions; what is given stays as it is.
func TestPolicy_WithDefaultsSaysWhatADecisionTakes(t *testing.T) {
	full := Policy{}.WithDefaults()
	for n := range 12 {
		assert.Equal(t, full.retry(n), (&Policy{}).retry(n))
		assert.Equal(t, full.wait(n), (&Policy{}).wait(n))
		assert.Equal(t, full.reconcile(n), (&Policy{}).reconcile(n))
	}
	zero := Policy{}
	assert.Equal(t, []any{zero.lease(), zero.margin(), zero.validity(), zero.jitter()},
		[]any{full.Lease, full.Margin, full.Validity, full.Jitter})
	assert.Equal(t, full.ParkAfter, zero.patience(Requested))
	assert.Equal(t, full.ParkAccepted, zero.patience(Accepted))
	assert.Equal(t, full.UnansweredInquiries, zero.unanswered())
	assert.True(t, zero.reconciles(full.ReconcileFor))
	assert.False(t, zero.reconciles(full.ReconcileFor+1))
	given := Policy{Lease: 1, Margin: 2, Validity: 3, Retries: []time.Duration{4}, Waits: []time.Duration{5},
		Jitter: NoJitter, ParkAfter: 6, ParkAccepted: 7, UnansweredInquiries: 9,
		Reconciles: []time.Duration{8}, ReconcileFor: NoReconcile}
	assert.Equal(t, given, given.WithDefaults())
	full.Retries[0] = 0
	assert.NotZero(t, Policy{}.WithDefaults().Retries[0], "the waits are the caller's own")
}
