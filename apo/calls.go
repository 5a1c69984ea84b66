package apo

import (
	"context"
	"fmt"
	"unicode/utf8"
)

// What is sent, with APO's names; the fields' order fixes the bytes, so that a
// retry of the same request is byte-equal.
type (
	wireAmount struct {
		Currency string `json:"currency"`
		Value    string `json:"value"`
	}
	wirePayment struct {
		PaymentID         string `json:"paymentId,omitempty"`
		PaymentRequestID  string `json:"paymentRequestId,omitempty"`
		MerchantAccountID string `json:"merchantAccountId,omitempty"`
	}
	wireCapture struct {
		CaptureRequestID string     `json:"captureRequestId"`
		PaymentID        string     `json:"paymentId"`
		Amount           wireAmount `json:"captureAmount"`
		Last             bool       `json:"isLastCapture,omitempty"`
	}
	wireRefund struct {
		RefundRequestID string     `json:"refundRequestId"`
		PaymentID       string     `json:"paymentId"`
		Amount          wireAmount `json:"refundAmount"`
		Reason          string     `json:"refundReason,omitempty"`
		NotifyURL       string     `json:"refundNotifyUrl,omitempty"`
		CaptureID       string     `json:"captureId,omitempty"`
	}
	wireRefundID struct {
		RefundID          string `json:"refundId,omitempty"`
		RefundRequestID   string `json:"refundRequestId,omitempty"`
		MerchantAccountID string `json:"merchantAccountId,omitempty"`
	}
)

func wireOf(a Amount) wireAmount {
	return wireAmount{Currency: a.Currency, Value: fmt.Sprint(a.Minor)}
}

// Cancel cancels a whole payment. Its answer is final: APO sends no
// notification for it.
func (c *Client) Cancel(ctx context.Context, r CancelRequest) CancelAnswer {
	payload, err := payloadOf(OpCancel, wirePayment(r))
	answer, d := c.call(ctx, request{
		op: OpCancel, payload: payload, refusal: err,
		asked: expectation{paymentID: r.PaymentID, paymentRequestID: r.PaymentRequestID},
	})
	return CancelAnswer{
		Answer: answer, PaymentID: d.details.PaymentID, PaymentRequestID: d.details.PaymentRequestID,
		Time: d.details.Time,
	}
}

// Capture takes some or all of what was authorized.
func (c *Client) Capture(ctx context.Context, r CaptureRequest) CaptureAnswer {
	amount := r.Amount
	if r.Last && amount.Minor == 0 {
		amount.Minor = 1 // which is as good: it captures nothing, and lets go of what is left
	}
	err := checkTransfer(OpCapture, amount, idField{"captureRequestId", r.CaptureRequestID},
		idField{"paymentId", r.PaymentID})
	answer, d := c.call(ctx, request{
		op: OpCapture, refusal: err,
		payload: wireCapture{
			CaptureRequestID: r.CaptureRequestID, PaymentID: r.PaymentID, Amount: wireOf(r.Amount), Last: r.Last,
		},
		asked: expectation{paymentID: r.PaymentID, requestID: r.CaptureRequestID, amount: r.Amount},
	})
	return CaptureAnswer{
		Answer: answer, CaptureID: d.details.TransferID, CaptureRequestID: d.details.RequestID,
		PaymentID: d.details.PaymentID, Amount: d.details.Amount, Time: d.details.Time,
	}
}

// Refund gives some or all of the money back. S only accepts it: the last word
// is the notification's or [Client.InquireRefund]'s.
func (c *Client) Refund(ctx context.Context, r RefundRequest) RefundAnswer {
	ids := []idField{{"refundRequestId", r.RefundRequestID}, {"paymentId", r.PaymentID}}
	if r.CaptureID != "" {
		ids = append(ids, idField{"captureId", r.CaptureID})
	}
	err := checkTransfer(OpRefund, r.Amount, ids...)
	if err == nil {
		err = r.checkTexts()
	}
	answer, d := c.call(ctx, request{
		op: OpRefund, refusal: err,
		payload: wireRefund{
			RefundRequestID: r.RefundRequestID, PaymentID: r.PaymentID, Amount: wireOf(r.Amount),
			Reason: r.Reason, NotifyURL: r.NotifyURL, CaptureID: r.CaptureID,
		},
		asked: expectation{paymentID: r.PaymentID, requestID: r.RefundRequestID, amount: r.Amount},
	})
	return RefundAnswer{
		Answer: answer, RefundID: d.details.TransferID, RefundRequestID: d.details.RequestID,
		PaymentID: d.details.PaymentID, Amount: d.details.Amount, Time: d.details.Time,
	}
}

