package apotest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/apo/apotest"
)

func TestLateMoneyStaysOnACancelledPayment(t *testing.T) {
	m := open(t, apotest.Config{})
	m.register(apotest.Payment{PaymentRequestID: "w", Method: "ALIPAY_CN"})
	m.is(m.cancel("w"), "S", "SUCCESS")
	require.NoError(t, m.server.PayLate("w"))
	r := m.inquire("w")
	assert.Equal(t, "CANCELLED", r.text("paymentStatus"))
	assert.Len(t, r.fields["transactions"], 1)
	totals := m.server.Totals("w")
	assert.Equal(t, int64(1000), totals.Late)
	assert.Equal(t, int64(1000), totals.Kept())
	n := one(t, m)
	assert.Equal(t, "S", status(body(t, m, n)))
	m.is(m.refund("w", "r", 1000), "S", "SUCCESS")
	assert.Zero(t, m.server.Totals("w").Kept())
	assert.ErrorIs(t, m.server.PayLate("w"), apotest.ErrPlay)
}

func TestLateAuthorizationIsVoidedByAnotherCancel(t *testing.T) {
	m := open(t, apotest.Config{})
	m.register(apotest.Payment{PaymentRequestID: "c", Capture: apotest.Manual})
	first := m.cancel("c")
	m.clock.Advance(time.Minute)
	require.NoError(t, m.server.PayLate("c"))
	assert.Equal(t, int64(1000), m.server.Totals("c").Held())
	m.clock.Advance(time.Minute)
	second := m.cancel("c")
	m.is(second, "S", "SUCCESS")
	assert.NotEqual(t, first.text("cancelTime"), second.text("cancelTime"))
	lines := m.inquire("c").fields["transactions"].([]any)
	require.Len(t, lines, 2)
	assert.Equal(t, "AUTHORIZATION", lines[0].(map[string]any)["transactionType"])
	assert.Equal(t, "VOID", lines[1].(map[string]any)["transactionType"])
	assert.Zero(t, m.server.Totals("c").Held())
}

func TestLateAutomaticCapture(t *testing.T) {
	m := open(t, apotest.Config{})
	m.register(apotest.Payment{PaymentRequestID: "c"})
	m.is(m.cancel("c"), "S", "SUCCESS")
	require.NoError(t, m.server.PayLate("c"))
	m.is(m.cancel("c"), "F", "ORDER_STATUS_INVALID")
	require.NoError(t, m.server.FinishCapture("c", true))
	m.is(m.cancel("c"), "F", "PROCESS_FAIL")
	m.is(m.refund("c", "r", 1000), "S", "SUCCESS")
	assert.Zero(t, m.server.Totals("c").Kept())
}

func TestLateMoneyIsReturned(t *testing.T) {
	m := open(t, apotest.Config{Behaviour: apotest.Behaviour{ReturnLateMoney: true}})
	m.register(apotest.Payment{PaymentRequestID: "w", Method: "ALIPAY_CN"})
	m.register(apotest.Payment{PaymentRequestID: "c"})
	for _, id := range []string{"w", "c"} {
		m.is(m.cancel(id), "S", "SUCCESS")
		require.NoError(t, m.server.PayLate(id))
	}
	assert.Equal(t, int64(1000), m.server.Totals("w").Refunded)
	assert.Equal(t, int64(1000), m.server.Totals("c").Voided)
	assert.Len(t, m.server.TakeNotifications(), 3, "two payments and a refund")
}

func TestLateMoneyOnAnExpiredPayment(t *testing.T) {
	m := open(t, apotest.Config{})
	m.register(apotest.Payment{PaymentRequestID: "w", Method: "ALIPAY_CN"})
	m.clock.Advance(14 * time.Minute)
	assert.ErrorIs(t, m.server.Submit("w"), apotest.ErrPlay)
	assert.Equal(t, apotest.Fail, m.server.Status("w"))
	require.NoError(t, m.server.PayLate("w"))
	assert.Equal(t, apotest.Success, m.server.Status("w"))
	assert.Zero(t, m.server.Totals("w").Late, "nobody had cancelled it")
}

