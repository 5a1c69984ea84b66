package reconcile_test

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape"
	"github.com/tilltape/tilltape/apo"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/reconcile"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

var (
	dawn  = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	month = &reconcile.Config{From: dawn, Until: dawn.AddDate(0, 1, 0)}
)

// scratch is where a copy of an order lies.
func scratch() store.Log { return memory.New() }

// config is the month's, which waits for nobody.
func config() *reconcile.Config {
	c := *month
	c.Now = func() time.Time { return dawn.AddDate(0, 1, 1) }
	c.Wait = func(context.Context, time.Duration) error { return nil }
	return &c
}

// at adds a record to an order at some time of the month.
func at(t *testing.T, log store.Log, id string, when time.Time) {
	stream := events.OrderStream(id)
	head, err := log.Head(t.Context(), stream)
	if !errors.Is(err, store.ErrNotFound) {
		require.NoError(t, err)
	}
	_, err = log.Append(t.Context(), stream, head.Version, events.Record{ID: fmt.Sprintf("%s-%d", id, head.Version+1),
		Recorded: when, Occurred: when, Event: events.PaymentPending{}})
	require.NoError(t, err)
}

// office answers by order.
type office struct {
	asked []string
	says  map[string]func() (tilltape.Reconciliation, error)
}

func (o *office) Reconcile(_ context.Context, id string) (tilltape.Reconciliation, error) {
	o.asked = append(o.asked, id)
	if say := o.says[id]; say != nil {
		return say()
	}
	return tilltape.Reconciliation{Order: order.Order{ID: id, Status: order.Captured}, Whole: true}, nil
}

func differing(id string, d ...order.Difference) func() (tilltape.Reconciliation, error) {
	return func() (tilltape.Reconciliation, error) {
		return tilltape.Reconciliation{Order: order.Order{ID: id, Status: order.Refunded, PaymentID: "P-" + id},
			Differences: d}, nil
	}
}

func silent() (tilltape.Reconciliation, error) {
	return tilltape.Reconciliation{}, fmt.Errorf("order x: %w: no answer", tilltape.ErrUnresolved)
}

var (
	missing = order.Difference{Fact: events.KindRefundSucceeded, TransferID: "R1",
		Amount: order.Money{Minor: 410, Currency: "EUR"}, At: dawn.Add(time.Hour)}
	strange = order.Difference{Fact: events.KindCaptureSucceeded, RequestID: "=1+1",
		Amount: order.Money{Minor: 120, Currency: "JPY"}, At: dawn.Add(2 * time.Hour), Anomaly: events.BeyondAuthorized,
		Detail: "120 of 100"}
)

func TestEveryOrderOfTheSpanOnce(t *testing.T) {
	log, o := memory.New(), &office{}
	at(t, log, "before", dawn.Add(-1))
	at(t, log, "A", dawn.AddDate(0, -1, 0))
	at(t, log, "B", dawn)
	at(t, log, "A", dawn.AddDate(0, 1, 0).Add(-1))
	at(t, log, "B", dawn.Add(5))
	at(t, log, "after", dawn.AddDate(0, 1, 0))
	_, err := log.Append(t.Context(), events.RefusalStream("refused"), 0, events.Record{ID: "x", Recorded: dawn,
		Occurred: dawn, Event: events.CommandRefused{Command: "cancel", Reason: "captured"}})
	require.NoError(t, err)
	report, err := reconcile.All(t.Context(), log, o, config())
	require.NoError(t, err)
	assert.Equal(t, []string{"B", "A"}, o.asked, "in the order in which the log first tells of them in the span")
	assert.Equal(t, uint64(2), report.Orders)
	assert.Equal(t, uint64(2), report.Same)
	assert.True(t, report.Whole)
	assert.Empty(t, report.Lines)
}

func found(t *testing.T) (*memory.Log, *office) {
	log := memory.New()
	for _, id := range []string{"A", "B", "C", "D"} {
		at(t, log, id, dawn)
	}
	return log, &office{says: map[string]func() (tilltape.Reconciliation, error){
		"B": differing("B", missing, strange), "C": silent, "D": differing("D", missing)}}
}

