package notify_test

import (
	"bytes"
	"context"
	"crypto/rsa"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/notify"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store/memory"
)

// signed is a message that APO signed, with that body.
func signed(x *tilltest.Ear, text string) apotest.Notification {
	x.T.Helper()
	n := apotest.Notification{Method: http.MethodPost, Path: tilltest.EarPath, URL: x.Web.URL + tilltest.EarPath,
		Body: []byte(text)}
	at := "1795423200000"
	value, err := apo.Message{Method: n.Method, Path: n.Path, ClientID: x.Server.ClientID(), Time: at,
		Body: n.Body}.Sign(tilltest.ServerKeys()[1])
	require.NoError(x.T, err)
	n.Header = http.Header{"Content-Type": {"application/json; charset=UTF-8"}, "Client-Id": {x.Server.ClientID()},
		"Request-Time": {at}, "Signature": {apo.Signature{KeyVersion: "1", Value: value}.Header()}}
	return n
}

const resultS = `"result":{"resultCode":"SUCCESS","resultStatus":"S","resultMessage":"success"}`

// What APO signed and we cannot read is somebody's to look at: it is never acknowledged, and never mistaken for noise.
func TestSignedMessagesThatSayNothingUsable(t *testing.T) {
	x := tilltest.NewEar(t, memory.New(), tilltest.EarConfig{})
	x.Sell("o-1")
	for name, text := range map[string]string{
		"an end of the future": `{"disputeNotificationType":"DISPUTE_JUDGED","disputeId":"D1","paymentId":"pay-o-1",` +
			`"disputeJudgedResult":"SPLIT"}`,
		"not JSON": `hello`,
		"no final word": `{"notifyType":"PAYMENT_RESULT","paymentId":"pay-o-1",` +
			`"result":{"resultCode":"UNKNOWN_EXCEPTION","resultStatus":"U"}}`,
		"nobody's": `{"notifyType":"PAYMENT_RESULT",` + resultS + `}`,
		"an amount out of range": `{"notifyType":"PAYMENT_RESULT","paymentId":"pay-o-1",` +
			`"paymentAmount":{"currency":"USD","value":"1e99"},` + resultS + `}`,
	} {
		status, _ := x.Send(signed(x, text), nil)
		assert.Equal(t, http.StatusUnprocessableEntity, status, name)
	}
	x.Untouched()
	assert.EqualValues(t, 5, x.Handler.Stats().Unusable)
	assert.Equal(t, 5, strings.Count(x.Said.String(), "level=ERROR"), "all of them: nobody can make these up")
}

func TestWhoeverWantsToKnowIsToldOfEveryNotification(t *testing.T) {
	var mu sync.Mutex
	var heard []notify.Notification
	x, n := told(t, memory.New(), tilltest.EarConfig{Notify: notify.Config{
		Heard: func(_ context.Context, n notify.Notification) {
			mu.Lock()
			defer mu.Unlock()
			heard = append(heard, n)
		}}})
	x.Send(n, nil)
	x.Send(n, nil)
	x.Send(n, func(r *http.Request) { r.Header.Del("Signature") })
	x.Register("o-2", apotest.Manual)
	require.NoError(t, x.Server.Submit("preq-o-2"))
	x.Send(x.Newest(), nil)
	mu.Lock()
	defer mu.Unlock()
	require.Len(t, heard, 4)
	for i, want := range []notify.Outcome{notify.Recorded, notify.Duplicate,
		notify.Forged, notify.UnknownOrder} {
		assert.Equal(t, want, heard[i].Outcome)
		assert.Equal(t, want.Acknowledged(), heard[i].Err == nil)
		assert.Equal(t, want.Acknowledged(), heard[i].Status == http.StatusOK)
		assert.Equal(t, want.Acknowledged(), heard[i].OrderID == "o-1")
		assert.Equal(t, want == notify.Forged, heard[i].Fact.IsZero(), "nothing of a forgery is handed on")
	}
	require.ErrorIs(t, heard[2].Err, apo.ErrSignature)
	require.ErrorIs(t, heard[3].Err, order.ErrUnknownOrder)
	assert.Equal(t, "preq-o-2", heard[3].Fact.PaymentRequestID())
}

// The fact is durable before the observer panics, so the next delivery is a duplicate.
func TestAPanicIsContained(t *testing.T) {
	panics := true
	observer := &tilltape.Observer{Appended: func(_ context.Context, r []events.Record) {
		if panics && r[0].Event.Kind() == events.KindPaymentAuthorized {
			panic("no metrics today " + strings.Repeat("é", 1000))
		}
	}}
	x, n := told(t, memory.New(), tilltest.EarConfig{Orders: tilltape.Config{Observer: observer}})
	status, _ := x.Send(n, nil)
	assert.Equal(t, http.StatusInternalServerError, status)
	assert.Contains(t, x.Said.String(), "no metrics today")
	assert.Contains(t, x.Said.String(), "notify/stats_test.go", "the stack")
	assert.EqualValues(t, 1, x.Handler.Stats().Failed)
	panics = false
	require.True(t, x.Deliver())
	assert.EqualValues(t, 1, x.Handler.Stats().Duplicate)

	x, n = told(t, memory.New(), tilltest.EarConfig{Notify: notify.Config{
		Heard: func(context.Context, notify.Notification) { panic(tilltest.ErrDisk) }}})
	status, _ = x.Send(n, nil)
	assert.Equal(t, http.StatusOK, status, "who is told cannot spoil the answer")
	assert.Contains(t, x.Said.String(), tilltest.ErrDisk.Error())
}

