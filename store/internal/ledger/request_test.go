package ledger

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

var noon = time.Date(2026, time.November, 29, 12, 0, 0, 0, time.UTC)

func record(id string) events.Record {
	return events.Record{ID: id, Recorded: noon, Occurred: noon, Event: events.PaymentPending{PaymentID: id}}
}

// TestEncodeIsAsStrictAsTheContract: whatever store.CheckAppend refuses is refused, with its words.
func TestEncodeIsAsStrictAsTheContract(t *testing.T) {
	order := events.OrderStream("o-1")
	for what, given := range map[string][]events.Record{
		"none": {}, "an id twice": {record("r-1"), record("r-1")}, "one without an id": {record("")},
		"the second without an id": {record("r-1"), record("")}, "too many": make([]events.Record, store.AppendMax+1),
	} {
		_, err := Encode[int](order, 0, given)
		require.ErrorIs(t, err, store.ErrInvalid, what)
		assert.EqualError(t, err, store.CheckAppend(order, given).Error(), what)
	}
	_, err := Encode[int](events.Stream{Category: "order"}, 0, []events.Record{record("r-1")})
	require.ErrorIs(t, err, store.ErrInvalid, "a stream without an id")
	large := make([]events.Record, store.AppendBytesMax/events.BodyMax+1)
	for i := range large {
		large[i] = record(fmt.Sprintf("r-%d", i))
		large[i].Event = events.PaymentPending{PaymentID: "p",
			Proof: events.Proof{Evidence: &events.Evidence{Body: make([]byte, events.BodyMax)}}}
	}
	_, err = Encode[int](order, 0, large)
	require.ErrorIs(t, err, store.ErrInvalid)
	assert.ErrorContains(t, err, "bytes", "more of them than one append carries")
	r, err := Encode[int](order, 7, []events.Record{record("r-1"), record("r-2")})
	require.NoError(t, err)
	assert.Equal(t, r.Frames[0].SizeMax()+r.Frames[1].SizeMax(), r.Size)
	assert.ErrorContains(t, r.RecordError(1, errors.New("why")), `order "o-1": record 2 of 2: why`)
}

// TestWrittenIsWhatReadersGet: the records have their places, and are not the caller's.
func TestWrittenIsWhatReadersGet(t *testing.T) {
	given := []events.Record{record("r-1"), record("r-2")}
	given[0].Keys = []events.Key{"paymentId:p-1"}
	r, err := Encode[int](events.OrderStream("o-1"), 3, given)
	require.NoError(t, err)
	r.First, r.Previous = 10, 4
	require.NoError(t, r.read(), "as it is while its commit is waited for")
	given[0].Keys[0] = "paymentId:changed"
	written, err := r.Written("test log")
	require.NoError(t, err)
	var places [][3]uint64
	for _, w := range written {
		assert.Equal(t, events.OrderStream("o-1"), w.Stream)
		places = append(places, [3]uint64{w.Version, w.Position, w.Previous})
	}
	assert.Equal(t, [][3]uint64{{4, 10, 4}, {5, 11, 10}}, places)
	assert.Equal(t, []events.Key{"paymentId:p-1"}, written[0].Keys)

	r.Records[1].Event = nil // which nobody reads
	r.written = r.written[:1]
	_, err = r.Written("test log")
	var damaged *store.DamagedError
	require.ErrorAs(t, err, &damaged)
	assert.Equal(t, []any{"test log", uint64(11)}, []any{damaged.Log, damaged.Position})
}

// TestEnqueue: an append ends with its commit, or before it with its context or with the queue, and is in one of the
// two at most.
func TestEnqueue(t *testing.T) {
	q, ctx := NewQueue[int](), context.Background()
	ended := make(chan error)
	enqueue := func(ctx context.Context, r *request) {
		q.Enter()
		go func() {
			err := q.Enqueue(ctx, r)
			q.Leave()
			ended <- err
		}()
	}
	waiting := func(n int) {
		t.Helper()
		require.Eventually(t, func() bool { return q.State().Waiting == n }, 10*time.Second, time.Millisecond)
	}
	r := &request{Stream: events.OrderStream("o-1"), Size: 1}
	enqueue(ctx, r)
	b := q.Take(0)
	require.Equal(t, []*request{r}, b.Requests)
	failed := errors.New("no disk")
	b.Fail(failed)
	q.Done(b)
	require.NoError(t, <-ended, "it was committed, or failed: either is in the request")
	require.Equal(t, failed, r.Err)

	off, cancel := context.WithCancel(ctx)
	enqueue(off, r)
	waiting(1)
	cancel()
	err := <-ended
	require.ErrorIs(t, err, context.Canceled)
	assert.ErrorContains(t, err, `append to order "o-1": not begun`)
	assert.Equal(t, State{}, q.State(), "it was called off")

	off, cancel = context.WithCancel(ctx)
	enqueue(off, r)
	b = q.Take(0)
	cancel()
	time.Sleep(aWhile) // it must not end for its context now
	q.Done(b)
	require.NoError(t, <-ended, "its commit had begun")

	enqueue(ctx, &request{Size: BatchBytesMax})
	waiting(1)
	off, cancel = context.WithCancel(ctx)
	enqueue(off, r)
	waiting(2)
	require.True(t, q.State().Full)
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled, "an append that waits for space")
	enqueue(ctx, r)
	waiting(2)
	first := q.Take(0)
	second := q.Take(time.Hour)
	require.Equal(t, []*request{r}, second.Requests, "it had its turn when there was space")
	q.Done(first)
	q.Done(second)
	require.NoError(t, <-ended)
	require.NoError(t, <-ended)
	q.Close()
	enqueue(ctx, r)
	require.Equal(t, store.ErrClosed, <-ended)
	assert.Equal(t, State{}, q.State(), "nobody is left on the way")
}

// following is a log of numbered records that grows by one each time somebody waits for it, and ends in the end.
type following struct {
	have, end uint64
	ended     chan struct{}
}

func (f *following) All(_ context.Context, from store.Cursor) iter.Seq2[events.Record, error] {
	return func(yield func(events.Record, error) bool) {
		for p := from.Position() + 1; p <= f.have; p++ {
			if !yield(events.Record{Position: p}, nil) {
				return
			}
		}
		select {
		case <-f.ended:
			yield(events.Record{}, fmt.Errorf("%w", store.ErrClosed))
		default:
		}
	}
}

func (f *following) Grown(position uint64) <-chan struct{} {
	grown := make(chan struct{})
	if position == f.end {
		close(f.ended)
		return grown
	}
	f.have++
	close(grown)
	return grown
}

func (f *following) Ended() <-chan struct{} { return f.ended }

// TestWatch: every record once, as it comes, and the error that ends it last.
func TestWatch(t *testing.T) {
	log := &following{have: 3, end: 6, ended: make(chan struct{})}
	var seen []uint64
	var last error
	for r, err := range Watch(context.Background(), log, store.After(events.Record{Position: 1})) {
		require.NoError(t, last, "nothing comes after the error")
		if last = err; err == nil {
			seen = append(seen, r.Position)
		}
	}
	require.ErrorIs(t, last, store.ErrClosed)
	assert.Equal(t, []uint64{2, 3, 4, 5, 6}, seen)

	log = &following{have: 3, end: 6, ended: make(chan struct{})}
	for range Watch(context.Background(), log, store.Start()) {
		break
	}
	assert.Equal(t, uint64(3), log.have, "a loop that ends waits for nothing")
}
