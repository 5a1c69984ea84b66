package outbox_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/jsonform"
	"github.com/tilltape/tilltape/outbox"
	"github.com/tilltape/tilltape/store/memory"
)

// secret is no secret: Standard Webhooks' own libraries use it in their tests.
const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// heard is a request that a receiver got.
type heard struct {
	header http.Header
	body   string
}

func listening(t *testing.T, answer func(http.ResponseWriter)) (address string, got *heard) {
	got = &heard{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		got.header, got.body = r.Header, string(body)
		answer(w)
	}))
	t.Cleanup(server.Close)
	return server.URL, got
}

func taken(w http.ResponseWriter) { w.WriteHeader(http.StatusNoContent) }

func sender(t *testing.T, address string, cfg *outbox.HTTPConfig) *outbox.HTTPSender {
	s, err := outbox.NewHTTPSender(address, cfg)
	require.NoError(t, err)
	return s
}

// The signature is the one that the scheme's own Go library expects in its test (standard-webhooks/standard-webhooks,
// libraries/go/webhook_test.go).
func TestSignaturesAreStandardWebhooks(t *testing.T) {
	address, got := listening(t, taken)
	other := "whsec_" + strings.Repeat("QUJD", 8)
	s := sender(t, address, &outbox.HTTPConfig{Secrets: []string{secret, other}, Binary: true,
		Now: func() time.Time { return time.Unix(1614265330, 999) }})
	require.NoError(t, s.Send(t.Context(), outbox.Message{ID: "msg_p5jXN8AQM9LWM0D4loKWxJek", Source: "/s",
		Data: []byte(`{"test": 2432232314}`)}))
	assert.Equal(t, "msg_p5jXN8AQM9LWM0D4loKWxJek", got.header.Get("webhook-id"))
	assert.Equal(t, "1614265330", got.header.Get("webhook-timestamp"))
	signatures := strings.Fields(got.header.Get("webhook-signature"))
	require.Len(t, signatures, 2)
	assert.Equal(t, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", signatures[0])
	assert.NotEqual(t, signatures[0], signatures[1])
}

func TestMessagesAreCloudEvents(t *testing.T) {
	log := memory.New()
	r := add(t, log, `o "1"é`)[0]
	one := func(cfg *outbox.HTTPConfig) *heard {
		address, got := listening(t, taken)
		told := config(outbox.MemoryKeeper())
		sent := make(chan error, 1)
		told.Tried = func(try outbox.Try) { sent <- try.Err }
		stop := running(t, consumer(t, log, sender(t, address, cfg), told))
		require.NoError(t, <-sent)
		_ = stop()
		return got
	}
	data, err := jsonform.AppendRecord(nil, r)
	require.NoError(t, err)

	structured := one(nil)
	assert.Equal(t, "application/cloudevents+json; charset=UTF-8", structured.header.Get("Content-Type"))
	assert.Empty(t, structured.header.Get("webhook-signature"), "nothing to sign with")
	var event map[string]any
	require.NoError(t, json.Unmarshal([]byte(structured.body), &event))
	inner, err := json.Marshal(event["data"])
	require.NoError(t, err)
	assert.JSONEq(t, string(data), string(inner))
	delete(event, "data")
	assert.Equal(t, map[string]any{"specversion": "1.0", "id": r.ID, "source": "https://shop.example/orders",
		"type": "com.github.tilltape.payment.pending.v1", "subject": `o "1"é`, "time": "2026-11-29T06:00:00.000000005Z",
		"sequence": "00000000000000000001", "datacontenttype": "application/json"}, event)

	binary := one(&outbox.HTTPConfig{Binary: true})
	assert.Equal(t, string(data), binary.body)
	assert.Equal(t, "application/json", binary.header.Get("Content-Type"))
	assert.Equal(t, "o%20%221%22%C3%A9", binary.header.Get("ce-subject"))
	assert.Equal(t, "1.0", binary.header.Get("ce-specversion"))
	assert.Equal(t, "00000000000000000001", binary.header.Get("ce-sequence"))
}

func TestWhatReceiversAnswer(t *testing.T) {
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		status  int
		after   string
		taken   bool
		refused bool
		wait    time.Duration
	}{
		{status: 200, taken: true}, {status: 202, taken: true}, {status: 204, taken: true},
		{status: 301, refused: true}, {status: 307, refused: true},
		{status: 400, refused: true}, {status: 404, refused: true}, {status: 410, refused: true},
		{status: 422, refused: true}, {status: 500, refused: true},
		{status: 408}, {status: 425}, {status: 502}, {status: 504},
		{status: 429, after: "7", wait: 7 * time.Second}, {status: 429, after: "soon"},
		{status: 503, after: "Sun, 29 Nov 2026 12:01:00 GMT", wait: time.Minute},
		{status: 503, after: "99999999", wait: 24 * time.Hour},
	} {
		address, got := listening(t, func(w http.ResponseWriter) {
			w.Header().Set("Location", "/elsewhere")
			if c.after != "" {
				w.Header().Set("Retry-After", c.after)
			}
			w.WriteHeader(c.status)
		})
		s := sender(t, address+"/hook?token=hush", &outbox.HTTPConfig{Now: func() time.Time { return now }})
		err := s.Send(t.Context(), outbox.Message{ID: "1", Data: []byte("{}")})
		assert.NotNil(t, got.header)
		if c.taken {
			assert.NoError(t, err, c.status)
			continue
		}
		var e *outbox.SendError
		require.ErrorAs(t, err, &e, c.status)
		assert.Equal(t, c.refused, e.Refused, c.status)
		assert.Equal(t, c.wait, e.After, c.status)
		assert.NotContains(t, err.Error(), "hush")
	}
}

func TestAReceiverThatIsNotThere(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	err := sender(t, server.URL+"/hook?token=hush", nil).Send(t.Context(), outbox.Message{ID: "1", Data: []byte("{}")})
	var e *outbox.SendError
	require.ErrorAs(t, err, &e)
	assert.False(t, e.Refused)
	assert.NotContains(t, err.Error(), "hush")
}

func TestSendersThatCannotBe(t *testing.T) {
	for _, address := range []string{"", "shop.example", "ftp://shop.example/hush", "https://:hush@/x"} {
		_, err := outbox.NewHTTPSender(address, nil)
		assert.ErrorIs(t, err, outbox.ErrConfig, address)
		assert.NotContains(t, err.Error(), "hush")
	}
	for _, bad := range []string{"", "whsec_", "whsec_hush", "aHVzaA==", strings.Repeat("QUJD", 22)} {
		_, err := outbox.NewHTTPSender("https://a.example", &outbox.HTTPConfig{Secrets: []string{secret, bad}})
		assert.ErrorIs(t, err, outbox.ErrConfig, bad)
		assert.ErrorContains(t, err, "secret 2")
		assert.NotContains(t, err.Error(), "hush")
	}
}
