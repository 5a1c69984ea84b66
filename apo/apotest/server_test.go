package apotest_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/internal/tests/long"
)

func TestGatewayRefusesUnsigned(t *testing.T) {
	m := open(t, apotest.Config{})
	m.card("c")
	for name, c := range map[string]struct {
		edit func(*http.Request)
		http int
		code string
	}{
		"no operation": {func(r *http.Request) { r.URL.Path = m.prefix + "void" }, 404, "NO_INTERFACE_DEF"},
		"other path":   {func(r *http.Request) { r.URL.Path = "/" }, 404, "NO_INTERFACE_DEF"},
		"method":       {func(r *http.Request) { r.Method = http.MethodPut }, 405, "METHOD_NOT_SUPPORTED"},
		"media type": {func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, 415,
			"MEDIA_TYPE_NOT_ACCEPTABLE"},
		"no media type":  {func(r *http.Request) { r.Header.Del("Content-Type") }, 415, "MEDIA_TYPE_NOT_ACCEPTABLE"},
		"no client":      {func(r *http.Request) { r.Header.Del("Client-Id") }, 401, "INVALID_CLIENT"},
		"other client":   {func(r *http.Request) { r.Header.Set("Client-Id", "SANDBOX_X") }, 401, "INVALID_CLIENT"},
		"live path":      {func(r *http.Request) { r.URL.Path = "/ams/api/v1/payments/cancel" }, 401, "INVALID_CLIENT"},
		"no signature":   {func(r *http.Request) { r.Header.Del("Signature") }, 401, "INVALID_SIGNATURE"},
		"no time":        {func(r *http.Request) { r.Header.Del("Request-Time") }, 401, "INVALID_SIGNATURE"},
		"other time":     {func(r *http.Request) { r.Header.Set("Request-Time", "1") }, 401, "INVALID_SIGNATURE"},
		"query unsigned": {func(r *http.Request) { r.URL.RawQuery = "a=1" }, 401, "INVALID_SIGNATURE"},
		"key version": {func(r *http.Request) {
			r.Header.Set("Signature", strings.Replace(r.Header.Get("Signature"), "keyVersion=1", "keyVersion=2", 1))
		}, 401, "KEY_NOT_FOUND"},
		"body": {func(r *http.Request) {
			changed := bytes.NewReader([]byte(`{"paymentId":"P-c"}`))
			r.Body, r.ContentLength = io.NopCloser(changed), int64(changed.Len())
		}, 401, "INVALID_SIGNATURE"},
	} {
		t.Run(name, func(t *testing.T) {
			m.edit = c.edit
			r := m.cancel("c")
			require.NoError(t, r.err)
			assert.Equal(t, fmt.Sprint(c.http, c.code), fmt.Sprint(r.http, r.code))
			assert.Empty(t, r.header.Get("Signature"))
			calls := m.server.Calls()
			last := calls[len(calls)-1]
			assert.True(t, last.Refused)
			assert.False(t, last.Worked)
			assert.Equal(t, apotest.Success, m.server.Status("c"))
		})
	}
}

func TestOverlongBodyIsRefused(t *testing.T) {
	m := open(t, apotest.Config{})
	r := m.send("cancel", bytes.Repeat([]byte(" "), 64<<10+1))
	require.NoError(t, r.err)
	assert.Equal(t, http.StatusRequestEntityTooLarge, r.http)
}

func TestSignatureHeaderInAnyForm(t *testing.T) {
	m := open(t, apotest.Config{})
	m.card("c")
	m.edit = func(r *http.Request) {
		parts := strings.Split(r.Header.Get("Signature"), ",")
		value := strings.NewReplacer("%2B", "+", "%2F", "/", "%3D", "=").Replace(parts[2])
		r.Header.Set("Signature", value+", "+parts[1]+",  "+parts[0])
	}
	m.is(m.cancel("c"), "S", "SUCCESS")
}

func TestALiveClientUsesTheLivePath(t *testing.T) {
	m := open(t, apotest.Config{ClientID: "5YLIVE"})
	require.Equal(t, "/ams/api/v1/payments/", m.prefix)
	m.card("c")
	m.is(m.cancel("c"), "S", "SUCCESS")
	m.prefix = "/ams/sandbox/api/v1/payments/"
	assert.Equal(t, "INVALID_CLIENT", m.cancel("c").code)
}

