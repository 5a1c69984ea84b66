package main

import (
	"cmp"
	"fmt"
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
	"github.com/tilltape/tilltape/store"
)

// told is an answer that somebody got, and when: moments are counted, so that no clock is needed.
type told struct {
	order, path, key, sent, body string
	header                       http.Header
	status                       int
	asked, answered              int
}

// truth is all that was answered, to be held against the log when it is over.
type truth struct {
	mu     sync.Mutex
	moment int
	told   []told
}

// now is a moment of its own.
func (x *truth) now() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.moment++
	return x.moment
}

func (x *truth) keep(a told) {
	if a.status == 0 {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.told = append(x.told, a)
}

// past is an order as each of its records left it, and these.
type past struct {
	states  []order.Order
	records []events.Record
}

func (p past) last() *order.Order { return &p.states[len(p.states)-1] }

// pastOf folds an order's stream.
func pastOf(t *testing.T, log store.Log, id string) (p past) {
	t.Helper()
	var o order.Order
	for r, err := range log.Read(t.Context(), events.OrderStream(id), 0) {
		require.NoError(t, err)
		o = order.Evolve(o, r)
		p.states, p.records = append(p.states, o), append(p.records, r)
	}
	require.NotEmpty(t, p.states, id)
	return p
}

// request is the id by which APO knows what a command asked for; empty where there is none.
func (p past) request(commandID string) string {
	for _, r := range p.records {
		if r.CommandID != commandID {
			continue
		}
		switch e := r.Event.(type) {
		case events.CaptureRequested:
			return e.CaptureRequestID
		case events.RefundRequested:
			return e.RefundRequestID
		}
	}
	return ""
}

// attempts is how many calls to APO are on record for a command.
func (p past) attempts(commandID string) (n int) {
	for _, r := range p.records {
		if r.CommandID != commandID {
			continue
		}
		switch r.Event.(type) {
		case events.CancelRequested, events.CaptureRequested, events.RefundRequested, events.AttemptStarted:
			n++
		}
	}
	return n
}

// agrees holds the log against the gateway's ledger and calls, and every answer against the log.
func (c *crowd) agrees(log store.Log) {
	t := c.t
	var ledger []apotest.Entry
	reads(t, c.gateway+apotest.ControlPath+"ledger", &ledger)
	moved := map[string][]string{}
	for _, e := range ledger {
		moved[e.PaymentRequestID] = append(moved[e.PaymentRequestID], strings.TrimSpace(fmt.Sprintf("%s %d %s", e.Kind,
			e.Amount.Minor, e.RequestID)))
	}
	pasts := map[string]past{}
	for _, want := range c.orders {
		p := pastOf(t, log, want.id)
		pasts[want.id] = p
		o := p.last()
		assert.Empty(t, o.Operations(), want.id)
		assert.Empty(t, o.Head().Attention(), want.id)
		c.movedOnce(want, p, moved["pay-"+want.id])
		delete(moved, "pay-"+want.id)
	}
	assert.Empty(t, moved, "nothing else has moved")
	c.calledOnce(pasts)
	statuses := map[int]int{}
	slices.SortFunc(c.truth.told, func(a, b told) int { return a.answered - b.answered })
	held := map[string][]holding{}
	for _, a := range c.truth.told {
		statuses[a.status]++
		version, lie := c.judge(&a, pasts[a.order], held[a.order])
		assert.Empty(t, lie, "%+v", a)
		held[a.order] = append(held[a.order], holding{a, version})
	}
	t.Logf("%d orders; answers by status: %v", len(c.orders), statuses)
}

// movedOnce holds what an order says against what the gateway's ledger has of it: each movement once.
func (c *crowd) movedOnce(want planned, p past, ledger []string) {
	o := p.last()
	held, taken, back := "authorized 1000", "captured 1000 "+p.request("capture-"+want.id), "refunded 400 "+
		p.request("refund-"+want.id)
	is := []struct {
		status             order.Status
		captured, refunded int64
		ledger             []string
	}{
		{order.Cancelled, 0, 0, nil},
		{order.Captured, 1000, 0, []string{held, taken}},
		{order.Refunded, 1000, 400, []string{held, taken, back}},
		{order.Cancelled, 0, 0, []string{held, "voided 1000"}},
	}[want.plan]
	assert.Equal(c.t, is.status, o.Status, want.id)
	assert.Equal(c.t, is.captured, o.Captured, want.id)
	assert.Equal(c.t, is.refunded, o.Refunded, want.id)
	assert.Equal(c.t, is.ledger, ledger, want.id)
}

// calledOnce holds the calls that the gateway got against the log: no command was sent that is not on record, none more
// often than attempts of it are on record, and what is sent again is what was sent before.
func (c *crowd) calledOnce(pasts map[string]past) {
	t := c.t
	var calls []struct {
		Op                                     apotest.Op
		PaymentID, PaymentRequestID, RequestID string
		Body                                   string
		Refused                                bool
	}
	reads(t, c.gateway+apotest.ControlPath+"calls", &calls)
	orders, commands := map[string]string{}, map[string]string{}
	for id, p := range pasts {
		orders[p.last().PaymentID] = id
		for _, verb := range []string{"capture", "refund"} {
			if request := p.request(verb + "-" + id); request != "" {
				commands[request] = verb + "-" + id
			}
		}
	}
	sent, bodies := map[string]int{}, map[string]string{}
	for _, call := range calls {
		assert.False(t, call.Refused, "%+v", call)
		id := cmp.Or(strings.TrimPrefix(call.PaymentRequestID, "pay-"), orders[call.PaymentID])
		var command string
		switch call.Op {
		case apotest.OpInquirePayment, apotest.OpInquireRefund:
			continue
		case apotest.OpPay:
			command = "pay-" + id
		case apotest.OpCancel:
			command = "cancel-" + id
		default:
			command = commands[call.RequestID]
		}
		sent[command]++
		before, again := bodies[command]
		assert.True(t, !again || before == call.Body, "another call: %s, and before %s", call.Body, before)
		bodies[command] = call.Body
		require.Contains(t, pasts, id, "%+v", call)
		if call.Op != apotest.OpPay {
			assert.LessOrEqual(t, sent[command], pasts[id].attempts(command), "an attempt that is not on record: %+v", call)
		}
	}
	again := 0
	for _, n := range sent {
		again += n - 1
	}
	t.Logf("%d calls, %d of them again", len(calls), again)
}
