package tilltape_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store/memory"
)

// A log whose own request was cancelled, a pool's or a leader's, fails like any other: nobody stopped this Run.
func TestRun_GoesOnAfterARequestOfTheLogsOwnWasCancelled(t *testing.T) {
	log := &flaky{Log: memory.New()}
	awake(t, log, func(x *till, w *witness) {
		ids := x.many(1)
		x.lost(ids...)
		var once atomic.Bool
		log.read = func() error {
			if once.CompareAndSwap(false, true) {
				return fmt.Errorf("the pool closed the connection: %w", context.Canceled)
			}
			return nil
		}
		stop := x.running()
		time.Sleep(10 * time.Second)
		assert.Equal(t, order.Cancelled, x.status(ids[0]), "it was driven again")
		troubles := seen(w, &w.troubles)
		require.Len(t, troubles, 1, "and somebody was told")
		assert.Equal(t, ids[0], troubles[0].Order)
		require.NoError(t, stop())
	})
}