func TestReversedCapture(t *testing.T) {
	m := open(t, apotest.Config{})
	m.card("c")
	m.is(m.capture("c", "k", 1000), "S", "SUCCESS")
	require.NoError(t, m.server.FailCapture("c"))
	totals := m.server.Totals("c")
	assert.Zero(t, totals.Kept())
	assert.Zero(t, totals.Held())
	m.is(m.capture("c", "k", 1000), "S", "SUCCESS")
	m.is(m.capture("c", "k2", 1), "F", "CAPTURE_AMOUNT_EXCEED_AUTH_LIMIT")
	m.is(m.cancel("c"), "F", "PROCESS_FAIL")
	m.is(m.refund("c", "r", 1), "F", "ORDER_STATUS_INVALID")
	lines := m.inquire("c").fields["transactions"].([]any)
	assert.Equal(t, "FAIL", lines[1].(map[string]any)["transactionStatus"])
	assert.ErrorIs(t, m.server.FailCapture("c"), apotest.ErrPlay)
}

func TestRestoredRefund(t *testing.T) {
	m := open(t, apotest.Config{})
	m.wallet("w")
	m.is(m.refund("w", "r", 300), "S", "SUCCESS")
	require.NoError(t, m.server.FailRefund("w"))
	assert.Equal(t, m.server.Totals("w").Paid, m.server.Totals("w").Kept())
	m.is(m.refund("w", "r", 300), "S", "SUCCESS")
	assert.Equal(t, "FAIL", m.call("inquiryRefund", map[string]any{"refundRequestId": "r"}).text("refundStatus"))
	assert.ErrorIs(t, m.server.FailRefund("w"), apotest.ErrPlay)
	m.is(m.refund("w", "again", 1000), "S", "SUCCESS")
	assert.Zero(t, m.server.Totals("w").Kept(), "what came back can be given back again")
}

func TestDashboardKeepsAPOsRules(t *testing.T) {
	m := open(t, apotest.Config{})
	m.card("c")
	captureID, err := m.server.DashboardCapture("c", 600)
	require.NoError(t, err)
	assert.NotEmpty(t, captureID)
	_, err = m.server.DashboardCapture("c", 401)
	assert.ErrorContains(t, err, "CAPTURE_AMOUNT_EXCEED_AUTH_LIMIT")
	_, err = m.server.DashboardRefund("c", 601)
	assert.ErrorContains(t, err, "REFUND_AMOUNT_EXCEED")
	refundID, err := m.server.DashboardRefund("P-c", 600)
	require.NoError(t, err)
	assert.Equal(t, "SUCCESS", m.call("inquiryRefund", map[string]any{"refundId": refundID}).text("refundStatus"))
	for _, minor := range []int64{0, -1} {
		_, err = m.server.DashboardRefund("c", minor)
		assert.ErrorIs(t, err, apotest.ErrPlay)
		_, err = m.server.DashboardCapture("c", minor)
		assert.ErrorIs(t, err, apotest.ErrPlay)
	}
}

func TestPlaysThatAreNotPossible(t *testing.T) {
	m := open(t, apotest.Config{})
	m.register(apotest.Payment{PaymentRequestID: "open"})
	m.wallet("paid")
	before := m.server.Ledger()
	for name, err := range map[string]error{
		"submit nobody":  m.server.Submit("nobody"),
		"submit twice":   m.server.Submit("paid"),
		"pay late early": m.server.PayLate("open"),
		"decline paid":   m.server.Decline("paid"),
		"expire paid":    m.server.Expire("paid"),
		"pend paid":      m.server.Pend("paid"),
		"finish nothing": m.server.FinishCapture("open", true),
		"refund nothing": m.server.FinishRefund("open", true),
		"reverse":        m.server.FailCapture("open"),
		"restore":        m.server.FailRefund("paid"),
		"void":           m.server.VoidAuthorization("paid"),
	} {
		assert.ErrorIs(t, err, apotest.ErrPlay, name)
	}
	assert.Equal(t, before, m.server.Ledger())
	assert.Empty(t, m.server.Status("nobody"))
}

