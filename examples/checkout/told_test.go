package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/outbox"
)

// receiver keeps the events that it takes.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	events []string // "type subject", in the order in which they came
	signed []string
	status int // 0: it takes them
}

func (r *receiver) answers(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		var e struct{ Type, Subject string }
		assert.NoError(t, json.Unmarshal(body, &e))
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.status >= http.StatusBadRequest {
			w.WriteHeader(r.status)
			return
		}
		r.events = append(r.events, e.Type+" "+e.Subject)
		r.signed = append(r.signed, q.Header.Get("Webhook-Signature"))
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) has() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.events...)
}

// What is recorded is told to the receiver that is set, in order and signed; it is on the viewer's page and in the
// metrics; and the next process goes on where this one was.
func TestAReceiverIsToldWhatIsRecorded(t *testing.T) {
	server, err := apotest.NewServer(nil)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, server.Close()) })
	dir, warehouse := t.TempDir(), newReceiver(t)
	keys, secret := filepath.Join(dir, "keys"), filepath.Join(dir, "secret")
	require.NoError(t, server.WriteKeys(keys))
	require.NoError(t, os.WriteFile(secret, []byte("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n"), 0o600))
	environ := environment(server, keys, "CHECKOUT_LOG="+filepath.Join(dir, "orders.tilltape"),
		"CHECKOUT_TELL_URL="+warehouse.URL+"/hooks", "CHECKOUT_TELL_SECRET_FILE="+secret)
	url, private, stop := servingBoth(t, environ...)
	w := &world{t: t, url: url}
	require.Equal(t, 201, w.do("POST", "/orders", "pay-1", placeO1).status)
	first := []string{"com.github.tilltape.order.created.v1 o-1", "com.github.tilltape.payment.pending.v1 o-1"}
	require.Eventually(t, func() bool { return len(warehouse.has()) == len(first) }, 10*time.Second, time.Millisecond)
	assert.Equal(t, first, warehouse.has())
	for _, s := range warehouse.signed {
		assert.Regexp(t, `^v1,\S{44}$`, s)
	}
	assert.Contains(t, fetched(t, private+"/"), toldName, "on the overview")
	assert.Regexp(t, regexp.MustCompile(`(?m)^tilltape_consumer_parked\{.*tilltape_consumer="receiver"\} 0`),
		fetched(t, private+"/metrics"))
	passed := regexp.MustCompile(`(?m)^tilltape_consumer_lag\{.*tilltape_consumer="receiver"\} 0$`)
	require.Eventually(t, func() bool { return passed.MatchString(fetched(t, private+"/metrics")) }, 10*time.Second,
		time.Millisecond) // else the last one would come again, as it may
	require.NoError(t, stop())

	url, _, stop = servingBoth(t, environ...)
	w = &world{t: t, url: url}
	require.Equal(t, 201, w.do("POST", "/orders", "pay-2",
		`{"order":"o-2","amount":"USD 1.00","method":"CARD","captureMode":"manual"}`).status)
	require.Eventually(t, func() bool { return len(warehouse.has()) >= 4 }, 10*time.Second, time.Millisecond)
	assert.Equal(t, append(first, "com.github.tilltape.order.created.v1 o-2",
		"com.github.tilltape.payment.pending.v1 o-2"), warehouse.has(), "from where the first was")
	require.NoError(t, stop())
}

