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
	"github.com/tilltape/tilltape/store/memory"
)

// taken is a manual card order that is paid and captured, with APO and the log agreeing.
func taken(x *tilltest.Ear, id string) {
	x.T.Helper()
	x.Sell(id)
	require.NoError(x.T, x.Server.Submit("preq-"+id))
	require.True(x.T, x.Deliver())
	_, err := x.Orders.Capture(x.Ctx, id, order.Capture{Amount: tilltest.USD(tilltest.TheAmount)})
	require.NoError(x.T, err)
	require.True(x.T, x.Deliver())
}

// words are the differences as people read them.
func words(r tilltape.Reconciliation) (lines []string) {
	for _, d := range r.Differences {
		lines = append(lines, d.String())
	}
	return lines
}

func TestReconcile_TellsWhatTheLogDidNotHave(t *testing.T) {
	tilltest.Stores(t, func(t *testing.T, log store.Log) {
		x := tilltest.NewEar(t, log, tilltest.EarConfig{})
		x.Sell("o-1")
		require.NoError(t, x.Server.Submit("preq-o-1")) // and its notification is on its way
		_, err := x.Server.DashboardCapture("preq-o-1", tilltest.TheAmount)
		require.NoError(t, err)
		refund, err := x.Server.DashboardRefund("preq-o-1", tilltest.ThePart)
		require.NoError(t, err)

		r, err := x.Orders.Reconcile(x.Ctx, "o-1")
		require.NoError(t, err)
		assert.True(t, r.Whole)
		assert.Equal(t, events.InquiryAnswers, r.Answer)
		assert.Equal(t, order.Refunded, r.Order.Status)
		require.Len(t, r.Differences, 3, "payment, capture, refund: %q", words(r))
		assert.Equal(t, events.KindPaymentAuthorized, r.Differences[0].Fact)
		assert.Equal(t, events.KindCaptureSucceeded, r.Differences[1].Fact)
		assert.Equal(t, "refund.succeeded "+refund+" USD 4.00", words(r)[2])
		x.Agrees("o-1")

		again, err := x.Orders.Reconcile(x.Ctx, "o-1")
		require.NoError(t, err)
		assert.True(t, again.Whole)
		assert.Empty(t, again.Differences, "it is as APO says")
		assert.Equal(t, r.Order.Version+2, again.Order.Version, "that APO was asked is on record too")
		assert.Equal(t, again.Order, x.Order("o-1"))
	})
}

func TestReconcile_OfAPaymentThatAPODoesNotKnow(t *testing.T) {
	x := tilltest.NewEar(t, memory.New(), tilltest.EarConfig{})
	x.Place("o-1", order.CaptureManual)
	r, err := x.Orders.Reconcile(x.Ctx, "o-1")
	require.NoError(t, err)
	assert.True(t, r.Whole)
	assert.Equal(t, events.InquiryNotExist, r.Answer)
	assert.Empty(t, r.Differences)
	assert.Equal(t, order.Created, r.Order.Status, "the buyer may still come")
	_, err = x.Orders.Reconcile(x.Ctx, "o-2")
	require.ErrorIs(t, err, order.ErrUnknownOrder)
	_, err = x.Orders.Reconcile(x.Ctx, "")
	require.ErrorIs(t, err, order.ErrInvalid)
}

func TestReconcile_ARefundUnderWayIsAskedAboutFirst(t *testing.T) {
	x := tilltest.NewEar(t, memory.New(),
		tilltest.EarConfig{Script: []apotest.Fault{{Op: "notifyRefund", Do: apotest.Lose}}, Async: true})
	taken(x, "o-1")
	accepted, err := x.Orders.Refund(x.Ctx, "o-1", order.Refund{CommandID: "refund-1",
		Amount: tilltest.USD(tilltest.ThePart)})
	require.NoError(t, err)
	assert.Equal(t, tilltape.Accepted, accepted.Outcome)
	_, err = x.Server.DashboardRefund("preq-o-1", 100)
	require.NoError(t, err)

	r, err := x.Orders.Reconcile(x.Ctx, "o-1")
	require.NoError(t, err)
	assert.False(t, r.Whole, "APO works on it, and was asked about that alone")
	assert.Equal(t, order.Accepted, tilltest.Op(r.Order).Phase)
	assert.Empty(t, r.Differences)

	require.NoError(t, x.Server.FinishRefund("preq-o-1", true))
	r, err = x.Orders.Reconcile(x.Ctx, "o-1")
	require.NoError(t, err)
	assert.True(t, r.Whole)
	assert.Len(t, r.Differences, 2, "ours has ended, and somebody made another: %q", words(r))
	assert.Equal(t, tilltest.ThePart+100, r.Order.Refunded)
	assert.Equal(t, order.OutcomeSucceeded, r.Order.Command("refund-1").Outcome)
	x.Agrees("o-1")
}

