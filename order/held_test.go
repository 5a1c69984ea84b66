package order

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
)

// holding is an order in the status with a refund of 650 that waits for its capture, and the record that tells of it.
func holding(t *testing.T, s Status) (*till, uint64) {
	x := in(t, s)
	x.observe(refunded("F9", 650))
	require.Len(t, x.o.Held, 1, s)
	return x, x.o.Held[0].Version
}

func statement(record uint64, r events.Resolution) Resolve {
	return Resolve{CommandID: "resolve", Record: record, Resolution: r, Statement: "APO ticket 7"}
}

// A refund of which the capture never shows is settled by a person, once APO was asked since.
func TestHeld_APersonSays(t *testing.T) {
	for _, s := range []Status{Created, Authorized, Captured, Refunded, Cancelled, Failed} {
		for _, r := range []events.Resolution{events.ResolvedFailed, events.ResolvedSucceeded} {
			x := in(t, s)
			x.inquire(tells(StateProcessing)) // just now, and too early
			x.observe(refunded("F9", 650))
			require.Len(t, x.o.Held, 1, s)
			before, record := x.o, x.o.Held[0].Version
			_, err := x.do(statement(record, r))
			require.Equal(t, ReasonStaleInquiry, rejected(t, err).Reason, s)
			assert.Equal(t, record, rejected(t, err).Cause.Version, s)
			x.inquire(tells(StateProcessing))
			x.must(statement(record, r))
			assert.Empty(t, x.must(statement(record, r)), "once")
			assert.Empty(t, x.o.Held, s)
			if r == events.ResolvedFailed {
				assert.Equal(t, []any{before.Status, amounts(before), before.Late}, []any{x.o.Status, amounts(x.o), x.o.Late})
				assert.Equal(t, s == Created || s == Authorized || s == Failed || s == Cancelled, x.takes(Cancel{}), s)
				assert.Empty(t, x.observe(Fact{Kind: RefundFailed, TransferID: "F9", Code: "X"}), "which is on record")
			} else {
				assert.EqualValues(t, 650, x.o.Refunded+x.o.Late.Refunded-before.Refunded, s)
				assert.Equal(t, s == Cancelled, x.o.Status == Cancelled)
				assert.Equal(t, s != Cancelled && s != Authorized, x.o.Status == Refunded)
				assert.Equal(t, s == Authorized, x.o.Status == Authorized, "what is only held stays so")
				assert.Empty(t, x.observe(refunded("F9", 650)), "which is on record")
				assert.Equal(t, s == Cancelled, x.takes(Cancel{}))
			}
			_, err = x.do(Resolve{Record: record, Resolution: r, Statement: "again"})
			assert.Equal(t, ReasonNoDoubt, rejected(t, err).Reason, s)
			replayIsLive(t, x)
		}
	}
}

// What is told after it is counted as it is: the capture that the refund came from, or that it failed after all.
func TestHeld_WhatIsToldAfterAPersonsWord(t *testing.T) {
	x, record := holding(t, Authorized)
	x.inquire(tells(StateSuccess, authorized()))
	x.must(statement(record, events.ResolvedSucceeded))
	x.observe(captured("C1", 700))
	assert.Equal(t, []any{Refunded, []int64{theAmount, 700, 650}, int64(50)},
		[]any{x.o.Status, amounts(x.o), x.o.Refundable()})
	x.inquire(tells(StateSuccess, authorized(), Fact{Kind: RefundFailed, TransferID: "F9", Code: "X"}))
	assert.Equal(t, []any{Captured, []int64{theAmount, 700, 0}}, []any{x.o.Status, amounts(x.o)})
	replayIsLive(t, x)

	x, record = holding(t, Authorized)
	x.inquire(tells(StateSuccess, authorized()))
	x.must(statement(record, events.ResolvedFailed))
	x.observe(captured("C1", 700))
	x.inquire(tells(StateSuccess, authorized(), refunded("F9", 650)))
	assert.Equal(t, []any{Refunded, int64(50)}, []any{x.o.Status, x.o.Refundable()}, "APO's newest word is: done")
	replayIsLive(t, x)
}

