package apotest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/internal/tests/long"
)

// factor is a paymentFactor with its isAuthorization and captureMode; nil leaves a member out.
func factor(authorization, mode any) map[string]any {
	fields := map[string]any{}
	if authorization != nil {
		fields["isAuthorization"] = authorization
	}
	if mode != nil {
		fields["captureMode"] = mode
	}
	return fields
}

func payOf(id, method string, paymentFactor map[string]any) map[string]any {
	return map[string]any{"paymentRequestId": id, "paymentAmount": money(1000), "paymentFactor": paymentFactor,
		"paymentMethod": map[string]any{"paymentMethodType": method}}
}

// What the pay call asks for decides whether a payment is authorized and captured; what carries a card always is.
func TestAPaymentIsAuthorizedWhereThePayCallAsksForIt(t *testing.T) {
	const paid, manual, automatic = "paid", "manual", "automatic"
	for i, c := range []struct {
		method              string
		authorization, mode any
		want                string
	}{
		{"PAYPAL", true, "MANUAL", manual}, {"PAYPAL", true, "AUTOMATIC", automatic}, {"PAYPAL", true, nil, automatic},
		{"PAYPAL", "true", "MANUAL", manual}, {"PAYPAL", nil, nil, paid}, {"PAYPAL", false, "MANUAL", paid},
		{"PAYPAL", "false", nil, paid}, {"PAYPAL", nil, "MANUAL", paid}, {"PAYPAL", nil, "SOMETIMES", paid},
		{"PAY_BY_BANK", true, "MANUAL", manual}, {"ALIPAY_CN", true, "AUTOMATIC", automatic}, {"ALIPAY_CN", nil, nil, paid},
		{"CARD", nil, nil, automatic}, {"CARD", false, nil, automatic}, {"CARD", nil, "MANUAL", manual},
		{"card", nil, nil, automatic}, {"APPLEPAY", nil, nil, automatic}, {"ApplePay", true, "MANUAL", manual},
		{"GOOGLEPAY", nil, "MANUAL", manual}, {"GooglePay", false, nil, automatic},
	} {
		t.Run(fmt.Sprint(i, " ", c.method), func(t *testing.T) {
			m := open(t, apotest.Config{})
			m.is(m.call("pay", payOf("p", c.method, factor(c.authorization, c.mode))), "U", "PAYMENT_IN_PROCESS")
			require.NoError(t, m.server.Submit("p"))
			want := apotest.Totals{Currency: "EUR", Authorized: 1000}
			if c.want == paid {
				want.Authorized, want.Paid = 0, 1000
			}
			assert.Equal(t, want, m.server.Totals("p"))
			_, expires := body(t, m, one(t, m))["authExpiryTime"]
			assert.Equal(t, c.want != paid, expires, "in the notification")
			_, expires = m.inquire("p").fields["authExpiryTime"]
			assert.Equal(t, c.want != paid, expires, "in the inquiry's answer")
			err := m.server.FinishCapture("p", true)
			if c.want == automatic {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, apotest.ErrPlay, "APO captures nothing by itself")
			}
		})
	}
}

func TestPayRefusesWhatItCannotReadOfAnAuthorization(t *testing.T) {
	m := open(t, apotest.Config{})
	for _, method := range []string{"CARD", "PAYPAL"} {
		m.is(m.call("pay", payOf("p", method, factor("perhaps", "MANUAL"))), "F", "PARAM_ILLEGAL")
		m.is(m.call("pay", payOf("p", method, factor(true, "SOMETIMES"))), "F", "PARAM_ILLEGAL")
	}
	_, err := m.server.Register(apotest.Payment{PaymentRequestID: "p", Method: "PAYPAL", Capture: "LATER",
		Amount: apotest.Amount{Currency: "EUR", Minor: 1}})
	require.ErrorIs(t, err, apotest.ErrPlay)
}

// Whether money is held or moved is content: the same paymentRequestId cannot ask for the other.
func TestPayAgainForTheOtherNumberOfStepsIsInconsistent(t *testing.T) {
	m := open(t, apotest.Config{})
	held, moved := factor(true, "MANUAL"), factor(nil, nil)
	m.is(m.call("pay", payOf("held", "PAYPAL", held)), "U", "PAYMENT_IN_PROCESS")
	m.is(m.call("pay", payOf("held", "PAYPAL", held)), "U", "PAYMENT_IN_PROCESS")
	m.is(m.call("pay", payOf("held", "PAYPAL", moved)), "F", "REPEAT_REQ_INCONSISTENT")
	m.is(m.call("pay", payOf("held", "PAYPAL", factor(true, nil))), "F", "REPEAT_REQ_INCONSISTENT")
	m.is(m.call("pay", payOf("moved", "PAYPAL", moved)), "U", "PAYMENT_IN_PROCESS")
	m.is(m.call("pay", payOf("moved", "PAYPAL", factor(false, "MANUAL"))), "U", "PAYMENT_IN_PROCESS")
	m.is(m.call("pay", payOf("moved", "PAYPAL", held)), "F", "REPEAT_REQ_INCONSISTENT")
}

