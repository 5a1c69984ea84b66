package order

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/law"
)

// reversals are a transfer that counts and the word that it failed, with the order that has it, and where the newest
// word leaves it.
var reversals = map[string]struct {
	mode       events.CaptureMode
	before     []Fact
	was        Fact
	failed     Fact
	from, back Status
}{
	"the only capture": {CaptureManual, []Fact{authorized()}, captured("C1", 600),
		Fact{Kind: CaptureFailed, TransferID: "C1", Code: "X"}, Captured, Authorized},
	"one capture of two": {CaptureManual, []Fact{authorized(), captured("C0", 300)}, captured("C1", 600),
		Fact{Kind: CaptureFailed, TransferID: "C1", Code: "X"}, Captured, Captured},
	"the only refund": {CaptureManual, []Fact{authorized(), captured("C1", 600)}, refunded("F1", 100),
		Fact{Kind: RefundFailed, TransferID: "F1", Code: "X"}, Refunded, Captured},
	"the only refund of a payment": {CaptureNone, []Fact{paid()}, refunded("F1", 100),
		Fact{Kind: RefundFailed, TransferID: "F1", Code: "X"}, Refunded, Paid},
	"one refund of two": {CaptureNone, []Fact{paid(), refunded("F0", 300)}, refunded("F1", 100),
		Fact{Kind: RefundFailed, TransferID: "F1", Code: "X"}, Refunded, Refunded},
}

// eachReversal gives each, before and after the word that it failed.
func eachReversal(t *testing.T, check func(t *testing.T, x *till, was, failed Fact, without Order, back Status)) {
	for name, c := range reversals {
		t.Run(name, func(t *testing.T) {
			x := placed(t, c.mode)
			for _, f := range c.before {
				x.observe(f)
			}
			without := x.o
			x.observe(c.was)
			require.Equal(t, c.from, x.o.Status)
			check(t, x, c.was, c.failed, without, c.back)
			replayIsLive(t, x)
		})
	}
}

func amounts(o Order) []int64 { return []int64{o.Authorized, o.Captured, o.Refunded} }

// Until an inquiry tells which of two words is the newer, nothing is given back that may not be there, and APO is asked
// at once. To clear the flag changes nothing.
func TestReversal_WhatIsInDoubtCannotBeRefunded(t *testing.T) {
	eachReversal(t, func(t *testing.T, x *till, was, failed Fact, _ Order, _ Status) {
		before := x.o
		x.observe(failed)
		assert.Equal(t, x.now, x.o.NextDue(), "APO is asked at once")
		assert.Equal(t, amounts(before), amounts(x.o))
		sure := before.Refundable()
		if was.Kind == CaptureSucceeded {
			sure -= was.Amount.Minor
		}
		a, open := x.o.anomalyFor(events.Reversal)
		require.True(t, open)
		if was.Kind == CaptureSucceeded {
			_, err := x.do(Refund{Amount: usd(sure + 1)})
			r := rejected(t, err)
			assert.Equal(t, []any{ReasonReversal, a.Version}, []any{r.Reason, r.Cause.Version})
		}
		assert.Empty(t, x.observe(was), "a message may be the old one")
		x.must(ClearAnomaly{Anomaly: a.Version, Reason: "seen"})
		assert.Equal(t, sure, x.o.Refundable())
		assert.False(t, x.takes(Refund{CommandID: "f", Amount: usd(sure + 1)}))
	})
}

func TestReversal_AnInquiryThatSaysItWasDoneEndsTheDoubt(t *testing.T) {
	eachReversal(t, func(t *testing.T, x *till, was, failed Fact, _ Order, _ Status) {
		before := x.o
		x.observe(failed)
		x.inquire(tells(StateSuccess, was))
		assert.Empty(t, x.o.Anomalies)
		assert.Equal(t, amounts(before), amounts(x.o))
		assert.Equal(t, before.Refundable(), x.o.Refundable())
		assert.Nil(t, x.o.doubted())
		assert.Empty(t, x.observe(failed), "that is on record")
		named := was
		named.RequestID = "named"
		x.observe(named)
		assert.Equal(t, amounts(before), amounts(x.o))
	})
}

