package viewer

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"sync"
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

func TestTheOverviewTellsWhatStandsOpenAndWhatTheMoneyComesTo(t *testing.T) {
	w := newWorld(t, nil)
	ids := w.Many(5)
	w.Lost(ids[0], ids[1])
	_, err := w.Orders.Capture(w.Ctx, ids[2], order.Capture{Amount: tilltest.USD(400)})
	require.NoError(t, err)
	_, err = w.Orders.Refund(w.Ctx, ids[3], order.Refund{Amount: tilltest.USD(1)})
	require.ErrorIs(t, err, order.ErrRejected)
	require.NoError(t, w.Orders.Close()) // the refusal is on record then
	w.Clock.Pass(time.Hour)
	w.counted()
	doc := w.read("/overview")
	assert.NotContains(t, doc, "counting")
	lists := map[string]any{}
	for _, l := range doc["lists"].([]any) {
		lists[l.(map[string]any)["only"].(string)] = l.(map[string]any)["count"]
	}
	assert.Equal(t, map[string]any{"due": "2", "open": "2", "parked": "0", "anomalies": "0", "disputes": "0"}, lists)
	assert.Equal(t, map[string]any{"orderId": ids[0], "phase": "unresolved", "since": "2026-11-23T09:00:00.000000000Z"},
		doc["oldest"])
	usd := func(minor, value string) any {
		return map[string]any{"currency": "USD", "minor": minor, "value": value}
	}
	none := usd("0", "0.00")
	assert.Equal(t, []any{
		map[string]any{"status": "authorized", "orders": "4", "held": usd("4000", "40.00"), "kept": none, "refunded": none,
			"disputed": none, "late": none},
		map[string]any{"status": "captured", "orders": "1", "held": usd("600", "6.00"), "kept": usd("400", "4.00"),
			"refunded": none, "disputed": none, "late": none},
	}, doc["money"])
	assert.Equal(t, []any{map[string]any{"reason": "nothing-captured", "count": "1"}}, doc["refused"])
	hours := doc["hours"].([]any)
	assert.Len(t, hours, hoursKept)
	assert.Equal(t, map[string]any{"from": "2026-11-23T09:00:00.000000000Z", "placed": "5", "paid": "5", "refused": "1",
		"unknown": "2"}, hours[22])
	page := w.get("/")
	for _, want := range []string{"The oldest unknown is", "unresolved for <strong>1 h</strong>", "USD 40.00",
		"nothing-captured", "Outcome not known by hour: most in the hour from 09:00: 2"} {
		assert.Contains(t, page, want)
	}
}

// What APO has accepted is with APO, for weeks if need be; beside it nobody knows what became of a cancel, which is
// younger.
func TestWhatAPOHasAcceptedIsNoUnknown(t *testing.T) {
	w := newWorld(t, nil)
	ids := w.Many(3)
	for _, id := range ids[:2] {
		_, err := w.Orders.Capture(w.Ctx, id, order.Capture{Amount: tilltest.USD(tilltest.TheAmount)})
		require.NoError(t, err)
		r, err := w.Orders.Refund(w.Ctx, id, order.Refund{Amount: tilltest.USD(400)})
		require.NoError(t, err)
		require.Equal(t, tilltape.Accepted, r.Outcome)
	}
	w.Clock.Pass(2 * time.Hour)
	assert.NotContains(t, w.read("/overview"), "oldest")
	page := w.get("/")
	assert.Contains(t, page, "Nothing is unknown: APO has decided or accepted")
	assert.Contains(t, page, "the outcome is not known, or APO has accepted it")
	w.Lost(ids[2])
	w.Clock.Pass(time.Minute)
	cancel := map[string]any{"orderId": ids[2], "phase": "unresolved", "since": "2026-11-23T11:00:00.000000000Z"}
	assert.Equal(t, cancel, w.read("/overview")["oldest"])
	w.Bank.Next(tilltest.LostBefore)
	_, err := w.Orders.Refund(w.Ctx, ids[0], order.Refund{Amount: tilltest.USD(1)})
	require.ErrorIs(t, err, tilltape.ErrUnresolved)
	assert.Equal(t, cancel, w.read("/overview")["oldest"], "the refund before this one is accepted")
}

// More is accepted than one page looks through.
func TestWhatIsBehindAllThatIsAcceptedIsNotDenied(t *testing.T) {
	w := newWorld(t, nil)
	for i := range CountMax {
		id := fmt.Sprint("o-", i)
		r := events.Record{ID: id, Stream: events.OrderStream(id), Version: 1, Recorded: w.Clock.Now(),
			Occurred: w.Clock.Now(), Actor: "test", Event: events.PaymentPending{}, Head: events.Head{Status: "captured",
				StatusSince: w.Clock.Now(), Phase: order.Accepted.String(), OperationSince: w.Clock.Now()}}
		_, err := w.Log.Append(w.Ctx, r.Stream, 0, r)
		require.NoError(t, err)
	}
	assert.Contains(t, w.get("/"), "APO has accepted it. There is <a")
}

func TestAnEmptyLogHasAnOverview(t *testing.T) {
	w := newWorld(t, nil)
	w.counted()
	page := w.get("/")
	assert.Contains(t, page, "Nothing is unknown")
	assert.Contains(t, page, "None was refused")
	doc := w.read("/overview")
	assert.Equal(t, []any{}, doc["money"])
	assert.Equal(t, "0", doc["position"])
}

