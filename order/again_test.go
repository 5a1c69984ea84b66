package order

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
)

// hears makes whatever APO is owed, for so many rounds, and answers each inquiry: none is an attempt.
func (x *till) hears(rounds int, about func(Call) Picture) {
	x.helper()
	for range rounds {
		due := x.o.NextDue()
		if due.IsZero() {
			return
		}
		if due.After(x.now) {
			x.now = due
		}
		call, ok := x.o.Due(x.now)
		require.True(x.t, ok)
		require.True(x.t, call.IsInquiry(), "a %s is sent again", call.Kind)
		facts := x.must(Claim{})
		picture := about(call)
		picture.Evidence = signed()
		x.must(RecordInquiry{Number: facts[0].(events.InquiryStarted).Number, Picture: picture})
	}
}

// inquirePayment is inquire about the payment, whatever is outstanding.
func (x *till) inquirePayment(p Picture) []events.Event {
	x.helper()
	x.free()
	facts := x.must(Claim{Inquire: true, Record: 1})
	p.Evidence = signed()
	return x.must(RecordInquiry{Number: facts[0].(events.InquiryStarted).Number, Picture: p})
}

// knowsNothing answers an inquiry about a refund that there is none, and one about the payment as told.
func knowsNothing(of Picture) func(Call) Picture {
	return func(c Call) Picture {
		if c.Kind == CallInquireRefund {
			return Picture{Outcome: events.InquiryNotExist, Code: "REFUND_NOT_EXIST"}
		}
		return of
	}
}

// What was asked is sent again only as long as it could be asked now. Where nothing can make it legal again, and APO
// does not know of it, it has failed.
func TestAgain_NothingIsSentThatNoNewCommandCouldAsk(t *testing.T) {
	gone := tells(StateCancelled, cancelled())
	for name, c := range map[string]struct {
		order func(*testing.T) *till
		truth Picture
		waits bool
	}{
		"a refund of an order that APO has cancelled": {order: func(t *testing.T) *till {
			x := in(t, Captured)
			x.must(Refund{CommandID: "c", Amount: usd(100)})
			return x
		}, truth: gone},
		"an accepted refund of an order that APO has cancelled": {order: func(t *testing.T) *till {
			x := in(t, Captured)
			x.must(Refund{CommandID: "c", Amount: usd(100)})
			x.answer(Verdict{Class: VerdictAccepted})
			return x
		}, truth: gone},
		"a parked refund of an order that APO has cancelled": {order: func(t *testing.T) *till {
			x := in(t, Captured)
			x.must(Refund{CommandID: "c", Amount: usd(100)})
			x.answer(silence)
			x.later(DefaultParkAfter)
			x.inquire(Picture{Problem: "timeout"})
			require.Equal(t, Parked, x.o.Operation.Phase)
			return x
		}, truth: gone, waits: true},
		"a capture of an authorization that has ended": {order: func(t *testing.T) *till {
			x := placed(t, CaptureManual)
			f := authorized()
			f.Expires = x.now.Add(time.Hour)
			x.observe(f)
			x.must(Capture{CommandID: "c", Amount: usd(100)})
			x.later(time.Hour)
			return x
		}, truth: tells(StateSuccess)},
		"a capture of a payment that has failed": {order: func(t *testing.T) *till {
			x := in(t, Authorized)
			x.must(Capture{CommandID: "c", Amount: usd(100)})
			return x
		}, truth: tells(StateFail, failed())},
		"a refund beside a dispute": {order: func(t *testing.T) *till {
			x := in(t, Captured)
			x.must(Refund{CommandID: "c", Amount: usd(100)})
			x.observe(Fact{Kind: DisputeOpened, PaymentID: "P1", TransferID: "D1", Amount: usd(50)})
			return x
		}, truth: tells(StateSuccess), waits: true},
	} {
		t.Run(name, func(t *testing.T) {
			x := c.order(t)
			if p := &x.o.Operation; p.Phase == Requested && x.now.Before(p.Lease) {
				x.answer(silence)
			}
			x.inquirePayment(c.truth)
			x.hears(6, knowsNothing(c.truth))
			if c.waits {
				assert.Equal(t, OutcomePending, x.o.Command("c").Outcome)
				p := x.op()
				x.later(time.Hour)
				require.Error(t, Judge(x.o, events.Record{Stream: events.OrderStream("o-1"), Version: x.o.Version + 1,
					Recorded: x.now, Event: events.AttemptStarted{Attempt: p.Attempt + 1, Lease: x.now.Add(time.Minute)}}))
			} else {
				assert.Equal(t, OutcomeFailed, x.o.Command("c").Outcome)
				assert.False(t, x.op().Outstanding())
			}
			replayIsLive(t, x)
		})
	}
}

// A cancel that gives late money back has nothing to do any more once there is none, and is not what gives it back once
// it was captured.
func TestAgain_ACompensatingCancelEndsWithItsMoney(t *testing.T) {
	late := func(t *testing.T) *till {
		x := in(t, Cancelled)
		x.observe(authorized())
		x.inquire(tells(StateSuccess, authorized()))
		x.must(Compensate{CommandID: "c", Actor: "ann"})
		x.answer(silence)
		return x
	}
	t.Run("the payment has failed after all", func(t *testing.T) {
		x := late(t)
		x.inquirePayment(tells(StateFail, failed()))
		require.True(t, x.o.Late.IsZero())
		assert.False(t, x.op().Outstanding(), "it waits for nothing")
		assert.Equal(t, CodeNotDone, x.o.Command("c").Code)
		replayIsLive(t, x)
	})
	t.Run("APO let it go", func(t *testing.T) {
		x := late(t)
		void := voided(x.now.Add(time.Hour))
		x.inquirePayment(tells(StateCancelled, void))
		require.True(t, x.o.Late.IsZero())
		assert.Equal(t, OutcomeSucceeded, x.o.Command("c").Outcome)
		replayIsLive(t, x)
	})
	t.Run("it was captured", func(t *testing.T) {
		x := late(t)
		x.observe(captured("C9", theAmount))
		assert.Equal(t, CodeCaptured, x.o.Command("c").Code)
		replayIsLive(t, x)
	})
}

// A payment that a person has called failed leaves a cancel that APO was asked for. It has what it wanted once APO says
// so too.
func TestAgain_ACancelOfAPaymentThatFailedByAPersonsWordEndsWithAPOs(t *testing.T) {
	x := in(t, Authorized)
	x.must(Cancel{CommandID: "c"})
	x.answer(silence)
	x.observe(failed())
	x.inquirePayment(tells(StateProcessing))
	x.must(Resolve{CommandID: "r", Record: x.o.Doubts()[0], Resolution: events.ResolvedFailed, Statement: "ticket 7"})
	require.Equal(t, Failed, x.o.Status)
	x.hears(1, knowsNothing(tells(StateFail, failed())))
	assert.Equal(t, OutcomeSucceeded, x.o.Command("c").Outcome)
	assert.Equal(t, []any{Cancelled, events.CausePaymentFailed}, []any{x.o.Status, x.o.CancelCause})
	replayIsLive(t, x)
}
