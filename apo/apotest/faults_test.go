package apotest_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/apo/apotest"
)

func script(t *testing.T, m *merchant, lines string) {
	t.Helper()
	faults, err := apotest.ParseScript([]byte(lines))
	require.NoError(t, err)
	require.NoError(t, m.server.Script(faults...))
}

func TestUnknownThenDone(t *testing.T) {
	m := open(t, apotest.Config{Script: []apotest.Fault{{Op: apotest.OpCancel, From: 1, Do: apotest.Undecided}}})
	m.card("c")
	m.is(m.cancel("c"), "U", "UNKNOWN_EXCEPTION")
	assert.Equal(t, apotest.Success, m.server.Status("c"), "nothing was done")
	m.is(m.cancel("c"), "S", "SUCCESS")
}

func TestUnknownAlthoughDone(t *testing.T) {
	m := open(t, apotest.Config{})
	script(t, m, "cancel 1 unknown REQUEST_TRAFFIC_EXCEED_LIMIT after")
	m.card("c")
	m.is(m.cancel("c"), "U", "REQUEST_TRAFFIC_EXCEED_LIMIT")
	assert.Equal(t, apotest.Cancelled, m.server.Status("c"))
}

func TestScriptedFailureUsesItsIDUp(t *testing.T) {
	m := open(t, apotest.Config{})
	script(t, m, "* 1-2 fail MERCHANT_BALANCE_NOT_ENOUGH")
	m.wallet("w")
	m.is(m.refund("w", "r", 10), "F", "MERCHANT_BALANCE_NOT_ENOUGH")
	m.is(m.cancel("w"), "F", "MERCHANT_BALANCE_NOT_ENOUGH")
	m.is(m.refund("w", "r", 10), "F", "MERCHANT_BALANCE_NOT_ENOUGH")
	m.is(m.refund("w", "r", 11), "F", "REPEAT_REQ_INCONSISTENT")
	m.is(m.refund("w", "r2", 10), "S", "SUCCESS")
	assert.Equal(t, int64(10), m.server.Totals("w").Refunded)
}

func TestNoAnswerComes(t *testing.T) {
	for _, c := range []struct {
		line string
		done bool
	}{
		{"refund 1 timeout before", false},
		{"refund 1 timeout after", true},
		{"refund 1 cut", false},
		{"refund 1 cut after", true},
	} {
		t.Run(c.line, func(t *testing.T) {
			m := open(t, apotest.Config{})
			script(t, m, c.line)
			m.wallet("w")
			if strings.Contains(c.line, "timeout") { // what is cut ends by itself
				m.http.Timeout = time.Second
			}
			assert.Error(t, m.refund("w", "r", 10).err)
			calls := m.server.Calls()
			require.Len(t, calls, 1, "the call was on the wire")
			assert.Equal(t, c.done, calls[0].Worked)
			assert.Equal(t, c.done, m.server.Totals("w").Refunded == 10)
			assert.Zero(t, calls[0].HTTPStatus)
			m.http.Timeout = 10 * time.Second
			m.is(m.refund("w", "r", 10), "S", "SUCCESS")
			assert.Equal(t, int64(10), m.server.Totals("w").Refunded, "the same id moves money once")
		})
	}
}

func TestCloseLetsHeldConnectionsGo(t *testing.T) {
	m := open(t, apotest.Config{})
	script(t, m, "cancel * timeout")
	m.card("c")
	ended := make(chan error, 1)
	go func() { ended <- m.cancel("c").err }()
	require.Eventually(t, func() bool { return m.server.Count(apotest.OpCancel) == 1 }, patience, time.Millisecond)
	require.NoError(t, m.server.Close())
	select {
	case err := <-ended:
		assert.Error(t, err)
	case <-time.After(patience):
		t.Fatal("the connection is still held")
	}
}

func TestHTTPErrors(t *testing.T) {
	m := open(t, apotest.Config{})
	script(t, m, "refund 1 status 503\nrefund 2 status 502 after")
	m.wallet("w")
	for i, want := range []struct {
		http     int
		refunded int64
	}{{503, 0}, {502, 10}} {
		r := m.refund("w", "r", 10)
		require.NoError(t, r.err, i)
		assert.Equal(t, want.http, r.http)
		assert.False(t, r.trusted)
		assert.Empty(t, r.header.Get("Signature"))
		assert.Equal(t, want.refunded, m.server.Totals("w").Refunded)
	}
}

