package apotest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/apo/apotest"
)

func TestKeysOnDisk(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	m := open(t, apotest.Config{})
	require.NoError(t, m.server.WriteKeys(dir))
	require.NoError(t, m.server.WriteKeys(dir), "the same keys again")
	for name, mode := range map[string]os.FileMode{
		apotest.MerchantPrivateFile: 0o600, apotest.APOPrivateFile: 0o600,
		apotest.MerchantPublicFile: 0o644, apotest.APOPublicFile: 0o644,
	} {
		info, err := os.Stat(filepath.Join(dir, name))
		require.NoError(t, err)
		assert.Equal(t, mode, info.Mode().Perm(), name)
	}
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, entries, 4, "no temporary file stays")

	var cfg apotest.Config
	require.NoError(t, cfg.ReadKeys(dir))
	assert.True(t, cfg.Merchant.Equal(keyPair()[0]))
	assert.True(t, cfg.APO.Equal(keyPair()[1]))

	keys, err := apotest.ReadKeys(dir)
	require.NoError(t, err)
	m.card("c")
	client, err := apo.NewClient(m.server.URL(), m.server.ClientID(), keys, nil)
	require.NoError(t, err)
	assert.Equal(t, apo.Succeeded, client.Cancel(t.Context(), apo.CancelRequest{PaymentID: "P-c"}).Class)

	other, err := apotest.NewUnstartedServer(&apotest.Config{Merchant: keyPair()[1], APO: keyPair()[0]})
	require.NoError(t, err)
	assert.ErrorIs(t, other.WriteKeys(dir), apotest.ErrConfig, "another's keys are not overwritten")
	again, err := apotest.ReadKeys(dir)
	require.NoError(t, err)
	assert.True(t, again.Private.Equal(keyPair()[0]))
}

func TestKeysThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	var cfg apotest.Config
	require.NoError(t, cfg.ReadKeys(filepath.Join(dir, "missing")))
	assert.Equal(t, apotest.Config{}, cfg)
	_, err := apotest.ReadKeys(dir)
	assert.ErrorIs(t, err, apotest.ErrConfig)

	m := open(t, apotest.Config{})
	require.NoError(t, m.server.WriteKeys(dir))
	swap := func(name, from string) {
		text, err := os.ReadFile(filepath.Join(dir, from))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), text, 0o600))
	}
	swap(apotest.MerchantPublicFile, apotest.APOPublicFile)
	assert.ErrorContains(t, cfg.ReadKeys(dir), "does not belong")
	require.NoError(t, os.Remove(filepath.Join(dir, apotest.APOPrivateFile)))
	swap(apotest.MerchantPublicFile, apotest.APOPublicFile)
	require.NoError(t, os.Remove(filepath.Join(dir, apotest.MerchantPublicFile)))
	assert.ErrorContains(t, cfg.ReadKeys(dir), "without its private key")
	require.NoError(t, os.WriteFile(filepath.Join(dir, apotest.MerchantPrivateFile), []byte("c2VjcmV0"), 0o600))
	err = cfg.ReadKeys(dir)
	require.ErrorIs(t, err, apotest.ErrConfig)
	assert.NotContains(t, err.Error(), "c2VjcmV0")
	assert.Equal(t, apotest.Config{}, cfg, "nothing was taken from a bad directory")
	_, err = apotest.ReadKeys(dir)
	assert.ErrorIs(t, err, apotest.ErrConfig)
	assert.ErrorIs(t, m.server.WriteKeys(filepath.Join(dir, apotest.APOPublicFile)), apotest.ErrConfig)
}

// shell drives a simulator as curl would.
type shell struct {
	t    *testing.T
	base string
	edit func(*http.Request)
}

