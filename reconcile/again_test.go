package reconcile_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
	"github.com/tilltape/tilltape/store/memory"
)

// turns answers with one after another.
func turns(says ...func() (tilltape.Reconciliation, error)) func() (tilltape.Reconciliation, error) {
	return func() (tilltape.Reconciliation, error) {
		say := says[0]
		says = says[1:]
		return say()
	}
}

func failing(err error, d ...order.Difference) func() (tilltape.Reconciliation, error) {
	return func() (tilltape.Reconciliation, error) {
		return tilltape.Reconciliation{Differences: d}, fmt.Errorf("order x: %w", err)
	}
}

func same() (tilltape.Reconciliation, error) {
	return tilltape.Reconciliation{Order: order.Order{ID: "x", Status: order.Captured}, Whole: true}, nil
}

// An order whose turn did not come, since somebody else was busy with it, ends no reconciliation: it comes again at the
// end, and counts once.
func TestAnOrderThatIsBusyIsAskedAboutAgain(t *testing.T) {
	log := memory.New()
	for _, id := range []string{"A", "B", "C", "D", "E"} {
		at(t, log, id, dawn)
	}
	o := &office{says: map[string]func() (tilltape.Reconciliation, error){
		"A": turns(failing(tilltape.ErrContended), same),
		"B": turns(failing(order.ErrNotDue), differing("B", missing)),
		"C": turns(failing(tilltape.ErrContended), failing(tilltape.ErrContended)),
		"D": differing("D", missing)}}
	report, err := reconcile.All(t.Context(), log, o, config())
	require.NoError(t, err)
	assert.Equal(t, []string{"A", "B", "C", "D", "E", "A", "B", "C"}, o.asked)
	assert.Equal(t, [4]uint64{5, 2, 2, 1}, [4]uint64{report.Orders, report.Same, report.Differing, report.Unanswered})
	require.Len(t, report.Lines, 3)
	assert.Equal(t, "B", report.Lines[0].Order)
	assert.Equal(t, reconcile.Unanswered, report.Lines[1].Outcome)
	assert.Equal(t, uint64(2), report.Sums[0].Count)
	for _, line := range report.Lines {
		assert.False(t, line.Again)
	}
}

// A log in which everybody is busy is no silence of APO's.
func TestBusyOrdersAreNoSilence(t *testing.T) {
	log, o := memory.New(), &office{says: map[string]func() (tilltape.Reconciliation, error){}}
	for i := range reconcile.SilentMax + 1 {
		at(t, log, fmt.Sprint(i), dawn)
		o.says[fmt.Sprint(i)] = turns(failing(tilltape.ErrContended), same)
	}
	report, err := reconcile.All(t.Context(), log, o, config())
	require.NoError(t, err)
	assert.Equal(t, report.Orders, report.Same)
	assert.Empty(t, report.Lines)
}

// What was booked before the run was cut off is nowhere else to be found: APO and the log agree from then on. So the
// report has it, and what the next run finds comes beside it.
func TestWhatWasBookedBeforeTheCutIsInTheReport(t *testing.T) {
	gone := errors.New("the log is gone")
	for name, cut := range map[string]struct{ says, ends error }{"ctx": {context.Canceled, context.Canceled},
		"ctx, amid a call": {tilltape.ErrUnresolved, context.Canceled}, "the log": {gone, gone}} {
		t.Run(name, func(t *testing.T) {
			log := memory.New()
			for _, id := range []string{"A", "B", "C"} {
				at(t, log, id, dawn)
			}
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			o := &office{says: map[string]func() (tilltape.Reconciliation, error){"B": turns(
				func() (tilltape.Reconciliation, error) {
					if errors.Is(cut.ends, context.Canceled) {
						stop()
					}
					return failing(cut.says, missing)()
				}, differing("B", strange))}}
			report, err := reconcile.All(ctx, log, o, config())
			require.ErrorIs(t, err, cut.ends)
			assert.False(t, report.Whole)
			require.Len(t, report.Lines, 1)
			assert.Len(t, report.Lines[0].Differences, 1)

			document, err := json.Marshal(report)
			require.NoError(t, err)
			cfg := config()
			require.NoError(t, json.Unmarshal(document, &cfg.Resume))
			report, err = reconcile.All(t.Context(), log, o, cfg)
			require.NoError(t, err)
			assert.Equal(t, []string{"A", "B", "C", "B"}, o.asked)
			assert.Equal(t, [3]uint64{3, 2, 1}, [3]uint64{report.Orders, report.Same, report.Differing})
			require.Len(t, report.Lines, 1)
			assert.Len(t, report.Lines[0].Differences, 2)
			assert.Empty(t, report.Lines[0].Problem)
			assert.Len(t, report.Sums, 2)
		})
	}
}

