package tilltape_test

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

// What is oldest is asked about least often, so the order in which things are due is nearly the wrong way round.
func TestOutstandingBeginsWithTheOldestThoughItIsDueLast(t *testing.T) {
	stores(t, func(t *testing.T, log store.Log) {
		x := newTill(t, log)
		ids := x.many(2)
		x.bank.deaf = true
		x.lost(ids[1])
		for range 12 { // days of silence
			x.bank.next(lostBefore)
			x.settle(6 * time.Hour)
		}
		x.lost(ids[0]) // a moment ago, and due in one
		x.clock.pass(time.Millisecond)
		x.given("a-parked")
		assert.Equal(t, []string{ids[1], ids[0], "a-parked"}, idsOf(t, x.orders.Outstanding(x.ctx)), "parked or not")
	})
}

// An order that is parked for long and has its anomaly since a moment ago stands in each list by that list's own time.
func TestAnomaliesComeByTheirOwnTime(t *testing.T) {
	x := newTill(t, memory.New())
	x.given(theOrder)
	x.clock.pass(time.Minute)
	x.another("b-late")
	x.late("b-late")
	x.clock.pass(time.Minute)
	require.NotEmpty(t, x.observe(foreignCapture("pay-preq-o-1")).Anomalies, "parked longest, contradicted last")
	assert.Equal(t, []string{"b-late", theOrder}, idsOf(t, x.orders.Anomalies(x.ctx)))
}

func TestListsGoByWhatStandsWhenItIsYielded(t *testing.T) {
	x := newTill(t, memory.New())
	ids := x.many(5)
	for _, id := range ids[:4] {
		x.clock.pass(time.Millisecond)
		x.unsettled(id)
	}
	began := x.clock.now()
	var got []string
	for o, err := range x.orders.Outstanding(x.ctx) {
		require.NoError(t, err)
		got = append(got, fmt.Sprint(o.ID, " ", o.Operation.Since.Sub(began)))
		if o.ID != ids[0] {
			continue
		}
		x.bank.script = nil
		x.clock.pass(time.Second)
		_, err = x.orders.SettleDue(x.ctx) // all of them
		require.NoError(t, err)
		x.unsettledCapture(t, ids[4])
	}
	assert.Equal(t, []string{ids[0] + " -3ms"}, got, "the others have come to rest, and what began since need not come")
}

func (x *till) unsettledCapture(t *testing.T, id string) {
	x.bank.script = []fault{saysU}
	_, err := x.orders.Capture(x.ctx, id, order.Capture{Amount: usd(thePart)})
	require.Error(t, err)
}

// counting counts what is asked of a log for a list.
type counting struct {
	store.Log
	reads   int
	filters []store.Filter
}

func (c *counting) Read(ctx context.Context, s events.Stream, after uint64) iter.Seq2[events.Record, error] {
	c.reads++
	return c.Log.Read(ctx, s, after)
}

func (c *counting) Heads(ctx context.Context, filter store.Filter) iter.Seq2[store.Head, error] {
	c.filters = append(c.filters, filter)
	return c.Log.Heads(ctx, filter)
}

// Whatever else is due or needs somebody: a list is one walk of its own index, and reads the orders that it yields.
func TestAListReadsWhatItYields(t *testing.T) {
	stores(t, func(t *testing.T, log store.Log) {
		c := &counting{Log: log}
		x := newTill(t, c)
		ids := x.many(20) // all due
		x.lost(ids[0], ids[1])
		x.given("parked")
		x.another("late")
		x.late("late")
		for want, list := range map[string]func(context.Context) iter.Seq2[order.Order, error]{
			"late": x.orders.Anomalies, ids[0] + " " + ids[1] + " parked": x.orders.Outstanding,
		} {
			c.reads, c.filters = 0, nil
			got := idsOf(t, list(x.ctx))
			assert.Equal(t, strings.Fields(want), got)
			assert.Equal(t, len(got), c.reads)
			require.Len(t, c.filters, 1)
			assert.Contains(t, []store.Index{store.IndexAttention, store.IndexOutstanding}, c.filters[0].Index())
			_, limited := c.filters[0].Most()
			assert.True(t, limited, "a page of it")
		}
	})
}

// An order whose oldest anomaly is closed before its turn has its turn by its next one, once.
func TestAnOrderThatMovesInTheListComesAtItsNewPlace(t *testing.T) {
	stores(t, func(t *testing.T, log store.Log) {
		x := newTill(t, log)
		x.another("a-first")
		x.late("a-first")
		x.clock.pass(time.Minute)
		x.given("b-twice")
		x.observe(foreignCapture("pay-preq-b-twice"))
		x.clock.pass(time.Minute)
		x.another("c-between")
		x.late("c-between")
		x.clock.pass(time.Minute)
		another := notice{Payment: "pay-preq-b-twice", Transfer: "cap-of-another", Minor: theAmount + 2, At: dawn()}
		twice := x.observe(captureNotice(another))
		require.Len(t, twice.Anomalies, 2)
		x.clock.pass(time.Minute)
		assert.Equal(t, []string{"a-first", "b-twice", "c-between"}, idsOf(t, x.orders.Anomalies(x.ctx)))
		var got []string
		for o, err := range x.orders.Anomalies(x.ctx) {
			require.NoError(t, err)
			if got = append(got, o.ID); len(got) > 1 {
				continue
			}
			clear := order.ClearAnomaly{Anomaly: twice.Anomalies[0].Version, Reason: "case 4"}
			_, err = x.orders.ClearAnomaly(x.ctx, "b-twice", clear)
			require.NoError(t, err)
		}
		assert.Equal(t, []string{"a-first", "c-between", "b-twice"}, got)
	})
}
