package viewer

import (
	"fmt"
	"math"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/internal/tests/simulation"
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/money"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

// shared is a log that outlives who closes it.
type shared struct{ *memory.Log }

func (shared) Close() error { return nil }

// told is all of a cell's sums.
func told(s *sums) string { return fmt.Sprint(s.orders, s.held, s.kept, s.back, s.lost, s.late) }

// What is counted record by record is what a replay of the whole log comes to, also where nearly every order has to be
// read again.
func TestSumsAreThoseOfAReplay(t *testing.T) {
	log := memory.New()
	t.Run("days", func(t *testing.T) {
		simulation.Simulate(t, func(*testing.T) func() (store.Log, error) {
			return func() (store.Log, error) { return shared{log}, nil }
		}, simulation.Run{Seed: 5, Days: long.Walk(40, 6)})
	})
	replayed, err := audit.Replay(t.Context(), log, nil)
	require.NoError(t, err)
	require.Greater(t, replayed.Len(), long.Walk(25, 15))
	want, refusals := map[cell]string{}, uint64(0)
	all := newTally(log)
	for o := range replayed.Orders() {
		s := shareOf(&o)
		all.add(&s, 1)
	}
	for at, sum := range all.cells {
		want[at] = told(sum)
	}
	require.Greater(t, len(want), 2)
	for r, err := range log.All(t.Context(), store.Start()) {
		require.NoError(t, err)
		if e, is := r.Event.(events.CommandRefused); is {
			refusals += max(e.Count, 1)
		}
	}
	for _, places := range []int{1, 7, tallyOrders} {
		tl := newTally(log)
		tl.kept = tl.kept[:places]
		require.NoError(t, tl.takeAll(t.Context(), log.All(t.Context(), store.Start()),
			func(f func()) { f() }))
		got, counted := map[cell]string{}, uint64(0)
		for at, sum := range tl.cells {
			if sum.orders != 0 {
				got[at] = told(sum)
			}
		}
		for _, n := range tl.refused {
			counted += n
		}
		assert.Equal(t, want, got, places)
		assert.Equal(t, refusals, counted)
		assert.Equal(t, replayed.Records, tl.read)
	}
}

// In the middle of the days some of it is open, and the lists are as long as the orders say.
func TestListsAreThoseOfTheOrdersAtAnyPlace(t *testing.T) {
	log := memory.New()
	t.Run("days", func(t *testing.T) {
		simulation.Simulate(t, func(*testing.T) func() (store.Log, error) {
			return func() (store.Log, error) { return shared{log}, nil }
		}, simulation.Run{Seed: 6, Days: 8})
	})
	tl, n, seen := newTally(log), uint64(0), map[string]bool{}
	for r, err := range log.All(t.Context(), store.Start()) {
		require.NoError(t, err)
		o, err := tl.before(t.Context(), &r)
		require.NoError(t, err)
		tl.take(o, &r)
		if n++; n%uint64(long.Walk(50, 150)) != 0 {
			continue
		}
		then, err := audit.At(t.Context(), log, audit.Point{Position: r.Position}, nil)
		require.NoError(t, err)
		want := map[string]int64{onlyOpen: 0, onlyParked: 0, onlyAnomalies: 0, onlyDisputes: 0}
		for o := range then.Orders() {
			h := store.Head{Stream: events.OrderStream(o.ID), Version: o.Version, Head: o.Head()}
			for _, l := range listings {
				if l.word != onlyDue && l.filter(time.Time{}).Matches(h) {
					want[l.word]++
					seen[l.word] = true
				}
			}
		}
		got := map[string]int64{}
		for only := range want {
			got[only] = tl.listed[only]
		}
		require.Equal(t, want, got, r.Position)
	}
	assert.Greater(t, len(seen), 1, "something stood open")
}

func TestSumsHoldMoreThanOneOrderMay(t *testing.T) {
	tl := newTally(memory.New())
	s := share{currency: "USD", kept: math.MaxInt64}
	for range 3 {
		tl.add(&s, 1)
	}
	c := tl.counts(tilltest.Dawn())
	require.Len(t, c.cells, 1)
	assert.Equal(t, "USD 276701161105643274.21", decimals(c.cells[0].kept, "USD"))
	tl.add(&s, -1)
	assert.Equal(t, "USD 276701161105643274.21", decimals(c.cells[0].kept, "USD"), "what was told does not change")
	assert.Equal(t, "JPY -5", decimals(big.NewInt(-5), "JPY"))
	assert.Equal(t, "USD -0.05", decimals(big.NewInt(-5), "USD"))
	assert.Equal(t, `5 minor units of "XQQ"`, decimals(big.NewInt(5), "XQQ"))
}

func TestCurrenciesAndReasonsAreBounded(t *testing.T) {
	tl := newTally(memory.New())
	var shares []share
	for i := range 10 * wordsMax {
		s := share{currency: fmt.Sprint("C", i), kept: 1}
		tl.add(&s, 1)
		shares = append(shares, s)
		tl.happened(&events.Record{Stream: events.RefusalStream("o"), Recorded: tilltest.Dawn(),
			Event: events.CommandRefused{Reason: fmt.Sprint("reason ", i)}})
	}
	assert.LessOrEqual(t, len(tl.cells), wordsMax+1)
	for _, c := range tl.counts(tilltest.Dawn()).cells {
		if c.several {
			assert.Equal(t, int64(9*wordsMax), c.orders)
			assert.Zero(t, c.kept.Sign(), "minor units of two currencies are never added together")
		}
	}
	assert.LessOrEqual(t, len(tl.refused), wordsMax+1)
	assert.Equal(t, uint64(9*wordsMax), tl.refused["other"])
	for i := range shares {
		tl.add(&shares[i], -1)
	}
	assert.Empty(t, tl.counts(tilltest.Dawn()).cells, "what was added can be taken away again")
}

// A shop that sells in every currency there is has a sum of each, whatever else its log has.
func TestEveryStatusOfEveryCurrencyHasItsSum(t *testing.T) {
	tl := newTally(memory.New())
	for i := range 2 * wordsMax {
		tl.add(&share{currency: fmt.Sprint("C", i), kept: 1}, 1)
	}
	want := map[cell]int64{}
	for n := range int64(26 * 26 * 26) {
		code := string([]byte{'A' + byte(n/26/26), 'A' + byte(n/26%26), 'A' + byte(n%26)})
		if _, known := money.Digits(code); !known {
			continue
		}
		for _, status := range order.Statuses() {
			tl.add(&share{status: status, currency: code, kept: n}, 1)
			tl.add(&share{status: status, currency: code, kept: 1}, 1)
			want[cell{status: status, currency: code}] = n + 1
		}
	}
	require.Greater(t, len(want), 1000)
	got := map[cell]int64{}
	for _, c := range tl.counts(tilltest.Dawn()).cells {
		if _, known := money.Digits(c.currency); known {
			assert.Equal(t, int64(2), c.orders)
			got[c.cell] = c.kept.Int64()
		}
	}
	assert.Equal(t, want, got)
}

// What is of too many currencies is shown as orders, and as no amount.
func TestOrdersOfTooManyCurrenciesHaveNoSum(t *testing.T) {
	tl := newTally(memory.New())
	for i := range wordsMax + 2 {
		tl.add(&share{status: order.Captured, currency: fmt.Sprint("C", i), kept: 7}, 1)
	}
	w := newWorld(t, nil)
	w.counted()
	w.v.counter.locked(func() { w.v.counter.tally.cells = tl.cells })
	assert.Contains(t, w.get("/"), `<td class="n">2</td><td class="n" colspan="4">in currencies that are not told apart`)
	sums := w.read("/overview")["money"].([]any)
	assert.Contains(t, sums, map[string]any{"status": "captured", "orders": "2"})
	assert.Len(t, sums, wordsMax+1)
}

func TestHoursAreThoseOfTheLastDay(t *testing.T) {
	at := time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC)
	tl := newTally(memory.New())
	placed := func(when time.Time) {
		tl.happened(&events.Record{Stream: events.OrderStream("o"), Recorded: when, Event: events.OrderCreated{}})
	}
	placed(at.Add(-48 * time.Hour))
	placed(at.Add(-23 * time.Hour))
	placed(at)
	placed(at.Add(-time.Hour))      // a clock that went back
	placed(at.Add(-24 * time.Hour)) // too far
	placed(time.Time{})
	told := func(now time.Time) (placed []uint64, ends time.Time) {
		c := tl.counts(now)
		for _, h := range c.hours {
			placed = append(placed, h.placed)
		}
		return placed, c.ends
	}
	got, ends := told(at)
	want := make([]uint64, hoursKept)
	want[0], want[22], want[23] = 1, 1, 1
	assert.Equal(t, want, got)
	assert.Equal(t, time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC), ends)
	got, _ = told(at.Add(2 * time.Hour))
	want = make([]uint64, hoursKept)
	want[20], want[21] = 1, 1
	assert.Equal(t, want, got, "the hours go on without records")
	got, ends = told(at.AddDate(1, 0, 0))
	assert.Equal(t, uint64(1), got[23], "of an old log it is the last day on record")
	assert.Equal(t, time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC), ends)
	got, _ = told(at.Add(-time.Hour))
	assert.Equal(t, uint64(1), got[23], "a clock behind the log's")
	placed(at.Add(30 * time.Hour))
	got, _ = told(at.Add(30 * time.Hour))
	want = make([]uint64, hoursKept)
	want[23] = 1
	assert.Equal(t, want, got, "what is a day old goes")
}

