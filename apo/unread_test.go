package apo

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// unread is a line of an inquiry's answer of whose amount nobody can say what it is.
func unread(kind TransactionType, state State, id string) string {
	return fmt.Sprintf(`{"transactionType":%q,"transactionStatus":%q,"transactionId":%q,"transactionAmount":"120.00"}`,
		kind, state, id)
}

// One line that cannot be read takes no other with it, and says of itself what can be read: money may have moved by it.
func TestOneUnreadableTransactionLeavesTheOthers(t *testing.T) {
	long := strings.Repeat("A", IDMax+1)
	for text, want := range map[string]string{
		unread(TransactionCapture, StateSuccess, "c2"):     "capture unclear c2",
		unread(TransactionCapture, StateFail, "c2"):        "capture unclear c2",
		unread(TransactionRefund, StateProcessing, "f2"):   "refund unclear f2",
		unread(TransactionVoid, StateSuccess, "v1"):        "other transaction v1",
		unread("CHARGEBACK", StateFail, "b1"):              "other transaction b1",
		unread(TransactionCapture, StateSuccess, long):     "capture unclear",
		`{"transactionStatus":"SUCCESS"}`:                  "other transaction",
		`"x"`:                                              "other transaction",
		`{"transactionType":{},"transactionId":"t1"}`:      "other transaction t1",
		unread(TransactionPayment, StateSuccess, "p1"):     "",
		unread(TransactionIncremental, StateSuccess, "i1"): "",
	} {
		facts, short := picture(t, StateSuccess, text, line(TransactionCapture, StateSuccess, "c1", 600, ""),
			line(TransactionRefund, StateFail, "f1", 100, ""))
		for _, other := range []string{"payment succeeded", "capture succeeded c1", "refund failed f1"} {
			assert.Contains(t, short, other, text)
		}
		if want == "" {
			assert.Len(t, facts, 3, text)
			continue
		}
		require.Len(t, facts, 4, text)
		assert.Contains(t, short, want, text)
		for _, f := range facts {
			if f.Kind() == CaptureUnclear || f.Kind() == RefundUnclear || f.Kind() == OtherTransaction {
				require.ErrorIs(t, f.Err(), ErrMalformed)
				assert.ErrorContains(t, f.Err(), "transaction")
				assert.Equal(t, Amount{}, f.Amount())
			} else {
				require.NoError(t, f.Err())
			}
		}
	}
}

// Whether the money is held or has moved is said by the type of the payment's line, whatever else of it can be read.
func TestThePaymentsUnreadableLineHasItsType(t *testing.T) {
	facts, _ := picture(t, StateSuccess, unread(TransactionPayment, StateSuccess, "p1"))
	assert.True(t, facts[0].PaidInOneStep())
	facts, _ = picture(t, StateSuccess, unread(TransactionPayment, StateFail, "p1"))
	assert.False(t, facts[0].PaidInOneStep())
	facts, _ = picture(t, StateSuccess, unread(TransactionAuthorization, StateSuccess, "a1"))
	assert.True(t, facts[0].Authorized())
}

// Beside a line of which not even the type can be read, which may be the authorization, nothing says that a payment was
// made in one step; nor does it say that the money is only held.
func TestBesideALineWithoutATypeNothingIsOfOneStep(t *testing.T) {
	pay := line(TransactionPayment, StateSuccess, "p1", 1000, "")
	facts, _ := picture(t, StateSuccess, pay)
	require.True(t, facts[0].PaidInOneStep())
	for _, without := range []string{`"x"`, `{"transactionStatus":"SUCCESS"}`,
		`{"transactionType":{},"transactionId":"t1"}`} {
		for _, lines := range [][]string{{pay, without}, {without, pay}} {
			facts, _ = picture(t, StateSuccess, lines...)
			for _, f := range facts {
				assert.False(t, f.PaidInOneStep() || f.Authorized(), "%s: %s", without, f.Kind())
			}
		}
	}
	facts, _ = picture(t, StateSuccess, pay, unread("CHARGEBACK", StateFail, "b1"))
	assert.True(t, facts[0].PaidInOneStep(), "its type says that it is no authorization")
}
