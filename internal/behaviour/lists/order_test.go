package lists_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/internal/tilltest"
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

// The head of a parked order tells since when it is parked, and not since when its anomaly stands open.
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
