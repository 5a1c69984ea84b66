package jetstream_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
	"github.com/tilltape/tilltape/store/jetstream"
	"github.com/tilltape/tilltape/store/sealed"
)

// fileOf is a log in one file with so many records, three of an order.
func fileOf(t *testing.T, records int) *bolt.Log {
	t.Helper()
	l, err := bolt.Open(filepath.Join(t.TempDir(), "orders.log"), nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	for i := range records {
		r := record(fmt.Sprintf("r-%d", i))
		if i%3 == 0 {
			r.Keys = []events.Key{events.NewKey(events.KeyPaymentID, fmt.Sprintf("o-%d", i/3))}
		}
		_, err := l.Append(t.Context(), events.OrderStream(fmt.Sprintf("o-%d", i/3)), uint64(i%3), r)
		require.NoError(t, err)
	}
	return l
}

// A log that exists is a stream's beginning: with the same frames, and so the same root, in a few messages. A copy that
// was broken off goes on, and one that is not the log's copy is left alone.
func TestAStreamThatBeginsWithAFile(t *testing.T) {
	size := 3 * long.Rounds(1000, 500)
	file := fileOf(t, size)
	log := newLog(t, newServer(t, 64<<10), jetstream.Config{})
	breaking, stop := context.WithCancel(t.Context())
	_, err := sealed.Copy(breaking, file, log, func(uint64, uint64) { stop() })
	require.ErrorIs(t, err, context.Canceled)
	was, err := sealed.Copy(t.Context(), file, log, nil)
	require.NoError(t, err)
	assert.EqualValues(t, size, was.Size)
	is := equal(t, log, beside(t, log))
	assert.Equal(t, was.Root, is.Root)
	assert.Equal(t, was.Size, is.Size)
	assert.NotEqual(t, was.Origin, is.Origin, "the stream has a name of its own")
	assert.Less(t, lastSequence(t, log), uint64(size/20))
	t.Logf("%d records in %d messages", size, lastSequence(t, log)-1)

	_, err = sealed.Copy(t.Context(), file, log, nil)
	require.NoError(t, err, "what is whole is copied again")
	_, err = log.Append(t.Context(), events.OrderStream("o-0"), 3, record("goes-on"))
	require.NoError(t, err)
	_, err = sealed.Copy(t.Context(), file, log, nil)
	require.ErrorIs(t, err, store.ErrInvalid, "but not where it has gone on")
	require.NoError(t, log.Verify(t.Context(), nil))

	copied := filepath.Join(t.TempDir(), "own.log")
	require.NoError(t, log.Backup(t.Context(), copied, nil))
	own, err := bolt.Open(copied, nil)
	require.NoError(t, err)
	defer own.Close()
	require.NoError(t, own.Verify(t.Context(), nil), "and it leaves the stream as it came")
}

// What was written before is found again; what does not fit is refused, and nothing after it is written.
func TestAppendAll(t *testing.T) {
	log := newLog(t, newServer(t, usualPayload), jetstream.Config{})
	one := sealed.Append{Stream: events.OrderStream("o-1"), Records: []events.Record{record("r-1")}}
	two := sealed.Append{Stream: events.OrderStream("o-1"), After: 1, Records: []events.Record{large("r-2", 900<<10)}}
	three := sealed.Append{Stream: events.OrderStream("o-1"), After: 2,
		Records: []events.Record{large("r-3", 900<<10), large("r-4", 900<<10)}}
	all := []sealed.Append{one, two, three}
	require.NoError(t, log.AppendAll(t.Context(), all))
	require.NoError(t, log.AppendAll(t.Context(), all))
	head, err := log.Head(t.Context(), one.Stream)
	require.NoError(t, err)
	assert.EqualValues(t, 4, head.Version)

	other := sealed.Append{Stream: one.Stream, After: 3, Records: []events.Record{large("r-5", 900<<10)}}
	later := sealed.Append{Stream: events.OrderStream("o-2"), Records: []events.Record{large("r-6", 900<<10)}}
	require.ErrorIs(t, log.AppendAll(t.Context(), []sealed.Append{other, later}), store.ErrConflict)
	_, err = log.Head(t.Context(), later.Stream)
	require.ErrorIs(t, err, store.ErrNotFound)
	ended, stop := context.WithCancel(t.Context())
	stop()
	require.ErrorIs(t, log.AppendAll(ended, []sealed.Append{later}), context.Canceled)
	require.NoError(t, log.Close())
	require.ErrorIs(t, log.AppendAll(t.Context(), []sealed.Append{later}), store.ErrClosed)
}
