package tilltape_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

// hanging is a log whose appends hang until their context ends, once a test says so.
type hanging struct {
	store.Log
	hangs atomic.Bool
}

func (h *hanging) Append(ctx context.Context, s events.Stream, after uint64, records ...events.Record) ([]events.Record, error) {
	if h.hangs.Load() {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return h.Log.Append(ctx, s, after, records...)
}

func TestALogThatHangsHoldsACommandForABoundedTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &hanging{Log: memory.New()}
		x := newTill(t, log)
		x.cfg.Now = time.Now
		x.open(x.bank)
		x.place(order.CaptureManual)
		x.paid()
		x.bank.enter = func(context.Context, wireCall) { log.hangs.Store(true) }
		began := time.Now()
		_, err := x.cancel()
		require.ErrorIs(t, err, tilltape.ErrUnresolved)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, tilltape.DefaultRecordTimeout, time.Since(began), "one time for all that was to be recorded")
		log.hangs.Store(false)
	})
}

// A command under way is seen through when the Orders is closed; what would follow is left to the next one.
func TestClose_AFollowUpIsLeftToTheNextOrders(t *testing.T) {
	x := newTill(t, memory.New())
	x.place(order.CaptureManual)
	x.paid()
	closing := make(chan error, 1)
	x.bank.next(saysF("ORDER_STATUS_INVALID")) // an inquiry would come next, at once
	x.bank.enter = func(context.Context, wireCall) {
		go func() { closing <- x.orders.Close() }()
		require.Eventually(t, func() bool {
			_, err := x.orders.SettleDue(x.ctx)
			return err != nil
		}, 5*time.Second, time.Millisecond)
	}
	_, err := x.orders.Cancel(x.ctx, theOrder, order.Cancel{ID: commandID})
	require.ErrorIs(t, err, tilltape.ErrUnresolved)
	require.NoError(t, <-closing)
	assert.Equal(t, 1, x.bank.touched())
	assert.Equal(t, events.KindCancelUnresolved, x.kinds()[len(x.kinds())-1])

	x.bank.enter = nil
	x.open(x.bank)
	x.settle(0)
	assert.Equal(t, 2, x.bank.touched())
	require.NoError(t, x.lawful())
}

// A lease is never longer than the core lets it be, so a call that relies on a longer one could outlive its claim.
func TestNew_RefusesALeaseThatTheCoreWouldNotKeep(t *testing.T) {
	_, err := tilltape.New(memory.New(), newBank(time.Now), &tilltape.Config{CallTimeout: order.LeaseMax,
		Policy: order.Policy{Lease: 2 * order.LeaseMax}})
	require.ErrorIs(t, err, tilltape.ErrConfig)
	require.ErrorIs(t, err, order.ErrPolicy)
	assert.Contains(t, err.Error(), "Lease is 48h0m0s, and 24h0m0s is the most")
	_, err = tilltape.New(memory.New(), newBank(time.Now), &tilltape.Config{CallTimeout: order.LeaseMax,
		Policy: order.Policy{Lease: order.LeaseMax}})
	require.ErrorIs(t, err, tilltape.ErrConfig)
	assert.Contains(t, err.Error(), "not shorter than the lease 24h0m0s")
	_, err = tilltape.New(memory.New(), newBank(time.Now), &tilltape.Config{Grace: -1})
	require.ErrorIs(t, err, tilltape.ErrConfig)
	assert.Contains(t, err.Error(), "Grace is negative")
}
