package otel_test

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/metric"
	nometer "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/apo/apotest"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/notify"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/otel"
	"github.com/tilltape/tilltape/outbox"
	"github.com/tilltape/tilltape/store"
)

// canary stands in all that people write, and in ids.
const canary = "Kanarienvogel"

// aDay has something of everything happen, with the canary in whatever can hold it.
func aDay(t *testing.T, w *world) {
	t.Helper()
	ctx := context.Background()
	cancelled, lost, late := canary+"-1", canary+"-2", canary+"-3"
	w.authorized(cancelled)
	_, err := w.orders.Cancel(ctx, cancelled, order.Cancel{Reason: canary, Actor: canary, CommandID: canary})
	require.NoError(t, err)
	_, err = w.orders.Capture(ctx, cancelled, order.Capture{Amount: usd(1), Actor: canary})
	require.ErrorIs(t, err, order.ErrRejected)

	w.authorized(lost)
	require.NoError(t, w.server.Script(apotest.Fault{Op: apotest.OpRefund, From: 1, Do: apotest.Undecided},
		apotest.Fault{Op: apotest.OpCancel, From: 1, Do: apotest.Undecided}))
	_, err = w.orders.Cancel(ctx, lost, order.Cancel{Reason: canary})
	require.ErrorIs(t, err, tilltape.ErrUnresolved)

	w.server.ClearScript()
	_, err = w.orders.Create(ctx, order.Create{OrderID: late, PaymentRequestID: "pay-late", Amount: usd(1000),
		Method: "CARD", CaptureMode: order.CaptureManual})
	require.NoError(t, err)
	_, err = w.server.Register(apotest.Payment{PaymentRequestID: "pay-late", Method: "CARD",
		Amount: apo.Amount{Currency: "USD", Minor: 1000}, Capture: apo.CaptureManual})
	require.NoError(t, err)
	_, err = w.orders.Cancel(ctx, late, order.Cancel{})
	require.NoError(t, err)
	require.NoError(t, w.server.PayLate("pay-late"))
	w.hear()

	w.telemetry.Heard(ctx, notify.Notification{Outcome: notify.UnknownOrder, OrderID: canary,
		Err: errors.New(canary), Took: 30 * time.Millisecond})
	next := w.telemetry.Observer(nil)
	next.Failed(ctx, tilltape.Trouble{OrderID: canary, Err: errors.New(canary)})
	next.Parked(ctx, tilltape.Alarm{OrderID: canary, Reason: canary, Operation: order.Operation{Kind: order.CallCancel,
		CommandID: canary, Reason: canary}})
}

// Every instrument says something, under the name, unit, kind and attributes that it is described with; and nothing
// that anybody wrote, and no id, is in any of them.
func TestMetrics_AreAsDescribedAndHoldNoIDs(t *testing.T) {
	w := newWorld(t)
	stop, err := w.telemetry.Measure(w.log)
	require.NoError(t, err)
	unasked, err := w.telemetry.Consumers(w.consumer("warehouse", outbox.MemoryKeeper(), nil))
	require.NoError(t, err)
	aDay(t, w)
	got := w.collected()
	for _, i := range otel.Described() {
		m, there := got[i.Name]
		if !assert.True(t, there, "%s was never told", i.Name) {
			continue
		}
		delete(got, i.Name)
		assert.Equal(t, []string{i.Unit, i.About}, []string{m.Unit, m.Description}, i.Name)
		points, kind := pointsOf(m)
		assert.Equal(t, i.Kind, kind, i.Name)
		assert.NotEmpty(t, points, i.Name)
		for _, p := range points {
			var keys []string
			for _, kv := range p.attributes.ToSlice() {
				keys = append(keys, string(kv.Key))
				assert.NotContains(t, kv.Value.String(), canary, i.Name)
				assert.NotEmpty(t, kv.Value.String(), "%s %s", i.Name, kv.Key)
			}
			assert.ElementsMatch(t, strings.Fields(i.Attributes), keys, i.Name)
		}
	}
	assert.Empty(t, got, "told and not described")
	require.NoError(t, errors.Join(stop(), unasked()))
	assert.NotContains(t, w.collected(), "tilltape.order.unresolved", "a log that is not measured any more is not asked")
}

