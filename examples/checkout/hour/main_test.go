package main

import (
	"bytes"
	"flag"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/service"
)

func TestAnOrderFromItsPlacingToItsRefund(t *testing.T) {
	w := newWorld(t)
	placed := w.post("/orders", "place-1", placeO1)
	require.Equal(t, http.StatusCreated, placed.status, placed.body)
	usd := order.Money{Minor: 1000, Currency: "USD"}
	created := placed.view(t)
	assert.Regexp(t, `^http://127\.0\.0\.1:\d+/`, created.PayAt)
	created.PayAt = ""
	assert.Equal(t, view{Order: "o-1", Words: "created", Amount: usd, Payment: "accepted"}, created)
	assert.Equal(t, "/orders/o-1", placed.header.Get("Location"))
	require.NoError(t, w.apo.Submit("o-1"))
	require.Positive(t, w.apo.Deliver(t.Context()))
	assert.Equal(t, []action{{Command: "cancel", Legal: true}, {Command: "capture", Legal: true, Max: 1000},
		{Command: "refund", Why: "nothing is captured", Remedy: "cancel instead"}}, w.get("/orders/o-1").view(t).Actions)

	captured := w.post("/orders/o-1/capture", "capture-1", ten)
	require.Equal(t, http.StatusOK, captured.status, captured.body)
	assert.Equal(t, view{Order: "o-1", Words: "captured", Amount: usd, Captured: 1000}, captured.view(t))

	before := w.apo.Count()
	refused := w.post("/orders/o-1/cancel", "cancel-1", `{"reason":"changed their mind"}`)
	assert.Equal(t, http.StatusConflict, refused.status)
	assert.Equal(t, "refund instead", refused.problem(t).Remedy)
	assert.Equal(t, before, w.apo.Count(), "APO was not called")

	const four = `{"amount":{"minor":400,"currency":"USD"},"reason":"one item sent back"}`
	accepted := w.post("/orders/o-1/refund", "refund-1", four)
	assert.Equal(t, http.StatusAccepted, accepted.status)
	assert.Equal(t, "refunding", accepted.view(t).Words)
	assert.NotEmpty(t, accepted.header.Get("Retry-After"))
	require.Positive(t, w.apo.Deliver(t.Context()))
	done := w.post("/orders/o-1/refund", "refund-1", four)
	assert.Equal(t, http.StatusOK, done.status, done.body)
	assert.Equal(t, int64(400), done.view(t).Refunded)
	assert.Equal(t, int64(400), w.apo.Totals("o-1").Refunded, "once")
	for _, n := range w.apo.Notifications() {
		assert.True(t, n.Acknowledged, n.Type)
	}
}

func TestWhatIsSentTwiceIsDoneOnce(t *testing.T) {
	w := newWorld(t)
	for range 2 {
		placed := w.post("/orders", "place-1", placeO1)
		require.Equal(t, http.StatusCreated, placed.status, placed.body)
		assert.Equal(t, "accepted", placed.view(t).Payment)
		assert.Equal(t, uint64(2), w.records(), "one order, and that APO has begun")
	}
	require.NoError(t, w.apo.Submit("o-1"))
	require.Positive(t, w.apo.Deliver(t.Context()))

	before := w.apo.Count()
	again := w.post("/orders", "place-1", placeO1)
	assert.Equal(t, http.StatusCreated, again.status)
	assert.Equal(t, "authorized", again.view(t).Words)
	assert.Equal(t, before, w.apo.Count(), "what the buyer has paid is not asked for again")

	first := w.post("/orders/o-1/capture", "capture-1", ten)
	records, calls := w.records(), w.apo.Count()
	second := w.post("/orders/o-1/capture", "capture-1", ten)
	assert.Equal(t, first.status, second.status)
	assert.Equal(t, first.body, second.body)
	assert.Equal(t, records, w.records())
	assert.Equal(t, calls, w.apo.Count())
	other := w.post("/orders/o-1/capture", "capture-1", strings.Replace(ten, "1000", "900", 1))
	assert.Equal(t, http.StatusUnprocessableEntity, other.status, "the key stands for another command")
}

