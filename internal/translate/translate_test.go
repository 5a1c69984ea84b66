package translate

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
)

// A word of package apo without a row would be the zero value of the core's: an unknown outcome, or no fact at all.
func TestEveryWordHasARow(t *testing.T) {
	classes := 0
	for c := apo.Unknown; c <= apo.NotSent; c++ {
		_, known := verdictClasses[c]
		assert.True(t, known, "%s", c)
		classes++
	}
	assert.Len(t, verdictClasses, classes)
	kinds := 0
	for k := apo.PaymentPending; k.String() != apo.Kind(0).String(); k++ {
		kind, known := factKinds[k]
		assert.True(t, known, "%s", k)
		assert.NotEqual(t, order.FactNone, kind, "%s", k)
		kinds++
	}
	assert.Len(t, factKinds, kinds)
}

// An end without a row would be none.
func TestEveryEndOfADisputeHasARow(t *testing.T) {
	ends := []apo.DisputeOutcome{apo.DisputeBuyerLiable, apo.DisputeMerchantLiable, apo.DisputeValidated,
		apo.DisputeInvalidated, apo.DisputeAccepted, apo.DisputeTimedOut, apo.DisputeWithdrawn, apo.DisputeRapid}
	seen := map[events.DisputeOutcome]bool{}
	for _, end := range ends {
		seen[DisputeOutcome(end)] = true
	}
	assert.Len(t, seen, len(ends))
	assert.False(t, seen[0])
	assert.Len(t, disputeOutcomes, len(ends))
	assert.Zero(t, DisputeOutcome("SPLIT"))
}

// What is not proven counts as nothing: only what APO signed as done or refused, and what was never sent, decides an
// operation.
func TestOnlyWhatIsProvenDecides(t *testing.T) {
	for class, decides := range map[apo.Class]bool{apo.Unknown: false, apo.UnknownFailure: false, apo.Accepted: false,
		apo.WrongPicture: false, apo.NotExist: false, apo.Succeeded: true, apo.Failed: true, apo.NotSent: true} {
		got := verdictClasses[class]
		assert.Equal(t, decides, got == order.VerdictSucceeded || got == order.VerdictFailed, "%s", class)
	}
}

// gateway answers every call with one answer, and remembers what it was asked.
type gateway struct {
	answer apo.Answer
	asked  any
}

func (g *gateway) Cancel(_ context.Context, r apo.CancelRequest) apo.CancelAnswer {
	g.asked = r
	return apo.CancelAnswer{Answer: g.answer, PaymentID: "P", Time: noon}
}

func (g *gateway) Capture(_ context.Context, r apo.CaptureRequest) apo.CaptureAnswer {
	g.asked = r
	return apo.CaptureAnswer{Answer: g.answer, PaymentID: "P", CaptureID: "K", Time: noon}
}

func (g *gateway) Refund(_ context.Context, r apo.RefundRequest) apo.RefundAnswer {
	g.asked = r
	return apo.RefundAnswer{Answer: g.answer, PaymentID: "P", RefundID: "R", Time: noon}
}

func (g *gateway) InquirePayment(_ context.Context, r apo.InquirePaymentRequest) apo.PaymentPicture {
	g.asked = r
	return apo.PaymentPicture{Answer: g.answer, State: apo.StateSuccess}
}

