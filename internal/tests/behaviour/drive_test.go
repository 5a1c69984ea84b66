package behaviour_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store/memory"
)

func TestALogThatHangsHoldsACommandForABoundedTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &tilltest.Hanging{Log: memory.New()}
		x := tilltest.NewTill(t, log)
		x.Config.Now = time.Now
		x.Open(x.Bank)
		x.Place(order.CaptureManual)
		x.Paid()
		x.Bank.Enter = func(context.Context, tilltest.WireCall) { log.Hangs.Store(true) }
		began := time.Now()
		_, err := x.Cancel()
		require.ErrorIs(t, err, tilltape.ErrUnresolved)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, tilltape.DefaultRecordTimeout, time.Since(began), "one time for all that was to be recorded")
		log.Hangs.Store(false)
	})
}

// A command under way is seen through when the Orders is closed; what would follow is left to the next one.
func TestClose_AFollowUpIsLeftToTheNextOrders(t *testing.T) {
	x := tilltest.NewTill(t, memory.New())
	x.Place(order.CaptureManual)
	x.Paid()
	closing := make(chan error, 1)
	x.Bank.Next(tilltest.SaysF("ORDER_STATUS_INVALID")) // an inquiry would come next, at once
	x.Bank.Enter = func(context.Context, tilltest.WireCall) {
		go func() { closing <- x.Orders.Close() }()
		require.Eventually(t, func() bool {
			_, err := x.Orders.SettleDue(x.Ctx)
			return err != nil
		}, 5*time.Second, time.Millisecond)
	}
	_, err := x.Orders.Cancel(x.Ctx, tilltest.TheOrder, order.Cancel{CommandID: tilltest.CommandID})
	require.ErrorIs(t, err, tilltape.ErrUnresolved)
	require.NoError(t, <-closing)
	assert.Equal(t, 1, x.Bank.Touched())
	assert.Equal(t, events.KindCancelUnresolved, x.Kinds()[len(x.Kinds())-1])

	x.Bank.Enter = nil
	x.Open(x.Bank)
	x.Settle(0)
	assert.Equal(t, 2, x.Bank.Touched())
	require.NoError(t, x.Lawful())
}

// A lease is never longer than the core lets it be, so a call that relies on a longer one could outlive its claim.
func TestNew_RefusesALeaseThatTheCoreWouldNotKeep(t *testing.T) {
	_, err := tilltape.New(memory.New(), tilltest.NewBank(time.Now), &tilltape.Config{CallTimeout: order.LeaseMax,
		Policy: order.Policy{Lease: 2 * order.LeaseMax}})
	require.ErrorIs(t, err, tilltape.ErrConfig)
	require.ErrorIs(t, err, order.ErrPolicy)
	assert.Contains(t, err.Error(), "Lease is 48h0m0s, and 24h0m0s is the most")
	_, err = tilltape.New(memory.New(), tilltest.NewBank(time.Now), &tilltape.Config{CallTimeout: order.LeaseMax,
		Policy: order.Policy{Lease: order.LeaseMax}})
	require.ErrorIs(t, err, tilltape.ErrConfig)
	assert.Contains(t, err.Error(), "not shorter than the lease 24h0m0s")
	_, err = tilltape.New(memory.New(), tilltest.NewBank(time.Now), &tilltape.Config{Grace: -1})
	require.ErrorIs(t, err, tilltape.ErrConfig)
	assert.Contains(t, err.Error(), "Grace is negative")
}
