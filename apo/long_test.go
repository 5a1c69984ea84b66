package apo

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pictureOf is an answer to an inquiry that tells of so many refunds.
func pictureOf(refunds int) string {
	lines := make([]string, refunds)
	for i := range lines {
		lines[i] = fmt.Sprintf(`{"transactionType":"REFUND","transactionStatus":"SUCCESS","transactionId":"F%d",`+
			`"transactionAmount":{"currency":"JPY","value":"1"}}`, i)
	}
	return with("S", "SUCCESS", `"paymentId":"P1","paymentStatus":"SUCCESS","transactions":[`+strings.Join(lines, ",")+`]`)
}

// As many transactions as there may be are facts each, in their order; with one more the signed answer is kept and
// proves nothing.
func TestTransactionsAreBounded(t *testing.T) {
	body := pictureOf(TransactionsMax)
	require.Less(t, len(body), BodyMax)
	picture := clientOf(t, newGateway(t, answering(body)).URL, nil).
		InquirePayment(t.Context(), InquirePaymentRequest{PaymentID: "P1"})
	require.NoError(t, picture.Err)
	require.Len(t, picture.Facts, 1+TransactionsMax)
	assert.Equal(t, fmt.Sprintf("F%d", TransactionsMax-1), picture.Facts[TransactionsMax].TransferID())
	told, err := picture.Evidence.Read()
	require.NoError(t, err)
	assert.Len(t, told.Facts, 1+TransactionsMax, "and a replay reads as many")

	picture = clientOf(t, newGateway(t, answering(pictureOf(TransactionsMax+1))).URL, nil).
		InquirePayment(t.Context(), InquirePaymentRequest{PaymentID: "P1"})
	assert.Equal(t, Unknown, picture.Class)
	require.ErrorIs(t, picture.Err, ErrMalformed)
	require.ErrorContains(t, picture.Err, "transactions has more than 4096 entries")
	assert.ErrorContains(t, picture.Err, "show APO's support the body")
	assert.Empty(t, picture.Facts)
	require.NotNil(t, picture.Evidence, "a person can look at it")
	assert.NoError(t, picture.Evidence.Verify(testKeys().Public["1"]))
	_, err = picture.Evidence.Read()
	assert.ErrorIs(t, err, ErrMalformed)
}

// What is too long is too long at each try, so the remedy is another one than for what may be a slip of a proxy.
func TestAnAnswerThatIsTooLongIsNotAskedForAgain(t *testing.T) {
	answer := clientOf(t, newGateway(t, answering(done+strings.Repeat(" ", BodyMax))).URL, nil).
		InquirePayment(t.Context(), InquirePaymentRequest{PaymentID: "P1"})
	require.ErrorIs(t, answer.Err, ErrTooLarge)
	assert.ErrorContains(t, answer.Err, "have APO's support say what became of it")
	assert.NotContains(t, answer.Err.Error(), "inquire with")
}
