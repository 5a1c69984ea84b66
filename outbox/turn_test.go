package outbox_test

import (
	"context"
	"iter"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/outbox"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

// gate lets everything through until it is shut; then whoever comes waits, whatever its context says.
type gate struct {
	shut    atomic.Bool
	reached chan struct{} // somebody waits
	open    chan struct{}
}

func newGate() *gate { return &gate{reached: make(chan struct{}, 10), open: make(chan struct{})} }

func (g *gate) pass() {
	if g.shut.Load() {
		g.reached <- struct{}{}
		<-g.open
	}
}

// gated is a keeper with a gate before its saves, and one before its loads.
type gated struct {
	outbox.Keeper
	save, load *gate
}

func (k *gated) Save(ctx context.Context, name string, s outbox.State) error {
	k.save.pass()
	return k.Keeper.Save(ctx, name, s)
}

func (k *gated) Load(ctx context.Context, name string) (outbox.State, error) {
	k.load.pass()
	return k.Keeper.Load(ctx, name)
}

// gatedLog is a log with a gate before its streams.
type gatedLog struct {
	*memory.Log
	read *gate
}

func (l *gatedLog) Read(ctx context.Context, of events.Stream, after uint64) iter.Seq2[events.Record, error] {
	l.read.pass()
	return l.Log.Read(ctx, of, after)
}

// asked holds that a consumer says how far it is, while something else of it hangs.
func asked(t *testing.T, c *outbox.Consumer, records int, parked ...string) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
	defer stop()
	lag, err := c.Lag(ctx)
	require.NoError(t, err)
	assert.Equal(t, records, lag.Records)
	assert.Equal(t, len(parked), lag.Parked)
	list, err := c.Parked(ctx)
	require.NoError(t, err)
	require.Len(t, list, len(parked))
	for i, id := range parked {
		assert.Equal(t, id, list[i].Stream.ID)
	}
}

// ended holds that something which waits ends with its context.
func ended(t *testing.T, do func(context.Context) error) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer stop()
	returned := make(chan error, 1)
	go func() { returned <- do(ctx) }()
	select {
	case err := <-returned:
		require.ErrorIs(t, err, context.DeadlineExceeded)
	case <-time.After(10 * time.Second):
		require.Fail(t, "it waits for ever")
	}
}

// A save that hangs holds up nobody who asks how far the consumer is, and who has to wait for it does so no longer than
// its context lasts.
func TestASaveThatHangsHoldsUpNobodyWhoAsks(t *testing.T) {
	log, to := memory.New(), &receiver{}
	to.refuse("A-1")
	keeper := &gated{outbox.MemoryKeeper(), newGate(), newGate()}
	c := consumer(t, log, to, config(keeper))
	add(t, log, "A")
	stop := running(t, c)
	eventually(t, func() bool {
		s, err := keeper.Load(t.Context(), "warehouse")
		return assert.NoError(t, err) && len(s.Parked) == 1
	})
	keeper.save.shut.Store(true)
	add(t, log, "B")
	<-keeper.save.reached
	asked(t, c, 0, "A")
	ended(t, func(ctx context.Context) error { return c.Skip(ctx, events.OrderStream("A")) })
	keeper.save.shut.Store(false)
	close(keeper.save.open)
	require.ErrorIs(t, stop(), context.Canceled)
	s, err := keeper.Load(t.Context(), "warehouse")
	require.NoError(t, err)
	assert.Equal(t, "B-1", s.Record, "what was reached is kept")
}

// So does a log that does not say what stays back of an order.
func TestALogThatHangsHoldsUpNobodyWhoAsks(t *testing.T) {
	log, to := &gatedLog{memory.New(), newGate()}, &receiver{}
	to.refuse("A-1")
	c := consumer(t, log, to, config(outbox.MemoryKeeper()))
	add(t, log, "A")
	stop := running(t, c)
	eventually(t, func() bool {
		lag, err := c.Lag(t.Context())
		return assert.NoError(t, err) && lag.Parked == 1 && lag.Records == 0
	})
	to.set("A-1", nil)
	to.after = func(string) { log.read.shut.Store(true) } // the next that reads the stream is who takes it off the list
	released := make(chan error, 1)
	go func() { released <- c.Retry(t.Context(), events.OrderStream("A")) }()
	<-log.read.reached
	asked(t, c, 0, "A")
	ended(t, func(ctx context.Context) error { return c.Retry(ctx, events.OrderStream("A")) })
	log.read.shut.Store(false)
	close(log.read.open)
	require.NoError(t, <-released)
	asked(t, c, 0)
	require.ErrorIs(t, stop(), context.Canceled)
}

// While nobody knows how far the consumer is, because its keeper hangs, who asks waits no longer than his context
// lasts.
func TestALoadThatHangsEndsWithTheContextOfWhoeverAsks(t *testing.T) {
	keeper := &gated{outbox.MemoryKeeper(), newGate(), newGate()}
	keeper.load.shut.Store(true)
	c := consumer(t, memory.New(), &receiver{}, config(keeper))
	stop := running(t, c)
	<-keeper.load.reached
	ended(t, func(ctx context.Context) error { _, err := c.Lag(ctx); return err })
	ended(t, func(ctx context.Context) error { _, err := c.Parked(ctx); return err })
	keeper.load.shut.Store(false)
	close(keeper.load.open)
	require.ErrorIs(t, stop(), context.Canceled)
}

// What another process kept after somebody here began to ask is what Run goes on from.
func TestRunReadsItsPlaceItself(t *testing.T) {
	log, to := memory.New(), &receiver{}
	keeper := outbox.MemoryKeeper()
	added := add(t, log, "A", "B")
	late := &loadedEarlier{Keeper: keeper, hold: newGate()}
	c := consumer(t, log, to, config(late))
	late.hold.shut.Store(true)
	asking := make(chan error, 1)
	go func() { _, err := c.Lag(t.Context()); asking <- err }()
	<-late.hold.reached
	late.hold.shut.Store(false)
	require.NoError(t, keeper.Save(t.Context(), "warehouse",
		outbox.State{Revision: 1, Cursor: store.After(added[0]), Record: added[0].ID}))
	stop := running(t, c)
	close(late.hold.open)
	require.NoError(t, <-asking)
	eventually(t, func() bool { return len(to.has()) > 0 })
	require.ErrorIs(t, stop(), context.Canceled)
	assert.Equal(t, []string{"B-1"}, to.has())
}

// loadedEarlier is a keeper that has read before it waits.
type loadedEarlier struct {
	outbox.Keeper
	hold *gate
}

func (k *loadedEarlier) Load(ctx context.Context, name string) (outbox.State, error) {
	s, err := k.Keeper.Load(ctx, name)
	k.hold.pass()
	return s, err
}
