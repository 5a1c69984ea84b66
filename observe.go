package tilltape

import (
	"context"
	"errors"
	"fmt"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/engine"
	"github.com/tilltape/tilltape/internal/translate"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
)

// Observe records a fact that APO signed: a notification, or the answer to a call of the caller's own (pay). It finds
// the order by the fact's identifiers. Facts are never denied; one that contradicts the order opens an anomaly. It
// returns once the fact is durable: only then may a notification be acknowledged. The error wraps
// [order.ErrUnknownOrder] where no order goes by these identifiers: then it must not be.
func (s *Orders) Observe(ctx context.Context, v apo.Verified) (order.Order, error) {
	heard, err := s.Hear(ctx, v)
	return heard.Order, err
}

// Heard is what became of a fact that was observed.
type Heard struct {
	OrderID string      // whose fact it is; empty where no order goes by its identifiers
	Order   order.Order // as it stands now
	News    bool        // the fact, or what contradicts it, was not on record before
}

// Hear is [Orders.Observe] for whoever counts what it hears: it says too whose fact it was, also where it could not be
// recorded, and whether it told anything new. Whatever else happens to the order meanwhile does not make it news.
func (s *Orders) Hear(ctx context.Context, v apo.Verified) (h Heard, err error) {
	if v.IsZero() {
		return h, fmt.Errorf("tilltape: %w: it is empty; use a fact of apo.Client or apo.Verifier", ErrUnverified)
	}
	f := translate.Fact(v)
	e := v.Evidence()
	f.Proof = events.Proof{Via: translate.Channel(v.Op()), Evidence: translate.Evidence(&e)}
	if h.OrderID, err = s.owner(ctx, v); err != nil {
		return h, err
	}
	c := order.Observe{Fact: f}
	ctx, given := s.tell.commanding(ctx, h.OrderID, c)
	err = s.hear(ctx, &h, c)
	s.tell.commanded(ctx, given, OutcomeOf(err), err) // and nothing where it has panicked: it was not done
	return h, err
}

// hear has the fact of a known order recorded, and says so in h.
func (s *Orders) hear(ctx context.Context, h *Heard, c order.Observe) error {
	end, err := s.begin(ctx, h.OrderID, c)
	if err != nil {
		return err
	}
	defer end()
	d, err := s.drive(ctx, ctx, h.OrderID, c)
	h.Order, err = s.outcome(d, h.OrderID, c, err)
	h.News = d.Recorded()
	s.conclude(ctx, c, &h.Order, err)
	return err
}

// owner finds the order a fact is about: by the payment's identifiers, or by the request we made.
func (s *Orders) owner(ctx context.Context, v apo.Verified) (string, error) {
	var capture, refund string
	switch v.Kind() {
	case apo.CapturePending, apo.CaptureSucceeded, apo.CaptureFailed:
		capture = v.RequestID()
	case apo.RefundPending, apo.RefundSucceeded, apo.RefundFailed:
		refund = v.RequestID()
	case apo.NotUnderstood: // nobody knows which it is
		capture, refund = v.RequestID(), v.RequestID()
	}
	for _, k := range []struct{ name, value string }{
		{events.KeyPaymentID, v.PaymentID()}, {events.KeyPaymentRequestID, v.PaymentRequestID()},
		{events.KeyCaptureRequestID, capture}, {events.KeyRefundRequestID, refund},
	} {
		if k.value == "" {
			continue
		}
		stream, err := s.log.Lookup(ctx, events.NewKey(k.name, k.value))
		if err == nil {
			return stream.ID, nil
		}
		if !errors.Is(err, store.ErrNotFound) {
			return "", engine.Say(err, fmt.Sprintf("finding out whose %s %q is", k.name, k.value))
		}
	}
	return "", fmt.Errorf("%w: no order goes by %s; if it is yours, put it on record with Orders.Create; do not "+
		"acknowledge the notification: APO sends it again", order.ErrUnknownOrder, v)
}
