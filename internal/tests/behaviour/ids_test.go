package behaviour_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/evidence"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
	"github.com/tilltape/tilltape/store/memory"
)

// anyID draws an id that APO would take, with a liking for what files, URLs and keys trip over.
func anyID(t *rapid.T, label string) string {
	part := rapid.OneOf(rapid.SampledFrom([]string{"/", "//", "../", "..", ".", "%2F", "%", ":", "\\", "?", "#", " ", "&",
		"'", "INV/2026/00001", "paymentId:", "0193574e-8f2a-7c11-9d3e-5f0c2a1b4d6e", "é", "🧾"}),
		rapid.StringMatching(`[ -~]{1,12}`))
	id := strings.Join(rapid.SliceOfN(part, 1, 8).Draw(t, label), "")
	for len(id) > events.IDMax || !utf8.ValidString(id) {
		id = id[:len(id)-1]
	}
	return id
}

// sold places an order, has it paid and captures it, all under ids as they come.
func sold(x *tilltest.Till, c order.Create, payment, capture string) {
	x.T.Helper()
	_, err := x.Orders.Create(x.Ctx, c)
	require.NoError(x.T, err)
	x.Observe(tilltest.PaymentNotice(tilltest.Notice{Payment: payment, PaymentRequest: c.PaymentRequestID,
		Minor: tilltest.TheAmount}))
	x.Observe(tilltest.CaptureNotice(tilltest.Notice{Payment: payment, Transfer: capture, Minor: tilltest.ThePart}))
}

// roundTrip demands that each part of the library tells the order by the ids that it was given.
func roundTrip(x *tilltest.Till, log store.Log, c order.Create, payment, capture string) {
	t := x.T
	t.Helper()
	o, err := x.Orders.Get(x.Ctx, c.OrderID)
	require.NoError(t, err)
	assert.Equal(t, []string{c.OrderID, c.PaymentRequestID, payment}, []string{o.ID, o.PaymentRequestID, o.PaymentID})
	assert.Equal(t, []any{order.Captured, tilltest.ThePart}, []any{o.Status, o.Captured})
	for name, value := range map[string]string{events.KeyPaymentRequestID: c.PaymentRequestID,
		events.KeyPaymentID: payment} {
		stream, err := log.Lookup(x.Ctx, events.NewKey(name, value))
		require.NoError(t, err)
		assert.Equal(t, events.OrderStream(c.OrderID), stream)
	}
	var listed []string
	for h, err := range log.Heads(x.Ctx, store.AllOrders()) {
		require.NoError(t, err)
		listed = append(listed, h.Stream.ID)
	}
	assert.Contains(t, listed, c.OrderID)

	b, err := evidence.Of(x.Ctx, x.Orders.Reader, c.OrderID)
	require.NoError(t, err)
	var text bytes.Buffer
	_, err = b.WriteTo(&text)
	require.NoError(t, err)
	var read evidence.Bundle
	require.NoError(t, json.Unmarshal(text.Bytes(), &read))
	assert.Equal(t, []string{c.OrderID, c.PaymentRequestID, payment},
		[]string{read.Order.ID, read.Order.PaymentRequestID, read.Order.PaymentID})
	assert.Contains(t, text.String(), "CAPTURE_RESULT", "with what APO signed")
	replayed, err := audit.Replay(x.Ctx, log, nil)
	require.NoError(t, err)
	again, known := replayed.Order(c.OrderID)
	require.True(t, known)
	assert.Equal(t, o.Version, again.Version)
}

// Whatever APO takes as an id goes through log, index, replay and bundle unchanged, and makes no file.
func TestAnyIDGoesRoundTrip(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "orders.tilltape")
	file, err := bolt.Open(path, nil)
	require.NoError(t, err)
	taken := map[string]bool{}
	made := map[string][2]string{} // order → payment, capture
	rapid.Check(t, func(rt *rapid.T) {
		c := tilltest.Placing(order.CaptureManual)
		c.OrderID, c.PaymentRequestID = anyID(rt, "order"), anyID(rt, "payment request")
		payment, capture := anyID(rt, "payment"), anyID(rt, "capture")
		c.CommandID, c.Actor = anyID(rt, "command"), anyID(rt, "actor")
		for _, id := range []string{"o" + c.OrderID, "r" + c.PaymentRequestID, "p" + payment, "c" + c.CommandID} {
			if taken[id] {
				rt.Skip("an earlier order has it")
			}
			taken[id] = true
		}
		for _, log := range []store.Log{memory.New(), file} {
			x := tilltest.NewTill(t, log)
			x.Config.NewID = nil // which gives no id twice in one log, as the till's own would
			x.Open(x.Bank)
			sold(x, c, payment, capture)
			roundTrip(x, log, c, payment, capture)
		}
		made[c.OrderID] = [2]string{payment, capture}
	})
	require.NoError(t, file.Close())

	file, err = bolt.Open(path, nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, file.Close()) }()
	x := tilltest.NewTill(t, file)
	for id, ids := range made {
		o, err := x.Orders.Get(x.Ctx, id)
		require.NoError(t, err)
		assert.Equal(t, ids[0], o.PaymentID, "after the log was opened again")
	}
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, entries, 1, "no id became the name of a file")
	replayed, err := audit.Replay(t.Context(), file, nil)
	require.NoError(t, err)
	assert.Equal(t, len(made), replayed.Len())
}

// The invoice that was refused: all that APO documents is 64 characters.
func TestAnInvoiceNumberIsAnID(t *testing.T) {
	tilltest.Stores(t, func(t *testing.T, log store.Log) {
		x := tilltest.NewTill(t, log)
		c := tilltest.Placing(order.CaptureManual)
		c.OrderID, c.PaymentRequestID = "../../2026/00001", "INV/2026/00001"
		sold(x, c, "2026/1", "cap/1")
		roundTrip(x, log, c, "2026/1", "cap/1")
		result, err := x.Orders.Refund(x.Ctx, c.OrderID, order.Refund{CommandID: "click/1", Actor: "till/7",
			Amount: tilltest.USD(1)})
		require.NotErrorIs(t, err, order.ErrInvalid)
		assert.Equal(t, "click/1", result.CommandID)
	})
}
