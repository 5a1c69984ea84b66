package apotest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/apo/apotest"
)

// APO tells a payment done, then failed: nobody has the money any more, until the buyer pays after all.
func TestAPaymentIsTakenBack(t *testing.T) {
	for method, want := range map[string]apotest.Totals{
		"ALIPAY_CN": {Currency: "EUR", Paid: 1000, Reversed: 1000},
		"CARD":      {Currency: "EUR", Authorized: 1000, Voided: 1000}} {
		m := open(t, apotest.Config{})
		m.is(m.call("pay", payOf("p", method, factor(true, "MANUAL"))), "U", "PAYMENT_IN_PROCESS")
		if method == "ALIPAY_CN" {
			m = open(t, apotest.Config{})
			m.is(m.call("pay", payOf("p", method, nil)), "U", "PAYMENT_IN_PROCESS")
		}
		require.ErrorIs(t, m.server.FailPayment("p"), apotest.ErrPlay, "nothing has succeeded")
		require.NoError(t, m.server.Submit("p"))
		m.server.TakeNotifications()
		require.NoError(t, m.server.FailPayment("p"))
		assert.Equal(t, want, m.server.Totals("p"))
		assert.Zero(t, m.server.Totals("p").Kept()+m.server.Totals("p").Held())
		told := body(t, m, one(t, m))
		assert.Equal(t, "F", told["result"].(map[string]any)["resultStatus"])
		assert.Equal(t, "FAIL", m.inquire("p").fields["paymentStatus"])
		require.ErrorIs(t, m.server.FailPayment("p"), apotest.ErrPlay, "once")
		require.NoError(t, m.server.PayLate("p"))
		assert.Equal(t, "SUCCESS", m.inquire("p").fields["paymentStatus"])
	}
}

// APO tells a payment with another amount than before, in its messages and its ledger alike.
func TestAPaymentIsOfAnotherAmount(t *testing.T) {
	m := open(t, apotest.Config{})
	m.is(m.call("pay", payOf("p", "CARD", factor(true, "MANUAL"))), "U", "PAYMENT_IN_PROCESS")
	require.NoError(t, m.server.Submit("p"))
	_, err := m.server.DashboardCapture("p", 300)
	require.NoError(t, err)
	for _, minor := range []int64{0, -1, 299, 1000} {
		require.ErrorIs(t, m.server.CorrectPayment("p", minor), apotest.ErrPlay, "%d", minor)
	}
	for _, minor := range []int64{800, 1200} {
		m.server.TakeNotifications()
		require.NoError(t, m.server.CorrectPayment("p", minor))
		assert.Equal(t, minor-300, m.server.Totals("p").Held())
		assert.Equal(t, money(minor), body(t, m, one(t, m))["paymentAmount"])
		assert.Equal(t, money(minor), m.inquire("p").fields["paymentAmount"])
	}
	_, err = m.server.DashboardCapture("p", 901)
	require.ErrorContains(t, err, "CAPTURE_AMOUNT_EXCEED_AUTH_LIMIT")
	_, err = m.server.DashboardCapture("p", 900)
	require.NoError(t, err)
}