// A refund of the dashboard's, whose notification was lost, of an order that was paid before the span.
func TestReachFindsOrdersThatWereSilent(t *testing.T) {
	log, o := memory.New(), &office{says: map[string]func() (tilltape.Reconciliation, error){
		"paid in october": differing("paid in october", missing)}}
	at(t, log, "too old", dawn.AddDate(0, 0, -40))
	at(t, log, "paid in october", dawn.AddDate(0, 0, -20))
	at(t, log, "A", dawn)
	at(t, log, "after", dawn.AddDate(0, 1, 0))
	cfg := config()
	cfg.Reach = 30 * 24 * time.Hour
	report, err := reconcile.All(t.Context(), log, o, cfg)
	require.NoError(t, err)
	assert.Equal(t, []string{"paid in october", "A"}, o.asked)
	assert.Equal(t, uint64(1), report.Differing)
}

// Two inquiries about one order take the time of two.
func TestTheRateIsOneOfInquiries(t *testing.T) {
	log, o := memory.New(), &office{says: map[string]func() (tilltape.Reconciliation, error){}}
	for i := range 10 {
		at(t, log, fmt.Sprint(i), dawn)
	}
	o.says["3"] = func() (tilltape.Reconciliation, error) {
		r, _ := same()
		r.Inquiries = 2
		return r, nil
	}
	now, began := dawn, dawn
	cfg := config()
	cfg.PerMinute = 30
	cfg.Now = func() time.Time { return now }
	cfg.Wait = func(_ context.Context, d time.Duration) error { now = now.Add(d); return nil }
	_, err := reconcile.All(t.Context(), log, o, cfg)
	require.NoError(t, err)
	assert.Equal(t, 20*time.Second, now.Sub(began), "eleven inquiries, two seconds from one to the next")
}

// What Orders tell of an order says how often APO was asked.
func TestOrdersCountTheirInquiries(t *testing.T) {
	x := tilltest.NewTill(t, memory.New())
	x.Place(events.CaptureManual)
	x.Paid()
	x.Captured(1000)
	account := x.Bank.Accounts[0]
	account.Refunds = append(account.Refunds, tilltest.Move{ID: "F1", Request: "somebody's", Minor: 400,
		State: apo.StateSuccess})
	found, err := x.Orders.Reconcile(t.Context(), tilltest.TheOrder)
	require.NoError(t, err)
	assert.Equal(t, 1, found.Inquiries)
	assert.Len(t, found.Differences, 1)
}

// What was kept after any order is gone on with as if nothing had happened, though the run before never came to an end.
func TestAReportThatIsKeptIsGoneOnWith(t *testing.T) {
	log := memory.New()
	for _, id := range []string{"A", "B", "C", "D"} {
		at(t, log, id, dawn)
	}
	says := func() map[string]func() (tilltape.Reconciliation, error) {
		return map[string]func() (tilltape.Reconciliation, error){"A": turns(failing(tilltape.ErrContended), same),
			"B": differing("B", missing), "C": turns(failing(tilltape.ErrContended), same)}
	}
	whole, err := reconcile.All(t.Context(), log, &office{says: says()}, config())
	require.NoError(t, err)
	killed := errors.New("killed")
	for after := 1; after <= 6; after++ {
		t.Run(fmt.Sprint(after), func(t *testing.T) {
			var kept []byte
			cfg, o, times := config(), &office{says: says()}, 0
			cfg.Keep = func(r *reconcile.Report) (err error) {
				assert.False(t, r.Whole)
				if kept, err = json.Marshal(r); err == nil {
					times++
				}
				if times == after {
					err = errors.Join(err, killed)
				}
				return err
			}
			_, err := reconcile.All(t.Context(), log, o, cfg)
			require.ErrorIs(t, err, killed)
			cfg = config()
			require.NoError(t, json.Unmarshal(kept, &cfg.Resume))
			report, err := reconcile.All(t.Context(), log, o, cfg)
			require.NoError(t, err)
			assert.Equal(t, []string{"A", "B", "C", "D", "A", "C"}, o.asked, "nobody twice that was not busy")
			report.Began, report.Ended = whole.Began, whole.Ended
			assert.Equal(t, whole, report)
		})
	}
}