func TestWhatComesLaterIsCountedToo(t *testing.T) {
	tilltest.Stores(t, func(t *testing.T, log store.Log) {
		w := worldOn(t, log, nil)
		w.Place(order.CaptureManual)
		w.counted()
		assert.NotContains(t, w.get("/"), "USD 10.00")
		w.Paid()
		w.counted()
		assert.Contains(t, w.get("/"), "USD 10.00")
	})
}

// gated is a log whose reading waits at a record, and may fail there.
type gated struct {
	store.Log
	at   uint64
	gate chan error
	open atomic.Bool
}

func (g *gated) All(ctx context.Context, from store.Cursor) iter.Seq2[events.Record, error] {
	return func(yield func(events.Record, error) bool) {
		for r, err := range g.Log.All(ctx, from) {
			if err == nil && r.Position == g.at && !g.open.Load() {
				if err := <-g.gate; err != nil {
					yield(events.Record{}, err)
					return
				}
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

func (g *gated) Tree(ctx context.Context) (c struct{}, err error) {
	return c, errors.New("it does not tell")
}

func TestWhileItCountsAPageSaysHowFarItIs(t *testing.T) {
	log := &gated{Log: memory.New(), at: 3, gate: make(chan error)}
	w := worldOn(t, log, nil)
	w.Captured(tilltest.TheAmount)
	assert.Contains(t, w.get("/"), "counting,")
	require.Eventually(t, func() bool {
		doc := w.read("/overview")
		return assert.ObjectsAreEqual(map[string]any{"read": "2"}, doc["counting"])
	}, 10*time.Second, time.Millisecond)
	assert.Contains(t, w.get("/"), "counting, 2 records so far")
	close(log.gate)
	require.Eventually(t, func() bool { return w.read("/overview")["counting"] == nil }, 10*time.Second, time.Millisecond)
}

// hanging is a log whose streams are not read to their end before the gate opens.
type hanging struct {
	store.Log
	hangs         atomic.Bool
	entered, gate chan struct{}
}

func (h *hanging) Read(ctx context.Context, s events.Stream, after uint64) iter.Seq2[events.Record, error] {
	return func(yield func(events.Record, error) bool) {
		if h.hangs.CompareAndSwap(true, false) {
			close(h.entered)
			<-h.gate
		}
		h.Log.Read(ctx, s, after)(yield)
	}
}

// The count reads an order again that it has forgotten. Pages tell what is counted meanwhile, however long that takes.
func TestPagesDoNotWaitForTheCount(t *testing.T) {
	log := &hanging{Log: memory.New(), entered: make(chan struct{}), gate: make(chan struct{})}
	w := worldOn(t, log, nil)
	w.v.counter.tally.kept = w.v.counter.tally.kept[:1]
	ids := w.Many(2)
	_, err := w.Orders.Capture(w.Ctx, ids[0], order.Capture{Amount: tilltest.USD(400)})
	require.NoError(t, err)
	log.hangs.Store(true)
	open := sync.OnceFunc(func() { close(log.gate) })
	var first sync.WaitGroup
	defer first.Wait()
	defer open()
	first.Go(func() { w.do(local(http.MethodGet, "/")) })
	<-log.entered
	for _, target := range []string{"/", "/search?q=none", "/overview.json"} {
		answered := make(chan int, 1)
		go func() { answered <- w.do(local(http.MethodGet, target)).Code }()
		select {
		case code := <-answered:
			assert.Equal(t, http.StatusOK, code, target)
		case <-time.After(PageTimeout):
			require.Fail(t, "it waits for the count", target)
		}
	}
	assert.Contains(t, w.get("/"), "counting, ")
	open()
	w.counted()
	assert.Contains(t, w.get("/"), "USD 4.00")
}

func TestACountThatStopsSaysWhy(t *testing.T) {
	log := &gated{Log: memory.New(), at: 2, gate: make(chan error, 1)}
	w := worldOn(t, log, nil)
	w.Captured(tilltest.TheAmount)
	log.gate <- &store.DamagedError{Log: "orders", Position: 2, Reason: "<its> sum"}
	require.Eventually(t, func() bool { return w.v.counter.counts(w.Ctx, w.v.now()).Err != nil || w.get("/") == "" },
		10*time.Second, time.Millisecond)
	rec := w.do(local(http.MethodGet, "/"))
	assert.Equal(t, http.StatusOK, rec.Code, "what the indexes tell is there all the same")
	assert.Contains(t, rec.Body.String(), "Counting stopped after position 1: ")
	assert.Contains(t, rec.Body.String(), "&lt;its&gt; sum")
}

func TestALogThatDoesNotTellItsNewsIsAskedForThem(t *testing.T) {
	old := catchUpEvery
	catchUpEvery = time.Millisecond
	log := struct{ store.Log }{memory.New()}
	w := worldOn(t, log, nil)
	defer func() {
		require.NoError(t, w.v.Close())
		catchUpEvery = old
	}()
	w.Place(order.CaptureManual)
	w.counted()
	w.Paid()
	w.counted()
	assert.Contains(t, w.get("/"), "USD 10.00")
	assert.Equal(t, http.StatusNotFound, w.do(local(http.MethodGet, "/live")).Code)
}
