package order

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
)

// One that waits under one of its names and may stand under the other is one by the newest word that names both, of the
// amount that this says; by any other it is not: which of the two amounts it is nobody knows.
func TestUnited_WhatIsHeldWithWhatMayStand(t *testing.T) {
	id, request, both := naming(RefundSucceeded, 100)
	beyond := request
	beyond.Amount = usd(1200)
	for _, swapped := range []bool{false, true} {
		first, second := id, beyond
		if swapped {
			first, second = request, id
			second.Amount = usd(1200)
		}
		x := in(t, Authorized)
		x.observe(first)
		x.observe(second)
		require.Equal(t, []int{1, 1}, []int{len(x.o.Held), len(x.o.Doubts())})
		x.observe(both)
		require.Equal(t, []int{1, 1}, []int{len(x.o.Held), len(x.o.Doubts())}, "a message that may be an old one")
		comesToAnEnd(t, x, tells(StateSuccess, authorized(), both))
		assert.Equal(t, []int{1, 0}, []int{len(x.o.Held), len(x.o.Doubts())})
		h := x.o.Held[0]
		assert.Equal(t, []string{both.TransferID, both.RequestID}, []string{h.RefundID, h.RefundRequestID})
		x.observe(captured("C1", 600))
		assert.Equal(t, []any{int64(100), int64(500), 0}, []any{x.o.Refunded, x.o.Refundable(), len(x.o.Held)})
		replayIsLive(t, x)
	}
	x := in(t, Authorized) // that it failed ends both
	x.observe(id)
	x.observe(beyond)
	failed := Fact{Kind: RefundFailed, TransferID: both.TransferID, RequestID: both.RequestID, Code: "X"}
	comesToAnEnd(t, x, tells(StateSuccess, authorized(), failed))
	assert.Equal(t, []int{0, 0}, []int{len(x.o.Held), len(x.o.Doubts())})
}

// An answer that names one transfer by both of its names, with two amounts, proves that it is one, and not which: it is
// in doubt, whichever amount comes first and whichever is on record.
func TestUnited_ByAnAnswerOfTwoAmounts(t *testing.T) {
	for _, kind := range []FactKind{CaptureSucceeded, RefundSucceeded} {
		for _, minors := range [][2]int64{{60, 100}, {100, 60}, {60, 60}} {
			for _, told := range [][2]int64{{60, 100}, {100, 60}} {
				id, request, both := naming(kind, minors[0])
				request.Amount = usd(minors[1])
				x := in(t, Authorized)
				x.policy.SeveralCaptures = []string{MethodCard}
				if kind == RefundSucceeded {
					x.observe(captured("C9", 500))
				}
				x.observe(id)
				x.observe(request)
				one, two := both, both
				one.Amount, two.Amount = usd(told[0]), usd(told[1])
				answer := tells(StateSuccess, authorized(), captured("C9", 500), one, two)
				if kind == CaptureSucceeded {
					answer = tells(StateSuccess, authorized(), one, two)
				}
				x.inquire(answer)
				require.NotEmpty(t, x.o.Doubts(), "%v %v %v", kind, minors, told)
				comesToAnEnd(t, x, answer)
				moves := map[FactKind]events.Transfer{CaptureSucceeded: events.TransferCapture,
					RefundSucceeded: events.TransferRefund}[kind]
				entries := entriesOf(x.o, moves)
				require.Len(t, entries, 1, "%v %v %v", kind, minors, told)
				assert.NotEmpty(t, x.o.Doubts(), "%v %v %v", kind, minors, told)
				assert.True(t, entries[0].Unequal)
				assert.EqualValues(t, max(minors[0], minors[1]), entries[0].Amount.Minor, "as what was on record came to")
				assert.LessOrEqual(t, x.o.Refundable(), int64(400), "the larger is reserved")
			}
		}
	}
}

// An anomaly that makes two entries one rests on a message of APO's that was kept, or on the inquiry under way; one
// that proves nothing of the kind needs neither, as before.
func TestUnited_JudgeWantsTheWordThatNamesBoth(t *testing.T) {
	for kind, done := range map[FactKind]FactKind{CaptureSucceeded: CaptureSucceeded, RefundSucceeded: RefundSucceeded,
		CaptureFailed: CaptureSucceeded, RefundFailed: RefundSucceeded} {
		for _, held := range []bool{false, true} {
			id, request, both := naming(done, 100)
			if both.Kind = kind; both.fails() && held || held && done == CaptureSucceeded {
				continue // which proves that two are one, where both are held, no more than that both failed
			}
			x := in(t, Authorized)
			x.policy.SeveralCaptures = []string{MethodCard}
			if done == RefundSucceeded && !held {
				x.observe(captured("C9", 500))
			}
			x.observe(id)
			x.observe(request)
			x.free()
			started := x.must(Claim{Inquire: true})[0].(events.InquiryStarted)
			for name, c := range map[string]struct {
				proof events.Proof
				legal bool
			}{
				"the inquiry":    {events.Proof{Via: events.ViaInquiry, Inquiry: started.Number}, true},
				"kept":           {events.Proof{Via: events.ViaNotification, Evidence: signed()}, true},
				"an answer":      {events.Proof{Via: events.ViaAnswer, Evidence: signed()}, true},
				"an older one":   {events.Proof{Via: events.ViaInquiry, Inquiry: started.Number + 1}, false},
				"nothing kept":   {events.Proof{Via: events.ViaNotification}, false},
				"no answer kept": {events.Proof{Via: events.ViaAnswer}, false},
				"a person":       {events.Proof{Via: events.ViaOperator, Evidence: signed()}, false},
				"ourselves":      {events.Proof{Via: events.ViaSelf}, false},
				"nobody":         {events.Proof{}, false},
			} {
				f := both
				f.Proof = c.proof
				r := events.Record{Stream: events.OrderStream("o-1"), Version: x.o.Version + 1, Recorded: x.now,
					Event: f.anomaly(events.TransferContradicts, twoAreOne)}
				before, after := len(x.o.book)+len(x.o.Held), Evolve(x.o, r)
				require.Equal(t, before-1, len(after.book)+len(after.Held), "%s by %s", kind, name)
				assert.Equal(t, c.legal, Judge(x.o, r) == nil, "%s by %s", kind, name)
				decided, err := Decide(x.o, Observe{Fact: f}, x.env())
				if assert.Equal(t, c.legal, err == nil, "%s by %s: Decide and Judge agree", kind, name); !c.legal {
					require.ErrorIs(t, err, ErrInvalid)
					assert.ErrorContains(t, err, "makes two entries one")
					assert.Empty(t, decided)
				}
				f.RequestID = "another"
				r.Event = f.anomaly(events.TransferContradicts, twoAreOne)
				assert.NoError(t, Judge(x.o, r))
			}
		}
	}
}
