package tilltape

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/translate"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
)

// Create places an order; nothing is sent to APO. The same content again changes nothing and succeeds. Errors:
// *[order.InvalidError]; *[order.RejectedError] where the id stands for other content; [store.ErrKeyTaken] where the
// paymentRequestId or paymentId belongs to another order.
func (s *Orders) Create(ctx context.Context, c order.Create) (order.Order, error) {
	c.ID = s.minted(c.ID)
	return s.command(ctx, c.Order, c)
}

// Cancel cancels the order's payment at APO. A cancel that is not legal is refused with *[order.RejectedError] before
// anything is sent. It returns nil once the order is cancelled; *[order.FailedError] where APO definitely refused; and
// *[UnresolvedError] where the outcome is not known: the same command id again asks again.
func (s *Orders) Cancel(ctx context.Context, id string, c order.Cancel) (order.Order, error) {
	c.ID = s.minted(c.ID)
	return s.command(ctx, id, c)
}

// Capture takes authorized money. Errors as for Cancel.
func (s *Orders) Capture(ctx context.Context, id string, c order.Capture) (order.Order, error) {
	c.ID = s.minted(c.ID)
	return s.command(ctx, id, c)
}

// Refund gives captured money back. Errors as for Cancel. APO only accepts a refund at first: that is an
// *[UnresolvedError] that also wraps [ErrAccepted]; its notification or an inquiry gives the last word.
func (s *Orders) Refund(ctx context.Context, id string, c order.Refund) (order.Order, error) {
	c.ID = s.minted(c.ID)
	return s.command(ctx, id, c)
}

// ClearAnomaly closes an open anomaly on a person's word.
func (s *Orders) ClearAnomaly(ctx context.Context, id string, c order.ClearAnomaly) (order.Order, error) {
	c.ID = s.minted(c.ID)
	return s.command(ctx, id, c)
}

// Resolve ends a parked operation on a person's word. APO is inquired of first, unless it has just been; where that
// decides the operation by itself there is nothing left to resolve, and the error is *[order.RejectedError] with
// [order.ReasonNotParked]. A word that goes against APO's answer is refused with [order.ReasonContradicts] until it says
// that it overrides it.
func (s *Orders) Resolve(ctx context.Context, id string, c order.Resolve) (order.Order, error) {
	c.ID = s.minted(c.ID)
	return s.informed(ctx, id, c)
}

// Compensate gives back the money that arrived on a cancelled order: a cancel at APO for what is only held, a refund for
// what moved. APO is inquired of first, unless it has just been. Errors as for Cancel and Refund; where there is nothing to
// give back, *[order.RejectedError] with [order.ReasonNoLateMoney].
func (s *Orders) Compensate(ctx context.Context, id string, c order.Compensate) (order.Order, error) {
	c.ID = s.minted(c.ID)
	return s.informed(ctx, id, c)
}

// minted is the command's id, or a new one where it has none.
func (s *Orders) minted(id string) string {
	if id == "" {
		return s.cfg.NewID()
	}
	return id
}

// command drives one command and says how it stands.
func (s *Orders) command(ctx context.Context, id string, c order.Command) (order.Order, error) {
	end, err := s.begin(ctx, id, c)
	if err != nil {
		return order.Order{}, err
	}
	defer end()
	o, err := s.carry(ctx, ctx, id, c)
	s.conclude(ctx, c, &o, err)
	return o, err
}

// informed drives a command that is legal on APO's newest word alone: where that is too old, APO is inquired of.
func (s *Orders) informed(ctx context.Context, id string, c order.Command) (order.Order, error) {
	end, err := s.begin(ctx, id, c)
	if err != nil {
		return order.Order{}, err
	}
	defer end()
	o, err := s.carry(ctx, ctx, id, c)
	var rejected *order.RejectedError
	if errors.As(err, &rejected) && rejected.Reason == order.ReasonStaleInquiry {
		if _, unasked := s.carry(ctx, ctx, id, order.Claim{Inquire: true}); unasked == nil {
			o, err = s.carry(ctx, ctx, id, c)
		}
	}
	s.conclude(ctx, c, &o, err)
	return o, err
}

// begin registers a command under way, unless no order could take it; end must be called once err is nil.
func (s *Orders) begin(ctx context.Context, id string, c order.Command) (end func(), err error) {
	if err := usable(id, c); err != nil {
		return nil, err
	}
	commandID, _ := order.Author(c)
	return s.enter(ctx, flight{id, s.minted(commandID)})
}

// conclude tells of a command's end whoever else wants to know, while it still counts as under way.
func (s *Orders) conclude(ctx context.Context, c order.Command, o *order.Order, err error) {
	s.nudge(o.NextDue())
	var rejected *order.RejectedError
	if !errors.As(err, &rejected) {
		return
	}
	commandID, actor := order.Author(c)
	if actor == "" {
		actor = s.cfg.Actor
	}
	s.tell.refused(ctx, Refusal{CommandID: commandID, Actor: actor, Err: rejected})
	s.refused(refusal{command: c, commandID: commandID, actor: actor, err: rejected, at: s.now()})
}

