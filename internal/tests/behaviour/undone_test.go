package behaviour_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store/memory"
)

// Paid at 12:00:06, cancelled with S at 12:00:11, and the payment's notification comes after that: the cancel gave it
// back, so there is nothing to look at, nothing to ask for and nothing to refund.
func TestGuide_APaymentThatTheCancelUndidIsNotLate(t *testing.T) {
	for name, mode := range tilltest.Modes {
		for channel, tell := range map[string]func(*tilltest.Till){
			"notification": func(x *tilltest.Till) {
				x.Observe(tilltest.PaymentNotice(tilltest.Notice{Payment: tilltest.ThePayment,
					PaymentRequest: tilltest.TheRequest, Minor: tilltest.TheAmount, At: tilltest.Dawn().Add(6 * time.Second)}))
			},
			"line of an inquiry": func(x *tilltest.Till) {
				for _, v := range tilltest.CancelledPicture(tilltest.Dawn().Add(6*time.Second), x.Clock.Now()) {
					x.Observe(v)
				}
			},
		} {
			t.Run(name+" by "+channel, func(t *testing.T) {
				x := tilltest.NewTill(t, memory.New())
				x.Config.Policy.ReconcileFor = 0
				x.Open(x.Bank)
				x.Place(mode)
				x.Clock.Pass(6 * time.Second)
				x.Bank.BuyerPays(tilltest.TheRequest, tilltest.TheAmount, mode != order.CaptureNone)
				x.Clock.Pass(5 * time.Second)
				result, err := x.Cancel()
				require.NoError(t, err)
				require.Equal(t, order.Cancelled, result.Order.Status)
				x.Clock.Pass(time.Second)
				tell(x)

				o := x.Get()
				assert.Equal(t, []any{order.Cancelled, order.Late{}, tilltest.TheAmount, order.GatewayNone, time.Time{}},
					[]any{o.Status, o.Late, o.Authorized, o.Gateway, o.NextDue()})
				assert.Empty(t, tilltest.Anomalies(o))
				calls := x.Bank.Touched()
				_, err = x.Orders.Compensate(x.Ctx, o.ID, order.Compensate{})
				tilltest.Rejected(t, err, order.ReasonNoLateMoney)
				x.Exhaust(100 * 24 * time.Hour)
				assert.Equal(t, calls, x.Bank.Touched(), "nothing is sent, then or later")
				require.NoError(t, x.Lawful())
				require.NoError(t, x.Honest())
			})
		}
	}
}