func TestMetrics_CountWhatHappens(t *testing.T) {
	w := newWorld(t)
	stop, err := w.telemetry.Measure(w.log)
	require.NoError(t, err)
	defer func() { assert.NoError(t, stop()) }()
	aDay(t, w)
	assert.Equal(t, map[string]float64{"tilltape.command=cancel,tilltape.outcome=done": 2,
		"tilltape.command=cancel,tilltape.outcome=unknown": 1, "tilltape.command=capture,tilltape.outcome=refused": 1,
		"tilltape.command=create,tilltape.outcome=done": 3, "tilltape.command=observe,tilltape.outcome=done": 3},
		w.values("tilltape.command.duration"))
	assert.Equal(t, map[string]float64{"tilltape.command=capture,tilltape.reason=cancelled": 1},
		w.values("tilltape.command.refused"))
	assert.Equal(t, map[string]float64{"tilltape.call=cancel,tilltape.call.answer=succeeded": 2,
		"tilltape.call=cancel,tilltape.call.answer=unknown": 1}, w.values("tilltape.call.duration"))
	transitions := w.values("tilltape.order.transitions")
	assert.EqualValues(t, 2, transitions["tilltape.fact=cancel.succeeded.v1,tilltape.order.status=cancelled"])
	assert.EqualValues(t, 1, transitions["tilltape.fact=cancel.unresolved.v1,tilltape.order.status=authorized"])
	assert.Equal(t, map[string]float64{"tilltape.reason=late payment": 1}, w.values("tilltape.order.anomalies"))
	assert.Equal(t, map[string]float64{"tilltape.outcome=unknown order": 1}, w.values("tilltape.notification.duration"))
	assert.Equal(t, map[string]float64{"": 1}, w.values("tilltape.settling.failures"))
	assert.Equal(t, map[string]float64{"tilltape.command=cancel": 1}, w.values("tilltape.order.parked"))
}

// What stands open is what the log says when it is asked, as old as it is by then.
func TestMeasure_TellsWhatStandsOpen(t *testing.T) {
	w := newWorld(t)
	stop, err := w.telemetry.Measure(w.log)
	require.NoError(t, err)
	defer func() { assert.NoError(t, stop()) }()
	none := map[string]float64{"": 0}
	assert.Equal(t, none, w.values("tilltape.order.unresolved"))
	assert.Empty(t, w.values("tilltape.order.unresolved.age"))
	assert.Equal(t, none, w.values("tilltape.order.overdue.age"))
	assert.Empty(t, w.values("tilltape.order.attention.age"))

	aDay(t, w)
	w.clock.Advance(time.Hour)
	assert.Equal(t, map[string]float64{"": 1}, w.values("tilltape.order.unresolved"))
	assert.Equal(t, map[string]float64{"tilltape.order.phase=unresolved": 3600}, w.values("tilltape.order.unresolved.age"))
	overdue := w.values("tilltape.order.overdue.age")[""]
	assert.Greater(t, overdue, 3500., "it was to be asked about again within a minute")
	assert.LessOrEqual(t, overdue, 3600.)
	assert.Equal(t, map[string]float64{"tilltape.attention=anomaly": 1, "tilltape.attention=parked": 0,
		"tilltape.attention=dispute": 0}, w.values("tilltape.order.attention"))
	assert.Equal(t, map[string]float64{"tilltape.attention=anomaly": 3600}, w.values("tilltape.order.attention.age"))
}

// The figures are the log's own.
func TestMeasure_TellsTheLogsFigures(t *testing.T) {
	w := newWorld(t)
	stop, err := w.telemetry.Measure(w.log)
	require.NoError(t, err)
	defer func() { assert.NoError(t, stop()) }()
	aDay(t, w)
	_, err = w.log.Append(context.Background(), events.OrderStream(canary+"-1"), 0, events.Record{ID: "r",
		Recorded: w.clock.Now(), Event: events.PaymentPending{}})
	require.ErrorIs(t, err, store.ErrConflict)
	require.NoError(t, w.orders.Close())
	f := w.log.Figures()
	assert.Equal(t, map[string]float64{"tilltape.outcome=written": float64(f.Appends), "tilltape.outcome=failed": 0,
		"tilltape.outcome=refused": 1}, w.values("tilltape.log.appends"))
	assert.Equal(t, map[string]float64{"": float64(f.Records)}, w.values("tilltape.log.records"))
	assert.Equal(t, map[string]float64{"": float64(f.Last)}, w.values("tilltape.log.position"))
	assert.Equal(t, map[string]float64{"": float64(f.Bytes)}, w.values("tilltape.log.size"))
	assert.InDelta(t, f.Took.Sum.Seconds(), w.values("tilltape.log.append.time")[""], 1e-9)
	within := w.values("tilltape.log.append.within")
	assert.Len(t, within, store.DurationClasses)
	assert.EqualValues(t, f.Appends, within["tilltape.within=+Inf"], "each class has those before it, too")
	assert.EqualValues(t, f.Took.Classes[0], within["tilltape.within=0.000125"])
	assert.EqualValues(t, f.Took.Classes[0]+f.Took.Classes[1], within["tilltape.within=0.00025"])
	assert.Contains(t, within, "tilltape.within=8.192")
}