func (g *gateway) InquireRefund(_ context.Context, r apo.InquireRefundRequest) apo.RefundPicture {
	g.asked = r
	return apo.RefundPicture{Answer: g.answer, State: apo.StateFail}
}

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func TestEachCallAsksForWhatTheOrderOwes(t *testing.T) {
	call := order.Call{PaymentID: "P", PaymentRequestID: "Q", RequestID: "q",
		Amount: order.Money{Minor: 7, Currency: "EUR"}, Last: true, Reason: "broken",
		MerchantAccountID: "M"}
	for kind, row := range map[order.CallKind]struct {
		asked    any
		transfer string
	}{
		order.CallCancel:  {apo.CancelRequest{PaymentID: "P", PaymentRequestID: "Q", MerchantAccountID: "M"}, ""},
		order.CallCapture: {apo.CaptureRequest{CaptureRequestID: "q", PaymentID: "P", Amount: call.Amount, Last: true}, "K"},
		order.CallRefund: {apo.RefundRequest{RefundRequestID: "q", PaymentID: "P", Amount: call.Amount, Reason: "broken"},
			"R"},
	} {
		g := &gateway{answer: apo.Answer{Class: apo.Succeeded, Code: "SUCCESS"}}
		call.Kind = kind
		v := Command(t.Context(), g, call)
		assert.Equal(t, row.asked, g.asked)
		assert.Equal(t, order.Verdict{Class: order.VerdictSucceeded, Code: "SUCCESS", PaymentID: "P", At: noon,
			TransferID: row.transfer}, v)
	}
	call.Kind = order.CallNone
	g := &gateway{}
	assert.Equal(t, order.VerdictFailed, Command(t.Context(), g, call).Class, "no such call: certainly not done")
	assert.Nil(t, g.asked)
}

func TestEachInquiryAsksAboutWhatTheOrderOwes(t *testing.T) {
	g := &gateway{answer: apo.Answer{Class: apo.Succeeded, Code: "SUCCESS"}}
	p := Inquire(t.Context(), g, order.Call{Kind: order.CallInquirePayment, PaymentID: "P", PaymentRequestID: "Q",
		MerchantAccountID: "M"})
	assert.Equal(t, apo.InquirePaymentRequest{PaymentID: "P", PaymentRequestID: "Q", MerchantAccountID: "M"}, g.asked)
	assert.Equal(t, order.Picture{Outcome: events.InquiryAnswers, State: "SUCCESS", Code: "SUCCESS"}, p)

	p = Inquire(t.Context(), g, order.Call{Kind: order.CallInquireRefund, RequestID: "q", MerchantAccountID: "M"})
	assert.Equal(t, apo.InquireRefundRequest{RefundRequestID: "q", MerchantAccountID: "M"}, g.asked)
	assert.Equal(t, "FAIL", p.State)

	g.answer = apo.Answer{Class: apo.NotExist}
	assert.Equal(t, events.InquiryNotExist, Inquire(t.Context(), g, order.Call{Kind: order.CallInquirePayment}).Outcome)
	g.answer = apo.Answer{Err: errors.New("no answer")}
	p = Inquire(t.Context(), g, order.Call{Kind: order.CallInquirePayment})
	assert.Equal(t, events.InquiryUnknown, p.Outcome)
	assert.Equal(t, "no answer", p.Problem)
}

// A request that was refused on this side leaves its reason as the failure's message.
func TestWhatWasNotSentSaysWhy(t *testing.T) {
	v := verdict(apo.Answer{Class: apo.NotSent, Err: errors.New("paymentId is empty")})
	assert.Equal(t, order.Verdict{Class: order.VerdictFailed, Code: "NOT_SENT", Message: "paymentId is empty",
		Problem: "paymentId is empty"}, v)
}

func TestChannels(t *testing.T) {
	for op, want := range map[apo.Op]events.Channel{apo.OpNotifyPayment: events.ViaNotification,
		apo.OpNotifyCapture: events.ViaNotification, apo.OpNotifyRefund: events.ViaNotification,
		apo.OpInquirePayment: events.ViaInquiry, apo.OpInquireRefund: events.ViaInquiry,
		apo.OpPay: events.ViaAnswer, apo.OpCancel: events.ViaAnswer} {
		assert.Equal(t, want, Channel(op), "%s", op)
	}
	assert.Nil(t, Evidence(nil))
	assert.Equal(t, &events.Evidence{Path: "/p"}, Evidence(&apo.Evidence{Path: "/p"}))
}
