package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/outbox"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

func TestEverythingIsDeliveredInOrder(t *testing.T) {
	for name, reader := range map[string]func(*memory.Log) store.Reader{
		"watched": func(log *memory.Log) store.Reader { return log },
		"polled":  func(log *memory.Log) store.Reader { return mute{log} },
	} {
		t.Run(name, func(t *testing.T) {
			log, to := memory.New(), &receiver{}
			add(t, log, "A", "B", "A")
			stop := running(t, consumer(t, reader(log), to, config(outbox.MemoryKeeper())))
			eventually(t, func() bool { return len(to.has()) == 3 })
			add(t, log, "B", "C")
			eventually(t, func() bool { return len(to.has()) == 5 })
			assert.ErrorIs(t, stop(), context.Canceled)
			assert.Equal(t, []string{"A-1", "B-1", "A-2", "B-2", "C-1"}, to.has())
		})
	}
}

func TestItGoesOnWhereItWas(t *testing.T) {
	log, to, keeper := memory.New(), &receiver{}, outbox.FileKeeper(t.TempDir())
	add(t, log, "A", "B")
	stop := running(t, consumer(t, log, to, config(keeper)))
	eventually(t, func() bool { return len(to.has()) == 2 })
	_ = stop()
	add(t, log, "C")
	stop = running(t, consumer(t, log, to, config(keeper)))
	eventually(t, func() bool { return len(to.has()) == 3 })
	_ = stop()
	assert.Equal(t, []string{"A-1", "B-1", "C-1"}, to.has(), "nothing twice after an orderly end")
}

// A process that dies without a word has kept its place at most SaveEvery records ago.
func TestACrashDeliversAFewAgain(t *testing.T) {
	log, keeper := memory.New(), outbox.MemoryKeeper()
	const n = 3*outbox.SaveEvery + 7
	for i := range n {
		add(t, log, fmt.Sprintf("O%d", i))
	}
	ctx, die := context.WithCancelCause(t.Context())
	to := &receiver{}
	to.after = func(string) {
		if len(to.got) == 2*outbox.SaveEvery+5 {
			die(errors.New("killed"))
		}
	}
	dead := deadKeeper{keeper, ctx}
	err := consumer(t, log, to, config(dead)).Run(ctx)
	require.Error(t, err)
	before := len(to.has())

	stop := running(t, consumer(t, log, to, config(keeper)))
	eventually(t, func() bool { return slices.Contains(to.has(), fmt.Sprintf("O%d-1", n-1)) })
	_ = stop()
	got := to.has()
	assert.Equal(t, "O128-1", got[before], "it goes on at the place that was kept")
	assert.Len(t, got, n+before-2*outbox.SaveEvery)
	slices.Sort(got)
	assert.Len(t, slices.Compact(got), n)
}

// deadKeeper keeps nothing once its process is dead.
type deadKeeper struct {
	outbox.Keeper
	alive context.Context
}

func (k deadKeeper) Save(ctx context.Context, name string, s outbox.State) error {
	if k.alive.Err() != nil {
		return k.alive.Err()
	}
	return k.Keeper.Save(ctx, name, s)
}

func TestARefusedRecordParksItsOrderAlone(t *testing.T) {
	log, to, keeper := memory.New(), &receiver{}, outbox.MemoryKeeper()
	to.refuse("B-2")
	cfg := config(keeper)
	var tries []outbox.Try
	cfg.Tried = func(try outbox.Try) {
		if try.Record.ID == "B-2" {
			tries = append(tries, try)
		}
	}
	cfg.Now = func() time.Time { return dawn.Add(time.Hour) }
	c := consumer(t, log, to, cfg)
	stop := running(t, c)
	add(t, log, "A", "B", "B", "A", "B", "C")
	eventually(t, func() bool { return slices.Contains(to.has(), "C-1") })
	assert.Equal(t, []string{"A-1", "B-1", "A-2", "C-1"}, to.has())

	parked, err := c.Parked(t.Context())
	require.NoError(t, err)
	require.Len(t, parked, 1)
	assert.Equal(t, outbox.Parked{Stream: events.OrderStream("B"), Version: 2, Position: 3, Since: dawn.Add(time.Hour),
		Problem: "refused by the receiver: 422"}, parked[0])
	err = c.Retry(t.Context(), events.OrderStream("B"))
	assert.ErrorIs(t, err, outbox.ErrRefused)
	assert.ErrorContains(t, err, "422")

	to.set("B-2", nil)
	require.NoError(t, c.Retry(t.Context(), events.OrderStream("B")))
	add(t, log, "B")
	eventually(t, func() bool { return slices.Contains(to.has(), "B-4") })
	assert.Equal(t, []string{"A-1", "B-1", "A-2", "C-1", "B-2", "B-3", "B-4"}, to.has())
	assert.ErrorIs(t, c.Retry(t.Context(), events.OrderStream("B")), outbox.ErrNotParked)
	_ = stop()

	require.Len(t, tries, outbox.RefusalsMax+2)
	for i, try := range tries[:outbox.RefusalsMax] {
		assert.Equal(t, i+1, try.Number)
		assert.Equal(t, i == outbox.RefusalsMax-1, try.Parked)
	}
}

