package order

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
)

// news are what APO, or an answer of it, tells, and that it has to be asked about.
func news() map[string]struct {
	before func(*till)
	tell   func(*till)
} {
	observing := func(f Fact) func(*till) { return func(x *till) { x.observe(f) } }
	nothing := func(*till) {}
	raise := raised("u1", 1500)
	capture := func(x *till) { // whose refusal says that our picture is wrong
		x.policy.SeveralCaptures = []string{"CARD"}
		x.must(Capture{CommandID: "k", Amount: usd(300)})
	}
	return map[string]struct {
		before func(*till)
		tell   func(*till)
	}{
		"a raise with another total":  {observing(raise), observing(raised("u1", 1200))},
		"a raise that failed":         {observing(raise), observing(raiseFailed("u1"))},
		"a raise that had failed":     {observing(raiseFailed("u1")), observing(raise)},
		"what nobody understands":     {nothing, observing(Fact{Kind: NotUnderstood, PaymentID: "P1"})},
		"more than there is":          {nothing, observing(captured("C9", 1200))},
		"a capture that failed":       {nothing, observing(Fact{Kind: CaptureFailed, TransferID: "C1", Code: "X"})},
		"a capture of another amount": {nothing, observing(captured("C1", 700))},
		"a payment that failed":       {nothing, observing(failed())},
		"a payment of another amount": {nothing, observing(Fact{Kind: PaymentAuthorized, PaymentID: "P1",
			Amount: usd(800)})},
		"a payment that was cancelled": {nothing, observing(cancelled())},
		"a code that surprises": {capture, func(x *till) {
			x.answer(Verdict{Class: VerdictFailed, Code: "CAPTURE_AMOUNT_EXCEED_AUTH_LIMIT"})
		}},
	}
}

// What is told while an inquiry is under way may have been told after its answer was made: APO is asked again at once,
// also where the payment is not looked at by itself.
func TestNews_DuringAnInquiryIsAskedAboutAtOnce(t *testing.T) {
	for name, c := range news() {
		t.Run(name, func(t *testing.T) {
			x := in(t, Captured)
			c.before(x)
			x.asking()
			number := x.o.Inquiry.Number
			c.tell(x)
			answer := tells(StateSuccess, authorized(), captured("C1", 600))
			answer.Evidence = signed()
			x.must(RecordInquiry{Number: number, Picture: answer})
			require.Equal(t, x.now, x.o.NextDue(), "at once")
			x.free()
			call, due := x.o.Due(x.now)
			require.Equal(t, []any{true, CallInquirePayment}, []any{due, call.Kind})
			x.inquire(tells(StateSuccess, authorized(), captured("C1", 600)))
			x.inquire(tells(StateSuccess, authorized(), captured("C1", 600)))
			assert.NotEqual(t, x.now, x.o.NextDue(), "and not for ever")
			replayIsLive(t, x)
		})
	}
}

// It is asked about until APO has answered, whatever becomes of single inquiries.
func TestNews_IsAskedAboutUntilAPOHasAnswered(t *testing.T) {
	lost := Picture{Problem: "timeout"}
	for name, c := range news() {
		t.Run(name, func(t *testing.T) {
			x := in(t, Captured)
			c.before(x)
			c.tell(x)
			require.Equal(t, x.now, x.o.NextDue())
			for range 5 {
				x.free()
				if due := x.o.NextDue(); x.now.Before(due) {
					x.now = due
				}
				x.must(Claim{})
				lost.Evidence = nil
				x.must(RecordInquiry{Number: x.o.Inquiry.Number, Picture: lost})
				require.False(t, x.o.NextDue().IsZero())
				require.LessOrEqual(t, x.o.NextDue().Sub(x.now), 24*time.Hour)
				require.True(t, x.o.known.has(knownNews))
			}
			x.now = x.o.NextDue()
			x.inquire(tells(StateSuccess, authorized(), captured("C1", 600)))
			require.False(t, x.o.known.has(knownNews), "it has answered")
			x.inquire(lost)
			assert.True(t, x.o.NextDue().IsZero(), "where nothing is looked at by itself, not for ever")
			if len(x.o.Doubts()) > 0 {
				assert.NotEmpty(t, x.o.Anomalies, "what is left is a person's, who is told")
			}
			replayIsLive(t, x)
		})
	}
}

// An inquiry about a refund tells nothing of the payment.
func TestNews_IsNoRefundsInquirys(t *testing.T) {
	x := in(t, Captured)
	x.must(Refund{CommandID: "f", Amount: usd(100)})
	x.answer(works)
	x.asking()
	require.Equal(t, events.SubjectRefund, x.o.Inquiry.Subject)
	x.observe(Fact{Kind: NotUnderstood, PaymentID: "P1"})
	x.must(RecordInquiry{Number: x.o.Inquiry.Number, Picture: Picture{Outcome: events.InquiryAnswers,
		State: StateProcessing, Evidence: signed(), Facts: []Fact{{Kind: RefundPending, RequestID: x.o.Accepted[0].RequestID,
			Amount: usd(100)}}}})
	require.Equal(t, x.now, x.o.NextDue())
	call, due := x.o.Due(x.now)
	assert.Equal(t, []any{true, CallInquirePayment}, []any{due, call.Kind})
}