// net/http has a panic of its own to cut a connection; it is not ours to contain.
func TestTheAbortOfAConnectionPasses(t *testing.T) {
	log := &tilltest.Flaky{Log: memory.New()}
	x, n := told(t, log, tilltest.EarConfig{})
	log.OnLookup = func() error { panic(http.ErrAbortHandler) }
	r := httptest.NewRequest(n.Method, n.Path, bytes.NewReader(n.Body))
	r.Header = n.Header
	require.PanicsWithError(t, http.ErrAbortHandler.Error(), func() { x.Handler.ServeHTTP(httptest.NewRecorder(), r) })
}

func TestNotificationOutcomesHaveNamesOfTheirOwn(t *testing.T) {
	seen := map[string]bool{}
	for o := notify.Undecided; o <= notify.Failed; o++ {
		assert.NotEqual(t, "unknown", o.String())
		assert.False(t, seen[o.String()])
		seen[o.String()] = true
	}
	assert.Equal(t, "unknown", (notify.Failed + 1).String())
}

// Nothing that a log file could give away: no key, no signature, no body.
func TestWhatIsLoggedOfNotificationsHoldsNoSecret(t *testing.T) {
	x, n := told(t, memory.New(), tilltest.EarConfig{})
	x.Send(n, nil)
	x.Send(n, func(r *http.Request) { r.Header.Set("Request-Time", "1") })
	x.Register("o-2", apotest.Manual)
	require.NoError(t, x.Server.Submit("preq-o-2"))
	x.Send(x.Newest(), nil)
	signature, err := apo.ParseSignature(n.Header.Get("Signature"))
	require.NoError(t, err)
	assert.NotContains(t, x.Said.String(), signature.Value)
	assert.NotContains(t, x.Said.String(), "notifyType")
	assert.NotEmpty(t, x.Said.String())
}

// The counts add up at every moment, whatever comes from wherever.
func TestStatsAddUpUnderLoad(t *testing.T) {
	x, n := told(t, memory.New(), tilltest.EarConfig{Notify: notify.Config{Concurrency: 4}})
	done := make(chan struct{})
	var watching, sending sync.WaitGroup
	watching.Go(func() {
		for {
			s := x.Handler.Stats()
			sum := s.Acknowledged + s.Malformed + s.Busy + s.Forged + s.Stale + s.Unusable + s.UnknownOrder + s.Failed
			assert.LessOrEqual(t, sum, s.Received)
			assert.LessOrEqual(t, s.Duplicate, s.Acknowledged)
			select {
			case <-done:
				return
			default:
			}
		}
	})
	spoil := []func(*http.Request){nil, func(r *http.Request) { r.Method = http.MethodPut },
		func(r *http.Request) { r.Header.Set("Request-Time", "1") }}
	for i := range 8 {
		sending.Go(func() {
			for j := range 25 {
				r := httptest.NewRequest(n.Method, n.Path, bytes.NewReader(n.Body))
				r.Header = n.Header.Clone()
				if change := spoil[(i+j)%len(spoil)]; change != nil {
					change(r)
				}
				x.Handler.ServeHTTP(httptest.NewRecorder(), r)
			}
		})
	}
	sending.Wait()
	close(done)
	watching.Wait()
	s := x.Handler.Stats()
	assert.EqualValues(t, 8*25, s.Received)
	assert.Equal(t, s.Received, s.Acknowledged+s.Malformed+s.Busy+s.Forged)
	assert.NotZero(t, s.Acknowledged)
	assert.NotZero(t, s.Forged)
}

// FuzzHandler: whatever a stranger sends, nothing panics, nothing is recorded, and nobody hears S.
func FuzzHandler(f *testing.F) {
	x := tilltest.NewTill(f, memory.New())
	x.Place(order.CaptureManual)
	keys := tilltest.ServerKeys()
	v, err := apo.NewVerifier(tilltest.TestClient,
		apo.Keys{Public: map[string]*rsa.PublicKey{"1": &keys[1].PublicKey}}, nil)
	require.NoError(f, err)
	h, err := notify.NewHandler(x.Orders, v, nil)
	require.NoError(f, err)
	text := `{"notifyType":"PAYMENT_RESULT","paymentRequestId":"` + tilltest.TheRequest + `",` + resultS + `}`
	f.Add("POST", "/notify", "application/json", tilltest.TestClient, "1795423200000",
		"algorithm=RSA256,keyVersion=1,signature=AAAA", []byte(text))
	f.Add("GET", "/notify?x=%", "", "", "", "", []byte(nil))
	f.Add("POST", "http://h/notify", "application/json;charset=utf-8", tilltest.TestClient, "2026-11-23T09:00:00Z",
		"signature=%2b,,=", []byte("{"))
	f.Fuzz(func(t *testing.T, method, path, kind, client, at, signature string, body []byte) {
		header := http.Header{"Content-Type": {kind}, "Client-Id": {client}, "Request-Time": {at}, "Signature": {signature}}
		r := &http.Request{Method: method, RequestURI: path, Header: header, Body: http.NoBody,
			ContentLength: int64(len(body))}
		target, err := http.NewRequest(http.MethodPost, "http://shop.example/notify", bytes.NewReader(body))
		require.NoError(t, err)
		r.URL, r.Body = target.URL, target.Body
		before := h.Stats()
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		after := h.Stats()
		assert.GreaterOrEqual(t, w.Code, 400)
		assert.NotEqual(t, apo.Acknowledgement, w.Body.String())
		assert.Equal(t, before.Acknowledged, after.Acknowledged)
		assert.Equal(t, before.Failed, after.Failed, "nothing panicked")
		o, err := x.Orders.Get(t.Context(), tilltest.TheOrder)
		require.NoError(t, err)
		assert.EqualValues(t, 1, o.Version)
	})
}
