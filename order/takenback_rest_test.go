package order

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
)

// countsBeside is an order on which a capture C1 counts though its status tells of none: one that a person has settled
// beside a payment in one step, or a last one of zero whose only other capture was taken back. Others stay as they are.
func countsBeside(t *testing.T, x *till) *till {
	switch x.o.Status {
	case Paid:
		x.observe(captured("C1", 1500))
		x.inquire(tells(StateSuccess))
		x.must(Resolve{Record: x.o.Doubts()[0], Resolution: events.ResolvedSucceeded, Statement: "APO ticket 7"})
	case Authorized:
		x.policy.ZeroLastCaptures = []string{MethodCard}
		x.observe(captured("C0", 600))
		x.must(Capture{CommandID: "zero", Amount: usd(0), Last: true})
		x.answer(Verdict{Class: VerdictSucceeded, TransferID: "C1"})
		x.inquire(tells(StateSuccess, Fact{Kind: CaptureFailed, TransferID: "C0"}))
		require.Equal(t, Authorized, x.o.Status)
	}
	return x
}

// takenBackUnpaid is an order of whose payment nothing is known, and the newest word that its only transfer failed.
func takenBackUnpaid(t *testing.T, s Status) (*till, Fact) {
	x := placed(t, CaptureManual)
	x.observe(captured("C1", 600))
	f := Fact{Kind: CaptureFailed, TransferID: "C1"}
	if s == Refunded {
		x.observe(refunded("F1", 100))
		x.inquire(tells(StateProcessing, f))
		f = Fact{Kind: RefundFailed, TransferID: "F1"}
	}
	return x.asking(), x.newest(f)
}

// In whichever order APO takes them back, a capture and its refund leave the order as if they had never been.
func TestReversal_OfBothLeavesWhatTheRestIs(t *testing.T) {
	capture := Fact{Kind: CaptureFailed, TransferID: "C1", Amount: usd(600)}
	refund := Fact{Kind: RefundFailed, TransferID: "F1", Amount: usd(100)}
	for _, facts := range [][]Fact{{capture, refund}, {refund, capture}} {
		x := in(t, Refunded)
		x.inquire(tells(StateSuccess, facts...))
		assert.Equal(t, Authorized, x.o.Status)
		assert.Equal(t, []int64{1000, 0, 0}, amounts(x.o))
		x.must(Cancel{CommandID: "c"}) // what is held can be let go
		replayIsLive(t, x)
	}
}

// What was only known by a capture or refund that failed after all can still be paid.
func TestReversal_BeforeThePaymentIsKnown(t *testing.T) {
	for _, s := range []Status{Captured, Refunded} {
		x, f := takenBackUnpaid(t, s)
		x.observe(f)
		require.Equal(t, Created, x.o.Status)
		x.observe(authorized())
		assert.Equal(t, []any{Authorized, int64(1000)}, []any{x.o.Status, x.o.Authorized}, "from %s", s)
		replayIsLive(t, x)
	}
}

// A failure is never dropped, whatever the status that the capture counts beside.
func TestReversal_OfACaptureThatAPersonSettledBesideAPayment(t *testing.T) {
	x := countsBeside(t, in(t, Paid))
	require.Equal(t, int64(1500), x.o.Refundable())
	x.observe(Fact{Kind: CaptureFailed, TransferID: "C1"})
	assert.Zero(t, x.o.Refundable(), "in doubt")
	x.inquire(tells(StateSuccess, Fact{Kind: CaptureFailed, TransferID: "C1"}))
	assert.Equal(t, []any{Paid, int64(1000), int64(1000)}, []any{x.o.Status, x.o.Captured, x.o.Refundable()})
	replayIsLive(t, x)
}

// An inquiry that was under way when a contradiction came decides nothing, so the next one is due at once.
func TestReversal_ToldWhileAnInquiryIsUnderWayIsAskedAboutNext(t *testing.T) {
	for _, f := range []Fact{captured("C9", 1200), {Kind: CaptureFailed, TransferID: "C1"}} {
		x := in(t, Captured).asking()
		x.observe(f)
		x.later(time.Second)
		x.must(RecordInquiry{Number: x.o.Inquiry.Number, Picture: tells(StateSuccess)})
		require.Equal(t, x.now, x.o.NextDue(), "%s", f.Kind)
		x.inquire(tells(StateSuccess))
		assert.Zero(t, x.o.NextDue(), "and not again and again")
	}
}