// A receiver can say much; of what is kept of it for good there is a bound.
func TestWhatAReceiverSaysIsKeptInPart(t *testing.T) {
	log, to := memory.New(), &receiver{}
	said := strings.Repeat("né", outbox.ProblemMax)
	to.set("B-1", fmt.Errorf("%w: %s", outbox.ErrRefused, said))
	to.set("B-2", fmt.Errorf("%w: %s", outbox.ErrRefused, said))
	c := consumer(t, log, to, config(outbox.MemoryKeeper()))
	stop := running(t, c)
	add(t, log, "B", "B", "C")
	eventually(t, func() bool { return slices.Contains(to.has(), "C-1") })
	_ = stop()
	kept := func() string {
		parked, err := c.Parked(t.Context())
		require.NoError(t, err)
		require.Len(t, parked, 1)
		return parked[0].Problem
	}
	isCut := func() {
		assert.LessOrEqual(t, len(kept()), outbox.ProblemMax)
		assert.Greater(t, len(kept()), outbox.ProblemMax-4)
		assert.True(t, utf8.ValidString(kept()))
	}
	isCut()
	assert.ErrorIs(t, c.Skip(t.Context(), events.OrderStream("B")), outbox.ErrRefused)
	isCut()
}

func TestASkippedRecordIsLeftOut(t *testing.T) {
	log, to := memory.New(), &receiver{}
	to.refuse("B-1")
	to.refuse("B-3")
	c := consumer(t, log, to, config(outbox.MemoryKeeper()))
	stop := running(t, c)
	add(t, log, "B", "B", "B", "B", "C")
	eventually(t, func() bool { return slices.Contains(to.has(), "C-1") })
	_ = stop()

	assert.ErrorIs(t, c.Skip(t.Context(), events.OrderStream("B")), outbox.ErrRefused)
	parked, err := c.Parked(t.Context())
	require.NoError(t, err)
	require.Len(t, parked, 1)
	assert.Equal(t, uint64(3), parked[0].Version, "the next that the receiver refuses")
	require.NoError(t, c.Skip(t.Context(), events.OrderStream("B")))
	assert.Equal(t, []string{"C-1", "B-2", "B-4"}, to.has())
}

// The parked state outlives the process, and the orders that stay back do too.
func TestWhatStaysBackIsKept(t *testing.T) {
	log, to, folder := memory.New(), &receiver{}, t.TempDir()
	to.refuse("B-1")
	stop := running(t, consumer(t, log, to, config(outbox.FileKeeper(folder))))
	add(t, log, "B", "B", "C")
	eventually(t, func() bool { return slices.Contains(to.has(), "C-1") })
	_ = stop()

	to.set("B-1", nil)
	again := consumer(t, log, to, config(outbox.FileKeeper(folder)))
	require.NoError(t, again.Retry(t.Context(), events.OrderStream("B")))
	assert.Equal(t, []string{"C-1", "B-1", "B-2"}, to.has())
	parked, err := again.Parked(t.Context())
	require.NoError(t, err)
	assert.Empty(t, parked)
}