func TestMerchantsDoNotSeeEachOther(t *testing.T) {
	m := open(t, apotest.Config{})
	require.NoError(t, m.server.AddMerchant("SANDBOX_OTHER", "", &keyPair()[0].PublicKey))
	m.wallet("w")
	refund := m.refund("w", "r", 10)
	m.is(refund, "S", "SUCCESS")
	other := *m
	other.client = "SANDBOX_OTHER"
	other.is(other.cancel("w"), "F", "ORDER_NOT_EXIST")
	other.is(other.refund("w", "r2", 1), "F", "ORDER_NOT_EXIST")
	other.is(other.inquireRefund("r"), "F", "REFUND_NOT_EXIST")
	other.is(other.call("inquiryRefund", map[string]any{"refundId": refund.text("refundId")}), "F", "REFUND_NOT_EXIST")
	_, err := m.server.Register(apotest.Payment{
		PaymentRequestID: "w", PaymentID: "P-w2", ClientID: other.client, Method: "W",
		Amount: apotest.Amount{Currency: "EUR", Minor: 5},
	})
	require.NoError(t, err, "ids are each merchant's own")
	require.NoError(t, m.server.Submit("P-w2"))
	other.is(other.refund("w2", "r", 5), "S", "SUCCESS")
	assert.Equal(t, map[string]any{"currency": "EUR", "value": "10"}, m.inquireRefund("r").fields["refundAmount"])
}

func TestStringScalars(t *testing.T) {
	for _, asStrings := range []bool{false, true} {
		m := open(t, apotest.Config{Behaviour: apotest.Behaviour{StringScalars: asStrings, ISOTimes: asStrings}})
		m.card("c")
		r := m.inquire("c")
		m.is(r, "S", "SUCCESS")
		quote := r.fields["paymentQuote"].(map[string]any)
		if asStrings {
			assert.Equal(t, "true", quote["guaranteed"])
			assert.Equal(t, "2026-11-23T17:00:00+08:00", r.header.Get("Response-Time"))
		} else {
			assert.Equal(t, true, quote["guaranteed"])
			assert.Equal(t, fmt.Sprint(start().UnixMilli()), r.header.Get("Response-Time"))
		}
	}
}

func TestCallsKeepWhatCame(t *testing.T) {
	m := open(t, apotest.Config{})
	assert.Empty(t, m.server.Calls())
	m.card("c")
	m.is(m.capture("c", "k", 10), "S", "SUCCESS")
	m.is(m.inquire("c"), "S", "SUCCESS")
	calls := m.server.Calls()
	require.Len(t, calls, 2)
	c := calls[0]
	assert.Equal(t, apotest.OpCapture, c.Op)
	assert.Equal(t, 1, c.Number)
	assert.Equal(t, "k", c.RequestID)
	assert.Equal(t, "P-c", c.PaymentID)
	assert.Equal(t, start(), c.Time)
	assert.Equal(t, "S SUCCESS", c.Status+" "+c.Code)
	assert.Equal(t, http.StatusOK, c.HTTPStatus)
	assert.JSONEq(t, `{"captureRequestId":"k","paymentId":"P-c","captureAmount":{"currency":"EUR","value":"10"}}`,
		string(c.Body))
	assert.Contains(t, string(c.Answer), `"captureRequestId":"k"`)
	assert.Equal(t, 2, m.server.Count())
	assert.Equal(t, 1, m.server.Count(apotest.OpCapture, apotest.OpRefund))
	assert.Zero(t, m.server.Count(apotest.OpCancel))
}

func TestLedgerTellsOfAllMoney(t *testing.T) {
	m := open(t, apotest.Config{})
	m.card("c")
	m.is(m.capture("c", "k", 600), "S", "SUCCESS")
	m.is(m.refund("c", "r", 100), "S", "SUCCESS")
	m.wallet("w")
	ledger := m.server.Ledger()
	require.Len(t, ledger, 4)
	for i, want := range []struct {
		kind      apotest.Movement
		minor     int64
		requestID string
	}{{apotest.Authorized, 1000, ""}, {apotest.Captured, 600, "k"}, {apotest.Refunded, 100, "r"},
		{apotest.Paid, 1000, ""}} {
		assert.Equal(t, want.kind, ledger[i].Kind)
		assert.Equal(t, apotest.Amount{Currency: "EUR", Minor: want.minor}, ledger[i].Amount)
		assert.Equal(t, want.requestID, ledger[i].RequestID)
		assert.NotEmpty(t, ledger[i].ID)
		assert.Equal(t, start(), ledger[i].Time)
	}
	all := m.server.AllTotals()
	assert.Equal(t, int64(500), all["c"].Kept())
	assert.Equal(t, int64(400), all["c"].Held())
	assert.Equal(t, int64(1000), all["w"].Kept())
	assert.Len(t, all, 2)
	ledger[0].Kind = "changed"
	assert.Equal(t, apotest.Authorized, m.server.Ledger()[0].Kind, "the list is the caller's")
}

