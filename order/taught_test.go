package order

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A paymentId that a first message about a transfer left out is learnt from the next one: without it no capture or
// refund can be asked for.
func TestTaught_ThePaymentIDByATransferToldAgain(t *testing.T) {
	for name, f := range map[string]Fact{"capture": captured("C1", 600), "refund": refunded("F1", 100),
		"held refund": refunded("F2", 300), "raise": raised("u1", 1500)} {
		t.Run(name, func(t *testing.T) {
			x := newTill(t)
			c := create(CaptureManual)
			c.PaymentID = ""
			x.must(c)
			auth := authorized()
			auth.PaymentID = ""
			x.observe(auth)
			if name == "refund" {
				x.observe(captured("C1", 600))
			}
			f.PaymentID = ""
			x.observe(f)
			was := amounts(x.o)
			require.Empty(t, x.observe(f), "the same")
			require.Empty(t, x.o.PaymentID)
			f.PaymentID = "P1"
			require.Len(t, x.observe(f), 1)
			assert.Equal(t, "P1", x.o.PaymentID)
			assert.Equal(t, was, amounts(x.o))
			assert.Empty(t, x.o.Anomalies)
			require.Empty(t, x.observe(f))
			replayIsLive(t, x)
		})
	}
}
