package bolt_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/logfile"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
	"github.com/tilltape/tilltape/store/sealed"
)

// TestAWalkMissesNobodyWhoMoves: between two pages of a list, orders of the second get a later time, and what that
// changes is on its way into the file when the second is read, after any of its steps.
func TestAWalkMissesNobodyWhoMoves(t *testing.T) {
	const (
		orders, limit = 600, 400
		first, moving = 256, 128 // the page that is read before they move, and how many of those behind it do
	)
	base, filter := indexed(t, orders), store.Attention(events.AttentionAnomaly)
	for step := range 24 {
		path := filepath.Join(t.TempDir(), "orders.log")
		require.NoError(t, logfile.Copy(base, path))
		log := openLog(t, path, bolt.SmallGenerations(moving))
		seen, moved := map[string]bool{}, false
		pageOf := func(rest store.Filter) (last store.Head, n int) {
			for h, err := range log.Heads(t.Context(), rest) {
				require.NoError(t, err)
				if last, n = h, n+1; !moved {
					moved = true
					move(t, log, first, moving, 100*time.Second)
					bolt.AwaitFlush(log)
					for i := range step {
						_, err := log.Append(t.Context(), events.OrderStream(fmt.Sprint("n-", i)), 0, record(fmt.Sprint("n-", i)))
						require.NoError(t, err)
					}
				}
				seen[h.Stream.ID] = true
			}
			return last, n
		}
		for last, n := pageOf(filter.Limit(limit)); n == limit; {
			last, n = pageOf(filter.Limit(limit).After(last))
		}
		assert.Equal(t, orders, len(seen), "orders seen after %d steps", step)
	}
}

// move gives n orders of an indexed log, from the i-th on, a time that is so much later.
func move(t *testing.T, log *bolt.Log, i, n int, later time.Duration) {
	t.Helper()
	var appends []sealed.Append
	for k := i; k < i+n; k++ {
		r := record(fmt.Sprintf("m-%d", k))
		at := noon.Add(time.Duration(k)*time.Second + later)
		r.Head = events.Head{Status: "paid", StatusSince: at, Phase: "parked", OperationSince: at, ParkedSince: at,
			AnomalySince: at, Due: at}
		appends = append(appends, sealed.Append{Stream: events.OrderStream(fmt.Sprintf("o-%d", k)), After: 1,
			Records: []events.Record{r}})
	}
	require.NoError(t, log.AppendAll(t.Context(), appends))
}
