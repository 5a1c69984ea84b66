package order

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
)

// settledOwn is an order of which somebody else captured taken, and APO by itself the rest, as a person says.
func settledOwn(t *testing.T, taken int64) *till {
	x := placed(t, CaptureAutomatic)
	x.observe(authorized())
	gateway := x.log[len(x.log)-1].Version
	lines := []Fact{authorized()}
	if taken > 0 {
		lines = append(lines, captured("C0", taken))
	}
	x.later(25 * time.Hour)
	x.inquire(tells(StateSuccess, lines...))
	x.must(Resolve{CommandID: "s", Record: gateway, Resolution: events.ResolvedSucceeded, Statement: "ticket 7"})
	require.Equal(t, []any{int64(theAmount), GatewayNone}, []any{x.o.Captured, x.o.Gateway})
	return x
}

// What a person has said of APO's own capture has no name. What APO tells later, under whatever name, is of that one:
// it is named, corrected or taken back by the newest word, and in doubt until then.
func TestUnnamed_APOsLaterWordOnItsOwnCaptureASettledOne(t *testing.T) {
	failing := Fact{Kind: CaptureFailed, TransferID: "AUTO", Code: "X"}
	nobodys := Fact{Kind: CaptureFailed, Code: "X"}
	less := captured("AUTO", 500)
	asked := less
	asked.RequestID = "somebody's"
	for name, c := range map[string]struct {
		taken    int64
		word     Fact
		captured int64 // by the newest word
		gateway  GatewayCapture
	}{
		"as it was":                {0, captured("AUTO", theAmount), theAmount, GatewayNone},
		"as it was, of the rest":   {300, captured("AUTO", 700), theAmount, GatewayNone},
		"of less":                  {0, less, 500, GatewayOutstanding},
		"of less, under a request": {0, asked, 500, GatewayOutstanding},
		"of less, of the rest":     {300, less, 800, GatewayOutstanding},
		"failed":                   {0, failing, 0, GatewayFailed},
		"failed, without a name":   {0, nobodys, 0, GatewayFailed},
		"failed, of the rest":      {300, failing, 300, GatewayFailed},
	} {
		t.Run(name, func(t *testing.T) {
			x, agrees := settledOwn(t, c.taken), c.captured == theAmount
			x.observe(c.word)
			assert.EqualValues(t, theAmount, x.o.Captured, "a message may be older than the person's word")
			assert.Equal(t, !agrees, len(x.o.Doubts()) == 1)
			assert.False(t, x.o.Unaccounted())
			if !agrees {
				assert.Equal(t, c.taken, x.o.Refundable())
				assert.Equal(t, x.now, x.o.NextDue(), "APO is asked at once")
			}
			assert.Empty(t, x.observe(c.word))
			replayIsLive(t, x)
			x = settledOwn(t, c.taken)
			lines := []Fact{authorized(), c.word}
			if c.taken > 0 {
				lines = append(lines, captured("C0", c.taken))
			}
			x.inquire(tells(StateSuccess, lines...))
			assert.Equal(t, []any{c.captured, c.gateway, 0}, []any{x.o.Captured, x.o.Gateway, len(x.o.Doubts())})
			assert.False(t, x.o.Unaccounted())
			assert.Len(t, x.inquire(tells(StateSuccess, lines...)), 1, "and it teaches nothing any more")
			replayIsLive(t, x)
		})
	}
}

// A failure that names a request, or another amount, is no word on APO's own capture.
func TestUnnamed_AnothersFailureTakesNothingBack(t *testing.T) {
	x := settledOwn(t, 0)
	for _, f := range []Fact{{Kind: CaptureFailed, TransferID: "C9", RequestID: "q9", Code: "X"},
		{Kind: CaptureFailed, TransferID: "C8", Amount: usd(1), Code: "X"}} {
		x.observe(f)
		x.inquire(tells(StateSuccess, authorized(), f))
		assert.Equal(t, []any{int64(theAmount), 0}, []any{x.o.Captured, len(x.o.Doubts())})
	}
	assert.Len(t, x.o.Anomalies, 1, "of the amount that is no capture's")
	replayIsLive(t, x)
}

// What nothing told from others, and a person has settled, is the one that APO names later; the next one is another.
func TestUnnamed_WhatAPersonSettledIsCountedOnce(t *testing.T) {
	for _, kind := range []FactKind{CaptureSucceeded, RefundSucceeded} {
		x := in(t, Captured)
		nameless := Fact{Kind: kind, Amount: usd(100)}
		x.observe(nameless)
		x.inquire(tells("NEW"))
		before := x.o.Captured + x.o.Refunded
		x.must(statement(x.o.Doubts()[0], events.ResolvedSucceeded))
		named := Fact{Kind: kind, TransferID: "T1", RequestID: "q1", Amount: usd(100)}
		for range 2 {
			x.observe(named)
			assert.Equal(t, before+100, x.o.Captured+x.o.Refunded, kind)
		}
		other := Fact{Kind: kind, TransferID: "T2", RequestID: "q2", Amount: usd(100)}
		x.observe(other)
		assert.Equal(t, before+200, x.o.Captured+x.o.Refunded, kind)
		assert.Empty(t, x.o.Doubts(), kind)
		replayIsLive(t, x)
	}
}

