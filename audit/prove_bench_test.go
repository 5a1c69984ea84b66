package audit_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store/memory"
)

// BenchmarkProve reports what a record of the log costs.
func BenchmarkProve(b *testing.B) {
	log, err := memory.NewSealed(memory.Config{Origin: "shop.example/orders"})
	require.NoError(b, err)
	w := newWriter(func(int) int { return 0 })
	w.log = log
	const orders, records = 10_000, 30_000
	for i := range orders {
		id := fmt.Sprint("o-", i)
		w.give(id, order.Create{OrderID: id, PaymentRequestID: "preq-" + id, Amount: usd(amount), Method: "CARD",
			CaptureMode: order.CaptureManual})
		w.give(id, order.Cancel{CommandID: w.id(), Reason: "changed their mind", Actor: "ada"})
	}
	signer := shopKey(b)
	b.ReportAllocs()
	for b.Loop() {
		prove(b, log, "o-77", &audit.ProveConfig{Signer: signer})
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/records, "ns/record")
}
