package translate

import (
	"context"
	"fmt"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
)

// Gateway is APO as it is called; the root's interface of that name says what it obliges to.
type Gateway interface {
	Cancel(context.Context, apo.CancelRequest) apo.CancelAnswer
	Capture(context.Context, apo.CaptureRequest) apo.CaptureAnswer
	Refund(context.Context, apo.RefundRequest) apo.RefundAnswer
	InquirePayment(context.Context, apo.InquirePaymentRequest) apo.PaymentPicture
	InquireRefund(context.Context, apo.InquireRefundRequest) apo.RefundPicture
}

// CodeNotSent ends an attempt whose request this side refused to send: it was certainly not done, and there is no
// message of it.
const CodeNotSent = "NOT_SENT"

// Command makes an operation's call.
func Command(ctx context.Context, g Gateway, c order.Call) order.Verdict {
	switch c.Kind {
	case order.CallCancel:
		a := g.Cancel(ctx, apo.CancelRequest{PaymentID: c.PaymentID, PaymentRequestID: c.PaymentRequestID,
			MerchantAccountID: c.MerchantAccountID})
		v := verdict(a.Answer)
		v.PaymentID, v.At = a.PaymentID, a.Time
		return v
	case order.CallCapture:
		a := g.Capture(ctx, apo.CaptureRequest{CaptureRequestID: c.RequestID, PaymentID: c.PaymentID, Amount: c.Amount,
			Last: c.Last})
		v := verdict(a.Answer)
		v.PaymentID, v.TransferID, v.At = a.PaymentID, a.CaptureID, a.Time
		return v
	case order.CallRefund:
		a := g.Refund(ctx, apo.RefundRequest{RefundRequestID: c.RequestID, PaymentID: c.PaymentID, Amount: c.Amount,
			Reason: c.Reason})
		v := verdict(a.Answer)
		v.PaymentID, v.TransferID, v.At = a.PaymentID, a.RefundID, a.Time
		return v
	}
	return order.Verdict{Class: order.VerdictFailed, Code: CodeNotSent, Message: fmt.Sprintf("no call of kind %s", c.Kind)}
}

// Inquire makes an inquiry.
func Inquire(ctx context.Context, g Gateway, c order.Call) order.Picture {
	if c.Kind == order.CallInquireRefund {
		a := g.InquireRefund(ctx, apo.InquireRefundRequest{RefundRequestID: c.RequestID,
			MerchantAccountID: c.MerchantAccountID})
		return picture(a.Answer, a.State)
	}
	a := g.InquirePayment(ctx, apo.InquirePaymentRequest{PaymentID: c.PaymentID, PaymentRequestID: c.PaymentRequestID,
		MerchantAccountID: c.MerchantAccountID})
	return picture(a.Answer, a.State)
}

var verdictClasses = map[apo.Class]order.VerdictClass{
	apo.Unknown:        order.VerdictUnknown,
	apo.UnknownFailure: order.VerdictUnknownF,
	apo.Succeeded:      order.VerdictSucceeded,
	apo.Accepted:       order.VerdictAccepted,
	apo.Failed:         order.VerdictFailed,
	apo.WrongPicture:   order.VerdictWrong,
	apo.NotExist:       order.VerdictWrong,
	apo.NotSent:        order.VerdictFailed,
}

func verdict(a apo.Answer) order.Verdict {
	v := order.Verdict{Class: verdictClasses[a.Class], Code: a.Code, Message: a.Message, Evidence: Evidence(a.Evidence)}
	if a.Err != nil {
		v.Problem = a.Err.Error()
	}
	if a.Class == apo.NotSent {
		v.Code, v.Message = CodeNotSent, v.Problem // a failure keeps no problem, and APO has said nothing
	}
	return v
}

func picture(a apo.Answer, state apo.State) order.Picture {
	p := order.Picture{State: string(state), Code: a.Code, Evidence: Evidence(a.Evidence)}
	switch a.Class {
	case apo.Succeeded:
		p.Outcome = events.InquiryAnswers
	case apo.NotExist:
		p.Outcome = events.InquiryNotExist
	}
	if a.Err != nil {
		p.Problem = a.Err.Error()
	}
	for _, f := range a.Facts {
		p.Facts = append(p.Facts, Fact(f))
	}
	return p
}
