package apotest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/apo/apotest"
)

// A payment of one merchant account is not there for another one. A call that names none finds it.
func TestAMerchantAccountIsThePayments(t *testing.T) {
	m := open(t, apotest.Config{})
	m.register(apotest.Payment{PaymentRequestID: "c", Capture: apotest.Manual, MerchantAccountID: "M1"})
	require.NoError(t, m.server.Submit("c"))
	m.is(m.capture("c", "k", 400), "S", "SUCCESS")
	m.is(m.refund("c", "r", 100), "S", "SUCCESS")
	m.register(apotest.Payment{PaymentRequestID: "none"})
	for _, row := range []struct {
		op       string
		fields   map[string]any
		refusal  string
		allowed  string
		of, none string
	}{
		{"cancel", map[string]any{"paymentRequestId": "c"}, "ORDER_NOT_EXIST", "F PROCESS_FAIL", "paymentRequestId", "none"},
		{"inquiryPayment", map[string]any{"paymentId": "P-c"}, "ORDER_NOT_EXIST", "S SUCCESS", "paymentId", "P-none"},
		{"inquiryRefund", map[string]any{"refundRequestId": "r"}, "REFUND_NOT_EXIST", "S SUCCESS", "", ""},
	} {
		r := m.call(row.op, row.fields)
		assert.Equal(t, row.allowed, r.status+" "+r.code, row.op)
		row.fields["merchantAccountId"] = "M1"
		r = m.call(row.op, row.fields)
		assert.Equal(t, row.allowed, r.status+" "+r.code, row.op)
		row.fields["merchantAccountId"] = "M2"
		m.is(m.call(row.op, row.fields), "F", row.refusal)
		if row.of != "" {
			m.is(m.call(row.op, map[string]any{row.of: row.none, "merchantAccountId": "M1"}), "F", row.refusal)
		}
	}
	assert.Equal(t, "M1", m.inquire("c").text("merchantAccountId"))

	pay := map[string]any{"paymentRequestId": "p", "paymentAmount": money(1000), "merchantAccountId": "M1",
		"paymentMethod": map[string]any{"paymentMethodType": "ALIPAY_CN"}}
	m.is(m.call("pay", pay), "U", "PAYMENT_IN_PROCESS")
	assert.Equal(t, "M1", m.inquire("p").text("merchantAccountId"))
	pay["merchantAccountId"] = "M2"
	m.is(m.call("pay", pay), "F", "REPEAT_REQ_INCONSISTENT")
}
