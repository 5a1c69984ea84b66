package apotest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/apo/apotest"
)

// What a last capture leaves is let go at once, and nothing more can be captured of it.
func TestLastCaptureLetsGoOfTheRest(t *testing.T) {
	m := open(t, apotest.Config{})
	for name, said := range map[string]any{"true": true, "as text": "true"} {
		m.card(name)
		m.is(m.capture(name, "k1 "+name, 200), "S", "SUCCESS")
		assert.Equal(t, int64(800), m.server.Totals(name).Held())
		m.is(m.lastCapture(name, "k2 "+name, 300, said), "S", "SUCCESS")
		totals := m.server.Totals(name)
		assert.Equal(t, [3]int64{500, 500, 0}, [3]int64{totals.Captured, totals.Voided, totals.Held()})
		m.is(m.lastCapture(name, "k2 "+name, 300, said), "S", "SUCCESS")
		assert.Equal(t, totals, m.server.Totals(name), "the same again does nothing")
		m.is(m.capture(name, "k2 "+name, 300), "F", "REPEAT_REQ_INCONSISTENT")
		m.is(m.capture(name, "k3 "+name, 1), "F", "AUTH_CANCELLED")
		m.is(m.cancel(name), "F", "PROCESS_FAIL")
		r := m.inquire(name)
		assert.Equal(t, "SUCCESS", r.text("paymentStatus"))
		lines := r.fields["transactions"].([]any)
		rest := lines[len(lines)-1].(map[string]any)
		assert.Equal(t, []any{"VOID", "SUCCESS", money(500)},
			[]any{rest["transactionType"], rest["transactionStatus"], rest["transactionAmount"]})
	}
	for name, said := range map[string]any{"false": false, "false as text": "false", "null": nil} {
		m.card(name)
		m.is(m.lastCapture(name, "k "+name, 300, said), "S", "SUCCESS")
		assert.Equal(t, int64(700), m.server.Totals(name).Held())
	}
	m.card("odd")
	m.is(m.lastCapture("odd", "k", 300, "perhaps"), "F", "PARAM_ILLEGAL")
	m.is(m.lastCapture("odd", "k", 1000, true), "S", "SUCCESS")
	assert.Zero(t, m.server.Totals("odd").Voided, "nothing is left to let go")
	m.clock.Advance(8 * 24 * time.Hour)
	assert.Equal(t, int64(500), m.server.Totals("true").Voided, "what is let go does not run out too")
}

// While another capture is in process, nobody knows what the last one leaves.
func TestLastCaptureWaitsForTheOthers(t *testing.T) {
	m := open(t, apotest.Config{Behaviour: apotest.Behaviour{AsyncCapture: true}})
	m.card("c")
	m.is(m.capture("c", "k1", 300), "U", "CAPTURE_IN_PROCESS")
	m.is(m.lastCapture("c", "k2", 200, true), "U", "CAPTURE_IN_PROCESS")
	m.is(m.capture("c", "k3", 100), "F", "AUTH_CANCELLED")
	require.NoError(t, m.server.FinishCapture("c", false))
	assert.Zero(t, m.server.Totals("c").Voided)
	require.NoError(t, m.server.FinishCapture("c", true))
	assert.Equal(t, int64(800), m.server.Totals("c").Voided)

	m.card("fails")
	m.is(m.lastCapture("fails", "k4", 200, true), "U", "CAPTURE_IN_PROCESS")
	require.NoError(t, m.server.FinishCapture("fails", false))
	m.is(m.capture("fails", "k5", 100), "U", "CAPTURE_IN_PROCESS")
	assert.Equal(t, int64(1000), m.server.Totals("fails").Held(), "the last one failed, so another may be the last")
}

// A last capture of zero is by contract: it captures nothing, and lets go of what is left.
func TestLastCaptureOfZero(t *testing.T) {
	m := open(t, apotest.Config{})
	m.register(apotest.Payment{PaymentRequestID: "c", Capture: apotest.Manual, ZeroCapture: true, SingleCapture: true})
	require.NoError(t, m.server.Submit("c"))
	m.is(m.lastCapture("c", "k0", 0, true), "F", "ORDER_STATUS_INVALID")
	m.is(m.capture("c", "k1", 300), "S", "SUCCESS")
	m.is(m.capture("c", "k2", 0), "F", "PARAM_ILLEGAL")
	m.server.TakeNotifications()
	r := m.lastCapture("c", "k3", 0, "true")
	m.is(r, "S", "SUCCESS")
	assert.Equal(t, money(0), r.fields["captureAmount"])
	assert.Equal(t, "S", status(body(t, m, one(t, m))))
	totals := m.server.Totals("c")
	assert.Equal(t, [3]int64{300, 700, 0}, [3]int64{totals.Captured, totals.Voided, totals.Held()})
	for _, e := range m.server.Ledger() {
		assert.Positive(t, e.Amount.Minor, "only what moved is there")
	}
	require.NoError(t, m.server.FailCapture("c"), "what is taken back is what was captured")
	assert.Equal(t, int64(300), m.server.Totals("c").Reversed)

	m.card("without")
	m.is(m.capture("without", "k4", 300), "S", "SUCCESS")
	m.is(m.lastCapture("without", "k5", 0, true), "F", "PARAM_ILLEGAL")
	assert.Equal(t, int64(700), m.server.Totals("without").Held())
}
