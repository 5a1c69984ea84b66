package ledger

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

var errDisk = fmt.Errorf("%w: no disk", store.ErrStorage)

// fake is an engine over a shelf. What befalls a turn is decided by the test.
type fake struct {
	t *testing.T
	*shelf
	queue         *queue
	begin, commit func(turn int) error // the error of a turn, nil: none
	turns         int
	sizes         []int // of the plans that were written
	nudges        int
	lost          error // what is said of a plan that was written
}

func newFake(t *testing.T) *fake {
	none := func(int) error { return nil }
	return &fake{t: t, shelf: newShelf(), queue: NewQueue[int](), begin: none, commit: none}
}

func (f *fake) Begin(*batch) (Turn[int], error) {
	f.turns++
	return Turn[int]{f.shelf, f.last, f.tree}, f.begin(f.turns)
}

func (f *fake) Commit(b *batch, p *Plan[int]) error {
	if err := f.commit(f.turns); err != nil {
		return err
	}
	if b.Nudged() {
		f.nudges++
	}
	f.sizes = append(f.sizes, p.Len())
	f.put(f.t, p)
	return f.lost
}

// together has the appends share a batch, and returns when Run has ended.
func (f *fake) together(requests ...*request) {
	for _, r := range requests {
		f.queue.Enter()
		_, _ = f.queue.add(r)
	}
	f.queue.Close()
	Run(f.queue, f, &Plan[int]{Log: "test log"})
	f.queue = NewQueue[int]()
}

// others writes an append that came another way.
func (f *fake) others(of string, after uint64, id string) {
	p, err := asked(f.t, f.shelf, of, after, record(id))
	require.NoError(f.t, err)
	f.put(f.t, p)
}

func appending(t *testing.T, of string, after uint64, id string) *request {
	t.Helper()
	r, err := Encode[int](events.OrderStream(of), after, []events.Record{record(id)})
	require.NoError(t, err)
	return r
}

// TestRefusalsLeaveTheOthersAlone, and those of one batch are judged by what it holds already.
func TestRefusalsLeaveTheOthersAlone(t *testing.T) {
	f := newFake(t)
	all := []*request{appending(t, "a", 0, "r-1"), appending(t, "a", 0, "r-2"), appending(t, "a", 1, "r-3"),
		appending(t, "b", 7, "r-4"), appending(t, "b", 0, "r-5")}
	f.together(all...)
	for i, r := range all {
		if i == 1 || i == 3 {
			require.ErrorIs(t, r.Err, store.ErrConflict, i)
			continue
		}
		require.NoError(t, r.Err, i)
	}
	assert.Equal(t, []uint64{1, 2, 3}, []uint64{all[0].First, all[2].First, all[4].First})
	assert.Equal(t, []int{3}, f.sizes)

	f.together(appending(t, "a", 0, "r-6"))
	assert.Equal(t, []int{3, 0}, f.sizes, "a turn ends with a commit, also where all were refused")
}

// TestPlanAgain: where others were faster, all is judged anew: what did fit may not, and what did not may.
func TestPlanAgain(t *testing.T) {
	for where, wrapped := range map[string]bool{"begin": false, "commit": true} {
		f := newFake(t)
		fits, late, early := appending(t, "b", 0, "r-1"), appending(t, "a", 0, "r-2"), appending(t, "a", 1, "r-3")
		faster := func(turn int) error {
			if turn > 2 {
				return nil
			}
			f.others("a", uint64(turn-1), fmt.Sprintf("other-%d", turn))
			var again error = &AgainError{Cause: store.ErrUnavailable}
			if wrapped {
				again = fmt.Errorf("it was not to be: %w", again)
			}
			return again
		}
		if f.commit = faster; where == "begin" {
			f.begin, f.commit = faster, f.begin
		}
		f.together(fits, late, early)
		assert.Equal(t, 3, f.turns, where)
		require.NoError(t, fits.Err)
		assert.Equal(t, uint64(3), fits.First, "after what the others wrote")
		for _, r := range []*request{late, early} {
			var conflict *store.ConflictError
			require.ErrorAs(t, r.Err, &conflict)
			assert.Equal(t, uint64(2), conflict.Have, "by what there is now")
		}
		assert.Equal(t, uint64(3), f.last, "nothing was written twice")
	}

	f := newFake(t)
	fits := appending(t, "a", 1, "r-1")
	f.commit = func(turn int) error {
		if turn > 1 {
			return nil
		}
		f.others("a", 0, "other")
		return &AgainError{Cause: store.ErrUnavailable}
	}
	f.together(fits)
	require.NoError(t, fits.Err, "it was refused the first time, and fits now")
	assert.Equal(t, Place{1, 1}, Place{fits.After, fits.Previous})
}