// What is under way under a request of ours is not what somebody else's word was settled for.
func TestUnnamed_OursIsAnother(t *testing.T) {
	x := in(t, Captured)
	x.observe(Fact{Kind: RefundSucceeded, Amount: usd(100)})
	x.inquire(tells("NEW"))
	x.must(statement(x.o.Doubts()[0], events.ResolvedSucceeded))
	x.must(Refund{CommandID: "k", Amount: usd(100)})
	x.observe(Fact{Kind: RefundSucceeded, TransferID: "F1", RequestID: x.op().RequestID, Amount: usd(100)})
	assert.Equal(t, []any{int64(200), OutcomeSucceeded}, []any{x.o.Refunded, x.o.Command("k").Outcome})
	replayIsLive(t, x)
}

// withSettled is a captured order with a nameless word of that kind, of 30, that a person calls done.
func withSettled(t *testing.T, status Status, kind FactKind) *till {
	x := in(t, status)
	x.policy.SeveralCaptures = []string{MethodCard}
	x.inquire(tells(StateSuccess, authorized(), Fact{Kind: kind, Amount: usd(30)}))
	x.inquire(tells("NEW"))
	x.must(statement(x.o.Doubts()[0], events.ResolvedSucceeded))
	require.Empty(t, x.o.Doubts())
	return x
}

// A transaction of an unknown kind that took its money is not what a refund's name is of.
func TestUnnamed_AnUnknownKindIsNoRefundThatIsNamedLater(t *testing.T) {
	x := withSettled(t, Captured, OtherTransaction)
	x.observe(refunded("r1", 30))
	assert.EqualValues(t, 60, x.o.Refunded)
	assert.Empty(t, x.o.Doubts())
	replayIsLive(t, x)
}

// A refund that is held is on record under its name, and is not what a person settled without one.
func TestUnnamed_WhatIsHeldIsAnother(t *testing.T) {
	x := in(t, Authorized)
	x.observe(refunded("r2", 30))
	require.Len(t, x.o.Held, 1)
	x.observe(Fact{Kind: RefundSucceeded, Amount: usd(30)})
	x.inquire(tells("NEW"))
	x.must(statement(x.o.Doubts()[0], events.ResolvedSucceeded))
	x.observe(captured("C1", 600))
	assert.Equal(t, []any{int64(60), 0}, []any{x.o.Refunded, len(x.o.Held)})
	replayIsLive(t, x)
}

// While ours of the same amount is under way, a name without a request may be ours or the settled one's: it is in
// doubt, until it is told with our request, or ours has ended.
func TestUnnamed_BesideOursOfTheSameAmountItIsInDoubt(t *testing.T) {
	for kind, command := range map[FactKind]Command{
		RefundSucceeded:  Refund{CommandID: "k", Amount: usd(30)},
		CaptureSucceeded: Capture{CommandID: "k", Amount: usd(30)},
	} {
		for _, ours := range []bool{true, false} {
			x := withSettled(t, Captured, kind)
			moved := x.o.Captured + x.o.Refunded
			x.must(command)
			request := x.op().RequestID
			x.answer(silence)
			named := Fact{Kind: kind, TransferID: "T", Amount: usd(30)}
			for range 2 {
				x.inquire(tells(StateSuccess, authorized(), named))
				require.Len(t, x.o.Doubts(), 1, kind)
				assert.Equal(t, moved, x.o.Captured+x.o.Refunded, kind)
			}
			own := Fact{Kind: kind, TransferID: "T", RequestID: request, Amount: usd(30)}
			if !ours {
				own.TransferID = "T2"
			}
			x.observe(own)
			assert.Equal(t, OutcomeSucceeded, x.o.Command("k").Outcome)
			x.inquire(tells(StateSuccess, authorized(), named, own))
			assert.Equal(t, moved+30, x.o.Captured+x.o.Refunded, "%s %v", kind, ours)
			assert.Empty(t, x.o.Doubts(), "%s %v", kind, ours)
			assert.Len(t, x.inquire(tells(StateSuccess, authorized(), named, own)), 1)
			replayIsLive(t, x)
		}
	}
}

// A record of a capture that has a name now, but not the amount of what counts without one, is not ours.
func TestUnnamed_AnotherAmountUnderANewNameIsSeen(t *testing.T) {
	x := settledOwn(t, 0)
	x.free()
	x.must(Claim{Inquire: true})
	proof := events.Proof{Via: events.ViaInquiry, Inquiry: x.o.Inquiry.Number}
	altered := events.CaptureSucceeded{CaptureID: "c1", Amount: usd(9999), Proof: proof}
	assert.ErrorContains(t, x.judged(altered), "moves USD 99.99 under an identifier that moved USD 10.00")
	altered.Amount = usd(theAmount)
	assert.NoError(t, x.judged(altered))
	altered.Amount = usd(500)
	assert.NoError(t, x.judged(altered), "of less, by the newest word")
	altered.Proof = events.Proof{Via: events.ViaNotification}
	assert.ErrorIs(t, x.judged(altered), ErrIllegal)
}

// Of all there is there is one capture: a name of it is of what counts, also while ours is under way.
func TestUnnamed_OfAllThereIsOneCapture(t *testing.T) {
	x := in(t, Authorized)
	x.must(Capture{CommandID: "k", Amount: usd(theAmount)})
	x.answer(silence)
	x.observe(captured("", theAmount))
	x.observe(captured("T", theAmount))
	assert.Equal(t, []any{int64(theAmount), 0}, []any{x.o.Captured, len(x.o.Doubts())})
	replayIsLive(t, x)
}