func TestTheClientOfThisHouse(t *testing.T) {
	m := open(t, apotest.Config{})
	m.card("c")
	for _, suffix := range []string{"", "/"} {
		client, err := apo.NewClient(m.server.URL()+suffix, m.server.ClientID(), m.server.Keys(), nil)
		require.NoError(t, err)
		answer := client.Capture(t.Context(), apo.CaptureRequest{
			CaptureRequestID: "k" + suffix, PaymentID: "P-c", Amount: apo.Amount{Currency: "EUR", Minor: 100},
		})
		require.Equal(t, apo.Succeeded, answer.Class, answer.Err)
		picture := client.InquirePayment(t.Context(), apo.InquirePaymentRequest{PaymentRequestID: "c"})
		require.Equal(t, apo.Succeeded, picture.Class, picture.Err)
		assert.Equal(t, apo.StateSuccess, picture.State)
	}
	assert.Equal(t, int64(200), m.server.Totals("c").Captured)
	verifier, err := apo.NewVerifier(m.server.ClientID(), m.server.Keys(), nil)
	require.NoError(t, err)
	kinds := []apo.Kind{apo.PaymentSucceeded, apo.CaptureSucceeded, apo.CaptureSucceeded}
	for i, n := range m.server.TakeNotifications() {
		fact, err := verifier.VerifyNotification(n.Method, n.Path, n.Header, n.Body)
		require.NoError(t, err)
		assert.Equal(t, kinds[i], fact.Kind())
	}
}

func TestOnlyLoopback(t *testing.T) {
	pair := keyPair()
	for _, addr := range []string{"0.0.0.0:0", ":0", "[::]:0", "192.0.2.1:80", "example.com:80", "127.0.0.1",
		"127.0.0.1:http"} {
		s, err := apotest.NewUnstartedServer(&apotest.Config{Merchant: pair[0], APO: pair[1]})
		require.NoError(t, err)
		assert.ErrorIs(t, s.Start(addr), apotest.ErrConfig, addr)
		assert.Empty(t, s.URL())
		assert.NoError(t, s.Close())
	}
}

func TestStartOnceAndNeverAfterClose(t *testing.T) {
	m := open(t, apotest.Config{})
	assert.ErrorIs(t, m.server.Start(""), apotest.ErrConfig)
	pair := keyPair()
	s, err := apotest.NewUnstartedServer(&apotest.Config{Merchant: pair[0], APO: pair[1]})
	require.NoError(t, err)
	taken := strings.TrimPrefix(m.server.URL(), "http://")
	assert.ErrorIs(t, s.Start(taken), apotest.ErrConfig, "the port is taken")
	require.NoError(t, s.Start("localhost:0"))
	require.NoError(t, s.Close())
	require.NoError(t, s.Close())
	assert.ErrorIs(t, s.Start(""), apotest.ErrConfig)
}

func TestKeysAreChecked(t *testing.T) {
	pair := keyPair()
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	for name, cfg := range map[string]apotest.Config{
		"client id":      {Merchant: pair[0], APO: pair[1], ClientID: strings.Repeat("x", 65)},
		"short APO":      {Merchant: pair[0], APO: short},
		"short merchant": {Merchant: short, APO: pair[1]},
		"no pair":        {Merchant: pair[0], APO: pair[1], MerchantPublic: &pair[1].PublicKey},
	} {
		_, err := apotest.NewUnstartedServer(&cfg)
		assert.ErrorIs(t, err, apotest.ErrConfig, name)
	}
	s, err := apotest.NewUnstartedServer(&apotest.Config{MerchantPublic: &pair[0].PublicKey})
	require.NoError(t, err)
	assert.Nil(t, s.Keys().Private)
	assert.ErrorIs(t, s.AddMerchant("X", "1", nil), apotest.ErrConfig)
}

func TestManyGoroutines(t *testing.T) {
	before, rounds := runtime.NumGoroutine(), long.Rounds(4, 1)
	t.Run("run", func(t *testing.T) {
		in := newInbox(t)
		m := open(t, apotest.Config{NotifyURL: in.URL, Behaviour: apotest.Behaviour{SettleAfter: time.Minute}})
		var group sync.WaitGroup
		for i := range 16 {
			group.Go(func() {
				id := fmt.Sprint("w", i%4)
				if i < 4 {
					m.wallet(id)
				}
				for n := range rounds {
					// Every request id is asked by four goroutines at once.
					m.refund(id, fmt.Sprint(id, "-", n), 100)
					m.server.Deliver(t.Context())
					m.server.Ledger()
					m.server.Notifications()
					m.clock.Advance(time.Second)
				}
			})
		}
		group.Wait()
		assert.Equal(t, 16*rounds, m.server.Count(apotest.OpRefund))
		for id, totals := range m.server.AllTotals() {
			assert.LessOrEqual(t, totals.Refunded, int64(400), id)
			assert.GreaterOrEqual(t, totals.Kept(), int64(600), id)
		}
	})
	assert.Eventually(t, func() bool { return runtime.NumGoroutine() <= before+2 }, patience, 10*time.Millisecond)
}

func TestClock(t *testing.T) {
	clock := apotest.NewClock(start())
	assert.Equal(t, start().Add(time.Hour), clock.Advance(time.Hour))
	clock.Set(start())
	assert.Equal(t, start(), clock.Now())
}