// carry drives a command that is registered, and says how it stands. See [Orders.drive] for stop.
func (s *Orders) carry(ctx, stop context.Context, id string, c order.Command) (order.Order, error) {
	d, err := s.drive(ctx, stop, id, c)
	o := d.Order()
	commandID, _ := order.Author(c)
	state := o.Command(commandID)
	if d.Called() && (state.Outcome == order.OutcomeSucceeded || state.Outcome == order.OutcomeFailed) {
		err = nil // what failed is a follow-up: it stays due, and the command's own outcome is on record
	}
	switch {
	case err != nil && d.Called() && o.Operation.Outstanding():
		return o, s.unresolved(&o, err)
	case err != nil && d.Called():
		return o, fmt.Errorf("what APO told could not be recorded, so it is asked again: %w", err)
	case err != nil:
		return o, named(id, c, err)
	case state.Outcome == order.OutcomeFailed:
		return o, &order.FailedError{Order: id, CommandID: commandID, Command: state.Verb, Code: state.Code, Version: state.Version}
	case state.Outcome == order.OutcomePending:
		return o, s.unresolved(&o, nil)
	}
	return o, nil
}

// usable refuses an order id that no log can hold, before the log is asked.
func usable(id string, c order.Command) error {
	err := events.CheckID("order id", id)
	if err == nil {
		return nil
	}
	given := "read"
	switch c.(type) {
	case order.Create:
		given = order.VerbCreate.String()
	case order.Cancel:
		given = order.VerbCancel.String()
	case order.Capture:
		given = order.VerbCapture.String()
	case order.Refund:
		given = order.VerbRefund.String()
	case order.Resolve:
		given = order.VerbResolve.String()
	case order.Compensate:
		given = order.VerbCompensate.String()
	case order.ClearAnomaly:
		given = order.VerbClearAnomaly.String()
	}
	return &order.InvalidError{Order: id, Command: given, Field: "order id", Problem: "is not usable: " + err.Error(), Err: err}
}

func (s *Orders) unresolved(o *order.Order, err error) error {
	p := &o.Operation
	return &UnresolvedError{Order: o.ID, Command: p.Verb(), CommandID: p.CommandID, Phase: p.Phase, Attempts: p.Attempt, Code: p.Code,
		AskAgain: o.NextDue(), Err: err}
}

// named says which order an error is about, and what to do.
func named(id string, c order.Command, err error) error {
	switch {
	case errors.Is(err, ErrInDoubt):
		if commandID, _ := order.Author(c); commandID != "" {
			return fmt.Errorf("%w; give the command again under its id %q, never another one", err, commandID)
		}
	case errors.Is(err, order.ErrUnknownOrder):
		return fmt.Errorf("order %q: %w; create it first", id, err)
	case errors.Is(err, order.ErrNotDue):
		return fmt.Errorf("order %q: %w: somebody asks APO about it right now; try again", id, err)
	}
	return err
}

// Observe records a fact that APO signed: a notification, or the answer to a call of the caller's own (pay). It finds
// the order by the fact's identifiers. Facts are never denied; one that contradicts the order opens an anomaly. It
// returns once the fact is durable: only then may a notification be acknowledged. The error wraps
// [order.ErrUnknownOrder] where no order goes by these identifiers: then it must not be.
func (s *Orders) Observe(ctx context.Context, v apo.Verified) (order.Order, error) {
	if v.IsZero() {
		return order.Order{}, fmt.Errorf("tilltape: %w: it is empty; use what apo's verify functions return", ErrUnverified)
	}
	f := translate.Fact(v)
	e := v.Evidence()
	f.Proof = events.Proof{Via: translate.Channel(v.Op()), Evidence: translate.Evidence(&e)}
	id, err := s.owner(ctx, v)
	if err != nil {
		return order.Order{}, err
	}
	return s.command(ctx, id, order.Observe{Fact: f})
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

// Get returns the order as its facts tell it. Cost: one read of its stream. The error wraps [order.ErrUnknownOrder]
// where there is none.
func (s *Orders) Get(ctx context.Context, id string) (order.Order, error) {
	if err := usable(id, nil); err != nil {
		return order.Order{}, err
	}
	var o order.Order
	for r, err := range s.log.Read(ctx, events.OrderStream(id), 0) {
		if err != nil {
			return order.Order{}, unread(id, err)
		}
		o = order.Evolve(o, r)
	}
	if o.Version == 0 {
		return order.Order{}, named(id, nil, order.ErrUnknownOrder)
	}
	return o, nil
}

// unread says which order could not be read; the error of a context that ended says so itself.
func unread(id string, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fmt.Errorf("order %q: reading it: %w", id, err)
}

// Actions says for every command whether the order would take it now, and if not why, because of which record, and what
// to do instead.
func (s *Orders) Actions(ctx context.Context, id string) ([]order.Action, error) {
	o, err := s.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	return o.Actions(s.env()), nil
}

// History yields the order's facts in order. An order that is not on record has none. The loop's body may give commands.
func (s *Orders) History(ctx context.Context, id string) iter.Seq2[events.Record, error] {
	return s.log.Read(ctx, events.OrderStream(id), 0)
}