func TestAReceiverThatIsDownIsWaitedFor(t *testing.T) {
	log, to := memory.New(), &receiver{}
	to.set("A-1", errors.New("no route to host"))
	tries := 0
	cfg := config(outbox.MemoryKeeper())
	cfg.Tried = func(outbox.Try) {
		if tries++; tries == 50 {
			to.set("A-1", nil)
		}
	}
	stop := running(t, consumer(t, log, to, cfg))
	add(t, log, "A", "B")
	eventually(t, func() bool { return len(to.has()) == 2 })
	_ = stop()
	assert.Equal(t, []string{"A-1", "B-1"}, to.has())
	assert.Equal(t, 52, tries)
}

func TestWaitsGrowAndHeedTheReceiver(t *testing.T) {
	log, to := memory.New(), &receiver{}
	add(t, log, "A")
	to.set("A-1", &outbox.SendError{Receiver: "r", Problem: "busy", After: 40 * time.Millisecond})
	cfg := config(outbox.MemoryKeeper())
	cfg.Waits = []time.Duration{time.Nanosecond, 2 * time.Nanosecond, 60 * time.Millisecond}
	tries := 0
	cfg.Tried = func(outbox.Try) {
		if tries++; tries == 2 {
			to.set("A-1", nil)
		}
	}
	began := time.Now()
	stop := running(t, consumer(t, log, to, cfg))
	eventually(t, func() bool { return len(to.has()) == 1 })
	_ = stop()
	assert.GreaterOrEqual(t, time.Since(began), 80*time.Millisecond, "twice what the receiver asked for")
}

func TestALogThatCannotBeReachedIsWaitedFor(t *testing.T) {
	log, to := &flaky{Log: memory.New(), left: 3}, &receiver{}
	add(t, log.Log, "A")
	stop := running(t, consumer(t, log, to, config(outbox.MemoryKeeper())))
	eventually(t, func() bool { return len(to.has()) == 1 })
	assert.ErrorIs(t, stop(), context.Canceled)
	closed := memory.New()
	require.NoError(t, closed.Close())
	assert.ErrorIs(t, consumer(t, closed, to, config(outbox.MemoryKeeper())).Run(t.Context()), store.ErrClosed)
}

func (f *flaky) All(ctx context.Context, from store.Cursor) iter.Seq2[events.Record, error] {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.left > 0 {
		f.left--
		return func(yield func(events.Record, error) bool) { yield(events.Record{}, store.ErrUnavailable) }
	}
	return f.Log.All(ctx, from)
}

func TestOneConsumerForAName(t *testing.T) {
	log, to, folder := memory.New(), &receiver{}, t.TempDir()
	first := consumer(t, log, to, config(outbox.FileKeeper(folder)))
	stop := running(t, first)
	add(t, log, "A")
	eventually(t, func() bool { return len(to.has()) == 1 })
	assert.ErrorIs(t, first.Run(t.Context()), outbox.ErrTaken)

	// Another process moves the place on: this one ends, and begins again from what is kept.
	eventually(t, func() bool {
		s, err := outbox.FileKeeper(folder).Load(t.Context(), "warehouse")
		return err == nil && s.Cursor.Position() == 1
	})
	s, err := outbox.FileKeeper(folder).Load(t.Context(), "warehouse")
	require.NoError(t, err)
	s.Revision++
	require.NoError(t, outbox.FileKeeper(folder).Save(t.Context(), "warehouse", s))
	add(t, log, "B")
	eventually(t, func() bool { return len(to.has()) == 2 })
	assert.ErrorIs(t, stop(), outbox.ErrTaken)
	stop = running(t, first)
	eventually(t, func() bool { return len(to.has()) == 3 })
	assert.ErrorIs(t, stop(), context.Canceled)
}

func TestAWrongReceiverEndsTheConsumer(t *testing.T) {
	log := memory.New()
	for i := range outbox.ParkedMax + 1 {
		add(t, log, fmt.Sprintf("O%d", i))
	}
	no := outbox.SenderFunc(func(context.Context, outbox.Message) error { return outbox.ErrRefused })
	cfg := config(outbox.MemoryKeeper())
	c := consumer(t, log, no, cfg)
	err := c.Run(t.Context())
	assert.ErrorIs(t, err, outbox.ErrParkedMax)
	lag, err := c.Lag(t.Context())
	require.NoError(t, err)
	assert.Equal(t, outbox.ParkedMax, lag.Parked)
	assert.Equal(t, 1, lag.Records)
}

