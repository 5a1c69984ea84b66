package simulation

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
)

// simGateway is the bank as one process of the service calls it.
type simGateway struct {
	*simBank
	process *simProcess
}

var _ tilltape.Gateway = simGateway{}

func (g simGateway) Cancel(ctx context.Context, r apo.CancelRequest) apo.CancelAnswer {
	c := tilltest.WireCall{Op: apo.OpCancel, Payment: r.PaymentID + r.PaymentRequestID}
	a, extra := g.command(ctx, g.process, c,
		func(p *simPayment, _ bool) (simFinal, *simMove) { return p.cancel(time.Now()), nil })
	return apo.CancelAnswer{Answer: a, PaymentID: tilltest.Text(extra["paymentId"]),
		Time: tilltest.When(extra["cancelTime"])}
}

func (g simGateway) Capture(ctx context.Context, r apo.CaptureRequest) apo.CaptureAnswer {
	c := tilltest.WireCall{Op: apo.OpCapture, Payment: r.PaymentID, Request: r.CaptureRequestID, Minor: r.Amount.Minor}
	a, extra := g.command(ctx, g.process, c, func(p *simPayment, slow bool) (simFinal, *simMove) {
		return p.capture(time.Now(), r.CaptureRequestID, r.Amount.Minor, slow)
	})
	return apo.CaptureAnswer{Answer: a, CaptureID: tilltest.Text(extra["captureId"]),
		CaptureRequestID: tilltest.Text(extra["captureRequestId"]),
		PaymentID:        tilltest.Text(extra["paymentId"]), Amount: r.Amount, Time: tilltest.When(extra["captureTime"])}
}

func (g simGateway) Refund(ctx context.Context, r apo.RefundRequest) apo.RefundAnswer {
	c := tilltest.WireCall{Op: apo.OpRefund, Payment: r.PaymentID, Request: r.RefundRequestID, Minor: r.Amount.Minor}
	a, extra := g.command(ctx, g.process, c, func(p *simPayment, _ bool) (simFinal, *simMove) {
		g.refunds[r.RefundRequestID] = p
		return p.refund(time.Now(), r.RefundRequestID, r.Amount.Minor)
	})
	return apo.RefundAnswer{Answer: a, RefundID: tilltest.Text(extra["refundId"]),
		RefundRequestID: tilltest.Text(extra["refundRequestId"]),
		PaymentID:       tilltest.Text(extra["paymentId"]), Amount: r.Amount, Time: tilltest.When(extra["refundTime"])}
}

// InquirePayment tells the truth, or nothing.
func (g simGateway) InquirePayment(ctx context.Context, r apo.InquirePaymentRequest) apo.PaymentPicture {
	g.mu.Lock()
	p := g.payments[r.PaymentID+r.PaymentRequestID]
	g.mu.Unlock()
	if p == nil {
		return apo.PaymentPicture{}
	}
	out := apo.PaymentPicture{Answer: apo.Answer{Err: tilltest.ErrLost}}
	var told apo.PaymentPicture
	if g.connected(ctx, g.process, p, string(apo.OpInquirePayment), true, func(fault string) bool {
		switch {
		case fault == lineU || fault == lineUDone:
			told.Answer = apo.Answer{Status: "U", Code: "UNKNOWN_EXCEPTION", Err: tilltest.ErrLost}
		case !p.exists:
			told.Answer = tilltest.InquiryAnswer(apo.OpInquirePayment,
				map[string]any{"result": tilltest.Result("F", "ORDER_NOT_EXIST")})
		default:
			told.State, told.Answer = p.state, g.tell(p)
		}
		return true
	}) {
		return told
	}
	return out
}

// tell is the signed picture; as long as it is the same, it is signed once.
func (g simGateway) tell(p *simPayment) apo.Answer {
	content := p.picture()
	if body := tilltest.Encode(content); body != p.told {
		p.told = body
		p.facts, p.evidence = g.office.Answer(apo.OpInquirePayment, content)
	}
	return apo.Answer{Class: apo.Succeeded, Status: "S", Code: "SUCCESS", HTTPStatus: http.StatusOK, Evidence: p.evidence,
		Facts: p.facts}
}

func (g simGateway) InquireRefund(ctx context.Context, r apo.InquireRefundRequest) apo.RefundPicture {
	out := apo.RefundPicture{Answer: apo.Answer{Err: tilltest.ErrLost}}
	g.mu.Lock()
	p := g.refunds[r.RefundRequestID]
	g.mu.Unlock()
	notExist := tilltest.InquiryAnswer(apo.OpInquireRefund,
		map[string]any{"result": tilltest.Result("F", "REFUND_NOT_EXIST")})
	if p == nil {
		return apo.RefundPicture{Answer: notExist}
	}
	var told apo.RefundPicture
	if g.connected(ctx, g.process, p, string(apo.OpInquireRefund)+" "+r.RefundRequestID, true, func(fault string) bool {
		i := slices.IndexFunc(p.refunds, func(m *simMove) bool { return m.request == r.RefundRequestID })
		switch {
		case fault == lineU || fault == lineUDone:
			told.Answer = apo.Answer{Status: "U", Code: "UNKNOWN_EXCEPTION", Err: tilltest.ErrLost}
		case i < 0:
			told.Answer = notExist
		default:
			m := p.refunds[i]
			content := map[string]any{"result": tilltest.Result("S", "SUCCESS"), "refundStatus": string(m.state),
				"refundId":        m.id,
				"refundRequestId": m.request, "refundAmount": tilltest.Wire(m.minor), "refundTime": tilltest.Stamp(m.at)}
			facts, evidence := g.office.Answer(apo.OpInquireRefund, content)
			told.State = m.state
			told.Answer = apo.Answer{Class: apo.Succeeded, Status: "S", Code: "SUCCESS", HTTPStatus: http.StatusOK,
				Evidence: evidence, Facts: facts}
		}
		return true
	}) {
		return told
	}
	return out
}