// A log that does not count what it does is asked what stands open all the same.
func TestMeasure_ALogThatDoesNotCount(t *testing.T) {
	w := newWorld(t)
	stop, err := w.telemetry.Measure(struct{ store.Log }{w.log})
	require.NoError(t, err)
	defer func() { assert.NoError(t, stop()) }()
	got := w.collected()
	assert.Contains(t, got, "tilltape.order.unresolved")
	assert.NotContains(t, got, "tilltape.log.appends")
}

// crowded is a log in which more stands open than is counted.
type crowded struct{ store.Reader }

func (crowded) Heads(context.Context, store.Filter) iter.Seq2[store.Head, error] {
	return func(yield func(store.Head, error) bool) {
		for yield(store.Head{}, nil) {
		}
	}
}

func TestMeasure_CountsUpToABound(t *testing.T) {
	w := newWorld(t)
	stop, err := w.telemetry.Measure(crowded{w.log})
	require.NoError(t, err)
	defer func() { assert.NoError(t, stop()) }()
	assert.Equal(t, map[string]float64{"": otel.CountMax}, w.values("tilltape.order.unresolved"))
}

// A log that cannot be asked is no zero: the meter is told, and shows nothing of what stands open.
func TestMeasure_ALogThatCannotBeAsked(t *testing.T) {
	w := newWorld(t)
	stop, err := w.telemetry.Measure(w.log)
	require.NoError(t, err)
	defer func() { assert.NoError(t, stop()) }()
	require.NoError(t, w.log.Close())
	var all metricdata.ResourceMetrics
	require.ErrorIs(t, w.reader.Collect(context.Background(), &all), store.ErrClosed)
	got := byName(all)
	assert.NotContains(t, got, "tilltape.order.unresolved")
	assert.Contains(t, got, "tilltape.log.position", "what needs no log is told")
}

// A refund that APO works on for days is told apart from what nobody knows, each by the oldest of its kind.
func TestMeasure_TellsAgesByPhase(t *testing.T) {
	w := newWorld(t)
	stop, err := w.telemetry.Measure(w.log)
	require.NoError(t, err)
	defer func() { assert.NoError(t, stop()) }()
	for i, h := range []struct {
		phase order.Phase
		hours time.Duration
	}{{order.Accepted, 240}, {order.Accepted, 24}, {order.Unresolved, 7}, {order.Requested, 1}, {order.Unresolved, 8}} {
		id := strconv.Itoa(i)
		_, err := w.log.Append(t.Context(), events.OrderStream(id), 0, events.Record{ID: "r-" + id,
			Recorded: w.clock.Now(), Event: events.PaymentPending{}, Head: events.Head{Status: "paid",
				StatusSince: w.clock.Now(), Phase: h.phase.String(), OperationSince: w.clock.Now().Add(-h.hours * time.Hour)}})
		require.NoError(t, err)
	}
	assert.Equal(t, map[string]float64{"": 5}, w.values("tilltape.order.unresolved"))
	assert.Equal(t, map[string]float64{"tilltape.order.phase=accepted": 240 * 3600,
		"tilltape.order.phase=unresolved": 8 * 3600, "tilltape.order.phase=requested": 3600},
		w.values("tilltape.order.unresolved.age"))
}

// Of one order, too: APO accepted a refund of it a day ago, and nobody knows of another one for an hour.
func TestMeasure_AnUnknownBesideWhatAPOHasAcceptedHasItsOwnAge(t *testing.T) {
	w := newWorld(t)
	stop, err := w.telemetry.Measure(w.log)
	require.NoError(t, err)
	defer func() { assert.NoError(t, stop()) }()
	w.authorized("o-1")
	_, err = w.orders.Capture(t.Context(), "o-1", order.Capture{Amount: usd(1000)})
	require.NoError(t, err)
	_, err = w.orders.Refund(t.Context(), "o-1", order.Refund{Amount: usd(100)})
	require.NoError(t, err)
	w.clock.Advance(24 * time.Hour)
	require.NoError(t, w.server.Script(apotest.Fault{Op: apotest.OpRefund, From: 1, Do: apotest.Undecided}))
	_, err = w.orders.Refund(t.Context(), "o-1", order.Refund{Amount: usd(100)})
	require.ErrorIs(t, err, tilltape.ErrUnresolved)
	w.clock.Advance(time.Hour)
	assert.Equal(t, map[string]float64{"tilltape.order.phase=unresolved": 3600}, w.values("tilltape.order.unresolved.age"))
}