func TestARestartFindsTheOrderAndWhatIsOwed(t *testing.T) {
	w := newWorld(t)
	w.authorized()
	require.NoError(t, w.apo.Script(apotest.Fault{Op: apotest.OpCapture, From: 1, Do: apotest.Undecided}))
	open := w.post("/orders/o-1/capture", "capture-1", ten)
	assert.Equal(t, http.StatusAccepted, open.status)
	assert.Equal(t, "Outcome not known", open.problem(t).Title)
	require.NoError(t, w.stop(), "it ends in peace, with the log closed")
	assert.Contains(t, w.logged.String(), "stopping")

	w.start()
	require.Eventually(t, func() bool { return w.get("/orders/o-1").view(t).Words == "captured" }, patience, tick)
	assert.Equal(t, int64(1000), w.apo.Totals("o-1").Captured, "once")
	assert.Equal(t, http.StatusOK, w.post("/orders/o-1/capture", "capture-1", ten).status)
}

func TestWhatCannotBeIsToldInOneProblemAndChangesNothing(t *testing.T) {
	w := newWorld(t)
	w.authorized()
	records, calls := w.records(), w.apo.Count()
	for name, c := range map[string]struct {
		path, key, body string
		status          int
		says            string
	}{
		"no key":        {"/orders/o-1/refund", "", ten, 400, "Idempotency-Key"},
		"long key":      {"/orders/o-1/cancel", strings.Repeat("k", 65), `{}`, 400, "64"},
		"no body":       {"/orders/o-1/cancel", "k", "", 400, "empty"},
		"no JSON":       {"/orders/o-1/cancel", "k", "{", 400, "ends before"},
		"two bodies":    {"/orders/o-1/cancel", "k", "{}{}", 400, "goes on"},
		"unknown field": {"/orders/o-1/cancel", "k", ten, 400, `nobody reads: "amount"`},
		"a text":        {"/orders/o-1/capture", "k", `{"amount":"USD 10.00"}`, 400, `a string for "amount"`},
		"too long": {"/orders/o-1/cancel", "k", `{"reason":"` + strings.Repeat("x", service.DefaultBodyMax) + `"}`, 413,
			"longer than"},
		"no such order": {"/orders/o-2/cancel", "k", `{}`, 404, "no such order"},
		"no order id":   {"/orders", "k", strings.Replace(placeO1, `"o-1"`, `""`, 1), 400, "order"},
		"no currency":   {"/orders", "k", strings.NewReplacer("o-1", "o-2", "USD", "USX").Replace(placeO1), 400, "USX"},
		"no method":     {"/orders", "k", strings.NewReplacer("o-1", "o-2", "CARD", "").Replace(placeO1), 400, "method"},
	} {
		t.Run(name, func(t *testing.T) {
			a := w.post(c.path, c.key, c.body)
			assert.Equal(t, c.status, a.status, a.body)
			assert.Contains(t, a.problem(t).Detail, c.says)
			assert.NotEmpty(t, a.problem(t).Remedy)
		})
	}
	assert.Equal(t, records, w.records())
	assert.Equal(t, calls, w.apo.Count(), "none of them reached APO")
	assert.Equal(t, http.StatusNotFound, w.get("/orders/o-2").status)
	assert.Equal(t, http.StatusNotFound, w.get("/orders/o-2").problem(t).Status)
}

