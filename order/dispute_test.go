package order

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/law"
)

// disputeFacts are the facts about disputes by their rows.
var disputeFacts = map[law.Fact]FactKind{law.DisputeOpened: DisputeOpened, law.DisputeDue: DisputeDue,
	law.DisputeDefended: DisputeDefended, law.DisputeClosed: DisputeClosed}

// disputed is APO's word on a dispute; one that closed is lost.
func disputed(k FactKind, id string, minor int64) Fact {
	f := Fact{Kind: k, PaymentID: "P1", TransferID: id, Amount: usd(minor)}
	if k == DisputeClosed {
		f.Outcome = events.DisputeLost
	}
	return f
}

// ended is a dispute of USD 3.00 that ended.
func ended(outcome events.DisputeOutcome, at time.Time, lost Money) Fact {
	f := disputed(DisputeClosed, "D1", 300)
	f.At, f.Outcome, f.Lost = at, outcome, lost
	return f
}

// someDispute need not fit anything.
func someDispute(t *rapid.T, d Fact) Fact {
	d.Outcome = events.DisputeOutcome(rapid.IntRange(1, int(events.DisputeInvalidated)).Draw(t, "outcome"))
	d.Undefendable = rapid.IntRange(0, 4).Draw(t, "undefendable") == 0
	if rapid.Bool().Draw(t, "lost") {
		d.Lost = Money{Minor: rapid.SampledFrom([]int64{0, 100, 300, theAmount}).Draw(t, "lost minor"),
			Currency: rapid.SampledFrom([]string{"USD", "USD", "EUR"}).Draw(t, "lost currency")}
	}
	if rapid.Bool().Draw(t, "by") {
		d.DefendBy = opened.Add(time.Duration(rapid.IntRange(1, 3).Draw(t, "days")) * 24 * time.Hour)
	}
	return d
}

func TestDispute_WhileOneIsOpenNothingIsRefunded(t *testing.T) {
	x := in(t, Captured)
	f := disputed(DisputeOpened, "D1", 300)
	f.At, f.DefendBy, f.Type = opened, opened.Add(48*time.Hour), "CHARGEBACK"
	f.Code, f.Message = "4853", "not as described"
	facts := x.observe(f)
	assert.Equal(t, []events.Event{events.DisputeOpened{DisputeID: "D1", PaymentID: "P1", Amount: usd(300), At: opened,
		DefendBy: opened.Add(48 * time.Hour), Type: "CHARGEBACK", Code: "4853", Message: "not as described",
		Proof: events.Proof{Via: events.ViaNotification, Evidence: signed()}}}, facts)
	_, err := x.do(Refund{CommandID: "r", Amount: usd(100)})
	r := rejected(t, err)
	assert.Equal(t, []any{ReasonDisputed, x.o.Version}, []any{r.Reason, r.Cause.Version})
	assert.Equal(t, "order o-1: refund rejected: the buyer has disputed the payment (to be "+
		"defended by 2026-11-22T10:00:00Z); defend or accept the dispute where the acquirer takes it, and wait for its end, "+
		"or resolve its record; refund what it leaves, and capture only where it took nothing", r.Error())
	assert.Equal(t, []any{Captured, int64(0), int64(300), "needs attention"},
		[]any{x.o.Status, x.o.Disputed, x.o.Refundable(), x.o.Words()})
	assert.Equal(t, opened.Add(48*time.Hour), x.o.Head().DisputeBy)
	assert.Empty(t, x.observe(f), "told again it is no news")

	x.observe(disputed(DisputeDefended, "D1", 0))
	assert.Equal(t, []any{time.Time{}, "disputed"}, []any{x.o.Head().DisputeBy, x.o.Words()})
	_, err = x.do(Refund{CommandID: "r", Amount: usd(100)})
	assert.ErrorContains(t, err, "(defended)")

	x.observe(ended(events.DisputeWon, opened.Add(72*time.Hour), usd(0)))
	assert.Equal(t, []any{int64(0), int64(600), "partly captured"}, []any{x.o.Disputed, x.o.Refundable(), x.o.Words()})
	x.must(Refund{CommandID: "r", Amount: usd(600)})
}

