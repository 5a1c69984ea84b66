package order

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
)

// ending is the last capture that captures nothing: it gives up what is left.
func ending() Capture { return Capture{CommandID: "end", Amount: usd(0), Last: true} }

// endable is an order of which 600 is captured, of a method whose contract takes a last capture of zero and no second
// capture.
func endable(t require.TestingT) *till {
	x := in(t, Captured)
	x.policy.ZeroLastCaptures = []string{MethodCard}
	return x
}

func TestZero_IsLegalOnlyAsTheLastOfAPartialCapture(t *testing.T) {
	for name, row := range map[string]struct {
		x    *till
		c    Capture
		why  Reason
		says string
	}{
		"the contract does not take it": {in(t, Captured), ending(), ReasonAmount, " 0.00)"},
		"not the last":                  {endable(t), Capture{Amount: usd(0)}, ReasonAmount, " 0.00)"},
		"below zero": {endable(t), Capture{Amount: usd(-1), Last: true}, ReasonSingleCapture,
			"takes one capture"},
		"another currency": {endable(t), Capture{Amount: Money{Currency: "EUR"}, Last: true}, ReasonAmount,
			" 0.00)"},
		"more than zero needs a contract of its own": {endable(t), Capture{Amount: usd(1), Last: true}, ReasonSingleCapture,
			"takes one capture"},
	} {
		_, err := row.x.do(row.c)
		r := rejected(t, err)
		assert.Equal(t, row.why, r.Reason, name)
		assert.Contains(t, r.Error(), row.says, name)
	}
	x := in(t, Authorized)
	x.policy.ZeroLastCaptures = []string{MethodCard}
	_, err := x.do(ending())
	assert.Equal(t, ReasonAmount, rejected(t, err).Reason, "nothing is captured, so that a cancel ends it")
	x = endable(t)
	x.observe(captured("C2", 400))
	_, err = x.do(ending())
	r := rejected(t, err)
	assert.Equal(t, []any{ReasonRemainder, "nothing remains to capture"}, []any{r.Reason, r.Remedy})
	x = endable(t)
	x.observe(refunded("F1", 100))
	_, err = x.do(ending())
	assert.Equal(t, ReasonRefunded, rejected(t, err).Reason)
}

func TestZero_EndsWhatIsHeldAndCapturesNothing(t *testing.T) {
	x := endable(t)
	before := x.o
	facts := x.must(ending())
	assert.Equal(t, []events.Event{events.CaptureRequested{CaptureRequestID: "r-1", PaymentID: "P1", Amount: usd(0),
		Last: true, Lease: x.now.Add(DefaultLease)}}, facts)
	call, ok := x.o.Claimed()
	require.True(t, ok)
	assert.Equal(t, []any{usd(0), true}, []any{call.Amount, call.Last})
	x.answer(unknownU)
	x.retry()
	again, _ := x.o.Claimed()
	again.Attempt, again.Lease = call.Attempt, call.Lease
	assert.Equal(t, call, again)

	facts = x.answer(Verdict{Class: VerdictSucceeded, Code: "SUCCESS", TransferID: "C7"})
	assert.Equal(t, []events.Kind{events.KindCaptureSucceeded}, kindsOf(facts))
	assert.Equal(t, []int64{before.Authorized, before.Captured, 0},
		[]int64{x.o.Authorized, x.o.Captured, x.o.Capturable()})
	assert.Equal(t, []any{Captured, OutcomeSucceeded}, []any{x.o.Status, x.o.Command("end").Outcome})
	assert.Empty(t, x.o.Anomalies)
	assert.Empty(t, x.must(ending()), "the same command again is in effect")

	x.policy.SeveralCaptures = []string{MethodCard}
	_, err := x.do(Capture{Amount: usd(1)})
	r := rejected(t, err)
	assert.Equal(t, []any{ReasonLastCapture, "C7", x.o.Version}, []any{r.Reason, r.Cause.ID, r.Cause.Version})
	_, err = x.do(Cancel{})
	assert.Equal(t, []any{"C1", "refund instead"}, []any{rejected(t, err).Cause.ID, rejected(t, err).Remedy},
		"money was captured by another record")

	notified := captured("C7", 0)
	notified.RequestID = call.RequestID
	assert.Empty(t, x.observe(notified), "the notification of it is known")
	x.inquire(tells(StateSuccess, authorized(), captured("C1", 600), voidedPart(400), notified))
	assert.Empty(t, x.o.Anomalies)
	x.must(Refund{Amount: usd(600)})
	replayIsLive(t, x)
}

