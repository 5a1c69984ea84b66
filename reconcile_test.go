package tilltape_test

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
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

// taken is a manual card order that is paid and captured, with APO and the log agreeing.
func (x *ear) taken(id string) {
	x.t.Helper()
	x.sell(id)
	require.NoError(x.t, x.server.Submit("preq-"+id))
	require.True(x.t, x.deliver())
	_, err := x.orders.Capture(x.ctx, id, order.Capture{Amount: usd(theAmount)})
	require.NoError(x.t, err)
	require.True(x.t, x.deliver())
}

// words are the differences as people read them.
func words(r tilltape.Reconciliation) (lines []string) {
	for _, d := range r.Differences {
		lines = append(lines, d.String())
	}
	return lines
}

func TestReconcile_TellsWhatTheLogDidNotHave(t *testing.T) {
	stores(t, func(t *testing.T, log store.Log) {
		x := newEar(t, log, earConfig{})
		x.sell("o-1")
		require.NoError(t, x.server.Submit("preq-o-1")) // and its notification is on its way
		_, err := x.server.DashboardCapture("preq-o-1", theAmount)
		require.NoError(t, err)
		refund, err := x.server.DashboardRefund("preq-o-1", thePart)
		require.NoError(t, err)

		r, err := x.orders.Reconcile(x.ctx, "o-1")
		require.NoError(t, err)
		assert.True(t, r.Whole)
		assert.Equal(t, events.InquiryAnswers, r.Answer)
		assert.Equal(t, order.Refunded, r.Order.Status)
		require.Len(t, r.Differences, 3, "payment, capture, refund: %q", words(r))
		assert.Equal(t, events.KindPaymentAuthorized, r.Differences[0].Fact)
		assert.Equal(t, events.KindCaptureSucceeded, r.Differences[1].Fact)
		assert.Equal(t, "refund.succeeded "+refund+" USD 4.00", words(r)[2])
		x.agrees("o-1")

		again, err := x.orders.Reconcile(x.ctx, "o-1")
		require.NoError(t, err)
		assert.True(t, again.Whole)
		assert.Empty(t, again.Differences, "it is as APO says")
		assert.Equal(t, r.Order.Version+2, again.Order.Version, "that APO was asked is on record too")
		assert.Equal(t, again.Order, x.order("o-1"))
	})
}

func TestReconcile_OfAPaymentThatAPODoesNotKnow(t *testing.T) {
	x := newEar(t, memory.New(), earConfig{})
	x.place("o-1", order.CaptureManual)
	r, err := x.orders.Reconcile(x.ctx, "o-1")
	require.NoError(t, err)
	assert.True(t, r.Whole)
	assert.Equal(t, events.InquiryNotExist, r.Answer)
	assert.Empty(t, r.Differences)
	assert.Equal(t, order.Created, r.Order.Status, "the buyer may still come")
	_, err = x.orders.Reconcile(x.ctx, "o-2")
	require.ErrorIs(t, err, order.ErrUnknownOrder)
	_, err = x.orders.Reconcile(x.ctx, "")
	require.ErrorIs(t, err, order.ErrInvalid)
}

func TestReconcile_ARefundUnderWayIsAskedAboutFirst(t *testing.T) {
	x := newEar(t, memory.New(), earConfig{script: []apotest.Fault{{Op: "notifyRefund", Do: apotest.Lose}}, async: true})
	x.taken("o-1")
	_, err := x.orders.Refund(x.ctx, "o-1", order.Refund{ID: "refund-1", Amount: usd(thePart)})
	require.ErrorIs(t, err, tilltape.ErrAccepted)
	_, err = x.server.DashboardRefund("preq-o-1", 100)
	require.NoError(t, err)

	r, err := x.orders.Reconcile(x.ctx, "o-1")
	require.NoError(t, err)
	assert.False(t, r.Whole, "APO works on it, and was asked about that alone")
	assert.Equal(t, order.Accepted, r.Order.Operation.Phase)
	assert.Empty(t, r.Differences)

	require.NoError(t, x.server.FinishRefund("preq-o-1", true))
	r, err = x.orders.Reconcile(x.ctx, "o-1")
	require.NoError(t, err)
	assert.True(t, r.Whole)
	assert.Len(t, r.Differences, 2, "ours has ended, and somebody made another: %q", words(r))
	assert.Equal(t, thePart+100, r.Order.Refunded)
	assert.Equal(t, order.OutcomeSucceeded, r.Order.Command("refund-1").Outcome)
	x.agrees("o-1")
}

