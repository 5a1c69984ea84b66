package order

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tilltape/tilltape/events"
)

// line is a raise as an inquiry's transactions tell it: with its own identifier, and when it was.
func (f Fact) line(id string, at time.Time) Fact {
	f.TransferID, f.At = id, at
	return f
}

func raiseFailed(request string) Fact {
	return Fact{Kind: RaiseFailed, PaymentID: "P1", RequestID: request, Code: "USER_BALANCE_NOT_ENOUGH"}
}

func TestRaise_WhatIsHeldCanBeCaptured(t *testing.T) {
	x := in(t, Authorized)
	_, err := x.do(Capture{CommandID: "k", Amount: usd(1500)})
	require.Equal(t, ReasonRemainder, rejected(t, err).Reason)
	assert.Equal(t, []events.Kind{events.KindPaymentRaised}, kindsOf(x.observe(raised("u1", 1500))))
	assert.EqualValues(t, 1500, x.o.Capturable())
	assert.Empty(t, x.observe(raised("u1", 1500)), "told again it is no news")
	x.must(Capture{CommandID: "k", Amount: usd(1500)})
	x.answer(done)
	assert.Equal(t, []any{Captured, int64(1500), int64(1500)}, []any{x.o.Status, x.o.Authorized, x.o.Captured})
	assert.EqualValues(t, 1500, x.o.Refundable())
	assert.Empty(t, x.o.Anomalies)
	replayIsLive(t, x)
}

// The order's amount is what was ordered; a raise leaves it, and a cancel lets go of all that is held.
func TestRaise_TheOrderIsCancelledAsAWhole(t *testing.T) {
	x := in(t, Authorized)
	x.observe(raised("u1", 1500))
	assert.Equal(t, usd(theAmount), x.o.Amount)
	x.must(Cancel{CommandID: "k"})
	x.answer(done)
	assert.Equal(t, []any{Cancelled, Late{}}, []any{x.o.Status, x.o.Late})
	assert.Empty(t, x.o.Anomalies)
	_, err := x.do(Compensate{CommandID: "c"})
	assert.Equal(t, ReasonNoLateMoney, rejected(t, err).Reason)
}

// One that no message names is known by its total.
func TestRaise_WithoutAName(t *testing.T) {
	x := in(t, Authorized)
	x.observe(raised("", 1500))
	assert.EqualValues(t, 1500, x.o.Authorized)
	assert.Empty(t, x.observe(raised("", 1500)))
	assert.Len(t, x.observe(raised("", 1600)), 1, "another total is another raise")
	assert.EqualValues(t, 1600, x.o.Authorized)
	replayIsLive(t, x)
}

// A notification names a raise by its request, an inquiry also by its own identifier.
func TestRaise_TheLineOfAnInquiryIsTheSameRaise(t *testing.T) {
	x := in(t, Authorized)
	x.observe(raised("u1", 1500))
	line := raised("u1", 1500).line("T1", opened.Add(time.Minute))
	at := x.now
	x.inquire(tells(StateSuccess, authorized(), line))
	assert.EqualValues(t, 1500, x.o.Authorized)
	assert.Equal(t, "payment.raised T1 USD 15.00", Differences(x.log[len(x.log)-2:])[0].String(), "it is named better")
	x.inquire(tells(StateSuccess, authorized(), line))
	assert.Empty(t, Differences(x.log[len(x.log)-1:]), "and once")
	assert.False(t, x.now.Before(at))
	assert.Empty(t, x.o.Anomalies)
	replayIsLive(t, x)
}

// paymentAmount is what was ordered or the raised total: either is what is on record, and no other payment.
func TestRaise_APaymentOfEitherAmountIsTheSame(t *testing.T) {
	of := func(minor int64) Fact {
		f := authorized()
		f.Amount = usd(minor)
		return f
	}
	u1, u2 := raised("u1", 1200).line("T1", opened), raised("u2", 1500).line("T2", opened)
	for name, facts := range map[string][]Fact{
		"the ordered one":              {of(theAmount), u1, u2},
		"the newest total":             {of(1500), u1, u2},
		"both":                         {of(1500), of(theAmount), u1, u2},
		"the total between the raises": {of(1200), u1, u2},
	} {
		known := in(t, Authorized)
		known.observe(u1)
		for _, x := range []*till{placed(t, CaptureManual), in(t, Authorized), known} {
			x.inquire(tells(StateSuccess, facts...))
			assert.Equal(t, []any{Authorized, int64(1500)}, []any{x.o.Status, x.o.Authorized}, name)
			assert.Empty(t, x.o.Anomalies, name)
			replayIsLive(t, x)
		}
	}
	x := in(t, Authorized)
	x.observe(raised("u1", 1500))
	x.observe(of(1600))
	assert.True(t, hasAnomaly(x.o, events.PaymentContradicts), "no raise explains that")
}

