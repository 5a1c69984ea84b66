package order

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
)

// unreadOf is a notification of a capture or refund that APO signed, of which no more than this can be read.
func unreadOf(kind FactKind, id, request string) Fact {
	e := signed()
	e.Body = []byte(`{"amount":"120.00"}`)
	return Fact{Kind: kind, PaymentID: "P1", TransferID: id, RequestID: request, Code: "CAPTURE_RESULT", Message: "why",
		Proof: events.Proof{Via: events.ViaNotification, Evidence: e}}
}

// Money may have moved by what nobody can read: nothing is cancelled, captured or given back beside it, until an
// inquiry that was begun later says what became of it.
func TestUnread_BlocksUntilAnInquiryHasTold(t *testing.T) {
	for _, names := range [][2]string{{"C9", ""}, {"", "q9"}, {"C9", "q9"}} {
		for kind, ends := range map[FactKind][]FactKind{
			CaptureUnread: {CaptureSucceeded, CaptureFailed}, RefundUnread: {RefundSucceeded, RefundFailed},
		} {
			for _, end := range ends {
				x := in(t, Authorized)
				a := x.observe(unreadOf(kind, names[0], names[1]))[0].(events.AnomalyObserved)
				assert.Equal(t, []any{events.NotUnderstood, factEvents[kind], "why"}, []any{a.Reason, a.Fact, a.Detail})
				assert.Empty(t, x.observe(unreadOf(kind, names[0], names[1])), "a redelivery")
				for _, c := range []Command{Cancel{CommandID: "c"}, Capture{CommandID: "k", Amount: usd(100)}} {
					_, err := x.do(c)
					assert.Equal(t, ReasonUnaccounted, rejected(t, err).Reason, "%s %s", kind, names)
				}
				assert.Equal(t, x.now, x.o.NextDue(), "APO is asked at once")
				x.inquire(tells(StateSuccess, authorized()))
				assert.True(t, x.o.Unaccounted(), "which has not told of it")
				told := []Fact{authorized(), {Kind: end, TransferID: names[0], RequestID: names[1], Amount: usd(400), Code: "X"}}
				if end == RefundSucceeded {
					told = []Fact{told[0], captured("C1", 400), told[1]}
				}
				x.inquire(tells(StateSuccess, told...))
				assert.Empty(t, x.o.Doubts(), "%s %s", end, names)
				replayIsLive(t, x)
				was := x.o
				assert.Empty(t, x.observe(unreadOf(kind, names[0], names[1])), "nor is it news later")
				assert.Equal(t, was, x.o)
			}
		}
	}
}

// Nobody can read how much a refund takes: all is reserved. Without any name a person says what became of it.
func TestUnread_RefundReservesAll(t *testing.T) {
	x := in(t, Captured)
	x.observe(unreadOf(RefundUnread, "", ""))
	assert.Zero(t, x.o.Refundable())
	_, err := x.do(Refund{CommandID: "f", Amount: usd(1)})
	rejected(t, err)
	x.inquire(tells(StateSuccess, authorized(), captured("C1", 600)))
	assert.Zero(t, x.o.Refundable(), "it was not told")
	_, err = x.do(statement(x.o.Doubts()[0], events.ResolvedSucceeded))
	assert.Equal(t, ReasonCurrency, rejected(t, err).Reason, "nobody knows how much")
	x.must(statement(x.o.Doubts()[0], events.ResolvedFailed))
	assert.EqualValues(t, 600, x.o.Refundable())
	assert.Empty(t, x.observe(unreadOf(RefundUnread, "", "")))
	replayIsLive(t, x)
}

// What counts is in doubt by it, and the newest word ends that.
func TestUnread_OfWhatCounts(t *testing.T) {
	x := in(t, Captured)
	x.observe(unreadOf(CaptureUnread, "C1", ""))
	assert.Len(t, x.o.Doubts(), 1)
	assert.Zero(t, x.o.Refundable())
	x.inquire(tells(StateSuccess, authorized(), captured("C1", 600)))
	assert.Empty(t, x.o.Doubts())
	assert.EqualValues(t, 600, x.o.Refundable())
	replayIsLive(t, x)
}

