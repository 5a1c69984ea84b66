package main

import (
	"context"
	"crypto/rsa"
	"flag"
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
	key, err := readKey(filepath.Join(dir, apotest.APOPrivateFile), apo.ParsePrivateKey)
	require.NoError(t, err)
	return key
}

// serving runs the program as main does, and returns where it listens and how to end it.
func serving(t *testing.T, args ...string) (url string, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	logged := &syncBuffer{}
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, args, logged) }()
	address := regexp.MustCompile(`msg=serving address=(\S+)`)
	require.Eventually(t, func() bool { return address.MatchString(logged.String()) }, 10*time.Second, 5*time.Millisecond)
	return "http://" + address.FindStringSubmatch(logged.String())[1], func() error {
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
	args := []string{"--listen", "127.0.0.1:0", "--gateway", server.URL(), "--client", server.ClientID(), "--keys", keys,
		"--log", filepath.Join(dir, "orders.tilltape")}
	require.NoError(t, server.Script(apotest.Fault{Op: apotest.OpCancel, From: 1, Do: apotest.Undecided}))

	url, stop := serving(t, args...)
	w := &world{t: t, url: url}
	require.Equal(t, 201, w.do("POST", "/orders", "", placeO1).status)
	open := w.do("POST", "/orders/o-1/cancel", "cancel-1", `{}`)
	require.Equal(t, 202, open.status, open.body)
	require.NoError(t, stop(), "it ends in peace, with the log closed")

	w.url, stop = serving(t, args...)
	defer func() { require.NoError(t, stop()) }()
	require.Eventually(t, func() bool { return w.do("GET", "/orders/o-1", "", "").order(t).Status == "cancelled" },
		10*time.Second, 10*time.Millisecond)
	assert.Equal(t, apotest.Cancelled, server.Status("pay-1"))
	assert.Equal(t, 2, server.Count(apotest.OpCancel))
}

func TestMain(m *testing.M) { os.Exit(pgserver.Run(m)) }

// Two processes on one database are one shop: what one placed, the other captures and refuses to cancel, and what one
// left undecided, another settles.
func TestTwoProcessesOnOneDatabase(t *testing.T) {
	database := pgserver.New(t, nil).URL()
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
	args := []string{"--listen", "127.0.0.1:0", "--gateway", server.URL(), "--client", server.ClientID(), "--keys", keys,
		"--store", database}
	var stops []func() error
	var shops []*world
	for range 2 {
		url, stop := serving(t, args...)
		shops, stops = append(shops, &world{t: t, url: url}), append(stops, stop)
		target, err := neturl.Parse(url)
		require.NoError(t, err)
		balanced.Store(httputil.NewSingleHostReverseProxy(target))
	}
	one, two := shops[0], shops[1]
	require.Equal(t, 201, one.do("POST", "/orders", "", placeO1).status)
	require.NoError(t, server.Submit("pay-1"))
	captured := func() bool {
		return two.do("POST", "/orders/o-1/capture", "capture-1", `{"amount":"USD 10.00"}`).status == 200
	}
	require.Eventually(t, captured, 10*time.Second, 20*time.Millisecond, "once one of them was told that it is authorized")
	assert.Equal(t, 409, one.do("POST", "/orders/o-1/cancel", "cancel-1", `{}`).status)
	assert.Equal(t, int64(1000), server.Totals("pay-1").Captured)

	require.NoError(t, server.Script(apotest.Fault{Op: apotest.OpCancel, From: 1, Do: apotest.Undecided}))
	place := strings.NewReplacer("o-1", "o-2", "pay-1", "pay-2").Replace(placeO1)
	require.Equal(t, 201, one.do("POST", "/orders", "", place).status)
	require.Equal(t, 202, one.do("POST", "/orders/o-2/cancel", "cancel-2", `{}`).status)
	require.NoError(t, stops[0]())
	_, stop := serving(t, args...) // the one that runs on would look within a minute
	defer func() { require.NoError(t, stop()) }()
	require.Eventually(t, func() bool { return two.do("GET", "/orders/o-2", "", "").order(t).Status == "cancelled" },
		10*time.Second, 20*time.Millisecond)
	require.NoError(t, stops[1]())
}

func TestTheProgramSaysWhatItNeeds(t *testing.T) {
	dir := t.TempDir()
	server, err := apotest.NewUnstartedServer(nil)
	require.NoError(t, err)
	keys := filepath.Join(dir, "keys")
	require.NoError(t, server.WriteKeys(keys))
	broken := filepath.Join(dir, "broken")
	require.NoError(t, os.MkdirAll(broken, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(broken, privateKeyFile), []byte("no key"), 0o600))
	half := filepath.Join(dir, "half")
	require.NoError(t, os.MkdirAll(half, 0o700))
	text, err := os.ReadFile(filepath.Join(keys, privateKeyFile))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(half, privateKeyFile), text, 0o600))
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer busy.Close()

	base := []string{"--gateway", "http://127.0.0.1:1", "--client", "SANDBOX_1", "--keys", keys, "--log",
		filepath.Join(dir, "log")}
	for name, c := range map[string]struct {
		args []string
		says string
	}{
		"no gateway":     {nil, "--gateway and --client are needed"},
		"an argument":    {append(base, "serve"), `"serve" is not understood`},
		"unknown flag":   {[]string{"--port", "1"}, "-port"},
		"no keys":        {append(base, "--keys", filepath.Join(dir, "none")), "--keys names the directory"},
		"broken key":     {append(base, "--keys", broken), filepath.Join(broken, privateKeyFile)},
		"half the keys":  {append(base, "--keys", half), publicKeyFile},
		"plain http":     {append(base, "--gateway", "http://example.com"), "http"},
		"no log":         {append(base, "--log", filepath.Join(dir, "none", "log")), filepath.Join(dir, "none")},
		"no database":    {append(base, "--store", "postgres://shop@127.0.0.1:1/shop"), "cannot be reached"},
		"no URL":         {append(base, "--store", "postgres://shop@:x:y/shop"), "--store"},
		"no log's name":  {append(base, "--origin", "my shop"), "--origin gives Config.Origin"},
		"address in use": {append(base, "--listen", busy.Addr().String()), "in use"},
	} {
		t.Run(name, func(t *testing.T) {
			err := run(t.Context(), c.args, &syncBuffer{})
			require.Error(t, err)
			assert.Contains(t, err.Error(), c.says)
		})
	}
	require.ErrorIs(t, run(t.Context(), []string{"--help"}, &syncBuffer{}), flag.ErrHelp)
}

func TestTheServiceEndsWhereNothingSettlesAnyMore(t *testing.T) {
	w := newWorld(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, w.log.Close())
	err = w.shop.serve(t.Context(), listener)
	require.ErrorIs(t, err, store.ErrClosed)
	assert.Contains(t, w.logged.String(), "stopping")

	w = newWorld(t)
	listener, err = net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	require.ErrorIs(t, w.shop.serve(t.Context(), listener), net.ErrClosed, "and where nobody can call it")
}
