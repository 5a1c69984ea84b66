package service_test

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/service"
	"github.com/tilltape/tilltape/store/memory"
)

const captureTen = `{"amount":{"minor":1000,"currency":"USD"}}`

func TestACommandIsAnsweredAsItEnded(t *testing.T) {
	w := newWorld(t)
	w.authorized(t, "o-1")
	calls := w.apo.Count()
	for range 2 { // given again, it is not done again
		rec := given(w.capture, request("capture-1", captureTen))
		assert.Equal(t, http.StatusOK, rec.Code)
		assert.Equal(t, "application/json", rec.Header().Get("Content-Type"))
		assert.JSONEq(t, `{"words":"captured"}`, rec.Body.String())
	}
	assert.Equal(t, calls+1, w.apo.Count())

	rec := given(w.capture, request("capture-2", captureTen))
	assert.Equal(t, http.StatusConflict, rec.Code)
	assert.Equal(t, "remainder", problemOf(t, rec).Reason)
	assert.NotContains(t, w.logged.String(), "request failed", "a refusal is no trouble of ours")
}

func TestWhatIsNoCommandIsToldOnceAndNotDone(t *testing.T) {
	w := newWorld(t)
	w.authorized(t, "o-1")
	calls := w.apo.Count()
	long := `{"note":"` + strings.Repeat("x", service.DefaultBodyMax) + `"}`
	for name, c := range map[string]struct {
		key, body string
		status    int
		says      string
	}{
		"no id":         {"", captureTen, 400, "the header Idempotency-Key is missing"},
		"empty":         {"k", "", 400, "the body is empty"},
		"no JSON":       {"k", `{"amount":}`, 400, "the body is no JSON from byte 11 on"},
		"cut short":     {"k", `{"amount":{"minor":10`, 400, "the body ends before its JSON does"},
		"another field": {"k", `{"amont":1}`, 400, `the body has a field that nobody reads: "amont"`},
		"in capitals":   {"k", `{"AMOUNT":{"minor":10,"currency":"USD"}}`, 400, `a field that nobody reads: "AMOUNT"`},
		"nearly so":     {"k", `{"amount":{"Minor":10,"currency":"USD"}}`, 400, `a field that nobody reads: "Minor"`},
		"the Kelvin":    {"k", `{"amount":{"minor":1,"\u212Ey":1}}`, 400, "a field that nobody reads"},
		"twice":         {"k", `{"amount":{"minor":1},"note":"","amount":{"minor":10}}`, 400, `the body has "amount" twice`},
		"twice inside":  {"k", `{"amount":{"minor":1,"minor":10,"currency":"USD"}}`, 400, `the body has "minor" twice`},
		"spelled twice": {"k", `{"note":"a","n\u006fte":"b"}`, 400, `the body has "note" twice`},
		"half a pair":   {"k", `{"note":"\ud83d\ude00 \ud800"}`, 400, "the body has text that is no Unicode, at byte 22"},
		"the other":     {"k", `{"note":"\\ud83d\ude00"}`, 400, "the body has text that is no Unicode, at byte 16"},
		"the wrong way": {"k", `{"note":"\ude00\ud83d"}`, 400, "the body has text that is no Unicode, at byte 9"},
		"two halves":    {"k", `{"note":"\ud83d\ud83d\ude00"}`, 400, "the body has text that is no Unicode, at byte 9"},
		"no UTF-8":      {"k", "{\"note\":\"a\xff\"}", 400, "the body has text that is no Unicode, at byte 10"},
		"in a name":     {"k", `{"\udc00":1}`, 400, "the body has text that is no Unicode, at byte 2"},
		"another type":  {"k", `{"amount":{"minor":"10"}}`, 400, `has a string for "amount.minor", where a whole`},
		"a fraction":    {"k", `{"amount":{"minor":10.5}}`, 400, `a number 10.5 for "amount.minor", where a whole number`},
		"too many":      {"k", `{"amount":{"minor":1e30}}`, 400, "where a whole number of up to 18 digits belongs"},
		"a text":        {"k", `{"amount":"USD 10.00"}`, 400, `has a string for "amount", where an object belongs`},
		"an array":      {"k", `{"amount":[]}`, 400, `has an array for "amount", where an object belongs`},
		"a list":        {"k", `[1]`, 400, "the body is a JSON array and no object"},
		"null":          {"k", `null`, 400, "the body is a JSON null and no object"},
		"two objects":   {"k", captureTen + captureTen, 400, "the body goes on after its object"},
		"too long":      {"k", long, 413, "the body is longer than 16384 bytes"},
		"a long tail":   {"k", captureTen + strings.Repeat(" ", service.DefaultBodyMax), 413, "is longer than"},
	} {
		t.Run(name, func(t *testing.T) {
			rec := given(w.capture, request(c.key, c.body))
			assert.Equal(t, c.status, rec.Code)
			p := problemOf(t, rec)
			assert.Contains(t, p.Detail, c.says)
			assert.NotContains(t, p.Detail, "Go ", "nothing of the program")
			assert.Equal(t, "/orders/o-1/capture", p.Instance)
		})
	}
	assert.Equal(t, calls, w.apo.Count())
	o, err := w.Orders.Get(t.Context(), "o-1")
	require.NoError(t, err)
	assert.Equal(t, uint64(2), o.Version, "nothing was recorded")
}

