package order

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
)

// A person says of a capture that APO told beside a payment in one step that it was done. It counts from then on, and
// what was captured is not cancelled: by no new command, and by none that is under way.

// toldBeside are the ways in which APO tells of a capture that such a payment cannot have.
func toldBeside() map[string]Fact {
	return map[string]Fact{
		"done":             captured("C1", 400),
		"done, nameless":   captured("", 400),
		"pending":          {Kind: CapturePending, TransferID: "C1", Amount: usd(400)},
		"unclear":          unclear(CaptureUnclear, "C1", "", 400),
		"unclear, by ours": unclear(CaptureUnclear, "", "q-9", 400),
		"unclear nameless": unclear(CaptureUnclear, "", "", 400),
	}
}

// settleOne says of the one doubt there is that it was done, once an inquiry has told it and another one told it again.
func (x *till) settleOne(p Picture) {
	x.inquire(p)
	x.inquire(p)
	require.Len(x.t, x.o.Doubts(), 1)
	x.must(statement(x.o.Doubts()[0], events.ResolvedSucceeded))
	require.Empty(x.t, x.o.Doubts())
}

// uncancellable holds that the order's capture refuses a cancel, names its record, and leaves a refund as the way out.
func uncancellable(t *testing.T, x *till, name string) {
	t.Helper()
	_, err := x.do(Cancel{CommandID: "k"})
	r := rejected(t, err)
	assert.Equal(t, []any{ReasonCaptured, "refund instead"}, []any{r.Reason, r.Remedy}, name)
	record := x.log[r.Cause.Version-1].Event
	assert.Equal(t, events.KindTransferResolved, record.Kind(), name)
	requested := events.CancelRequested{By: x.o.identifier(), Lease: x.now.Add(DefaultLease)}
	assert.ErrorContains(t, x.judged(requested), "captured", name)
	assert.True(t, x.takes(Refund{CommandID: "f", Amount: usd(theAmount)}), name)
}

func TestWhole_ACaptureThatAPersonHasSettledIsNotCancelled(t *testing.T) {
	for name, f := range toldBeside() {
		x := placed(t, CaptureNone)
		x.observe(paid())
		answer := tells(StateSuccess, paid(), f)
		x.inquire(answer)
		_, err := x.do(Cancel{CommandID: "k"})
		require.Equal(t, ReasonUnaccounted, rejected(t, err).Reason, name)
		x.settleOne(answer)
		assert.Equal(t, []any{Paid, []int64{theAmount, theAmount, 0}}, []any{x.o.Status, amounts(x.o)}, name)
		uncancellable(t, x, name)
		replayIsLive(t, x)

		x = placed(t, CaptureNone) // the payment comes after it
		x.inquire(tells(StateProcessing, f))
		if x.o.Captured == 0 { // where it was not told as done, which counts until then
			x.settleOne(tells(StateProcessing, f))
			assert.Equal(t, Captured, x.o.Status, name)
			x.observe(paid())
			assert.Equal(t, []any{Paid, []int64{theAmount, theAmount, 0}}, []any{x.o.Status, amounts(x.o)}, name)
			uncancellable(t, x, name)
		}
		replayIsLive(t, x)
	}
}

// A cancel under way cannot succeed any more: it ends, and is not sent again.
func TestWhole_ACaptureThatAPersonSettlesEndsACancelUnderWay(t *testing.T) {
	for name, f := range toldBeside() {
		x := in(t, Paid)
		x.must(Cancel{CommandID: "k"})
		x.answer(unknownU)
		x.settleOne(tells(StateSuccess, paid(), f))
		assert.Equal(t, CommandState{Verb: VerbCancel, Outcome: OutcomeFailed, Code: CodeCaptured, Version: x.o.Version},
			x.o.Command("k"), name)
		replayIsLive(t, x)
	}
}

// As long as the person has said nothing, what is under way waits; APO's newest word that it failed lets a cancel go.
func TestWhole_ACaptureThatFailsAfterAllIsNone(t *testing.T) {
	x := in(t, Paid)
	x.settleOne(tells(StateSuccess, paid(), captured("C1", 400)))
	uncancellable(t, x, "settled")
	x.observe(Fact{Kind: CaptureFailed, TransferID: "C1", Code: "X"})
	_, err := x.do(Cancel{CommandID: "k"})
	assert.Equal(t, ReasonCaptured, rejected(t, err).Reason, "an older word perhaps")
	x.inquire(tells(StateSuccess, paid(), Fact{Kind: CaptureFailed, TransferID: "C1", Code: "X"}))
	assert.Equal(t, []any{Paid, []int64{theAmount, theAmount, 0}}, []any{x.o.Status, amounts(x.o)})
	x.must(Cancel{CommandID: "k"})
	replayIsLive(t, x)
}

// APO's newest word is that the payment was only held: then the capture that a person has settled is what was captured
// of it.
func TestWhole_OnlyHeldBesideACaptureThatAPersonHasSettled(t *testing.T) {
	x := in(t, Paid)
	x.settleOne(tells(StateSuccess, paid(), captured("C1", 400)))
	x.inquire(tells(StateSuccess, authorized(), captured("C1", 400)))
	assert.Equal(t, []any{Captured, []int64{theAmount, 400, 0}}, []any{x.o.Status, amounts(x.o)})
	assert.False(t, x.takes(Cancel{CommandID: "k"}))
	assert.EqualValues(t, 400, x.o.Refundable())
	replayIsLive(t, x)
}

// Of a payment that is held or moved, and of two amounts too, "failed" is that both other words are so, and APO, whose
// word on either is newer, is asked at once; "succeeded" is that both stand as they count.
func TestWhole_APersonsWordOnTwoDoubtsIsOnBoth(t *testing.T) {
	less := authorized()
	less.Amount = usd(700)
	for _, done := range []bool{false, true} {
		x := in(t, Paid)
		x.inquire(tells(StateSuccess, paid(), less))
		x.inquire(tells(StateSuccess, paid(), less))
		e := x.o.Book()[0]
		require.Equal(t, []bool{true, true}, []bool{e.Refuted, e.Unequal})
		require.Len(t, x.o.Doubts(), 1)
		word, want := events.ResolvedFailed, []any{Authorized, []int64{700, 0, 0}}
		if done {
			word, want = events.ResolvedSucceeded, []any{Paid, []int64{theAmount, theAmount, 0}}
		}
		x.must(statement(x.o.Doubts()[0], word))
		assert.Equal(t, want, []any{x.o.Status, amounts(x.o)})
		assert.Empty(t, x.o.Doubts())
		if !done {
			assert.False(t, x.o.WatchDue.IsZero() || x.o.WatchDue.After(x.now), "APO is asked at once")
			x.inquire(tells(StateSuccess, authorized())) // which says that one of the two was not so
			assert.Equal(t, []any{Authorized, []int64{theAmount, 0, 0}}, []any{x.o.Status, amounts(x.o)})
		}
		replayIsLive(t, x)
	}
}
