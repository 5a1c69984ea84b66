package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/problem"
	"github.com/tilltape/tilltape/seal"
)

// world is the program, run as main runs it, and the APO it speaks to. APO reaches it by an address of its own, which
// stays when the program is started again.
type world struct {
	t       *testing.T
	apo     *apotest.Server
	control string // where a shell plays the buyer
	public  string
	dir     string
	key     string // the public half of the log's
	logged  *syncBuffer
	stop    func() error

	target atomic.Pointer[url.URL]
}

// syncBuffer is what the program printed, to be read while it runs.
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
	w := &world{t: t, dir: t.TempDir()}
	front := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host = "http", w.target.Load().Host
	}})
	t.Cleanup(front.Close)
	w.public = front.URL
	var err error
	w.apo, err = apotest.NewUnstartedServer(&apotest.Config{Merchant: keys()[0], APO: keys()[1], ManualDelivery: true})
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.Handle(apotest.ControlPath, w.apo.ControlHandler())
	mux.Handle("/", w.apo)
	require.NoError(t, w.apo.StartHandler("127.0.0.1:0", mux))
	t.Cleanup(func() { require.NoError(t, w.apo.Close()) })
	w.control = w.apo.URL()
	require.NoError(t, w.apo.WriteKeys(w.keys()))
	var private string
	private, w.key, err = seal.GenerateKey(nil, origin)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(w.keys(), signerFile), []byte(private+"\n"), 0o600))
	w.start()
	t.Cleanup(func() { require.NoError(t, w.stop()) })
	return w
}

func (w *world) keys() string { return filepath.Join(w.dir, "keys") }

func (w *world) args() []string {
	return []string{"-listen", "127.0.0.1:0", "-public", w.public, "-gateway", w.apo.URL(), "-client", w.apo.ClientID(),
		"-keys", w.keys(), "-log", filepath.Join(w.dir, "orders.tilltape")}
}

// start runs the program until stop, which may be called again.
func (w *world) start() {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	w.logged = &syncBuffer{}
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, w.args(), w.logged) }()
	w.stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	address := regexp.MustCompile(`msg=serving address=(\S+)`)
	require.Eventually(w.t, func() bool { return address.MatchString(w.logged.String()) }, patience, tick)
	w.target.Store(&url.URL{Host: address.FindStringSubmatch(w.logged.String())[1]})
}

// answer is what the program said.
type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) view(t *testing.T) (v view) {
	t.Helper()
	assert.Equal(t, "application/json", a.header.Get("Content-Type"))
	require.NoError(t, json.Unmarshal([]byte(a.body), &v), a.body)
	return v
}

func (a answer) problem(t *testing.T) (p problem.Problem) {
	t.Helper()
	assert.Equal(t, problem.ContentType, a.header.Get("Content-Type"), a.body)
	require.NoError(t, json.Unmarshal([]byte(a.body), &p), a.body)
	assert.Equal(t, a.status, p.Status)
	return p
}

// do sends a request; an empty key sends no Idempotency-Key.
func (w *world) do(method, address, key, body string) answer {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), method, address, bytes.NewReader([]byte(body)))
	require.NoError(w.t, err)
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

func (w *world) post(path, key, body string) answer { return w.do("POST", w.public+path, key, body) }
func (w *world) get(path string) answer             { return w.do("GET", w.public+path, "", "") }

// records is how many the log has, by what the program says of its health.
func (w *world) records() (n uint64) {
	w.t.Helper()
	var health struct{ Records uint64 }
	require.NoError(w.t, json.Unmarshal([]byte(w.get("/health").body), &health))
	return health.Records
}

const (
	placeO1 = `{"order":"o-1","amount":{"minor":1000,"currency":"USD"},"method":"CARD"}`
	ten     = `{"amount":{"minor":1000,"currency":"USD"}}`
)

// How long a test waits at the most for what happens by itself, and how often it looks.
const (
	patience = 10 * time.Second
	tick     = 5 * time.Millisecond
)

// authorized places o-1 and lets the buyer pay it.
func (w *world) authorized() {
	w.t.Helper()
	placed := w.post("/orders", "place-1", placeO1)
	require.Equal(w.t, http.StatusCreated, placed.status, placed.body)
	require.NoError(w.t, w.apo.Submit("o-1"))
	require.Equal(w.t, 1, w.apo.Deliver(w.t.Context()))
	require.Equal(w.t, "authorized", w.get("/orders/o-1").view(w.t).Words)
}
