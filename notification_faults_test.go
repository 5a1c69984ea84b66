package tilltape_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rsa"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

// told is an ear with one genuine notification under way: the payment of o-1.
func told(t *testing.T, log store.Log, c earConfig) (*ear, apotest.Notification) {
	x := newEar(t, log, c)
	x.sell("o-1")
	require.NoError(t, x.server.Submit("preq-o-1"))
	return x, x.newest()
}

// untouched: nothing was recorded.
func (x *ear) untouched() {
	x.t.Helper()
	assert.Equal(x.t, order.Created, x.order("o-1").Status)
	assert.EqualValues(x.t, 1, x.order("o-1").Version)
	assert.Zero(x.t, x.handler.Stats().Acknowledged)
}

func TestForgedNotificationsAreTurnedAwayAlike(t *testing.T) {
	stores(t, func(t *testing.T, log store.Log) {
		x, n := told(t, log, earConfig{})
		forgeries := map[string]func(*http.Request){
			"another amount": func(r *http.Request) { body(r, bytes.Replace(n.Body, []byte("1000"), []byte("9000"), 1)) },
			"an empty body":  func(r *http.Request) { body(r, nil) },
			"not JSON":       func(r *http.Request) { body(r, []byte("<xml/>")) },
			"no signature":   func(r *http.Request) { r.Header.Del("Signature") },
			"two signatures": func(r *http.Request) { r.Header.Add("Signature", r.Header.Get("Signature")) },
			"a made-up one":  func(r *http.Request) { r.Header.Set("Signature", apo.Signature{Value: "AAAA"}.Header()) },
			"another key": func(r *http.Request) {
				r.Header.Set("Signature", apo.Signature{KeyVersion: "9", Value: "AAAA"}.Header())
			},
			"another client": func(r *http.Request) { r.Header.Set("Client-Id", "somebody") },
			"another time":   func(r *http.Request) { r.Header.Set("Request-Time", "1") },
			"no time":        func(r *http.Request) { r.Header.Del("Request-Time") },
			"another path":   func(r *http.Request) { r.URL.Path = "/elsewhere" },
			"another query":  func(r *http.Request) { r.URL.RawQuery = "till=8" },
		}
		for name, forge := range forgeries {
			status, _ := x.send(n, forge)
			assert.Equal(t, http.StatusUnauthorized, status, name)
		}
		x.untouched()
		assert.EqualValues(t, len(forgeries), x.handler.Stats().Forged)
		assert.Equal(t, 1, strings.Count(x.said.String(), "turned away"), "noise is logged once a while:\n%s", x.said)
		x.clock.Advance(tilltape.NotificationNoiseEvery)
		x.send(n, forgeries["not JSON"])
		assert.Equal(t, 2, strings.Count(x.said.String(), "turned away"))
		require.True(t, x.deliver(), "the genuine one is heard all the same")
		x.clock.Advance(-time.Hour)
		x.send(n, forgeries["not JSON"])
		assert.Equal(t, 3, strings.Count(x.said.String(), "turned away"), "a clock that goes back silences nothing")
	})
}

func body(r *http.Request, b []byte) {
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(b)), int64(len(b))
}

func TestWhatIsNoNotificationIsRefusedByItsLooks(t *testing.T) {
	x, n := told(t, memory.New(), earConfig{})
	large := bytes.Repeat([]byte(" "), apo.BodyMax+1)
	for name, tt := range map[string]struct {
		change func(*http.Request)
		status int
	}{
		"GET":                 {func(r *http.Request) { r.Method = http.MethodGet }, http.StatusMethodNotAllowed},
		"PUT":                 {func(r *http.Request) { r.Method = http.MethodPut }, http.StatusMethodNotAllowed},
		"no content type":     {func(r *http.Request) { r.Header.Del("Content-Type") }, http.StatusUnsupportedMediaType},
		"a form":              {func(r *http.Request) { r.Header.Set("Content-Type", "application/x-www-form-urlencoded") }, http.StatusUnsupportedMediaType},
		"half a content type": {func(r *http.Request) { r.Header.Set("Content-Type", "application/json; charset") }, http.StatusUnsupportedMediaType},
		"packed":              {func(r *http.Request) { r.Header.Set("Content-Encoding", "gzip") }, http.StatusUnsupportedMediaType},
		"too large and says so": {func(r *http.Request) { body(r, large) },
			http.StatusRequestEntityTooLarge},
		"too large in chunks": {func(r *http.Request) { body(r, large); r.ContentLength = -1 }, http.StatusRequestEntityTooLarge},
	} {
		status, _ := x.send(n, tt.change)
		assert.Equal(t, tt.status, status, name)
	}
	x.untouched()
	s := x.handler.Stats()
	assert.EqualValues(t, 8, s.Refused)
	assert.Equal(t, s.Received, s.Refused)
	status, _ := x.send(n, func(r *http.Request) { r.Header.Set("Content-Type", "application/json") })
	assert.Equal(t, http.StatusOK, status, "a charset is not needed")
}

