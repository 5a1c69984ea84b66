package tilltape

import (
	"context"

	"github.com/tilltape/tilltape/order"
)

// Create places an order; nothing is sent to APO. The same content again changes nothing and succeeds. It is [Done]
// without an error, and never [Accepted].
//
// Errors: *[order.RejectedError] where the id stands for other content; *[order.InvalidError]; *[order.MismatchError]
// where the command's id stands for another one; [store.ErrKeyTaken] where the paymentRequestId or paymentId belongs to
// another order; [ErrInDoubt]; [ErrContended]; [ErrClosed]; [store.ErrUnavailable], [store.ErrClosed] or another error
// of the log's; and ctx's where it ended first. The result's order is as it is on record, with an error too where there
// is one.
func (s *Orders) Create(ctx context.Context, c order.Create) (Result, error) {
	c.CommandID = s.minted(c.CommandID)
	return s.command(ctx, c.OrderID, c)
}

// Cancel cancels the order's payment at APO, and is [Done] once it is cancelled.
//
// Errors: *[order.RejectedError] where it is not legal, before anything is sent; *[order.FailedError] where APO
// definitely did not do it, or another fact ended it; *[UnresolvedError] where the outcome is not known: the same
// command id again asks again; *[order.InvalidError]; [order.ErrUnknownOrder]; *[order.MismatchError]; [ErrInDoubt];
// [ErrContended]; [ErrClosed]; [store.ErrUnavailable], [store.ErrClosed] or another error of the log's; and ctx's where
// it ended before anything was done. The result's order is as it stands now, with an error too once it could be read.
func (s *Orders) Cancel(ctx context.Context, id string, c order.Cancel) (Result, error) {
	c.CommandID = s.given(c.CommandID)
	return s.command(ctx, id, c)
}

// Capture takes authorized money. It is [Done] once APO says so, and [Accepted] without an error while APO works on it.
//
// Errors and the result's order as for [Orders.Cancel]: *[order.RejectedError], *[order.FailedError],
// *[UnresolvedError], *[order.InvalidError], [order.ErrUnknownOrder], *[order.MismatchError], [ErrInDoubt],
// [ErrContended], [ErrClosed], [store.ErrUnavailable], [store.ErrClosed] or another error of the log's, and ctx's.
func (s *Orders) Capture(ctx context.Context, id string, c order.Capture) (Result, error) {
	c.CommandID = s.given(c.CommandID)
	return s.command(ctx, id, c)
}

// Refund gives captured money back. APO only accepts a refund at first: that is [Accepted], without an error. Its
// notification or an inquiry gives the last word; then the same command id again is [Done], or *[order.FailedError].
//
// Errors and the result's order as for [Orders.Cancel]: *[order.RejectedError], *[order.FailedError],
// *[UnresolvedError], *[order.InvalidError], [order.ErrUnknownOrder], *[order.MismatchError], [ErrInDoubt],
// [ErrContended], [ErrClosed], [store.ErrUnavailable], [store.ErrClosed] or another error of the log's, and ctx's.
func (s *Orders) Refund(ctx context.Context, id string, c order.Refund) (Result, error) {
	c.CommandID = s.given(c.CommandID)
	return s.command(ctx, id, c)
}

// ClearAnomaly closes an open anomaly on a person's word. It sends nothing, and is [Done] without an error.
//
// Errors: *[order.RejectedError] with [order.ReasonNoAnomaly]; *[order.InvalidError]; [order.ErrUnknownOrder];
// *[order.MismatchError]; [ErrInDoubt]; [ErrContended]; [ErrClosed]; [store.ErrUnavailable], [store.ErrClosed] or
// another error of the log's; and ctx's. The result's order as for [Orders.Cancel].
func (s *Orders) ClearAnomaly(ctx context.Context, id string, c order.ClearAnomaly) (Result, error) {
	c.CommandID = s.given(c.CommandID)
	return s.command(ctx, id, c)
}

// Resolve ends a parked operation on a person's word, or settles a capture or refund that is in doubt
// ([order.Order.Doubts]) or held, and is [Done] without an error. APO is inquired of first, unless it has just been;
// where that decides the operation by itself there is nothing left to resolve, and the error is *[order.RejectedError]
// with [order.ReasonNotParked] or [order.ReasonNoDoubt]. A word that goes against APO's answer is refused with
// [order.ReasonContradicts] until it says that it overrides it, and any word with [order.ReasonStaleInquiry] where APO
// could not be asked, or tells nothing: of a parked operation the error's remedy says how many more such inquiries it
// takes until a word with Override is taken.
//
// Other errors: *[order.InvalidError]; [order.ErrUnknownOrder]; *[order.MismatchError]; [ErrInDoubt]; [ErrContended];
// [ErrClosed]; [store.ErrUnavailable], [store.ErrClosed] or another error of the log's; and ctx's. The result's order
// as for [Orders.Cancel].
func (s *Orders) Resolve(ctx context.Context, id string, c order.Resolve) (Result, error) {
	c.CommandID = s.given(c.CommandID)
	return s.informed(ctx, id, c)
}

// Compensate gives back the money that arrived on a cancelled order: a cancel at APO for what is only held, a refund
// for what moved. APO is inquired of first, unless it has just been. It is [Done] once the money is back, and
// [Accepted] without an error while APO works on the refund.
//
// Errors: *[order.RejectedError], with [order.ReasonNoLateMoney] where there is nothing to give back and with
// [order.ReasonStaleInquiry] where APO could not be asked; and as for [Orders.Cancel] *[order.FailedError],
// *[UnresolvedError], *[order.InvalidError], [order.ErrUnknownOrder], *[order.MismatchError], [ErrInDoubt],
// [ErrContended], [ErrClosed], [store.ErrUnavailable], [store.ErrClosed] or another error of the log's, and ctx's. The
// result's order as there.
func (s *Orders) Compensate(ctx context.Context, id string, c order.Compensate) (Result, error) {
	c.CommandID = s.given(c.CommandID)
	return s.informed(ctx, id, c)
}
