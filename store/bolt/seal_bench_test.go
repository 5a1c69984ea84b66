package bolt_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
)

// wideRecords is a size whose tree has the widest edge there is with two levels of tiles.
const wideRecords = 1<<17 - 1

// BenchmarkSeal asks a log of 131 071 records what it can prove, and opens it.
func BenchmarkSeal(b *testing.B) {
	key, _, err := seal.GenerateKey(nil, "shop.example")
	require.NoError(b, err)
	path, ctx, config := filepath.Join(b.TempDir(), "orders.log"), context.Background(), &bolt.Config{SignerKey: key}
	log, err := bolt.Open(path, config)
	require.NoError(b, err)
	for have := 0; have < wideRecords; {
		var records []events.Record
		for i := range min(store.AppendMax, wideRecords-have) {
			r := record(fmt.Sprintf("r-%d", have+i))
			r.Keys = nil
			records = append(records, r)
		}
		_, err := log.Append(ctx, events.OrderStream(fmt.Sprintf("o-%d", have)), 0, records...)
		require.NoError(b, err)
		have += len(records)
	}
	b.Run("prove", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			_, err := log.Prove(ctx, uint64(i*7919%wideRecords)+1)
			require.NoError(b, err)
		}
	})
	b.Run("prove consistency", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			_, err := log.ProveConsistency(ctx, uint64(i*7919%wideRecords)+1, wideRecords)
			require.NoError(b, err)
		}
	})
	b.Run("proven", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, records, err := log.Proven(ctx)
			require.NoError(b, err)
			for _, err := range records {
				require.NoError(b, err)
			}
		}
	})
	b.Run("verify", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			require.NoError(b, log.Verify(ctx, nil))
		}
	})
	require.NoError(b, log.Close())
	b.Run("open", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			log, err := bolt.Open(path, &bolt.Config{ReadOnly: true, SignerKey: key})
			require.NoError(b, err)
			require.NoError(b, log.Close())
		}
	})
}