// The newest word is that it failed: the amounts and the status are as if it had never been, and a person is told.
func TestReversal_AnInquiryThatSaysItFailedTakesItBack(t *testing.T) {
	for _, told := range []bool{true, false} {
		eachReversal(t, func(t *testing.T, x *till, was, failed Fact, without Order, back Status) {
			if told {
				x.observe(failed)
			}
			x.inquire(tells(StateSuccess, failed))
			assert.Equal(t, amounts(without), amounts(x.o))
			assert.Equal(t, back, x.o.Status)
			require.Len(t, x.o.Anomalies, 1, "once")
			assert.Equal(t, events.Reversal, x.o.Anomalies[0].Reason)
			assert.Nil(t, x.o.doubted())
			for range 2 {
				x.inquire(tells(StateSuccess, failed))
				assert.Empty(t, x.observe(failed))
			}
			assert.Len(t, x.o.Anomalies, 1)

			x.inquire(tells(StateSuccess, was))
			assert.Equal(t, was.Amount.Minor, amounts(x.o)[map[FactKind]int{CaptureSucceeded: 1, RefundSucceeded: 2}[was.Kind]]-
				amounts(without)[map[FactKind]int{CaptureSucceeded: 1, RefundSucceeded: 2}[was.Kind]], "APO's newest word again")
			assert.Nil(t, x.o.doubted(), "an inquiry leaves none")
		})
	}
}

// The last word by message after a failure is in doubt too, until an inquiry tells.
func TestReversal_DoneFailedDone(t *testing.T) {
	x := in(t, Authorized)
	x.observe(Fact{Kind: CaptureFailed, TransferID: "C1", Code: "X"})
	x.observe(captured("C1", 300))
	assert.Equal(t, []any{int64(300), int64(0), x.now}, []any{x.o.Captured, x.o.Refundable(), x.o.NextDue()},
		"it may stand, and may not be refunded")
	x.inquire(tells(StateSuccess, captured("C1", 300)))
	assert.EqualValues(t, 300, x.o.Refundable())
	replayIsLive(t, x)
}

// An inquiry that was begun before a message may tell what was before it too.
func TestReversal_AnInquiryUnderWayIsNotTheNewestWord(t *testing.T) {
	eachReversal(t, func(t *testing.T, x *till, was, failed Fact, without Order, back Status) {
		x.free()
		number := x.must(Claim{Inquire: true})[0].(events.InquiryStarted).Number
		x.observe(failed)
		x.must(RecordInquiry{Number: number, Picture: tells(StateSuccess, was)})
		assert.NotNil(t, x.o.doubted(), "it may have been answered before")
		x.inquire(tells(StateSuccess, failed))
		assert.Equal(t, amounts(without), amounts(x.o))
		assert.Equal(t, back, x.o.Status)
	})
}

// A command whose transfer is taken back has failed, whatever was known when it ended.
func TestReversal_TheCommandHasFailed(t *testing.T) {
	x := in(t, Paid)
	x.must(Refund{CommandID: "f", Amount: usd(100)})
	id := x.o.Operation.RequestID
	x.observe(Fact{Kind: RefundSucceeded, TransferID: "F1", RequestID: id, Amount: usd(100)})
	require.Equal(t, OutcomeSucceeded, x.o.Command("f").Outcome)
	failed := Fact{Kind: RefundFailed, RequestID: id, Code: "BANK_REJECT"}
	x.observe(failed)
	x.inquire(tells(StateSuccess, failed))
	assert.Equal(t, CommandState{Verb: VerbRefund, Outcome: OutcomeFailed, Code: "BANK_REJECT",
		Version: x.o.Command("f").Version}, x.o.Command("f"))
	_, err := x.do(Refund{CommandID: "f", Amount: usd(100)})
	var failure *FailedError
	require.ErrorAs(t, err, &failure)
	x.must(Refund{CommandID: "again", Amount: usd(theAmount)})
	replayIsLive(t, x)
}

