package apo

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func utc(t *testing.T, text string) time.Time {
	t.Helper()
	at, ok := parseTime(text)
	require.True(t, ok)
	return at
}

func TestTheGuidesCancelAnswerSucceeds(t *testing.T) {
	g := newGateway(t, answering(`{
  "cancelTime": "2019-06-12T19:07:11+08:00",
  "paymentId": "2019061218401080010018882020035XXXX",
  "paymentRequestId": "pay_2089760038715669_20277574507XXXX",
  "result": {
    "resultCode": "SUCCESS",
    "resultMessage": "Success",
    "resultStatus": "S"
  }
}`))
	answer := clientOf(t, g.URL, nil).Cancel(t.Context(), CancelRequest{PaymentID: "2019061218401080010018882020035XXXX"})
	require.NoError(t, answer.Err)
	assert.Equal(t, Succeeded, answer.Class)
	assert.Equal(t, "2019061218401080010018882020035XXXX", answer.PaymentID)
	assert.Equal(t, "pay_2089760038715669_20277574507XXXX", answer.PaymentRequestID)
	assert.Equal(t, time.Date(2019, 6, 12, 11, 7, 11, 0, time.UTC), answer.Time)
	assert.Equal(t, [3]string{"S", "SUCCESS", "Success"}, [3]string{answer.Status, answer.Code, answer.Message})
	assert.Equal(t, 200, answer.HTTPStatus)
	require.Len(t, answer.Facts, 1)
	fact := answer.Facts[0]
	assert.Equal(t, Cancelled, fact.Kind())
	assert.Equal(t, answer.Time, fact.Time())
	assert.Equal(t, OpCancel, fact.Op())
}

func TestEvidenceVerifiesOnItsOwnAndCannotBeRewritten(t *testing.T) {
	g := newGateway(t, answering(with("S", "SUCCESS", `"paymentId":"P1"`)))
	answer := clientOf(t, g.URL, nil).Cancel(t.Context(), CancelRequest{PaymentID: "P1"})
	require.NotNil(t, answer.Evidence)
	require.NoError(t, answer.Evidence.Verify(&gatewayKey().PublicKey))
	require.ErrorIs(t, answer.Evidence.Verify(&merchantKey().PublicKey), ErrSignature)
	require.ErrorIs(t, answer.Evidence.Verify(nil), ErrKey)
	assert.Equal(t, testResponseTime, answer.Evidence.Time)
	assert.Equal(t, testClientID, answer.Evidence.ClientID)

	answer.Evidence.Body[5] ^= 1
	require.ErrorIs(t, answer.Evidence.Verify(&gatewayKey().PublicKey), ErrSignature)
	answer.Facts[0].Evidence().Body[5] ^= 1
	require.NoError(t, answer.Facts[0].Evidence().Verify(&gatewayKey().PublicKey), "a fact's evidence is out of reach")
}

func TestCaptureAndRefundAnswers(t *testing.T) {
	g := newGateway(t, answering(with("S", "SUCCESS", `"captureId":"K1","captureRequestId":"C1","paymentId":"P1",
		"captureAmount":{"currency":"JPY","value":"1000"},"captureTime":"2022-11-10T00:34:52-08:00",
			"acquirerInfo":{"acquirerName":"x"}`)))
	captured := clientOf(t, g.URL, nil).Capture(t.Context(),
		CaptureRequest{CaptureRequestID: "C1", PaymentID: "P1", Amount: jpy(1000)})
	require.NoError(t, captured.Err)
	assert.Equal(t, CaptureAnswer{
		Answer: captured.Answer, CaptureID: "K1", CaptureRequestID: "C1", PaymentID: "P1",
		Amount: jpy(1000), Time: utc(t, "2022-11-10T08:34:52Z"),
	}, captured)
	assert.Equal(t, Succeeded, captured.Class)
	require.Len(t, captured.Facts, 1)
	assert.Equal(t, "capture succeeded JPY 1000, payment P1, transfer K1, request C1", captured.Facts[0].String())

	g = newGateway(t, answering(with("S", "SUCCESS", `"refundId":"K2","refundRequestId":"F1","paymentId":"P1",
		"refundAmount":{"currency":"JPY","value":400},"refundTime":"2022-11-10T00:34:52-08:00"`)))
	refunded := clientOf(t, g.URL, nil).Refund(t.Context(),
		RefundRequest{RefundRequestID: "F1", PaymentID: "P1", Amount: jpy(400)})
	require.NoError(t, refunded.Err)
	assert.Equal(t, RefundAnswer{
		Answer: refunded.Answer, RefundID: "K2", RefundRequestID: "F1", PaymentID: "P1",
		Amount: jpy(400), Time: utc(t, "2022-11-10T08:34:52Z"),
	}, refunded)
	assert.Equal(t, Accepted, refunded.Class, "S only accepts a refund")
	require.Len(t, refunded.Facts, 1)
	assert.Equal(t, RefundPending, refunded.Facts[0].Kind())
}

