package storetest

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
)

// twoHandles: a log that several handles are on is one log. Each append has one winner whichever handle it came by,
// and what one acknowledged the other shows.
func twoHandles(t *testing.T, f Factory) {
	if f.Second == nil {
		t.Skip("the factory's logs have one handle at a time")
	}
	ctx := context.Background()
	one := f.open(t)
	two := f.Second(t, one)
	t.Cleanup(func() { assert.NoError(t, two.Close(), "close the second handle") })
	handles := []store.Log{one, two}
	stream := events.OrderStream("contested")
	rounds, racers := f.whole(6, 3), f.racers()
	var lost atomic.Int64
	var mu sync.Mutex
	winners := map[uint64]string{}
	for round := range uint64(rounds) {
		together(t, "appends to one stream by two handles", racers, func(i int) {
			id := fmt.Sprintf("round-%d-racer-%d", round, i)
			_, err := handles[i%2].Append(ctx, stream, round, record(id, nil))
			if err != nil {
				assert.ErrorIs(t, err, store.ErrConflict)
				lost.Add(1)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			assert.Empty(t, winners[round+1], "version %d has one winner", round+1)
			winners[round+1] = id
		})
	}
	assert.EqualValues(t, rounds*(racers-1), lost.Load(), "all but one lose each round")

	each := f.whole(8, 3)
	together(t, "read by one handle what the other acknowledged", racers, func(i int) {
		own := events.OrderStream(fmt.Sprintf("o-%d", i))
		key := events.Key(fmt.Sprintf("paymentId:%d", i))
		for v := range uint64(each) {
			by, beside := handles[(uint64(i)+v)%2], handles[(uint64(i)+v+1)%2]
			_, err := by.Append(ctx, own, v, record(fmt.Sprintf("o-%d-%d", i, v), withKeys(key)))
			if !assert.NoError(t, err) {
				return
			}
			head, err := beside.Head(ctx, own)
			assert.NoError(t, err)
			assert.Equal(t, v+1, head.Version, "what was acknowledged is visible by every handle")
			owner, err := beside.Lookup(ctx, key)
			assert.NoError(t, err)
			assert.Equal(t, own, owner)
		}
	})
	all := readAll(t, one)
	assert.Len(t, all, rounds+racers*each)
	inPlace(t, all)
	sameBytes(t, all, readAll(t, two), "the log by the other handle")
	for _, r := range readStream(t, two, stream, 0) {
		assert.Equal(t, winners[r.Version], r.ID)
	}
	again := mustAppend(t, one, events.OrderStream("retried"), 0, records("retried", 3)...)
	sameBytes(t, again, mustAppend(t, two, events.OrderStream("retried"), 0, records("retried", 3)...),
		"an append that is repeated by another handle is recognised")
	if f.Seal != nil {
		f.sealedTogether(t, asSealed(t, one), asSealed(t, two))
	}
}

// sealedTogether: the handles seal one log in turns.
func (f Factory) sealedTogether(t *testing.T, one, two Sealed) {
	last := f.checkpoint(t, one)
	for i, log := range []Sealed{two, one, two} {
		id := fmt.Sprintf("sealed-%d", i)
		mustAppend(t, log, events.OrderStream(id), 0, record(id, nil))
		var now [2]seal.Checkpoint
		for k, by := range []Sealed{one, two} {
			now[k] = f.checkpoint(t, by)
			continues(t, by, last, now[k])
		}
		assert.Equal(t, now[0], now[1], "both handles vouch for the same")
		assert.Equal(t, last.Size+1, now[0].Size)
		last = now[0]
	}
}

// promptMax is how long a call may go on after its context has ended.
const promptMax = 5 * time.Second

// ending is a context that ends when it has been asked so many times whether it has: so it ends at every place where a
// log looks, one after the other, and never by chance.
type ending struct {
	context.Context
	left atomic.Int64
	done chan struct{}
	once sync.Once
}

func endingAfter(asked int64) *ending {
	e := &ending{Context: context.Background(), done: make(chan struct{})}
	e.left.Store(asked)
	return e
}

func (e *ending) Err() error {
	if e.left.Add(-1) >= 0 {
		return nil
	}
	e.once.Do(func() { close(e.done) })
	return context.Canceled
}

func (e *ending) Done() <-chan struct{} { return e.done }

// retriesThatGiveUp: a caller repeats an append whose answer was lost, and gives up while the log looks whether it was
// written before. It is told so at once, and the append stays what it was: written once.
func retriesThatGiveUp(t *testing.T, f Factory) {
	log := f.open(t)
	stream := events.OrderStream("long")
	first := records("first", 3)
	written := mustAppend(t, log, stream, 0, first...)
	version := uint64(len(first))
	const each = 200
	for version < span { // recognising it means a look at a long stream
		mustAppend(t, log, stream, version, records(fmt.Sprintf("later-%d", version), each)...)
		version += each
	}
	all := readAll(t, log)
	gaveUp := func(ctx context.Context, how string, want error) (done bool) {
		begun := time.Now()
		again, err := log.Append(ctx, stream, 0, first...)
		assert.Less(t, time.Since(begun), promptMax, "%s: the end of the context ends the append", how)
		if err == nil {
			sameBytes(t, written, again, how)
			return true
		}
		require.ErrorIs(t, err, want, how)
		return false
	}
	const asksMax = 1000 // more often than any log looks
	for asks := int64(0); !gaveUp(endingAfter(asks), fmt.Sprintf("asked %d times", asks), context.Canceled); asks++ {
		require.Less(t, asks, int64(asksMax), "an append whose context goes on succeeds")
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	require.False(t, gaveUp(ended, "ended before", context.Canceled), "an append whose context has ended does not begin")
	together(t, "retries whose contexts end", f.racers(), func(i int) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(i)*50*time.Microsecond)
		defer cancel()
		again, err := log.Append(ctx, stream, 0, first...)
		if err != nil {
			assert.ErrorIs(t, err, context.DeadlineExceeded)
			return
		}
		assert.Equal(t, ids(written), ids(again))
	})
	sameBytes(t, all, readAll(t, log), "nothing was written twice, and nothing is gone")
	sameBytes(t, written, mustAppend(t, log, stream, 0, first...), "whoever has the time is told")
}
