package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
)

// hearer is a receiver that is told every record, whatever becomes of the process that tells it: none may be left out,
// and none may come before one that stands before it in the log. What it has had may come again.
type hearer struct {
	t   *testing.T
	mu  sync.Mutex
	ids []string // by position, from 1 on
}

func hears(t *testing.T) (h *hearer, url string) {
	h = &hearer{t: t}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return h, server.URL
}

// ServeHTTP implements [http.Handler].
func (h *hearer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // who told it died meanwhile, and tells it again
	}
	var e struct{ ID, Sequence string }
	if !assert.NoError(h.t, json.Unmarshal(body, &e), string(body)) {
		return
	}
	position, err := strconv.Atoi(e.Sequence)
	assert.NoError(h.t, err, e.Sequence)
	h.mu.Lock()
	defer h.mu.Unlock()
	switch had := len(h.ids); {
	case position == had+1:
		h.ids = append(h.ids, e.ID)
	case position > had+1 || position < 1:
		assert.Fail(h.t, "records were left out", "%d were told, and then number %d", had, position)
	default:
		assert.Equal(h.t, h.ids[position-1], e.ID, "told again as another one")
	}
}

func (h *hearer) has() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string(nil), h.ids...)
}

// told is what has the service tell the hearer.
func (h *hearer) told(folder, url string) []string {
	secret := filepath.Join(folder, "tell-secret")
	require.NoError(h.t, os.WriteFile(secret, []byte("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n"), 0o600))
	return []string{"CHECKOUT_TELL_URL=" + url, "CHECKOUT_TELL_SECRET_FILE=" + secret}
}

// hasAll starts the service once more on a log at rest, until the hearer has all that is on record.
func (k *killing) hasAll() {
	log, err := bolt.Open(k.file(), &bolt.Config{ReadOnly: true})
	require.NoError(k.t, err)
	var want []string
	for r, err := range log.All(k.t.Context(), store.Start()) {
		require.NoError(k.t, err)
		want = append(want, r.ID)
	}
	require.NoError(k.t, log.Close())
	before := len(k.hearer.has())
	k.till.start()
	assert.Eventually(k.t, func() bool { return len(k.hearer.has()) >= len(want) }, patience, pause)
	k.till.ends()
	assert.Equal(k.t, want, k.hearer.has()[:min(len(want), len(k.hearer.has()))])
	k.t.Logf("%d records, %d of them told before the last start", len(want), before)
}
