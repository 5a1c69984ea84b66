package settling

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
)

func noon() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }

// index is a log's index of due orders, as far as a pass asks for it.
type index []store.Head

func (x index) heads(ctx context.Context, f store.Filter) iter.Seq2[store.Head, error] {
	return func(yield func(store.Head, error) bool) {
		for _, h := range x {
			if ctx.Err() != nil {
				yield(store.Head{}, ctx.Err())
				return
			}
			if f.Matches(h) && !yield(h, nil) {
				return
			}
		}
	}
}

func head(id string, due time.Time) store.Head {
	return store.Head{Stream: events.OrderStream(id), Version: 1,
		Head: events.Head{Due: due, Phase: order.Unresolved.String(), OperationSince: noon()}}
}

// driver notes what it is asked to drive, and does what it is told.
type driver struct {
	mu     sync.Mutex
	driven []string
	claims []order.Claim
	do     func(calls, stop context.Context, id string) error
}

func (d *driver) drive(calls, stop context.Context, id string, c order.Claim) (order.Order, error) {
	d.mu.Lock()
	d.driven, d.claims = append(d.driven, id), append(d.claims, c)
	d.mu.Unlock()
	if d.do != nil {
		if err := d.do(calls, stop, id); err != nil {
			return order.Order{Version: 1}, err
		}
	}
	return order.Order{Version: 2}, nil
}

func settlerOf(x index, d *driver) *Settler {
	return New(Config{Heads: x.heads, Now: noon, Concurrency: 2, Drive: d.drive})
}

func TestOnce_AnOrderThatAnIndexListsTwiceIsDrivenOnceAtATime(t *testing.T) {
	var d driver
	release := make(chan struct{})
	d.do = func(_, _ context.Context, id string) error {
		if id == "o-2" {
			close(release)
		}
		<-release
		return nil
	}
	x := index{head("o-1", noon()), head("o-1", noon()), head("o-2", noon()), head("o-3", noon().Add(1))}
	p := settlerOf(x, &d).Once(t.Context(), t.Context())
	assert.Equal(t, Pass{Count: Count{Driven: 2}}, p)
	assert.ElementsMatch(t, []string{"o-1", "o-2"}, d.driven)
}

// Whatever ended the calls, a caller must hear that the pass did not do all it was there for.
func TestOnce_SaysThatItWasCut(t *testing.T) {
	x := index{head("o-1", noon()), head("o-2", noon())}
	t.Run("before it began", func(t *testing.T) {
		ctx, end := context.WithCancel(t.Context())
		end()
		var d driver
		assert.Equal(t, Pass{Cut: true}, settlerOf(x, &d).Once(ctx, ctx))
		assert.Empty(t, d.driven)
	})
	t.Run("in a call", func(t *testing.T) {
		ctx, end := context.WithTimeout(t.Context(), 0)
		defer end()
		d := driver{do: func(calls, _ context.Context, id string) error {
			return fmt.Errorf("order %s: %w", id, calls.Err())
		}}
		assert.Equal(t, Pass{Cut: true}, settlerOf(x, &d).Once(ctx, t.Context()))
		assert.Len(t, d.driven, 2)
	})
	t.Run("before a call", func(t *testing.T) {
		stop, end := context.WithCancel(t.Context())
		d := driver{do: func(_, stop context.Context, id string) error {
			if id == "o-1" {
				end()
				return nil
			}
			<-stop.Done()
			return fmt.Errorf("order %s: %w", id, ErrNotBegun)
		}}
		p := settlerOf(x, &d).Once(t.Context(), stop)
		assert.True(t, p.Cut)
		require.NoError(t, p.Err)
		assert.Equal(t, Count{Driven: 1}, p.Count)
	})
	t.Run("and not by what a log says of itself", func(t *testing.T) {
		d := driver{do: func(context.Context, context.Context, string) error {
			return fmt.Errorf("the pool is gone: %w", context.Canceled)
		}}
		p := settlerOf(x, &d).Once(t.Context(), t.Context())
		assert.False(t, p.Cut)
		require.ErrorIs(t, p.Err, context.Canceled)
		assert.Equal(t, Count{Driven: 2, Failed: 2}, p.Count)
	})
}

// One walk serves all three: what Once drives, Run drives too, and strays besides, each with its own claim.
func TestAPassOfRunFindsTheStraysToo(t *testing.T) {
	var d driver
	x := index{head("o-1", noon()), head("o-2", noon().Add(time.Second)), head("o-9", noon().AddDate(9, 0, 0))}
	s := settlerOf(x, &d)
	var told []Pass
	hooks := &Hooks{Settled: func(_ context.Context, p Pass) { told = append(told, p) }}
	for range 2 { // the second time it is too early to look for strays again
		next, err := s.look(s.newPass(t.Context(), t.Context(), hooks))
		require.NoError(t, err)
		assert.Equal(t, noon().Add(time.Second), next)
		s.driving.Wait()
	}
	assert.Equal(t, []Pass{{Count: Count{Driven: 2}}, {Count: Count{Driven: 1}}}, told)
	assert.ElementsMatch(t, []string{"o-9", "o-1", "o-1"}, d.driven)
	assert.ElementsMatch(t, []order.Claim{{Inquire: true}, {}, {}}, d.claims)
}

// Strays that a pass did not come to, since all that it drove failed, are not left for an hour.
func TestAPassOfRunLooksForStraysAgainWhereItDidNotComeToTheirEnd(t *testing.T) {
	var x index
	for i := range 3 * failuresMax {
		x = append(x, head(fmt.Sprint("o-", i), noon().AddDate(9, 0, 0)))
	}
	d := driver{do: func(context.Context, context.Context, string) error { return errors.New("disk full") }}
	s := settlerOf(x, &d)
	hooks := &Hooks{Settled: func(context.Context, Pass) {}, Failed: func(context.Context, Trouble) {}}
	look := func() int {
		was := len(d.driven)
		_, err := s.look(s.newPass(t.Context(), t.Context(), hooks))
		require.NoError(t, err)
		s.driving.Wait()
		return len(d.driven) - was
	}
	assert.Less(t, look(), len(x))
	d.do = nil
	s.orders = memory{now: noon, busy: map[string]bool{}, resting: map[string]rest{}}
	assert.Equal(t, len(x), look())
	assert.Zero(t, look(), "all were looked for")
}

func TestAPassOfRunLeavesALogAloneThatFails(t *testing.T) {
	var x index
	for i := range 3 * failuresMax {
		x = append(x, head(fmt.Sprint("o-", i), noon()))
	}
	broken := errors.New("disk full")
	d := driver{do: func(context.Context, context.Context, string) error { return broken }}
	s := settlerOf(x, &d)
	var troubles int
	hooks := &Hooks{Settled: func(context.Context, Pass) {}, Failed: func(context.Context, Trouble) {
		d.mu.Lock()
		defer d.mu.Unlock()
		troubles++
	}}
	_, err := s.look(s.newPass(t.Context(), t.Context(), hooks))
	require.NoError(t, err)
	s.driving.Wait()
	assert.LessOrEqual(t, len(d.driven), failuresMax+1, "but for those under way")
	assert.Equal(t, len(d.driven), troubles)
	assert.Equal(t, pauseMin, s.orders.paused(nil))

	all := settlerOf(x, &d).Once(t.Context(), t.Context())
	assert.Equal(t, len(x), all.Failed, "the caller of Once hears of all")
	require.ErrorIs(t, all.Err, broken)
}
