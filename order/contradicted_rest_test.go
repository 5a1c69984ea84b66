package order

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
)

// A payment in another currency is this order's: what moves of it names its paymentId, and finds the order by that.
func TestContradicted_APaymentInAnotherCurrencyIsLearntByItsID(t *testing.T) {
	x := newTill(t)
	c := create(CaptureManual)
	c.PaymentID = ""
	x.must(c)
	f := authorized()
	f.PaymentID, f.Amount.Currency = "P7", "EUR"
	x.observe(f)
	assert.Equal(t, "P7", x.o.PaymentID)
	assert.Equal(t, []events.Key{events.NewKey(events.KeyPaymentID, "P7")}, x.log[len(x.log)-1].Keys)
	call, ok := x.o.Due(x.now)
	require.True(t, ok)
	assert.Equal(t, "P7", call.PaymentID)
	x.observe(f)
	f.PaymentID = "P8"
	x.observe(f)
	assert.Equal(t, "P7", x.o.PaymentID)
	assert.Empty(t, x.log[len(x.log)-1].Keys, "another payment's is not this order's")
	replayIsLive(t, x)
}
