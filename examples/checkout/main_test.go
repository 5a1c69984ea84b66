package main

import (
	"context"
	"crypto/rsa"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	neturl "net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/internal/tests/pgserver"
	"github.com/tilltape/tilltape/store"
)

// apoKey is the key APO signs with, out of the files the simulator writes.
func apoKey(t *testing.T, s *apotest.Server) *rsa.PrivateKey {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, s.WriteKeys(dir))
	key, err := readKey(filepath.Join(dir, apotest.APOPrivateFile), othersMode, apo.ParsePrivateKey)
	require.NoError(t, err)
	return key
}

// environment is what a program needs to speak to a simulator, on ports of its own, and more.
func environment(server *apotest.Server, keys string, more ...string) []string {
	return append([]string{"CHECKOUT_GATEWAY=" + server.URL(), "CHECKOUT_CLIENT=" + server.ClientID(),
		"CHECKOUT_KEYS=" + keys, "CHECKOUT_LISTEN=127.0.0.1:0", "CHECKOUT_PRIVATE=127.0.0.1:0",
		"CHECKOUT_DRAIN_WAIT=0s"}, more...)
}

// serving runs the program as main does, and returns where it listens and how to end it.
func serving(t *testing.T, environ ...string) (url string, stop func() error) {
	t.Helper()
	url, _, stop = servingBoth(t, environ...)
	return url, stop
}

// servingBoth is serving, with the private address too.
func servingBoth(t *testing.T, environ ...string) (url, private string, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	logged := &syncBuffer{}
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, environ, logged) }()
	address := regexp.MustCompile(`msg=serving address=(\S+) private=(\S+)`)
	require.Eventually(t, func() bool { return address.MatchString(logged.String()) }, 10*time.Second, 5*time.Millisecond)
	both := address.FindStringSubmatch(logged.String())
	return "http://" + both[1], "http://" + both[2], func() error {
		cancel()
		return <-ended
	}
}

func TestTheProgramSettlesWhatAnotherProcessLeft(t *testing.T) {
	server, err := apotest.NewServer(nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	dir := t.TempDir()
	keys := filepath.Join(dir, "keys")
	require.NoError(t, server.WriteKeys(keys))
	environ := environment(server, keys, "CHECKOUT_LOG="+filepath.Join(dir, "orders.tilltape"))
	require.NoError(t, server.Script(apotest.Fault{Op: apotest.OpCancel, From: 1, Do: apotest.Undecided}))

	url, stop := serving(t, environ...)
	w := &world{t: t, url: url}
	require.Equal(t, 201, w.do("POST", "/orders", "pay-1", placeO1).status)
	open := w.do("POST", "/orders/o-1/cancel", "cancel-1", `{}`)
	require.Equal(t, 202, open.status, open.body)
	assert.Equal(t, "/orders/o-1", open.header.Get("Location"))
	require.NoError(t, stop(), "it ends in peace, with the log closed")

	w.url, stop = serving(t, environ...)
	defer func() { require.NoError(t, stop()) }()
	require.Eventually(t, func() bool { return w.do("GET", "/orders/o-1", "", "").order(t).Status == "cancelled" },
		10*time.Second, 10*time.Millisecond)
	assert.Equal(t, apotest.Cancelled, server.Status("pay-1"))
	assert.Equal(t, 2, server.Count(apotest.OpCancel))
}

func TestMain(m *testing.M) {
	if os.Getenv(asCheckout) != "" {
		main()
		os.Exit(0)
	}
	status := pgserver.Run(m)
	if dir := programDir.Load(); dir != nil {
		_ = os.RemoveAll(*dir)
	}
	os.Exit(status)
}

// Two processes on one database are one shop: what one placed, the other captures and refuses to cancel, and what one
// left undecided, another settles.
func TestTwoProcessesOnOneDatabase(t *testing.T) {
	database := pgserver.NewWhole(t, nil).URL()
	var balanced atomic.Pointer[httputil.ReverseProxy] // in front of both, as far as APO knows
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		balanced.Load().ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	server, err := apotest.NewServer(&apotest.Config{NotifyURL: front.URL + "/notify"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	keys := filepath.Join(t.TempDir(), "keys")
	require.NoError(t, server.WriteKeys(keys))
	environ := environment(server, keys, "CHECKOUT_DATABASE="+database)
	var stops []func() error
	var shops []*world
	for range 2 {
		url, private, stop := servingBoth(t, environ...)
		var said readiness
		reads(t, private+"/readyz", &said) // which is 200
		assert.Len(t, said.Checks, 4, "a database has its own disk")
		shops, stops = append(shops, &world{t: t, url: url}), append(stops, stop)
		target, err := neturl.Parse(url)
		require.NoError(t, err)
		balanced.Store(httputil.NewSingleHostReverseProxy(target))
	}
	one, two := shops[0], shops[1]
	require.Equal(t, 201, one.do("POST", "/orders", "pay-1", placeO1).status)
	require.NoError(t, server.Submit("pay-1"))
	captured := func() bool {
		return two.do("POST", "/orders/o-1/capture", "capture-1", `{"amount":"USD 10.00"}`).status == 200
	}
	require.Eventually(t, captured, 10*time.Second, 20*time.Millisecond, "once one of them was told that it is authorized")
	assert.Equal(t, 409, one.do("POST", "/orders/o-1/cancel", "cancel-1", `{}`).status)
	assert.Equal(t, int64(1000), server.Totals("pay-1").Captured)

	require.NoError(t, server.Script(apotest.Fault{Op: apotest.OpCancel, From: 1, Do: apotest.Undecided}))
	place := strings.Replace(placeO1, "o-1", "o-2", 1)
	require.Equal(t, 201, one.do("POST", "/orders", "pay-2", place).status)
	require.Equal(t, 202, one.do("POST", "/orders/o-2/cancel", "cancel-2", `{}`).status)
	require.NoError(t, stops[0]())
	_, stop := serving(t, environ...) // the one that runs on would look within a minute
	defer func() { require.NoError(t, stop()) }()
	require.Eventually(t, func() bool { return two.do("GET", "/orders/o-2", "", "").order(t).Status == "cancelled" },
		10*time.Second, 20*time.Millisecond)
	require.NoError(t, stops[1]())
}

func listening(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return listener
}

func TestTheServiceEndsWhereNothingSettlesAnyMore(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.log.Close())
	err := w.shop.serve(t.Context(), listening(t), listening(t))
	require.ErrorIs(t, err, store.ErrClosed)
	assert.Contains(t, w.logged.String(), "stopping")

	for closed := range 2 { // and where nobody can call it, or look at it
		w = newWorld(t)
		listeners := []net.Listener{listening(t), listening(t)}
		require.NoError(t, listeners[closed].Close())
		require.ErrorIs(t, w.shop.serve(t.Context(), listeners[0], listeners[1]), net.ErrClosed)
	}
}
