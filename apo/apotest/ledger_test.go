package apotest_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/apo/apotest"
)

// A simulator under load is asked for one payment's totals after each play: the ledger of all may not be copied then.
func TestOnePaymentsTotalsCostNoLedger(t *testing.T) {
	const payments = 2000
	server, err := apotest.NewUnstartedServer(&apotest.Config{ManualDelivery: true})
	require.NoError(t, err)
	defer server.Close()
	named := map[string]string{}
	for i := range payments {
		p, err := server.Register(apotest.Payment{PaymentRequestID: fmt.Sprintf("order-%d", i), Capture: apotest.Manual,
			Amount: apotest.Amount{Currency: "USD", Minor: int64(i + 1)}})
		require.NoError(t, err)
		require.NoError(t, server.Submit(p.PaymentRequestID))
		named[p.PaymentRequestID] = p.PaymentID
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got := server.Totals("order-7")
	runtime.ReadMemStats(&after)
	assert.Equal(t, apotest.Totals{Currency: "USD", Authorized: 8}, got)
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(payments), "bytes, of a ledger of some hundred thousand")

	all := server.AllTotals() // which adds the ledger up
	assert.Len(t, all, payments)
	for request, id := range named {
		require.Equal(t, all[request], server.Totals(request))
		require.Equal(t, all[request], server.Totals(id))
	}
	assert.Zero(t, server.Totals("nobody"))
}
