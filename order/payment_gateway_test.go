package order

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
)

// A person's word that the payment is of the smaller amount can make a part that APO has captured by itself all of it:
// then its own capture is over.
func TestPaymentDoubt_ASmallerAmountEndsTheGatewaysCapture(t *testing.T) {
	x := placed(t, CaptureAutomatic)
	x.observe(authorized())
	x.observe(ofAmount(authorized(), 800))
	x.observe(captured("C1", 800))
	require.Equal(t, GatewayOutstanding, x.o.Gateway)
	for range 2 {
		x.inquire(tells(StateProcessing))
	}
	require.NotEmpty(t, x.o.Doubts())
	x.must(Resolve{Record: x.o.Doubts()[0], Resolution: events.ResolvedFailed, Statement: "APO ticket 7"})
	assert.Equal(t, []int64{800, 800, 0}, amounts(x.o))
	assert.NotEqual(t, GatewayOutstanding, x.o.Gateway)
	replayIsLive(t, x)
}