// A raise can be heard of before its authorization. It proves no payment by itself; APO is asked soon.
func TestRaise_BeforeItsAuthorizationIsKnown(t *testing.T) {
	x := placed(t, CaptureManual)
	x.observe(raised("u1", 1500))
	assert.Equal(t, []any{Created, int64(0)}, []any{x.o.Status, x.o.Authorized})
	assert.Equal(t, x.now.Add(10*time.Minute), x.o.NextDue())
	_, err := x.do(Capture{CommandID: "k", Amount: usd(1)})
	assert.Equal(t, ReasonNotAuthorized, rejected(t, err).Reason)
	x.observe(authorized())
	assert.Equal(t, []any{Authorized, int64(1500)}, []any{x.o.Status, x.o.Authorized})
	assert.Empty(t, x.o.Anomalies)
	replayIsLive(t, x)

	x = placed(t, CaptureManual) // and what was captured of it
	x.observe(raised("u1", 1500))
	x.observe(captured("C1", 1500))
	assert.Equal(t, []any{Captured, int64(1500), int64(1500)}, []any{x.o.Status, x.o.Authorized, x.o.Captured})
	x.observe(authorized())
	assert.Empty(t, x.o.Anomalies)

	x = in(t, Failed) // the buyer's first try failed; that the second one was raised comes before its own message
	x.observe(raised("u1", 1500))
	require.Equal(t, x.now.Add(10*time.Minute), x.o.NextDue())
	x.now = x.o.NextDue()
	x.inquire(tells(StateSuccess, authorized(), raised("u1", 1500).line("T1", opened)))
	assert.Equal(t, []any{Authorized, int64(1500)}, []any{x.o.Status, x.o.Authorized})
	assert.True(t, hasAnomaly(x.o, events.PaymentRevived))
}

// What was captured of a raised authorization can come before the raise: APO is asked at once, and its answer has both.
func TestRaise_ACaptureThatCameFirstCountsOnceAPOWasAsked(t *testing.T) {
	x := in(t, Authorized)
	x.observe(captured("C1", 1500))
	require.True(t, x.o.Unaccounted(), "until then it is more than there is")
	x.observe(raised("u1", 1500))
	require.Equal(t, x.now, x.o.NextDue())
	x.inquire(tells(StateSuccess, authorized(), raised("u1", 1500).line("T1", opened), captured("C1", 1500)))
	assert.Equal(t, []any{Captured, int64(1500), int64(1500), false},
		[]any{x.o.Status, x.o.Authorized, x.o.Captured, x.o.Unaccounted()})
	replayIsLive(t, x)
}

func TestRaise_OneThatFailedChangesNothing(t *testing.T) {
	for _, s := range []Status{Created, Authorized, Captured, Cancelled} {
		x := in(t, s)
		before := []any{x.o.Status, x.o.Authorized, x.o.Captured, x.o.Late, x.o.NextDue()}
		assert.Equal(t, []events.Kind{events.KindRaiseFailed}, kindsOf(x.observe(raiseFailed("u1"))))
		assert.Equal(t, before, []any{x.o.Status, x.o.Authorized, x.o.Captured, x.o.Late, x.o.NextDue()})
		assert.Empty(t, x.observe(raiseFailed("u1")), "once")
		assert.Empty(t, x.observe(Fact{Kind: RaiseFailed, PaymentID: "P1"}), "and one without a name not at all")
		assert.Empty(t, x.o.Anomalies)
		replayIsLive(t, x)
	}
}

