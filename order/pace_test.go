package order

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/long"
)

// persistent asks whatever is owed as often as it may, and keeps when it did.
type persistent struct {
	*till
	asked []time.Time // calls that the schedule, or an inquiry out of turn, made
}

// ask makes the call that is owed, if any; out of turn it makes an inquiry that is not.
func (x *persistent) ask(c Claim, answer Verdict, picture Picture) bool {
	x.helper()
	facts, err := x.do(c)
	if err != nil {
		require.ErrorIs(x.t, err, ErrNotDue)
		return false
	}
	x.asked = append(x.asked, x.now)
	if started, is := facts[0].(events.InquiryStarted); is {
		picture.Evidence = signed()
		x.must(RecordInquiry{Number: started.Number, Picture: picture})
	} else {
		x.answer(answer)
	}
	return true
}

// mostInAMinute is the largest number of calls within any 60 seconds.
func mostInAMinute(calls []time.Time) int {
	most := 0
	for i := range calls {
		end := calls[i].Add(time.Minute)
		most = max(most, len(calls[i:])-len(calls[min(len(calls), indexAfter(calls, end)):]))
	}
	return most
}

// indexAfter is the place of the first call that is later.
func indexAfter(calls []time.Time, end time.Time) int {
	if i := slices.IndexFunc(calls, func(at time.Time) bool { return at.After(end) }); i >= 0 {
		return i
	}
	return len(calls)
}

func TestMostInAMinuteCountsBothEnds(t *testing.T) {
	at := func(s ...int) (out []time.Time) {
		for _, n := range s {
			out = append(out, opened.Add(time.Duration(n)*time.Second))
		}
		return out
	}
	assert.Equal(t, 0, mostInAMinute(nil))
	assert.Equal(t, 3, mostInAMinute(at(0, 30, 60, 61)))
	assert.Equal(t, 4, mostInAMinute(at(0, 30, 60, 61, 62, 90)[2:]))
	assert.Equal(t, 1, mostInAMinute(at(0, 61, 122)))
}

// Seconds were meant and nanoseconds given: one order made 1 376 calls in a second.
func TestPace_SecondsMeantNanosecondsGiven(t *testing.T) {
	for name, p := range map[string]Policy{
		"nanoseconds":    {Retries: []time.Duration{1, 5, 30}},
		"zero":           {Retries: []time.Duration{0}},
		"negative":       {Retries: []time.Duration{-time.Hour}, Margin: -time.Hour, Lease: -time.Hour},
		"within a check": {Retries: []time.Duration{time.Second}},
	} {
		t.Run(name, func(t *testing.T) {
			x := &persistent{till: in(t, Authorized)}
			x.policy = p
			x.must(Cancel{CommandID: "k"})
			x.answer(silence)
			minutes := long.Walk(10, 3)
			for end := x.now.Add(time.Duration(minutes) * time.Minute); x.now.Before(end); x.later(50 * time.Millisecond) {
				x.ask(Claim{}, silence, tells(StateSuccess))
			}
			assert.LessOrEqual(t, mostInAMinute(x.asked), CallsPerMinuteMax)
			assert.Greater(t, len(x.asked), 6*minutes, "it still is asked, whatever the policy says")
		})
	}
}

// Whatever the policy says and APO answers, one order causes a bounded number of calls a minute, and what is
// outstanding stays due.
func TestPace_IsKeptWhateverThePolicySaysAndAPOAnswers(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		x := &persistent{till: in(rt, rapid.SampledFrom([]Status{Created, Authorized, Captured, Paid}).Draw(rt, "status"))}
		x.policy = anyPolicy(rt)
		for range rapid.IntRange(1, 120).Draw(rt, "steps") {
			x.anyStep(rt)
			if due := x.o.NextDue(); due.After(x.now) {
				_, owed := x.o.Due(due)
				require.True(rt, owed, "due at %s, and then nothing is owed", due)
			}
		}
		require.LessOrEqual(rt, mostInAMinute(x.asked), CallsPerMinuteMax)
		for _, r := range x.log {
			require.NoError(rt, r.Validate(), "whatever the policy, a log can hold it")
		}
	})
}

// A chain that follows at once from a command is not held up: an inquiry after each F, and each attempt that it allows.
func TestPace_WhatFollowsAtOnceFollowsAtOnce(t *testing.T) {
	x := &persistent{till: in(t, Authorized)}
	x.must(Cancel{CommandID: "k"})
	x.answer(Verdict{Class: VerdictUnknownF, Code: "NEW_CODE"})
	for range callsAtOnce - 1 {
		require.True(t, x.ask(Claim{Inquire: true}, silence, tells(StateSuccess)))
	}
	require.False(t, x.ask(Claim{}, silence, Picture{}), "the command's own call and nine more were made in no time")
	require.False(t, x.ask(Claim{Inquire: true}, silence, Picture{}))
	assert.Equal(t, x.now.Add(callEvery), x.o.NextDue())
	x.later(callEvery - 1)
	require.False(t, x.ask(Claim{}, silence, Picture{}))
	x.later(1)
	require.True(t, x.ask(Claim{}, silence, Picture{}), "one more")
	x.later(time.Minute)
	for range callsAtOnce {
		require.True(t, x.ask(Claim{Inquire: true}, silence, Picture{}), "after a minute it is as if nothing had been")
	}
}

