package storetest

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

func appendsWhileReading(t *testing.T, f Factory) {
	log, ctx := f.open(t), context.Background()
	stream := events.OrderStream("o-1")
	mustAppend(t, log, stream, 0, records("i", 20)...)
	appended, end := uint64(20), uint64(f.whole(40, 24))
	// Big enough that a file must grow under an open iteration.
	big := func() {
		appended++
		_, err := log.Append(ctx, stream, appended-1, record(fmt.Sprintf("i-%d", appended), func(r *events.Record) {
			r.Event = events.PaymentPending{PaymentID: "p",
				Proof: events.Proof{Evidence: &events.Evidence{Body: make([]byte, 48<<10)}}}
		}))
		assert.NoError(t, err)
	}
	within(t, "appends inside Read", func() {
		seen := uint64(0)
		for r, err := range log.Read(ctx, stream, 0) {
			assert.NoError(t, err)
			seen++
			assert.Equal(t, seen, r.Version)
			big()
			if seen == end {
				break
			}
		}
		assert.GreaterOrEqual(t, seen, uint64(20))
	})
	within(t, "appends inside All", func() {
		seen := uint64(0)
		for r, err := range log.All(ctx, store.Start()) {
			assert.NoError(t, err)
			seen++
			assert.Equal(t, seen, r.Position)
			big()
			if seen == end {
				break
			}
		}
		assert.GreaterOrEqual(t, seen, end)
	})
	within(t, "appends inside All, after the last record", func() {
		seen, end := uint64(0), appended
		for r, err := range log.All(ctx, store.Start()) {
			if !assert.NoError(t, err) {
				return
			}
			if seen = r.Position; seen == appended && appended < end+3 {
				big()
			}
		}
		assert.Equal(t, end+3, seen, "All ends where the log does once the last record was yielded")
	})
	callsInsideReads(t, log, stream, big)
	inPlace(t, readAll(t, log))
}

// callsInsideReads appends and reads in the middle of other reads of the log, whose one stream it is.
func callsInsideReads(t *testing.T, log store.Log, stream events.Stream, big func()) {
	ctx := context.Background()
	within(t, "appends inside Heads", func() {
		for h, err := range log.Heads(ctx, store.AllOrders()) {
			assert.NoError(t, err)
			assert.Equal(t, stream, h.Stream)
			big()
			_, err = log.Head(ctx, stream)
			assert.NoError(t, err)
		}
	})
	within(t, "reads inside reads", func() {
		for r, err := range log.Read(ctx, stream, 0) {
			assert.NoError(t, err)
			for other, err := range log.All(ctx, store.After(r)) {
				assert.NoError(t, err)
				assert.Equal(t, r.Position+1, other.Position)
				break
			}
		}
	})
}

func cursors(t *testing.T, f Factory) {
	log, ctx := f.open(t), context.Background()
	stream := events.OrderStream("o-1")
	all := mustAppend(t, log, stream, 0, records("c", 5)...)
	after := store.After(all[2])
	rest := func(log store.Log, from store.Cursor) []string { return ids(collect(t, log.All(ctx, from))) }
	assert.Equal(t, []string{"c-4", "c-5"}, rest(log, after))
	assert.Equal(t, after, store.After(readStream(t, log, stream, 2)[0]),
		"one place has one cursor, however the record was read")
	assert.Empty(t, rest(log, store.After(all[4])), "after the newest record")

	mustAppend(t, log, events.OrderStream("o-2"), 0, record("d-1", nil))
	assert.Equal(t, []string{"c-4", "c-5", "d-1"}, rest(log, after), "a cursor stays where it is while the log grows")
	assert.Equal(t, []string{"d-1"}, rest(log, store.After(all[4])))

	parsed, err := store.ParseCursor(after.String())
	require.NoError(t, err)
	assert.Equal(t, after, parsed, "a cursor is kept as text")
	kept, err := json.Marshal(struct{ At store.Cursor }{after})
	require.NoError(t, err)
	var back struct{ At store.Cursor }
	require.NoError(t, json.Unmarshal(kept, &back))
	assert.Equal(t, []string{"c-4", "c-5", "d-1"}, rest(log, back.At))

	_, err = drain(log.All(ctx, store.After(events.Record{Position: 7})))
	require.ErrorIs(t, err, store.ErrInvalid, "a cursor beyond the end is of another log")
	_, err = drain(log.All(ctx, store.After(events.Record{Position: 1<<64 - 1})))
	require.ErrorIs(t, err, store.ErrInvalid, "however far")

	again := f.reopen(t, log)
	assert.Equal(t, []string{"c-4", "c-5", "d-1"}, rest(again, after), "a cursor survives a restart")
}

