package main

import (
	"context"
	"iter"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/problem"
	"github.com/tilltape/tilltape/service"
	"github.com/tilltape/tilltape/store"
)

func TestAnOrderFromItsPlacingToItsRefund(t *testing.T) {
	w := newWorld(t)
	w.authorized()
	again := w.do("POST", "/orders", "pay-1", placeO1)
	assert.Equal(t, http.StatusCreated, again.status, "the same order again changes nothing")
	assert.Equal(t, "/orders/o-1", again.header.Get("Location"))

	captured := w.do("POST", "/orders/o-1/capture", "capture-1", `{"amount":"USD 10.00","actor":"warehouse"}`)
	require.Equal(t, http.StatusOK, captured.status, captured.body)
	assert.Equal(t, orderView{Order: "o-1", Status: "captured", Words: "captured", Amount: "USD 10.00",
		Captured: "USD 10.00", Refunded: "USD 0.00"},
		captured.order(t))

	before := w.apo.Count()
	refused := w.do("POST", "/orders/o-1/cancel", "cancel-1", `{"reason":"changed their mind","actor":"alice"}`)
	assert.Equal(t, http.StatusConflict, refused.status)
	p := refused.problem(t)
	assert.Equal(t, "captured", p.Reason)
	assert.Equal(t, "refund instead", p.Remedy)
	assert.Contains(t, p.Detail, "order o-1: cancel rejected: captured 2026-11-23 by capture")
	assert.Equal(t, before, w.apo.Count(), "APO was not called")

	const refund = `{"amount":"USD 4.00","reason":"one item sent back","actor":"alice"}`
	accepted := w.do("POST", "/orders/o-1/refund", "refund-1", refund)
	assert.Equal(t, http.StatusAccepted, accepted.status)
	assert.Equal(t, "refunding", accepted.order(t).Words)
	assert.NotEmpty(t, accepted.header.Get("Retry-After"))

	require.Positive(t, w.apo.Deliver(t.Context()))
	done := w.do("POST", "/orders/o-1/refund", "refund-1", refund)
	assert.Equal(t, http.StatusOK, done.status, done.body)
	assert.Equal(t, "USD 4.00", done.order(t).Refunded)
	assert.Equal(t, int64(400), w.apo.Totals("pay-1").Refunded, "once")
	for _, n := range w.apo.Notifications() {
		assert.True(t, n.Acknowledged, n.Type)
	}
}

func TestTheOrderTellsWhatItTakesAndHowItCameAbout(t *testing.T) {
	w := newWorld(t)
	w.authorized()
	w.do("POST", "/orders/o-1/capture", "capture-1", `{"amount":"USD 6.00","actor":"warehouse"}`)
	seen := w.do("GET", "/orders/o-1", "", "")
	v := seen.order(t)
	require.Len(t, v.Actions, 3)
	assert.Equal(t, "cancel", v.Actions[0].Command)
	assert.False(t, v.Actions[0].Legal)
	assert.Equal(t, "refund instead; what is still held ends with the authorization", v.Actions[0].Remedy)
	assert.Contains(t, v.Actions[0].Why, "captured 2026-11-23")
	assert.Equal(t, actionView{Command: "refund", Legal: true, Max: "USD 6.00"}, v.Actions[2])

	var facts []string
	for i, f := range v.History {
		assert.Equal(t, uint64(i+1), f.Version)
		facts = append(facts, f.Fact+" by "+f.By)
	}
	assert.Equal(t, []string{"order.created.v1 by shop", "payment.pending.v1 by checkout",
		"payment.authorized.v1 by checkout", "capture.requested.v1 by warehouse", "capture.succeeded.v1 by checkout"}, facts)
	assert.NotContains(t, strings.ToLower(seen.body), "signature", "evidence stays in the log")
}

// between is a log in which something happens each time that somebody has read an order.
type between struct {
	store.Log
	reads   int
	happens func()
}