// dial sends the head of a notification and as much of its body as is wanted, and returns the answer's status line.
func (x *ear) dial(n apotest.Notification, change func(http.Header), part []byte, hangUp bool) string {
	x.t.Helper()
	at, err := url.Parse(n.URL)
	require.NoError(x.t, err)
	c, err := net.Dial("tcp", at.Host)
	require.NoError(x.t, err)
	defer c.Close()
	header := n.Header.Clone()
	header.Set("Content-Length", fmt.Sprint(len(n.Body)))
	if change != nil {
		change(header)
	}
	var head bytes.Buffer
	fmt.Fprintf(&head, "POST %s HTTP/1.1\r\nHost: %s\r\n", n.Path, at.Host)
	require.NoError(x.t, header.Write(&head))
	head.WriteString("\r\n")
	head.Write(part)
	_, err = c.Write(head.Bytes())
	require.NoError(x.t, err)
	if hangUp {
		require.NoError(x.t, c.(*net.TCPConn).CloseWrite())
	}
	require.NoError(x.t, c.SetReadDeadline(time.Now().Add(10*time.Second)))
	line, err := bufio.NewReader(c).ReadString('\n')
	require.NoError(x.t, err)
	return strings.TrimSpace(line)
}

func TestASlowBodyHoldsNobodyLongerThanAllowed(t *testing.T) {
	x, n := told(t, memory.New(), earConfig{notify: tilltape.NotificationConfig{ReadTimeout: 50 * time.Millisecond}})
	assert.Contains(t, x.dial(n, nil, n.Body[:10], false), "408")
	assert.Contains(t, x.dial(n, nil, n.Body[:10], true), "400", "one that ends early is no timeout")
	began := time.Now()
	assert.Contains(t, x.dial(n, func(h http.Header) { h.Del("Signature") }, nil, false), "401")
	assert.Contains(t, x.dial(n, func(h http.Header) { h.Set("Content-Type", "text/plain") }, nil, false), "415")
	assert.Contains(t, x.dial(n, func(h http.Header) { h.Set("Content-Length", fmt.Sprint(apo.BodyMax+1)) }, nil, false), "413")
	assert.Less(t, time.Since(began), 5*time.Second, "noise is answered without waiting for its body")
	x.untouched()
	require.True(t, x.deliver())
}

// The deadline for the body must not end the request behind it: net/http would take the sender for gone.
func TestAReadTimeoutDoesNotEndTheRequest(t *testing.T) {
	const readTimeout = 50 * time.Millisecond
	ended := make(chan error, 1)
	log := &flaky{Log: memory.New(), lookup: func() error { time.Sleep(3 * readTimeout); return nil }}
	x, _ := told(t, log, earConfig{notify: tilltape.NotificationConfig{ReadTimeout: readTimeout,
		Heard: func(ctx context.Context, _ tilltape.Notification) { ended <- ctx.Err() }}})
	require.True(t, x.deliver())
	assert.NoError(t, <-ended)
}

func TestReplayedNotifications(t *testing.T) {
	const window = 24 * time.Hour
	stores(t, func(t *testing.T, log store.Log) {
		x, n := told(t, log, earConfig{notify: tilltape.NotificationConfig{FreshFor: window}})
		x.clock.Advance(window)
		status, _ := x.send(n, nil)
		require.Equal(t, http.StatusOK, status, "old, and inside the window")
		x.clock.Advance(time.Second)
		status, _ = x.send(n, nil)
		assert.Equal(t, http.StatusUnauthorized, status, "by the clock of the Orders")
		assert.Equal(t, tilltape.NotificationStats{Received: 2, Acknowledged: 1, Stale: 1}, x.handler.Stats())
		require.True(t, x.deliver(), "APO signs anew what it sends again")
	})
	x, n := told(t, memory.New(), earConfig{})
	x.clock.Advance(1000 * time.Hour)
	for range 2 {
		status, _ := x.send(n, nil)
		assert.Equal(t, http.StatusOK, status, "without a window a replay does no harm")
	}
	assert.EqualValues(t, 2, x.order("o-1").Version)
}