// A cancel whose answer was lost is found out, and one that never came is asked for again, by the same identifier.
func TestReconcile_EndsACancelWithoutAnOutcome(t *testing.T) {
	for name, after := range map[string]bool{"done, answer lost": true, "never arrived": false} {
		t.Run(name, func(t *testing.T) {
			x := newEar(t, memory.New(), earConfig{script: []apotest.Fault{{Op: "cancel", From: 1, Do: apotest.Cut, After: after}}})
			x.sell("o-1")
			require.NoError(t, x.server.Submit("preq-o-1"))
			require.True(t, x.deliver())
			_, err := x.orders.Cancel(x.ctx, "o-1", order.Cancel{})
			require.ErrorIs(t, err, tilltape.ErrUnresolved)
			x.clock.Advance(time.Hour)
			r, err := x.orders.Reconcile(x.ctx, "o-1")
			require.NoError(t, err)
			assert.Equal(t, order.Cancelled, r.Order.Status)
			assert.Zero(t, x.server.Totals("preq-o-1").Held())
		})
	}
}

func TestReconcile_SaysNothingWhereAPOSaysNothing(t *testing.T) {
	x := newEar(t, memory.New(), earConfig{})
	x.taken("o-1")
	before := x.order("o-1")
	for says, f := range map[string]apotest.Fault{
		"Signature":     {Op: "inquiryPayment", Do: apotest.Unsigned},
		"ACCESS_DENIED": {Op: "inquiryPayment", Do: apotest.Refuse, Code: "ACCESS_DENIED"},
	} {
		x.server.ClearScript()
		require.NoError(t, x.server.Script(f))
		r, err := x.orders.Reconcile(x.ctx, "o-1")
		require.ErrorIs(t, err, tilltape.ErrUnresolved)
		assert.Contains(t, err.Error(), "order o-1: reconcile: ")
		assert.Contains(t, err.Error(), says)
		assert.False(t, r.Whole)
		assert.Empty(t, r.Differences)
		assert.Equal(t, before.Status, x.order("o-1").Status)
		assert.Equal(t, before.Captured, x.order("o-1").Captured)
	}
	x.server.ClearScript()
	r, err := x.orders.Reconcile(x.ctx, "o-1")
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
	var x *ear
	var inner error
	x = newEar(t, memory.New(), earConfig{gateway: func(c *apo.Client) tilltape.Gateway {
		return asking{c, func() { _, inner = x.orders.Reconcile(x.ctx, "o-1") }}
	}})
	x.taken("o-1")
	_, err := x.orders.Reconcile(x.ctx, "o-1")
	require.NoError(t, err)
	require.ErrorIs(t, inner, order.ErrNotDue)
	assert.Equal(t, 1, x.server.Count("inquiryPayment"))
}

func TestReconcile_TellsOfALogThatFails(t *testing.T) {
	log := &flaky{Log: memory.New()}
	x := newEar(t, log, earConfig{})
	x.taken("o-1")
	log.read = func() error { return errDisk }
	_, err := x.orders.Reconcile(x.ctx, "o-1")
	require.ErrorIs(t, err, errDisk)
	reads := 0
	log.read = func() error { // the order is read, and read to be driven; what was learnt is not
		if reads++; reads > 2 {
			return errDisk
		}
		return nil
	}
	_, err = x.orders.Reconcile(x.ctx, "o-1")
	require.ErrorIs(t, err, errDisk)
	log.read, log.append = nil, on(events.KindInquiryAnswered, appendFails, -1)
	_, err = x.orders.Reconcile(x.ctx, "o-1")
	require.ErrorIs(t, err, errDisk)
	require.NotErrorIs(t, err, order.ErrNotDue)
}
