package tilltape

import (
	"context"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/internal/translate"
)

// Gateway is APO as Orders calls it; *[apo.Client] is one. A method returns when the answer is in, the context has ended,
// or its own timeout is over, and must never report more than is proven: whatever is not, is class Unknown. It is called
// by many goroutines at once, and only for attempts that are durable already.
type Gateway interface {
	Cancel(context.Context, apo.CancelRequest) apo.CancelAnswer
	Capture(context.Context, apo.CaptureRequest) apo.CaptureAnswer
	Refund(context.Context, apo.RefundRequest) apo.RefundAnswer
	InquirePayment(context.Context, apo.InquirePaymentRequest) apo.PaymentPicture
	InquireRefund(context.Context, apo.InquireRefundRequest) apo.RefundPicture
}

var (
	_ Gateway = (*apo.Client)(nil)
	// The calls are made by the translation, which asks for as much as is said here.
	_ Gateway = translate.Gateway(nil)
)