func (r RefundRequest) checkTexts() error {
	if !utf8.ValidString(r.Reason) || utf8.RuneCountInString(r.Reason) > refundReasonMax {
		return refusalError(OpRefund, fmt.Sprintf("refundReason is not UTF-8 of up to %d characters", refundReasonMax))
	}
	if err := checkURL("refundNotifyUrl", r.NotifyURL, notifyURLMax); err != nil {
		return refusalError(OpRefund, err.Error())
	}
	return nil
}

// InquirePayment asks for APO's picture of a payment. It changes nothing.
func (c *Client) InquirePayment(ctx context.Context, r InquirePaymentRequest) PaymentPicture {
	payload, err := payloadOf(OpInquirePayment, wirePayment(r))
	answer, d := c.call(ctx, request{
		op: OpInquirePayment, payload: payload, refusal: err,
		asked: expectation{paymentID: r.PaymentID, paymentRequestID: r.PaymentRequestID},
	})
	return PaymentPicture{
		Answer: answer, PaymentID: d.details.PaymentID, PaymentRequestID: d.details.PaymentRequestID,
		State: d.details.State, StateCode: d.details.StateCode, Amount: d.details.Amount,
		CreateTime: d.createTime(), PaymentTime: d.details.Time, AuthExpiry: d.details.AuthExpiry,
		Transactions: d.transactions,
	}
}

// InquireRefund asks for APO's picture of a refund. It changes nothing.
func (c *Client) InquireRefund(ctx context.Context, r InquireRefundRequest) RefundPicture {
	payload := wireRefundID{RefundID: r.RefundID, MerchantAccountID: r.MerchantAccountID}
	id := idField{"refundId", r.RefundID}
	if r.RefundID == "" {
		payload.RefundRequestID, id = r.RefundRequestID, idField{"refundId or refundRequestId", r.RefundRequestID}
	}
	answer, d := c.call(ctx, request{
		op: OpInquireRefund, payload: payload, refusal: checkIDs(OpInquireRefund, withAccount(r.MerchantAccountID, id)...),
		asked: expectation{transferID: r.RefundID, requestID: r.RefundRequestID},
	})
	return RefundPicture{
		Answer: answer, RefundID: d.details.TransferID, RefundRequestID: d.details.RequestID,
		State: d.details.State, Amount: d.details.Amount, Time: d.details.Time,
	}
}

// payloadOf names a payment by one id: paymentId where there is one.
func payloadOf(op Op, p wirePayment) (wirePayment, error) {
	id := idField{"paymentId", p.PaymentID}
	if p.PaymentID == "" {
		id = idField{"paymentId or paymentRequestId", p.PaymentRequestID}
	} else {
		p.PaymentRequestID = ""
	}
	return p, checkIDs(op, withAccount(p.MerchantAccountID, id)...)
}

// withAccount adds the merchant account to the ids to be checked, where there is one.
func withAccount(account string, ids ...idField) []idField {
	if account == "" {
		return ids
	}
	return append(ids, idField{"merchantAccountId", account})
}

type idField struct{ name, id string }

func checkIDs(op Op, ids ...idField) error {
	for _, item := range ids {
		if err := checkID(item.id); err != nil {
			return refusalError(op, item.name+" "+err.Error())
		}
	}
	return nil
}

func checkTransfer(op Op, amount Amount, ids ...idField) error {
	if err := checkIDs(op, ids...); err != nil {
		return err
	}
	if err := checkAmount(amount); err != nil {
		return refusalError(op, string(op)+"Amount "+err.Error())
	}
	return nil
}

func refusalError(op Op, reason string) error {
	return newError(ErrInvalidRequest, string(op), reason, "nothing was sent; correct the request")
}
