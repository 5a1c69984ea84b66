package main

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/problem"
	"github.com/tilltape/tilltape/service"
	"github.com/tilltape/tilltape/store/bolt"
	"github.com/tilltape/tilltape/viewer"
)

// world is the service over HTTP, and the APO it speaks to. APO's clock is the service's and stands still.
type world struct {
	t       *testing.T
	apo     *apotest.Server
	clock   *apotest.Clock
	client  *apo.Client
	shop    *shop
	handler http.Handler
	private http.Handler
	url     string
	gateway string // where APO is reached; empty: at its own address
	log     *bolt.Log
	path    string // of the log's file
	logged  *syncBuffer
	tracers trace.TracerProvider // nil: no spans
}

// syncBuffer is what the service logged, to be read while it runs.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// keys are the merchant's and APO's, made once: that takes longer than most tests.
var keys = sync.OnceValue(func() (pair [2]*rsa.PrivateKey) {
	for i := range pair {
		var err error
		if pair[i], err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
			panic(err)
		}
	}
	return pair
})

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, clock: apotest.NewClock(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)), logged: &syncBuffer{}}
	front := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.handler.ServeHTTP(rw, r)
	}))
	t.Cleanup(front.Close)
	w.url = front.URL
	var err error
	w.apo, err = apotest.NewServer(&apotest.Config{Now: w.clock.Now, NotifyURL: front.URL + "/notify",
		Merchant: keys()[0], APO: keys()[1], ManualDelivery: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.apo.Close()) })
	w.path = filepath.Join(t.TempDir(), "orders.tilltape")
	w.log, err = bolt.Open(w.path, nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = w.log.Close() }) // a test may have closed it
	w.begin("")
	return w
}

// begin starts a service on the log, as main does, with no memory of another one. Its clock is APO's.
func (w *world) begin(token string) {
	w.t.Helper()
	s, err := read([]string{"CHECKOUT_GATEWAY=" + cmp.Or(w.gateway, w.apo.URL()), "CHECKOUT_CLIENT=" + w.apo.ClientID(),
		"CHECKOUT_DRAIN_WAIT=0s"})
	require.NoError(w.t, err)
	s.log = filepath.Join(w.t.TempDir(), "not used")
	watched, err := watch(w.log, w.path)
	require.NoError(w.t, err)
	tracers := cmp.Or[trace.TracerProvider](w.tracers, noop.NewTracerProvider())
	metrics, err := newMetrics(tracers, w.clock.Now)
	require.NoError(w.t, err)
	client, closeClient, err := s.newClient(w.apo.Keys(), metrics.telemetry, w.tracers != nil)
	require.NoError(w.t, err)
	w.t.Cleanup(closeClient)
	w.client = client
	w.shop = &shop{settings: s, client: client, log: watched, token: token, metrics: metrics, tracers: tracers,
		logger: slog.New(slog.NewTextHandler(w.logged, nil))}
	unmeasured, err := metrics.telemetry.Measure(watched)
	require.NoError(w.t, err)
	cfg := w.shop.config()
	cfg.Orders.Now = w.clock.Now
	w.shop.Service, err = service.New(w.shop.log, w.client, &cfg)
	require.NoError(w.t, err)
	pages, err := viewer.New(w.log, &viewer.Config{Orders: cfg.Orders, Authorize: isAdmitted, BackupFolder: s.backups})
	require.NoError(w.t, err)
	w.shop.viewer = pages
	shop := w.shop
	w.t.Cleanup(func() {
		require.NoError(w.t, pages.Close())
		require.NoError(w.t, shop.Close())
		require.NoError(w.t, unmeasured())
	})
	w.handler, w.private = shop.routes(), shop.privateRoutes()
}

// answer is what the service said.
type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) order(t *testing.T) (v orderView) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(a.body), &v), a.body)
	return v
}

func (a answer) problem(t *testing.T) (p problem.Problem) {
	t.Helper()
	assert.Equal(t, problem.ContentType, a.header.Get("Content-Type"))
	require.NoError(t, json.Unmarshal([]byte(a.body), &p), a.body)
	assert.Equal(t, a.status, p.Status)
	return p
}

// do sends a request as JSON; an empty key sends no Idempotency-Key.
func (w *world) do(method, path, key, body string) answer {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, bytes.NewReader([]byte(body)))
	require.NoError(w.t, err)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	resp, err := http.DefaultClient.Do(r)
	require.NoError(w.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(w.t, err)
	return answer{resp.StatusCode, resp.Header, string(text)}
}

// placeO1 is given under the key pay-1.
const placeO1 = `{"order":"o-1","amount":"USD 10.00","method":"CARD","captureMode":"manual","actor":"shop"}`

// authorized places o-1 and lets the buyer pay it.
func (w *world) authorized() {
	w.t.Helper()
	placed := w.do("POST", "/orders", "pay-1", placeO1)
	require.Equal(w.t, http.StatusCreated, placed.status, placed.body)
	require.NoError(w.t, w.apo.Submit("pay-1"))
	require.Equal(w.t, 1, w.apo.Deliver(w.t.Context()))
	require.Equal(w.t, "authorized", w.do("GET", "/orders/o-1", "", "").order(w.t).Status)
}
