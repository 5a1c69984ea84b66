package apotest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/apo/apotest"
)

func TestCancelLetsGoWhatWasHeldOrPaid(t *testing.T) {
	m := open(t, apotest.Config{})
	m.card("c")
	r := m.call("cancel", map[string]any{"paymentId": "P-c"})
	m.is(r, "S", "SUCCESS")
	assert.Equal(t, "P-c", r.text("paymentId"))
	assert.Equal(t, "c", r.text("paymentRequestId"))
	at, err := time.Parse(time.RFC3339, r.text("cancelTime"))
	require.NoError(t, err)
	assert.True(t, at.Equal(start()))
	assert.Equal(t, int64(1000), m.server.Totals("c").Voided)
	assert.Zero(t, m.server.Totals("c").Held())

	m.wallet("w")
	m.is(m.cancel("w"), "S", "SUCCESS")
	assert.Equal(t, int64(1000), m.server.Totals("w").Returned)
	assert.Zero(t, m.server.Totals("w").Kept())

	m.register(apotest.Payment{PaymentRequestID: "unpaid"})
	m.is(m.cancel("unpaid"), "S", "SUCCESS")
	assert.Equal(t, apotest.Totals{}, m.server.Totals("unpaid"), "an unpaid payment moves nothing")
}

func TestCancelTakesThePaymentIDWhereBothAreGiven(t *testing.T) {
	m := open(t, apotest.Config{})
	m.card("a")
	m.card("b")
	r := m.call("cancel", map[string]any{"paymentId": "P-a", "paymentRequestId": "b"})
	m.is(r, "S", "SUCCESS")
	assert.Equal(t, "a", r.text("paymentRequestId"))
	assert.Equal(t, apotest.Success, m.server.Status("b"))
}

func TestCancelIsRefused(t *testing.T) {
	m := open(t, apotest.Config{})
	m.is(m.call("cancel", map[string]any{}), "F", "PARAM_ILLEGAL")
	m.is(m.cancel("nobody"), "F", "ORDER_NOT_EXIST")

	m.card("captured")
	m.is(m.capture("captured", "k", 400), "S", "SUCCESS")
	m.is(m.cancel("captured"), "F", "PROCESS_FAIL")

	m.wallet("part-refunded")
	m.is(m.refund("part-refunded", "r1", 1), "S", "SUCCESS")
	m.is(m.cancel("part-refunded"), "F", "PROCESS_FAIL")

	m.wallet("refunded")
	m.is(m.refund("refunded", "r2", 1000), "S", "SUCCESS")
	m.is(m.cancel("refunded"), "F", "PROCESS_FAIL")

	m.register(apotest.Payment{PaymentRequestID: "auto"})
	require.NoError(t, m.server.Submit("auto"))
	m.is(m.cancel("auto"), "F", "ORDER_STATUS_INVALID")
	require.NoError(t, m.server.FinishCapture("auto", false))
	m.is(m.cancel("auto"), "S", "SUCCESS")

	m.register(apotest.Payment{PaymentRequestID: "declined"})
	require.NoError(t, m.server.Decline("declined"))
	m.is(m.cancel("declined"), "F", "ORDER_IS_CLOSED")
}

func TestCancelAgain(t *testing.T) {
	for _, refuse := range []bool{false, true} {
		m := open(t, apotest.Config{Behaviour: apotest.Behaviour{RefuseSecondCancel: refuse}})
		m.card("c")
		first := m.cancel("c")
		m.is(first, "S", "SUCCESS")
		m.clock.Advance(time.Hour)
		again := m.cancel("c")
		if refuse {
			m.is(again, "F", "ORDER_STATUS_INVALID")
		} else {
			m.is(again, "S", "SUCCESS")
			assert.Equal(t, string(first.raw), string(again.raw))
		}
		assert.Len(t, m.server.Ledger(), 2, "authorized and voided once")
	}
}

func TestCancelWindows(t *testing.T) {
	const week = 7 * 24 * time.Hour
	// 2026-11-23 17:00 at UTC+8; the window of a wallet closes at 00:15 there, 7 h 15 min later.
	const wallet = 7*time.Hour + 15*time.Minute
	for _, c := range []struct {
		method string
		after  time.Duration
		want   string
	}{
		{"MERCADOPAGO_BR", week, "SUCCESS"},
		{"MERCADOPAGO_BR", week + time.Second, "CANCEL_WINDOW_EXCEED"},
		{"ALIPAY_CN", wallet, "SUCCESS"},
		{"ALIPAY_CN", wallet + time.Second, "CANCEL_WINDOW_EXCEED"},
		{"BANKTRANSFER_KASIKORNBANK", 0, "CANCEL_WINDOW_EXCEED"},
		{"BANKAPP_BANGKOKBANK", 0, "CANCEL_WINDOW_EXCEED"},
		{"DANA", 0, "PAYMENT_METHOD_NOT_SUPPORTED"},
		{"ONLINEBANKING_BCA", 0, "PAYMENT_METHOD_NOT_SUPPORTED"},
		{"JKOPAY", 0, "PAYMENT_METHOD_NOT_SUPPORTED"},
	} {
		t.Run(c.method+" "+c.after.String(), func(t *testing.T) {
			m := open(t, apotest.Config{})
			m.register(apotest.Payment{PaymentRequestID: "p", Method: c.method})
			require.NoError(t, m.server.Submit("p"))
			m.clock.Advance(c.after)
			assert.Equal(t, c.want, m.cancel("p").code)
		})
	}
	m := open(t, apotest.Config{})
	m.register(apotest.Payment{PaymentRequestID: "unpaid", Method: "ONLINEBANKING_KRUNGTHAIBANK"})
	m.is(m.cancel("unpaid"), "S", "SUCCESS")
	m.register(apotest.Payment{PaymentRequestID: "own", Method: "ALIPAY_CN", Window: apotest.WindowNever})
	m.is(m.cancel("own"), "F", "PAYMENT_METHOD_NOT_SUPPORTED")
}