// What a dispute took is an amount of its own: it was not refunded, and cannot be any more.
func TestDispute_WhatEachEndCosts(t *testing.T) {
	all := int64(math.MaxInt64)
	for _, row := range []struct {
		outcome          events.DisputeOutcome
		disputed         int64
		lost             Money
		costs, remaining int64
	}{
		{events.DisputeWon, 300, usd(300), 0, 600},
		{events.DisputeWithdrawn, 300, Money{}, 0, 600},
		{events.DisputeValidated, 300, Money{}, 0, 600},
		{events.DisputeLost, 300, usd(250), 250, 350},
		{events.DisputeLost, 300, usd(0), 0, 600},
		{events.DisputeLost, 300, Money{}, 300, 300},
		{events.DisputeLost, 300, usd(700), 700, 0},
		{events.DisputeLost, 0, Money{}, 0, 0}, // it may have taken all there is
		{events.DisputeLost, 300, Money{Minor: 250, Currency: "EUR"}, 0, 0},
		{events.DisputeAccepted, 300, Money{}, 300, 300},
		{events.DisputeUndefended, 300, Money{}, 300, 300},
		{events.DisputeRefunded, 300, Money{}, 300, 300},
		{events.DisputeInvalidated, 300, usd(100), 100, 500},
		{events.DisputeLost, all, usd(all), all, 0},
	} {
		x := in(t, Captured)
		f := ended(row.outcome, opened, row.lost)
		f.Amount.Minor = row.disputed
		x.observe(f)
		assert.Equal(t, []int64{row.costs, row.remaining, 0}, []int64{x.o.Disputed, x.o.Refundable(), x.o.Refunded},
			"%+v", row)
		assert.Equal(t, Captured, x.o.Status)
		assert.True(t, x.o.Head().DisputeBy.IsZero(), "what is over needs nobody")
		assert.Equal(t, x.o.money(row.costs), x.o.Disputes()[0].Lost)
	}
	x := in(t, Captured)
	x.observe(ended(events.DisputeLost, opened, usd(250)))
	_, err := x.do(Refund{CommandID: "r", Amount: usd(351)})
	r := rejected(t, err)
	assert.Equal(t, []any{ReasonRemainder, x.o.Version}, []any{r.Reason, r.Cause.Version}, "the dispute left that little")
	x.must(Refund{CommandID: "r", Amount: usd(350)})
}

// The newest judgement counts, whichever message comes first, and a person is told that there were two.
func TestDispute_ContradictoryEnds(t *testing.T) {
	won := ended(events.DisputeWon, opened.Add(time.Hour), Money{})
	lost := ended(events.DisputeLost, opened.Add(2*time.Hour), usd(300))
	dateless := ended(events.DisputeWithdrawn, time.Time{}, Money{})
	for name, row := range map[string]struct {
		facts []Fact
		costs int64
	}{
		"won, then lost":       {[]Fact{won, lost}, 300},
		"told the other way":   {[]Fact{lost, won}, 300},
		"lost, and withdrawn":  {[]Fact{lost, dateless}, 300},
		"withdrawn, and lost":  {[]Fact{dateless, lost}, 300},
		"at the same time":     {[]Fact{lost, ended(events.DisputeWon, lost.At, Money{})}, 300},
		"at the same time too": {[]Fact{ended(events.DisputeWon, lost.At, Money{}), lost}, 300},
		"lost, then won":       {[]Fact{lost, ended(events.DisputeWon, lost.At.Add(time.Second), Money{})}, 0},
	} {
		x := in(t, Captured)
		for _, f := range append(row.facts, row.facts...) {
			x.observe(f)
		}
		assert.Equal(t, row.costs, x.o.Disputed, name)
		require.Len(t, x.o.Anomalies, 1, name)
		assert.Equal(t, events.TransferContradicts, x.o.Anomalies[0].Reason, name)
		assert.Len(t, x.o.Disputes(), 1, name)
	}
	x := in(t, Captured)
	x.observe(won)
	x.observe(lost)
	x.must(ClearAnomaly{CommandID: "c", Anomaly: x.o.Anomalies[0].Version, Reason: "seen"})
	again := ended(events.DisputeWon, opened.Add(3*time.Hour), Money{})
	x.observe(again)
	assert.Equal(t, []any{int64(0), 1}, []any{x.o.Disputed, len(x.o.Anomalies)}, "an end that is taken back again is news")
	x = in(t, Captured)
	x.observe(ended(events.DisputeAccepted, opened, Money{}))
	x.observe(ended(events.DisputeLost, opened.Add(time.Hour), usd(200)))
	assert.Equal(t, []any{int64(200), 0}, []any{x.o.Disputed, len(x.o.Anomalies)},
		"a judgement after an acceptance agrees")
}