func TestSpoiltAnswers(t *testing.T) {
	for line, check := range map[string]func(*testing.T, response){
		"refund 1 unsigned": func(t *testing.T, r response) {
			assert.Equal(t, "S", r.status)
			assert.Empty(t, r.header.Get("Signature"))
		},
		"refund 1 bad-signature": func(t *testing.T, r response) {
			assert.Equal(t, "S", r.status)
			assert.NotEmpty(t, r.header.Get("Signature"))
			assert.False(t, r.trusted)
		},
		"refund 1 truncated": func(t *testing.T, r response) { assert.ErrorIs(t, r.err, io.ErrUnexpectedEOF) },
		"refund 1 oversized": func(t *testing.T, r response) {
			assert.Greater(t, len(r.raw), 1<<20)
			assert.True(t, r.trusted)
		},
		"refund 1 not-json": func(t *testing.T, r response) {
			assert.Nil(t, r.fields)
			assert.True(t, r.trusted)
		},
	} {
		t.Run(line, func(t *testing.T) {
			m := open(t, apotest.Config{})
			script(t, m, line)
			m.wallet("w")
			check(t, m.refund("w", "r", 10))
			assert.Equal(t, int64(10), m.server.Totals("w").Refunded, "the work is done")
			assert.Equal(t, line, m.server.Calls()[0].Fault)
			assert.Equal(t, "SUCCESS", m.server.Calls()[0].Code)
			m.is(m.refund("w", "r", 10), "S", "SUCCESS")
		})
	}
}

func TestDelayWaitsAndThenAnswers(t *testing.T) {
	m := open(t, apotest.Config{})
	script(t, m, "cancel 1 delay 60ms\ncancel 1 unknown")
	m.card("c")
	begun := time.Now()
	m.is(m.cancel("c"), "U", "UNKNOWN_EXCEPTION")
	assert.GreaterOrEqual(t, time.Since(begun), 60*time.Millisecond)
	assert.Equal(t, "cancel 1 delay 60ms; cancel 1 unknown", m.server.Calls()[0].Fault)
}

func TestInProcessByScript(t *testing.T) {
	m := open(t, apotest.Config{})
	script(t, m, "capture 1 in-process\nrefund 1 in-process")
	m.card("c")
	m.is(m.capture("c", "k", 1000), "U", "CAPTURE_IN_PROCESS")
	require.NoError(t, m.server.FinishCapture("c", true))
	m.is(m.refund("c", "r", 10), "U", "REFUND_IN_PROCESS")
	m.is(m.refund("c", "r", 10), "U", "REFUND_IN_PROCESS")
	require.NoError(t, m.server.FinishRefund("c", true))
	m.is(m.refund("c", "r", 10), "S", "SUCCESS")
	assert.Equal(t, int64(10), m.server.Totals("c").Refunded)
}

func TestScriptForgetsKeys(t *testing.T) {
	m := open(t, apotest.Config{})
	script(t, m, "refund 2 forget-keys")
	m.wallet("w")
	m.is(m.refund("w", "r", 10), "S", "SUCCESS")
	m.is(m.refund("w", "r", 10), "S", "SUCCESS")
	assert.Equal(t, int64(20), m.server.Totals("w").Refunded)
}

func TestFaultsForOneID(t *testing.T) {
	m := open(t, apotest.Config{})
	script(t, m, "cancel 2 unknown for P-b\nrefund * fail RISK_REJECT for r1")
	m.card("a")
	m.card("b")
	m.wallet("w")
	m.is(m.cancel("a"), "S", "SUCCESS")
	m.is(m.cancel("b"), "S", "SUCCESS")
	m.is(m.cancel("a"), "S", "SUCCESS")
	m.is(m.cancel("b"), "U", "UNKNOWN_EXCEPTION") // its second, by its other id
	m.is(m.refund("w", "r2", 1), "S", "SUCCESS")
	m.is(m.refund("w", "r1", 1), "F", "RISK_REJECT")
	m.server.ClearScript()
	m.is(m.refund("w", "r3", 1), "S", "SUCCESS")
}

func TestAFaultCountsFromWhenItIsArmed(t *testing.T) {
	m := open(t, apotest.Config{})
	m.card("c")
	m.is(m.cancel("c"), "S", "SUCCESS")
	require.NoError(t, m.server.Script(apotest.Fault{Op: apotest.OpCancel, From: 1, Do: apotest.HTTPError,
		HTTPStatus: 500}))
	assert.Equal(t, http.StatusInternalServerError, m.cancel("c").http)
	m.is(m.cancel("c"), "S", "SUCCESS")
}

func TestTheFirstOfTwoFaultsStrikes(t *testing.T) {
	m := open(t, apotest.Config{})
	script(t, m, "refund 1 fail RISK_REJECT\nrefund 1 unknown")
	m.wallet("w")
	m.is(m.refund("w", "r", 1), "F", "RISK_REJECT")
	assert.Equal(t, "refund 1 fail RISK_REJECT", m.server.Calls()[0].Fault)
}

func TestScriptIsAllOrNothing(t *testing.T) {
	m := open(t, apotest.Config{})
	m.card("c")
	good := apotest.Fault{Op: apotest.OpCancel, Do: apotest.Undecided}
	assert.ErrorIs(t, m.server.Script(good, apotest.Fault{Op: "cancle", Do: apotest.Undecided}), apotest.ErrScript)
	m.is(m.cancel("c"), "S", "SUCCESS")
	_, err := apotest.NewUnstartedServer(&apotest.Config{Merchant: keyPair()[0], APO: keyPair()[1],
		Script: []apotest.Fault{{}}})
	assert.True(t, errors.Is(err, apotest.ErrScript) && errors.Is(err, apotest.ErrConfig), err)
}
