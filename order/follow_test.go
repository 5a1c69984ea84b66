package order

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// A command ends as its transfer does, also where the transfer is known by another word than the one that ended the
// operation: what nobody could read stands beside our request, APO refuses that, and says later that it was done.
func TestFollow_ACommandBesideWhatNobodyCouldRead(t *testing.T) {
	for _, kind := range []CallKind{CallCapture, CallRefund} {
		for _, unreadFirst := range []bool{true, false} {
			for _, again := range []bool{true, false} {
				x := asked(t, kind)
				p := x.op()
				unread, done := unreadOf(RefundUnread, "T9", p.RequestID), Fact{Kind: RefundSucceeded, PaymentID: "P1",
					TransferID: "T9", RequestID: p.RequestID, Amount: p.Amount}
				moved := []Fact{authorized(), captured("C1", 600), done}
				if kind == CallCapture {
					unread.Kind, done.Kind = CaptureUnread, CaptureSucceeded
					moved = []Fact{authorized(), done}
				}
				if unreadFirst {
					x.observe(unread)
				}
				x.answer(Verdict{Class: VerdictFailed, Code: "PROCESS_FAIL", Evidence: signed()})
				refused := x.o.Version
				if !unreadFirst {
					x.observe(unread)
				}
				if again {
					more := unread
					more.Proof.Evidence = signed()
					x.observe(more)
				}
				state := x.o.Command(p.CommandID)
				assert.Equal(t, []any{OutcomeFailed, "PROCESS_FAIL"}, []any{state.Outcome, state.Code})
				if unreadFirst && !again {
					assert.Equal(t, refused, state.Version)
				}
				moved[len(moved)-1] = done
				x.inquire(tells(StateSuccess, moved...))
				assert.Empty(t, x.o.Doubts())
				state = x.o.Command(p.CommandID)
				assert.Equal(t, []any{OutcomeSucceeded, ""}, []any{state.Outcome, state.Code}, "%s, unread first: %t", kind,
					unreadFirst)
				replayIsLive(t, x)
				failed := done
				failed.Kind, failed.Code = map[CallKind]FactKind{CallCapture: CaptureFailed, CallRefund: RefundFailed}[kind], "X"
				moved[len(moved)-1] = failed
				x.inquire(tells(StateSuccess, moved...))
				assert.Equal(t, OutcomeFailed, x.o.Command(p.CommandID).Outcome)
				replayIsLive(t, x)
			}
		}
	}
}

// So does one whose transfer counts by an earlier word under another name.
func TestFollow_ACommandWhoseTransferWasKnown(t *testing.T) {
	x := asked(t, CallRefund)
	p := x.op()
	x.observe(Fact{Kind: RefundSucceeded, PaymentID: "P1", TransferID: "T9", Amount: p.Amount})
	x.answer(silence)
	done := Fact{Kind: RefundSucceeded, PaymentID: "P1", TransferID: "T9", RequestID: p.RequestID, Amount: p.Amount}
	x.inquire(tells(StateSuccess, authorized(), captured("C1", 600), done))
	assert.Equal(t, OutcomeSucceeded, x.o.Command(p.CommandID).Outcome)
	failed := done
	failed.Kind, failed.Code = RefundFailed, "X"
	x.inquire(tells(StateSuccess, authorized(), captured("C1", 600), failed))
	assert.Equal(t, []any{OutcomeFailed, int64(0)}, []any{x.o.Command(p.CommandID).Outcome, x.o.Refunded})
	replayIsLive(t, x)
}
