package memory_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

var noon = time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC)

func record(id string, due time.Time) events.Record {
	return events.Record{
		ID: id, Recorded: noon, Occurred: noon,
		Head:  events.Head{Status: "created", StatusSince: noon, Due: due},
		Event: events.PaymentPending{PaymentID: id},
	}
}

func TestLogsAreIndependent(t *testing.T) {
	one, two, ctx := memory.New(), memory.New(), context.Background()
	_, err := one.Append(ctx, events.OrderStream("o-1"), 0, record("r-1", noon))
	require.NoError(t, err)
	_, err = two.Head(ctx, events.OrderStream("o-1"))
	require.ErrorIs(t, err, store.ErrNotFound)
	require.NoError(t, one.Close())
	_, err = two.Append(ctx, events.OrderStream("o-1"), 0, record("r-1", noon))
	require.NoError(t, err, "closing one log leaves the other open")
}

// TestHeadsIsOneMoment: unlike a file's, this engine's heads are those of the moment the loop began.
func TestHeadsIsOneMoment(t *testing.T) {
	log, ctx := memory.New(), context.Background()
	for i := range 10 {
		_, err := log.Append(ctx, events.OrderStream(fmt.Sprintf("o-%d", i)), 0,
			record(fmt.Sprintf("r-%d", i), noon.Add(time.Duration(i))))
		require.NoError(t, err)
	}
	var seen []string
	for h, err := range log.Heads(ctx, store.DueBy(noon.Add(time.Hour))) {
		require.NoError(t, err)
		assert.Equal(t, uint64(1), h.Version, "as it was when the loop began")
		seen = append(seen, h.Stream.ID)
		for i := range 10 {
			stream := events.OrderStream(fmt.Sprintf("o-%d", i))
			now, err := log.Head(ctx, stream)
			require.NoError(t, err)
			_, err = log.Append(ctx, stream, now.Version, record(fmt.Sprintf("%s-%d", stream.ID, now.Version), time.Time{}))
			require.NoError(t, err)
		}
	}
	assert.Equal(t, []string{"o-0", "o-1", "o-2", "o-3", "o-4", "o-5", "o-6", "o-7", "o-8", "o-9"}, seen)
}

func TestLoopsEndWithTheirContext(t *testing.T) {
	log := memory.New()
	for i := range 300 {
		_, err := log.Append(context.Background(), events.OrderStream(fmt.Sprintf("o-%d", i)), 0,
			record(fmt.Sprintf("r-%d", i), noon))
		require.NoError(t, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var last error
	seen := 0
	for _, last = range log.Heads(ctx, store.AllOrders()) {
		if seen++; seen == 5 {
			cancel()
		}
	}
	require.ErrorIs(t, last, context.Canceled)
	assert.Equal(t, 6, seen, "five heads and the error")
}

func TestErrorsOfAClosedLogSayWhatIsLost(t *testing.T) {
	log := memory.New()
	require.NoError(t, log.Close())
	_, err := log.Head(context.Background(), events.OrderStream("o-1"))
	require.ErrorIs(t, err, store.ErrClosed)
	assert.Contains(t, err.Error(), "gone")
}

func BenchmarkAppend(b *testing.B) {
	log := memory.New()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		_, err := log.Append(context.Background(), events.OrderStream(fmt.Sprintf("o-%d", i/4)), uint64(i%4),
			record(fmt.Sprintf("r-%d", i), noon))
		require.NoError(b, err)
	}
}