func TestTheReport(t *testing.T) {
	log, o := found(t)
	cfg := config()
	var streamed []reconcile.Line
	cfg.Each = func(l reconcile.Line) error { streamed = append(streamed, l); return nil }
	var progress []uint64
	cfg.Progress = func(orders, position uint64) { progress = append(progress, orders, position) }
	report, err := reconcile.All(t.Context(), log, o, cfg)
	require.NoError(t, err)
	assert.Equal(t, []uint64{1, 1, 2, 2, 3, 3, 4, 4}, progress)
	require.Len(t, streamed, 4)
	assert.Equal(t, reconcile.Line{Order: "A", Outcome: reconcile.Same, Status: "captured"}, streamed[0])
	assert.Equal(t, report.Lines, streamed[1:])
	assert.Equal(t, []reconcile.Sum{
		{Fact: "capture.succeeded.v1", Wrong: true, Currency: "JPY", Count: 1, Minor: 120},
		{Fact: "refund.succeeded.v1", Currency: "EUR", Count: 2, Minor: 820},
	}, report.Sums)

	var text strings.Builder
	require.NoError(t, report.WriteText(&text))
	assert.Equal(t, `4 orders: 1 as APO says, 2 differ, 1 unanswered.
From 2026-11-01 00:00:00 until 2026-12-01 00:00:00 UTC, asked from 2026-12-02 00:00:00 until 2026-12-02 00:00:00 UTC.
Orders with no record from 2026-11-01 00:00:00 until then were not asked about.

DIFFERENCE         COUNT  AMOUNT    
capture.succeeded  1      JPY 120   contradicts the log: a person has to look
refund.succeeded   2      EUR 8.20  was missing and is booked now

ORDER  PAYMENT  STATUS    WHAT APO SAYS
B      P-B      refunded  refund.succeeded R1 EUR 4.10 at 2026-11-01 01:00:00
B      P-B      refunded  capture.succeeded =1+1 JPY 120 (beyond authorized: 120 of 100) at 2026-11-01 02:00:00
C                         unanswered: order x: outcome not known: no answer
D      P-D      refunded  refund.succeeded R1 EUR 4.10 at 2026-11-01 01:00:00
`, text.String())

	var table strings.Builder
	require.NoError(t, report.WriteCSV(&table))
	rows, err := csv.NewReader(strings.NewReader(table.String())).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 5)
	assert.Equal(t, []string{"B", "differs", "refunded", "refund.succeeded.v1", "R1", "EUR", "4.10", "410",
		"2026-11-01T01:00:00Z", "", "", "P-B"}, rows[1])
	assert.Equal(t, "'=1+1", rows[2][4], "no formula")
	assert.Equal(t, "beyond authorized: 120 of 100", rows[2][9])
	assert.Equal(t, "unanswered", rows[3][1])
	assert.Contains(t, table.String(), "\r\n")

	document, err := json.Marshal(report)
	require.NoError(t, err)
	assert.Contains(t, string(document), `{"order":"B","paymentId":"P-B","outcome":"differs"`)
	assert.Contains(t, string(document), `"amount":{"currency":"EUR","minor":"410","value":"4.10"}`)
	var again reconcile.Report
	require.NoError(t, json.Unmarshal(document, &again))
	assert.Equal(t, *report, again)
}

// Cut off anywhere, kept as JSON, and gone on with: the same report as without.
func TestItGoesOnWhereItWasCutOff(t *testing.T) {
	log, o := found(t)
	want, err := reconcile.All(t.Context(), log, o, config())
	require.NoError(t, err)
	for cut := range 4 {
		log, o := found(t)
		stop := errors.New("cut off")
		cfg := config()
		lines := 0
		cfg.Each = func(reconcile.Line) error {
			if lines++; lines > cut {
				return stop
			}
			return nil
		}
		report, err := reconcile.All(t.Context(), log, o, cfg)
		require.ErrorIs(t, err, stop)
		assert.False(t, report.Whole)
		assert.Len(t, o.asked, cut+1)
		var text strings.Builder
		require.NoError(t, report.WriteText(&text))
		assert.Contains(t, text.String(), "NOT WHOLE")

		document, err := json.Marshal(report)
		require.NoError(t, err)
		var kept reconcile.Report
		require.NoError(t, json.Unmarshal(document, &kept))
		cfg = config()
		cfg.Resume = &kept
		report, err = reconcile.All(t.Context(), log, o, cfg)
		require.NoError(t, err)
		assert.Equal(t, []string{"A", "B", "C", "D"}, o.asked, "nobody is asked about twice")
		assert.Equal(t, want, report)
	}
}

func TestTheRateIsBounded(t *testing.T) {
	log := memory.New()
	for i := range 10 {
		at(t, log, fmt.Sprint(i), dawn)
	}
	now, began := dawn, dawn
	cfg := config()
	cfg.PerMinute = 30
	cfg.Now = func() time.Time { return now }
	cfg.Wait = func(_ context.Context, d time.Duration) error { now = now.Add(d); return nil }
	_, err := reconcile.All(t.Context(), log, &office{}, cfg)
	require.NoError(t, err)
	assert.Equal(t, 18*time.Second, now.Sub(began), "ten inquiries, two seconds from one to the next")
}