func TestOnlyWhatAPOSignedIsHeard(t *testing.T) {
	w := newWorld(t)
	require.Equal(t, http.StatusCreated, w.post("/orders", "place-1", placeO1).status)
	records := w.records()
	require.NoError(t, w.apo.Submit("o-1"))
	notes := w.apo.TakeNotifications()
	require.Len(t, notes, 1)
	hand := func(body []byte) int {
		r, err := http.NewRequestWithContext(t.Context(), notes[0].Method, w.public+"/notify", bytes.NewReader(body))
		require.NoError(t, err)
		r.Header = notes[0].Header.Clone()
		resp, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		defer resp.Body.Close()
		return resp.StatusCode
	}
	forged := bytes.Replace(notes[0].Body, []byte("1000"), []byte("9000"), 1)
	require.NotEqual(t, notes[0].Body, forged)
	assert.Equal(t, http.StatusUnauthorized, hand(forged))
	assert.Equal(t, "created", w.get("/orders/o-1").view(t).Words)
	assert.Equal(t, records, w.records())
	assert.Equal(t, http.StatusOK, hand(notes[0].Body), "the same, as APO signed it")
	assert.Equal(t, "authorized", w.get("/orders/o-1").view(t).Words)
}

func TestAPayCallThatFailsLeavesTheOrderOnRecord(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.apo.Script(apotest.Fault{Op: apotest.OpPay, From: 1, Do: apotest.Undecided}))
	placed := w.post("/orders", "place-1", placeO1)
	assert.Equal(t, http.StatusCreated, placed.status)
	assert.Equal(t, "unknown", placed.view(t).Payment)
	assert.Contains(t, w.logged.String(), "msg=pay order=o-1 answer=unknown")
	assert.Equal(t, "accepted", w.post("/orders", "place-1", placeO1).view(t).Payment, "asked again")
}

func TestTheLogSignsWhatItHolds(t *testing.T) {
	w := newWorld(t)
	w.authorized()
	signed := w.get("/checkpoint")
	verifier, err := seal.NewVerifier(w.key)
	require.NoError(t, err)
	c, err := seal.Open([]byte(signed.body), verifier)
	require.NoError(t, err)
	assert.Equal(t, w.records(), c.Size)
	assert.True(t, strings.HasPrefix(c.Origin, origin+"/"), c.Origin)
}

func TestTheProgramSaysWhatItNeeds(t *testing.T) {
	w := newWorld(t)
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer busy.Close()
	spoiled := func(file string) string {
		dir := filepath.Join(t.TempDir(), "keys")
		require.NoError(t, os.CopyFS(dir, os.DirFS(w.keys())))
		require.NoError(t, os.WriteFile(filepath.Join(dir, file), []byte("no key"), 0o600))
		return dir
	}
	away := filepath.Join(w.dir, "away")
	base := slices.Clip(append(w.args(), "-log", filepath.Join(t.TempDir(), "log")))
	for name, c := range map[string]struct {
		args []string
		says string
	}{
		"an argument":    {append(base, "serve"), `"serve" is not understood`},
		"unknown flag":   {[]string{"-port", "1"}, "-port"},
		"no keys":        {append(base, "-keys", away), "-keys names the folder"},
		"private key":    {append(base, "-keys", spoiled(privateFile)), privateFile},
		"public key":     {append(base, "-keys", spoiled(publicFile)), publicFile},
		"signer":         {append(base, "-keys", spoiled(signerFile)), "signer key"},
		"plain http":     {append(base, "-gateway", "http://example.com"), "http"},
		"no folder":      {append(base, "-log", filepath.Join(away, "log")), away},
		"public address": {append(base, "-public", "shop.example"), "-public"},
		"log in use":     {w.args(), "orders.tilltape"},
		"address in use": {append(base, "-listen", busy.Addr().String()), "-listen names another"},
	} {
		t.Run(name, func(t *testing.T) {
			err := run(t.Context(), c.args, &syncBuffer{})
			require.Error(t, err)
			assert.Contains(t, err.Error(), c.says)
		})
	}
	require.ErrorIs(t, run(t.Context(), []string{"-help"}, &syncBuffer{}), flag.ErrHelp)

	s, err := parse([]string{"-public", "https://shop.example/"}, &syncBuffer{})
	require.NoError(t, err)
	assert.Equal(t, "https://shop.example", s.public, "APO would call //notify otherwise, which nobody serves")
}
