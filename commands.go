package tilltape

import (
	"context"

	"github.com/tilltape/tilltape/order"
)

// Create places an order; nothing is sent to APO. The same content again changes nothing and succeeds. Errors:
// *[order.InvalidError]; *[order.RejectedError] where the id stands for other content; [store.ErrKeyTaken] where the
// paymentRequestId or paymentId belongs to another order.
func (s *Orders) Create(ctx context.Context, c order.Create) (order.Order, error) {
	c.CommandID = s.minted(c.CommandID)
	return s.command(ctx, c.OrderID, c)
}

// Cancel cancels the order's payment at APO. A cancel that is not legal is refused with *[order.RejectedError] before
// anything is sent. It returns nil once the order is cancelled; *[order.FailedError] where APO definitely did not do
// it; and *[UnresolvedError] where the outcome is not known: the same command id again asks again.
func (s *Orders) Cancel(ctx context.Context, id string, c order.Cancel) (order.Order, error) {
	c.CommandID = s.minted(c.CommandID)
	return s.command(ctx, id, c)
}

// Capture takes authorized money. Errors as for Cancel.
func (s *Orders) Capture(ctx context.Context, id string, c order.Capture) (order.Order, error) {
	c.CommandID = s.minted(c.CommandID)
	return s.command(ctx, id, c)
}

// Refund gives captured money back. Errors as for Cancel. APO only accepts a refund at first: that is an
// *[UnresolvedError] that also wraps [ErrAccepted]; its notification or an inquiry gives the last word.
func (s *Orders) Refund(ctx context.Context, id string, c order.Refund) (order.Order, error) {
	c.CommandID = s.minted(c.CommandID)
	return s.command(ctx, id, c)
}

// ClearAnomaly closes an open anomaly on a person's word.
func (s *Orders) ClearAnomaly(ctx context.Context, id string, c order.ClearAnomaly) (order.Order, error) {
	c.CommandID = s.minted(c.CommandID)
	return s.command(ctx, id, c)
}

// Resolve ends a parked operation on a person's word. APO is inquired of first, unless it has just been; where that
// decides the operation by itself there is nothing left to resolve, and the error is *[order.RejectedError] with
// [order.ReasonNotParked]. A word that goes against APO's answer is refused with [order.ReasonContradicts] until it
// says that it overrides it.
func (s *Orders) Resolve(ctx context.Context, id string, c order.Resolve) (order.Order, error) {
	c.CommandID = s.minted(c.CommandID)
	return s.informed(ctx, id, c)
}

// Compensate gives back the money that arrived on a cancelled order: a cancel at APO for what is only held, a refund
// for what moved. APO is inquired of first, unless it has just been. Errors as for Cancel and Refund; where there is
// nothing to give back, *[order.RejectedError] with [order.ReasonNoLateMoney].
func (s *Orders) Compensate(ctx context.Context, id string, c order.Compensate) (order.Order, error) {
	c.CommandID = s.minted(c.CommandID)
	return s.informed(ctx, id, c)
}