// A cancel whose answer was lost is found out, and one that never came is asked for again, by the same identifier.
func TestReconcile_EndsACancelWithoutAnOutcome(t *testing.T) {
	for name, after := range map[string]bool{"done, answer lost": true, "never arrived": false} {
		t.Run(name, func(t *testing.T) {
			x := tilltest.NewEar(t, memory.New(),
				tilltest.EarConfig{Script: []apotest.Fault{{Op: "cancel", From: 1, Do: apotest.Cut, After: after}}})
			x.Sell("o-1")
			require.NoError(t, x.Server.Submit("preq-o-1"))
			require.True(t, x.Deliver())
			_, err := x.Orders.Cancel(x.Ctx, "o-1", order.Cancel{})
			require.ErrorIs(t, err, tilltape.ErrUnresolved)
			x.Clock.Advance(time.Hour)
			r, err := x.Orders.Reconcile(x.Ctx, "o-1")
			require.NoError(t, err)
			assert.Equal(t, order.Cancelled, r.Order.Status)
			assert.Zero(t, x.Server.Totals("preq-o-1").Held())
		})
	}
}

func TestReconcile_SaysNothingWhereAPOSaysNothing(t *testing.T) {
	x := tilltest.NewEar(t, memory.New(), tilltest.EarConfig{})
	taken(x, "o-1")
	before := x.Order("o-1")
	for says, f := range map[string]apotest.Fault{
		"Signature":     {Op: "inquiryPayment", Do: apotest.Unsigned},
		"ACCESS_DENIED": {Op: "inquiryPayment", Do: apotest.Refuse, Code: "ACCESS_DENIED"},
	} {
		x.Server.ClearScript()
		require.NoError(t, x.Server.Script(f))
		r, err := x.Orders.Reconcile(x.Ctx, "o-1")
		require.ErrorIs(t, err, tilltape.ErrUnresolved)
		assert.Contains(t, err.Error(), "order o-1: reconcile: ")
		assert.Contains(t, err.Error(), says)
		assert.False(t, r.Whole)
		assert.Empty(t, r.Differences)
		assert.Equal(t, before.Status, x.Order("o-1").Status)
		assert.Equal(t, before.Captured, x.Order("o-1").Captured)
	}
	x.Server.ClearScript()
	r, err := x.Orders.Reconcile(x.Ctx, "o-1")
	require.NoError(t, err, "asking again is all it takes")
	assert.True(t, r.Whole)
}

// asking lets a test look on while APO is asked.
type asking struct {
	*apo.Client
	while func()
}

func (a asking) InquirePayment(ctx context.Context, r apo.InquirePaymentRequest) apo.PaymentPicture {
	a.while()
	return a.Client.InquirePayment(ctx, r)
}

func TestReconcile_NeverAsksBesideAnother(t *testing.T) {
	var x *tilltest.Ear
	var inner error
	x = tilltest.NewEar(t, memory.New(), tilltest.EarConfig{Gateway: func(c *apo.Client) tilltape.Gateway {
		return asking{c, func() { _, inner = x.Orders.Reconcile(x.Ctx, "o-1") }}
	}})
	taken(x, "o-1")
	_, err := x.Orders.Reconcile(x.Ctx, "o-1")
	require.NoError(t, err)
	require.ErrorIs(t, inner, order.ErrNotDue)
	assert.Equal(t, 1, x.Server.Count("inquiryPayment"))
}

func TestReconcile_TellsOfALogThatFails(t *testing.T) {
	log := &tilltest.Flaky{Log: memory.New()}
	x := tilltest.NewEar(t, log, tilltest.EarConfig{})
	taken(x, "o-1")
	log.OnRead = func() error { return tilltest.ErrDisk }
	_, err := x.Orders.Reconcile(x.Ctx, "o-1")
	require.ErrorIs(t, err, tilltest.ErrDisk)
	reads := 0
	log.OnRead = func() error { // the order is read, and read to be driven; what was learnt is not
		if reads++; reads > 2 {
			return tilltest.ErrDisk
		}
		return nil
	}
	_, err = x.Orders.Reconcile(x.Ctx, "o-1")
	require.ErrorIs(t, err, tilltest.ErrDisk)
	log.OnRead, log.OnAppend = nil, tilltest.On(events.KindInquiryAnswered, tilltest.AppendFails, -1)
	_, err = x.Orders.Reconcile(x.Ctx, "o-1")
	require.ErrorIs(t, err, tilltest.ErrDisk)
	require.NotErrorIs(t, err, order.ErrNotDue)
}
