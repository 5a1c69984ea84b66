package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

// errOnlyAsks: a call that an auditor does not make.
var errOnlyAsks = errors.New("only inquiries are made here")

// ReadOnly returns an [Asker] for whoever must not change the log: an auditor, with a backup or an export. It asks APO
// about an order as [tilltape.Orders.Reconcile] does, and folds what APO proves into a copy of the order in a log of
// its own, which is then let go: scratch makes an empty one (package store/memory has them). Nothing is appended to the
// log itself, and nothing but inquiries is sent: a call that would follow from an answer is not made. So differences
// are told and not booked. cfg is the service's where its policy matters; its zero value, or nil, takes the defaults.
// The error wraps tilltape.ErrConfig.
//
// An order that the log's service has asked about within the minute is [Unanswered] where that was as often as APO is
// asked. Cost beside Reconcile's: one read of the order's stream.
func ReadOnly(log store.Reader, scratch func() store.Log, gateway tilltape.Gateway, cfg *tilltape.Config) (Asker,
	error) {
	a := &onlooker{log: log, scratch: scratch, gateway: onlyInquiries{gateway}, cfg: cfg}
	empty := scratch()
	orders, err := tilltape.New(empty, a.gateway, cfg)
	if err == nil {
		err = orders.Close()
	}
	return a, errors.Join(err, empty.Close())
}

// onlooker reconciles copies of orders.
type onlooker struct {
	log     store.Reader
	scratch func() store.Log
	gateway tilltape.Gateway
	cfg     *tilltape.Config
}

// Reconcile implements [Asker].
func (a *onlooker) Reconcile(ctx context.Context, id string) (tilltape.Reconciliation, error) {
	var records []events.Record
	for r, err := range a.log.Read(ctx, events.OrderStream(id), 0) {
		if err != nil {
			return tilltape.Reconciliation{}, fmt.Errorf("order %s: reconcile: %w", id, err)
		}
		records = append(records, r)
	}
	copied, after := a.scratch(), uint64(0)
	defer func() { _ = copied.Close() }() // nothing of it is kept
	for some := range slices.Chunk(records, store.AppendMax) {
		if _, err := copied.Append(ctx, events.OrderStream(id), after, some...); err != nil {
			return tilltape.Reconciliation{}, fmt.Errorf("order %s: reconcile: %w", id, err)
		}
		after += uint64(len(some))
	}
	orders, err := tilltape.New(copied, a.gateway, a.cfg)
	if err != nil {
		return tilltape.Reconciliation{}, err
	}
	defer func() { _ = orders.Close() }()
	return orders.Reconcile(ctx, id)
}

// onlyInquiries is a gateway that asks and never acts.
type onlyInquiries struct{ tilltape.Gateway }

// refused is what is known of a call that is not made: nothing, so that nothing follows from it.
func refused() apo.Answer { return apo.Answer{Class: apo.Unknown, Err: errOnlyAsks} }

// Cancel implements [tilltape.Gateway], and makes no call.
func (onlyInquiries) Cancel(context.Context, apo.CancelRequest) apo.CancelAnswer {
	return apo.CancelAnswer{Answer: refused()}
}

// Capture implements [tilltape.Gateway], and makes no call.
func (onlyInquiries) Capture(context.Context, apo.CaptureRequest) apo.CaptureAnswer {
	return apo.CaptureAnswer{Answer: refused()}
}

// Refund implements [tilltape.Gateway], and makes no call.
func (onlyInquiries) Refund(context.Context, apo.RefundRequest) apo.RefundAnswer {
	return apo.RefundAnswer{Answer: refused()}
}
