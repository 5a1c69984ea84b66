package order

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/ours"
)

// Whatever APO says, contradictions and all, in whatever order and beside whatever commands: what Decide writes Judge
// takes, a replay is the live order, it comes through its packing, and nothing is due again the moment it was answered.

// someFact is a fact that need not fit anything.
func someFact(t *rapid.T) Fact {
	kind := FactKind(rapid.IntRange(int(PaymentSucceeded), int(RefundUnread)).Draw(t, "kind"))
	f := Fact{Kind: kind, PaymentID: rapid.SampledFrom([]string{"", "P1", "P1", "P2"}).Draw(t, "paymentId"),
		Code: rapid.SampledFrom([]string{"", "A"}).Draw(t, "code")}
	if rapid.Bool().Draw(t, "timed") {
		f.At = opened.Add(time.Duration(rapid.IntRange(0, 3).Draw(t, "hours")) * time.Hour)
	}
	switch kind {
	case PaymentSucceeded, PaymentAuthorized, PaymentPaid:
		if rapid.Bool().Draw(t, "amount") {
			f.Amount = usd(rapid.SampledFrom([]int64{theAmount, theAmount, 400, 1200}).Draw(t, "paid"))
		}
		if rapid.Bool().Draw(t, "expires") {
			f.Expires = opened.Add(time.Duration(rapid.IntRange(1, 100).Draw(t, "expiry")) * time.Hour)
		}
	case PaymentPending, PaymentFailed:
	case PaymentCancelled:
		f.TransferID = rapid.SampledFrom([]string{"", "V1"}).Draw(t, "void")
	default:
		f.TransferID = rapid.SampledFrom([]string{"", "T1", "T2", "T3"}).Draw(t, "id")
		f.RequestID = rapid.SampledFrom([]string{"", "q1", "q2", "r-1", "r-2", "r-3"}).Draw(t, "request")
		f.Amount = Money{Minor: rapid.SampledFrom([]int64{0, 100, 400, 600, theAmount, 1200, 1500}).Draw(t, "minor"),
			Currency: rapid.SampledFrom([]string{"USD", "USD", "USD", "EUR", ""}).Draw(t, "currency")}
	}
	if kind.isDispute() {
		f = someDispute(t, f)
	}
	return f
}

func someAnswer(t *rapid.T) Verdict {
	return Verdict{Class: VerdictClass(rapid.IntRange(0, 5).Draw(t, "class")), Code: "X",
		PaymentID:  rapid.SampledFrom([]string{"", "P1", "P2"}).Draw(t, "answer's paymentId"),
		TransferID: rapid.SampledFrom([]string{"", "T1", "T2"}).Draw(t, "answer's id"), Evidence: signed()}
}

func somePicture(t *rapid.T) Picture {
	p := Picture{Outcome: events.InquiryOutcome(rapid.IntRange(0, 2).Draw(t, "outcome")), Evidence: signed()}
	if p.Outcome == events.InquiryAnswers {
		states := []string{StateSuccess, StateFail, StateProcessing, StateCancelled}
		p.State = rapid.SampledFrom(states).Draw(t, "state")
		for range rapid.IntRange(0, 3).Draw(t, "facts") {
			f := someFact(t)
			if f.unread() { // which notifications alone are
				f.Kind = NotUnderstood
			}
			p.Facts = append(p.Facts, f)
		}
	}
	return p
}

// anything happens; what may be refused is.
func (x *till) anything(t *rapid.T, id string) {
	minor := func() Money { return usd(rapid.SampledFrom([]int64{100, 400, theAmount}).Draw(t, "of")) }
	switch rapid.IntRange(0, 12).Draw(t, "step") {
	case 0, 1, 2, 3:
		x.observe(someFact(t))
	case 4:
		_, _ = x.do(Cancel{CommandID: id})
	case 5:
		_, _ = x.do(Capture{CommandID: id, Amount: minor(), Last: rapid.Bool().Draw(t, "last")})
	case 6:
		_, _ = x.do(Refund{CommandID: id, Amount: minor()})
	case 7:
		_, _ = x.do(Compensate{CommandID: id})
	case 8:
		if x.o.Operation.Outstanding() {
			_, _ = x.do(RecordAnswer{Call: x.attempt(), Verdict: someAnswer(t)})
		}
	case 9, 10:
		x.free()
		if _, err := x.do(Claim{Inquire: true}); err != nil {
			return
		}
		p := somePicture(t)
		_, _ = x.do(RecordInquiry{Number: x.o.Inquiry.Number, Picture: p})
		if p.Outcome != events.InquiryUnknown && x.o.Inquiry.Subject == events.SubjectPayment {
			require.False(x.t, x.o.WatchDue.Equal(x.now), "due at once after its answer")
		}
	case 11:
		x.later(time.Duration(rapid.IntRange(1, 30).Draw(t, "later")) * time.Hour)
		_, _ = x.do(Claim{})
	case 12:
		if len(x.o.Anomalies) > 0 {
			_, _ = x.do(ClearAnomaly{CommandID: id, Anomaly: x.o.Anomalies[0].Version, Reason: "seen"})
		}
	}
}

func TestAnything_IsWrittenAsItIsJudged(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := newTill(t)
		x.policy.SeveralCaptures = []string{MethodCard}
		c := create(rapid.SampledFrom([]events.CaptureMode{CaptureNone, CaptureAutomatic, CaptureManual}).Draw(t, "mode"))
		if rapid.Bool().Draw(t, "paymentId later") {
			c.PaymentID = ""
		}
		x.must(c)
		for n := range rapid.IntRange(1, 25).Draw(t, "steps") {
			x.anything(t, fmt.Sprint("k", n))
			var back Order
			require.True(t, back.Unpack(ours.Key{}, string(x.o.Pack(ours.Key{}, nil))))
			require.Equal(t, x.o, back)
		}
		var o Order
		for _, r := range x.log {
			o = Evolve(o, r)
		}
		require.Equal(t, x.o, o)
	})
}