func TestARequestIsToldWhatWouldDo(t *testing.T) {
	w := newWorld(t)
	w.authorized(t, "o-1")
	remedy := func(handler http.HandlerFunc, r *http.Request) string {
		rec := given(handler, r)
		assert.Equal(t, http.StatusBadRequest, rec.Code)
		return problemOf(t, rec).Remedy
	}
	assert.Equal(t, "send one JSON object with the fields amount, note and no others",
		remedy(w.capture, request("k", `{"amont":1}`)))

	twice := request("capture-1", captureTen)
	twice.Header.Add(service.CommandHeader, "capture-2")
	assert.Equal(t, "send one id", remedy(w.capture, twice))
	o, err := w.Orders.Get(t.Context(), "o-1")
	require.NoError(t, err)
	assert.Equal(t, uint64(2), o.Version, "nothing was recorded")

	reading := func(body any) http.HandlerFunc {
		return func(rw http.ResponseWriter, r *http.Request) { assert.False(t, w.Read(rw, r, body)) }
	}
	for says, body := range map[string]any{
		"send one JSON object with no fields":                        &struct{}{},
		"send one JSON object with the fields Word and no others":    &struct{ Word, own string }{},
		"send one JSON object with the fields that this command has": &map[string]int{},
		"send one JSON object with the fields a and no others": &struct {
			A int `json:"a,omitempty"`
			B int `json:"-"`
		}{},
	} {
		assert.Equal(t, says, remedy(reading(body), request("", `[]`)))
	}
}

// word has a text form of its own, which says what is wrong in words of its own.
type word string

func (*word) UnmarshalText([]byte) error { return errors.New("say yes or no") }

func TestABodyIsReadAsItsFieldsDo(t *testing.T) {
	w := newWorld(t)
	reading := func(rw http.ResponseWriter, r *http.Request) {
		var body struct{ Word word }
		assert.False(t, w.Read(rw, r, &body))
	}
	rec := given(reading, request("", `{"Word":"perhaps"}`))
	assert.Equal(t, "the body cannot be read: say yes or no", problemOf(t, rec).Detail)
	rec = given(reading, request("", `{"Word":1}`))
	assert.Equal(t, `the body has a number for "Word", where a string belongs`, problemOf(t, rec).Detail)

	away := &net.OpError{Op: "read", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 7)}, Err: errors.New("reset")}
	rec = given(reading, httptest.NewRequest(http.MethodPost, "/", io.MultiReader(strings.NewReader("{"),
		iotest.ErrReader(away))))
	assert.Equal(t, "the body did not come whole", problemOf(t, rec).Detail, "and nothing of our network")
}

func TestWhatIsOursIsLoggedAndNotTold(t *testing.T) {
	w := newWorld(t)
	w.authorized(t, "o-1")
	reading := func(rw http.ResponseWriter, r *http.Request) {
		_, err := w.Orders.Get(r.Context(), "o-2")
		assert.True(t, w.Failed(rw, r, err))
	}
	assert.Equal(t, http.StatusNotFound, given(reading, request("", "")).Code)
	assert.Empty(t, w.logged.String())

	require.NoError(t, w.log.Close())
	rec := given(w.capture, request("capture-1", captureTen))
	assert.Equal(t, http.StatusServiceUnavailable, rec.Code)
	assert.NotContains(t, rec.Body.String(), "closed")
	assert.Contains(t, w.logged.String(), "request failed")

	rec = given(func(rw http.ResponseWriter, r *http.Request) {
		assert.False(t, w.Failed(rw, r, nil))
		w.Write(rw, r, http.StatusOK, func() {})
	}, request("", ""))
	assert.Equal(t, http.StatusInternalServerError, rec.Code, "a view that is no JSON")
	assert.NotContains(t, rec.Body.String(), "func()")
}

func TestAddressesAreWrittenAsTheyAre(t *testing.T) {
	w := newWorld(t)
	rec := given(func(rw http.ResponseWriter, r *http.Request) {
		w.Write(rw, r, http.StatusCreated, "https://pay.example/?a=1&b=<2>")
	}, request("", ""))
	assert.Equal(t, http.StatusCreated, rec.Code)
	assert.Equal(t, `"https://pay.example/?a=1&b=<2>"`+"\n", rec.Body.String())
	var read string
	require.NoError(t, json.Unmarshal(rec.Body.Bytes(), &read))
}

func TestAServiceThatCannotBeIsRefused(t *testing.T) {
	w := newWorld(t)
	negative := func(change func(*service.Config)) *service.Config {
		var c service.Config
		change(&c)
		return &c
	}
	for name, c := range map[string]struct {
		client *apo.Client
		cfg    *service.Config
		says   string
		kind   error
	}{
		"no client": {nil, nil, "apo.NewClient", tilltape.ErrConfig},
		"body":      {w.client, negative(func(c *service.Config) { c.BodyMax = -1 }), "BodyMax", tilltape.ErrConfig},
		"orders": {w.client, negative(func(c *service.Config) { c.Orders.Concurrency = -1 }), "Concurrency",
			tilltape.ErrConfig},
		"notify": {w.client, negative(func(c *service.Config) { c.Notify.Concurrency = -1 }), "notify", tilltape.ErrConfig},
		"verifier": {w.client, negative(func(c *service.Config) { c.Verifier.SignedPath = "notify" }), "signed path",
			apo.ErrConfig},
	} {
		_, err := service.New(memory.New(), c.client, c.cfg)
		require.ErrorIs(t, err, c.kind, name)
		assert.ErrorContains(t, err, c.says, name)
	}
	_, err := service.New(nil, w.client, nil)
	require.ErrorIs(t, err, tilltape.ErrConfig)
}