func TestRegisterIsRefused(t *testing.T) {
	m := open(t, apotest.Config{})
	good := apotest.Payment{PaymentRequestID: "p", PaymentID: "P", Amount: apotest.Amount{Currency: "EUR", Minor: 1}}
	made, err := m.server.Register(good)
	require.NoError(t, err)
	assert.Equal(t, apotest.Automatic, made.Capture)
	assert.Equal(t, apotest.WindowWeek, made.Window)
	assert.Equal(t, start().Add(14*time.Minute), made.Expiry)
	for name, change := range map[string]func(*apotest.Payment){
		"same id":         func(p *apotest.Payment) { p.PaymentID = "Q" },
		"same payment id": func(p *apotest.Payment) { p.PaymentRequestID = "q" },
		"no id":           func(p *apotest.Payment) { p.PaymentRequestID = "" },
		"bad payment id":  func(p *apotest.Payment) { p.PaymentRequestID, p.PaymentID = "q", "\x00" },
		"no amount":       func(p *apotest.Payment) { p.PaymentRequestID, p.Amount.Minor = "q", 0 },
		"no currency":     func(p *apotest.Payment) { p.PaymentRequestID, p.Amount.Currency = "q", "eur" },
		"capture mode":    func(p *apotest.Payment) { p.PaymentRequestID, p.Capture = "q", "LATER" },
		"window":          func(p *apotest.Payment) { p.PaymentRequestID, p.PaymentID, p.Window = "q", "", "month" },
		"client":          func(p *apotest.Payment) { p.PaymentRequestID, p.ClientID = "q", "X" },
	} {
		p := good
		change(&p)
		_, err := m.server.Register(p)
		assert.ErrorIs(t, err, apotest.ErrPlay, name)
	}
	transfer := apotest.Payment{PaymentRequestID: "t", Amount: good.Amount, Method: "BANKTRANSFER_KASIKORNBANK"}
	made, err = m.server.Register(transfer)
	require.NoError(t, err)
	assert.Equal(t, start().Add(48*time.Hour), made.Expiry)
	assert.Len(t, made.PaymentID, 30)
}

// An account that is closed is told nothing, of payments and of refunds, whether they are there or not; everything else
// goes on, and other accounts are told as before.
func TestInquiriesOfAnAccountAreRefused(t *testing.T) {
	m := open(t, apotest.Config{})
	m.register(apotest.Payment{PaymentRequestID: "w", Method: "ALIPAY_CN"})
	m.register(apotest.Payment{PaymentRequestID: "x", Method: "ALIPAY_CN", MerchantAccountID: "M1"})
	require.NoError(t, m.server.Submit("w"))
	require.NoError(t, m.server.DenyInquiries("w", true))
	m.is(m.inquire("w"), "F", "ACCESS_DENIED")
	m.is(m.refund("w", "r", 400), "S", "SUCCESS")
	m.is(m.inquireRefund("r"), "F", "ACCESS_DENIED")
	m.is(m.inquireRefund("never"), "F", "ACCESS_DENIED")
	m.is(m.call("inquiryPayment", map[string]any{"paymentRequestId": "x", "merchantAccountId": "M1"}), "S", "SUCCESS")
	require.NoError(t, m.server.DenyInquiries("w", false))
	m.is(m.inquire("w"), "S", "SUCCESS")
	m.is(m.inquireRefund("r"), "S", "SUCCESS")
	require.ErrorIs(t, m.server.DenyInquiries("nobody", true), apotest.ErrPlay)
}
