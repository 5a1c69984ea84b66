package order

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
)

// refusedQuery is a signed refusal of the query itself: it tells nothing of any state.
var refusedQuery = Picture{Code: "ACCESS_DENIED"}

// word is an operator's, though APO has told nothing.
func word(resolution events.Resolution) Resolve {
	return Resolve{CommandID: "res", Resolution: resolution, Override: true, Statement: "APO ticket 7", Actor: "ada"}
}

// stands appends a fact as it would stand on record.
func (x *till) stands(e events.Event) {
	r := events.Record{ID: "as it stands", Stream: events.OrderStream("o-1"), Version: x.o.Version + 1, Recorded: x.now,
		Occurred: x.now, Event: e}
	require.NoError(x.t, Judge(x.o, r))
	x.o = Evolve(x.o, r)
}

// silentlyParked is an operation that is parked after nothing but silence.
func silentlyParked(t *testing.T, kind CallKind) *till {
	x := asked(t, kind)
	x.answer(silence)
	x.later(x.o.Operation.Since.Add(DefaultParkAfter).Sub(x.now))
	x.inquire(refusedQuery)
	require.Equal(t, Parked, x.o.Operation.Phase)
	require.Zero(t, x.o.Operation.Unanswered, "the one after which it was parked is not one since")
	return x
}

// An operation of which APO tells nothing, again and again, can be ended by a person: with an override on record, after
// as many inquiries since it was parked as the policy says.
func TestUnanswered_APersonEndsWhatAPOTellsNothingOf(t *testing.T) {
	const yes, no = events.ResolvedSucceeded, events.ResolvedFailed
	for name, c := range map[string]struct {
		kind CallKind
		says events.Resolution
		then Outcome
	}{
		"a cancel failed":     {CallCancel, no, OutcomeFailed},
		"a capture failed":    {CallCapture, no, OutcomeFailed},
		"a capture succeeded": {CallCapture, yes, OutcomeSucceeded},
		"a refund failed":     {CallRefund, no, OutcomeFailed},
		"a refund succeeded":  {CallRefund, yes, OutcomeSucceeded},
	} {
		t.Run(name, func(t *testing.T) {
			x := silentlyParked(t, c.kind)
			for i, remedy := range []string{"3 more times", "2 more times", "once more"} {
				_, err := x.do(word(c.says))
				e := rejected(t, err)
				require.Equal(t, ReasonStaleInquiry, e.Reason)
				require.Contains(t, e.Remedy, "if APO tells nothing of it "+remedy+", resolve with an override")
				x.later(time.Hour)
				x.inquire(refusedQuery)
				require.EqualValues(t, i+1, x.o.Operation.Unanswered)
			}
			plain := word(c.says)
			plain.Override = false
			_, err := x.do(plain)
			e := rejected(t, err)
			require.Equal(t, ReasonStaleInquiry, e.Reason, "not without saying so")
			assert.Equal(t, "resolve with an override, or reconcile once more", e.Remedy)
			assert.Equal(t, "inquiries in a row that told nothing: 3", e.Detail)
			assert.True(t, slices.ContainsFunc(x.o.Actions(x.env()),
				func(a Action) bool { return a.Verb == VerbResolve && a.Legal }))

			intent := x.o.Operation.Intent
			facts := x.must(word(c.says))
			assert.Equal(t, events.OperationResolved{Resolution: c.says, Statement: "APO ticket 7", Override: true,
				Intent: intent}, facts[0])
			assert.False(t, x.o.Operation.Outstanding())
			assert.Equal(t, c.then, x.o.Command("k").Outcome)
			assert.Zero(t, x.o.Operation.Unanswered, "the next operation begins anew")
			replayIsLive(t, x)
		})
	}
}

// Silence makes no cancel succeed.
func TestUnanswered_NoCancelSucceedsSo(t *testing.T) {
	x := silentlyParked(t, CallCancel)
	for range DefaultUnansweredInquiries {
		x.later(time.Hour)
		x.inquire(refusedQuery)
	}
	_, err := x.do(word(events.ResolvedSucceeded))
	assert.Equal(t, ReasonOnlyAPO, rejected(t, err).Reason)
	assert.ErrorContains(t, x.judged(events.OperationResolved{Resolution: events.ResolvedSucceeded, Override: true,
		Intent: x.o.Operation.Intent, Statement: "APO ticket 7"}), "an order is cancelled by APO's own word alone")
}

// One word of APO's about its state, and the count begins anew; what is about something else does not count.
func TestUnanswered_CountsWhatIsInARowAndAboutIt(t *testing.T) {
	x := silentlyParked(t, CallRefund)
	x.later(time.Hour)
	x.inquire(refusedQuery)
	x.later(time.Hour)
	x.inquire(refusedQuery)
	x.later(time.Hour)
	x.inquire(tells(StateProcessing, Fact{Kind: RefundPending, RequestID: "r-1"}))
	assert.Zero(t, x.o.Operation.Unanswered)
	x.later(time.Hour)
	x.inquire(refusedQuery)
	_, err := x.do(word(events.ResolvedFailed))
	assert.Contains(t, rejected(t, err).Remedy, "2 more times")

	x.must(Claim{Inquire: true})
	x.later(time.Hour) // nobody has heard what came of it, if it was ever sent
	x.must(Claim{Inquire: true})
	assert.EqualValues(t, 1, x.o.Operation.Unanswered)

	x = silentlyParked(t, CallRefund)
	for range DefaultUnansweredInquiries {
		x.later(time.Hour)
		x.inquire(refusedQuery)
	}
	x.later(time.Hour)
	payment := events.InquiryStarted{Subject: events.SubjectPayment, Number: x.o.Inquiry.Number + 1,
		Lease: x.now.Add(time.Minute)}
	x.stands(payment)
	x.stands(events.InquiryAnswered{Subject: events.SubjectPayment, Number: payment.Number, Due: x.o.Operation.Due})
	assert.EqualValues(t, DefaultUnansweredInquiries, x.o.Operation.Unanswered, "the payment is not the refund")
	_, err = x.do(word(events.ResolvedFailed))
	assert.Equal(t, ReasonStaleInquiry, rejected(t, err).Reason, "nor is it of the refund that APO was asked just now")
}

