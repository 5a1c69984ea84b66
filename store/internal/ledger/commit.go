package ledger

import (
	"errors"
	"fmt"
	"time"

	"github.com/tilltape/tilltape/seal"
)

// patienceMax is how long the committer waits at most for appends that are on their way, and it waits no longer than
// the commit before took: an append that has just come is not kept longer than if it had come a little
// earlier.
const patienceMax = 5 * time.Millisecond

// PlansMax is how often a batch is planned before its appends are told that others were faster each time.
const PlansMax = 8

// Engine writes what [Run] has planned. Run alone calls it, one method at a time.
type Engine[L any] interface {
	// Begin begins the engine's turn: from now until Commit has returned, nobody else writes, or Commit will notice. It
	// returns what the batch is planned after. What judging the batch will ask of a server is asked here, all together.
	// Where it fails, there is no turn. It may also find, in the turn after one whose outcome was not known, that the
	// batch has been written: that is [ErrWritten], and there is no turn then either.
	Begin(b *Batch[L]) (Turn[L], error)
	// Commit ends the turn. It returns nil only once the plan is durable and readers see it. The plan is empty where
	// there is nothing to write but what the engine writes for nudges.
	//
	// Its error, one of package store's, is that of every append of the batch, so it must be true of each: where the
	// plan may have been written, it is none of those that promise that nothing was. A [*AgainError], from Begin too,
	// has the batch begin another turn.
	Commit(b *Batch[L], p *Plan[L]) error
}

// Turn is what a batch is planned after.
type Turn[L any] struct {
	Before Before[L]
	Last   uint64     // position of the newest record
	Tree   *seal.Tree // over the records up to it, and never changed; nil in a log without a seal
}

// AgainError is the error of a turn that came to nothing, because others have written since it began; or of one that
// may have come to something, which its engine finds out when the next begins. The batch gets another turn, and is
// judged anew by what that begins with. After [PlansMax] turns its appends are told the cause, which is one of package
// store's errors. How long an engine waits before it begins again is its own matter.
type AgainError struct{ Cause error }

// Error says what is done about it.
func (e *AgainError) Error() string { return fmt.Sprintf("plan again: %v", e.Cause) }

// Unwrap returns the cause.
func (e *AgainError) Unwrap() error { return e.Cause }

// ErrWritten is what Begin finds where the plan of the turn before has been written after all: the batch keeps the
// outcomes of that plan.
var ErrWritten = errors.New("the plan before was written")

// Run is an engine's one committer. It plans with p and has written what gathers in the queue, and ends when that is
// closed and empty. A refused append is a result and leaves the others alone; a commit that fails fails them all,
// refusals too, because those were judged against what is now not there.
func Run[L any](q *Queue[L], e Engine[L], p *Plan[L]) {
	var took time.Duration
	for {
		b := q.Take(min(took, patienceMax))
		if b == nil {
			return
		}
		begun := time.Now()
		if err := p.commit(e, b); err != nil {
			b.Fail(err)
		}
		took = time.Since(begun)
		q.Done(b)
	}
}

// commit plans the batch and has it written, again where others were faster.
func (p *Plan[L]) commit(e Engine[L], b *Batch[L]) error {
	for plans := 1; ; plans++ {
		err := p.commitOnce(e, b)
		again, is := errors.AsType[*AgainError](err)
		switch {
		case errors.Is(err, ErrWritten):
			return nil
		case !is:
			return err
		case plans == PlansMax:
			return again.Cause
		}
	}
}

func (p *Plan[L]) commitOnce(e Engine[L], b *Batch[L]) error {
	turn, err := e.Begin(b)
	if err != nil {
		return err
	}
	p.Reset(turn.Before, turn.Last, turn.Tree)
	for _, r := range b.Requests {
		if !r.Nudge {
			r.Err = p.Append(r)
		}
	}
	return e.Commit(b, p)
}

// Nudged tells whether one of the batch's requests is only there to have the engine write.
func (b *Batch[L]) Nudged() bool {
	for _, r := range b.Requests {
		if r.Nudge {
			return true
		}
	}
	return false
}