// A receiver that is away holds up nobody's order, and not the end of the service.
func TestAReceiverThatIsAwayHoldsUpNobody(t *testing.T) {
	server, err := apotest.NewServer(nil)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, server.Close()) })
	dir, warehouse := t.TempDir(), newReceiver(t)
	warehouse.status = http.StatusServiceUnavailable
	keys, secret := filepath.Join(dir, "keys"), filepath.Join(dir, "secret")
	require.NoError(t, server.WriteKeys(keys))
	require.NoError(t, os.WriteFile(secret, []byte("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n"), 0o600))
	url, private, stop := servingBoth(t, environment(server, keys, "CHECKOUT_LOG="+filepath.Join(dir, "orders.tilltape"),
		"CHECKOUT_TELL_URL="+warehouse.URL, "CHECKOUT_TELL_SECRET_FILE="+secret)...)
	w := &world{t: t, url: url}
	require.Equal(t, 201, w.do("POST", "/orders", "pay-1", placeO1).status)
	assert.Regexp(t, regexp.MustCompile(`(?m)^tilltape_consumer_lag\{.*tilltape_consumer="receiver"\} 2$`),
		fetched(t, private+"/metrics"))
	assert.Contains(t, fetched(t, private+"/readyz"), `"ready": true`)
	require.NoError(t, stop())
}

// fetched is what an address answers.
func fetched(t *testing.T, url string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, 200, resp.StatusCode, string(body))
	return string(body)
}

// With one process that comes while another goes, the one that stays goes on telling, though it found its place moved
// on.
func TestTheProcessThatStaysTells(t *testing.T) {
	w := newWorld(t)
	w.authorized()
	keeper := outbox.MemoryKeeper()
	consumer := func(send outbox.SenderFunc) *outbox.Consumer {
		c, err := outbox.New(w.log, send, &outbox.Config{Name: toldName, Source: "shop", Keeper: keeper})
		require.NoError(t, err)
		return c
	}
	old := consumer(func(context.Context, outbox.Message) error { return nil })
	begun, told := make(chan struct{}), make(chan string, 100)
	var first sync.Once
	goes, stopped := context.WithCancel(t.Context())
	w.shop.told = consumer(func(ctx context.Context, m outbox.Message) error {
		first.Do(func() {
			close(begun)
			<-goes.Done()
		})
		told <- m.Type
		return nil
	})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.shop.tells(ctx, time.Millisecond) }()
	<-begun // it has read how far the other is
	oldCtx, oldStop := context.WithCancel(t.Context())
	oldEnded := make(chan error, 1)
	go func() { oldEnded <- old.Run(oldCtx) }()
	require.Eventually(t, func() bool {
		s, err := keeper.Load(t.Context(), toldName)
		return assert.NoError(t, err) && s.Revision > 0
	}, 10*time.Second, time.Millisecond)
	stopped() // and now it finds its place moved on
	require.Eventually(t, func() bool { return strings.Contains(w.logged.String(), outbox.ErrTaken.Error()) },
		10*time.Second, time.Millisecond)
	oldStop()
	require.ErrorIs(t, <-oldEnded, context.Canceled)

	require.Equal(t, 200, w.do("POST", "/orders/o-1/cancel", "c-1", `{}`).status)
	require.Eventually(t, func() bool {
		select {
		case kind := <-told:
			return kind == outbox.TypePrefix+string(events.KindCancelSucceeded)
		default:
			return false
		}
	}, 10*time.Second, time.Millisecond)
	stop()
	require.NoError(t, <-ended)
}

func TestTheReceiversSecret(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "secret")
	require.NoError(t, os.WriteFile(file, []byte("\n"), 0o600))
	_, err := readSecret(file)
	require.ErrorContains(t, err, "CHECKOUT_TELL_SECRET_FILE")
	require.ErrorContains(t, err, "openssl rand -base64 32")
	require.NoError(t, os.WriteFile(file, []byte("new\nold\n"), 0o600))
	both, err := readSecret(file)
	require.NoError(t, err)
	assert.Equal(t, []string{"new", "old"}, both)
	s := settings{tellURL: "http://127.0.0.1:9/", tellSecret: file}
	_, err = newTold(&s, nil)
	require.ErrorIs(t, err, outbox.ErrConfig, "neither is base64 of 24 bytes")
	assert.NotContains(t, err.Error(), "new\n")
	for _, mode := range []os.FileMode{0o644, 0o660} {
		require.NoError(t, os.Chmod(file, mode))
		_, err = readSecret(file)
		require.ErrorContains(t, err, "chmod", mode)
	}
}
