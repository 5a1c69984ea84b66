package bolt_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store/bolt"
)

// BenchmarkAppendTogether appends four records to each of many new orders, from many goroutines. Compare the numbers of
// one run only; the bench module compares with other stores.
func BenchmarkAppendTogether(b *testing.B) {
	for _, config := range []*bolt.Config{{}, {Unsealed: true}} {
		for _, writers := range []int{1, 8, 64, 512} {
			b.Run(fmt.Sprintf("unsealed=%v/writers=%d", config.Unsealed, writers), func(b *testing.B) {
				log, err := bolt.Open(filepath.Join(b.TempDir(), "orders.log"), config)
				require.NoError(b, err)
				defer log.Close()
				b.ReportAllocs()
				var next atomic.Int64
				var group sync.WaitGroup
				b.ResetTimer()
				for range writers {
					group.Go(func() {
						for n := next.Add(4); n <= int64(b.N)+3; n = next.Add(4) {
							order := events.OrderStream(fmt.Sprintf("0193574e-8f2a-7c11-9d3e-%012d", n))
							for v := range uint64(4) {
								r := record(fmt.Sprintf("0193574e-8f2b-7c11-%d-%012d", v, n))
								if v > 0 {
									r.Keys = nil
								}
								if _, err := log.Append(context.Background(), order, v, r); err != nil {
									b.Error(err)
									return
								}
							}
						}
					})
				}
				group.Wait()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
			})
		}
	}
}