func TestLag(t *testing.T) {
	log, to := memory.New(), &receiver{}
	cfg := config(outbox.MemoryKeeper())
	cfg.Now = func() time.Time { return dawn.Add(time.Minute) }
	c := consumer(t, log, to, cfg)
	lag, err := c.Lag(t.Context())
	require.NoError(t, err)
	assert.Zero(t, lag)
	add(t, log, "A", "B", "A")
	lag, err = c.Lag(t.Context())
	require.NoError(t, err)
	assert.Equal(t, outbox.Lag{Records: 3, Since: dawn, Age: time.Minute}, lag)
	stop := running(t, c)
	eventually(t, func() bool { return len(to.has()) == 3 })
	_ = stop()
	lag, err = c.Lag(t.Context())
	require.NoError(t, err)
	assert.Zero(t, lag)
}

func TestOnlyWhatIsPicked(t *testing.T) {
	log, to := memory.New(), &receiver{}
	cfg := config(outbox.MemoryKeeper())
	cfg.Pick = func(r events.Record) bool { return r.Stream.ID != "A" }
	stop := running(t, consumer(t, log, to, cfg))
	add(t, log, "A", "B", "A", "C")
	eventually(t, func() bool { return slices.Contains(to.has(), "C-1") })
	_ = stop()
	assert.Equal(t, []string{"B-1", "C-1"}, to.has())
}

func TestConfigurations(t *testing.T) {
	log, to := memory.New(), &receiver{}
	for words, change := range map[string]func(*outbox.Config){
		"no keeper":                   func(c *outbox.Config) { c.Keeper = nil },
		`name ""`:                     func(c *outbox.Config) { c.Name = "" },
		`name "../x"`:                 func(c *outbox.Config) { c.Name = "../x" },
		`source ""`:                   func(c *outbox.Config) { c.Source = "" },
		`source "https://a/#b"`:       func(c *outbox.Config) { c.Source = "https://a/#b" },
		"a wait of 0s":                func(c *outbox.Config) { c.Waits = []time.Duration{0} },
		"a patience of -1s":           func(c *outbox.Config) { c.Patience = -time.Second },
		"no wait between tries; give": func(c *outbox.Config) { c.Waits = []time.Duration{} },
		"name \"" + strings.Repeat("n", outbox.NameMax+1): func(c *outbox.Config) {
			c.Name = strings.Repeat("n", outbox.NameMax+1)
		},
	} {
		cfg := config(outbox.MemoryKeeper())
		change(cfg)
		_, err := outbox.New(log, to, cfg)
		assert.ErrorIs(t, err, outbox.ErrConfig, words)
		assert.ErrorContains(t, err, words)
	}
	_, err := outbox.New(nil, to, config(outbox.MemoryKeeper()))
	assert.ErrorIs(t, err, outbox.ErrConfig)
	_, err = outbox.New(log, nil, config(outbox.MemoryKeeper()))
	assert.ErrorIs(t, err, outbox.ErrConfig)
}

// slow does something between the end of a stream and whoever has read it.
type slow struct {
	*memory.Log
	then func()
}

func (s *slow) Read(ctx context.Context, stream events.Stream, after uint64) iter.Seq2[events.Record, error] {
	return func(yield func(events.Record, error) bool) {
		for r, err := range s.Log.Read(ctx, stream, after) {
			if !yield(r, err) {
				return
			}
		}
		if then := s.then; then != nil {
			s.then = nil
			then()
		}
	}
}

// What Run passes while somebody delivers what stayed back stays back too, and is delivered by them.
func TestNothingIsLostBetweenRunAndRetry(t *testing.T) {
	log, to := &slow{Log: memory.New()}, &receiver{}
	to.refuse("B-1")
	c := consumer(t, log, to, config(outbox.MemoryKeeper()))
	stop := running(t, c)
	add(t, log, "B", "C")
	eventually(t, func() bool { return slices.Contains(to.has(), "C-1") })
	to.set("B-1", nil)
	log.then = func() {
		add(t, log, "B", "C")
		eventually(t, func() bool { return slices.Contains(to.has(), "C-2") })
	}
	require.NoError(t, c.Retry(t.Context(), events.OrderStream("B")))
	add(t, log, "B")
	eventually(t, func() bool { return slices.Contains(to.has(), "B-3") })
	_ = stop()
	assert.Equal(t, []string{"C-1", "B-1", "C-2", "B-2", "B-3"}, to.has())
}
