package trouble_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/internal/tests/pgserver"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/postgres"
)

// TestContextsThatEndAnywhere: whatever is given up, no connection is left half used, what is said not to have happened
// has not, and what was acknowledged has.
func TestContextsThatEndAnywhere(t *testing.T) {
	s := pgserver.Shared(t)
	schema := s.Schema(t)
	pool := poolTo(t, s.URL())
	log, err := postgres.Open(t.Context(), pool, &postgres.Config{Schema: schema, Migrate: true})
	require.NoError(t, err)
	defer func() { assert.NoError(t, log.Close()) }()
	fill(t, log, "there", 20)

	var mu sync.Mutex
	said := map[string]error{}
	var group sync.WaitGroup
	for worker := range 12 {
		random := rand.New(rand.NewPCG(7, uint64(worker)))
		group.Go(func() {
			for n := range long.Rounds(200, 40) {
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(random.Int64N(int64(4*time.Millisecond))))
				id := fmt.Sprintf("w%d-%d", worker, n)
				switch n % 4 {
				case 0, 1:
					_, err := log.Append(ctx, events.OrderStream(id), 0, record(id))
					mu.Lock()
					said[id] = err
					mu.Unlock()
				case 2:
					for _, err := range log.All(ctx, store.Start()) {
						if err != nil {
							assert.ErrorIs(t, err, context.DeadlineExceeded)
						}
					}
				case 3:
					if _, err := log.Lookup(ctx, events.NewKey(events.KeyPaymentID, "there-7")); err != nil {
						assert.ErrorIs(t, err, context.DeadlineExceeded)
					}
				}
				cancel()
			}
		})
	}
	within(t, "calls whose contexts end", group.Wait)

	there := map[string]bool{}
	for _, id := range idsOf(t, log) {
		there[id] = true
	}
	ended := 0
	for id, err := range said {
		switch {
		case err == nil:
			assert.True(t, there[id], "%s was acknowledged", id)
		case errors.Is(err, context.DeadlineExceeded):
			assert.False(t, there[id], "%s was said not to have happened", id)
			ended++
		default:
			assert.NoError(t, err)
		}
	}
	assert.Positive(t, ended, "no append was ever given up")
	assert.Less(t, ended, len(said), "every append was given up")
	require.NoError(t, log.Verify(t.Context(), nil))
	require.Eventually(t, func() bool { return pool.Stat().AcquiredConns() <= 1 }, patience, time.Millisecond,
		"connections that nobody gave back")
	assert.Zero(t, s.MustExec(t, "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'")[0]-'0')
}
