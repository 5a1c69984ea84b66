package audit_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/export"
	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
)

// verifiedBytesAnOrder is the promise, whatever the levels and whatever the log is kept in. It is what another order
// costs: the difference between a log and one of four times the orders, so that fixed buffers do not count.
const verifiedBytesAnOrder = 396

// verifiedFixedBytes bounds what does not grow: warm orders (512 as they are, a quarter of a megabyte and what they
// point to), three batches of records that are read ahead with their messages, the tables' first shards, the pages of
// the file's reader.
const verifiedFixedBytes = 6 << 20

// verifiedOrders is the smaller of two logs. Each tells of its progress at its last record.
func verifiedOrders() int { return long.Walk(20_000, 3_000) }

const timesTheOrders = 4

// peakOf is the most that is alive while a log is verified, beside what was before; and the orders.
func peakOf(t *testing.T, log store.Reader, cfg audit.VerifyConfig) (bytes float64, orders int) {
	t.Helper()
	before, peak := heap(), 0.0
	cfg.Progress = func(uint64) { peak = max(peak, heap()) }
	r, err := audit.Verify(context.Background(), log, &cfg)
	require.NoError(t, err)
	require.Empty(t, r.Findings)
	require.Positive(t, peak)
	return peak - before, r.Orders
}

func TestVerify_MemoryOfAnOrder(t *testing.T) {
	small, large := &ledger{orders: verifiedOrders()}, &ledger{orders: timesTheOrders * verifiedOrders()}
	assertMemory(t, small, large, audit.VerifyConfig{SkipIndexes: true})
	if !long.Walks() {
		return
	}
	assertMemory(t, small, large, audit.VerifyConfig{SkipIndexes: true, Levels: []audit.Level{audit.LevelLegality}})
	inBolt(t, small, func(few *bolt.Log) { // with heads and indexes, and held against its seal
		inBolt(t, large, func(many *bolt.Log) {
			assertMemory(t, few, many, audit.VerifyConfig{})
			t.Run("of an export", func(t *testing.T) { // in the memory of its log
				assertMemory(t, inExport(t, few), inExport(t, many), audit.VerifyConfig{SkipIndexes: true})
			})
		})
	})
}

// inExport is an export of the log, which is written in next to no memory.
func inExport(t *testing.T, log *bolt.Log) *export.Log {
	t.Helper()
	path := filepath.Join(t.TempDir(), "orders.jsonl")
	file, err := os.Create(path)
	require.NoError(t, err)
	before, w := heap(), &peaking{Writer: file}
	_, err = export.Write(context.Background(), w, log, nil)
	require.NoError(t, err)
	require.NoError(t, file.Close())
	assert.Less(t, w.peak-before, float64(verifiedFixedBytes))
	opened, err := export.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, opened.Close()) })
	return opened
}

// assertMemory holds what another order costs, and what is fixed, against the promise.
func assertMemory(t *testing.T, small, large store.Reader, cfg audit.VerifyConfig) {
	t.Helper()
	few, fewOrders := peakOf(t, small, cfg)
	many, manyOrders := peakOf(t, large, cfg)
	require.Equal(t, timesTheOrders*fewOrders, manyOrders)
	each := (many - few) / float64(manyOrders-fewOrders)
	fixed := few - each*float64(fewOrders)
	t.Logf("%.0f B an order, and %.0f KiB whatever the log", each, fixed/1024)
	assert.Less(t, each, float64(verifiedBytesAnOrder))
	assert.Less(t, fixed, float64(verifiedFixedBytes))
}

// inBolt has a ledger in a file, for reading.
func inBolt(t *testing.T, l *ledger, use func(*bolt.Log)) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "log")
	log, err := bolt.Open(path, nil)
	require.NoError(t, err)
	l.inStore(t, log)
	require.NoError(t, log.Close())
	log, err = bolt.Open(path, &bolt.Config{ReadOnly: true})
	require.NoError(t, err)
	use(log)
	require.NoError(t, log.Close())
}

// peaking looks at what is alive now and then.
type peaking struct {
	io.Writer
	n, peak float64
}

func (p *peaking) Write(b []byte) (int, error) {
	const every = 8 << 20
	if p.n += float64(len(b)); p.n > every {
		p.n, p.peak = 0, max(p.peak, heap())
	}
	return p.Writer.Write(b)
}