func (b *between) Read(ctx context.Context, s events.Stream, after uint64) iter.Seq2[events.Record, error] {
	return func(yield func(events.Record, error) bool) {
		b.Log.Read(ctx, s, after)(yield)
		if b.reads++; b.happens != nil {
			happens := b.happens
			b.happens = nil
			happens()
		}
	}
}

// What an order is, what it takes and how it came about are told of one moment, whatever happens meanwhile.
func TestAnOrderIsShownAtOneMoment(t *testing.T) {
	w := newWorld(t)
	log := &between{Log: w.log}
	w.shop.log.Log = log
	require.Equal(t, http.StatusCreated, w.do("POST", "/orders", "pay-1", placeO1).status)
	require.NoError(t, w.apo.Submit("pay-1"))
	log.happens = func() { require.Equal(t, 1, w.apo.Deliver(t.Context())) }
	v := w.do("GET", "/orders/o-1", "", "").order(t)
	assert.Equal(t, "created", v.Status)
	assert.Len(t, v.History, 2, "placed, and the pay call's answer")
	assert.False(t, v.Actions[1].Legal, "nothing can be captured yet: %+v", v.Actions)
	v = w.do("GET", "/orders/o-1", "", "").order(t)
	assert.Equal(t, "authorized", v.Status)
	assert.Len(t, v.History, 3)
}

func TestATimeoutIsToldAsUnresolvedAndSettled(t *testing.T) {
	w := newWorld(t)
	w.authorized()
	require.NoError(t, w.apo.Script(apotest.Fault{Op: apotest.OpCancel, From: 1, Do: apotest.Cut, After: true}))
	open := w.do("POST", "/orders/o-1/cancel", "cancel-1", `{"reason":"changed their mind"}`)
	assert.Equal(t, http.StatusAccepted, open.status, open.body)
	p := open.problem(t)
	assert.Equal(t, problem.TypeBase+"unknown", p.Type)
	assert.Equal(t, "cancel-1", p.CommandID)
	assert.True(t, p.AskAgain.After(w.clock.Now()))
	assert.Equal(t, "cancelling", w.do("GET", "/orders/o-1", "", "").order(t).Words)

	other := w.do("POST", "/orders/o-1/cancel", "cancel-2", `{"reason":"changed their mind"}`)
	assert.Equal(t, http.StatusConflict, other.status, "under another key it waits for the first")

	w.clock.Set(p.AskAgain)
	_, err := w.shop.Orders.SettleDue(t.Context())
	require.NoError(t, err)
	again := w.do("POST", "/orders/o-1/cancel", "cancel-1", `{"reason":"changed their mind"}`)
	assert.Equal(t, http.StatusOK, again.status, again.body)
	assert.Equal(t, "cancelled", again.order(t).Status)
}

func TestWhatAPORefusesIsABadGateway(t *testing.T) {
	w := newWorld(t)
	w.authorized()
	require.NoError(t, w.apo.Script(apotest.Fault{Op: apotest.OpCapture, From: 1, Do: apotest.Refuse,
		Code: "CAPTURE_AMOUNT_EXCEED_AUTH_LIMIT"}))
	failed := w.do("POST", "/orders/o-1/capture", "capture-1", `{"amount":"USD 10.00"}`)
	assert.Equal(t, http.StatusBadGateway, failed.status, failed.body)
	assert.Equal(t, "CAPTURE_AMOUNT_EXCEED_AUTH_LIMIT", failed.problem(t).Code)
	again := w.do("POST", "/orders/o-1/capture", "capture-1", `{"amount":"USD 10.00"}`)
	assert.Equal(t, failed.body, again.body, "its key is closed")
	other := w.do("POST", "/orders/o-1/capture", "capture-2", `{"amount":"USD 10.00"}`)
	assert.Equal(t, http.StatusOK, other.status, other.body)
}

