package apotest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/apo/apotest"
)

// saidOf is what APO said since it was last asked, as package apo reads it.
func saidOf(t *testing.T, m *merchant) (facts []apo.Verified) {
	t.Helper()
	v, err := apo.NewVerifier(m.server.ClientID(), m.server.Keys(), nil)
	require.NoError(t, err)
	for _, n := range m.server.TakeNotifications() {
		fact, err := v.VerifyNotification(n.Method, n.Path, n.Header, n.Body)
		require.NoError(t, err)
		facts = append(facts, fact)
	}
	return facts
}

// disputable is a merchant with a payment of 10.00 that was paid in one step.
func disputable(t *testing.T, cfg apotest.Config) *merchant {
	t.Helper()
	m := open(t, cfg)
	_, err := m.server.Register(apotest.Payment{PaymentRequestID: "pay-1", Method: "ALIPAY_CN",
		Amount: apotest.Amount{Currency: "EUR", Minor: 1000}})
	require.NoError(t, err)
	require.NoError(t, m.server.Submit("pay-1"))
	saidOf(t, m)
	return m
}

func TestADisputesLife(t *testing.T) {
	for _, asStrings := range []bool{false, true} {
		m := disputable(t, apotest.Config{Behaviour: apotest.Behaviour{StringScalars: asStrings}})
		id, err := m.server.OpenDispute("pay-1", apotest.Dispute{Minor: 400, ReasonCode: "4853", Reason: "never came",
			Undefendable: true})
		require.NoError(t, err)
		require.NoError(t, m.server.AlertDispute(id))
		require.ErrorIs(t, m.server.DefendDispute(id), apotest.ErrPlay)
		require.NoError(t, m.server.EndDispute(id, apo.DisputeMerchantLiable, 300))
		facts := saidOf(t, m)
		require.Len(t, facts, 3)
		for i, kind := range []apo.Kind{apo.DisputeOpened, apo.DisputeDue, apo.DisputeClosed} {
			assert.Equal(t, []any{kind, id, "pay-1", int64(400), apo.OpNotifyDispute},
				[]any{facts[i].Kind(), facts[i].TransferID(), facts[i].PaymentRequestID(), facts[i].Amount().Minor, facts[i].Op()})
			assert.NotContains(t, string(facts[i].Evidence().Body), "result\"")
		}
		assert.Equal(t, []any{true, "CHARGEBACK", "never came", "4853"}, []any{facts[0].Dispute().Undefendable,
			facts[0].Dispute().Type, facts[0].Dispute().Reason, facts[0].Code()})
		assert.Equal(t, apotest.Amount{Currency: "EUR", Minor: 300}, facts[2].Dispute().Lost)
		assert.EqualValues(t, 300, m.server.Totals("pay-1").Disputed)
		assert.EqualValues(t, 700, m.server.Totals("pay-1").Kept())
		for _, again := range []error{m.server.AlertDispute(id), m.server.EndDispute(id, apo.DisputeWithdrawn, 0)} {
			require.ErrorIs(t, again, apotest.ErrPlay, "it is over")
		}
		_, err = m.server.DashboardRefund("pay-1", 701)
		require.ErrorContains(t, err, "REFUND_AMOUNT_EXCEED", "what is lost cannot be refunded")
		_, err = m.server.DashboardRefund("pay-1", 700)
		require.NoError(t, err)
	}
}

func TestEveryEndOfADisputeIsToldAndTakesWhatItTakes(t *testing.T) {
	for outcome, takes := range map[apo.DisputeOutcome]int64{apo.DisputeBuyerLiable: 0, apo.DisputeMerchantLiable: 1000,
		apo.DisputeValidated: 0, apo.DisputeInvalidated: 1000, apo.DisputeAccepted: 1000, apo.DisputeTimedOut: 1000,
		apo.DisputeWithdrawn: 0, apo.DisputeRapid: 1000} {
		m := disputable(t, apotest.Config{})
		id, err := m.server.OpenDispute("pay-1", apotest.Dispute{})
		require.NoError(t, err)
		require.NoError(t, m.server.DefendDispute(id))
		require.NoError(t, m.server.EndDispute(id, outcome, 0))
		facts := saidOf(t, m)
		require.Len(t, facts, 3)
		assert.Equal(t, []any{apo.DisputeDefended, apo.DisputeClosed, outcome},
			[]any{facts[1].Kind(), facts[2].Kind(), facts[2].Dispute().Outcome})
		assert.Equal(t, takes, m.server.Totals("pay-1").Disputed, "%s", outcome)
	}
}