// What is under way here, by itself or held, is asked about anyway, and ends by its own word.
func TestUnread_OfWhatIsUnderWay(t *testing.T) {
	x := asked(t, CallCapture)
	x.answer(silence)
	p := x.op()
	x.observe(unreadOf(CaptureUnread, "C9", p.RequestID))
	assert.Len(t, x.o.Doubts(), 1)
	assert.Len(t, x.o.Anomalies, 1)
	x.inquire(tells(StateSuccess, authorized(), Fact{Kind: CaptureSucceeded, TransferID: "C9", RequestID: p.RequestID,
		Amount: p.Amount}))
	assert.Empty(t, x.o.Operations())
	assert.Empty(t, x.o.Doubts())
	replayIsLive(t, x)

	x = placed(t, CaptureAutomatic)
	x.observe(authorized())
	x.observe(unreadOf(CaptureUnread, "", ""))
	_, err := x.do(Cancel{CommandID: "c"})
	require.NotEqual(t, ReasonUnaccounted, rejected(t, err).Reason, "APO captures by itself")
	x.inquire(tells(StateSuccess, authorized(), captured("C1", theAmount)))
	assert.Empty(t, x.o.Doubts())
	assert.EqualValues(t, theAmount, x.o.Refundable())
	replayIsLive(t, x)
}

// Before the payment is known it stands in the way too.
func TestUnread_BeforeThePayment(t *testing.T) {
	for _, mode := range []events.CaptureMode{CaptureManual, CaptureAutomatic, CaptureNone} {
		x := placed(t, mode)
		x.observe(unreadOf(CaptureUnread, "C9", ""))
		_, err := x.do(Cancel{CommandID: "c"})
		assert.Equal(t, ReasonUnaccounted, rejected(t, err).Reason, mode)
		replayIsLive(t, x)
	}
}

// So does a line of an inquiry's answer, which says what of it cannot be read.
func TestUnread_OfAnInquirysTransactions(t *testing.T) {
	for _, kind := range []FactKind{CaptureUnclear, RefundUnclear, OtherTransaction} {
		x := in(t, Authorized)
		line := Fact{Kind: kind, TransferID: "T9", Code: "SUCCESS", Message: "why"}
		a := x.inquire(tells(StateSuccess, authorized(), line))[0].(events.AnomalyObserved)
		assert.Equal(t, []any{events.StatusContradicts, "why"}, []any{a.Reason, a.Detail}, kind)
		for _, c := range []Command{Cancel{CommandID: "c"}, Capture{CommandID: "k", Amount: usd(100)}} {
			_, err := x.do(c)
			assert.Equal(t, ReasonUnaccounted, rejected(t, err).Reason, kind)
		}
		x.inquire(tells(StateSuccess, authorized(), line))
		_, err := x.do(statement(x.o.Doubts()[0], events.ResolvedSucceeded))
		assert.Equal(t, ReasonCurrency, rejected(t, err).Reason, kind)
		x.must(statement(x.o.Doubts()[0], events.ResolvedFailed))
		x.must(Capture{CommandID: "k", Amount: usd(100)})
		replayIsLive(t, x)
	}
}

// APO is asked about what nobody can read as long as it is not known what became of it, also where another word came
// before or after: an inquiry that tells nothing does not end that.
func TestUnread_IsAskedAboutBesideAnotherWord(t *testing.T) {
	failed := Fact{Kind: RefundFailed, PaymentID: "P1", TransferID: "R9", Code: "X"}
	pending := Fact{Kind: RefundPending, PaymentID: "P1", TransferID: "R9", Amount: usd(400)}
	unread := unreadOf(RefundUnread, "R9", "")
	for name, words := range map[string][]Fact{
		"failed before": {failed, unread}, "failed after": {unread, failed}, "worked on": {pending, unread},
	} {
		t.Run(name, func(t *testing.T) {
			x := in(t, Captured)
			for _, f := range words {
				x.observe(f)
			}
			require.Len(t, x.o.Doubts(), 1)
			for range 3 {
				require.False(t, x.o.NextDue().IsZero(), "APO is asked")
				x.inquire(tells(StateSuccess, authorized(), captured("C1", 600)))
				x.later(x.o.NextDue().Sub(x.now))
			}
			want := map[string]int64{"worked on": 200} // of the others no amount is known
			assert.Equal(t, want[name], x.o.Refundable())
			x.inquire(tells(StateSuccess, authorized(), captured("C1", 600), Fact{Kind: RefundFailed, TransferID: "R9",
				Code: "X"}))
			assert.Empty(t, x.o.Doubts())
			assert.EqualValues(t, 600, x.o.Refundable())
			replayIsLive(t, x)
		})
	}
}

