package behaviour_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store/memory"
)

// Late money that is captured in part stays an anomaly after that part went back: the rest is still held.
func TestLaw_LateMoneyIsNotSilentWhileSomeIsHeld(t *testing.T) {
	for minor, want := range map[int64][]events.AnomalyReason{tilltest.ThePart: {events.LatePayment},
		tilltest.TheAmount: nil} {
		x := tilltest.NewTill(t, memory.New())
		x.Place(order.CaptureManual)
		x.Bank.BuyerPays(tilltest.TheRequest, tilltest.TheAmount, true)
		_, err := x.Cancel()
		require.NoError(t, err)
		x.Paid()
		x.Observe(tilltest.CaptureNotice(tilltest.Notice{Payment: tilltest.ThePayment, Transfer: "cap-late", Minor: minor,
			At: tilltest.Dawn()}))
		o := x.Observe((&tilltest.Till{}).RefundOfOurs(minor))
		assert.Equal(t, order.Late{Authorized: tilltest.TheAmount, Captured: minor, Refunded: minor}, o.Late)
		assert.Equal(t, want, tilltest.Anomalies(o))
		require.NoError(t, x.Lawful())
	}
}

// A refund on a cancelled order is held while the payment it came from may still be told of, and a contradiction where
// the known payment has no room for it.
func TestLaw_ARefundThatNeverFitsIsNotHeld(t *testing.T) {
	for _, known := range []bool{false, true} {
		x := tilltest.NewTill(t, memory.New())
		x.Place(order.CaptureManual)
		x.Bank.BuyerPays(tilltest.TheRequest, tilltest.TheAmount, true)
		_, err := x.Cancel()
		require.NoError(t, err)
		if known {
			x.Paid()
		}
		o := x.Observe(tilltest.DashboardRefund("ref-d", tilltest.TheAmount+1))
		if known {
			assert.Empty(t, o.Held)
			assert.Equal(t, []events.AnomalyReason{events.LatePayment, events.BeyondAuthorized}, tilltest.Anomalies(o))
			continue
		}
		assert.Len(t, o.Held, 1)
		x.Paid()
		o = x.Get()
		assert.Empty(t, o.Held)
		assert.Contains(t, tilltest.Anomalies(o), events.BeyondAuthorized)
		require.NoError(t, x.Lawful())
	}
}
