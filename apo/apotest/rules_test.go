package apotest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/apo/apotest"
)

func TestCaptureMovesWhatIsHeld(t *testing.T) {
	m := open(t, apotest.Config{})
	m.card("c")
	r := m.capture("c", "k1", 300)
	m.is(r, "S", "SUCCESS")
	assert.Equal(t, "k1", r.text("captureRequestId"))
	assert.Equal(t, "P-c", r.text("paymentId"))
	assert.Equal(t, map[string]any{"currency": "EUR", "value": "300"}, r.fields["captureAmount"])
	assert.NotEmpty(t, r.text("captureId"))
	m.is(m.capture("c", "k2", 700), "S", "SUCCESS")
	totals := m.server.Totals("P-c")
	assert.Equal(t, int64(1000), totals.Captured)
	assert.Zero(t, totals.Held())
	assert.Equal(t, int64(1000), totals.Kept())
}

func TestCaptureIsRefused(t *testing.T) {
	m := open(t, apotest.Config{})
	m.is(m.capture("nobody", "k0", 1), "F", "AUTH_NOT_FOUND")
	m.is(m.call("capture", map[string]any{"captureRequestId": "k", "paymentId": "P"}), "F", "PARAM_ILLEGAL")

	m.card("c")
	m.is(m.capture("c", "k1", 1001), "F", "CAPTURE_AMOUNT_EXCEED_AUTH_LIMIT")
	m.is(m.capture("c", "k2", 600), "S", "SUCCESS")
	m.is(m.capture("c", "k3", 401), "F", "CAPTURE_AMOUNT_EXCEED_AUTH_LIMIT")
	m.is(m.call("capture", map[string]any{"captureRequestId": "k4", "paymentId": "P-c",
		"captureAmount": amountOf("USD", 1)}),
		"F", "CURRENCY_NOT_SUPPORT")

	m.register(apotest.Payment{PaymentRequestID: "single", Capture: apotest.Manual, SingleCapture: true})
	m.is(m.capture("single", "k5", 1), "F", "ORDER_STATUS_INVALID")
	require.NoError(t, m.server.Submit("single"))
	m.is(m.capture("single", "k6", 1), "S", "SUCCESS")
	m.is(m.capture("single", "k7", 1), "F", "MULTI_CAPTURE_NOT_SUPPORTED")

	m.card("cancelled")
	m.is(m.cancel("cancelled"), "S", "SUCCESS")
	m.is(m.capture("cancelled", "k8", 1), "F", "ORDER_IS_CANCELED")

	m.card("void")
	require.NoError(t, m.server.VoidAuthorization("void"))
	m.is(m.capture("void", "k9", 1), "F", "AUTH_CANCELLED")

	m.wallet("w")
	m.is(m.capture("w", "k10", 1), "F", "ORDER_STATUS_INVALID")

	m.register(apotest.Payment{PaymentRequestID: "auto"})
	require.NoError(t, m.server.Submit("auto"))
	m.is(m.capture("auto", "k11", 1), "F", "ORDER_STATUS_INVALID")
}

func TestAuthorizationRunsOut(t *testing.T) {
	m := open(t, apotest.Config{})
	m.card("c")
	m.card("part")
	m.is(m.capture("part", "k", 400), "S", "SUCCESS")
	m.server.TakeNotifications()
	m.clock.Advance(7*24*time.Hour + time.Second)
	m.is(m.capture("c", "k1", 1), "F", "AUTH_EXPIRED")
	m.is(m.capture("part", "k2", 1), "F", "AUTH_EXPIRED")
	assert.Equal(t, "CANCELLED", m.inquire("c").text("paymentStatus"))
	assert.Equal(t, "SUCCESS", m.inquire("part").text("paymentStatus"))
	assert.Empty(t, m.server.TakeNotifications(), "APO says nothing of it")
	assert.Zero(t, m.server.Totals("part").Held())
	m.is(m.refund("part", "r", 400), "S", "SUCCESS")
}

