package apo

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// It names the raise and the new total. The only time in it is the authorization's, which says nothing of the raise;
// and an updateRequestId beside a payment's result names no transfer of that payment.
func TestARaisesNotificationHasItsIDAndTheNewTotal(t *testing.T) {
	const members = `"paymentId":"P1","paymentRequestId":"R1","updateRequestId":"U1",
		"paymentAmount":{"currency":"JPY","value":"1500"},"paymentTime":"2026-01-02T09:00:00+09:00"`
	of := func(kind string) Verified {
		header, body := notified(with("S", "SUCCESS", `"notifyType":"`+kind+`",`+members))
		fact, err := verifierOf(t, nil).VerifyNotification(http.MethodPost, notifyPath, header, body)
		require.NoError(t, err)
		return fact
	}
	fact := of("UPDATE_AMOUNT_RESULT")
	assert.Equal(t, OpNotifyPayment, fact.Op())
	assert.Equal(t, "payment raised JPY 1500, payment P1, payment request R1, request U1", fact.String())
	assert.True(t, fact.Time().IsZero())
	assert.False(t, fact.Authorized(), "that is said of the payment")
	read, err := fact.Evidence().Read()
	require.NoError(t, err)
	assert.Equal(t, []Told{{Kind: PaymentRaised, PaymentID: "P1", PaymentRequestID: "R1", RequestID: "U1",
		Amount: jpy(1500)}}, read.Facts, "and a judge reads the same")

	paid := of("PAYMENT_RESULT")
	assert.Empty(t, paid.RequestID())
	assert.Equal(t, utc(t, "2026-01-02T00:00:00Z"), paid.Time())
}

// What an authorization was raised to was let go of with it: the raise comes before the cancel that undid both.
func TestARaiseComesBeforeTheCancelThatUndidIt(t *testing.T) {
	_, short := picture(t, StateCancelled,
		line(TransactionVoid, StateSuccess, "v1", 1500, "2026-01-03T00:00:00Z"),
		line(TransactionIncremental, StateSuccess, "i2", 1500, "2026-01-02T00:00:00Z"),
		line(TransactionIncremental, StateFail, "i1", 1200, "2026-01-02T00:00:00Z"),
		line(TransactionAuthorization, StateSuccess, "a1", 1000, "2026-01-01T00:00:00Z"))
	assert.Equal(t, []string{"payment succeeded a1", "payment raised i2", "raise failed i1", "cancelled v1", "cancelled"},
		short)
}