// Whatever order words come in, and however often, the order comes to the same.
func TestDispute_WordsConverge(t *testing.T) {
	statuses := Statuses()
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.SampledFrom(statuses).Draw(t, "status")
		var words []Fact
		for range rapid.IntRange(1, 6).Draw(t, "words") {
			k := rapid.SampledFrom([]FactKind{DisputeOpened, DisputeDue, DisputeDefended, DisputeClosed}).Draw(t, "kind")
			f := disputed(k, rapid.SampledFrom([]string{"D1", "D2"}).Draw(t, "dispute"),
				rapid.SampledFrom([]int64{0, 200, 300}).Draw(t, "minor"))
			f = someDispute(t, f)
			if rapid.Bool().Draw(t, "timed") {
				f.At = opened.Add(time.Duration(rapid.IntRange(0, 2).Draw(t, "hours")) * time.Hour)
			}
			words = append(words, f)
		}
		tell := func(words []Fact) Order {
			x := in(t, s)
			for _, f := range words {
				x.observe(f)
			}
			return x.o
		}
		one := tell(words)
		mixed := rapid.Permutation(append(append([]Fact{}, words...), words...)).Draw(t, "mixed")
		other := tell(mixed)
		say := func(o Order) string {
			text := fmt.Sprintln(o.Status, o.Disputed, o.Refundable(), o.Late, o.openDispute() != nil, o.disputeBy())
			for _, id := range []string{"D1", "D2"} {
				if at := o.find(disputes, digest(id), 0); at >= 0 {
					d := o.book[at]
					lost, may := o.costs(&d)
					text += fmt.Sprintln(id, d.minor, d.marks, lost, may, d.has(markUndated) || d.at > 0)
				}
			}
			return text
		}
		require.Equal(t, say(one), say(other))
		require.Equal(t, s, other.Status, "a dispute moves no status")
	})
}

func TestDispute_WithoutAnAmountOrInAnotherCurrencyReservesAll(t *testing.T) {
	x := in(t, Captured)
	f := disputed(DisputeDue, "D1", 0)
	f.Amount = Money{}
	x.observe(f)
	assert.Equal(t, []any{int64(0), x.now, Money{}},
		[]any{x.o.Refundable(), x.o.Head().DisputeBy, x.o.Disputes()[0].Amount}, "it is due at once: nobody has said when")
	f = disputed(DisputeOpened, "D1", 200)
	f.DefendBy = opened.Add(time.Hour)
	x.observe(f)
	assert.Equal(t, []any{int64(400), f.DefendBy, usd(200)},
		[]any{x.o.Refundable(), x.o.Head().DisputeBy, x.o.Disputes()[0].Amount})
	f.Amount = usd(300)
	x.observe(f)
	assert.Equal(t, []any{int64(300), 1}, []any{x.o.Refundable(), len(x.o.Anomalies)},
		"the larger of two, and a person looks")

	x = in(t, Captured)
	f.Amount = Money{Minor: 200, Currency: "EUR"}
	facts := x.observe(f)
	assert.Equal(t, []events.Kind{events.KindAnomalyObserved, events.KindDisputeOpened}, kindsOf(facts))
	assert.Zero(t, x.o.Refundable())
	assert.Empty(t, x.observe(f))

	x = in(t, Captured)
	facts = x.observe(disputed(DisputeOpened, "", 200))
	assert.Equal(t, []events.Kind{events.KindAnomalyObserved}, kindsOf(facts), "it cannot be told from others")
	f = disputed(DisputeOpened, "D1", 200)
	f.PaymentID = "P2"
	facts = x.observe(f)
	assert.Equal(t, events.PaymentContradicts, facts[0].(events.AnomalyObserved).Reason)
	assert.Empty(t, x.o.Disputes())
}

