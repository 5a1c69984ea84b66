package service_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/problem"
	"github.com/tilltape/tilltape/service"
	"github.com/tilltape/tilltape/store/memory"
)

// world is a service, the APO it speaks to, and what it logs.
type world struct {
	*service.Service
	apo    *apotest.Server
	client *apo.Client
	log    *memory.Log
	logged *syncBuffer
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

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{log: memory.New(), logged: &syncBuffer{}}
	var err error
	keys := tilltest.ServerKeys()
	w.apo, err = apotest.NewServer(&apotest.Config{Merchant: keys[0], APO: keys[1], ManualDelivery: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.apo.Close()) })
	w.client, err = apo.NewClient(w.apo.URL(), w.apo.ClientID(), w.apo.Keys(), nil)
	require.NoError(t, err)
	t.Cleanup(w.client.Close)
	var cfg service.Config
	cfg.Orders.Logger = slog.New(slog.NewTextHandler(w.logged, nil))
	w.Service, err = service.New(w.log, w.client, &cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.Close()) })
	return w
}

// authorized is an order that the buyer has paid and nobody has captured.
func (w *world) authorized(t *testing.T, id string) {
	t.Helper()
	ten := order.Money{Minor: 1000, Currency: "USD"}
	_, err := w.Orders.Create(t.Context(), order.Create{OrderID: id, PaymentRequestID: id, Amount: ten,
		Method: order.MethodCard, CaptureMode: order.CaptureManual})
	require.NoError(t, err)
	_, err = w.apo.Register(apotest.Payment{PaymentRequestID: id, Amount: ten, Capture: apotest.Manual})
	require.NoError(t, err)
	require.NoError(t, w.apo.Submit(id))
	for _, n := range w.apo.TakeNotifications() {
		r := httptest.NewRequest(n.Method, n.Path, bytes.NewReader(n.Body))
		r.Header = n.Header
		rec := httptest.NewRecorder()
		w.Notifications.ServeHTTP(rec, r)
		require.Equal(t, http.StatusOK, rec.Code)
	}
}

// capture is a handler as a service has it.
func (w *world) capture(rw http.ResponseWriter, r *http.Request) {
	var body struct {
		Amount order.Money `json:"amount"`
		Note   string      `json:"note"`
	}
	id, ok := w.Command(rw, r, &body)
	if !ok {
		return
	}
	result, err := w.Orders.Capture(r.Context(), "o-1", order.Capture{CommandID: id, Amount: body.Amount})
	w.Answer(rw, r, result, err, map[string]string{"words": result.Order.Words()})
}

// request is a command as a caller sends it; an empty key is left out.
func request(key, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/orders/o-1/capture", strings.NewReader(body))
	if key != "" {
		r.Header.Set(service.CommandHeader, key)
	}
	return r
}

// given has the handler answer.
func given(handler http.HandlerFunc, r *http.Request) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	handler(rec, r)
	return rec
}

func problemOf(t *testing.T, rec *httptest.ResponseRecorder) (p problem.Problem) {
	t.Helper()
	assert.Equal(t, problem.ContentType, rec.Header().Get("Content-Type"))
	decoder := json.NewDecoder(rec.Body)
	require.NoError(t, decoder.Decode(&p))
	assert.Equal(t, rec.Code, p.Status)
	assert.NotEmpty(t, p.Title)
	assert.NotEmpty(t, p.Remedy)
	_, err := decoder.Token()
	assert.ErrorIs(t, err, io.EOF, "one problem")
	return p
}