func readingAlong(t *testing.T, f Factory) {
	log, ctx := f.open(t), context.Background()
	const writers = 8
	each := f.whole(40, 12)
	var seen []events.Record
	written, tail := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(tail)
		cursor := store.Start()
		for last := false; ; {
			for r, err := range log.All(ctx, cursor) {
				if !assert.NoError(t, err) {
					return
				}
				seen, cursor = append(seen, r), store.After(r)
			}
			if last {
				return
			}
			select {
			case <-written:
				last = true // once more: what was appended since the last look
			default:
			}
		}
	}()
	together(t, "appends while somebody reads along", writers, func(i int) {
		stream := events.OrderStream(fmt.Sprintf("o-%d", i))
		for v := range uint64(each) {
			_, err := log.Append(ctx, stream, v, record(fmt.Sprintf("o-%d-%d", i, v), nil))
			assert.NoError(t, err)
		}
	})
	close(written)
	within(t, "reading along", func() { <-tail })
	assert.Len(t, seen, writers*each, "every record once, none left out")
	inPlace(t, seen)
}

func endedContext(t *testing.T, f Factory) {
	log := f.open(t)
	stream := events.OrderStream("o-1")
	mustAppend(t, log, stream, 0, record("e-1", withKeys("paymentId:p-1")))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := log.Append(ctx, stream, 1, record("e-2", nil))
	require.ErrorIs(t, err, context.Canceled, "append")
	_, err = drain(log.Read(ctx, stream, 0))
	require.ErrorIs(t, err, context.Canceled, "read")
	_, err = drain(log.All(ctx, store.Start()))
	require.ErrorIs(t, err, context.Canceled, "all")
	_, err = drain(log.Heads(ctx, store.AllOrders()))
	require.ErrorIs(t, err, context.Canceled, "heads")
	_, err = log.Head(ctx, stream)
	require.ErrorIs(t, err, context.Canceled, "head")
	_, err = log.Lookup(ctx, "paymentId:p-1")
	require.ErrorIs(t, err, context.Canceled, "lookup")
	assert.Len(t, readAll(t, log), 1, "an append whose context had ended has not happened")

	// A context that ends in the middle of a loop ends the loop, with an error and not as if that were all.
	mustAppend(t, log, events.OrderStream("long"), 0, records("long", span)...)
	for what, loop := range map[string]func(context.Context) iter.Seq2[events.Record, error]{
		"read": func(ctx context.Context) iter.Seq2[events.Record, error] {
			return log.Read(ctx, events.OrderStream("long"), 0)
		},
		"all": func(ctx context.Context) iter.Seq2[events.Record, error] { return log.All(ctx, store.Start()) },
	} {
		ctx, cancel := context.WithCancel(context.Background())
		var last error
		for _, last = range loop(ctx) {
			cancel()
		}
		cancel() // where the loop had no turn
		require.ErrorIs(t, last, context.Canceled, "%s whose context ended in the loop", what)
	}

	// A context that ends at any moment: what the caller was told is what the log holds.
	tries := f.whole(200, 70)
	told := make([]bool, tries)
	together(t, "appends whose contexts end", tries, func(i int) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(i)*50*time.Microsecond)
		defer cancel()
		_, err := log.Append(ctx, events.OrderStream(fmt.Sprintf("t-%d", i)), 0, record(fmt.Sprintf("t-%d", i), nil))
		if told[i] = err == nil; err != nil {
			assert.ErrorIs(t, err, context.DeadlineExceeded)
		}
	})
	for i, done := range told {
		assert.Equal(t, done, len(readStream(t, log, events.OrderStream(fmt.Sprintf("t-%d", i)), 0)) == 1,
			"try %d was told %v", i, done)
	}
}