func TestDispute_WhoNeedsToBeDefended(t *testing.T) {
	x := in(t, Paid)
	first, second := disputed(DisputeOpened, "D1", 100), disputed(DisputeOpened, "D2", 100)
	first.DefendBy, second.DefendBy = opened.Add(2*time.Hour), opened.Add(time.Hour)
	third := disputed(DisputeOpened, "D3", 100)
	third.DefendBy, third.Undefendable = opened, true
	x.observe(first)
	x.observe(second)
	x.observe(third)
	assert.Equal(t, opened.Add(time.Hour), x.o.Head().DisputeBy, "the first")
	x.observe(disputed(DisputeDefended, "D2", 0))
	assert.Equal(t, opened.Add(2*time.Hour), x.o.Head().DisputeBy)
	later := disputed(DisputeDue, "D1", 0)
	later.DefendBy = opened.Add(5 * time.Hour)
	x.observe(later)
	assert.Equal(t, opened.Add(5*time.Hour), x.o.Head().DisputeBy, "an extension")
	x.observe(disputed(DisputeClosed, "D1", 0))
	assert.True(t, x.o.Head().DisputeBy.IsZero())
	assert.Equal(t, []Dispute{
		{Version: 3, Amount: usd(100), DefendBy: opened.Add(5 * time.Hour), Closed: true, Lost: usd(100)},
		{Version: 4, Amount: usd(100), DefendBy: opened.Add(time.Hour), Defended: true},
		{Version: 5, Amount: usd(100), DefendBy: opened, Undefendable: true},
	}, x.o.Disputes())
	_, err := x.do(Refund{CommandID: "r", Amount: usd(1)})
	assert.ErrorContains(t, err, "disputed", "two are open")
}

// Money on a cancelled order that its buyer disputes must not be given back beside that.
func TestDispute_OfLateMoney(t *testing.T) {
	x := movedLate(t)
	x.observe(disputed(DisputeOpened, "D1", 200))
	_, err := x.do(Compensate{CommandID: "k"})
	assert.Equal(t, ReasonDisputed, rejected(t, err).Reason)
	owed := x.o.Late.owed()
	f := disputed(DisputeClosed, "D1", 200)
	f.Lost = usd(200)
	x.observe(f)
	facts := x.must(Compensate{CommandID: "k"})
	assert.Equal(t, owed-200, facts[0].(events.RefundRequested).Amount.Minor)

	x = movedLate(t)
	f = disputed(DisputeClosed, "D1", owed)
	facts = x.observe(f)
	assert.Equal(t, []events.Kind{events.KindDisputeClosed, events.KindAnomalyCleared}, kindsOf(facts), "nothing is left")
	assert.Equal(t, []any{Cancelled, true, owed}, []any{x.o.Status, x.o.Late.IsZero(), x.o.Late.Disputed})
}

// A refund whose outcome is not known is not sent again beside a dispute of its money.
func TestDispute_KeepsARefundFromBeingSentAgain(t *testing.T) {
	x := asked(t, CallRefund)
	x.observe(disputed(DisputeOpened, "D1", 200))
	x.now = x.o.NextDue()
	facts := x.must(Claim{})
	require.IsType(t, events.InquiryStarted{}, facts[0])
	gone := Picture{Outcome: events.InquiryNotExist, Evidence: signed()}
	x.must(RecordInquiry{Number: x.o.Inquiry.Number, Picture: gone})
	r := events.Record{Stream: events.OrderStream("o-1"), Version: x.o.Version + 1, Recorded: x.now,
		Event: events.AttemptStarted{Attempt: x.o.Operation.Attempt + 1, Lease: x.now.Add(time.Minute)}}
	require.ErrorContains(t, Judge(x.o, r), "the buyer has disputed the payment")
	x.observe(disputed(DisputeClosed, "D1", 200))
	r.Version = x.o.Version + 1
	require.NoError(t, Judge(x.o, r))
}

// A refund that APO took before, and does not know any more, is asked for again once no dispute is open.
func TestDispute_KeepsAnAcceptedRefundFromComingBack(t *testing.T) {
	x := working(t)
	x.observe(disputed(DisputeOpened, "D1", 200))
	gone := Picture{Outcome: events.InquiryNotExist, Evidence: signed()}
	x.inquire(gone)
	assert.Equal(t, []any{1, false}, []any{len(x.o.Accepted), x.o.Operation.Outstanding()})
	assert.False(t, x.o.NextDue().IsZero(), "APO is asked about it again")
	x.observe(disputed(DisputeClosed, "D1", 200))
	x.inquire(gone)
	assert.Equal(t, []any{0, CallRefund}, []any{len(x.o.Accepted), x.o.Operation.Kind})
	replayIsLive(t, x)
}

