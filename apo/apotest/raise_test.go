package apotest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/apo/apotest"
)

// lineOf is a payment's transaction of that type, the last of several.
func lineOf(m *merchant, id, kind string) (found map[string]any) {
	lines, _ := m.inquire(id).fields["transactions"].([]any)
	for _, l := range lines {
		if one := l.(map[string]any); one["transactionType"] == kind {
			found = one
		}
	}
	return found
}

func TestARaisedAuthorizationCanBeCapturedWhole(t *testing.T) {
	m := open(t, apotest.Config{})
	m.card("c")
	m.server.TakeNotifications()
	m.is(m.capture("c", "early", 1500), "F", "CAPTURE_AMOUNT_EXCEED_AUTH_LIMIT")
	m.clock.Advance(time.Minute)
	update, err := m.server.RaiseAuthorization("c", 1500)
	require.NoError(t, err)

	n := one(t, m)
	told := body(t, m, n)
	assert.Equal(t, apotest.OpNotifyPayment, n.Op)
	assert.Equal(t, update, n.RequestID)
	assert.Equal(t, "S", status(told))
	assert.Equal(t, "UPDATE_AMOUNT_RESULT", told["notifyType"])
	assert.Equal(t, update, told["updateRequestId"])
	assert.Equal(t, map[string]any{"currency": "EUR", "value": "1500"}, told["paymentAmount"])
	assert.NotEqual(t, told["paymentTime"], lineOf(m, "c", "INCREMENTAL")["transactionTime"], "it is the payment's time")

	raise, first := lineOf(m, "c", "INCREMENTAL"), lineOf(m, "c", "AUTHORIZATION")
	assert.Equal(t, update, raise["transactionRequestId"])
	assert.Equal(t, "SUCCESS", raise["transactionStatus"])
	assert.Equal(t, "1500", raise["transactionAmount"].(map[string]any)["value"])
	assert.Equal(t, "1000", first["transactionAmount"].(map[string]any)["value"], "it was what it was")
	assert.Equal(t, "1500", m.inquire("c").fields["paymentAmount"].(map[string]any)["value"])
	assert.Equal(t, int64(1500), m.server.Totals("c").Held())

	m.is(m.capture("c", "k", 1500), "S", "SUCCESS")
	assert.Zero(t, m.server.Totals("c").Held())
	_, err = m.server.RaiseAuthorization("c", 2000)
	assert.ErrorContains(t, err, "INCREMENTAL_NOT_SUPPORT", "after a capture no more")
}

func TestACancelLetsGoOfWhatItWasRaisedTo(t *testing.T) {
	m := open(t, apotest.Config{})
	m.card("c")
	for _, total := range []int64{1200, 1500} {
		_, err := m.server.RaiseAuthorization("c", total)
		require.NoError(t, err)
	}
	_, err := m.server.StartRaise("c", 1800)
	require.NoError(t, err)
	m.server.TakeNotifications()
	m.is(m.cancel("c"), "S", "SUCCESS")
	assert.Equal(t, int64(1500), m.server.Totals("c").Voided)
	assert.Zero(t, m.server.Totals("c").Held())
	assert.Equal(t, "F", status(body(t, m, one(t, m))), "what was in process will not be done")
	assert.Equal(t, "FAIL", lineOf(m, "c", "INCREMENTAL")["transactionStatus"])
}

func TestARaiseThatFailsChangesNothing(t *testing.T) {
	m := open(t, apotest.Config{})
	m.card("c")
	m.server.TakeNotifications()
	_, err := m.server.StartRaise("c", 1500)
	require.NoError(t, err)
	assert.Equal(t, "PROCESSING", lineOf(m, "c", "INCREMENTAL")["transactionStatus"])
	assert.Empty(t, m.server.TakeNotifications())
	_, err = m.server.RaiseAuthorization("c", 1600)
	assert.ErrorContains(t, err, "ORDER_STATUS_INVALID", "one at a time")
	require.NoError(t, m.server.FinishRaise("c", false))
	told := body(t, m, one(t, m))
	assert.Equal(t, "F", status(told))
	assert.Equal(t, apotest.CodeDeclined, told["result"].(map[string]any)["resultCode"])
	assert.Equal(t, "1000", m.inquire("c").fields["paymentAmount"].(map[string]any)["value"])
	assert.ErrorContains(t, m.server.FinishRaise("c", true), "no raise of it is in process")
	m.is(m.capture("c", "k", 1001), "F", "CAPTURE_AMOUNT_EXCEED_AUTH_LIMIT")

	_, err = m.server.StartRaise("c", 1500)
	require.NoError(t, err)
	m.is(m.capture("c", "k2", 400), "S", "SUCCESS")
	assert.ErrorContains(t, m.server.FinishRaise("c", true), "INCREMENTAL_NOT_SUPPORT")
	require.NoError(t, m.server.FinishRaise("c", false))
}

func TestWhatCannotBeRaised(t *testing.T) {
	behaviour := apotest.Behaviour{KeepPaymentAmount: true}
	for name, row := range map[string]struct {
		before func(*merchant)
		total  int64
		want   string
	}{
		"nothing more":     {func(*merchant) {}, 1000, "a raise goes up"},
		"less":             {func(*merchant) {}, 999, "a raise goes up"},
		"cancelled":        {func(m *merchant) { m.cancel("c") }, 1500, "ORDER_IS_CANCELED"},
		"taken back":       {func(m *merchant) { _ = m.server.VoidAuthorization("c") }, 1500, "AUTH_CANCELLED"},
		"its time is over": {func(m *merchant) { m.clock.Advance(8 * 24 * time.Hour) }, 1500, "AUTH_EXPIRED"},
		"captured in part": {func(m *merchant) { _, _ = m.server.DashboardCapture("c", 1) }, 1500,
			"INCREMENTAL_NOT_SUPPORT"},
		"ten times": {func(m *merchant) {
			for i := range int64(10) {
				_, err := m.server.RaiseAuthorization("c", 1100+i)
				require.NoError(m.t, err)
			}
		}, 1500, "INCREMENTAL_NOT_SUPPORT"},
	} {
		t.Run(name, func(t *testing.T) {
			m := open(t, apotest.Config{Behaviour: behaviour})
			m.card("c")
			row.before(m)
			_, err := m.server.RaiseAuthorization("c", row.total)
			require.ErrorIs(t, err, apotest.ErrPlay)
			assert.ErrorContains(t, err, row.want)
			assert.Equal(t, "1000", m.inquire("c").fields["paymentAmount"].(map[string]any)["value"], "as ordered, so set")
		})
	}
	m := open(t, apotest.Config{})
	m.wallet("w")
	_, err := m.server.RaiseAuthorization("w", 1500)
	assert.ErrorContains(t, err, "ORDER_STATUS_INVALID", "it is paid in one step: nothing is held")
	m.register(apotest.Payment{PaymentRequestID: "c"})
	_, err = m.server.RaiseAuthorization("c", 1500)
	assert.ErrorContains(t, err, "ORDER_STATUS_INVALID", "nobody has paid it")
	_, err = m.server.RaiseAuthorization("nobody", 1500)
	assert.ErrorIs(t, err, apotest.ErrPlay)
	assert.ErrorIs(t, m.server.FinishRaise("nobody", true), apotest.ErrPlay)
}