// A last capture of zero can count without any other. To call it failed opens the authorization again.
func TestReversal_OfALastCaptureOfZero(t *testing.T) {
	for _, person := range []bool{false, true} {
		x := countsBeside(t, in(t, Authorized))
		assert.True(t, x.takes(Cancel{}), "it captured nothing")
		f := Fact{Kind: CaptureFailed, TransferID: "C1"}
		x.observe(f)
		require.Len(t, x.o.Doubts(), 1)
		if person {
			x.inquire(tells(StateSuccess))
			x.must(Resolve{Record: x.o.Doubts()[0], Resolution: events.ResolvedFailed, Statement: "APO ticket 7"})
		} else {
			x.inquire(tells(StateSuccess, f))
		}
		assert.Equal(t, []any{Authorized, int64(1000)}, []any{x.o.Status, x.o.Capturable()})
		assert.Empty(t, x.o.Doubts())
		replayIsLive(t, x)
	}
}

// A capture that is taken back leaves APO's own capture as its newest word has it: what named no request was APO's own,
// and of another's nobody knows what it left.
func TestReversal_WhatBecomesOfAPOsOwnCapture(t *testing.T) {
	for request, want := range map[string]GatewayCapture{"": GatewayFailed, "nobody's": GatewayOutstanding} {
		x := capturing(t)
		x.observe(Fact{Kind: CaptureSucceeded, TransferID: "CA", RequestID: request, Amount: usd(theAmount)})
		require.Equal(t, GatewayNone, x.o.Gateway)
		x.inquire(tells(StateSuccess, Fact{Kind: CaptureFailed, TransferID: "CA", RequestID: request,
			Amount: usd(theAmount), Code: "X"}))
		assert.Equal(t, []any{Authorized, want}, []any{x.o.Status, x.o.Gateway}, request)
		assert.Equal(t, want == GatewayFailed, x.takes(Cancel{CommandID: "k"}), request)
		replayIsLive(t, x)
	}
	x := capturing(t) // told as a part, and then as all of it
	x.observe(Fact{Kind: CaptureSucceeded, TransferID: "CA", Amount: usd(700)})
	x.inquire(tells(StateSuccess, Fact{Kind: CaptureSucceeded, TransferID: "CA", Amount: usd(theAmount)}))
	assert.Equal(t, []any{GatewayNone, int64(theAmount)}, []any{x.o.Gateway, x.o.Captured})
}

// A payment that was taken back and stands after all: what was taken back with it is in doubt since then, whatever was
// asked before. A person waits for APO's word on that, and the inquiry that took it back is not its newest word.
func TestTakenBack_WhatStandsAfterAllIsAskedAboutAnew(t *testing.T) {
	x := in(t, Captured)
	x.inquire(tells(StateFail, failed()))
	require.Equal(t, Failed, x.o.Status)
	again := authorized()
	again.At = opened.Add(time.Hour)
	x.observe(again)
	require.True(t, x.o.Unaccounted())
	var capture uint64
	for _, e := range x.o.Book() {
		if e.Contradicted {
			capture = e.Record
			assert.NotZero(t, e.Doubt)
		}
	}
	_, err := x.do(statement(capture, events.ResolvedFailed))
	assert.Equal(t, ReasonStaleInquiry, rejected(t, err).Reason)
	x.inquire(tells(StateSuccess, authorized()))
	require.True(t, x.o.Unaccounted(), "it did not tell")
	x.must(statement(capture, events.ResolvedFailed))
	assert.False(t, x.o.Unaccounted())
	replayIsLive(t, x)

	x = in(t, Captured) // by one answer: the failure in it counts
	x.inquire(tells(StateFail, failed()))
	x.inquire(tells(StateSuccess, authorized(), Fact{Kind: CaptureFailed, TransferID: "C1", Code: "X"}))
	assert.Equal(t, []any{Authorized, false}, []any{x.o.Status, x.o.Unaccounted()})
	replayIsLive(t, x)
}
