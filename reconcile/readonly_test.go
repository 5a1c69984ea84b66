package reconcile_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/reconcile"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

// Whoever only looks is told what APO has and the log has not, and leaves both as they are: the log without a record
// more, and APO without a cancel that a service would have sent again.
func TestReadOnly_LeavesTheLogAndAPOAsTheyAre(t *testing.T) {
	ctx := t.Context()
	server, err := apotest.NewServer(nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, server.Close()) }()
	client, err := apo.NewClient(server.URL(), server.ClientID(), server.Keys(), nil)
	require.NoError(t, err)
	defer client.Close()
	log := memory.New()
	orders, err := tilltape.New(log, client, nil)
	require.NoError(t, err)
	for _, id := range []string{"paid", "cancelled"} {
		_, err := orders.Create(ctx, order.Create{OrderID: id, PaymentRequestID: "pay-" + id,
			Amount: order.Money{Minor: 1000, Currency: "USD"}, Method: order.MethodCard, CaptureMode: order.CaptureManual})
		require.NoError(t, err)
		_, err = server.Register(apotest.Payment{PaymentRequestID: "pay-" + id, Capture: apotest.Manual,
			Amount: apotest.Amount{Currency: "USD", Minor: 1000}})
		require.NoError(t, err)
		require.NoError(t, server.Submit("pay-"+id))
	}
	_, err = orders.Reconcile(ctx, "cancelled")
	require.NoError(t, err)
	require.NoError(t, server.Script(apotest.Fault{Op: apotest.OpCancel, Do: apotest.Cut, From: 1}))
	_, err = orders.Cancel(ctx, "cancelled", order.Cancel{Reason: "changed their mind", Actor: "alice"})
	require.ErrorIs(t, err, tilltape.ErrUnresolved)
	require.NoError(t, orders.Close())
	size := func() (n int) {
		for _, err := range log.All(ctx, store.Start()) {
			require.NoError(t, err)
			n++
		}
		return n
	}
	records, cancels := size(), server.Count(apotest.OpCancel)

	asker, err := reconcile.ReadOnly(log, scratch, client, nil)
	require.NoError(t, err)
	for range 2 { // nothing is remembered, so it differs again
		found, err := asker.Reconcile(ctx, "paid")
		require.NoError(t, err)
		assert.Equal(t, order.Authorized, found.Order.Status)
		require.Len(t, found.Differences, 1)
		assert.Equal(t, events.KindPaymentAuthorized, found.Differences[0].Fact)
	}
	_, _ = asker.Reconcile(ctx, "cancelled") // whatever becomes of it
	assert.Equal(t, cancels, server.Count(apotest.OpCancel), "a service would have cancelled again")
	assert.Equal(t, records, size(), "nothing was written")
	_, err = asker.Reconcile(ctx, "nobody's")
	require.ErrorIs(t, err, order.ErrUnknownOrder)
	_, err = reconcile.ReadOnly(log, scratch, client, &tilltape.Config{CallTimeout: -1})
	require.ErrorIs(t, err, tilltape.ErrConfig)
}

// Only a report of what was looked at alone says so: what another asker finds is booked.
func TestTheReportSaysWhatIsNotBooked(t *testing.T) {
	log, o := found(t)
	report, err := reconcile.All(t.Context(), log, o, config())
	require.NoError(t, err)
	assert.False(t, report.ReadOnly)
	report.ReadOnly = true
	var text strings.Builder
	require.NoError(t, report.WriteText(&text))
	assert.Contains(t, text.String(), "is missing in the log")
	assert.NotContains(t, text.String(), "booked now")
}
