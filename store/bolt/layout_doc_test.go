package bolt_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store/bolt"
)

// layoutDoc specifies the file for those who read it without this library.
const layoutDoc = "../../docs/reference/log-format-bbolt.md"

// TestLayoutDocument makes the file that the document's example describes and compares every key and value. Frames are
// shown by their place only: their bytes are specified elsewhere.
func TestLayoutDocument(t *testing.T) {
	path := filepath.Join(t.TempDir(), "orders.log")
	log, err := bolt.Open(path, nil)
	require.NoError(t, err)
	ctx := context.Background()
	order := record("r-1")
	order.Keys = []events.Key{"paymentId:p-1"}
	order.Head = events.Head{Status: "paid", StatusSince: noon, OperationSince: noon.Add(-2 * time.Second),
		ParkedSince: noon.Add(-time.Second), Due: noon.Add(time.Second)}
	later := record("r-3")
	later.Keys, later.Head = nil, order.Head
	refusal := record("r-2")
	refusal.Keys = nil
	for _, a := range []struct {
		stream events.Stream
		after  uint64
		record events.Record
	}{{events.OrderStream("o-1"), 0, order}, {events.RefusalStream("o-1"), 0, refusal},
		{events.OrderStream("o-1"), 1, later}} {
		_, err := log.Append(ctx, a.stream, a.after, a.record)
		require.NoError(t, err)
	}
	require.NoError(t, log.Close())

	document, err := os.ReadFile(layoutDoc)
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(document), "```dump\n")
	require.True(t, found, "the document has an example")
	example, _, _ := strings.Cut(rest, "```")
	assert.Equal(t, dump(t, path), example, "the example in the document is what stands in a file")
}

// dump is every entry of the file, a line each: bucket, key, value.
func dump(t *testing.T, path string) string {
	t.Helper()
	db, err := bbolt.Open(path, 0, &bbolt.Options{ReadOnly: true, Timeout: time.Second})
	require.NoError(t, err)
	defer db.Close()
	var text strings.Builder
	require.NoError(t, db.View(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(name []byte, bucket *bbolt.Bucket) error {
			return bucket.ForEach(func(key, value []byte) error {
				shown := fmt.Sprintf("%x", value)
				switch {
				case string(name) == "log":
					size, err := events.FrameSize(value)
					require.NoError(t, err)
					shown = fmt.Sprintf("(frame) %x", value[size:])
				case string(key) == "origin", string(key) == "sum":
					shown = "(random)"
				case len(value) == 0:
					shown = "(empty)"
				}
				fmt.Fprintf(&text, "%-9s %x %s\n", name, key, shown)
				return nil
			})
		})
	}))
	return text.String()
}