func (s shell) do(method, path, body string) (int, string) {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), method, s.base+apotest.ControlPath+path,
		strings.NewReader(body))
	require.NoError(s.t, err)
	if s.edit != nil {
		s.edit(request)
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(s.t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(s.t, err)
	return response.StatusCode, string(text)
}

func (s shell) ok(method, path, body string) string {
	s.t.Helper()
	code, text := s.do(method, path, body)
	require.Equal(s.t, http.StatusOK, code, path+" "+text)
	return text
}

// process starts a server with its controls on the same listener.
func process(t *testing.T) (*merchant, shell) {
	t.Helper()
	m := open(t, apotest.Config{Behaviour: apotest.Behaviour{AsyncRefund: true}})
	pair := keyPair()
	s, err := apotest.NewUnstartedServer(&apotest.Config{
		Merchant: pair[0], APO: pair[1], Now: m.clock.Now, ManualDelivery: true,
		Behaviour: apotest.Behaviour{AsyncRefund: true},
	})
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.Handle(apotest.ControlPath, s.ControlHandler())
	mux.Handle("/", s)
	require.NoError(t, s.StartHandler("127.0.0.1:0", mux))
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	m.server, m.base = s, s.URL()
	return m, shell{t: t, base: s.URL()}
}

func TestControls(t *testing.T) {
	m, sh := process(t)
	assert.Equal(t, "[]\n", sh.ok("GET", "ledger", ""))
	card := func(id string) {
		sh.ok("POST", "register", `{"paymentRequestId":"`+id+`","paymentId":"P-`+id+`","amount":`+
			`{"currency":"EUR","minor":1000},`+
			`"capture":"MANUAL"}`)
	}
	card("c")
	assert.Contains(t, sh.ok("POST", "pend/c", ""), `"PROCESSING"`)
	assert.Contains(t, sh.ok("POST", "submit/c", ""), `"authorized":1000`)
	sh.ok("POST", "capture/c?amount=700", "")
	sh.ok("POST", "refund/P-c?amount=200", "")
	m.is(m.refund("c", "r1", 100), "S", "SUCCESS")
	sh.ok("POST", "finish-refund/c?ok=false", "")
	m.is(m.refund("c", "r2", 100), "S", "SUCCESS")
	sh.ok("POST", "finish-refund/c", "")
	assert.Contains(t, sh.ok("GET", "payment/c", ""), `"refunded":300`)
	sh.ok("POST", "fail-capture/c", "")

	card("u")
	sh.ok("POST", "submit/u", "")
	assert.Contains(t, sh.ok("POST", "raise/u?amount=1500", ""), `"authorized":1500`)
	sh.ok("POST", "start-raise/u?amount=1800", "")
	assert.Contains(t, sh.ok("POST", "finish-raise/u?ok=false", ""), `"authorized":1500`)
	card("v")
	sh.ok("POST", "submit/v", "")
	assert.Contains(t, sh.ok("POST", "void/v", ""), `"CANCELLED"`)
	card("l")
	m.is(m.cancel("l"), "S", "SUCCESS")
	assert.Contains(t, sh.ok("POST", "pay-late/l", ""), `"late":1000`)
	sh.ok("POST", "deny-inquiries/l", "")
	m.is(m.inquire("l"), "F", "ACCESS_DENIED")
	sh.ok("POST", "deny-inquiries/l?ok=false", "")
	m.is(m.inquire("l"), "S", "SUCCESS")
	card("d")
	assert.Contains(t, sh.ok("POST", "decline/d", ""), `"FAIL"`)
	card("e")
	assert.Contains(t, sh.ok("POST", "expire/e", ""), `"FAIL"`)
	sh.ok("POST", "register", `{"paymentRequestId":"a","amount":{"currency":"EUR","minor":5}}`)
	sh.ok("POST", "submit/a", "")
	assert.Contains(t, sh.ok("POST", "finish-capture/a?ok=true", ""), `"captured":5`)

	var ledger []apotest.Entry
	require.NoError(t, json.Unmarshal([]byte(sh.ok("GET", "ledger", "")), &ledger))
	assert.Equal(t, m.server.Ledger(), ledger)
	var totals map[string]apotest.Totals
	require.NoError(t, json.Unmarshal([]byte(sh.ok("GET", "totals", "")), &totals))
	assert.Equal(t, m.server.AllTotals(), totals)
	assert.Contains(t, sh.ok("GET", "calls", ""), `"body":"{\"paymentRequestId\":\"l\"}"`)
	assert.Contains(t, sh.ok("GET", "notifications", ""), `PAYMENT_RESULT`)
}

// Where the buyer is sent to is there: it shows the payment.
func TestTheBuyersLinkLeadsToThePayment(t *testing.T) {
	m, sh := process(t)
	client, err := apo.NewClient(m.base, m.server.ClientID(), m.server.Keys(), nil)
	require.NoError(t, err)
	pay := apo.PayRequest{PaymentRequestID: "p", Method: "CARD", Amount: apo.Amount{Currency: "EUR", Minor: 1000}}
	answer := client.Pay(t.Context(), pay)
	require.Equal(t, apo.Accepted, answer.Class, answer.Err)
	path, here := strings.CutPrefix(answer.NormalURL, m.base+apotest.ControlPath)
	require.True(t, here, answer.NormalURL)
	assert.Contains(t, sh.ok("GET", path, ""), `"PROCESSING"`)
	assert.Equal(t, answer.NormalURL, client.Pay(t.Context(), pay).NormalURL, "the same request again")
	require.NoError(t, m.server.Submit("p"))
	assert.Contains(t, sh.ok("GET", path, ""), `"SUCCESS"`)
	assert.Empty(t, client.Pay(t.Context(), pay).NormalURL, "there is nothing left to pay")
}

// A merchant's ids may have slashes: escaped in a path, bare in a script.
func TestControlsTakeIDsWithSlashes(t *testing.T) {
	m, sh := process(t)
	const id, escaped = "INV/2026/00001", "INV%2F2026%2F00001"
	sh.ok("POST", "register", `{"paymentRequestId":"`+id+`","amount":{"currency":"EUR","minor":5}}`)
	assert.Contains(t, sh.ok("POST", "submit/"+escaped, ""), `"SUCCESS"`)
	assert.Contains(t, sh.ok("GET", "payment/"+escaped, ""), `"id":"`+id+`"`)
	sh.ok("POST", "script", "cancel * unknown for "+id+"\n")
	m.is(m.cancel(id), "U", "UNKNOWN_EXCEPTION")
}

func TestControlsOfTheScript(t *testing.T) {
	m, sh := process(t)
	m.wallet("w")
	assert.Equal(t, "{\"armed\":1}\n", sh.ok("POST", "script", "refund * unknown\n"))
	m.is(m.refund("w", "r", 1), "U", "UNKNOWN_EXCEPTION")
	sh.ok("DELETE", "script", "")
	m.is(m.refund("w", "r", 1), "S", "SUCCESS")
	sh.ok("POST", "forget-keys", "")
	m.is(m.refund("w", "r", 1), "S", "SUCCESS")
	sh.ok("POST", "finish-refund/w", "")
	sh.ok("POST", "finish-refund/w", "")
	assert.Equal(t, int64(2), m.server.Totals("w").Refunded)
	assert.Equal(t, 3, m.server.Count(), "controls are no calls")
}

func TestControlsThatAreRefused(t *testing.T) {
	m, sh := process(t)
	m.wallet("w")
	for _, c := range []struct {
		method, path, body string
		want               int
	}{
		{"POST", "submit/nobody", "", http.StatusNotFound},
		{"GET", "payment/nobody", "", http.StatusNotFound},
		{"POST", "submit/w", "", http.StatusConflict},
		{"POST", "refund/w", "", http.StatusBadRequest},
		{"POST", "refund/w?amount=1001", "", http.StatusConflict},
		{"POST", "register", "{", http.StatusBadRequest},
		{"POST", "register", `{"id":"x"}`, http.StatusBadRequest},
		{"POST", "register", `{"paymentRequestId":"x"}`, http.StatusConflict},
		{"POST", "script", "cancel 1 explode", http.StatusBadRequest},
		{"POST", "script", strings.Repeat("#", 1<<20+1), http.StatusRequestEntityTooLarge},
		{"GET", "submit/w", "", http.StatusMethodNotAllowed},
		{"GET", "nothing", "", http.StatusNotFound},
	} {
		code, text := sh.do(c.method, c.path, c.body)
		assert.Equal(t, c.want, code, c.path+" "+text)
	}
	for _, edit := range []func(*http.Request){
		func(r *http.Request) { r.Header.Set("Origin", "https://shop.example") },
		func(r *http.Request) { r.Host = "rebound.example:80" },
	} {
		sh.edit = edit
		code, _ := sh.do("GET", "ledger", "")
		assert.Equal(t, http.StatusForbidden, code)
	}
}