// Only the newest inquiry of just now shows that APO still tells nothing.
func TestUnanswered_TheNewestIsOfJustNow(t *testing.T) {
	x := silentlyParked(t, CallCapture)
	for range DefaultUnansweredInquiries + 1 {
		x.later(time.Hour)
		x.inquire(refusedQuery)
	}
	x.later(FreshInquiry + time.Second)
	_, err := x.do(word(events.ResolvedFailed))
	e := rejected(t, err)
	assert.Equal(t, ReasonStaleInquiry, e.Reason)
	assert.Contains(t, e.Remedy, "if APO tells nothing of it once more, resolve with an override")
	assert.Error(t, x.judged(events.OperationResolved{Resolution: events.ResolvedFailed, Override: true, Statement: "s",
		Intent: x.o.Operation.Intent}))
	x.must(Claim{Inquire: true})
	_, err = x.do(word(events.ResolvedFailed))
	assert.Equal(t, ReasonStaleInquiry, rejected(t, err).Reason, "its answer may be on the way")
	x.must(RecordInquiry{Number: x.o.Inquiry.Number, Picture: refusedQuery})
	x.must(word(events.ResolvedFailed))
	replayIsLive(t, x)
}

func TestUnanswered_ThePolicySaysHowMany(t *testing.T) {
	for _, tt := range []struct{ given, want int }{{0, DefaultUnansweredInquiries}, {1, 1}, {5, 5}} {
		x := silentlyParked(t, CallCapture)
		x.policy.UnansweredInquiries = tt.given
		for range tt.want {
			_, err := x.do(word(events.ResolvedFailed))
			require.Equal(t, ReasonStaleInquiry, rejected(t, err).Reason)
			x.later(time.Minute)
			x.inquire(refusedQuery)
		}
		x.must(word(events.ResolvedFailed))
	}
	for _, bad := range []int{-1, UnansweredInquiriesMax + 1} {
		err := Policy{UnansweredInquiries: bad}.Check()
		require.ErrorIs(t, err, ErrPolicy)
		assert.ErrorContains(t, err, "give 1 to 100, or leave it zero for the default")
	}
	assert.NoError(t, Policy{UnansweredInquiries: UnansweredInquiriesMax}.Check())
}

// What is on record is judged without the policy of its day: one inquiry that told nothing there must have been since,
// and an override.
func TestUnanswered_ALogIsJudgedWithoutThePolicy(t *testing.T) {
	x := silentlyParked(t, CallCapture)
	said := events.OperationResolved{Resolution: events.ResolvedFailed, Override: true, Statement: "APO ticket 7",
		Intent: x.o.Operation.Intent}
	assert.ErrorContains(t, x.judged(said), "is no legal resolve: APO's last word on it is too old")
	x.later(time.Hour)
	x.inquire(refusedQuery)
	assert.NoError(t, x.judged(said))
	hidden := said
	hidden.Override = false
	assert.ErrorContains(t, x.judged(hidden), "is no legal resolve: APO's last word on it is too old")
}

// Of several refunds that a person has, each has its own count: what APO tells nothing of one says nothing of another.
func TestUnanswered_EachRefundCountsForItself(t *testing.T) {
	x := in(t, Paid)
	x.policy.ParkAccepted = time.Hour
	for _, id := range []string{"f-1", "f-2"} {
		x.accepting(id, 100)
	}
	x.later(2 * time.Hour)
	for range x.o.Accepted {
		x.must(Claim{})
		x.must(RecordInquiry{Number: x.o.Inquiry.Number, Picture: refusedQuery})
	}
	require.Equal(t, []Phase{Parked, Parked}, []Phase{x.o.Accepted[0].Phase, x.o.Accepted[1].Phase})
	ask := func(at int) {
		x.later(time.Hour)
		p := x.o.Accepted[at]
		x.stands(events.InquiryStarted{Subject: events.SubjectRefund, Intent: p.Intent, Number: x.o.Inquiry.Number + 1,
			Lease: x.now.Add(time.Minute)})
		x.stands(events.InquiryAnswered{Subject: events.SubjectRefund, Number: x.o.Inquiry.Number, Due: p.Due})
	}
	for range DefaultUnansweredInquiries {
		ask(0)
	}
	assert.Equal(t, []uint8{3, 0}, []uint8{x.o.Accepted[0].Unanswered, x.o.Accepted[1].Unanswered})
	end := func(at int) error {
		r := word(events.ResolvedFailed)
		r.Record = x.o.Accepted[at].Intent
		_, err := Decide(x.o, r, x.env())
		return err
	}
	assert.Contains(t, rejected(t, end(1)).Remedy, "3 more times")
	assert.NoError(t, end(0))
	ask(1)
	assert.Contains(t, rejected(t, end(1)).Remedy, "2 more times")
	assert.Contains(t, rejected(t, end(0)).Remedy, "once more", "the newest was about the other one")
}
