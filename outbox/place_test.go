package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/outbox"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
	"github.com/tilltape/tilltape/store/memory"
)

// told runs a consumer until its receiver has so many messages.
func told(t *testing.T, log store.Reader, keeper outbox.Keeper, to *receiver, n int) {
	t.Helper()
	stop := running(t, consumer(t, log, to, config(keeper)))
	eventually(t, func() bool { return len(to.has()) == n })
	assert.ErrorIs(t, stop(), context.Canceled)
}

// A log that was restored from a copy, and went on, holds other records where the old one held what was delivered.
// Going on at the bare position would leave them out.
func TestAPlaceOfAPastThatIsNotThisLogsIsFoundOut(t *testing.T) {
	keeper, to := outbox.MemoryKeeper(), &receiver{}
	old := memory.New()
	add(t, old, "A", "B", "C", "D")
	told(t, old, keeper, to, 4)

	restored := memory.New() // from before C
	add(t, restored, "A", "B")
	for _, more := range [][]string{nil, {"E", "F", "G"}} {
		add(t, restored, more...)
		c := consumer(t, restored, to, config(keeper))
		err := c.Run(t.Context())
		require.ErrorIs(t, err, outbox.ErrElsewhere, "%v", more)
		assert.ErrorContains(t, err, `record "D-1" at position 4`)
		assert.ErrorContains(t, err, "Restart")
		_, err = c.Lag(t.Context())
		assert.ErrorIs(t, err, outbox.ErrElsewhere)
		assert.ErrorIs(t, c.Retry(t.Context(), events.OrderStream("A")), outbox.ErrElsewhere)
	}
	assert.Len(t, to.has(), 4, "nothing was sent")
	s, err := keeper.Load(t.Context(), "warehouse")
	require.NoError(t, err)
	assert.Equal(t, uint64(4), s.Cursor.Position(), "nor was what is kept moved")

	c := consumer(t, restored, to, config(keeper))
	require.ErrorIs(t, c.Restart(t.Context(), store.After(events.Record{Position: 9})), store.ErrInvalid)
	require.NoError(t, c.Restart(t.Context(), store.After(events.Record{Position: 2})))
	told(t, restored, keeper, to, 7)
	assert.Equal(t, []string{"A-1", "B-1", "C-1", "D-1", "E-1", "F-1", "G-1"}, to.has())
}

// A backup of a file goes on under an origin of its own. A place from before the backup is one of it; a place from
// after it is not, and nor is one of a log that it does not come from, whatever their records are called.
func TestAPlaceBelongsToALogAndWhatGoesOnFromIt(t *testing.T) {
	dir := t.TempDir()
	open := func(name string) *bolt.Log {
		log, err := bolt.Open(filepath.Join(dir, name), nil)
		require.NoError(t, err)
		t.Cleanup(func() { _ = log.Close() })
		return log
	}
	first := open("first")
	add(t, first, "A", "B")
	early, late, to := outbox.MemoryKeeper(), outbox.MemoryKeeper(), &receiver{}
	told(t, first, early, to, 2)
	require.NoError(t, first.Backup(t.Context(), filepath.Join(dir, "backup"), nil))
	add(t, first, "C")
	told(t, first, late, &receiver{}, 3)

	restored := open("backup")
	add(t, restored, "C") // a record of the same id, at the same position
	err := consumer(t, restored, to, config(late)).Run(t.Context())
	require.ErrorIs(t, err, outbox.ErrElsewhere)
	assert.ErrorContains(t, err, "has 2 records")
	told(t, restored, early, to, 3)
	told(t, restored, early, to, 3)

	stranger := open("stranger")
	add(t, stranger, "A", "B", "C")
	assert.ErrorIs(t, consumer(t, stranger, to, config(early)).Run(t.Context()), outbox.ErrElsewhere)
}

