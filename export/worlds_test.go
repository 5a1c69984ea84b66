package export_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/export"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/jsonform"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
	"github.com/tilltape/tilltape/store/memory"
)

// What a replay, an audit and an import ask of a log.
var (
	_ store.Reader       = (*export.Log)(nil)
	_ store.Checkpointer = (*export.Log)(nil)
	_ store.Framer       = (*export.Log)(nil)
	_ audit.Prover       = (*export.Log)(nil)
	_ export.Source      = (*export.Log)(nil)
	_ export.Source      = (*bolt.Log)(nil)
	_ export.Source      = (*memory.Log)(nil)
)

var noon = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

// log is a sealed log of this module's engines.
type log interface {
	store.Log
	export.Source
	Tree(ctx context.Context) (seal.Checkpoint, error)
}

// engines are logs of every engine, empty, with a signer.
func engines(t *testing.T) map[string]func() log {
	t.Helper()
	key, _, err := seal.GenerateKey(nil, "shop.example/orders")
	require.NoError(t, err)
	signer, err := seal.NewSigner(key)
	require.NoError(t, err)
	return map[string]func() log{
		"memory": func() log {
			l, err := memory.NewSealed(memory.Config{Signer: signer})
			require.NoError(t, err)
			return l
		},
		"bolt": func() log {
			l, err := bolt.Open(filepath.Join(t.TempDir(), "orders.log"), &bolt.Config{Signer: signer})
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, l.Close()) })
			return l
		},
	}
}

func inMemory(t *testing.T) log {
	t.Helper()
	l, err := memory.NewSealed(memory.Config{})
	require.NoError(t, err)
	return l
}

// everyKind appends a record of every kind of fact with everything in it, from the documents of package jsonform, to
// seven orders in turns, an hour after one another; and refusals to two.
func everyKind(t *testing.T, to store.Log) {
	t.Helper()
	files, err := filepath.Glob("../jsonform/testdata/*.json")
	require.NoError(t, err)
	require.Greater(t, len(files), 30)
	versions := map[events.Stream]uint64{}
	for i, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		if strings.HasSuffix(file, "/order.json") {
			continue
		}
		r, _, err := jsonform.DecodeRecord(text)
		require.NoError(t, err, file)
		r.ID, r.Recorded = fmt.Sprintf("r-%d", i), noon.Add(time.Duration(i)*time.Hour)
		r.Keys = []events.Key{events.NewKey(events.KeyPaymentID, fmt.Sprintf("p-%d", i))}
		stream := events.OrderStream(fmt.Sprintf("o-%d", i%7))
		if r.Event.Kind() == events.KindCommandRefused || i%9 == 0 {
			stream = events.RefusalStream(fmt.Sprintf("o-%d", i%2))
		}
		_, err = to.Append(t.Context(), stream, versions[stream], r)
		require.NoError(t, err, file)
		versions[stream]++
	}
}

// sold appends the lives of so many orders, as a service does: each is paid, captured, and refunded in part.
func sold(t *testing.T, to store.Log, orders int) {
	t.Helper()
	till := tilltest.NewTill(t, to)
	for _, id := range till.Many(orders) {
		_, err := till.Orders.Cancel(t.Context(), id, order.Cancel{Reason: "changed, \"their\"\nmind", Actor: "=alice"})
		require.NoError(t, err)
	}
}

// exported is what Write writes.
func exported(t *testing.T, from export.Source, cfg *export.Config) (export.Header, []byte) {
	t.Helper()
	var out bytes.Buffer
	h, err := export.Write(t.Context(), &out, from, cfg)
	require.NoError(t, err)
	return h, out.Bytes()
}

// opened is an export read as a log.
func opened(t *testing.T, text []byte) *export.Log {
	t.Helper()
	l, err := export.New("x.jsonl", bytes.NewReader(text), int64(len(text)))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, l.Close()) })
	return l
}

// all is what a log has after the cursor.
func all(t *testing.T, of store.Reader, from store.Cursor) (records []events.Record) {
	t.Helper()
	for r, err := range of.All(t.Context(), from) {
		require.NoError(t, err)
		records = append(records, r)
	}
	return records
}

// lines are the lines of a text, without their breaks.
func lines(text []byte) []string { return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") }

// joined is the text of lines.
func joined(lines ...string) []byte { return []byte(strings.Join(lines, "\n") + "\n") }