func closing(t *testing.T, f Factory) {
	log, ctx := f.Open(t), context.Background()
	stream := events.OrderStream("o-1")
	mustAppend(t, log, stream, 0, records("c", 3)...)
	open := log.Read(ctx, stream, 0)
	require.NoError(t, log.Close())
	require.NoError(t, log.Close(), "closing again does nothing")

	_, err := log.Append(ctx, stream, 3, record("c-4", nil))
	require.ErrorIs(t, err, store.ErrClosed, "append")
	_, err = drain(open)
	require.ErrorIs(t, err, store.ErrClosed, "read, asked for before")
	_, err = drain(log.All(ctx, store.Start()))
	require.ErrorIs(t, err, store.ErrClosed, "all")
	_, err = drain(log.Heads(ctx, store.AllOrders()))
	require.ErrorIs(t, err, store.ErrClosed, "heads")
	_, err = log.Head(ctx, stream)
	require.ErrorIs(t, err, store.ErrClosed, "head")
	_, err = log.Lookup(ctx, "paymentId:p-1")
	require.ErrorIs(t, err, store.ErrClosed, "lookup")

	// Closing under load: every append either is done or says that the log is closed, and nothing hangs.
	busy := f.Open(t)
	racers := f.racers()
	told := make([]error, racers)
	together(t, "close under load", racers+1, func(i int) {
		if i == racers {
			time.Sleep(time.Millisecond)
			assert.NoError(t, busy.Close())
			return
		}
		for v := uint64(0); told[i] == nil; v++ {
			_, told[i] = busy.Append(ctx, events.OrderStream(fmt.Sprintf("o-%d", i)), v,
				record(fmt.Sprintf("o-%d-%d", i, v), nil))
			_, err := drain(busy.All(ctx, store.Start()))
			assert.True(t, err == nil || told[i] != nil || isClosed(err), "read under load: %v", err)
		}
	})
	for i, err := range told {
		assert.ErrorIs(t, err, store.ErrClosed, "appender %d", i)
	}
}

func reopening(t *testing.T, f Factory) {
	log, ctx := f.open(t), context.Background()
	stream := events.OrderStream("o-1")
	mustAppend(t, log, stream, 0, records("r", 3)...)
	due := events.Head{Status: "paid", StatusSince: noon, Phase: "parked", OperationSince: noon, ParkedSince: noon,
		AnomalySince: noon, DisputeBy: noon, Due: noon}
	mustAppend(t, log, stream, 3,
		record("r-4", func(r *events.Record) { r.Head = due; r.Keys = []events.Key{"paymentId:p-1"} }))
	mustAppend(t, log, events.RefusalStream("o-1"), 0, record("r-5", nil))
	all := readAll(t, log)
	h, err := log.Head(ctx, stream)
	require.NoError(t, err)

	for range 3 {
		log = f.reopen(t, log)
		sameBytes(t, all, readAll(t, log), "the log after a restart")
		have, err := log.Head(ctx, stream)
		require.NoError(t, err)
		assert.Equal(t, h, have, "the head after a restart")
		for _, filter := range everyFilter() {
			assert.Equal(t, []store.Head{h}, collect(t, log.Heads(ctx, filter)), "%s after a restart", filter)
		}
		_, err = log.Append(ctx, stream, 3, record("r-6", nil))
		require.ErrorIs(t, err, store.ErrConflict, "versions survive a restart")
		_, err = log.Append(ctx, events.OrderStream("o-2"), 0, record("r-6", withKeys("paymentId:p-1")))
		require.ErrorIs(t, err, store.ErrKeyTaken, "keys survive a restart")
	}
	next := mustAppend(t, log, stream, 4, record("r-6", nil))[0]
	assert.Equal(t, []uint64{5, 6, 4}, []uint64{next.Version, next.Position, next.Previous},
		"and the log goes on where it was")
}
