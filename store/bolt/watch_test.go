package bolt_test

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/logfile"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
)

// onlyFrame is the frame that is alone in a chunk.
func onlyFrame(t *testing.T, chunk []byte) []byte {
	t.Helper()
	size, err := events.FrameSize(chunk)
	require.NoError(t, err)
	frame := bytes.Clone(chunk[:size])
	require.Equal(t, bolt.Chunk(frame), chunk)
	return frame
}

// TestWatchSeesEverythingOnce: many watchers from many places, while many append. Each sees every record after its
// place, in order, and each record is already there for all that read.
func TestWatchSeesEverythingOnce(t *testing.T) {
	log := openLog(t, filepath.Join(t.TempDir(), "orders.log"), bolt.SmallGenerations(40))
	grow(t, log, "before", 20)
	const writers, each = 8, 25
	total := uint64(20 + writers*each)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var group sync.WaitGroup
	for i := range 6 {
		from := store.Start()
		if i > 0 {
			from = store.After(events.Record{Position: uint64(i * 4)})
		}
		group.Go(func() {
			next := from.Position() + 1
			for r, err := range log.Watch(ctx, from) {
				require.NoError(t, err)
				require.Equal(t, next, r.Position)
				head, err := log.Head(ctx, r.Stream)
				assert.NoError(t, err)
				assert.GreaterOrEqual(t, head.Version, r.Version, "a watcher that is told of a record finds it")
				if next++; r.Position == total {
					return
				}
			}
		})
	}
	for w := range writers {
		group.Go(func() { grow(t, log, fmt.Sprint("w", w), each) })
	}
	group.Wait()
}

func TestWatchEnds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "orders.log")
	log, err := bolt.Open(path, nil)
	require.NoError(t, err)
	grow(t, log, "o", 2)
	end := func(ctx context.Context, before func()) error {
		var last error
		n := 0
		for _, err := range log.Watch(ctx, store.Start()) {
			if last = err; err != nil {
				continue // the sequence must end by itself now
			}
			if n++; n == 2 {
				go before()
			}
		}
		assert.Equal(t, 2, n)
		return last
	}
	ctx, cancel := context.WithCancel(context.Background())
	require.ErrorIs(t, end(ctx, func() { time.Sleep(5 * time.Millisecond); cancel() }), context.Canceled)
	closed := make(chan error, 1)
	require.ErrorIs(t, end(context.Background(), func() { time.Sleep(5 * time.Millisecond); closed <- log.Close() }),
		store.ErrClosed)
	require.NoError(t, <-closed)
	log = openLog(t, path, nil)
	for _, err := range log.Watch(context.Background(), store.After(events.Record{Position: 9})) {
		require.ErrorIs(t, err, store.ErrInvalid, "a place beyond the end is another log's")
	}
}

// TestRecoveryIsTheSameLog: a log that was killed shows the same as one that was closed, whatever of it had reached the
// lazy buckets, and says what it had to read again.
func TestRecoveryIsTheSameLog(t *testing.T) {
	ctx := context.Background()
	for _, entries := range []int{3, 10, 64, 1 << 20} {
		path := filepath.Join(t.TempDir(), "orders.log")
		log := openLog(t, path, bolt.SmallGenerations(entries))
		for version := range uint64(3) {
			for i := range 40 {
				id := fmt.Sprint("o-", i)
				r := record(fmt.Sprint(id, "-", version))
				r.Head.Status = []string{"created", "authorized", "cancelled"}[version]
				_, err := log.Append(ctx, events.OrderStream(id), version, r)
				require.NoError(t, err)
				bolt.AwaitFlush(log) // what it prepares beside the appends, which carry it: a busy machine lets it run late
			}
		}
		again := openLog(t, killedCopy(t, path), nil)
		assert.Equal(t, frames(t, log), frames(t, again))
		require.NoError(t, again.Verify(ctx, nil))
		for _, filter := range []store.Filter{store.AllOrders(), store.InStatus("cancelled"), store.InStatus("created")} {
			assert.Equal(t, heads(t, log, filter), heads(t, again, filter), "generations of %d, %+v", entries, filter)
		}
		if entries < 1<<20 {
			assert.Less(t, again.Recovery().Records, uint64(120), "what was flushed is not read again")
		} else {
			assert.EqualValues(t, 120, again.Recovery().Records)
		}
	}
}

// TestRecoveryIsBounded: a few busy orders make few entries, and yet what a crash leaves to read again does not grow.
func TestRecoveryIsBounded(t *testing.T) {
	path, ctx := filepath.Join(t.TempDir(), "orders.log"), context.Background()
	log := openLog(t, path, bolt.SmallGenerations(20))
	for v := range uint64(300) {
		r := record(fmt.Sprint("busy-", v))
		r.Keys = nil
		_, err := log.Append(ctx, events.OrderStream("busy"), v, r)
		require.NoError(t, err)
		bolt.AwaitFlush(log)
	}
	again := openLog(t, killedCopy(t, path), nil)
	assert.LessOrEqual(t, again.Recovery().Records, uint64(100))
	assert.Len(t, frames(t, again), 300)
	require.NoError(t, again.Verify(ctx, nil))
}

func heads(t *testing.T, log store.Log, filter store.Filter) (all []store.Head) {
	t.Helper()
	for head, err := range log.Heads(context.Background(), filter) {
		require.NoError(t, err)
		all = append(all, head)
	}
	return all
}

// killedCopy is the file as a process would have left it that dies now.
func killedCopy(t *testing.T, path string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "killed.log")
	copyFile(t, path, to)
	return to
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	require.NoError(t, logfile.Copy(from, to))
}
