package audit_test

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

// The promise of Replay's memory, with a fifth on top for what the runtime rounds up.
const (
	bytesPerOrder = 300
	bytesPerID    = 24
	slack         = 1.2
	fixedBytes    = 4 << 20 // whatever the log: warm orders, records read ahead
)

// historyBytes is what the ledger keeps of an order under way.
const historyBytes = 5 << 10

// heap is what is alive.
func heap() float64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.GC() // pools are emptied by the second
	runtime.ReadMemStats(&stats)
	return float64(stats.HeapAlloc)
}

func TestReplay_MemoryOfOrders(t *testing.T) {
	orders := long.Walk(10_000, 2_500)
	windows := []int{0, 50, 1_000} // an order's events side by side, close together, each in the cold
	if !long.Walks() {
		windows = windows[2:]
	}
	for _, window := range windows {
		t.Run(fmt.Sprint("window ", window), func(t *testing.T) {
			allowed := slack * float64(orders*(bytesPerOrder+bytesPerID*idsPerOrder))
			before, peak, records := heap(), 0.0, 0
			l := &ledger{orders: orders, window: window}
			p, err := audit.Replay(context.Background(), l, &audit.Config{Each: func(events.Record, order.Order) error {
				if records++; records%(orders*eventsPerOrder/8) == 0 {
					peak = max(peak, heap())
				}
				return nil
			}})
			require.NoError(t, err)
			after := heap()
			t.Logf("%.0f B/order, %.0f B/order while it ran", (after-before)/float64(orders), (peak-before)/float64(orders))
			assert.Equal(t, orders, p.Len(), "and it is alive until here")
			assert.Less(t, after-before, allowed)
			underway := float64((eventsPerOrder - 1) * window * historyBytes) // the ledger's own
			assert.Less(t, peak-before, allowed+fixedBytes+underway)

			var whole order.Order
			for _, r := range history(orders/3, false) {
				whole = order.Evolve(whole, r)
			}
			kept, ok := p.Order(whole.ID)
			require.True(t, ok)
			assert.Equal(t, whole, kept, "small, and all there")
		})
	}
}

// refusing is a log of nothing but refused commands, of few orders.
type refusing struct {
	store.Log
	records int
}

func (l *refusing) All(context.Context, store.Cursor) iter.Seq2[events.Record, error] {
	return func(yield func(events.Record, error) bool) {
		const streams = 10
		for i := range uint64(l.records) {
			r := events.Record{ID: fmt.Sprint("x-", i), Stream: events.RefusalStream(fmt.Sprint("o-", i%streams)),
				Version:  i/streams + 1,
				Position: i + 1, Recorded: opening, Event: events.CommandRefused{Command: "cancel", Reason: "captured"}}
			if i >= streams {
				r.Previous = i + 1 - streams
			}
			frame, err := events.AppendFrame(nil, r)
			if err != nil {
				panic(err)
			}
			if !yield(events.DecodeFrame(frame)) {
				return
			}
		}
	}
}

func TestReplay_MemoryDoesNotGrowWithTheLog(t *testing.T) {
	const allowed = 64 << 10
	records := long.Walk(50_000, 15_000)
	before := heap()
	p, err := audit.Replay(context.Background(), &refusing{records: records}, nil)
	require.NoError(t, err)
	after := heap()
	assert.Equal(t, uint64(records), p.Refusals)
	assert.Less(t, after-before, float64(allowed))
}

// allocatedMax is what a replay may allocate for a record beyond the first ones, in bytes: less than an order takes.
const allocatedMax = 800

// A replay allocates for what it keeps and for what a record says, and copies no order for a record.
func TestReplay_CopiesNoOrderForARecord(t *testing.T) {
	allocated := func(orders int) float64 {
		log := (&ledger{orders: orders}).inStore(t, memory.New())
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		p, err := audit.Replay(t.Context(), log, nil)
		runtime.ReadMemStats(&after)
		require.NoError(t, err)
		require.Equal(t, orders, p.Len())
		return float64(after.TotalAlloc - before.TotalAlloc)
	}
	const few, many = 1_000, 4_000
	each := (allocated(many) - allocated(few)) / ((many - few) * eventsPerOrder)
	t.Logf("%.0f B/record", each)
	assert.Less(t, each, float64(allocatedMax))
}