// A refund that had failed for a command, and may have been done after all, is not the command's success before it has
// its place: as long as it is held the command has failed, and what fails again leaves that so.
func TestUnread_ACommandThatFailedDoesNotSucceedByWhatIsHeld(t *testing.T) {
	x := asked(t, CallRefund)
	request := x.op().RequestID
	x.answer(refusedF)
	if x.op().Outstanding() {
		x.inquire(tells(StateSuccess, authorized(), captured("C1", 600)))
	}
	require.Empty(t, x.o.Operations())
	x.observe(Fact{Kind: RefundSucceeded, PaymentID: "P1", TransferID: "R1", Amount: usd(500)})
	x.observe(unreadOf(RefundUnread, "", request))
	x.observe(Fact{Kind: RefundSucceeded, PaymentID: "P1", TransferID: "R9", RequestID: request, Amount: usd(200)})
	require.Len(t, x.o.Held, 1)
	assert.Equal(t, OutcomeFailed, x.o.Command("k").Outcome)
	x.observe(Fact{Kind: RefundFailed, PaymentID: "P1", TransferID: "R9", RequestID: request, Code: "X"})
	assert.Equal(t, OutcomeFailed, x.o.Command("k").Outcome)
	replayIsLive(t, x)
}

// Of two amounts of one answer neither is the newest word on two that stand apart: what is held and what may stand stay
// so, and all that either can take is reserved.
func TestUnread_TwoAmountsUniteNothingThatIsHeld(t *testing.T) {
	x := in(t, Authorized)
	x.observe(Fact{Kind: RefundSucceeded, PaymentID: "P1", TransferID: "F1", Amount: usd(100)})
	x.observe(Fact{Kind: RefundPending, PaymentID: "P1", RequestID: "r1", Amount: usd(400)})
	require.Len(t, x.o.Held, 1)
	both := func(minor int64) Fact {
		return Fact{Kind: RefundSucceeded, TransferID: "F1", RequestID: "r1", Amount: usd(minor)}
	}
	x.inquire(tells(StateSuccess, authorized(), both(100), both(400)))
	x.observe(captured("C1", 600))
	assert.LessOrEqual(t, x.o.Refundable(), int64(200))
	replayIsLive(t, x)
}

// Whichever comes first, an F to a call or a word on it that nobody can read: it may have been done, until an inquiry
// says that it was not.
func TestUnread_BesideAnFOfOurs(t *testing.T) {
	for _, k := range []CallKind{CallCapture, CallRefund} {
		kind := map[CallKind]FactKind{CallCapture: CaptureUnread, CallRefund: RefundUnread}[k]
		for _, first := range []bool{false, true} {
			x := asked(t, k)
			request := x.op().RequestID
			if first {
				x.observe(unreadOf(kind, "T9", request))
			}
			x.answer(refusedF)
			if !first {
				x.observe(unreadOf(kind, "T9", request))
			}
			require.Len(t, x.o.Doubts(), 1)
			for _, c := range []Command{Cancel{CommandID: "c"}, Capture{CommandID: "d", Amount: usd(1)},
				Refund{CommandID: "e", Amount: usd(1)}} {
				assert.False(t, x.takes(c), "%s, %T", k, c)
			}
			told := []Fact{authorized()}
			if k == CallRefund {
				told = append(told, captured("C1", 600))
			}
			x.inquire(tells(StateSuccess, append(told, Fact{Kind: kind.ends(), TransferID: "T9", RequestID: request,
				Code: "X"})...))
			assert.Empty(t, x.o.Doubts())
			assert.Empty(t, x.o.Operations())
			assert.Equal(t, OutcomeFailed, x.o.Command("k").Outcome)
			replayIsLive(t, x)
		}
	}
}

// ends is the failure of what the notification is about.
func (k FactKind) ends() FactKind {
	if k == CaptureUnread {
		return CaptureFailed
	}
	return RefundFailed
}