// told is all that APO says and does about a payment, in one text.
func told(t *testing.T, method string, mode apotest.CaptureMode, life func(*merchant)) string {
	m := open(t, apotest.Config{})
	m.register(apotest.Payment{PaymentRequestID: "p", Method: method, Capture: mode, Window: apotest.WindowWeek})
	require.NoError(t, m.server.Submit("p"))
	life(m)
	m.inquire("p")
	var text strings.Builder
	for _, c := range m.server.Calls() {
		fmt.Fprintf(&text, "%s %s\n", c.Op, c.Answer)
	}
	for _, n := range m.server.Notifications() {
		fmt.Fprintf(&text, "%s %s\n", n.Op, n.Body)
	}
	fmt.Fprintf(&text, "%+v\n", m.server.Ledger())
	return strings.ReplaceAll(text.String(), `"`+method+`"`, `"METHOD"`)
}

// Once it is authorized, nothing about a payment goes by its method but the window of a cancel.
func TestTheLawIsThatOfEveryAuthorizedPayment(t *testing.T) {
	lives := map[string]func(*merchant){
		"captured, captured, refunded": func(m *merchant) {
			m.refund("p", "early", 1)
			m.capture("p", "k1", 300)
			m.inquire("p")
			m.lastCapture("p", "k2", 200, true)
			m.capture("p", "k3", 1)
			m.refund("p", "r1", 501)
			m.refund("p", "r2", 500)
			m.cancel("p")
		},
		"cancelled": func(m *merchant) { m.cancel("p"); m.capture("p", "k", 1); m.refund("p", "r", 1) },
		"expired": func(m *merchant) {
			m.clock.Advance(8 * 24 * time.Hour)
			m.inquire("p")
			m.capture("p", "k", 1)
		},
		"in part expired": func(m *merchant) {
			m.capture("p", "k1", 300)
			m.clock.Advance(8 * 24 * time.Hour)
			m.capture("p", "k2", 1)
		},
		"voided by the issuer": func(m *merchant) { _ = m.server.VoidAuthorization("p"); m.capture("p", "k", 1) },
		"captured by APO": func(m *merchant) {
			m.cancel("p")
			_ = m.server.FinishCapture("p", true)
			m.refund("p", "r", 400)
		},
		"not captured by APO": func(m *merchant) { _ = m.server.FinishCapture("p", false); m.cancel("p") },
		"taken back": func(m *merchant) {
			m.capture("p", "k", 300)
			_ = m.server.FailCapture("p")
			m.refund("p", "r", 1)
		},
		"captured at the dashboard": func(m *merchant) { _, _ = m.server.DashboardCapture("p", 300); m.cancel("p") },
	}
	for name, life := range lives {
		for _, mode := range []apotest.CaptureMode{apotest.Manual, apotest.Automatic} {
			t.Run(name+" "+string(mode), func(t *testing.T) {
				card := told(t, apotest.MethodCard, mode, life)
				assert.Contains(t, card, "authorized")
				for i, method := range []string{"PAYPAL", "APPLEPAY", "card"} {
					if !long.Each(i, 3) {
						continue
					}
					assert.Equal(t, card, told(t, method, mode, life), method)
				}
			})
		}
	}
}

// A cancel's window is its method's, counted from the authorization; what was captured is out of its reach anyhow.
func TestCancelWindowsOfWhatIsAuthorized(t *testing.T) {
	const nextDay = 7*time.Hour + 15*time.Minute // 00:15 at UTC+8, from the start
	for _, c := range []struct {
		method string
		after  time.Duration
		want   string
	}{
		{apotest.MethodCard, 7 * 24 * time.Hour, "SUCCESS"}, {"PAYPAL", nextDay, "SUCCESS"},
		{"PAYPAL", nextDay + time.Second, "CANCEL_WINDOW_EXCEED"},
		{"APPLEPAY", nextDay + time.Second, "CANCEL_WINDOW_EXCEED"}, {"card", nextDay + time.Second, "SUCCESS"},
		{"MERCADOPAGO_BR", 7 * 24 * time.Hour, "SUCCESS"}, {"BANKAPP_BANGKOKBANK", 0, "CANCEL_WINDOW_EXCEED"},
		{"DANA", 0, "PAYMENT_METHOD_NOT_SUPPORTED"},
	} {
		t.Run(c.method+" "+c.after.String(), func(t *testing.T) {
			m := open(t, apotest.Config{})
			m.register(apotest.Payment{PaymentRequestID: "p", Method: c.method, Capture: apotest.Manual})
			require.NoError(t, m.server.Submit("p"))
			m.clock.Advance(c.after)
			assert.Equal(t, c.want, m.cancel("p").code)
			assert.Equal(t, c.want == "SUCCESS", m.server.Totals("p").Voided == 1000)
			assert.Zero(t, m.server.Totals("p").Returned, "held money is let go, not given back")
		})
	}
}
