package notify_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rsa"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/notify"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

// told is an ear with one genuine notification under way: the payment of o-1.
func told(t *testing.T, log store.Log, c tilltest.EarConfig) (*tilltest.Ear, apotest.Notification) {
	x := tilltest.NewEar(t, log, c)
	x.Sell("o-1")
	require.NoError(t, x.Server.Submit("preq-o-1"))
	return x, x.Newest()
}

func TestForgedNotificationsAreTurnedAwayAlike(t *testing.T) {
	tilltest.Stores(t, func(t *testing.T, log store.Log) {
		x, n := told(t, log, tilltest.EarConfig{})
		forgeries := map[string]func(*http.Request){
			"another amount": func(r *http.Request) {
				tilltest.Body(r, bytes.Replace(n.Body, []byte("1000"), []byte("9000"), 1))
			},
			"an empty body":  func(r *http.Request) { tilltest.Body(r, nil) },
			"not JSON":       func(r *http.Request) { tilltest.Body(r, []byte("<xml/>")) },
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
			status, _ := x.Send(n, forge)
			assert.Equal(t, http.StatusUnauthorized, status, name)
		}
		x.Untouched()
		assert.EqualValues(t, len(forgeries), x.Handler.Stats().Forged)
		assert.Equal(t, 1, strings.Count(x.Said.String(), "turned away"), "noise is logged once a while:\n%s", x.Said)
		x.Clock.Advance(notify.NoiseEvery)
		x.Send(n, forgeries["not JSON"])
		assert.Equal(t, 2, strings.Count(x.Said.String(), "turned away"))
		require.True(t, x.Deliver(), "the genuine one is heard all the same")
		x.Clock.Advance(-time.Hour)
		x.Send(n, forgeries["not JSON"])
		assert.Equal(t, 3, strings.Count(x.Said.String(), "turned away"), "a clock that goes back silences nothing")
	})
}

func TestWhatIsNoNotificationIsRefusedByItsLooks(t *testing.T) {
	x, n := told(t, memory.New(), tilltest.EarConfig{})
	large := bytes.Repeat([]byte(" "), apo.BodyMax+1)
	for name, tt := range map[string]struct {
		change func(*http.Request)
		status int
	}{
		"GET":                   {func(r *http.Request) { r.Method = http.MethodGet }, http.StatusMethodNotAllowed},
		"PUT":                   {func(r *http.Request) { r.Method = http.MethodPut }, http.StatusMethodNotAllowed},
		"too large and says so": {func(r *http.Request) { tilltest.Body(r, large) }, http.StatusRequestEntityTooLarge},
		"too large in chunks": {func(r *http.Request) { tilltest.Body(r, large); r.ContentLength = -1 },
			http.StatusRequestEntityTooLarge},
	} {
		status, _ := x.Send(n, tt.change)
		assert.Equal(t, tt.status, status, name)
	}
	x.Untouched()
	s := x.Handler.Stats()
	assert.EqualValues(t, 4, s.Malformed)
	assert.Equal(t, s.Received, s.Malformed)
}

// APO signs the body, and none of the headers that describe it: what stands in those, or what a proxy made of them,
// says nothing about who sent it or what it proves.
func TestTheSignatureDecidesAndNotWhatHeadersSayOfTheBody(t *testing.T) {
	for name, describe := range map[string]func(http.Header){
		"without a charset":            func(h http.Header) { h.Set("Content-Type", "application/json") },
		"plain text":                   func(h http.Header) { h.Set("Content-Type", "text/plain") },
		"a form":                       func(h http.Header) { h.Set("Content-Type", "application/x-www-form-urlencoded") },
		"half a media type":            func(h http.Header) { h.Set("Content-Type", "application/json; charset") },
		"no media type":                func(h http.Header) { h.Del("Content-Type") },
		"an empty media type":          func(h http.Header) { h.Set("Content-Type", "") },
		"two media types":              func(h http.Header) { h.Add("Content-Type", "text/html") },
		"identity":                     func(h http.Header) { h.Set("Content-Encoding", "identity") },
		"IDENTITY, and once more":      func(h http.Header) { h["Content-Encoding"] = []string{"IDENTITY", "identity"} },
		"said to be packed and is not": func(h http.Header) { h.Set("Content-Encoding", "gzip") },
	} {
		t.Run(name, func(t *testing.T) {
			x, n := told(t, memory.New(), tilltest.EarConfig{})
			status, body := x.Send(n, func(r *http.Request) { describe(r.Header) })
			assert.Equal(t, http.StatusOK, status)
			assert.Equal(t, apo.Acknowledgement, body)
			assert.Equal(t, order.Authorized, x.Order("o-1").Status)
			altered := bytes.Replace(n.Body, []byte("1000"), []byte("9000"), 1)
			status, _ = x.Send(n, func(r *http.Request) { describe(r.Header); tilltest.Body(r, altered) })
			assert.Equal(t, http.StatusUnauthorized, status, "and it goes on deciding")
		})
	}
}

