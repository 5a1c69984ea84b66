package apo

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestVerifyAnswerOfAPayCall(t *testing.T) {
	const path, ids = "/ams/api/v1/payments/pay",
		`"paymentId":"P1","paymentRequestId":"R1","paymentAmount":{"currency":"JPY","value":"1000"}`
	for name, row := range map[string]struct {
		body string
		want Kind
	}{
		"S":                    {with("S", "SUCCESS", ids), PaymentSucceeded},
		"F":                    {with("F", "USER_BALANCE_NOT_ENOUGH", ids), PaymentFailed},
		"in process":           {with("U", "PAYMENT_IN_PROCESS", ids), PaymentPending},
		"unknown":              {with("U", "UNKNOWN_EXCEPTION", ids), 0},
		"F that names nobody":  {with("F", "USER_BALANCE_NOT_ENOUGH", ""), 0},
		"F of an earlier call": {with("F", "REPEAT_REQ_INCONSISTENT", ids), 0},
	} {
		header := http.Header{}
		signed(header, path, headerResponseTime, testResponseTime, row.body)
		facts, err := verifierOf(t, nil).VerifyAnswer(OpPay, path, header, []byte(row.body))
		if row.want == 0 {
			require.ErrorIs(t, err, ErrNoFact, name)
			assert.Empty(t, facts, name)
			continue
		}
		require.NoError(t, err, name)
		require.Len(t, facts, 1, name)
		assert.Equal(t, row.want, facts[0].Kind(), name)
		assert.Equal(t, jpy(1000), facts[0].Amount(), name)
	}
}

func TestVerifyAnswerRefusesWhatItCannotTrust(t *testing.T) {
	const path = "/ams/api/v1/payments/cancel"
	header := http.Header{}
	signed(header, path, headerResponseTime, testResponseTime, done)
	v := verifierOf(t, nil)
	facts, err := v.VerifyAnswer(OpCancel, path, header, []byte(done))
	require.NoError(t, err)
	assert.Equal(t, Cancelled, facts[0].Kind())

	_, err = v.VerifyAnswer(OpCancel, path+"led", header, []byte(done))
	require.ErrorIs(t, err, ErrSignature)
	_, err = v.VerifyAnswer(OpCancel, path, header, []byte(done+" "))
	require.ErrorIs(t, err, ErrSignature)
	_, err = v.VerifyAnswer(OpCancel, path, http.Header{}, []byte(done))
	require.ErrorIs(t, err, ErrUnsigned)
	_, err = v.VerifyAnswer(OpCancel, path, header, make([]byte, BodyMax+1))
	require.ErrorIs(t, err, ErrTooLarge)
	for _, op := range []Op{"", "payout", OpNotifyPayment} {
		_, err = v.VerifyAnswer(op, path, header, []byte(done))
		require.ErrorIs(t, err, ErrInvalidRequest, op)
	}
	signed(header, path, headerResponseTime, testResponseTime, "{}")
	_, err = v.VerifyAnswer(OpCancel, path, header, []byte("{}"))
	require.ErrorIs(t, err, ErrMalformed)
}
