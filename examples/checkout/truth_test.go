package main

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/problem"
	"github.com/tilltape/tilltape/store/bolt"
)

// told is an answer that somebody got.
type told struct {
	order, path, key, body, location string
	status                           int
}

// truth is all that was answered, to be held against the log when it is over.
type truth struct {
	mu   sync.Mutex
	told []told
}

func (x *truth) keep(a told) {
	if a.status == 0 {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.told = append(x.told, a)
}

// past is an order as each of its records left it.
type past []order.Order

func (p past) last() *order.Order { return &p[len(p)-1] }

// pastOf folds an order's stream.
func pastOf(t *testing.T, log *bolt.Log, id string) (p past) {
	t.Helper()
	var o order.Order
	for r, err := range log.Read(t.Context(), events.OrderStream(id), 0) {
		require.NoError(t, err)
		o = order.Evolve(o, r)
		p = append(p, o)
	}
	require.NotEmpty(t, p, id)
	return p
}

// agrees holds the log against the gateway's ledger, and every answer against the log.
func (k *killing) agrees(ids []string) {
	t := k.t
	log, err := bolt.Open(k.file(), &bolt.Config{ReadOnly: true})
	require.NoError(t, err)
	defer log.Close()
	var totals map[string]apotest.Totals
	reads(t, k.gateway+apotest.ControlPath+"totals", &totals)
	pasts := map[string]past{}
	for i, id := range ids {
		p := pastOf(t, log, id)
		pasts[id] = p
		o, moved := p.last(), totals["pay-"+id]
		assert.Equal(t, o.Captured, moved.Captured, id)
		assert.Equal(t, o.Refunded, moved.Refunded, id)
		assert.Empty(t, o.Operations(), id)
		assert.Empty(t, o.Head().Attention(), id)
		want := [killShoppers]struct {
			status             order.Status
			captured, refunded int64
		}{{order.Cancelled, 0, 0}, {order.Captured, 1000, 0}, {order.Refunded, 1000, 400}}[i%killShoppers]
		assert.Equal(t, want.status, o.Status, id)
		assert.Equal(t, want.captured, moved.Captured, id)
		assert.Equal(t, want.refunded, moved.Refunded, id)
	}
	for id := range totals {
		assert.Contains(t, pasts, strings.TrimPrefix(id, "pay-"), "nothing else has moved")
	}
	statuses, first := map[int]int{}, map[string]string{}
	for _, a := range k.truth.told {
		statuses[a.status]++
		untrue(t, a, pasts[a.order], first)
	}
	t.Logf("%d orders; answers by status: %v", len(ids), statuses)
}

// untrue fails where an answer says what the log does not. The first success under a key is kept, for the next ones to
// be the same.
func untrue(t *testing.T, a told, p past, first map[string]string) {
	t.Helper()
	state := p.last().Command(a.key)
	switch a.status {
	case http.StatusOK:
		assert.Equal(t, order.OutcomeSucceeded, state.Outcome, "%+v", a)
		assert.True(t, seen(t, a.body, p, func(o *order.Order) bool {
			return o.Command(a.key).Outcome == order.OutcomeSucceeded
		}), "%+v", a)
		if before, is := first[a.key]; is {
			assert.Equal(t, before, a.body, a.key)
		}
		first[a.key] = a.body
	case http.StatusCreated:
		assert.Equal(t, "/orders/"+a.order, a.location)
		assert.True(t, seen(t, a.body, p, func(*order.Order) bool { return true }), "%+v", a)
	case http.StatusAccepted:
		assert.Equal(t, "/orders/"+a.order, a.location)
		assert.NotEqual(t, order.OutcomeUnknown, state.Outcome, "it said that it is on record: %+v", a)
	case http.StatusConflict:
		var said problem.Problem
		require.NoError(t, json.Unmarshal([]byte(a.body), &said))
		assert.NotEmpty(t, said.Remedy)
		if strings.HasPrefix(a.key, "late-") {
			assert.Equal(t, order.OutcomeUnknown, state.Outcome, "nothing was done: %+v", a)
			assert.Equal(t, "captured", said.Reason)
			assert.Positive(t, p.last().Captured)
		}
	case http.StatusServiceUnavailable: // which says nothing
	default:
		assert.Fail(t, "not an answer to this", "%+v", a)
	}
}

// seen tells whether the order once was what an answer says, when what has to hold did.
func seen(t *testing.T, body string, p past, holds func(*order.Order) bool) bool {
	t.Helper()
	var v orderView
	require.NoError(t, json.Unmarshal([]byte(body), &v), body)
	v.PayURL = ""
	return slices.ContainsFunc(p, func(o order.Order) bool {
		return holds(&o) && assert.ObjectsAreEqual(viewOf(&o), v)
	})
}
