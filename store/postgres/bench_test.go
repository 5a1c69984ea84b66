package postgres_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store/postgres"
)

// BenchmarkAppend appends one record at a time, by one goroutine and by 64.
func BenchmarkAppend(b *testing.B) {
	for _, writers := range []int{1, 64} {
		b.Run(fmt.Sprintf("%d writers", writers), func(b *testing.B) {
			log := newLog(b, postgres.Config{})
			var n atomic.Int64
			b.SetParallelism(max(1, writers/2))
			b.ReportAllocs()
			one := func() {
				id := fmt.Sprintf("o-%d", n.Add(1))
				_, err := log.Append(context.Background(), events.OrderStream(id), 0, record(id))
				require.NoError(b, err)
			}
			if writers == 1 {
				for b.Loop() {
					one()
				}
				return
			}
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					one()
				}
			})
		})
	}
}