func TestDisputesThatCannotBe(t *testing.T) {
	m := disputable(t, apotest.Config{})
	_, err := m.server.Register(apotest.Payment{PaymentRequestID: "pay-2",
		Amount: apotest.Amount{Currency: "EUR", Minor: 1}})
	require.NoError(t, err)
	for _, d := range []struct {
		id string
		d  apotest.Dispute
	}{{"pay-2", apotest.Dispute{}}, {"pay-3", apotest.Dispute{}}, {"pay-1", apotest.Dispute{Minor: -1}}} {
		_, err := m.server.OpenDispute(d.id, d.d)
		require.ErrorIs(t, err, apotest.ErrPlay)
	}
	id, err := m.server.OpenDispute("pay-1", apotest.Dispute{DefendBy: time.Unix(1, 0)})
	require.NoError(t, err)
	require.ErrorContains(t, m.server.DefendDispute(id), "time is over")
	require.ErrorContains(t, m.server.EndDispute(id, "SPLIT", 0), "SPLIT")
	require.ErrorIs(t, m.server.AlertDispute("nobody's"), apotest.ErrPlay)
	assert.Len(t, saidOf(t, m), 1)
}

// The script strikes what is told of disputes, and what is told of nothing that APO knows, as all else.
func TestDisputesAndOtherTypesAreToldByTheScript(t *testing.T) {
	script, err := apotest.ParseScript([]byte("notifyDispute 1 reorder\nnotifyDispute 2 duplicate 2\n" +
		"notification * duplicate"))
	require.NoError(t, err)
	m := disputable(t, apotest.Config{Script: script})
	id, err := m.server.OpenDispute("pay-1", apotest.Dispute{})
	require.NoError(t, err)
	require.NoError(t, m.server.EndDispute(id, apo.DisputeWithdrawn, 0))
	require.NoError(t, m.server.Tell("pay-1", map[string]any{"notifyType": "CARD_STATUS", "paymentRequestId": nil}))
	require.ErrorIs(t, m.server.Tell("pay-1", map[string]any{"notifyType": func() {}}), apotest.ErrPlay)
	var kinds []string
	for _, f := range saidOf(t, m) {
		kinds = append(kinds, f.Kind().String()+" "+f.PaymentRequestID())
	}
	assert.Equal(t, []string{"dispute closed pay-1", "dispute opened pay-1", "dispute closed pay-1",
		"dispute closed pay-1", "not understood ", "not understood "}, kinds)
}

func TestControlsOfDisputes(t *testing.T) {
	m := disputable(t, apotest.Config{})
	post := func(path string) (int, map[string]string) {
		r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1"+apotest.ControlPath+path, http.NoBody)
		w := httptest.NewRecorder()
		m.server.ControlHandler().ServeHTTP(w, r)
		var got map[string]string
		text, err := io.ReadAll(w.Body)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(text, &got), string(text))
		return w.Code, got
	}
	status, got := post("dispute/pay-1?amount=200")
	require.Equal(t, http.StatusOK, status, got)
	id := got["disputeId"]
	for _, path := range []string{"alert-dispute/", "defend-dispute/"} {
		status, _ = post(path + id)
		assert.Equal(t, http.StatusOK, status, path)
	}
	status, _ = post(fmt.Sprintf("end-dispute/%s?outcome=%s&amount=x", id, apo.DisputeMerchantLiable))
	assert.Equal(t, http.StatusBadRequest, status)
	status, _ = post(fmt.Sprintf("end-dispute/%s?outcome=%s&amount=150", id, apo.DisputeMerchantLiable))
	assert.Equal(t, http.StatusOK, status)
	assert.EqualValues(t, 150, m.server.Totals("pay-1").Disputed)
	status, got = post("defend-dispute/" + id)
	assert.Equal(t, http.StatusConflict, status)
	assert.True(t, strings.Contains(got["error"], "ended"), got)
}