func TestAuthorizationWaitsForItsCapture(t *testing.T) {
	m := open(t, apotest.Config{Behaviour: apotest.Behaviour{AsyncCapture: true}})
	m.card("c")
	m.register(apotest.Payment{PaymentRequestID: "other"})
	m.is(m.capture("c", "k", 1000), "U", "CAPTURE_IN_PROCESS")
	m.clock.Advance(8 * 24 * time.Hour)
	assert.Equal(t, apotest.Success, m.server.Status("c"))
	require.NoError(t, m.server.FinishCapture("c", false))
	assert.Equal(t, apotest.Cancelled, m.server.Status("c"))
	assert.Equal(t, int64(1000), m.server.Totals("c").Voided)
}

func TestCaptureInProcess(t *testing.T) {
	m := open(t, apotest.Config{Behaviour: apotest.Behaviour{AsyncCapture: true}})
	m.card("c")
	m.is(m.capture("c", "k", 1000), "U", "CAPTURE_IN_PROCESS")
	m.is(m.capture("c", "k", 1000), "U", "CAPTURE_IN_PROCESS")
	m.is(m.cancel("c"), "F", "ORDER_STATUS_INVALID")
	m.is(m.refund("c", "r", 1), "F", "ORDER_STATUS_INVALID")
	require.NoError(t, m.server.FinishCapture("c", true))
	m.is(m.capture("c", "k", 1000), "S", "SUCCESS")
	assert.Equal(t, int64(1000), m.server.Totals("c").Captured)
	assert.ErrorIs(t, m.server.FinishCapture("c", true), apotest.ErrPlay)
}

func TestRefundMovesMoneyBack(t *testing.T) {
	m := open(t, apotest.Config{})
	m.wallet("w")
	r := m.refund("w", "r1", 400)
	m.is(r, "S", "SUCCESS")
	assert.Equal(t, "r1", r.text("refundRequestId"))
	assert.NotEmpty(t, r.text("refundId"))
	m.is(m.refund("w", "r2", 600), "S", "SUCCESS")
	m.is(m.refund("w", "r3", 1), "F", "REFUND_AMOUNT_EXCEED")
	assert.Zero(t, m.server.Totals("w").Kept())
	assert.Equal(t, "SUCCESS", m.inquireRefund("r1").text("refundStatus"))
	byID := m.call("inquiryRefund", map[string]any{"refundId": r.text("refundId"), "refundRequestId": "r2"})
	assert.Equal(t, "r1", byID.text("refundRequestId"), "the refundId wins")
	m.is(m.inquireRefund("r9"), "F", "REFUND_NOT_EXIST")
	m.is(m.call("inquiryRefund", map[string]any{}), "F", "PARAM_ILLEGAL")
}

func TestRefundIsRefused(t *testing.T) {
	m := open(t, apotest.Config{})
	m.is(m.refund("nobody", "r0", 1), "F", "ORDER_NOT_EXIST")
	m.is(m.call("refund", map[string]any{"paymentId": "P"}), "F", "PARAM_ILLEGAL")
	m.card("c")
	m.is(m.refund("c", "r1", 1), "F", "ORDER_STATUS_INVALID")
	m.is(m.cancel("c"), "S", "SUCCESS")
	m.is(m.refund("c", "r2", 1), "F", "ORDER_STATUS_INVALID")

	m.register(apotest.Payment{PaymentRequestID: "expired"})
	require.NoError(t, m.server.Expire("expired"))
	m.is(m.refund("expired", "r3", 1), "F", "ORDER_IS_CLOSED")

	m.register(apotest.Payment{PaymentRequestID: "none", Method: "W", NoRefund: true})
	m.register(apotest.Payment{PaymentRequestID: "whole", Method: "W", NoPartialRefund: true})
	m.register(apotest.Payment{PaymentRequestID: "once", Method: "W", SingleRefund: true})
	m.register(apotest.Payment{PaymentRequestID: "short", Method: "W", RefundWindow: time.Hour})
	for _, id := range []string{"none", "whole", "once", "short"} {
		require.NoError(t, m.server.Submit(id))
	}
	m.is(m.refund("none", "r4", 1), "F", "REFUND_NOT_SUPPORTED")
	m.is(m.refund("whole", "r5", 999), "F", "PARTIAL_REFUND_NOT_SUPPORTED")
	m.is(m.refund("whole", "r6", 1000), "S", "SUCCESS")
	m.is(m.refund("once", "r7", 1), "S", "SUCCESS")
	m.is(m.refund("once", "r8", 1), "F", "MULTIPLE_REFUNDS_NOT_SUPPORTED")
	m.is(m.call("refund", map[string]any{"refundRequestId": "r9", "paymentId": "P-short",
		"refundAmount": amountOf("USD", 1)}),
		"F", "CURRENCY_NOT_SUPPORT")
	m.clock.Advance(time.Hour + time.Second)
	m.is(m.refund("short", "r10", 1), "F", "REFUND_WINDOW_EXCEED")
}

