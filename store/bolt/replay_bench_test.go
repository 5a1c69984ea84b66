package bolt_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
)

// BenchmarkReadLog reads a log in its own order, as a replay does: commits of 64 records each, some 300 bytes a record.
func BenchmarkReadLog(b *testing.B) {
	const commits, each = 300, 64
	log, err := bolt.Open(filepath.Join(b.TempDir(), "orders.log"), nil)
	require.NoError(b, err)
	defer log.Close()
	for n := range commits {
		records := make([]events.Record, each)
		for i := range records {
			records[i] = record(fmt.Sprintf("0193574e-8f2b-7c11-%d-%012d", i, n))
			evidence := &events.Evidence{Body: make([]byte, 150)}
			records[i].Event = events.PaymentPending{PaymentID: "p-1", Proof: events.Proof{Evidence: evidence}}
		}
		_, err := log.Append(context.Background(), events.OrderStream(fmt.Sprintf("o-%d", n)), 0, records...)
		require.NoError(b, err)
	}
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for _, err := range log.All(context.Background(), store.Start()) {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		require.Equal(b, commits*each, n)
	}
	b.ReportMetric(float64(commits*each)*float64(b.N)/b.Elapsed().Seconds(), "records/s")
}