// Of two words on one raise the stricter holds, whichever came first, until an inquiry has the newer.
func TestRaise_TwoWordsThatContradictAreSettledByAnInquiry(t *testing.T) {
	more, less := raised("u1", 1500), raised("u1", 1200)
	for name, c := range map[string]struct {
		words    []Fact
		stricter int64
		line     Fact
		settled  int64
	}{
		"done, then failed":            {[]Fact{more, raiseFailed("u1")}, theAmount, more, 1500},
		"failed, then done":            {[]Fact{raiseFailed("u1"), more}, theAmount, more, 1500},
		"done, then failed, and so":    {[]Fact{more, raiseFailed("u1")}, theAmount, raiseFailed("u1"), theAmount},
		"more, then less":              {[]Fact{more, less}, 1200, more, 1500},
		"less, then more":              {[]Fact{less, more}, 1200, more, 1500},
		"more, then less, and so":      {[]Fact{more, less}, 1200, less, 1200},
		"it failed, by an inquiry":     {[]Fact{more}, 1500, raiseFailed("u1"), theAmount},
		"another total, by an inquiry": {[]Fact{more}, 1500, less, 1200},
	} {
		t.Run(name, func(t *testing.T) {
			x := in(t, Authorized)
			for _, w := range c.words {
				x.observe(w)
			}
			assert.Equal(t, c.stricter, x.o.Authorized)
			if len(c.words) > 1 {
				assert.True(t, hasAnomaly(x.o, events.TransferContradicts))
				assert.Equal(t, x.now, x.o.NextDue(), "APO is asked at once")
			}
			assert.True(t, x.takes(Cancel{CommandID: "k"}), "a raise moves no money")
			x.inquire(tells(StateSuccess, authorized(), c.line.line("T1", opened)))
			assert.Equal(t, c.settled, x.o.Authorized)
			x.inquire(tells(StateSuccess, authorized(), c.line.line("T1", opened)))
			assert.Equal(t, c.settled, x.o.Authorized)
			for _, w := range c.words {
				x.observe(w)
				assert.LessOrEqual(t, x.o.Authorized, c.settled, "a message may be the old one")
			}
			replayIsLive(t, x)
		})
	}
}

// By the rules of updateAmount a raise goes up. One that does not may be read wrongly: it takes nothing away, and a
// person sees it.
func TestRaise_OneThatDoesNotRaiseIsShown(t *testing.T) {
	for _, minor := range []int64{500, theAmount} {
		x := in(t, Authorized)
		x.observe(raised("u1", minor))
		assert.EqualValues(t, theAmount, x.o.Authorized)
		assert.True(t, hasAnomaly(x.o, events.TransferContradicts))
		assert.Empty(t, x.observe(raised("u1", minor)))
		replayIsLive(t, x)
	}
	x := in(t, Authorized)
	x.observe(raised("u2", 1500))
	x.observe(raised("u1", 1200))
	assert.Empty(t, x.o.Anomalies, "the first of two may come last")
	for _, f := range []Fact{{Kind: PaymentRaised, RequestID: "u3"}, {Kind: PaymentRaised, RequestID: "u3",
		Amount: Money{Minor: 2000, Currency: "EUR"}}} {
		x.observe(f)
	}
	assert.Len(t, x.o.Anomalies, 2, "no amount, and another currency")
	assert.EqualValues(t, 1500, x.o.Authorized)
}

// On a cancelled order a raise belongs to its authorization: it was let go with it, or it is late with it.
func TestRaise_OnACancelledOrder(t *testing.T) {
	x := cancelledByS(t, CaptureManual)
	x.observe(raised("u1", 1500))
	assert.Equal(t, Late{}, x.o.Late, "no payment is known")
	x.observe(paidAtTime(paidAt))
	assert.Equal(t, []any{int64(1500), Late{}}, []any{x.o.Authorized, x.o.Late}, "the cancel undid both")
	assert.Empty(t, x.o.Anomalies)
	x.observe(raised("u2", 1600).line("T2", cancelledAt))
	assert.Empty(t, x.o.Anomalies, "in the same second nobody knows")
	x.observe(raised("u3", 1700).line("T3", cancelledAt.Add(time.Second)))
	assert.True(t, hasAnomaly(x.o, events.TransferContradicts), "what APO let go of it cannot raise")
	assert.EqualValues(t, 1600, x.o.Authorized)
	replayIsLive(t, x)

	x = cancelledByS(t, CaptureManual)
	x.observe(paidAtTime(cancelledAt.Add(time.Minute)))
	x.observe(raised("u1", 1500))
	assert.Equal(t, Late{Authorized: 1500}, x.o.Late)
	assert.True(t, hasAnomaly(x.o, events.LatePayment))
	x.inquire(tells(StateCancelled, voided(cancelledAt.Add(time.Hour))))
	assert.True(t, x.o.Late.IsZero())
	x.observe(raised("u2", 1600))
	assert.True(t, hasAnomaly(x.o, events.LatePayment), "some of it seems to be held again")
	replayIsLive(t, x)
}