func TestDispute_WhatNoRuleWrites(t *testing.T) {
	x := in(t, Captured)
	x.observe(disputed(DisputeOpened, "D1", 200))
	x.observe(disputed(DisputeClosed, "D1", 200))
	for problem, e := range map[string]events.Event{
		"names no dispute":      events.DisputeOpened{PaymentID: "P1"},
		"repeats what":          events.DisputeOpened{DisputeID: "D1", PaymentID: "P1", Amount: usd(100)},
		"repeats":               events.DisputeClosed{DisputeID: "D1", Outcome: events.DisputeLost},
		"without saying how":    events.DisputeClosed{DisputeID: "D2"},
		"names another payment": events.DisputeDue{DisputeID: "D2", PaymentID: "P2"},
	} {
		err := Judge(x.o, events.Record{Stream: events.OrderStream("o-1"), Version: x.o.Version + 1, Event: e})
		require.ErrorContains(t, err, problem)
	}
}

// What nobody here understands is kept, once a message, and APO is asked what stands.
func TestNotUnderstood_LeavesItsEvidence(t *testing.T) {
	x := in(t, Captured)
	x.policy.ReconcileFor = 0
	tell := func(text string) []events.Event {
		e := signed()
		e.Body = []byte(text)
		return x.must(Observe{Fact: Fact{Kind: NotUnderstood, PaymentID: "P9", RequestID: "q", Code: "CARD", Message: "why",
			Proof: events.Proof{Via: events.ViaNotification, Evidence: e}}})
	}
	facts := tell("one")
	a := facts[0].(events.AnomalyObserved)
	assert.Equal(t, []any{events.NotUnderstood, events.Kind(""), "P9", "q", "CARD", "why", "one"},
		[]any{a.Reason, a.Fact, a.PaymentID, a.RequestID, a.Code, a.Detail, string(a.Proof.Evidence.Body)})
	assert.Equal(t, x.now, x.o.WatchDue)
	assert.Empty(t, tell("one"), "a redelivery")
	assert.Len(t, tell("two"), 1, "nobody knows how it differs")
	assert.Len(t, x.o.Anomalies, 2)
	assert.Equal(t, Captured, x.o.Status)
}

// A dispute that APO never ends is ended by a person, on record; whatever end APO tells later counts instead.
func TestDispute_APersonEndsWhatAPODoesNot(t *testing.T) {
	for name, c := range map[string]struct {
		word       events.Resolution
		lost, left int64
	}{"lost": {events.ResolvedSucceeded, 100, 500}, "won": {events.ResolvedFailed, 0, 600}} {
		t.Run(name, func(t *testing.T) {
			x := in(t, Captured)
			x.observe(disputed(DisputeOpened, "D1", 100))
			record := x.o.Disputes()[0].Version
			end := Resolve{CommandID: "s", Record: record, Resolution: c.word, Statement: "the acquirer's letter"}
			x.must(end)
			assert.Equal(t, []int64{c.lost, c.left}, []int64{x.o.Disputed, x.o.Refundable()})
			assert.True(t, x.o.Disputes()[0].Closed)
			assert.Empty(t, x.must(end), "once")
			x.must(Refund{CommandID: "f", Amount: usd(c.left)})
			replayIsLive(t, x)

			won := disputed(DisputeClosed, "D1", 100)
			won.Outcome, won.At, won.Lost = events.DisputeLost, x.now, usd(80)
			x.observe(won)
			assert.EqualValues(t, 80, x.o.Disputed, "APO's own end")
			_, err := x.do(Resolve{Record: record, Resolution: events.ResolvedFailed, Statement: "again"})
			assert.Equal(t, ReasonNoDoubt, rejected(t, err).Reason)
			replayIsLive(t, x)
		})
	}
	x := in(t, Captured)
	f := disputed(DisputeOpened, "D1", 100)
	f.Amount = Money{}
	x.observe(f)
	_, err := x.do(Resolve{Record: x.o.Disputes()[0].Version, Resolution: events.ResolvedSucceeded, Statement: "a letter"})
	assert.Equal(t, ReasonCurrency, rejected(t, err).Reason, "nobody knows how much")
}