// A body that somebody packed on the way is not what APO signed. Whoever looks for the reason is told where to look.
func TestABodyThatWasPackedOnTheWayIsNamed(t *testing.T) {
	var last notify.Notification
	x, n := told(t, memory.New(), tilltest.EarConfig{Notify: notify.Config{
		Heard: func(_ context.Context, n notify.Notification) { last = n }}})
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, err := w.Write(n.Body)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	status, _ := x.Send(n, func(r *http.Request) {
		tilltest.Body(r, packed.Bytes())
		r.Header.Set("Content-Encoding", "gzip")
	})
	assert.Equal(t, http.StatusUnauthorized, status)
	assert.Equal(t, notify.Forged, last.Outcome)
	require.ErrorIs(t, last.Err, apo.ErrSignature)
	assert.Contains(t, last.Err.Error(), `Content-Encoding "gzip"`)
	x.Untouched()
}

func TestASlowBodyHoldsNobodyLongerThanAllowed(t *testing.T) {
	x, n := told(t, memory.New(), tilltest.EarConfig{Notify: notify.Config{ReadTimeout: 50 * time.Millisecond}})
	assert.Contains(t, x.Dial(n, nil, n.Body[:10], false), "408")
	x, n = told(t, memory.New(), tilltest.EarConfig{Notify: notify.Config{ReadTimeout: patience}})
	assert.Contains(t, x.Dial(n, nil, n.Body[:10], true), "400", "one that ends early is no timeout")
	began := time.Now()
	assert.Contains(t, x.Dial(n, func(h http.Header) { h.Del("Signature") }, nil, false), "401")
	assert.Contains(t, x.Dial(n, func(h http.Header) { h.Set("Content-Length", fmt.Sprint(apo.BodyMax+1)) }, nil, false),
		"413")
	assert.Less(t, time.Since(began), patience/2, "noise is answered without waiting for its body")
	x.Untouched()
	require.True(t, x.Deliver())
}

// The deadline for the body must not end the request behind it: net/http would take the sender for gone.
func TestAReadTimeoutDoesNotEndTheRequest(t *testing.T) {
	const readTimeout = 50 * time.Millisecond
	ended := make(chan error, 1)
	log := &tilltest.Flaky{Log: memory.New(), OnLookup: func() error { time.Sleep(3 * readTimeout); return nil }}
	x, _ := told(t, log, tilltest.EarConfig{Notify: notify.Config{ReadTimeout: readTimeout,
		Heard: func(ctx context.Context, _ notify.Notification) { ended <- ctx.Err() }}})
	require.True(t, x.Deliver())
	assert.NoError(t, <-ended)
}

func TestReplayedNotifications(t *testing.T) {
	const window = 24 * time.Hour
	tilltest.Stores(t, func(t *testing.T, log store.Log) {
		x, n := told(t, log, tilltest.EarConfig{Verifier: apo.VerifierConfig{FreshFor: window}})
		x.Clock.Advance(window)
		status, _ := x.Send(n, nil)
		require.Equal(t, http.StatusOK, status, "old, and inside the window")
		x.Clock.Advance(time.Second)
		status, _ = x.Send(n, nil)
		assert.Equal(t, http.StatusUnauthorized, status, "by the verifier's clock")
		assert.Equal(t, notify.Stats{Received: 2, Acknowledged: 1, Stale: 1}, x.Handler.Stats())
		require.True(t, x.Deliver(), "APO signs anew what it sends again")
	})
	x, n := told(t, memory.New(), tilltest.EarConfig{})
	x.Clock.Advance(1000 * time.Hour)
	for range 2 {
		status, _ := x.Send(n, nil)
		assert.Equal(t, http.StatusOK, status, "without a window a replay does no harm")
	}
	assert.EqualValues(t, 2, x.Order("o-1").Version)
}

// believing is a handler that believes what these keys signed.
func believing(t *testing.T, x *tilltest.Ear, keys apo.Keys) *notify.Handler {
	t.Helper()
	v, err := apo.NewVerifier(x.Server.ClientID(), keys, nil)
	require.NoError(t, err)
	h, err := notify.NewHandler(x.Orders, v, nil)
	require.NoError(t, err)
	return h
}