// Late money is never silent: what it was raised to opens the anomaly again that a person has closed.
func TestRaise_OfLateMoneyThatIsKnownByItsCapture(t *testing.T) {
	x := in(t, Cancelled)
	x.observe(captured("C1", theAmount))
	x.must(ClearAnomaly{CommandID: "k", Anomaly: x.o.Anomalies[0].Version, Reason: "seen"})
	x.observe(raised("u1", 1200))
	assert.Equal(t, Late{Authorized: 1200, Captured: theAmount}, x.o.Late)
	assert.True(t, hasAnomaly(x.o, events.LatePayment))
	replayIsLive(t, x)
}

// Whatever the order of arrival and however often, with any number of raises and what was captured of them: the same.
func TestRaise_ConvergesInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		facts := []Fact{{Kind: PaymentSucceeded, PaymentID: "P1", Amount: usd(theAmount)}}
		total := int64(theAmount)
		for i := range rapid.IntRange(0, 3).Draw(t, "raises") {
			total += rapid.Int64Range(1, 500).Draw(t, "more")
			facts = append(facts, raised(fmt.Sprint("u", i), total).line(fmt.Sprint("T", i), time.Time{}))
		}
		if rapid.Bool().Draw(t, "one fails") {
			facts = append(facts, raiseFailed("ux"))
		}
		captures, left := 0, total
		for ; captures < rapid.IntRange(0, 3).Draw(t, "captures") && left > 0; captures++ {
			minor := rapid.Int64Range(1, left).Draw(t, "captured")
			left -= minor
			facts = append(facts, Fact{Kind: CaptureSucceeded, TransferID: fmt.Sprint("C", captures),
				RequestID: fmt.Sprint("cr", captures), Amount: usd(minor)})
		}
		want, got := told(t, CaptureManual, facts), told(t, CaptureManual, retold(t, facts))
		require.Empty(t, want.o.Anomalies)
		if got.o.Unaccounted() || got.o.Captured != want.o.Captured { // a capture came before the raise that it drew on
			require.Equal(t, got.now, got.o.NextDue())
			got.inquire(tells(StateSuccess, facts...))
		}
		require.Equal(t, []any{want.o.Status, total, total - left, false},
			[]any{got.o.Status, got.o.Authorized, got.o.Captured, got.o.Unaccounted()})
		replayIsLive(t, got)
	})
}

// What Decide would not write, Judge does not take.
func TestRaise_Judge(t *testing.T) {
	proof := events.Proof{Via: events.ViaNotification, Evidence: signed()}
	told := in(t, Authorized)
	told.observe(raised("u1", 1500))
	for name, c := range map[string]struct {
		x *till
		e events.Event
	}{
		"no amount": {told, events.PaymentRaised{UpdateRequestID: "u2", Proof: proof}},
		"another currency": {told, events.PaymentRaised{UpdateRequestID: "u2", Proof: proof,
			Amount: Money{Minor: 1600, Currency: "EUR"}}},
		"another total": {told, events.PaymentRaised{UpdateRequestID: "u1", Proof: proof, Amount: usd(1600)}},
		"another payment": {told, events.PaymentRaised{UpdateRequestID: "u2", PaymentID: "P2", Proof: proof,
			Amount: usd(1600)}},
		"paid in one step": {in(t, Paid), events.PaymentRaised{UpdateRequestID: "u1", Proof: proof, Amount: usd(1600)}},
		"had succeeded":    {told, events.RaiseFailed{UpdateRequestID: "u1", Proof: proof}},
		"without a name":   {told, events.RaiseFailed{Proof: proof}},
	} {
		records, _ := Records(c.x.o, Observe{}, []events.Event{c.e}, c.x.env(), "")
		assert.Error(t, Judge(c.x.o, records[0]), name)
	}
}

// A raise that counts and is told again, with the first paymentId that any message has, teaches it and says nothing
// else: also of an order that was paid in one step meanwhile, where a new raise would contradict that.
func TestRaise_ToldAgainWithTheFirstPaymentID(t *testing.T) {
	nameless := func(f Fact) Fact { f.PaymentID = ""; return f }
	for _, own := range []func() Fact{paid, authorized} {
		x, placing := newTill(t), create(CaptureNone)
		placing.PaymentID = ""
		x.must(placing)
		x.observe(nameless(raised("u-1", 1200)))
		x.observe(nameless(own()))
		require.Empty(t, x.o.PaymentID)
		before, was := len(x.o.Anomalies), amounts(x.o)
		x.observe(raised("u-1", 1200))
		assert.Equal(t, "P1", x.o.PaymentID)
		assert.Len(t, x.o.Anomalies, before)
		assert.Equal(t, was, amounts(x.o))
		assert.Empty(t, x.observe(raised("u-1", 1200)), "nothing is new")
		replayIsLive(t, x)
	}
}