// A refund of ours whose capture was taken back under it waits, too: its command ends as the person says.
func TestHeld_OfOurs(t *testing.T) {
	for _, r := range []events.Resolution{events.ResolvedFailed, events.ResolvedSucceeded} {
		x := in(t, Captured)
		x.must(Refund{CommandID: "f", Amount: usd(500)})
		id := x.o.Operation.RequestID
		x.answer(works)
		gone := Fact{Kind: CaptureFailed, TransferID: "C1", Code: "X"}
		x.observe(gone)
		x.free()
		x.must(Claim{}) // about the payment, at once
		x.must(RecordInquiry{Number: x.o.Inquiry.Number, Picture: Picture{Outcome: events.InquiryAnswers,
			State: StateSuccess, Facts: []Fact{gone}, Evidence: signed()}})
		x.observe(Fact{Kind: RefundSucceeded, TransferID: "F1", RequestID: id, Amount: usd(500)})
		require.Len(t, x.o.Held, 1)
		require.Equal(t, OutcomePending, x.o.Command("f").Outcome)
		record := x.o.Held[0].Version
		x.free()
		x.must(Claim{Inquire: true, Record: record})
		require.Equal(t, events.SubjectPayment, x.o.Inquiry.Subject)
		x.must(RecordInquiry{Number: x.o.Inquiry.Number, Picture: Picture{Outcome: events.InquiryAnswers,
			State: StateSuccess, Evidence: signed()}})
		x.must(statement(record, r))
		want := map[events.Resolution]Outcome{events.ResolvedFailed: OutcomeFailed,
			events.ResolvedSucceeded: OutcomeSucceeded}[r]
		assert.Equal(t, want, x.o.Command("f").Outcome)
		assert.Empty(t, x.o.Operations())
		replayIsLive(t, x)
	}
}

// An override speaks of an operation that is parked: of anything else it would change nothing, and is refused.
func TestResolve_AnOverrideOfWhatIsNoOperation(t *testing.T) {
	doubtful := in(t, Authorized)
	doubtful.observe(captured("C1", 1200))
	held, record := holding(t, Authorized)
	for record, x := range map[uint64]*till{doubtful.o.Doubts()[0]: doubtful, record: held} {
		c := statement(record, events.ResolvedFailed)
		c.Override = true
		_, err := x.do(c) // at once: APO is not asked for it
		var invalid *InvalidError
		require.ErrorAs(t, err, &invalid)
		assert.Equal(t, "override", invalid.Field)
		assert.Contains(t, err.Error(), "leave it out")
		x.inquire(tells(StateSuccess))
		c.Override = false
		x.must(c)
	}
}

// A refund waits for room among the captured money, and whichever fact makes it gives it its place: not only another
// capture.
func TestHeld_TakesTheRoomThatAnyFactLeaves(t *testing.T) {
	failed := Fact{Kind: RefundFailed, TransferID: "F1", Code: "X"}
	for name, c := range map[string]struct {
		newest []Fact
		left   []int64
	}{
		"another refund failed after all":  {[]Fact{failed}, []int64{theAmount, 600, 424}},
		"another refund was of less":       {[]Fact{refunded("F1", 100)}, []int64{theAmount, 600, 524}},
		"a capture was of more":            {[]Fact{captured("C1", 900)}, []int64{theAmount, 900, 824}},
		"it was of less itself":            {[]Fact{refunded("F2", 150)}, []int64{theAmount, 600, 550}},
		"a failure is listed after it":     {[]Fact{refunded("F2", 424), failed}, []int64{theAmount, 600, 424}},
		"and so is a refund that was less": {[]Fact{refunded("F2", 424), refunded("F1", 100)}, []int64{theAmount, 600, 524}},
	} {
		x := in(t, Captured)
		x.observe(refunded("F1", 400))
		x.observe(refunded("F2", 424))
		require.Len(t, x.o.Held, 1, name)
		x.inquire(tells(StateSuccess, append([]Fact{authorized()}, c.newest...)...))
		assert.Equal(t, []any{Refunded, c.left, 0}, []any{x.o.Status, amounts(x.o), len(x.o.Held)}, name)
		assert.Equal(t, c.left[1]-c.left[2], x.o.Refundable(), name)
		replayIsLive(t, x)
	}
}
