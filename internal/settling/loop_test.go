package settling

import (
	"context"
	"iter"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/store"
)

// The look began while the clock was a year ahead, and it is right again when the wait is reckoned.
func TestRun_LooksAgainInAMinuteWhenTheClockIsSetBackDuringALook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var looks int
		ahead := 365 * 24 * time.Hour
		s := New(Config{Concurrency: 1, Now: func() time.Time { return time.Now().Add(ahead) },
			Heads: func(context.Context, store.Filter) iter.Seq2[store.Head, error] {
				return func(func(store.Head, error) bool) {
					looks++
					ahead = 0
				}
			}})
		ctx, stop := context.WithTimeout(t.Context(), LookEvery+time.Second)
		defer stop()
		require.NoError(t, s.Run(ctx, time.Second, Hooks{Settled: func(context.Context, Pass) {}}))
		assert.Equal(t, 4, looks, "strays and what is due, twice")
	})
}
