package viewer

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/outbox"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

// asking has consumers asked at every request, or hardly ever, and wait no longer than that.
func asking(t *testing.T, fresh, timeout time.Duration) {
	was, within := consumersFresh, consumersTimeout
	consumersFresh, consumersTimeout = fresh, timeout
	t.Cleanup(func() { consumersFresh, consumersTimeout = was, within })
}

const atEvery, hardlyEver, patient = 0, time.Hour, time.Minute

// consumer is a consumer by that name of a log, whose receiver refuses all records of an order.
func consumer(t *testing.T, log store.Reader, keeper outbox.Keeper, refuses string) *outbox.Consumer {
	t.Helper()
	c, err := outbox.New(log, outbox.SenderFunc(func(_ context.Context, m outbox.Message) error {
		if m.Subject == refuses {
			return fmt.Errorf("%w: 422 <no such goods>", outbox.ErrRefused)
		}
		return nil
	}), &outbox.Config{Name: "warehouse", Source: "/orders", Keeper: keeper, Waits: []time.Duration{time.Microsecond},
		Poll: time.Millisecond, Now: func() time.Time { return tilltest.Dawn().Add(time.Hour) }})
	require.NoError(t, err)
	return c
}

// through runs a consumer until it has passed all that the log has.
func through(t *testing.T, c *outbox.Consumer) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	require.Eventually(t, func() bool {
		lag, err := c.Lag(t.Context())
		return err == nil && lag.Records == 0
	}, 10*time.Second, time.Millisecond)
	stop()
	require.ErrorIs(t, <-ended, context.Canceled)
}

func TestTheOverviewTellsHowFarConsumersAreAndWhatTheyHaveParked(t *testing.T) {
	asking(t, atEvery, patient)
	tilltest.Stores(t, func(t *testing.T, log store.Log) {
		warehouse := consumer(t, log, outbox.MemoryKeeper(), tilltest.TheOrder)
		w := worldOn(t, log, func(c *Config) { c.Consumers = []*outbox.Consumer{warehouse} })
		w.Place(order.CaptureManual)
		w.Paid()
		through(t, warehouse)
		parked := map[string]any{"orderId": tilltest.TheOrder, "version": "1", "since": "2026-11-23T10:00:00.000000000Z",
			"problem": "refused by the receiver: 422 <no such goods>"}
		assert.Equal(t, []any{map[string]any{"consumer": "warehouse", "records": "0", "parked": "1", "first": []any{parked}}},
			w.read("/overview")["told"])

		w.Clock.Pass(30 * time.Minute)
		for _, id := range []string{"o-2", "o-3"} {
			placing := tilltest.Placing(order.CaptureManual)
			placing.OrderID, placing.PaymentRequestID = id, "preq-"+id
			_, err := w.Orders.Create(w.Ctx, placing)
			require.NoError(t, err)
		}
		assert.Equal(t, []any{map[string]any{"consumer": "warehouse", "records": "2",
			"since": "2026-11-23T09:30:00.000000000Z", "parked": "1", "first": []any{parked}}}, w.read("/overview")["told"])
		page := w.get("/")
		for _, want := range []string{"Who is told", `<th scope="row">warehouse</th><td class="n">2</td>`,
			"Parked at warehouse</h3>", "422 &lt;no such goods&gt;",
			`<a class="id" href="/order?id=o-1">o-1</a>, from version 1 on, since`} {
			assert.Contains(t, page, want)
		}
	})
}

func TestWithoutConsumersThePageTellsOfNone(t *testing.T) {
	w := newWorld(t, nil)
	assert.NotContains(t, w.get("/"), "Who is told")
	assert.NotContains(t, w.read("/overview"), "told")
	_, err := New(w.Log, &Config{Consumers: []*outbox.Consumer{nil}})
	require.ErrorIs(t, err, tilltape.ErrConfig)
}

// keeps is a keeper whose reading is counted, and as a test says.
type keeps struct {
	outbox.Keeper
	loads atomic.Int64
	load  func(context.Context) error
}

func (k *keeps) Load(ctx context.Context, consumer string) (outbox.State, error) {
	k.loads.Add(1)
	if k.load != nil {
		if err := k.load(ctx); err != nil {
			return outbox.State{}, err
		}
	}
	return k.Keeper.Load(ctx, consumer)
}

// Each browser that follows asks for the page at every change, and a consumer far behind has much to read.
func TestConsumersAreAskedOnceForAll(t *testing.T) {
	asking(t, hardlyEver, patient)
	log, keeper := memory.New(), &keeps{Keeper: outbox.MemoryKeeper()}
	w := worldOn(t, log, func(c *Config) { c.Consumers = []*outbox.Consumer{consumer(t, log, keeper, "")} })
	w.get("/")
	once := keeper.loads.Load()
	require.Positive(t, once)
	for range 5 {
		assert.Contains(t, w.get("/"), "Who is told")
	}
	assert.Equal(t, once, keeper.loads.Load())
}

