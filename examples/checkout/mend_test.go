package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/outbox"
	"github.com/tilltape/tilltape/store"
)

const mender = "01234567890123456789"

// decides gives a decision on the private address, from there.
func (w *world) decides(from, path, body string, change func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:8081"+path, strings.NewReader(body))
	r.RemoteAddr = from
	if change != nil {
		change(r)
	}
	rec := httptest.NewRecorder()
	w.private.ServeHTTP(rec, r)
	return rec
}

// telling begins a service that tells the warehouse, with hardly a wait, until the test ends.
func (w *world) telling(warehouse *receiver, keeper outbox.Keeper) {
	w.begin(mender)
	sender, err := outbox.NewHTTPSender(warehouse.URL, &outbox.HTTPConfig{Secrets: []string{
		"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}})
	require.NoError(w.t, err)
	w.shop.told, err = outbox.New(w.log, sender, &outbox.Config{Name: toldName, Source: "shop", Keeper: keeper,
		Waits: []time.Duration{time.Millisecond}})
	require.NoError(w.t, err)
	ctx, stop := context.WithCancel(w.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.shop.tells(ctx, time.Millisecond) }()
	w.t.Cleanup(func() {
		stop()
		assert.NoError(w.t, <-ended)
	})
}

// parked waits until so many orders stay back and nothing else is to be told.
func (w *world) parked(orders int) {
	w.t.Helper()
	require.Eventually(w.t, func() bool {
		lag, err := w.shop.told.Lag(w.t.Context())
		return err == nil && lag.Parked == orders && lag.Records == 0
	}, 10*time.Second, time.Millisecond)
}

// A receiver that was wrong for a night is mended, and told in order what stays back; or a record is left out.
func TestWhatTheReceiverRefusedIsToldOnceItIsMended(t *testing.T) {
	w, warehouse := newWorld(t), newReceiver(t)
	warehouse.status = http.StatusUnprocessableEntity
	w.telling(warehouse, outbox.MemoryKeeper())
	w.authorized()
	require.Equal(t, 201, w.do("POST", "/orders", "pay-2", strings.Replace(placeO1, "o-1", "o-2", 1)).status)
	w.parked(2)

	rec := w.decides(elsewhere, "/told/retry", `{"order":"o-1"}`, bearer(mender))
	assert.Equal(t, http.StatusConflict, rec.Code)
	assert.Contains(t, rec.Body.String(), "the receiver refuses it still")
	assert.NotContains(t, rec.Body.String(), "422", "what it answered is for the service's log")
	assert.Contains(t, w.logged.String(), "422")
	warehouse.answers(http.StatusOK)
	rec = w.decides(elsewhere, "/told/retry", `{"order":"o-1"}`, bearer(mender))
	require.Equal(t, http.StatusOK, rec.Code, rec.Body)
	var said struct{ Parked []stillBack }
	require.NoError(t, json.Unmarshal(rec.Body.Bytes(), &said))
	require.Len(t, said.Parked, 1)
	assert.Equal(t, "o-2", said.Parked[0].Order)
	assert.Equal(t, []string{"com.github.tilltape.order.created.v1 o-1", "com.github.tilltape.payment.pending.v1 o-1",
		"com.github.tilltape.payment.authorized.v1 o-1"}, warehouse.has())

	rec = w.decides(elsewhere, "/told/skip", `{"order":"o-2"}`, bearer(mender))
	require.Equal(t, http.StatusOK, rec.Code, rec.Body)
	assert.JSONEq(t, `{"parked":[]}`, rec.Body.String())
	assert.Equal(t, []string{"com.github.tilltape.payment.pending.v1 o-2"}, warehouse.has()[3:], "but for the first")
	rec = w.decides(elsewhere, "/told/skip", `{"order":"o-2"}`, bearer(mender))
	assert.Equal(t, http.StatusNotFound, rec.Code)
}

// A place that is not in the log, as after a restored backup, holds the telling up until a person says where it goes
// on.
func TestAPersonSaysFromWhereOnTheReceiverIsTold(t *testing.T) {
	w, warehouse, keeper := newWorld(t), newReceiver(t), outbox.MemoryKeeper()
	w.authorized()
	require.NoError(t, keeper.Save(t.Context(), toldName, outbox.State{Revision: 1, Record: "of another past",
		Cursor: store.After(events.Record{Position: 2})}))
	w.telling(warehouse, keeper)
	require.Eventually(t, func() bool { return strings.Contains(w.logged.String(), outbox.ErrElsewhere.Error()) },
		10*time.Second, time.Millisecond)
	assert.Equal(t, 400, w.decides(here, "/told/restart", `{}`, bearer(mender)).Code)
	restart := func(body string, want int) {
		var rec *httptest.ResponseRecorder
		require.Eventually(t, func() bool { // it is tried again now and then, and taken while it is
			rec = w.decides(here, "/told/restart", body, bearer(mender))
			return rec.Code == want
		}, 10*time.Second, time.Millisecond, body)
	}
	restart(`{"after":99}`, http.StatusBadRequest)
	assert.Empty(t, warehouse.has())
	restart(`{"after":2}`, http.StatusOK)
	w.parked(0)
	assert.Equal(t, []string{"com.github.tilltape.payment.authorized.v1 o-1"}, warehouse.has())
}

// Being on the same machine decides nothing, nor does what a browser sends by itself.
func TestWhoMayDecideAboutTheReceiver(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/told/retry", "/told/skip", "/told/restart"} {
		w.begin("")
		assert.Equal(t, 403, w.decides(here, path, "{}", nil).Code)
		assert.Equal(t, 403, w.decides(here, path, "{}", bearer("")).Code)
		w.begin(mender)
		assert.Equal(t, 401, w.decides(here, path, "{}", nil).Code)
		assert.Equal(t, 401, w.decides(here, path, "{}", func(r *http.Request) { r.SetBasicAuth("me", mender) }).Code)
		assert.Equal(t, 404, w.decides(here, path, "{}", bearer(mender)).Code, "nobody is told")
		assert.Equal(t, 404, w.do("POST", path, "", "{}").status, "not where shoppers are")
	}
}
