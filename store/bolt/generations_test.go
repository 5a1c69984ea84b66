package bolt

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
)

// smallFollowing is a log that follows an order, with generations of so many entries.
func smallFollowing(t *testing.T, generation int) *Log {
	t.Helper()
	l, err := Open(filepath.Join(t.TempDir(), "orders.log"), &Config{generation: generation,
		Follow: "shop.example/orders/000102030405060708090a0b0c0d0e0f"})
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// newOrder is the first record of an order, which brings two entries to a generation and two more to its flush.
func newOrder(n int) events.Record {
	id := fmt.Sprintf("o-%d", n)
	r := testRecord(id)
	r.Stream, r.Keys, r.Head.Status = events.OrderStream(id), []events.Key{events.NewKey("paymentId", id)}, "pending"
	r.Head.Due = r.Recorded
	return r
}

// applyNew applies a message with so many new orders, of which number is the first.
func applyNew(t *testing.T, l *Log, sequence uint64, number, orders int) error {
	t.Helper()
	all := make([]*Ordered, orders)
	for i := range all {
		r := newOrder(number + i)
		frame, err := events.Prepare(r)
		require.NoError(t, err)
		all[i] = &Ordered{Stream: r.Stream, Records: []events.Record{r}, Frames: []events.Prepared{frame}}
	}
	return l.Apply(context.Background(), Followed{Sequence: sequence}, all)
}

// A generation becomes more entries in the file than it has in memory. Transactions that bring thousands, one after
// another, carry as many of the generation before as theirs will cost, so none is larger than the one before.
func TestGenerationsStayAsLargeAsTheyAre(t *testing.T) {
	const generation, orders = 512, 300
	l, err := Open(filepath.Join(t.TempDir(), "orders.log"), &Config{generation: generation})
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	most := 0
	for i := range long.Rounds(100, 40) {
		p := l.newPlan()
		for n := range orders {
			r := newOrder(i*orders + n)
			frame, err := events.Prepare(r)
			require.NoError(t, err)
			a := &Ordered{Stream: r.Stream, Records: []events.Record{r}, Frames: []events.Prepared{frame}}
			require.NoError(t, l.judge(p, a))
			require.NoError(t, a.Err)
		}
		AwaitFlush(l)
		require.NoError(t, l.write(p, func(f *flush) int { return l.lazy.pace(f, p) }))
		most = max(most, l.lazy.filled())
	}
	assert.Less(t, most, 4*generation)
	t.Logf("at most %d entries", most)
	require.NoError(t, l.Verify(context.Background(), nil))
}

// While nothing can be moved into the file, no generation is closed either. Then not only bytes are bounded: whoever
// applies hears why once a generation has several times what it is to have, and goes on when that is over.
func TestApplyWaitsForGenerations(t *testing.T) {
	const generation, orders = 64, 10
	l := smallFollowing(t, generation)
	l.writing.Lock() // so that nothing is moved
	l.stuck.Store(&failure{err: store.ErrFull})
	signal(l.mover.freed)
	sequence := uint64(0)
	var err error
	for ; err == nil && sequence < 1000; sequence++ {
		err = applyNew(t, l, sequence+1, int(sequence)*orders, orders)
	}
	l.writing.Unlock()
	require.ErrorIs(t, err, store.ErrFull)
	assert.Less(t, l.Behind().Bytes, l.mover.bounds.max/4, "it was not for the bytes")
	assert.EqualValues(t, crowdedShare*generation/(2*orders)+2, sequence, "the last one was refused")
	for ; sequence < 100; sequence++ {
		comesBack(t, func() { require.NoError(t, applyNew(t, l, sequence, int(sequence-1)*orders, orders)) })
	}
	require.NoError(t, l.Verify(context.Background(), nil))
	assert.EqualValues(t, 990, l.last)
}
