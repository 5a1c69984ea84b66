package tilltape

import (
	"context"
	"errors"
	"fmt"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/translate"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
)

// Observe records a fact that APO signed: a notification, or the answer to a call of the caller's own (pay). It finds
// the order by the fact's identifiers. Facts are never denied; one that contradicts the order opens an anomaly. It
// returns once the fact is durable: only then may a notification be acknowledged. The error wraps
// [order.ErrUnknownOrder] where no order goes by these identifiers: then it must not be.
func (s *Orders) Observe(ctx context.Context, v apo.Verified) (order.Order, error) {
	o, _, _, err := s.hear(ctx, v)
	return o, err
}

// hear observes a fact. It says too which order the fact is about, as far as that was found, and whether it was news:
// an append of its own made it durable, whatever else happened to the order meanwhile.
func (s *Orders) hear(ctx context.Context, v apo.Verified) (o order.Order, id string, fresh bool, err error) {
	if v.IsZero() {
		return o, "", false, fmt.Errorf("tilltape: %w: it is empty; use what apo's verify functions return", ErrUnverified)
	}
	f := translate.Fact(v)
	e := v.Evidence()
	f.Proof = events.Proof{Via: channel(v.Op()), Evidence: translate.Evidence(&e)}
	if id, err = s.owner(ctx, v); err != nil {
		return o, "", false, err
	}
	c := order.Observe{Fact: f}
	end, err := s.begin(ctx, id, c)
	if err != nil {
		return o, id, false, err
	}
	defer end()
	d, err := s.drive(ctx, ctx, id, c)
	o, err = s.outcome(d, id, c, err)
	s.conclude(ctx, c, &o, err)
	return o, id, d.Recorded(), err
}

// owner finds the order a fact is about: by the payment's identifiers, or by the request we made.
func (s *Orders) owner(ctx context.Context, v apo.Verified) (string, error) {
	request := ""
	switch v.Kind() {
	case apo.CapturePending, apo.CaptureSucceeded, apo.CaptureFailed:
		request = events.KeyCaptureRequestID
	case apo.RefundPending, apo.RefundSucceeded, apo.RefundFailed:
		request = events.KeyRefundRequestID
	}
	for _, k := range []struct{ name, value string }{
		{events.KeyPaymentID, v.PaymentID()}, {events.KeyPaymentRequestID, v.PaymentRequestID()}, {request, v.RequestID()},
	} {
		if k.name == "" || k.value == "" {
			continue
		}
		stream, err := s.log.Lookup(ctx, events.NewKey(k.name, k.value))
		if err == nil {
			return stream.ID, nil
		}
		if !errors.Is(err, store.ErrNotFound) {
			return "", fmt.Errorf("looking up %s: %w", k.name, err)
		}
	}
	return "", fmt.Errorf("%w: no order goes by %s; do not acknowledge it: APO sends it again", order.ErrUnknownOrder, v)
}

// channel is how a message of that operation reaches us.
func channel(op apo.Op) events.Channel {
	switch op {
	case apo.OpNotifyPayment, apo.OpNotifyCapture, apo.OpNotifyRefund:
		return events.ViaNotification
	case apo.OpInquirePayment, apo.OpInquireRefund:
		return events.ViaInquiry
	}
	return events.ViaAnswer
}
