package tilltape_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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
