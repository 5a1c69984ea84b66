package services_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/apo/apotest"
)

// bank is the APO that the services share, with somebody who watches what is asked of it.
type bank struct {
	apo   *apotest.Server
	front *httptest.Server // where the services call it
	place *httptest.Server // where buyers pay
	keys  string

	mu     sync.Mutex
	paid   map[string]bool
	asking map[string]*http.Request // calls on their way, by what they ask for
	calls  int
	wrongs []string
}

func newBank(t *testing.T) *bank {
	t.Helper()
	b := &bank{keys: t.TempDir(), paid: map[string]bool{}, asking: map[string]*http.Request{}}
	var err error
	b.apo, err = apotest.NewUnstartedServer(nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.apo.Close()) })
	require.NoError(t, b.apo.WriteKeys(b.keys))
	b.front, b.place = httptest.NewServer(http.HandlerFunc(b.watch)), httptest.NewServer(http.HandlerFunc(b.pay))
	t.Cleanup(b.front.Close)
	t.Cleanup(b.place.Close)
	return b
}

// pay registers the payment that the path names, and lets the buyer pay it: once.
func (b *bank) pay(w http.ResponseWriter, r *http.Request) {
	request := strings.TrimPrefix(r.URL.Path, "/")
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.paid[request] {
		return
	}
	_, err := b.apo.Register(apotest.Payment{PaymentRequestID: request, Capture: apotest.Manual,
		Amount: apotest.Amount{Currency: "EUR", Minor: price}})
	if err == nil {
		err = b.apo.Submit(request)
	}
	if err != nil {
		b.wrongs = append(b.wrongs, err.Error())
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	b.paid[request] = true
}

// asked is what a call asks for: two that ask for the same at once have not waited for one another.
func asked(r *http.Request) (string, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return "", err
	}
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	var ids struct{ PaymentID, PaymentRequestID, CaptureRequestID, RefundRequestID string }
	if err := json.Unmarshal(body, &ids); err != nil {
		return "", err
	}
	op := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	return fmt.Sprint(op, ids), nil
}

// watch passes a call on to APO, and notes where the same is asked by two at once. One whose process was killed has
// nobody at its other end any more, and is no call that anybody makes.
func (b *bank) watch(w http.ResponseWriter, r *http.Request) {
	what, err := asked(r)
	if err != nil {
		return // its process was killed while it sent
	}
	b.mu.Lock()
	b.calls++
	if other := b.asking[what]; other != nil && other.Context().Err() == nil {
		b.wrongs = append(b.wrongs, "asked by two at once: "+what)
	}
	b.asking[what] = r
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.asking[what] == r {
			delete(b.asking, what)
		}
	}()
	time.Sleep(dwell)
	b.apo.ServeHTTP(w, r)
}

// dwell is how long a call is on its way at least: the other service, which sells the same order, has the time to make
// the same call where nothing keeps it from that.
const dwell = 30 * time.Millisecond

// wrong is what must never have happened.
func (b *bank) wrong() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.wrongs
}
