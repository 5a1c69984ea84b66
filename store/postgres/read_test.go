package postgres_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/postgres"
)

// TestPagesOfLargeAndSmallRecords: a page that was asked for by the size of small frames meets large ones, and the
// other way round; whatever had no room in it is in the next.
func TestPagesOfLargeAndSmallRecords(t *testing.T) {
	ctx := context.Background()
	log := newLog(t, postgres.Config{})
	const many, large = 2*seal.TileWidth + 3, 9
	var want []string
	add := func(n int, of string, body int) {
		t.Helper()
		for begin := 0; begin < n; {
			size, batch := 0, []events.Record(nil)
			for ; begin < n && size+body <= store.AppendBytesMax/2 && len(batch) < store.AppendMax; begin++ {
				r := record(fmt.Sprintf("%s-%d-%d", of, len(want), begin))
				r.Event = events.PaymentPending{PaymentID: "p", Proof: events.Proof{Evidence: &events.Evidence{
					Body: make([]byte, body)}}}
				batch, size = append(batch, r), size+body
			}
			written, err := log.Append(ctx, events.OrderStream("o"), uint64(len(want)), batch...)
			require.NoError(t, err)
			for _, r := range written {
				want = append(want, r.ID)
			}
		}
	}
	add(many, "small", 0)
	add(large, "large", 800<<10)
	add(many, "small", 0)
	_, proven, err := log.Proven(ctx)
	require.NoError(t, err)
	for name, read := range map[string]func() ([]events.Record, error){
		"All":    func() ([]events.Record, error) { return drain(log.All(ctx, store.Start())) },
		"Read":   func() ([]events.Record, error) { return drain(log.Read(ctx, events.OrderStream("o"), 0)) },
		"Proven": func() ([]events.Record, error) { return drain(proven) },
		"Frames": func() ([]events.Record, error) {
			return drain(func(yield func(events.Record, error) bool) {
				for f, err := range log.Frames(ctx, store.Start()) {
					if err == nil {
						f.Record, err = events.DecodeFrame(f.Bytes)
					}
					if !yield(f.Record, err) {
						return
					}
				}
			})
		},
	} {
		all, err := read()
		require.NoError(t, err, name)
		var got []string
		for _, r := range all {
			got = append(got, r.ID)
		}
		assert.Equal(t, want, got, name)
	}
}

// A connection that breaks between the answers to two statements that were sent together is an error of the read.
func TestConnectionsThatBreakInAPage(t *testing.T) {
	ctx := context.Background()
	p, log, _ := proxied(t)
	_, err := log.Append(ctx, events.OrderStream("o-1"), 0, record("r-1"))
	require.NoError(t, err)
	broken := 0
	for _, read := range []func() ([]events.Record, error){
		func() ([]events.Record, error) { return drain(log.Read(ctx, events.OrderStream("o-1"), 0)) },
		func() ([]events.Record, error) { return drain(log.Read(ctx, events.OrderStream("o-1"), 1)) },
		func() ([]events.Record, error) { return drain(log.All(ctx, store.Start())) },
	} {
		for skip := range 2 {
			_, err := read()
			require.NoError(t, err, "statements are prepared")
			p.CutBehind("SELECT", skip)
			if _, err = read(); err != nil {
				broken++
				require.ErrorIs(t, err, store.ErrUnavailable)
			}
			p.Disarm()
			for range 2 { // a connection that is gone is not used again
				if _, err = read(); err == nil {
					break
				}
			}
			require.NoError(t, err)
		}
	}
	assert.GreaterOrEqual(t, broken, 3)
}
