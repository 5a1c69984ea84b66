package behaviour_test

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
	"github.com/tilltape/tilltape/internal/tests/tilltest"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

// What is oldest is asked about least often, so the order in which things are due is nearly the wrong way round.
func TestOutstandingBeginsWithTheOldestThoughItIsDueLast(t *testing.T) {
	tilltest.Stores(t, func(t *testing.T, log store.Log) {
		x := tilltest.NewTill(t, log)
		ids := x.Many(2)
		x.Bank.Deaf = true
		x.Lost(ids[1])
		for range 12 { // days of silence
			x.Bank.Next(tilltest.LostBefore)
			x.Settle(6 * time.Hour)
		}
		x.Lost(ids[0]) // a moment ago, and due in one
		x.Clock.Pass(time.Millisecond)
		given(x, "a-parked")
		assert.Equal(t, []string{ids[1], ids[0], "a-parked"}, tilltest.IDsOf(t, x.Orders.Outstanding(x.Ctx)), "parked or not")
	})
}

// An order that is parked for long and has its anomaly since a moment ago stands in each list by that list's own time.
func TestAnomaliesComeByTheirOwnTime(t *testing.T) {
	x := tilltest.NewTill(t, memory.New())
	given(x, tilltest.TheOrder)
	x.Clock.Pass(time.Minute)
	another(x, "b-late")
	late(x, "b-late")
	x.Clock.Pass(time.Minute)
	require.NotEmpty(t, x.Observe(foreignCapture("pay-preq-o-1")).Anomalies, "parked longest, contradicted last")
	assert.Equal(t, []string{"b-late", tilltest.TheOrder}, tilltest.IDsOf(t, x.Orders.Anomalies(x.Ctx)))
}

// A dispute is listed by when it has to be defended, and until it is: what is overdue comes first, also where its day
// comes while the list runs.
func TestDisputesComeByWhenTheyHaveToBeDefended(t *testing.T) {
	x := tilltest.NewTill(t, memory.New())
	now := x.Clock.Now()
	for id, by := range map[string]time.Duration{"a": 3 * time.Hour, "b": -time.Hour, "c": time.Hour, "d": 2 * time.Hour,
		"e": 0} {
		another(x, id)
		more := map[string]any{}
		if by != 0 { // of e nobody knows: at once
			more["defenseDueTime"] = tilltest.Stamp(now.Add(by))
		}
		n := tilltest.Notice{PaymentRequest: "preq-" + id, Payment: "pay-preq-" + id, Transfer: "dispute-" + id,
			Minor: tilltest.ThePart}
		_, err := x.Orders.Observe(x.Ctx, tilltest.DisputeNotice("DISPUTE_CREATED", n, more))
		require.NoError(t, err)
	}
	assert.Equal(t, []string{"b", "e", "c", "d", "a"}, tilltest.IDsOf(t, x.Orders.Disputes(x.Ctx)))
	tell := func(id, kind string, more map[string]any) {
		_, err := x.Orders.Observe(x.Ctx, tilltest.DisputeNotice(kind, tilltest.Notice{PaymentRequest: "preq-" + id,
			Transfer: "dispute-" + id, Minor: tilltest.ThePart}, more))
		require.NoError(t, err)
	}
	var came []string
	for o, err := range x.Orders.Disputes(x.Ctx) {
		require.NoError(t, err)
		came = append(came, o.ID)
		switch o.ID {
		case "b":
			x.Clock.Pass(90 * time.Minute) // c falls due while the list runs
			tell("e", "DEFENSE_SUPPLIED", nil)
		case "c":
			tell("d", "DISPUTE_JUDGED", map[string]any{"disputeJudgedResult": "ACCEPT_BY_MERCHANT"})
		}
	}
	assert.Equal(t, []string{"b", "c", "a"}, came)
	o, err := x.Orders.Get(x.Ctx, "d")
	require.NoError(t, err)
	assert.Equal(t, tilltest.ThePart, o.Disputed)
}

func TestListsGoByWhatStandsWhenItIsYielded(t *testing.T) {
	x := tilltest.NewTill(t, memory.New())
	ids := x.Many(5)
	for _, id := range ids[:4] {
		x.Clock.Pass(time.Millisecond)
		unsettled(x, id)
	}
	began := x.Clock.Now()
	var got []string
	for o, err := range x.Orders.Outstanding(x.Ctx) {
		require.NoError(t, err)
		got = append(got, fmt.Sprint(o.ID, " ", o.Operation.Since.Sub(began)))
		if o.ID != ids[0] {
			continue
		}
		x.Bank.Script = nil
		x.Clock.Pass(time.Second)
		_, err = x.Orders.SettleDue(x.Ctx) // all of them
		require.NoError(t, err)
		unsettledCapture(x, t, ids[4])
	}
	assert.Equal(t, []string{ids[0] + " -3ms"}, got, "the others have come to rest, and what began since need not come")
}

func unsettledCapture(x *tilltest.Till, t *testing.T, id string) {
	x.Bank.Script = []tilltest.Fault{tilltest.SaysU}
	_, err := x.Orders.Capture(x.Ctx, id, order.Capture{Amount: tilltest.USD(tilltest.ThePart)})
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
	tilltest.Stores(t, func(t *testing.T, log store.Log) {
		c := &counting{Log: log}
		x := tilltest.NewTill(t, c)
		ids := x.Many(20) // all due
		x.Lost(ids[0], ids[1])
		given(x, "parked")
		another(x, "late")
		late(x, "late")
		for want, list := range map[string]func(context.Context) iter.Seq2[order.Order, error]{
			"late": x.Orders.Anomalies, ids[0] + " " + ids[1] + " parked": x.Orders.Outstanding,
		} {
			c.reads, c.filters = 0, nil
			got := tilltest.IDsOf(t, list(x.Ctx))
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
	tilltest.Stores(t, func(t *testing.T, log store.Log) {
		x := tilltest.NewTill(t, log)
		another(x, "a-first")
		late(x, "a-first")
		x.Clock.Pass(time.Minute)
		given(x, "b-twice")
		x.Observe(foreignCapture("pay-preq-b-twice"))
		x.Clock.Pass(time.Minute)
		another(x, "c-between")
		late(x, "c-between")
		x.Clock.Pass(time.Minute)
		another := tilltest.Notice{Payment: "pay-preq-b-twice", Transfer: "cap-of-another", Minor: tilltest.TheAmount + 2,
			At: tilltest.Dawn()}
		twice := x.Observe(tilltest.CaptureNotice(another))
		require.Len(t, twice.Anomalies, 2)
		x.Clock.Pass(time.Minute)
		assert.Equal(t, []string{"a-first", "b-twice", "c-between"}, tilltest.IDsOf(t, x.Orders.Anomalies(x.Ctx)))
		var got []string
		for o, err := range x.Orders.Anomalies(x.Ctx) {
			require.NoError(t, err)
			if got = append(got, o.ID); len(got) > 1 {
				continue
			}
			clear := order.ClearAnomaly{Anomaly: twice.Anomalies[0].Version, Reason: "case 4"}
			_, err = x.Orders.ClearAnomaly(x.Ctx, "b-twice", clear)
			require.NoError(t, err)
		}
		assert.Equal(t, []string{"a-first", "c-between", "b-twice"}, got)
	})
}