func TestRefundOfOneCapture(t *testing.T) {
	m := open(t, apotest.Config{})
	m.card("c")
	first := m.capture("c", "k1", 300).text("captureId")
	m.is(m.capture("c", "k2", 700), "S", "SUCCESS")
	of := func(requestID, captureID string, minor int64) response {
		return m.call("refund", map[string]any{
			"refundRequestId": requestID, "paymentId": "P-c", "refundAmount": money(minor), "captureId": captureID,
		})
	}
	m.is(of("r1", first, 301), "F", "REFUND_AMOUNT_EXCEED")
	m.is(of("r2", first, 300), "S", "SUCCESS")
	m.is(of("r3", first, 1), "F", "REFUND_AMOUNT_EXCEED")
	m.is(of("r4", "no-capture", 1), "F", "PARAM_ILLEGAL")
}

func TestRefundEndsLater(t *testing.T) {
	m := open(t, apotest.Config{Behaviour: apotest.Behaviour{AsyncRefund: true}})
	m.wallet("w")
	m.is(m.refund("w", "r1", 600), "S", "SUCCESS")
	assert.Equal(t, "PROCESSING", m.inquireRefund("r1").text("refundStatus"))
	m.is(m.refund("w", "r2", 600), "F", "REFUND_AMOUNT_EXCEED")
	assert.Zero(t, m.server.Totals("w").Refunded)
	require.NoError(t, m.server.FinishRefund("w", false))
	assert.Equal(t, "FAIL", m.inquireRefund("r1").text("refundStatus"))
	m.is(m.refund("w", "r1", 600), "S", "SUCCESS")
	m.is(m.refund("w", "r3", 600), "S", "SUCCESS")
	require.NoError(t, m.server.FinishRefund("w", true))
	assert.Equal(t, int64(600), m.server.Totals("w").Refunded)
	assert.ErrorIs(t, m.server.FinishRefund("w", true), apotest.ErrPlay)
}

func TestSettleAfter(t *testing.T) {
	m := open(t, apotest.Config{Behaviour: apotest.Behaviour{AsyncRefund: true, SettleAfter: time.Hour}})
	m.register(apotest.Payment{PaymentRequestID: "auto"})
	require.NoError(t, m.server.Submit("auto"))
	m.clock.Advance(time.Hour - 1)
	assert.Zero(t, m.server.Totals("auto").Captured)
	m.clock.Advance(1)
	assert.Equal(t, int64(1000), m.server.Totals("auto").Captured)
	m.is(m.refund("auto", "r", 1000), "S", "SUCCESS")
	m.clock.Advance(time.Hour)
	assert.Equal(t, "SUCCESS", m.inquireRefund("r").text("refundStatus"))
}

func TestRequestIDsReplayTheirAnswer(t *testing.T) {
	m := open(t, apotest.Config{})
	m.card("c")
	for _, step := range []struct {
		call   func() response
		status string
		code   string
	}{
		{func() response { return m.capture("c", "big", 5000) }, "F", "CAPTURE_AMOUNT_EXCEED_AUTH_LIMIT"},
		{func() response { return m.capture("c", "k", 600) }, "S", "SUCCESS"},
		{func() response { return m.refund("c", "much", 5000) }, "F", "REFUND_AMOUNT_EXCEED"},
		{func() response { return m.refund("c", "r", 200) }, "S", "SUCCESS"},
	} {
		first := step.call()
		m.is(first, step.status, step.code)
		m.clock.Advance(time.Minute)
		again := step.call()
		assert.Equal(t, string(first.raw), string(again.raw))
	}
	m.is(m.capture("c", "k", 601), "F", "REPEAT_REQ_INCONSISTENT")
	m.is(m.refund("c", "r", 201), "F", "REPEAT_REQ_INCONSISTENT")
	m.is(m.capture("other", "k", 600), "F", "REPEAT_REQ_INCONSISTENT")
	assert.Equal(t, int64(600), m.server.Totals("c").Captured)
	assert.Equal(t, int64(200), m.server.Totals("c").Refunded)
}