// Starting anew takes what is parked before the new place along, and what is after it comes again by itself.
func TestRestartKeepsWhatIsParkedBefore(t *testing.T) {
	log, to, keeper := memory.New(), &receiver{}, outbox.MemoryKeeper()
	add(t, log, "A", "B", "C", "D")
	to.refuse("A-1")
	to.refuse("C-1")
	told(t, log, keeper, to, 2)
	c := consumer(t, log, to, config(keeper))
	require.NoError(t, c.Restart(t.Context(), store.After(events.Record{Position: 2})))
	parked, err := c.Parked(t.Context())
	require.NoError(t, err)
	require.Len(t, parked, 1)
	assert.Equal(t, "A", parked[0].Stream.ID)
	to.set("C-1", nil)
	told(t, log, keeper, to, 4)
	assert.Equal(t, []string{"B-1", "D-1", "C-1", "D-1"}, to.has())

	stop := running(t, c)
	add(t, log, "E")
	eventually(t, func() bool { return len(to.has()) == 5 })
	assert.ErrorIs(t, c.Restart(t.Context(), store.Start()), outbox.ErrTaken, "it runs")
	_ = stop()
	require.NoError(t, c.Restart(t.Context(), store.Start()))
	parked, err = c.Parked(t.Context())
	require.NoError(t, err)
	assert.Empty(t, parked)
}

// A record that makes the receiver hang holds the others up for as long as the consumer's patience lasts.
func TestARecordThatIsNeverAnsweredIsParked(t *testing.T) {
	log, to := memory.New(), &receiver{}
	to.set("A-1", errors.New("no answer within a minute"))
	cfg := config(outbox.MemoryKeeper())
	cfg.Patience = time.Hour
	var clock atomic.Int64
	cfg.Now = func() time.Time { return dawn.Add(time.Duration(clock.Load())) }
	tries := make(chan outbox.Try, 100)
	cfg.Tried = func(try outbox.Try) {
		clock.Add(int64(20 * time.Minute))
		tries <- try
	}
	c := consumer(t, log, to, cfg)
	stop := running(t, c)
	add(t, log, "A", "B", "A")
	eventually(t, func() bool { return len(to.has()) == 1 })
	for n := 1; n <= 4; n++ {
		try := <-tries
		assert.Equal(t, n == 4, try.Parked, "after an hour")
	}
	parked, err := c.Parked(t.Context())
	require.NoError(t, err)
	require.Len(t, parked, 1)
	assert.Equal(t, "no answer within a minute", parked[0].Problem)
	to.set("A-1", nil)
	require.NoError(t, c.Retry(t.Context(), events.OrderStream("A")))
	eventually(t, func() bool { return len(to.has()) == 3 }) // Run delivers what it had not passed yet
	_ = stop()
	assert.Equal(t, []string{"B-1", "A-1", "A-2"}, to.has())
}

// The sender is called once at a time: Retry waits while Run has it.
func TestTheSenderIsCalledOnceAtATime(t *testing.T) {
	log := memory.New()
	var inside, most, sent atomic.Int32
	refusing := atomic.Bool{}
	refusing.Store(true)
	held, free := make(chan struct{}), make(chan struct{})
	to := outbox.SenderFunc(func(_ context.Context, m outbox.Message) error {
		most.Store(max(most.Load(), inside.Add(1)))
		defer inside.Add(-1)
		switch {
		case m.ID == "B-1":
			close(held)
			<-free
		case m.ID == "A-1" && refusing.Load():
			return outbox.ErrRefused
		}
		sent.Add(1)
		return nil
	})
	c := consumer(t, log, to, config(outbox.MemoryKeeper()))
	stop := running(t, c)
	add(t, log, "A", "B")
	<-held
	refusing.Store(false)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.ErrorIs(t, c.Retry(ctx, events.OrderStream("A")), context.Canceled)
	ended := make(chan error, 1)
	go func() { ended <- c.Retry(t.Context(), events.OrderStream("A")) }()
	select {
	case <-ended:
		t.Error("it did not wait")
	case <-time.After(20 * time.Millisecond): // long enough to call a sender that is not held
	}
	close(free)
	require.NoError(t, <-ended)
	eventually(t, func() bool { return sent.Load() == 2 })
	_ = stop()
	assert.Equal(t, int32(1), most.Load())
}

// Of any number of keepers over one folder that save the same revision, as processes do, one succeeds.
func TestOneOfManyKeepersSaves(t *testing.T) {
	folder := t.TempDir()
	for revision := uint64(1); revision <= 20; revision++ {
		var won atomic.Int32
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				err := outbox.FileKeeper(folder).Save(t.Context(), "a", outbox.State{Revision: revision,
					Record: fmt.Sprint(i)})
				if err == nil {
					won.Add(1)
				} else if !errors.Is(err, outbox.ErrTaken) {
					t.Error(err)
				}
			})
		}
		all.Wait()
		require.Equal(t, int32(1), won.Load(), "revision %d", revision)
	}
}
