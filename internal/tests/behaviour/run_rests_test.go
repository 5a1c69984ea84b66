package behaviour_test

import (
	"context"
	"iter"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

// A log whose list fails is asked ever less often, somebody is told each time, and it works again soon after.
func TestRun_GoesOnWhenTheListFails(t *testing.T) {
	log := &tilltest.Flaky{Log: memory.New()}
	awake(t, log, func(x *tilltest.Till, w *tilltest.Witness) {
		ids := x.Many(1)
		x.Lost(ids...)
		var broken atomic.Bool
		var lists atomic.Int32
		broken.Store(true)
		log.OnHeads = func() error {
			if lists.Add(1); broken.Load() {
				return tilltest.ErrDisk
			}
			return nil
		}
		stop := running(x)
		time.Sleep(time.Minute)
		assert.InDelta(t, 18, lists.Load(), 3, "six pauses that grow, then one each five seconds")
		troubles := tilltest.Seen(w, &w.Troubles)
		require.Len(t, troubles, int(lists.Load()))
		require.ErrorIs(t, troubles[0].Err, tilltest.ErrDisk)
		assert.Empty(t, troubles[0].OrderID)
		assert.Equal(t, tilltest.Dawn().Add(100*time.Millisecond), troubles[0].Again)
		broken.Store(false)
		time.Sleep(tilltape.RunPauseMax)
		assert.Equal(t, order.Cancelled, status(x, ids[0]))
		require.NoError(t, stop())
	})
}

// One order that cannot be read must neither stop the others nor be tried without end.
func TestRun_AnOrderThatFailsRests(t *testing.T) {
	log := &unreadable{Log: memory.New()}
	awake(t, log, func(x *tilltest.Till, w *tilltest.Witness) {
		ids := x.Many(2)
		x.Lost(ids...)
		log.bad.Store(&ids[0])
		stop := running(x)
		time.Sleep(10 * time.Minute)
		assert.Equal(t, order.Cancelled, status(x, ids[1]))
		troubles := tilltest.Seen(w, &w.Troubles)
		assert.InDelta(t, 15, len(troubles), 2, "after 1, 2, 4 … seconds, then each minute")
		for _, x := range troubles {
			assert.Equal(t, ids[0], x.OrderID)
			require.ErrorIs(t, x.Err, tilltest.ErrDisk)
		}
		none := ""
		log.bad.Store(&none)
		time.Sleep(tilltape.RunRestMax)
		assert.Equal(t, order.Cancelled, status(x, ids[0]), "as soon as it can be read again")
		require.NoError(t, stop())
	})
}

// unreadable is a log with one stream that cannot be read; "*" is every stream.
type unreadable struct {
	store.Log
	bad   atomic.Pointer[string]
	reads atomic.Int32
}

func (u *unreadable) Read(ctx context.Context, s events.Stream, after uint64) iter.Seq2[events.Record, error] {
	u.reads.Add(1)
	if bad := u.bad.Load(); bad != nil && (*bad == s.ID || *bad == "*") {
		return func(yield func(events.Record, error) bool) { yield(events.Record{}, tilltest.ErrDisk) }
	}
	return u.Log.Read(ctx, s, after)
}

// When everything fails it is the log, and a thousand due orders must not each fail in turn.
func TestRun_ALogThatFailsForEveryOrderIsLeftAlone(t *testing.T) {
	log := &unreadable{Log: memory.New()}
	awake(t, log, func(x *tilltest.Till, w *tilltest.Witness) {
		ids := x.Many(200)
		x.Lost(ids...)
		everything, nothing := "*", ""
		log.bad.Store(&everything)
		stop := running(x)
		time.Sleep(time.Minute)
		told := len(tilltest.Seen(w, &w.Troubles))
		assert.Less(t, told, 150, "about as many as are driven at once, each pause")
		assert.Greater(t, told, 16)
		log.bad.Store(&nothing)
		time.Sleep(2 * tilltape.RunRestMax)
		for _, id := range ids {
			assert.Equal(t, order.Cancelled, status(x, id))
		}
		require.NoError(t, stop())
	})
}

// A head can say that an order is due whose facts say otherwise: it must not be read without end.
func TestRun_AnOrderThatIsDueInTheListOnlyRests(t *testing.T) {
	log := &unreadable{Log: memory.New()}
	awake(t, &stale{log}, func(x *tilltest.Till, w *tilltest.Witness) {
		x.Many(1)
		log.reads.Store(0)
		stop := running(x)
		time.Sleep(10 * time.Minute)
		require.NoError(t, stop())
		assert.InDelta(t, 15, log.reads.Load(), 2)
		assert.Empty(t, tilltest.Seen(w, &w.Calls))
	})
}

// stale is a log whose list says of every order that it is due.
type stale struct{ store.Log }

func (s *stale) Heads(ctx context.Context, _ store.Filter) iter.Seq2[store.Head, error] {
	return func(yield func(store.Head, error) bool) {
		for h, err := range s.Log.Heads(ctx, store.AllOrders()) {
			h.Due = tilltest.Dawn()
			if !yield(h, err) {
				return
			}
		}
	}
}