func TestForgottenKeysMoveMoneyTwice(t *testing.T) {
	m := open(t, apotest.Config{Behaviour: apotest.Behaviour{ForgetKeysAfter: 24 * time.Hour}})
	m.wallet("w")
	m.is(m.refund("w", "r", 200), "S", "SUCCESS")
	m.clock.Advance(24*time.Hour - 1)
	m.is(m.refund("w", "r", 200), "S", "SUCCESS")
	assert.Equal(t, int64(200), m.server.Totals("w").Refunded)
	m.clock.Advance(1)
	m.is(m.refund("w", "r", 200), "S", "SUCCESS")
	assert.Equal(t, int64(400), m.server.Totals("w").Refunded)
	m.server.ForgetKeys()
	m.is(m.refund("w", "r", 200), "S", "SUCCESS")
	assert.Equal(t, int64(600), m.server.Totals("w").Refunded)
}

func TestInquiryShowsThePayment(t *testing.T) {
	m := open(t, apotest.Config{})
	m.is(m.inquire("nobody"), "F", "ORDER_NOT_EXIST")
	m.is(m.call("inquiryPayment", map[string]any{}), "F", "PARAM_ILLEGAL")
	m.register(apotest.Payment{PaymentRequestID: "c", Capture: apotest.Manual})
	r := m.inquire("c")
	m.is(r, "S", "SUCCESS")
	assert.Equal(t, "PROCESSING", r.text("paymentStatus"))
	assert.NotContains(t, r.fields, "paymentTime")
	require.NoError(t, m.server.Submit("c"))
	r = m.inquire("c")
	assert.Equal(t, "SUCCESS", r.text("paymentStatus"))
	assert.Equal(t, "2026-11-30T17:00:00+08:00", r.text("authExpiryTime"))
	assert.NotContains(t, r.fields, "transactions", "there is neither capture nor refund")
	m.is(m.capture("c", "k", 900), "S", "SUCCESS")
	m.is(m.refund("c", "r", 100), "S", "SUCCESS")
	lines, _ := m.inquire("c").fields["transactions"].([]any)
	require.Len(t, lines, 3)
	for i, want := range []struct{ kind, requestID, value string }{
		{"AUTHORIZATION", "c", "1000"}, {"CAPTURE", "k", "900"}, {"REFUND", "r", "100"},
	} {
		line := lines[i].(map[string]any)
		assert.Equal(t, want.kind, line["transactionType"])
		assert.Equal(t, "SUCCESS", line["transactionStatus"])
		assert.Equal(t, want.requestID, line["transactionRequestId"])
		assert.Equal(t, map[string]any{"currency": "EUR", "value": want.value}, line["transactionAmount"])
	}
	assert.Equal(t, "SUCCESS", m.inquire("c").text("paymentStatus"), "a refund does not change it")
}