func TestWhatNobodyCanDoIsRefusedWithARemedy(t *testing.T) {
	w := newWorld(t)
	w.authorized()
	w.do("POST", "/orders/o-1/capture", "capture-1", `{"amount":"USD 1.00"}`)
	calls := w.apo.Count()
	for name, c := range map[string]struct {
		path, key, body string
		status          int
		says            string
	}{
		"no key":  {"/orders/o-1/refund", "", `{"amount":"USD 1.00"}`, http.StatusBadRequest, "Idempotency-Key"},
		"no json": {"/orders/o-1/cancel", "k", `{`, http.StatusBadRequest, "ends before its JSON does"},
		"unknown field": {"/orders/o-1/cancel", "k", `{"amount":"USD 1.00"}`, http.StatusBadRequest,
			`a field that nobody reads: "amount"`},
		"a number": {"/orders/o-1/refund", "k", `{"amount":12}`, http.StatusBadRequest,
			`a number for "amount", where a string belongs`},
		"guessed cents": {"/orders/o-1/refund", "k", `{"amount":"USD 1"}`, http.StatusBadRequest, "write it like"},
		"too large": {"/orders/o-1/cancel", "k", `{"reason":"` + strings.Repeat("x", service.DefaultBodyMax) + `"}`,
			http.StatusRequestEntityTooLarge, "longer than"},
		"long key":      {"/orders/o-1/cancel", strings.Repeat("k", 65), `{}`, http.StatusBadRequest, "64"},
		"no such order": {"/orders/o-2/cancel", "k", `{}`, http.StatusNotFound, "no such order"},
		"other content": {"/orders/o-1/capture", "capture-1", `{"amount":"USD 2.00"}`, http.StatusUnprocessableEntity,
			"capture-1"},
		"too much":     {"/orders/o-1/refund", "k", `{"amount":"USD 2.00"}`, http.StatusConflict, "remain"},
		"order exists": {"/orders", "pay-2", placeO1, http.StatusConflict, "other content"},
		"other amount": {"/orders", "pay-1", strings.Replace(placeO1, "10.00", "11.00", 1),
			http.StatusUnprocessableEntity, "pay-1"},
		"payment taken": {"/orders", "pay-1", strings.Replace(placeO1, "o-1", "o-9", 1), http.StatusUnprocessableEntity,
			"pay-1"},
		"no captureMode": {"/orders", "pay-2", strings.Replace(placeO1, `"captureMode":"manual",`, ``, 1),
			http.StatusBadRequest, "captureMode is missing"},
		"other captureMode": {"/orders", "pay-2", strings.Replace(placeO1, `"manual"`, `""`, 1), http.StatusBadRequest,
			"use one of: none, automatic, manual"},
		"no order id": {"/orders", "pay-2", strings.Replace(placeO1, `"o-1"`, `""`, 1), http.StatusBadRequest, "order"},
	} {
		t.Run(name, func(t *testing.T) {
			a := w.do("POST", c.path, c.key, c.body)
			assert.Equal(t, c.status, a.status, a.body)
			assert.Contains(t, a.problem(t).Detail, c.says)
		})
	}
	assert.Equal(t, calls, w.apo.Count(), "none of them reached APO")
	assert.Equal(t, http.StatusNotFound, w.do("GET", "/orders/o-2", "", "").status)
}

func TestWhatIsOursAloneIsLoggedAndNotTold(t *testing.T) {
	w := newWorld(t)
	w.authorized()
	require.NoError(t, w.log.Close())
	a := w.do("POST", "/orders/o-1/cancel", "cancel-1", `{}`)
	assert.Equal(t, http.StatusServiceUnavailable, a.status)
	assert.NotContains(t, a.body, "closed", "what the log says is ours")
	assert.Contains(t, w.logged.String(), "request failed")

	require.NoError(t, w.shop.Orders.Close())
	a = w.do("POST", "/orders/o-1/cancel", "cancel-1", `{}`)
	assert.Equal(t, http.StatusServiceUnavailable, a.status)
	assert.Equal(t, "1", a.header.Get("Retry-After"))
}