func TestAChartTellsItsPeakAndShowsWhatIsLittle(t *testing.T) {
	hours := make([]hour, hoursKept)
	hours[3].refused, hours[5].refused = 1, 1000
	charts := chartsOf(hours, time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC))
	require.Len(t, charts, len(kinds))
	c := charts[4]
	assert.Equal(t, uint64(1001), c.Total)
	assert.Equal(t, "most in the hour from 05:00: 1\u202f000", c.Says)
	assert.Equal(t, []bar{{36, 46, 2}, {60, 0, 48}}, c.Bars)
	assert.Equal(t, "none", charts[0].Says)
}

func TestAnAmountBarShowsWhatIsLittleAndEndsWhereItShould(t *testing.T) {
	b := barOf("Ordered", "USD", 100000, []piece{{"kept", "kept", 99999}, {"back", "refunded", 1}, {"lost", "lost", 0},
		{"risk", "late", -5}})
	require.Len(t, b.Parts, 2)
	assert.Equal(t, []int{0, 999}, []int{b.Parts[0].X, b.Parts[0].Width})
	assert.GreaterOrEqual(t, b.Parts[1].Width, 4)
	b = barOf("Ordered", "USD", math.MaxInt64, []piece{{"kept", "kept", math.MaxInt64}, {"back", "b", math.MaxInt64}})
	assert.Equal(t, 500, b.Parts[1].X, "amounts that are no amounts together still stand beside each other")
	assert.Empty(t, barOf("Ordered", "USD", 0, nil).Parts)
}
