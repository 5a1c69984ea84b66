package storetest

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
)

// framed is a log that hands out its frames.
type framed interface {
	store.Log
	store.Framer
}

// framing is the contract of [store.Framer], for logs that are one.
func framing(t *testing.T, f Factory) {
	log, ok := f.open(t).(framed)
	if !ok {
		t.Skip("this log is no store.Framer")
	}
	written := appendMixed(t, log)
	t.Run("the bytes of every record", func(t *testing.T) { framesOfAll(t, f, log, written) })
	t.Run("cursors", func(t *testing.T) { framesFromCursors(t, log) })
	t.Run("loop bodies", func(t *testing.T) { framesWhileAppending(t, log) })
	t.Run("the end of it", func(t *testing.T) { framesEnd(t, log) })
}

// appendMixed appends more than any page holds: of several streams in turns, long and short, with keys and without. It
// returns the frames of what the appends returned.
func appendMixed(t *testing.T, log store.Log) (written [][]byte) {
	t.Helper()
	versions := [3]uint64{}
	for i := 0; len(written) < span+10; i++ {
		which := i % len(versions)
		id := fmt.Sprintf("framed-%d", which)
		all := records(fmt.Sprintf("framed-%d", i), 1+i%7)
		switch {
		case i%40 == 3:
			all = long(fmt.Sprintf("framed-%d", i), 1)
		case i < len(versions):
			all[0].Keys = []events.Key{events.NewKey(events.KeyPaymentID, id), events.NewKey(events.KeyPaymentRequestID, id)}
		}
		all = mustAppend(t, log, events.OrderStream(id), versions[which], all...)
		versions[which] += uint64(len(all))
		written = append(written, frames(t, all)...)
	}
	return written
}

// framesOfAll: the bytes are those that were appended and sealed, and stand for the record beside them. A record may be
// kept for ever.
func framesOfAll(t *testing.T, f Factory, log framed, written [][]byte) {
	var kept []events.Record
	var over seal.Tree
	for one, err := range log.Frames(context.Background(), store.Start()) {
		require.NoError(t, err)
		at := len(kept)
		require.EqualValues(t, at+1, one.Record.Position, "every record once and in order")
		require.Less(t, at, len(written))
		require.True(t, bytes.Equal(written[at], one.Bytes), "the bytes at position %d are what was appended", at+1)
		size, err := events.FrameSize(one.Bytes)
		require.NoError(t, err)
		require.Len(t, one.Bytes, size, "a whole frame and nothing else")
		decoded, err := events.DecodeFrame(one.Bytes)
		require.NoError(t, err)
		require.Equal(t, decoded, one.Record, "the record beside the bytes is theirs")
		over.Append(seal.LeafHash(one.Bytes))
		kept = append(kept, one.Record)
	}
	require.Len(t, kept, len(written))
	for i, frame := range frames(t, kept) {
		require.True(t, bytes.Equal(written[i], frame), "the record at position %d, kept", i+1)
	}
	require.Equal(t, ids(readAll(t, log)), ids(kept), "what All yields")
	if f.Seal != nil {
		tree, err := asSealed(t, log).Tree(context.Background())
		require.NoError(t, err)
		require.Equal(t, tree.Size, over.Size())
		require.Equal(t, tree.Root, over.Root(), "the root over the bytes")
	}
}

// framesFromCursors: cursors are All's.
func framesFromCursors(t *testing.T, log framed) {
	ctx, all := context.Background(), readAll(t, log)
	size := uint64(len(all))
	for _, at := range []uint64{1, 2, size / 2, size - 1, size} {
		next := at + 1
		for one, err := range log.Frames(ctx, store.After(all[at-1])) {
			require.NoError(t, err)
			require.Equal(t, next, one.Record.Position)
			if next++; next > at+3 {
				break
			}
		}
		assert.Equal(t, min(at+3, size)+1, next, "after position %d of %d", at, size)
	}
	for _, beyond := range []uint64{size + 1, 1<<64 - 1} {
		_, err := drain(log.Frames(ctx, store.After(events.Record{Position: beyond})))
		require.ErrorIs(t, err, store.ErrInvalid, "a cursor beyond the end is of another log")
	}
}

// framesWhileAppending: a loop's body may use the log, and the bytes are good until the loop goes on whatever it does.
func framesWhileAppending(t *testing.T, log framed) {
	ctx, end := context.Background(), uint64(len(readAll(t, log)))
	const more = 3
	within(t, "appends inside Frames", func() {
		appended, seen := uint64(0), uint64(0)
		for one, err := range log.Frames(ctx, store.Start()) {
			if !assert.NoError(t, err) {
				return
			}
			seen++
			assert.Equal(t, seen, one.Record.Position)
			if seen%100 != 1 && seen < end {
				continue
			}
			was := bytes.Clone(one.Bytes)
			if seen == 1 || seen >= end && appended < more { // at the beginning, and after what was the last
				id := fmt.Sprintf("appended-%d", appended)
				// Big enough that a file must grow under an open iteration.
				_, err := log.Append(ctx, events.OrderStream(id), 0, long(id, 2)...)
				assert.NoError(t, err)
				appended++
			}
			for other, err := range log.Frames(ctx, store.After(one.Record)) {
				assert.NoError(t, err)
				assert.Equal(t, seen+1, other.Record.Position)
				break
			}
			assert.True(t, bytes.Equal(was, one.Bytes), "the bytes at position %d in the end of the loop's body", seen)
		}
		assert.Equal(t, end+2*more, seen, "it ends where the log does once the last record was yielded")
	})
}

// framesEnd: with the context's error, and once the log is closed.
func framesEnd(t *testing.T, log framed) {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := drain(log.Frames(ended, store.Start()))
	require.ErrorIs(t, err, context.Canceled)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var last error
	for _, last = range log.Frames(ctx, store.Start()) {
		cancel()
	}
	require.ErrorIs(t, last, context.Canceled, "a context that ends in the loop ends it with an error")
	open := log.Frames(context.Background(), store.Start())
	require.NoError(t, log.Close())
	_, err = drain(open)
	require.ErrorIs(t, err, store.ErrClosed)
}