// TestPlanAgainIsBounded: who is never fast enough is told so, in the engine's words.
func TestPlanAgainIsBounded(t *testing.T) {
	f := newFake(t)
	busy := fmt.Errorf("%w: others write all the time", store.ErrUnavailable)
	f.commit = func(int) error { return &AgainError{Cause: busy} }
	r, refused := appending(t, "a", 0, "r-1"), appending(t, "a", 9, "r-2")
	f.together(r, refused)
	assert.Equal(t, PlansMax, f.turns)
	require.Equal(t, busy, r.Err)
	require.Equal(t, busy, refused.Err, "it was judged by what nobody can tell any more")
	require.ErrorIs(t, &AgainError{Cause: busy}, store.ErrUnavailable)
	require.EqualError(t, &AgainError{Cause: busy}, "plan again: log is unavailable for now: others write all the time")
}

// TestWrittenAfterAll: an engine that lost the answer to a commit finds it out in its next turn, and nothing is judged
// again by what the batch itself has written.
func TestWrittenAfterAll(t *testing.T) {
	f := newFake(t)
	r, refused := appending(t, "a", 0, "r-1"), appending(t, "a", 9, "r-2")
	f.begin = func(turn int) error {
		if turn == 1 {
			return nil
		}
		return ErrWritten
	}
	f.lost = &AgainError{Cause: errDisk}
	f.together(r, refused)
	assert.Equal(t, 2, f.turns)
	require.NoError(t, r.Err)
	assert.Equal(t, uint64(1), r.First)
	var conflict *store.ConflictError
	require.ErrorAs(t, refused.Err, &conflict)
	assert.Equal(t, uint64(1), conflict.Have)
}

// TestAFailureIsEverybodys, refused or not, and what failed is not there for those that come after.
func TestAFailureIsEverybodys(t *testing.T) {
	for where := range 2 {
		f := newFake(t)
		fails := func(turn int) error {
			if turn == 1 {
				return errDisk
			}
			return nil
		}
		if f.commit = fails; where == 0 {
			f.begin, f.commit = fails, f.begin
		}
		r, refused, nudge := appending(t, "a", 0, "r-1"), appending(t, "a", 9, "r-2"), &request{Nudge: true}
		f.together(r, refused, nudge)
		for _, r := range []*request{r, refused, nudge} {
			require.Equal(t, errDisk, r.Err)
		}
		after := appending(t, "a", 0, "r-3")
		f.together(after)
		require.NoError(t, after.Err)
		assert.Equal(t, uint64(1), after.First)
		assert.Equal(t, uint64(1), f.last)
	}
}

// TestNudges are no appends: they have the engine write, and what is beside them is judged as ever.
func TestNudges(t *testing.T) {
	f := newFake(t)
	nudge, r := &request{Nudge: true}, appending(t, "a", 0, "r-1")
	f.together(nudge)
	f.together(r, nudge)
	require.NoError(t, nudge.Err)
	require.NoError(t, r.Err)
	assert.Equal(t, []int{0, 1}, f.sizes)
	assert.Equal(t, 2, f.nudges)
}

// TestRun has many append at once while others write and commits fail: each append is written once, or failed and was
// not; and what its streams hold is in order.
func TestRun(t *testing.T) {
	const writers, appends = 8, 40
	f := newFake(t)
	f.commit = func(turn int) error {
		switch turn % 5 {
		case 1:
			return errDisk
		case 3:
			f.others(fmt.Sprintf("other-%d", turn), 0, fmt.Sprintf("other-%d", turn))
			return &AgainError{Cause: store.ErrUnavailable}
		}
		return nil
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		Run(f.queue, f, &Plan[int]{Log: "test log"})
	}()
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			of, previous := fmt.Sprintf("w-%d", w), uint64(0)
			for after := uint64(0); after < appends; {
				f.queue.Enter()
				r := appending(t, of, after, fmt.Sprintf("%s-%d", of, after))
				err := f.queue.Enqueue(context.Background(), r)
				f.queue.Leave()
				if assert.NoError(t, err); errors.Is(r.Err, store.ErrStorage) {
					continue
				}
				if !assert.NoError(t, r.Err) {
					return
				}
				assert.Equal(t, previous, r.Previous)
				assert.Greater(t, r.First, previous)
				after, previous = after+1, r.First
			}
		})
	}
	group.Wait()
	f.queue.Close()
	<-ended
	for w := range writers {
		assert.Equal(t, uint64(appends), f.heads[events.OrderStream(fmt.Sprintf("w-%d", w))].Version)
	}
	assert.Equal(t, f.last, f.tree.Size())
	assert.Equal(t, State{}, f.queue.State())
}