func TestAnswersByStatusAndCode(t *testing.T) {
	for name, row := range map[string]struct {
		status, code string
		class        Class
		err          error
		notExist     bool
	}{
		"definite no":   {"F", "PARAM_ILLEGAL", Failed, nil, false},
		"wrong picture": {"F", "PROCESS_FAIL", WrongPicture, nil, false},
		"not there":     {"F", "ORDER_NOT_EXIST", WrongPicture, nil, true},
		"unheard of":    {"F", "NEVER_SEEN", UnknownFailure, ErrUnknownCode, false},
		"undecided":     {"U", "UNKNOWN_EXCEPTION", Unknown, ErrUndecided, false},
		"no status":     {"", "SUCCESS", Unknown, ErrMalformed, false},
		"odd status":    {"X", "SUCCESS", Unknown, ErrMalformed, false},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t, answering(with(row.status, row.code, "")))
			answer := clientOf(t, g.URL, nil).Cancel(t.Context(), CancelRequest{PaymentID: "P1"})
			assert.Equal(t, row.class, answer.Class)
			assert.ErrorIs(t, answer.Err, row.err)
			assert.Equal(t, row.notExist, answer.NotExist())
			assert.Equal(t, row.code, answer.Code)
			assert.NotNil(t, answer.Evidence)
			assert.Empty(t, answer.Facts)
		})
	}
}

func TestAContradictingAnswerProvesNothing(t *testing.T) {
	cancel := func(c *Client) Answer {
		return c.Cancel(t.Context(), CancelRequest{PaymentID: "P1", PaymentRequestID: "R1"}).Answer
	}
	capture := func(c *Client) Answer {
		return c.Capture(t.Context(), CaptureRequest{CaptureRequestID: "C1", PaymentID: "P1", Amount: jpy(1000)}).Answer
	}
	refund := func(c *Client) Answer {
		return c.Refund(t.Context(), RefundRequest{RefundRequestID: "F1", PaymentID: "P1", Amount: jpy(1000)}).Answer
	}
	inquire := func(c *Client) Answer {
		return c.InquirePayment(t.Context(), InquirePaymentRequest{PaymentRequestID: "R1"}).Answer
	}
	inquireRefund := func(c *Client) Answer {
		return c.InquireRefund(t.Context(), InquireRefundRequest{RefundID: "K1", RefundRequestID: "F1"}).Answer
	}
	for name, row := range map[string]struct {
		call func(*Client) Answer
		body string
		says string
	}{
		"cancel, other payment": {cancel, with("S", "SUCCESS", `"paymentId":"P2"`), "payment id"},
		"cancel, other request": {cancel, with("S", "SUCCESS", `"paymentId":"P1","paymentRequestId":"R2"`),
			"payment request id"},
		"cancel, a failure of another": {cancel, with("F", "PARAM_ILLEGAL", `"paymentId":"P2"`), "payment id"},
		"capture, other id":            {capture, with("S", "SUCCESS", `"captureRequestId":"C2"`), "request id"},
		"capture, other payment":       {capture, with("S", "SUCCESS", `"paymentId":"P2"`), "payment id"},
		"capture, other amount": {capture, with("S", "SUCCESS", `"captureAmount":{"currency":"JPY","value":"999"}`),
			"JPY 999"},
		"capture, other currency": {capture, with("S", "SUCCESS", `"captureAmount":{"currency":"USD","value":"1000"}`),
			"USD 10.00"},
		"refund, other id": {refund, with("S", "SUCCESS", `"refundRequestId":"F2"`), "request id"},
		"refund, other amount": {refund, with("S", "SUCCESS", `"refundAmount":{"currency":"JPY","value":"1001"}`),
			"JPY 1001"},
		"inquiry, other request": {inquire, with("S", "SUCCESS", `"paymentRequestId":"R2","paymentStatus":"SUCCESS"`),
			"payment request id"},
		"refund inquiry, other id": {inquireRefund, with("S", "SUCCESS", `"refundId":"K2","refundStatus":"SUCCESS"`),
			"transfer id"},
		"refund inquiry, other request": {inquireRefund,
			with("S", "SUCCESS", `"refundRequestId":"F2","refundStatus":"SUCCESS"`), "request id"},
	} {
		t.Run(name, func(t *testing.T) {
			answer := row.call(clientOf(t, newGateway(t, answering(row.body)).URL, nil))
			assert.Equal(t, Unknown, answer.Class)
			require.ErrorIs(t, answer.Err, ErrContradiction)
			assert.ErrorContains(t, answer.Err, row.says)
			assert.NotNil(t, answer.Evidence, "what was signed is kept all the same")
			assert.Empty(t, answer.Facts)
		})
	}
	g := newGateway(t, answering(with("F", "REPEAT_REQ_INCONSISTENT", `"captureAmount":{"currency":"JPY","value":"999"}`)))
	assert.Equal(t, WrongPicture, capture(clientOf(t, g.URL, nil)).Class, "a failure may quote the amount that stands")
}

