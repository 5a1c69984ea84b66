package notify_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/notify"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
)

// A dispute's whole life over HTTP, its messages twice and out of order: refunds wait for its end, and what it took is
// an amount of its own, here as on APO's ledger.
func TestNotificationsOfADispute(t *testing.T) {
	tilltest.Stores(t, func(t *testing.T, log store.Log) {
		x := tilltest.NewEar(t, log, tilltest.EarConfig{Script: []apotest.Fault{
			{Op: apotest.OpNotifyDispute, From: 1, To: 9, Do: apotest.Duplicate, Times: 1},
			{Op: apotest.OpNotifyDispute, From: 1, Do: apotest.Reorder}}})
		x.Sell("o-1")
		require.NoError(t, x.Server.Submit("preq-o-1"))
		require.True(t, x.Deliver())
		_, err := x.Orders.Capture(x.Ctx, "o-1", order.Capture{Amount: tilltest.USD(tilltest.TheAmount)})
		require.NoError(t, err)
		require.True(t, x.Deliver())

		id, err := x.Server.OpenDispute("preq-o-1", apotest.Dispute{Minor: tilltest.ThePart, ReasonCode: "4853"})
		require.NoError(t, err)
		require.NoError(t, x.Server.AlertDispute(id))
		require.True(t, x.Deliver(), "in whatever order")
		o := x.Order("o-1")
		assert.Equal(t, []any{order.Captured, "needs attention", tilltest.TheAmount - tilltest.ThePart},
			[]any{o.Status, o.Words(), o.Refundable()})
		assert.Equal(t, x.Clock.Now().Add(apotest.DefenceTime).Truncate(time.Second), o.Head().DisputeBy)
		assert.Equal(t, []string{"o-1"}, tilltest.IDsOf(t, x.Orders.Disputes(x.Ctx)))
		_, err = x.Orders.Refund(x.Ctx, "o-1", order.Refund{Amount: tilltest.USD(1)})
		tilltest.Rejected(t, err, order.ReasonDisputed)

		require.NoError(t, x.Server.DefendDispute(id))
		require.True(t, x.Deliver())
		assert.Empty(t, tilltest.IDsOf(t, x.Orders.Disputes(x.Ctx)))
		assert.Equal(t, "disputed", x.Order("o-1").Words())

		require.NoError(t, x.Server.EndDispute(id, apo.DisputeMerchantLiable, tilltest.ThePart-1))
		require.True(t, x.Deliver())
		o = x.Order("o-1")
		assert.Equal(t, []int64{tilltest.ThePart - 1, 0, tilltest.TheAmount - tilltest.ThePart + 1},
			[]int64{o.Disputed, o.Refunded, o.Refundable()})
		assert.Empty(t, o.Anomalies)
		assert.Len(t, o.Disputes(), 1)
		x.Agrees("o-1")
		s := x.Handler.Stats()
		assert.Equal(t, notify.Stats{Received: s.Received, Acknowledged: s.Received, Duplicate: s.Duplicate}, s)

		_, err = x.Orders.Refund(x.Ctx, "o-1", order.Refund{Amount: tilltest.USD(o.Refundable())})
		require.NoError(t, err)
		_, err = audit.Replay(x.Ctx, log, nil)
		require.NoError(t, err, "each record is as APO's message beside it says")
	})
}

// A dispute that is told before the payment it is about: it is recorded, and so is all else when it comes.
func TestADisputeThatOvertakesItsPayment(t *testing.T) {
	tilltest.Stores(t, func(t *testing.T, log store.Log) {
		x := tilltest.NewEar(t, log, tilltest.EarConfig{})
		x.Sell("o-1")
		require.NoError(t, x.Server.Submit("preq-o-1"))
		_, err := x.Server.DashboardCapture("preq-o-1", tilltest.TheAmount)
		require.NoError(t, err)
		_, err = x.Server.OpenDispute("preq-o-1", apotest.Dispute{Minor: tilltest.ThePart})
		require.NoError(t, err)
		status, _ := x.Send(x.Newest(), nil)
		assert.Equal(t, http.StatusOK, status)
		o := x.Order("o-1")
		assert.Equal(t, []any{order.Created, "pay-o-1", 1}, []any{o.Status, o.PaymentID, len(o.Disputes())})
		require.True(t, x.Deliver())
		o = x.Order("o-1")
		assert.Equal(t, []any{order.Captured, tilltest.TheAmount - tilltest.ThePart, 1, 0},
			[]any{o.Status, o.Refundable(), len(o.Disputes()), len(o.Anomalies)})
	})
}
