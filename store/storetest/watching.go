package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

// watching is the contract of [store.Watcher], for logs that are one.
func watching(t *testing.T, f Factory) {
	log := f.open(t)
	watcher, ok := log.(store.Watcher)
	if !ok {
		t.Skip("this log is no store.Watcher")
	}
	mustAppend(t, log, events.OrderStream("before"), 0, records("before", 3)...)
	mustAppend(t, log, events.OrderStream("before"), 0, records("before", 3)...)
	t.Run("everything once and in order", func(t *testing.T) { watchers(t, log, watcher) })
	t.Run("the end of it", func(t *testing.T) { watchersEnd(t, log, watcher) })
}

func watchers(t *testing.T, log store.Log, watcher store.Watcher) {
	const writers, each = 6, 30
	total := uint64(3 + writers*each)
	together(t, "watchers and appends", 2*writers, func(i int) {
		if i >= writers {
			from := store.Start()
			if i%2 == 0 {
				from = store.After(events.Record{Position: 2})
			}
			next := from.Position() + 1
			for r, err := range watcher.Watch(context.Background(), from) {
				if !assert.NoError(t, err) || !assert.Equal(t, next, r.Position, "the next record that a watcher sees") {
					return
				}
				head, err := log.Head(context.Background(), r.Stream)
				assert.NoError(t, err)
				assert.GreaterOrEqual(t, head.Version, r.Version, "a watcher that is told of a record finds it")
				if next++; r.Position == total {
					return
				}
			}
			return
		}
		stream := events.OrderStream(fmt.Sprintf("watched-%d", i))
		for v := range uint64(each) {
			_, err := log.Append(context.Background(), stream, v, record(fmt.Sprintf("watched-%d-%d", i, v), nil))
			assert.NoError(t, err)
		}
	})
}

func watchersEnd(t *testing.T, log store.Log, watcher store.Watcher) {
	all := len(readAll(t, log))
	until := func(ctx context.Context, end func()) (last error) {
		within(t, "a watcher that is told to end", func() {
			n := 0
			for _, err := range watcher.Watch(ctx, store.Start()) {
				if last = err; err != nil {
					continue // it must be the last
				}
				if n++; n == 1 {
					time.AfterFunc(time.Millisecond, end)
				}
			}
		})
		return last
	}
	ctx, cancel := context.WithCancel(context.Background())
	require.ErrorIs(t, until(ctx, cancel), context.Canceled)
	beyond := store.After(events.Record{Position: uint64(all) + 1})
	for _, err := range watcher.Watch(context.Background(), beyond) {
		require.ErrorIs(t, err, store.ErrInvalid, "a place that is not in this log")
	}
	require.ErrorIs(t, until(context.Background(), func() { assert.NoError(t, log.Close()) }), store.ErrClosed)
}