// Its answer is lost, and what is heard of it names it by one identifier and then by the other.
func TestZero_IsKnownByEitherIdentifier(t *testing.T) {
	x := endable(t)
	x.must(ending())
	request := x.attempt().RequestID
	x.answer(unknownU)
	f := captured("", 0)
	f.RequestID = request
	assert.Equal(t, []events.Kind{events.KindCaptureSucceeded}, kindsOf(x.observe(f)))
	f.TransferID = "C7"
	assert.Equal(t, []events.Kind{events.KindCaptureSucceeded}, kindsOf(x.observe(f)), "it names it better")
	f.RequestID = ""
	assert.Empty(t, x.observe(f))
	f.Amount = usd(1)
	x.observe(f)
	assert.True(t, hasAnomaly(x.o, events.TransferContradicts))
	assert.EqualValues(t, 600, x.o.Captured)
	replayIsLive(t, x)
}

func TestZero_OfSomebodyElseIsAnAnomaly(t *testing.T) {
	x := endable(t)
	x.observe(captured("dashboard", 0))
	assert.True(t, hasAnomaly(x.o, events.PaymentContradicts))
	assert.EqualValues(t, 400, x.o.Capturable())
	x = endable(t)
	x.must(ending())
	x.answer(unknownU)
	f := captured("C7", 0)
	f.RequestID = "another"
	x.observe(f)
	assert.True(t, hasAnomaly(x.o, events.PaymentContradicts))
	assert.True(t, x.o.Operation.Outstanding())
}

func TestZero_RefusedByAPOLeavesWhatIsHeld(t *testing.T) {
	x := endable(t)
	x.must(ending())
	x.answer(refusedF)
	assert.Equal(t, OutcomeFailed, x.o.Command("end").Outcome)
	assert.EqualValues(t, 400, x.o.Capturable())
	x.must(Capture{CommandID: "end-2", Amount: usd(0), Last: true})
	replayIsLive(t, x)
}

// An operator who has it from APO that the rest is given up may say so.
func TestZero_IsResolvedLikeAnyCapture(t *testing.T) {
	x := endable(t)
	x.must(ending())
	x.answer(unknownU)
	x.inquire(notExist)
	require.Equal(t, Parked, x.o.Operation.Phase)
	x.inquire(Picture{Outcome: events.InquiryAnswers, State: StateSuccess, Facts: []Fact{{Kind: CapturePending,
		RequestID: x.o.Operation.RequestID}}})
	x.must(Resolve{Resolution: events.ResolvedSucceeded, Override: true, Statement: "APO ticket 7"})
	assert.False(t, x.o.Operation.Outstanding())
	assert.Zero(t, x.o.Capturable())
	replayIsLive(t, x)
}

func TestZero_ActionsAndRemediesTellOfIt(t *testing.T) {
	x := endable(t)
	remedy := "give up what is still held with a last capture of zero, then refund"
	for _, a := range x.o.Actions(x.env()) {
		switch a.Verb {
		case VerbCapture:
			assert.True(t, a.Legal)
			assert.Equal(t, usd(0), a.Max, "one capture was all that the contract takes")
		case VerbCancel:
			assert.Equal(t, remedy, a.Rejected.Remedy)
		}
	}
	_, err := x.do(Cancel{})
	assert.Equal(t, remedy, rejected(t, err).Remedy)
	x.policy.SeveralCaptures = []string{MethodCard}
	for _, a := range x.o.Actions(x.env()) {
		if a.Verb == VerbCapture {
			assert.Equal(t, usd(400), a.Max)
		}
	}
}

// A log that says a capture moved nothing is believed only of a last capture of ours that asked for nothing.
func TestZero_OnRecordIsJudged(t *testing.T) {
	x := endable(t)
	judged := func(e events.Event) error {
		return Judge(x.o, events.Record{Stream: events.OrderStream("o-1"), Version: x.o.Version + 1, Recorded: x.now,
			Event: e})
	}
	lease := x.now.Add(DefaultLease)
	require.NoError(t, judged(events.CaptureRequested{CaptureRequestID: "k", PaymentID: "P1", Amount: usd(0), Last: true,
		Lease: lease}), "the contract of the day is not on record")
	require.ErrorContains(t, judged(events.CaptureRequested{CaptureRequestID: "k", PaymentID: "P1", Amount: usd(0),
		Lease: lease}), " 0.00)")
	nothing := events.CaptureSucceeded{CaptureID: "C7", CaptureRequestID: "r-1", Amount: usd(0)}
	require.ErrorContains(t, judged(nothing), "moves no money")
	x.must(ending())
	require.NoError(t, judged(nothing))
	nothing.CaptureRequestID = "another"
	require.ErrorContains(t, judged(nothing), "moves no money")
	nothing.CaptureRequestID, nothing.Amount = "r-1", Money{}
	require.ErrorContains(t, judged(nothing), "moves no money")
}
