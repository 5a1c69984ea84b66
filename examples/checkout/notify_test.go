package main

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/apo/apotest"
)

// paid is the notification of a payment, before it was delivered.
func paid(t *testing.T, w *world) apotest.Notification {
	t.Helper()
	require.NoError(t, w.apo.Submit("pay-1"))
	notes := w.apo.TakeNotifications()
	require.Len(t, notes, 1)
	return notes[0]
}

// hand gives the service a notification as it stands.
func hand(w *world, n *apotest.Notification, body []byte) *httptest.ResponseRecorder {
	r := httptest.NewRequest(n.Method, n.Path, bytes.NewReader(body))
	r.Header = n.Header.Clone()
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, r)
	return rec
}

func TestANotificationIsAcknowledgedOnceItIsOnRecord(t *testing.T) {
	w := newWorld(t)
	require.Equal(t, http.StatusCreated, w.do("POST", "/orders", "pay-1", placeO1).status)
	n := paid(t, w)
	for range 2 { // APO promises to send it once at least
		rec := hand(w, &n, n.Body)
		assert.Equal(t, http.StatusOK, rec.Code)
		assert.Equal(t, apo.Acknowledgement, rec.Body.String())
		assert.Equal(t, "application/json", rec.Header().Get("Content-Type"))
		v := w.do("GET", "/orders/o-1", "", "").order(t)
		assert.Equal(t, "authorized", v.Status)
		assert.Len(t, v.History, 3, "placed, the pay call's answer, and this once")
	}
}

func TestAStrangerLearnsNothing(t *testing.T) {
	w := newWorld(t)
	require.Equal(t, http.StatusCreated, w.do("POST", "/orders", "pay-1", placeO1).status)
	n := paid(t, w)
	unsigned := n
	unsigned.Header = n.Header.Clone()
	unsigned.Header.Del("Signature")
	other := n
	other.Path = "/notify?order=o-1"
	for name, rec := range map[string]*httptest.ResponseRecorder{
		"unsigned":   hand(w, &unsigned, n.Body),
		"other body": hand(w, &n, bytes.Replace(n.Body, []byte("1000"), []byte("9999"), 1)),
		"other path": hand(w, &other, n.Body),
		"no body":    hand(w, &n, nil),
	} {
		assert.Equal(t, http.StatusUnauthorized, rec.Code, name)
		assert.Equal(t, "Unauthorized\n", rec.Body.String(), name)
	}
	assert.Equal(t, http.StatusRequestEntityTooLarge, hand(w, &n, bytes.Repeat([]byte(" "), apo.BodyMax+1)).Code)
	assert.Equal(t, "created", w.do("GET", "/orders/o-1", "", "").order(t).Status)
	assert.Equal(t, http.StatusMethodNotAllowed, w.do("GET", "/notify", "", "").status)
}

func TestANotificationOfAnUnknownOrderComesAgain(t *testing.T) {
	w := newWorld(t)
	_, err := w.apo.Register(apotest.Payment{PaymentRequestID: "pay-1", Capture: apotest.Manual,
		Amount: apotest.Amount{Currency: "USD", Minor: 1000}}) // somebody else asked for it
	require.NoError(t, err)
	n := paid(t, w)
	rec := hand(w, &n, n.Body)
	assert.Equal(t, http.StatusNotFound, rec.Code)
	assert.Equal(t, "Not Found\n", rec.Body.String())
	assert.Contains(t, w.logged.String(), "an order that is not known here")

	require.Equal(t, http.StatusCreated, w.do("POST", "/orders", "pay-1", placeO1).status)
	assert.Equal(t, http.StatusOK, hand(w, &n, n.Body).Code, "placed meanwhile")
}

// APO's side may have hung up by the time it is written: it is news all the same.
func TestAHangUpLosesNothing(t *testing.T) {
	w := newWorld(t)
	require.Equal(t, http.StatusCreated, w.do("POST", "/orders", "pay-1", placeO1).status)
	n := paid(t, w)
	ctx, hangUp := context.WithCancel(t.Context())
	hangUp()
	r := httptest.NewRequest(n.Method, n.Path, bytes.NewReader(n.Body)).WithContext(ctx)
	r.Header = n.Header.Clone()
	w.handler.ServeHTTP(httptest.NewRecorder(), r)
	assert.Equal(t, "authorized", w.do("GET", "/orders/o-1", "", "").order(t).Status)
}

func TestWhatIsNotDurableIsNotAcknowledged(t *testing.T) {
	w := newWorld(t)
	require.Equal(t, http.StatusCreated, w.do("POST", "/orders", "pay-1", placeO1).status)
	n := paid(t, w)
	require.NoError(t, w.log.Close())
	rec := hand(w, &n, n.Body)
	assert.Equal(t, http.StatusServiceUnavailable, rec.Code)
	assert.Equal(t, "Service Unavailable\n", rec.Body.String())
	assert.Contains(t, w.logged.String(), "notification could not be recorded")
}

func TestASignedMessageThatProvesNothingIsLogged(t *testing.T) {
	w := newWorld(t)
	merchant, body := w.apo, []byte(`{"notifyType":"SOMETHING_NEW","result":{"resultCode":"SUCCESS","resultStatus":"S",
		"resultMessage":"success"}}`)
	key := apoKey(t, merchant)
	m := apo.Message{Method: http.MethodPost, Path: "/notify", ClientID: merchant.ClientID(), Time: "1795435200000",
		Body: body}
	value, err := m.Sign(key)
	require.NoError(t, err)
	n := apotest.Notification{Method: m.Method, Path: m.Path, Header: http.Header{}}
	n.Header.Set("Content-Type", "application/json")
	n.Header.Set("Client-Id", m.ClientID)
	n.Header.Set("Request-Time", m.Time)
	n.Header.Set("Signature", apo.Signature{Value: value}.Header())
	rec := hand(w, &n, body)
	assert.Equal(t, http.StatusUnprocessableEntity, rec.Code)
	assert.Equal(t, "Unprocessable Entity\n", rec.Body.String())
	assert.True(t, strings.Contains(w.logged.String(), "of a type that no order has"), w.logged.String())
}