func TestPayMakesAPayment(t *testing.T) {
	m := open(t, apotest.Config{})
	pay := map[string]any{
		"paymentRequestId": "p", "paymentAmount": money(1000), "paymentMethod": map[string]any{"paymentMethodType": "CARD"},
		"paymentFactor":     map[string]any{"captureMode": "MANUAL", "isAuthorization": true},
		"paymentExpiryTime": "2026-11-23T18:00:00+08:00",
	}
	r := m.call("pay", pay)
	m.is(r, "U", "PAYMENT_IN_PROCESS")
	assert.NotEmpty(t, r.text("paymentId"))
	m.is(m.call("pay", pay), "U", "PAYMENT_IN_PROCESS")
	require.NoError(t, m.server.Submit("p"))
	m.is(m.call("pay", pay), "S", "SUCCESS")
	m.is(m.cancel("p"), "S", "SUCCESS")
	m.is(m.call("pay", pay), "F", "ORDER_IS_CANCELED")
	pay["paymentAmount"] = money(1001)
	m.is(m.call("pay", pay), "F", "REPEAT_REQ_INCONSISTENT")

	pay["paymentRequestId"] = "late"
	m.is(m.call("pay", pay), "U", "PAYMENT_IN_PROCESS")
	m.clock.Advance(time.Hour)
	m.is(m.call("pay", pay), "F", "ORDER_IS_CLOSED")

	for name, value := range map[string]any{
		"paymentAmount": money(0), "paymentMethod": nil, "paymentExpiryTime": "soon", "paymentRequestId": "",
		"paymentFactor": map[string]any{"captureMode": "SOMETIMES"},
	} {
		bad := map[string]any{"paymentRequestId": "bad", "paymentAmount": money(1),
			"paymentMethod": map[string]any{"paymentMethodType": "CARD"}}
		bad[name] = value
		m.is(m.call("pay", bad), "F", "PARAM_ILLEGAL")
	}
}

func TestWhatIsMalformedIsRefused(t *testing.T) {
	m := open(t, apotest.Config{})
	m.card("c")
	long := strings.Repeat("x", 65)
	for _, body := range []string{
		``, `[]`, `{`, `{"paymentRequestId":"` + long + `"}`, `{"paymentRequestId":"a\u0000"}`, `{"paymentRequestId":{}}`,
		"\xff",
	} {
		m.is(m.send("cancel", []byte(body)), "F", "PARAM_ILLEGAL")
	}
	for _, value := range []string{"0", "-1", "1.5", "x", "9223372036854775808", ""} {
		m.is(m.call("capture", map[string]any{
			"captureRequestId": "k", "paymentId": "P-c", "captureAmount": map[string]any{"currency": "EUR", "value": value},
		}), "F", "PARAM_ILLEGAL")
	}
	reason := map[string]any{"refundRequestId": "r", "paymentId": "P-c", "refundAmount": money(1),
		"refundReason": strings.Repeat("é", 257)}
	m.is(m.call("refund", reason), "F", "PARAM_ILLEGAL")
	reason["refundReason"], reason["refundNotifyUrl"] = "ok", "http://127.0.0.1/"+strings.Repeat("x", 1024)
	m.is(m.call("refund", reason), "F", "PARAM_ILLEGAL")
	// A scalar may come as its natural type, as APO itself sends them.
	m.is(m.send("capture", []byte(`{"captureRequestId":77,"paymentId":"P-c","captureAmount":{"currency":"EUR",
		"value":10}}`)), "S", "SUCCESS")
}

func TestASessionIsAPaymentThatTheBuyerHasYetToChooseHowToPay(t *testing.T) {
	m := open(t, apotest.Config{})
	ask := map[string]any{"paymentRequestId": "s", "paymentAmount": money(1000)}
	r := m.call("createPaymentSession", ask)
	m.is(r, "S", "SUCCESS")
	assert.NotEmpty(t, r.text("paymentSessionId"))
	assert.NotEmpty(t, r.text("paymentSessionData"))
	assert.Equal(t, "2026-11-23T17:14:00+08:00", r.text("paymentSessionExpiryTime"))
	assert.Empty(t, r.text("paymentId"), "a session names no payment")
	assert.Equal(t, r.text("paymentSessionId"), m.call("createPaymentSession", ask).text("paymentSessionId"),
		"the same again")
	require.NoError(t, m.server.Submit("s"))
	m.is(m.call("createPaymentSession", ask), "F", "REPEAT_REQ_INCONSISTENT")

	ask["paymentRequestId"] = "never-paid"
	m.is(m.call("createPaymentSession", ask), "S", "SUCCESS")
	m.is(m.cancel("never-paid"), "S", "SUCCESS")
	m.is(m.call("createPaymentSession", ask), "F", "ORDER_IS_CANCELED")
	m.is(m.call("createPaymentSession", map[string]any{"paymentRequestId": "s2"}), "F", "PARAM_ILLEGAL")
}