// However often APO changes its word, and whoever tells it last, the command ended as the book says.
func TestReversal_TheOutcomeFollowsTheBook(t *testing.T) {
	type story struct {
		*till
		id string
	}
	word := func(s story, kind FactKind) Fact {
		return Fact{Kind: kind, RequestID: s.id, Amount: usd(100), Code: "BANK_REJECT"}
	}
	done := func(s story) { s.inquire(tells(StateSuccess, word(s, RefundSucceeded))) }
	failed := func(s story) { s.inquire(tells(StateSuccess, word(s, RefundFailed))) }
	taken := func(s story) { // an answer that came late
		d := newDecision(&s.o, &Env{Now: s.now}, "")
		d.lateAnswer(&Call{Kind: CallRefund, RequestID: s.id, Amount: usd(100)},
			&Verdict{Class: VerdictAccepted}, events.Proof{Via: events.ViaAnswer, Evidence: signed()})
		records, _ := Records(s.o, Observe{}, d.events, s.env(), "")
		for _, r := range records {
			require.NoError(t, Judge(s.o, r))
			s.o = Evolve(s.o, r)
			s.log = append(s.log, r)
		}
	}
	resolve := func(r events.Resolution) func(story) {
		return func(s story) {
			s.inquire(tells(StateSuccess))
			s.must(Resolve{Record: s.o.Doubts()[0], Resolution: r, Statement: "APO ticket 7"})
		}
	}
	apart := func(s story) { // it is told under a name of its own, and then under both
		s.observe(refunded("F1", 100))
		both := word(s, RefundSucceeded)
		both.TransferID = "F1"
		s.observe(both)
	}
	yes, no := resolve(events.ResolvedSucceeded), resolve(events.ResolvedFailed)
	for name, c := range map[string]struct {
		words []func(story)
		want  Outcome
	}{
		"done, failed":                     {[]func(story){done, failed}, OutcomeFailed},
		"done, failed, done":               {[]func(story){done, failed, done}, OutcomeSucceeded},
		"done, failed, done, failed":       {[]func(story){done, failed, done, failed}, OutcomeFailed},
		"failed, done":                     {[]func(story){failed, done}, OutcomeSucceeded},
		"failed, done, failed":             {[]func(story){failed, done, failed}, OutcomeFailed},
		"failed, taken, done":              {[]func(story){failed, taken, done}, OutcomeSucceeded},
		"failed, taken, told apart, one":   {[]func(story){failed, taken, apart}, OutcomeSucceeded},
		"failed, taken, failed":            {[]func(story){failed, taken, failed}, OutcomeFailed},
		"failed, taken, a person says so":  {[]func(story){failed, taken, yes}, OutcomeSucceeded},
		"failed, taken, a person says not": {[]func(story){failed, taken, no}, OutcomeFailed},
		"failed, taken, yes, failed":       {[]func(story){failed, taken, yes, failed}, OutcomeFailed},
	} {
		t.Run(name, func(t *testing.T) {
			x := in(t, Paid)
			x.must(Refund{CommandID: "f", Amount: usd(100)})
			s := story{x, x.o.Operation.RequestID}
			for _, w := range c.words {
				w(s)
			}
			got := x.o.Command("f")
			assert.Equal(t, c.want, got.Outcome)
			assert.EqualValues(t, x.o.book[x.o.placed(refunds, "", s.id)].version, got.Version, "by the newest word on it")
			_, err := x.do(Refund{CommandID: "f", Amount: usd(100)})
			assert.Equal(t, c.want == OutcomeFailed, err != nil)
			outcomesFollow(t, x)
		})
	}
}

// APO's own capture that is taken back is ours to make.
func TestReversal_OfAPOsOwnCapture(t *testing.T) {
	x := capturing(t)
	x.observe(Fact{Kind: CaptureSucceeded, TransferID: "C1", Amount: usd(theAmount)})
	require.Equal(t, []any{Captured, GatewayNone}, []any{x.o.Status, x.o.Gateway})
	x.inquire(tells(StateSuccess, Fact{Kind: CaptureFailed, TransferID: "C1"}))
	require.Equal(t, []any{Authorized, GatewayFailed}, []any{x.o.Status, x.o.Gateway})
	x.must(Capture{Amount: usd(theAmount)})
	replayIsLive(t, x)
}

// Late money that went back, and did not after all, is late money again.
func TestReversal_OfLateMoney(t *testing.T) {
	x := in(t, Cancelled)
	x.observe(captured("C1", theAmount))
	x.observe(refunded("F1", theAmount))
	_, open := x.o.late()
	require.False(t, open)
	failed := Fact{Kind: RefundFailed, TransferID: "F1"}
	x.observe(failed)
	assert.False(t, x.takes(Compensate{CommandID: "c"}))
	x.inquire(tells(StateCancelled, failed))
	_, open = x.o.late()
	assert.True(t, open)
	x.inquire(tells(StateCancelled))
	x.must(Compensate{CommandID: "c"})
	assert.Equal(t, usd(theAmount), x.o.Operation.Amount)
	replayIsLive(t, x)
}