func TestKeysChangeWhileNotificationsCome(t *testing.T) {
	x, n := told(t, memory.New(), tilltest.EarConfig{})
	// APO's newest is current; the other stands for one that is going.
	old, current := tilltest.ServerKeys()[0], tilltest.ServerKeys()[1]
	keys := apo.Keys{Public: map[string]*rsa.PublicKey{"1": &current.PublicKey, "2": &old.PublicKey}}
	h := believing(t, x, keys)
	resigned := func(version string) *http.Request {
		r := httptest.NewRequest(http.MethodPost, n.Path, bytes.NewReader(n.Body))
		r.Header = n.Header.Clone()
		if version == "2" {
			value, err := apo.Message{Method: n.Method, Path: n.Path, ClientID: x.Server.ClientID(),
				Time: n.Header.Get("Request-Time"), Body: n.Body}.Sign(old)
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
	h = believing(t, x, keys)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, resigned("2"))
	assert.Equal(t, http.StatusUnauthorized, w.Code, "a key that is gone signs nothing")
}

// Whatever fails, APO is not told that it may stop; once it works again all is as if nothing had been.
func TestALogThatFailsAcknowledgesNothing(t *testing.T) {
	down := func() error { return tilltest.ErrDisk }
	for name, fail := range map[string]func(*tilltest.Flaky){
		"lookup": func(f *tilltest.Flaky) { f.OnLookup = down },
		"read":   func(f *tilltest.Flaky) { f.OnRead = down },
		"append": func(f *tilltest.Flaky) {
			f.OnAppend = tilltest.On(events.KindPaymentAuthorized, tilltest.AppendFails, -1)
		},
		"answer": func(f *tilltest.Flaky) {
			f.OnAppend = tilltest.On(events.KindPaymentAuthorized, tilltest.AppendAnswers, -1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			log := &tilltest.Flaky{Log: memory.New()}
			x, n := told(t, log, tilltest.EarConfig{})
			fail(log)
			status, _ := x.Send(n, nil)
			assert.Equal(t, http.StatusServiceUnavailable, status)
			assert.Equal(t, notify.Stats{Received: 1, Failed: 1}, x.Handler.Stats())
			assert.Contains(t, x.Said.String(), "level=ERROR")
			log.OnLookup, log.OnRead, log.OnAppend = nil, nil, nil
			require.True(t, x.Deliver())
			assert.Equal(t, order.Authorized, x.Order("o-1").Status)
			assert.EqualValues(t, 2, x.Order("o-1").Version)
		})
	}
	x, n := told(t, memory.New(), tilltest.EarConfig{})
	require.NoError(t, x.Orders.Close())
	status, _ := x.Send(n, nil)
	assert.Equal(t, http.StatusServiceUnavailable, status)
}

func TestAFactIsRecordedThoughAPOHasHungUp(t *testing.T) {
	x, n := told(t, memory.New(), tilltest.EarConfig{})
	ctx, hangUp := context.WithCancel(x.Ctx)
	hangUp()
	r := httptest.NewRequest(http.MethodPost, n.Path, bytes.NewReader(n.Body)).WithContext(ctx)
	r.Header = n.Header
	x.Handler.ServeHTTP(httptest.NewRecorder(), r)
	assert.Equal(t, order.Authorized, x.Order("o-1").Status)
}

func TestMoreAtOnceThanAllowedAreTurnedAway(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	log := &tilltest.Flaky{Log: memory.New()}
	x, n := told(t, log, tilltest.EarConfig{Notify: notify.Config{Concurrency: 1}})
	log.OnLookup = func() error {
		entered <- struct{}{}
		<-leave
		return tilltest.ErrDisk
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		status, _ := x.Send(n, nil)
		assert.Equal(t, http.StatusServiceUnavailable, status)
	})
	<-entered
	status, _ := x.Send(n, nil)
	assert.Equal(t, http.StatusServiceUnavailable, status)
	status, _ = x.Send(n, func(r *http.Request) { r.Header.Del("Signature") })
	assert.Equal(t, http.StatusUnauthorized, status, "noise takes nobody's place")
	assert.EqualValues(t, 1, x.Handler.Stats().Busy)
	close(leave)
	wg.Wait()
	log.OnLookup = nil
	require.True(t, x.Deliver(), "the place is free again")
	s := x.Handler.Stats()
	assert.Equal(t, s.Received, s.Acknowledged+s.Malformed+s.Busy+s.Forged+s.Stale+s.Unusable+s.UnknownOrder+s.Failed)
}