// A command's own call is somebody's wish, and never waits.
func TestPace_ACommandNeverWaits(t *testing.T) {
	x := &persistent{till: in(t, Authorized)}
	for range 3 * CallsPerMinuteMax {
		x.must(Cancel{})
		x.answer(Verdict{Class: VerdictFailed, Code: "NOT_SUPPORTED"})
		require.Equal(t, Idle, x.o.Operation.Phase)
	}
	require.False(t, x.ask(Claim{Inquire: true}, silence, Picture{}), "but it counts")
	x.later(time.Minute)
	require.True(t, x.ask(Claim{Inquire: true}, silence, Picture{}))
}

// Where the clock has gone back nobody knows how long ago the newest call was: one is let through, and the next one
// waits by the clock as it is.
func TestPace_AClockThatGoesBackSilencesNobody(t *testing.T) {
	for _, back := range []time.Duration{time.Second, time.Hour, 1000 * day} {
		x := &persistent{till: in(t, Authorized)}
		for x.ask(Claim{Inquire: true}, silence, tells(StateSuccess)) {
		}
		require.Len(t, x.asked, callsAtOnce)
		x.later(-back)
		require.True(t, x.ask(Claim{Inquire: true}, silence, tells(StateSuccess)))
		require.False(t, x.ask(Claim{Inquire: true}, silence, tells(StateSuccess)))
		x.later(callEvery)
		require.True(t, x.ask(Claim{Inquire: true}, silence, tells(StateSuccess)))
	}
}

// anyStep gives a command, tells a fact, asks or waits: mostly as little as lets it ask again.
func (x *persistent) anyStep(rt *rapid.T) {
	switch rapid.IntRange(0, 11).Draw(rt, "step") {
	case 0:
		for _, c := range []Command{Cancel{}, Capture{Amount: usd(1)}, Refund{Amount: usd(1)}} {
			if _, err := x.do(c); err == nil && x.o.Operation.Outstanding() {
				x.answer(anyVerdict(rt))
				return
			}
		}
	case 1:
		x.observe(anyFact(rt))
	case 2:
		x.ask(Claim{Inquire: true}, anyVerdict(rt), x.anyPicture(rt))
	case 3:
		x.later(rapid.SampledFrom([]time.Duration{time.Nanosecond, time.Millisecond, time.Second, 6 * time.Second,
			time.Minute, time.Hour, 40 * day}).Draw(rt, "wait"))
	default:
		if due := x.o.NextDue(); due.After(x.now) && due.Before(x.now.Add(365*day)) {
			x.now = due
		}
		x.ask(Claim{}, anyVerdict(rt), x.anyPicture(rt))
	}
}

func anyPolicy(rt *rapid.T) Policy {
	wait := rapid.OneOf(rapid.SampledFrom([]time.Duration{0, 1, 5, -1, time.Second, time.Hour, -1 << 63, 1<<63 - 1}),
		rapid.Custom(func(rt *rapid.T) time.Duration { return time.Duration(rapid.Int64().Draw(rt, "wait")) }))
	waits := rapid.SliceOfN(wait, 0, 3)
	return Policy{Lease: wait.Draw(rt, "lease"), Margin: wait.Draw(rt, "margin"), Validity: wait.Draw(rt, "validity"),
		Retries: waits.Draw(rt, "retries"), Waits: waits.Draw(rt, "waits"), Jitter: rapid.Int().Draw(rt, "jitter"),
		ParkAfter: wait.Draw(rt, "park after"), ParkAccepted: wait.Draw(rt, "park accepted"),
		Reconciles: waits.Draw(rt, "reconciles"), ReconcileFor: wait.Draw(rt, "reconcile for")}
}

func anyVerdict(rt *rapid.T) Verdict {
	classes := []VerdictClass{VerdictUnknown, VerdictUnknown, VerdictUnknownF, VerdictWrong, VerdictFailed,
		VerdictAccepted, VerdictSucceeded}
	return Verdict{Class: rapid.SampledFrom(classes).Draw(rt, "class"), Code: "CODE"}
}

func (x *persistent) anyPicture(rt *rapid.T) Picture {
	states := []string{"SUCCESS", "SUCCESS", "PROCESSING", "PENDING", "FAIL", "CANCELLED", "NEW"}
	outcomes := []events.InquiryOutcome{events.InquiryAnswers, events.InquiryAnswers, events.InquiryUnknown,
		events.InquiryNotExist}
	p := Picture{Outcome: rapid.SampledFrom(outcomes).Draw(rt, "outcome"),
		State: rapid.SampledFrom(states).Draw(rt, "state")}
	if id := x.o.Operation.RequestID; id != "" && rapid.Bool().Draw(rt, "listed") {
		kind := rapid.SampledFrom([]FactKind{CapturePending, RefundPending, CaptureFailed, RefundFailed}).Draw(rt, "kind")
		p.Facts = append(p.Facts, Fact{Kind: kind, RequestID: id, TransferID: "T1"})
	}
	return p
}

func anyFact(rt *rapid.T) Fact {
	return rapid.SampledFrom([]Fact{authorized(), paid(), failed(), captured("C7", 300), refunded("F7", 100),
		{Kind: CaptureFailed, TransferID: "C7"}, {Kind: RefundFailed, TransferID: "F7"}}).Draw(rt, "fact")
}

// What only APO can tell is asked about many times, however long the waits are: one inquiry that nobody answered was
// the last one.
func TestPace_TheLongestWaitIsNotTheLastOne(t *testing.T) {
	x := &persistent{till: placed(t, CaptureManual)}
	x.policy.Waits = []time.Duration{1<<63 - 1}
	x.observe(refunded("F1", 300))
	for range 10 {
		x.now = x.o.NextDue()
		require.True(t, x.ask(Claim{}, silence, Picture{Problem: "timeout"}))
		require.False(t, x.o.NextDue().IsZero())
		require.Less(t, x.now.Sub(opened), OverdueMax)
	}
}