// A person settles what no inquiry tells, and the amounts are as they say.
func TestResolve_OfATransferInDoubt(t *testing.T) {
	for name, c := range map[string]struct {
		tell   func(x *till)
		word   events.Resolution
		want   []int64
		status Status
	}{
		"above the authorization, done": {func(x *till) { x.observe(captured("C9", 1200)) }, events.ResolvedSucceeded,
			[]int64{1000, 1200, 0}, Captured},
		"above the authorization, not done": {func(x *till) { x.observe(captured("C9", 1200)) }, events.ResolvedFailed,
			[]int64{1000, 0, 0}, Authorized},
		"a refund above it, done": {func(x *till) { x.observe(refunded("F9", 1200)) }, events.ResolvedSucceeded,
			[]int64{1000, 0, 1200}, Authorized},
		"a capture taken back": {func(x *till) {
			x.observe(captured("C1", 600))
			x.observe(Fact{Kind: CaptureFailed, TransferID: "C1"})
		}, events.ResolvedFailed, []int64{1000, 0, 0}, Authorized},
		"a capture that stands": {func(x *till) {
			x.observe(captured("C1", 600))
			x.observe(Fact{Kind: CaptureFailed, TransferID: "C1"})
		}, events.ResolvedSucceeded, []int64{1000, 600, 0}, Captured},
	} {
		t.Run(name, func(t *testing.T) {
			x := in(t, Authorized)
			c.tell(x)
			require.True(t, x.o.inDoubt())
			record := x.o.Anomalies[0].Version
			settle := Resolve{CommandID: "s", Record: record, Resolution: c.word, Statement: "APO ticket 7"}
			_, err := x.do(settle)
			assert.Equal(t, ReasonStaleInquiry, rejected(t, err).Reason, "APO is asked first")
			x.inquire(tells(StateSuccess))
			require.True(t, x.o.inDoubt(), "it did not tell")
			x.must(settle)
			assert.Equal(t, c.want, amounts(x.o))
			assert.Equal(t, c.status, x.o.Status)
			assert.False(t, x.o.inDoubt())
			assert.Empty(t, x.must(settle), "once")
			settle.CommandID = ""
			_, err = x.do(settle)
			assert.Equal(t, ReasonNoDoubt, rejected(t, err).Reason)
			replayIsLive(t, x)
		})
	}
}

// Money of another currency has no place in the amounts: while it may stand, the order takes nothing but a resolution.
func TestResolve_OfATransferInAnotherCurrency(t *testing.T) {
	x := in(t, Authorized)
	f := captured("C9", 100)
	f.Amount.Currency = "EUR"
	x.observe(f)
	x.inquire(tells(StateSuccess))
	record := x.o.Anomalies[0].Version
	_, err := x.do(Resolve{Record: record, Resolution: events.ResolvedSucceeded, Statement: "APO ticket 7"})
	r := rejected(t, err)
	assert.Equal(t, ReasonCurrency, r.Reason)
	assert.Contains(t, r.Remedy, "takes no other command")
	assert.False(t, x.takes(Cancel{CommandID: "c"}))
	x.must(Resolve{Record: record, Resolution: events.ResolvedFailed, Statement: "APO ticket 7"})
	x.must(Cancel{})
}

// A cancelled order's late money may be what a person tells of.
func TestResolve_OfATransferOnACancelledOrder(t *testing.T) {
	x := in(t, Cancelled)
	x.observe(captured("C9", 1200))
	x.inquire(tells(StateCancelled))
	x.must(Resolve{Record: x.o.Anomalies[0].Version, Resolution: events.ResolvedSucceeded, Statement: "APO ticket 7"})
	assert.Equal(t, []any{Cancelled, int64(1200)}, []any{x.o.Status, x.o.Late.Captured})
	_, open := x.o.late()
	assert.True(t, open)
	x.later(time.Minute)
	x.inquire(tells(StateCancelled))
	x.must(Compensate{})
	assert.Equal(t, usd(1200), x.o.Operation.Amount)
}

// The rows of what a person settles lead where the fold goes.
func TestResolve_RowsOfEveryStatus(t *testing.T) {
	for _, s := range Statuses() {
		for _, kind := range []transferKind{captures, refunds} {
			x := in(t, s)
			f := captured("X9", 5000)
			if kind == refunds {
				f = refunded("X9", 5000)
			}
			f.Amount.Currency = "EUR" // contradicts whatever the status
			x.observe(f)
			x.inquire(tells(StateSuccess))
			at := x.o.undecided(0)
			require.GreaterOrEqual(t, at, 0, s)
			x.o.book[at].set(markForeign, false)
			version := uint64(x.o.book[at].version)
			before := x.o
			x.must(Resolve{Record: version, Resolution: events.ResolvedSucceeded, Statement: "APO ticket 7"})
			cell := law.StatusCell(before.settledRow(kind), law.Status(s))
			assert.Equal(t, Status(cell.To), x.o.Status, "%s %v", s, kind)
			if cell.Effect == law.LateMoney {
				assert.NotEqual(t, before.Late, x.o.Late)
			} else {
				assert.NotEqual(t, amounts(before), amounts(x.o))
			}
		}
	}
}
