package apo

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A kept message is read as it was when it was verified, and says nothing but what it says.
func TestEvidence_Read(t *testing.T) {
	const result = `"result":{"resultStatus":"S","resultCode":"SUCCESS","resultMessage":"well"}`
	for name, tt := range map[string]struct {
		path, body string
		op         Op
		kinds      []Kind
	}{
		"a notification": {"/hear", `{` + result +
			`,"notifyType":"CAPTURE_RESULT","captureId":"c-1","captureRequestId":"r-1",` +
			`"captureAmount":{"value":"5","currency":"USD"}}`, OpNotifyCapture, []Kind{CaptureSucceeded}},
		"an answer": {"/ams/api/v1/payments/cancel", `{` + result + `,"paymentId":"p-1"}`, OpCancel, []Kind{Cancelled}},
		"an inquiry": {"/ams/api/v1/payments/inquiryPayment", `{` + result + `,"paymentId":"p-1","paymentStatus":"SUCCESS",` +
			`"transactions":[{"transactionType":"REFUND","transactionStatus":"SUCCESS","transactionId":"t-1",` +
			`"transactionAmount":{"value":"5","currency":"USD"}}]}`, OpInquirePayment,
			[]Kind{PaymentSucceeded, RefundSucceeded}},
		"an inquiry without transactions": {"/ams/api/v1/payments/inquiryPayment",
			`{` + result + `,"paymentId":"p-1","paymentStatus":"FAIL"}`, OpInquirePayment, []Kind{PaymentFailed}},
		"what names nothing": {"/ams/api/v1/payments/cancel", `{` + result + `}`, OpCancel, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := Evidence{Path: tt.path, Body: []byte(tt.body)}.Read()
			require.NoError(t, err)
			assert.Equal(t, tt.op, r.Op)
			assert.Equal(t, Succeeded, r.Class)
			assert.Equal(t, [3]string{"S", "SUCCESS", "well"}, [3]string{r.Status, r.Code, r.Message})
			c, err := readContent(tt.op, []byte(tt.body))
			require.NoError(t, err)
			var kinds []Kind
			for i, v := range prove(&c, nil) {
				kinds = append(kinds, v.Kind())
				assert.Equal(t, v.told(), r.Facts[i])
			}
			assert.Equal(t, tt.kinds, kinds)
			assert.Len(t, r.Facts, len(kinds))
		})
	}
}

func TestEvidence_ReadOfWhatCannotBeRead(t *testing.T) {
	_, err := Evidence{Path: "/hear", Body: []byte("garbage")}.Read()
	require.ErrorIs(t, err, ErrMalformed)
	r, err := Evidence{Path: "/hear", Body: []byte(`{"notifyType":"CARD","paymentId":"P"}`)}.Read()
	require.ErrorIs(t, err, ErrUnknownNotification)
	assert.Equal(t, Reading{Op: OpNotification, Type: "CARD", PaymentID: "P"}, r)
	r, err = Evidence{Path: "/v1/refund",
		Body: []byte(`{"result":{"resultStatus":"U","resultCode":"X"},"refundId":[]}`)}.Read()
	require.ErrorIs(t, err, ErrMalformed)
	assert.Equal(t, Reading{Op: OpRefund, Status: "U", Code: "X"}, r, "what could be read of the result")
}

// What a Reader read before leaves nothing in what it reads next, whether that can be read or not.
func TestReader_ForgetsTheMessageBefore(t *testing.T) {
	const result = `{"result":{"resultStatus":"S","resultCode":"SUCCESS"}`
	messages := []Evidence{
		{Path: "/v1/inquiryPayment", Body: []byte(result + `,"paymentId":"p-1","paymentStatus":"SUCCESS","transactions":[` +
			`{"transactionType":"REFUND","transactionStatus":"SUCCESS","transactionId":"t-1"}]}`)},
		{Path: "/v1/capture", Body: []byte(result + `,"captureId":"c-1"}`)},
		{Path: "/v1/cancel", Body: []byte(result + `}`)},
		{Path: "/v1/capture", Body: []byte("garbage")},
		{Path: "/hear", Body: []byte(`{"notifyType":"DISPUTE"}`)},
		{Path: "/hear", Body: []byte(`{"disputeNotificationType":"DISPUTE_JUDGED","disputeId":"D","paymentId":"P",` +
			`"disputeJudgedResult":"ACCEPT_BY_MERCHANT","disputeJudgedAmount":{"value":"5","currency":"USD"}}`)},
	}
	var r Reader
	var got Reading
	for i := range messages {
		for j := range messages {
			_ = r.Read(&messages[i], &got)
			err := r.Read(&messages[j], &got)
			want, wrong := messages[j].Read()
			assert.Equal(t, wrong, err)
			assert.Empty(t, got.Facts[len(want.Facts):])
			assert.Equal(t, append([]Told(nil), want.Facts...), append([]Told(nil), got.Facts...))
			rest := got
			rest.Facts, want.Facts = nil, nil
			assert.Equal(t, want, rest)
		}
	}
}