// What is wrong with a consumer is told of it, and all else of the page is there.
func TestAConsumerInTroubleSaysSoAndThePageIsThere(t *testing.T) {
	log := memory.New()
	for name, c := range map[string]struct {
		timeout time.Duration
		load    func(context.Context) error
		says    string
	}{
		"broken": {patient, func(context.Context) error { return errors.New("the <disk> is gone") }, "the <disk> is gone"},
		"hangs": {time.Millisecond, func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}, silence},
	} {
		t.Run(name, func(t *testing.T) {
			asking(t, atEvery, c.timeout)
			keeper := &keeps{Keeper: outbox.MemoryKeeper(), load: c.load}
			w := worldOn(t, log, func(cfg *Config) { cfg.Consumers = []*outbox.Consumer{consumer(t, log, keeper, "")} })
			assert.Equal(t, []any{map[string]any{"consumer": "warehouse", "problem": c.says}}, w.read("/overview")["told"])
			assert.Contains(t, w.get("/"), `<span class="badge bad">unknown</span>`)
			assert.NotContains(t, w.get("/"), "<disk>")
		})
	}
}

// Whoever asks while somebody else's question hangs is not held up by it, and what hung is not taken for an answer.
func TestAQuestionThatHangsHoldsNobodyUp(t *testing.T) {
	asking(t, hardlyEver, time.Millisecond)
	log := memory.New()
	entered, leave := make(chan struct{}, 1), make(chan struct{})
	keeper := &keeps{Keeper: outbox.MemoryKeeper(), load: func(context.Context) error { // it does not heed its context
		entered <- struct{}{}
		<-leave
		return nil
	}}
	w := worldOn(t, log, func(cfg *Config) { cfg.Consumers = []*outbox.Consumer{consumer(t, log, keeper, "")} })
	first := make(chan int, 1)
	go func() { first <- w.do(local(http.MethodGet, "/")).Code }()
	<-entered
	assert.Contains(t, w.get("/"), "did not say in time")
	keeper.load = nil
	close(leave)
	require.Equal(t, http.StatusOK, <-first)
	consumersTimeout = patient
	assert.NotContains(t, w.get("/"), "did not say in time")
}

func TestOfManyParkedOrdersTheFirstAreNamed(t *testing.T) {
	asking(t, atEvery, patient)
	log, keeper := memory.New(), outbox.MemoryKeeper()
	state := outbox.State{Revision: 1}
	for i := range ParkedMax + 3 {
		state.Parked = append(state.Parked, outbox.Parked{Stream: events.RefusalStream(fmt.Sprint("o-", i)), Version: 7,
			Since: tilltest.Dawn(), Problem: "422"})
	}
	require.NoError(t, keeper.Save(t.Context(), "warehouse", state))
	w := worldOn(t, log, func(c *Config) { c.Consumers = []*outbox.Consumer{consumer(t, log, keeper, "")} })
	row := w.read("/overview")["told"].([]any)[0].(map[string]any)
	assert.Equal(t, "103", row["parked"])
	first := row["first"].([]any)
	require.Len(t, first, ParkedMax)
	assert.Equal(t, map[string]any{"orderId": "o-99", "refusals": true, "version": "7",
		"since": "2026-11-23T09:00:00.000000000Z", "problem": "422"}, first[99])
	page := w.get("/")
	assert.Contains(t, page, "Parked at warehouse, the first 100</h3>")
	assert.Contains(t, page, "o-99</a>, its refused commands, from version 7 on")
	assert.NotContains(t, page, "o-100<")
}

// endless is a log that has one record again and again.
type endless struct{ store.Log }

func (e endless) All(ctx context.Context, from store.Cursor) iter.Seq2[events.Record, error] {
	return func(yield func(events.Record, error) bool) {
		for r, err := range e.Log.All(ctx, from) {
			for yield(r, err) {
			}
			return
		}
	}
}

func TestALagBeyondTheBoundSaysSo(t *testing.T) {
	asking(t, atEvery, patient)
	w := newWorld(t, nil)
	w.Place(order.CaptureManual)
	w.v.consumers = newConsumers([]*outbox.Consumer{consumer(t, endless{w.Log}, outbox.MemoryKeeper(), "")})
	row := w.read("/overview")["told"].([]any)[0].(map[string]any)
	assert.Equal(t, "10000", row["records"])
	assert.Equal(t, true, row["more"])
	assert.Contains(t, w.get("/"), `10`+"\u202f"+`000<span class="more"> or more</span></td>`)
}