func TestInquirePaymentGivesAPOsPicture(t *testing.T) {
	g := newGateway(t, answering(with("S", "SUCCESS", `"paymentId":"P1","paymentRequestId":"R1",
		"paymentStatus":"SUCCESS","paymentResultCode":"SUCCESS",
		"paymentAmount":{"currency":"JPY","value":"1000"},"paymentCreateTime":"2026-01-01T08:00:00+08:00",
			"paymentTime":"2026-01-01T08:01:00+08:00",
		"authExpiryTime":"2026-01-08T08:01:00+08:00","transactions":[
		{"transactionType":"CAPTURE","transactionStatus":"SUCCESS","transactionId":"K1","transactionRequestId":"C1",
		 "transactionAmount":{"currency":"JPY","value":"1000"},"transactionTime":"2026-01-02T08:00:00+08:00"}]`)))
	picture := clientOf(t, g.URL, nil).InquirePayment(t.Context(), InquirePaymentRequest{PaymentID: "P1"})
	require.NoError(t, picture.Err)
	require.Len(t, picture.Facts, 2)
	assert.Equal(t, PaymentPicture{
		Answer: picture.Answer, PaymentID: "P1", PaymentRequestID: "R1", State: StateSuccess, StateCode: "SUCCESS",
		Amount: jpy(1000), CreateTime: utc(t, "2026-01-01T00:00:00Z"), PaymentTime: utc(t, "2026-01-01T00:01:00Z"),
		AuthExpiry: utc(t, "2026-01-08T00:01:00Z"),
		Transactions: []Transaction{{
			Type: TransactionCapture, State: StateSuccess, ID: "K1", RequestID: "C1",
			Amount: jpy(1000), Time: utc(t, "2026-01-02T00:00:00Z"),
		}},
	}, picture)
	assert.Equal(t, Succeeded, picture.Class)
	assert.Equal(t, picture.AuthExpiry, picture.Facts[0].AuthExpiry())
	assert.Equal(t, TransactionCapture, picture.Facts[1].TransactionType())
	assert.Equal(t, StateSuccess, picture.Facts[1].TransactionState())
}

func TestInquiriesSpeakOfTheQueryAlone(t *testing.T) {
	inquire := func(c *Client) Answer {
		return c.InquirePayment(t.Context(), InquirePaymentRequest{PaymentID: "P1"}).Answer
	}
	inquireRefund := func(c *Client) Answer {
		return c.InquireRefund(t.Context(), InquireRefundRequest{RefundRequestID: "F1"}).Answer
	}
	for name, row := range map[string]struct {
		call  func(*Client) Answer
		body  string
		class Class
		err   error
		facts int
	}{
		"payment failed": {inquire, with("S", "SUCCESS", `"paymentId":"P1","paymentStatus":"FAIL"`), Succeeded, nil, 1},
		"payment unknown to us": {inquire, with("S", "SUCCESS", `"paymentId":"P1","paymentStatus":"LIMBO"`), Unknown,
			ErrMalformed, 0},
		"no payment status": {inquire, with("S", "SUCCESS", `"paymentId":"P1"`), Unknown, ErrMalformed, 0},
		"no payment id":     {inquire, with("S", "SUCCESS", `"paymentStatus":"SUCCESS"`), Succeeded, nil, 0},
		"no such payment":   {inquire, with("F", "ORDER_NOT_EXIST", ""), NotExist, nil, 0},
		"refused":           {inquire, with("F", "ACCESS_DENIED", ""), Unknown, ErrUnknownCode, 0},
		"undecided":         {inquire, with("U", "UNKNOWN_EXCEPTION", ""), Unknown, ErrUndecided, 0},
		"refund failed": {inquireRefund, with("S", "SUCCESS", `"refundRequestId":"F1","refundStatus":"FAIL"`),
			Succeeded, nil, 1},
		"refund pending": {inquireRefund, with("S", "SUCCESS", `"refundRequestId":"F1","refundStatus":"PROCESSING"`),
			Succeeded, nil, 1},
		"refund status unheard": {inquireRefund, with("S", "SUCCESS", `"refundRequestId":"F1","refundStatus":"MAYBE"`),
			Unknown, ErrMalformed, 0},
		"no such refund":    {inquireRefund, with("F", "REFUND_NOT_EXIST", ""), NotExist, nil, 0},
		"code of the other": {inquireRefund, with("F", "ORDER_NOT_EXIST", ""), Unknown, ErrUnknownCode, 0},
	} {
		t.Run(name, func(t *testing.T) {
			answer := row.call(clientOf(t, newGateway(t, answering(row.body)).URL, nil))
			assert.Equal(t, row.class, answer.Class)
			assert.ErrorIs(t, answer.Err, row.err)
			if name == "refused" {
				assert.ErrorContains(t, answer.Err, `the query was refused: "ACCESS_DENIED"`)
			}
			assert.Len(t, answer.Facts, row.facts)
		})
	}
}
