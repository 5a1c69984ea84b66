package behaviour_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
)

// What an inquiry booked is in the log, and no later inquiry tells of it: APO and the log agree from then on. So it is
// told beside whatever ends the reconciliation behind it. Here the log takes no call that follows the inquiry.
func TestReconcile_TellsWhatItBookedBesideAnErrorOfTheLog(t *testing.T) {
	tilltest.Stores(t, func(t *testing.T, log store.Log) {
		flaky := &tilltest.Flaky{Log: log}
		x := tilltest.NewEar(t, flaky,
			tilltest.EarConfig{Script: []apotest.Fault{{Op: "cancel", From: 1, Do: apotest.Cut}}})
		x.Sell("o-1")
		require.NoError(t, x.Server.Submit("preq-o-1")) // and its notification is on its way
		_, err := x.Orders.Cancel(x.Ctx, "o-1", order.Cancel{})
		require.ErrorIs(t, err, tilltape.ErrUnresolved)
		x.Clock.Advance(time.Hour)
		flaky.OnAppend = tilltest.On(events.KindAttemptStarted, tilltest.AppendFails, -1)
		r, err := x.Orders.Reconcile(x.Ctx, "o-1")
		require.ErrorIs(t, err, tilltest.ErrDisk)
		assert.Equal(t, 1, r.Inquiries)
		require.Len(t, r.Differences, 1, "%q", words(r))
		assert.Equal(t, events.KindPaymentAuthorized, r.Differences[0].Fact)
	})
}

// The first inquiry ends a refund, and the second one, about the payment, is not answered, or not even begun.
func TestReconcile_TellsWhatTheFirstInquiryBooked(t *testing.T) {
	for name, second := range map[string]struct {
		ends error
		cut  func(x *tilltest.Ear, log *tilltest.Flaky)
	}{
		"APO does not answer": {tilltape.ErrUnresolved, func(x *tilltest.Ear, _ *tilltest.Flaky) {
			require.NoError(x.T, x.Server.Script(apotest.Fault{Op: "inquiryPayment", Do: apotest.Unsigned}))
		}},
		"the log does not take the question": {tilltest.ErrDisk, func(_ *tilltest.Ear, log *tilltest.Flaky) {
			asked := 0
			log.OnAppend = func(records []events.Record) tilltest.AppendFault {
				if _, is := records[len(records)-1].Event.(events.InquiryStarted); is {
					asked++
				}
				if asked > 1 {
					return tilltest.AppendFails
				}
				return tilltest.AppendWorks
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			tilltest.Stores(t, func(t *testing.T, log store.Log) {
				flaky := &tilltest.Flaky{Log: log}
				x := tilltest.NewEar(t, flaky,
					tilltest.EarConfig{Script: []apotest.Fault{{Op: "notifyRefund", Do: apotest.Lose}}, Async: true})
				taken(x, "o-1")
				_, err := x.Orders.Refund(x.Ctx, "o-1", order.Refund{Amount: tilltest.USD(tilltest.ThePart)})
				require.NoError(t, err)
				require.NoError(t, x.Server.FinishRefund("preq-o-1", true))
				second.cut(x, flaky)
				r, err := x.Orders.Reconcile(x.Ctx, "o-1")
				require.ErrorIs(t, err, second.ends)
				assert.False(t, r.Whole)
				require.Len(t, r.Differences, 1, "%q", words(r))
				assert.Equal(t, events.KindRefundSucceeded, r.Differences[0].Fact)
			})
		})
	}
}

// answered lets a test look on once APO has answered an inquiry.
type answered struct {
	*apo.Client
	then func()
}

func (a answered) InquirePayment(ctx context.Context, r apo.InquirePaymentRequest) apo.PaymentPicture {
	defer a.then()
	return a.Client.InquirePayment(ctx, r)
}

// Who goes while the answer is being booked is told what it was all the same.
func TestReconcile_TellsWhatItBookedToACallerWhoHasGone(t *testing.T) {
	tilltest.Stores(t, func(t *testing.T, log store.Log) {
		ctx, leave := context.WithCancel(t.Context())
		defer leave()
		x := tilltest.NewEar(t, log, tilltest.EarConfig{Gateway: func(c *apo.Client) tilltape.Gateway {
			return answered{c, leave}
		}})
		taken(x, "o-1")
		refund, err := x.Server.DashboardRefund("preq-o-1", tilltest.ThePart)
		require.NoError(t, err)
		r, err := x.Orders.Reconcile(ctx, "o-1")
		require.NoError(t, err, "nothing is left to be asked")
		assert.True(t, r.Whole)
		require.Len(t, r.Differences, 1)
		assert.Equal(t, refund, r.Differences[0].TransferID)
		require.ErrorIs(t, ctx.Err(), context.Canceled)
	})
}