func TestKeysChangeWhileNotificationsCome(t *testing.T) {
	x, n := told(t, memory.New(), earConfig{})
	old, current := serverKeys()[0], serverKeys()[1] // APO's newest is current; the other stands for one that is going
	keys := apo.Keys{Public: map[string]*rsa.PublicKey{"1": &current.PublicKey, "2": &old.PublicKey}}
	h, err := x.orders.NotificationHandler(x.server.ClientID(), keys, nil)
	require.NoError(t, err)
	resigned := func(version string) *http.Request {
		r := httptest.NewRequest(http.MethodPost, n.Path, bytes.NewReader(n.Body))
		r.Header = n.Header.Clone()
		if version == "2" {
			value, err := apo.Message{Method: n.Method, Path: n.Path, ClientID: x.server.ClientID(), Time: n.Header.Get("Request-Time"),
				Body: n.Body}.Sign(old)
			require.NoError(t, err)
			r.Header.Set("Signature", apo.Signature{KeyVersion: "2", Value: value}.Header())
		}
		return r
	}
	for _, version := range []string{"1", "2"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, resigned(version))
		assert.Equal(t, http.StatusOK, w.Code, version)
		assert.Equal(t, "application/json", w.Header().Get("Content-Type"))
	}
	delete(keys.Public, "2")
	h, err = x.orders.NotificationHandler(x.server.ClientID(), keys, nil)
	require.NoError(t, err)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, resigned("2"))
	assert.Equal(t, http.StatusUnauthorized, w.Code, "a key that is gone signs nothing")
}

// Whatever fails, APO is not told that it may stop; once it works again all is as if nothing had been.
func TestALogThatFailsAcknowledgesNothing(t *testing.T) {
	down := func() error { return errDisk }
	for name, fail := range map[string]func(*flaky){
		"lookup": func(f *flaky) { f.lookup = down },
		"read":   func(f *flaky) { f.read = down },
		"append": func(f *flaky) { f.append = on(events.KindPaymentAuthorized, appendFails, -1) },
		"answer": func(f *flaky) { f.append = on(events.KindPaymentAuthorized, appendAnswers, -1) },
	} {
		t.Run(name, func(t *testing.T) {
			log := &flaky{Log: memory.New()}
			x, n := told(t, log, earConfig{})
			fail(log)
			status, _ := x.send(n, nil)
			assert.Equal(t, http.StatusServiceUnavailable, status)
			assert.Equal(t, tilltape.NotificationStats{Received: 1, Failed: 1}, x.handler.Stats())
			assert.Contains(t, x.said.String(), "level=ERROR")
			log.lookup, log.read, log.append = nil, nil, nil
			require.True(t, x.deliver())
			assert.Equal(t, order.Authorized, x.order("o-1").Status)
			assert.EqualValues(t, 2, x.order("o-1").Version)
		})
	}
	x, n := told(t, memory.New(), earConfig{})
	require.NoError(t, x.orders.Close())
	status, _ := x.send(n, nil)
	assert.Equal(t, http.StatusServiceUnavailable, status)
}

func TestAFactIsRecordedThoughAPOHasHungUp(t *testing.T) {
	x, n := told(t, memory.New(), earConfig{})
	ctx, hangUp := context.WithCancel(x.ctx)
	hangUp()
	r := httptest.NewRequest(http.MethodPost, n.Path, bytes.NewReader(n.Body)).WithContext(ctx)
	r.Header = n.Header
	x.handler.ServeHTTP(httptest.NewRecorder(), r)
	assert.Equal(t, order.Authorized, x.order("o-1").Status)
}

func TestMoreAtOnceThanAllowedAreTurnedAway(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	log := &flaky{Log: memory.New()}
	x, n := told(t, log, earConfig{notify: tilltape.NotificationConfig{Concurrency: 1}})
	log.lookup = func() error {
		entered <- struct{}{}
		<-leave
		return errDisk
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		status, _ := x.send(n, nil)
		assert.Equal(t, http.StatusServiceUnavailable, status)
	})
	<-entered
	status, _ := x.send(n, nil)
	assert.Equal(t, http.StatusServiceUnavailable, status)
	status, _ = x.send(n, func(r *http.Request) { r.Header.Del("Signature") })
	assert.Equal(t, http.StatusUnauthorized, status, "noise takes nobody's place")
	assert.EqualValues(t, 1, x.handler.Stats().Busy)
	close(leave)
	wg.Wait()
	log.lookup = nil
	require.True(t, x.deliver(), "the place is free again")
	s := x.handler.Stats()
	assert.Equal(t, s.Received, s.Acknowledged+s.Refused+s.Busy+s.Forged+s.Stale+s.Unusable+s.UnknownOrder+s.Failed)
}
