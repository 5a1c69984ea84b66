package outbox

import (
	"context"
	"errors"
	"iter"
	"slices"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
)

// sealer is a log that has a name of its own, and knows what it held under earlier ones.
type sealer interface {
	Tree(ctx context.Context) (seal.Checkpoint, error)
	Ancestry(ctx context.Context) ([]seal.Checkpoint, error)
}

// sameLog returns the log's origin, if what is kept can be a place of it: it was kept under this origin, or under one
// that this log continues, from before it did. What the record at the place tells, rest finds out.
func (c *Consumer) sameLog(ctx context.Context, s State) (origin string, err error) {
	if s.Cursor != store.Start() && s.Record == "" {
		return "", elsewhereError(c.cfg.Name, s, "what is kept does not say after which record that is")
	}
	log, is := c.log.(sealer)
	if !is {
		return "", nil
	}
	now, err := log.Tree(ctx)
	if errors.Is(err, store.ErrInvalid) { // it is not sealed
		return "", nil
	}
	if err != nil || s.Log == "" || s.Log == now.Origin {
		return now.Origin, err
	}
	past, err := log.Ancestry(ctx)
	if err != nil {
		return "", err
	}
	at := slices.IndexFunc(past, func(p seal.Checkpoint) bool { return p.Origin == s.Log })
	if at < 0 {
		return "", elsewhereError(c.cfg.Name, s, "that was in log %s, and this is %s", s.Log, now.Origin)
	}
	if has := past[at].Size; has < s.Cursor.Position() {
		return "", elsewhereError(c.cfg.Name, s, "that was in log %s, of which this one, %s, has %d records", s.Log,
			now.Origin, has)
	}
	return now.Origin, nil
}

// rest yields the records after the place, once the one right before it is the one that is kept: in the same read, so
// that nothing can come between.
func (c *Consumer) rest(ctx context.Context) iter.Seq2[events.Record, error] {
	c.mu.Lock()
	s := c.state
	c.mu.Unlock()
	if s.Cursor == store.Start() {
		return c.log.All(ctx, s.Cursor)
	}
	return func(yield func(events.Record, error) bool) {
		found := false
		for r, err := range c.log.All(ctx, before(s.Cursor)) {
			switch {
			case errors.Is(err, store.ErrInvalid):
				yield(r, elsewhereError(c.cfg.Name, s, "this log ends before"))
				return
			case err == nil && !found:
				if found = r.ID == s.Record; !found {
					yield(events.Record{}, elsewhereError(c.cfg.Name, s, "this log has another one there, %q", r.ID))
					return
				}
				continue
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
		if !found {
			yield(events.Record{}, elsewhereError(c.cfg.Name, s, "this log ends before"))
		}
	}
}

// checkPlace is rest without reading on.
func (c *Consumer) checkPlace(ctx context.Context) error {
	for _, err := range c.rest(ctx) {
		return err
	}
	return nil
}

// before is the place before the record that a cursor is after.
func before(c store.Cursor) store.Cursor {
	return store.After(events.Record{Position: c.Position() - 1})
}

// Restart moves the consumer to another place of this log, whatever was kept of it: everything after from is delivered,
// again where it was before. It is a person's decision, after [ErrElsewhere] for one: from the start every record comes
// again, and a receiver that remembers ids takes none twice; from a later place the receiver never hears of what it has
// missed before that. Orders that are parked at or before from stay parked. The error wraps [store.ErrInvalid] where
// the log has no such place, and [ErrTaken] while Run is under way.
func (c *Consumer) Restart(ctx context.Context, from store.Cursor) error {
	if !c.begin() {
		return takenError(c.cfg.Name)
	}
	defer c.end()
	if err := c.trying.take(ctx); err != nil {
		return err
	}
	defer c.trying.give()
	kept, err := c.cfg.Keeper.Load(ctx, c.cfg.Name)
	if err != nil {
		return err
	}
	next := State{Revision: kept.Revision + 1, Cursor: from}
	if next.Log, err = c.sameLog(ctx, State{}); err != nil {
		return err
	}
	if from != store.Start() {
		if next.Record, err = c.recordBefore(ctx, from); err != nil {
			return err
		}
	}
	for _, p := range kept.Parked {
		if p.Position <= from.Position() {
			next.Parked = append(next.Parked, p)
		}
	}
	c.forget()
	return c.cfg.Keeper.Save(ctx, c.cfg.Name, next)
}

// recordBefore is the id of the record right before a place.
func (c *Consumer) recordBefore(ctx context.Context, at store.Cursor) (string, error) {
	for r, err := range c.log.All(ctx, before(at)) {
		return r.ID, err
	}
	return "", store.BeyondEnd("the log", at.Position(), at.Position()-1)
}
