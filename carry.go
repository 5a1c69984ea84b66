package tilltape

import (
	"context"
	"errors"
	"fmt"

	"github.com/tilltape/tilltape/internal/engine"
	"github.com/tilltape/tilltape/internal/refusing"
	"github.com/tilltape/tilltape/order"
)

// minted is the command's id, or a new one where it has none.
func (s *Orders) minted(id string) string {
	if id == "" {
		return s.cfg.NewID()
	}
	return id
}

// given is minted, unless a command has to have an id of its own: then one without is left so, and refused.
func (s *Orders) given(id string) string {
	if s.cfg.RequireCommandID {
		return id
	}
	return s.minted(id)
}

// namelessError refuses a command that should have an id and has none.
func namelessError(id, command string) error {
	return &order.InvalidError{OrderID: id, Command: command, Field: "command id",
		Problem: "is missing, and Config.RequireCommandID demands one: give one id for one click, the same at each try"}
}

// command drives one command and says how it ended.
func (s *Orders) command(ctx context.Context, id string, c order.Command) (Result, error) {
	return s.take(ctx, id, c, s.carry)
}

// informed drives a command that is legal on APO's newest word alone: where that is too old, APO is inquired of.
func (s *Orders) informed(ctx context.Context, id string, c order.Command) (Result, error) {
	return s.take(ctx, id, c, func(ctx, stop context.Context, id string, c order.Command) (order.Order, error) {
		o, err := s.carry(ctx, stop, id, c)
		var rejected *order.RejectedError
		if errors.As(err, &rejected) && rejected.Reason == order.ReasonStaleInquiry {
			claim := order.Claim{Inquire: true}
			if resolve, is := c.(order.Resolve); is {
				claim.Record = resolve.Record
			}
			if _, unasked := s.carry(ctx, stop, id, claim); unasked == nil {
				return s.carry(ctx, stop, id, c)
			}
		}
		return o, err
	})
}

// carrying drives a command that is registered, see [Orders.carry].
type carrying func(ctx, stop context.Context, id string, c order.Command) (order.Order, error)

// take tells of a command and of its end whoever wants to know, and carries it out in between.
func (s *Orders) take(ctx context.Context, id string, c order.Command, carry carrying) (Result, error) {
	ctx, given := s.tell.commanding(ctx, id, c)
	o, err := s.perform(ctx, id, c, carry)
	r := resultOf(&o, order.Describe(c).CommandID, err)
	s.tell.commanded(ctx, given, r.Outcome, err)
	return r, err
}

// perform registers a command and drives it.
func (s *Orders) perform(ctx context.Context, id string, c order.Command, carry carrying) (order.Order, error) {
	end, err := s.begin(ctx, id, c)
	if err != nil {
		return order.Order{}, err
	}
	defer end()
	o, err := carry(ctx, ctx, id, c)
	s.conclude(ctx, c, &o, err)
	return o, err
}

// begin registers a command under way, unless no order could take it; end must be called once err is nil.
func (s *Orders) begin(ctx context.Context, id string, c order.Command) (end func(), err error) {
	if err := checkID(id, wordFor(c)); err != nil {
		return nil, err
	}
	given := order.Describe(c)
	if s.cfg.RequireCommandID && given.CommandID == "" && given.Verb != order.VerbNone {
		return nil, namelessError(id, given.Verb.String())
	}
	return s.enter(ctx, flight{id, s.minted(given.CommandID)})
}

// conclude tells of a command's end whoever else wants to know, while it still counts as under way.
func (s *Orders) conclude(ctx context.Context, c order.Command, o *order.Order, err error) {
	s.nudge(o.NextDue())
	var rejected *order.RejectedError
	if !errors.As(err, &rejected) {
		return
	}
	given := order.Describe(c)
	if given.Actor == "" {
		given.Actor = s.cfg.Actor
	}
	s.tell.refused(ctx, Refusal{CommandID: given.CommandID, Actor: given.Actor, Err: rejected})
	s.refusals.Record(refusing.Refusal{Command: c, Given: given, Err: rejected, At: s.now()})
}

// carry drives a command that is registered, and says how it stands. See [Orders.drive] for stop.
func (s *Orders) carry(ctx, stop context.Context, id string, c order.Command) (order.Order, error) {
	d, err := s.drive(ctx, stop, id, c)
	return s.outcome(d, id, c, err)
}

// outcome says how a command stands whose drive ended with err. What APO has accepted is no error.
func (s *Orders) outcome(d *engine.Drive, id string, c order.Command, err error) (order.Order, error) {
	o := d.Order()
	commandID := order.Describe(c).CommandID
	state := o.Command(commandID)
	if d.Called() && (state.Outcome == order.OutcomeSucceeded || state.Outcome == order.OutcomeFailed) {
		err = nil // what failed is a follow-up: it stays due, and the command's own outcome is on record
	}
	switch {
	case err != nil && d.Called() && o.Operation.Outstanding():
		return o, s.unresolvedError(&o, err)
	case err != nil && d.Called():
		return o, fmt.Errorf("what APO told could not be recorded, so it is asked again: %w", err)
	case err != nil:
		return o, commandError(id, c, err)
	case state.Outcome == order.OutcomeFailed:
		return o, &order.FailedError{OrderID: id, CommandID: commandID, Command: state.Verb, Code: state.Code,
			Version: state.Version}
	case state.Outcome == order.OutcomePending && phaseOf(&o, commandID) != order.Accepted:
		return o, s.unresolvedError(&o, nil)
	}
	return o, nil
}

func phaseOf(o *order.Order, commandID string) order.Phase {
	p, _ := o.OperationOf(commandID)
	return p.Phase
}

// wordFor is the command in a word.
func wordFor(c order.Command) string {
	if verb := order.Describe(c).Verb; verb != order.VerbNone {
		return verb.String()
	}
	return "read"
}

func (s *Orders) unresolvedError(o *order.Order, err error) error {
	p := &o.Operation
	return &UnresolvedError{OrderID: o.ID, Command: p.Verb(), CommandID: p.CommandID, Phase: p.Phase, Attempts: p.Attempt,
		Code: p.Code, AskAgain: o.NextDue(), Err: err}
}

// commandError says which order an error is about, and what to do.
func commandError(id string, c order.Command, err error) error {
	switch {
	case errors.Is(err, ErrInDoubt):
		if commandID := order.Describe(c).CommandID; commandID != "" {
			return fmt.Errorf("%w; give the command again under its id %q, never another one", err, commandID)
		}
	case errors.Is(err, order.ErrUnknownOrder):
		return unknownError(id)
	case errors.Is(err, order.ErrNotDue):
		return fmt.Errorf("order %q: %w: APO is being asked about it right now, or was asked very often; try again later",
			id, err)
	}
	return err
}