func TestItEndsEarly(t *testing.T) {
	log, o := memory.New(), &office{says: map[string]func() (tilltape.Reconciliation, error){}}
	for i := range reconcile.SilentMax + 3 {
		id := fmt.Sprint(i)
		at(t, log, id, dawn)
		o.says[id] = silent
	}
	delete(o.says, "1")
	report, err := reconcile.All(t.Context(), log, o, config())
	assert.ErrorIs(t, err, reconcile.ErrSilent)
	assert.Equal(t, uint64(reconcile.SilentMax+2), report.Orders, "in a row")

	broken := errors.New("the log is gone")
	o = &office{says: map[string]func() (tilltape.Reconciliation, error){
		"1": func() (tilltape.Reconciliation, error) { return tilltape.Reconciliation{}, broken }}}
	report, err = reconcile.All(t.Context(), log, o, config())
	assert.ErrorIs(t, err, broken)
	assert.Equal(t, uint64(1), report.Orders)

	ctx, stop := context.WithCancel(t.Context())
	cfg := config()
	cfg.Wait = nil
	cfg.Each = func(reconcile.Line) error { stop(); return nil }
	report, err = reconcile.All(ctx, log, &office{}, cfg)
	assert.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, uint64(1), report.Orders)
}

func TestConfigurations(t *testing.T) {
	for words, change := range map[string]func(*reconcile.Config){
		"from 0001":               func(c *reconcile.Config) { c.From = time.Time{} },
		"a later end":             func(c *reconcile.Config) { c.Until = c.From },
		"-1 inquiries a minute":   func(c *reconcile.Config) { c.PerMinute = -1 },
		"6001 inquiries a minute": func(c *reconcile.Config) { c.PerMinute = reconcile.PerMinuteMax + 1 },
		"a reach of -1ns":         func(c *reconcile.Config) { c.Reach = -1 },
		"has a reach of 1h0m0s": func(c *reconcile.Config) {
			c.Resume = &reconcile.Report{From: c.From, Until: c.Until, Reach: time.Hour}
		},
		"that books what it finds": func(c *reconcile.Config) {
			c.Resume = &reconcile.Report{From: c.From, Until: c.Until, ReadOnly: true}
		},
		"of another span": func(c *reconcile.Config) {
			c.Resume = &reconcile.Report{From: dawn, Until: dawn.AddDate(0, 2, 0)}
		},
	} {
		cfg := config()
		change(cfg)
		_, err := reconcile.All(t.Context(), memory.New(), &office{}, cfg)
		assert.ErrorIs(t, err, reconcile.ErrConfig, words)
		assert.ErrorContains(t, err, words)
	}
	_, err := reconcile.All(t.Context(), memory.New(), &office{}, nil)
	assert.ErrorIs(t, err, reconcile.ErrConfig)
}

// With real Orders and a gateway that keeps its own books: a refund of the dashboard's and a capture by somebody else
// are found, booked, and the same a second time.
func TestWithOrders(t *testing.T) {
	x := tilltest.NewTill(t, memory.New())
	x.Place(events.CaptureManual)
	x.Paid()
	x.Captured(1000)
	account := x.Bank.Accounts[0]
	account.Refunds = append(account.Refunds, tilltest.Move{ID: "F1", Request: "somebody's", Minor: 400,
		State: apo.StateSuccess})
	cfg := &reconcile.Config{From: tilltest.Dawn().AddDate(-1, 0, 0), Until: tilltest.Dawn().AddDate(1, 0, 0)}
	report, err := reconcile.All(t.Context(), x.Log, x.Orders, cfg)
	require.NoError(t, err)
	require.Equal(t, uint64(1), report.Differing)
	assert.Equal(t, int64(400), report.Sums[0].Minor)
	report, err = reconcile.All(t.Context(), x.Log, x.Orders, cfg)
	require.NoError(t, err)
	assert.Equal(t, uint64(1), report.Same)
}

// What APO or the log says is for people to read, not for their terminal to obey.
func TestForeignTextsMoveNoCursor(t *testing.T) {
	report := reconcile.Report{Orders: 1, Lines: []reconcile.Line{
		{Order: "A\u202e", Outcome: reconcile.Unanswered, Problem: "no\x1b[2J"},
		{Order: "B\u202e", Outcome: reconcile.Differs, Differences: []reconcile.Difference{{Text: "refund\x1b[2J\r\u202e"}}}},
		Sums: []reconcile.Sum{{Fact: "x\x1b[2J.v1", Currency: "\x1b[2J"}}}
	var text strings.Builder
	require.NoError(t, report.WriteText(&text))
	assert.True(t, strings.HasPrefix(text.String(), "1 order: "), text.String())
	assert.Contains(t, text.String(), `unanswered: no\x1b[2J`)
	for _, moves := range []string{"\x1b", "\u202e", "\r"} {
		assert.NotContains(t, text.String(), moves)
	}
}