// halting is a log that fails from its n-th list on.
type halting struct {
	store.Reader
	left      int
	deadlines []time.Time
}

func (h *halting) Heads(ctx context.Context, f store.Filter) iter.Seq2[store.Head, error] {
	end, _ := ctx.Deadline()
	h.deadlines = append(h.deadlines, end)
	if h.left--; h.left >= 0 {
		return h.Reader.Heads(ctx, f)
	}
	return func(yield func(store.Head, error) bool) { yield(store.Head{}, store.ErrUnavailable) }
}

// A part of what stands open would pass for the whole: no parked order, say, where the list of them has failed.
func TestMeasure_ALogThatFailsOnTheWay(t *testing.T) {
	for left := range 2 + len(events.Attentions()) {
		w := newWorld(t)
		log := &halting{Reader: w.log, left: left}
		stop, err := w.telemetry.Measure(log)
		require.NoError(t, err)
		var all metricdata.ResourceMetrics
		require.ErrorIs(t, w.reader.Collect(context.Background(), &all), store.ErrUnavailable)
		for name := range byName(all) {
			assert.NotContains(t, name, "tilltape.order", "after %d lists", left)
		}
		for _, end := range log.deadlines {
			assert.False(t, end.IsZero(), "whoever collects does not wait for good")
			assert.LessOrEqual(t, time.Until(end), otel.AskTimeout)
		}
		assert.NoError(t, stop())
	}
}

// A notification's handler and the observer are what a service gives them to.
func TestHeard_IsForAHandler(t *testing.T) {
	w := newWorld(t)
	handler, err := notify.NewHandler(w.orders, w.verifier, &notify.Config{Heard: w.telemetry.Heard})
	require.NoError(t, err)
	request, err := http.NewRequest(http.MethodGet, "/notify", nil)
	require.NoError(t, err)
	handler.ServeHTTP(discard{}, request)
	assert.Equal(t, map[string]float64{"tilltape.outcome=malformed": 1}, w.values("tilltape.notification.duration"))
}

type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(b []byte) (int, error) { return len(b), nil }
func (discard) WriteHeader(int)             {}

// picky is a provider whose meters make no instrument of one name.
type picky struct {
	nometer.MeterProvider
	name string
}

type refusing struct {
	nometer.Meter
	name string
}

var errTheirs = errors.New("their own")

func (p picky) Meter(string, ...metric.MeterOption) metric.Meter { return refusing{name: p.name} }

func (r refusing) Int64Counter(name string, o ...metric.Int64CounterOption) (metric.Int64Counter, error) {
	if name == r.name {
		return nil, errTheirs
	}
	return r.Meter.Int64Counter(name, o...)
}

func (r refusing) Int64ObservableGauge(name string,
	o ...metric.Int64ObservableGaugeOption) (metric.Int64ObservableGauge, error) {
	if name == r.name {
		return nil, errTheirs
	}
	return r.Meter.Int64ObservableGauge(name, o...)
}

// A provider that does not take a name is a mistake of the configuration, in our words.
func TestNew_AProviderThatRefuses(t *testing.T) {
	_, err := otel.New(otel.Config{Meters: picky{name: "tilltape.command.refused"}})
	require.ErrorIs(t, err, tilltape.ErrConfig)
	require.NotErrorIs(t, err, errTheirs)
	require.ErrorContains(t, err, "tilltape.command.refused: their own; check the MeterProvider")

	telemetry, err := otel.New(otel.Config{Meters: picky{name: "tilltape.log.size"}})
	require.NoError(t, err)
	_, err = telemetry.Measure(newWorld(t).log)
	require.ErrorIs(t, err, tilltape.ErrConfig)
	require.ErrorContains(t, err, "tilltape.log.size: their own")
}

// The page has a row for each instrument, in their order.
func TestThePageListsEveryInstrument(t *testing.T) {
	raw, err := os.ReadFile("../docs/reference/metrics.md")
	require.NoError(t, err)
	var rows []string
	for line := range strings.Lines(string(raw)) {
		if strings.HasPrefix(line, "| `tilltape.") && strings.Count(line, "|") == 7 {
			cells := strings.Split(strings.TrimSpace(line), " | ")
			rows = append(rows, strings.Join(append(cells[:4:4], cells[5]), " | "))
		}
	}
	var want []string
	for _, i := range otel.Described() {
		keys := "`" + strings.Join(strings.Fields(i.Attributes), "`, `") + "`"
		if i.Attributes == "" {
			keys = "none"
		}
		want = append(want, "| `"+i.Name+"` | "+i.Kind+" | `"+i.Unit+"` | "+keys+" | "+i.About+" |")
	}
	assert.Equal(t, want, rows)
}
