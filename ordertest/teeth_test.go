package ordertest_test

import (
	"context"
	"errors"
	"iter"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/ordertest"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

// turns counts calls, so that a fault strikes now and then and not always.
type turns struct {
	mu sync.Mutex
	n  int
}

// every tells whether this is one of the calls that a fault strikes.
func (t *turns) every(n int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.n++
	return t.n%n == 0
}

// staleCheck compares the version first and writes afterwards, in two steps.
type staleCheck struct{ store.Log }

func (l staleCheck) Append(ctx context.Context, to events.Stream, after uint64,
	records ...events.Record) ([]events.Record, error) {
	have, err := version(ctx, l.Log, to)
	if err != nil || have != after {
		return l.Log.Append(ctx, to, after, records...)
	}
	time.Sleep(50 * time.Microsecond)
	return atTheEnd(ctx, l.Log, to, after, records)
}

func version(ctx context.Context, log store.Log, of events.Stream) (uint64, error) {
	h, err := log.Head(ctx, of)
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	return h.Version, err
}

// atTheEnd writes wherever the stream ends.
func atTheEnd(ctx context.Context, log store.Log, to events.Stream, after uint64,
	records []events.Record) ([]events.Record, error) {
	for {
		written, err := log.Append(ctx, to, after, records...)
		var conflict *store.ConflictError
		if !errors.As(err, &conflict) {
			return written, err
		}
		after = conflict.Have
	}
}

// lostWrite says now and then that an append is done and keeps nothing.
type lostWrite struct {
	store.Log
	turns
}

func (l *lostWrite) Append(ctx context.Context, to events.Stream, after uint64,
	records ...events.Record) ([]events.Record, error) {
	have, err := version(ctx, l.Log, to)
	if err != nil || have != after || !l.every(20) {
		return l.Log.Append(ctx, to, after, records...)
	}
	return placed(to, after, records), nil
}

// placed is what an append answers, position apart.
func placed(to events.Stream, after uint64, records []events.Record) []events.Record {
	answer := make([]events.Record, len(records))
	for i, r := range records {
		r.Stream, r.Version, r.Position, r.Previous = to, after+uint64(i)+1, after+uint64(i)+1, after+uint64(i)
		answer[i] = r
	}
	return answer
}

// doubleWrite takes a repeated append for a new one, and answers as if it were not.
type doubleWrite struct{ store.Log }

func (l doubleWrite) Append(ctx context.Context, to events.Stream, after uint64,
	records ...events.Record) ([]events.Record, error) {
	have, err := version(ctx, l.Log, to)
	if err != nil {
		return nil, err
	}
	written, err := l.Log.Append(ctx, to, after, records...)
	if err == nil && have >= after+uint64(len(records)) {
		_, err = atTheEnd(ctx, l.Log, to, have, records)
	}
	return written, err
}

// cutShort reports an append that happened as not begun, where its context ended meanwhile.
type cutShort struct{ store.Log }

func (l cutShort) Append(ctx context.Context, to events.Stream, after uint64,
	records ...events.Record) ([]events.Record, error) {
	written, err := l.Log.Append(context.WithoutCancel(ctx), to, after, records...)
	if _, limited := ctx.Deadline(); limited && err == nil {
		<-ctx.Done()
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return written, err
}

// oldRead answers now and then without the newest record.
type oldRead struct {
	store.Log
	turns
}

func (l *oldRead) Read(ctx context.Context, from events.Stream, after uint64) iter.Seq2[events.Record, error] {
	return func(yield func(events.Record, error) bool) {
		var all []events.Record
		for r, err := range l.Log.Read(ctx, from, after) {
			if err != nil {
				yield(r, err)
				return
			}
			all = append(all, r)
		}
		if l.every(5) && len(all) > 0 {
			all = all[:len(all)-1]
		}
		for _, r := range all {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// oldHead answers with the head before this one.
type oldHead struct {
	store.Log
	mu   sync.Mutex
	head store.Head
	err  error
}

func (l *oldHead) Head(ctx context.Context, of events.Stream) (store.Head, error) {
	h, err := l.Log.Head(ctx, of)
	l.mu.Lock()
	defer l.mu.Unlock()
	before, beforeErr := l.head, l.err
	l.head, l.err = h, err
	if before.Version == 0 {
		return h, err
	}
	return before, beforeErr
}

// lateKeys finds a key only when it is looked up once more.
type lateKeys struct {
	store.Log
	mu    sync.Mutex
	asked map[events.Key]bool
}

func (l *lateKeys) Lookup(ctx context.Context, key events.Key) (events.Stream, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	owner, err := l.Log.Lookup(ctx, key)
	if err == nil && !l.asked[key] {
		l.asked[key] = true
		return events.Stream{}, &store.NotFoundError{Key: key}
	}
	return owner, err
}

// wrongConflict names a version that is one too low.
type wrongConflict struct{ store.Log }

func (l wrongConflict) Append(ctx context.Context, to events.Stream, after uint64,
	records ...events.Record) ([]events.Record, error) {
	written, err := l.Log.Append(ctx, to, after, records...)
	var conflict *store.ConflictError
	if errors.As(err, &conflict) && conflict.Have > 0 {
		conflict.Have--
	}
	return written, err
}

// rewritten reads records other than they were written.
type rewritten struct{ store.Log }

func (l rewritten) Read(ctx context.Context, from events.Stream, after uint64) iter.Seq2[events.Record, error] {
	return func(yield func(events.Record, error) bool) {
		for r, err := range l.Log.Read(ctx, from, after) {
			r.Actor = "somebody"
			if !yield(r, err) {
				return
			}
		}
	}
}

// swapped answers an append with its records in another order.
type swapped struct{ store.Log }

func (l swapped) Append(ctx context.Context, to events.Stream, after uint64, records ...events.Record) ([]events.Record,
	error) {
	written, err := l.Log.Append(ctx, to, after, records...)
	if len(written) > 1 {
		written[0], written[1] = written[1], written[0]
	}
	return written, err
}

// strangerKeys finds a stream that nobody wrote.
type strangerKeys struct{ store.Log }

func (l strangerKeys) Lookup(context.Context, events.Key) (events.Stream, error) {
	return events.OrderStream("stranger"), nil
}

func TestBrokenLogsAreFound(t *testing.T) {
	for name, log := range map[string]store.Log{
		"stale version check": staleCheck{memory.New()},
		"lost write":          &lostWrite{Log: memory.New()},
		"double write":        doubleWrite{memory.New()},
		"cut short":           cutShort{memory.New()},
		"old read":            &oldRead{Log: memory.New()},
		"old head":            &oldHead{Log: memory.New()},
		"late keys":           &lateKeys{Log: memory.New(), asked: map[events.Key]bool{}},
		"wrong conflict":      wrongConflict{memory.New()},
		"rewritten":           rewritten{memory.New()},
		"swapped":             swapped{memory.New()},
		"stranger's keys":     strangerKeys{memory.New()},
		"not so unavailable":  &away{Log: memory.New(), writes: true},
	} {
		t.Run(name, func(t *testing.T) {
			report, err := ordertest.Race(t.Context(), log, ordertest.Load{Seed: 1})
			require.ErrorIs(t, err, ordertest.ErrNotLinearizable, "%s", report)
			t.Log(err)
		})
	}
}

// away is unavailable now and then. By its contract it has written nothing then.
type away struct {
	store.Log
	turns
	writes bool // it has
}

func (l *away) Append(ctx context.Context, to events.Stream, after uint64, records ...events.Record) ([]events.Record,
	error) {
	if !l.every(8) {
		return l.Log.Append(ctx, to, after, records...)
	}
	if l.writes {
		if _, err := l.Log.Append(ctx, to, after, records...); err != nil {
			return nil, err
		}
	}
	return nil, store.ErrUnavailable
}

func TestAnUnavailableLogHasWrittenNothing(t *testing.T) {
	report, err := ordertest.Race(t.Context(), &away{Log: memory.New()}, ordertest.Load{Seed: 1})
	require.NoError(t, err)
	assert.Positive(t, report.NotBegun)
	assert.Zero(t, report.InDoubt)
}

// unsure fails now and then in a way that leaves open whether it wrote; half of these times it did.
type unsure struct {
	store.Log
	turns
}

func (l *unsure) Append(ctx context.Context, to events.Stream, after uint64, records ...events.Record) ([]events.Record,
	error) {
	if l.every(8) {
		return nil, store.ErrStorage
	}
	written, err := l.Log.Append(ctx, to, after, records...)
	if l.every(8) && err == nil {
		return nil, store.ErrStorage
	}
	return written, err
}

func TestAppendsInDoubtAreNoFault(t *testing.T) {
	report, err := ordertest.Race(t.Context(), &unsure{Log: memory.New()}, ordertest.Load{Seed: 1})
	require.NoError(t, err)
	assert.Positive(t, report.InDoubt)
	t.Log(report)
}

func TestUndecidedIsAFailure(t *testing.T) {
	_, err := ordertest.Race(t.Context(), memory.New(), ordertest.Load{Patience: time.Nanosecond, Clients: 64})
	require.ErrorIs(t, err, ordertest.ErrUndecided)
	assert.NotErrorIs(t, err, ordertest.ErrNotLinearizable)
	assert.ErrorContains(t, err, "more time")
}

func TestRaceTellsTheLogsOwnErrors(t *testing.T) {
	log := memory.New()
	require.NoError(t, log.Close())
	_, err := ordertest.Race(t.Context(), log, ordertest.Load{})
	require.ErrorIs(t, err, store.ErrClosed)
	_, err = ordertest.Race(t.Context(), memory.New(), ordertest.Load{Clients: -1})
	require.ErrorIs(t, err, store.ErrInvalid)
}
