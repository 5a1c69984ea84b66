package ordertest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/ordertest"
	"github.com/tilltape/tilltape/store/memory"
)

func TestCommandsAreLegalWhereTheyStand(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		steps := ordertest.Commands("o-1").Draw(t, "steps")
		till := ordertest.NewTill()
		require.NoError(t, till.Play(steps))
		assert.Len(t, till.Bounds, len(steps), "every step changes something")
		for i, s := range steps[1:] {
			assert.False(t, s.At.Before(steps[i].At), "time goes on")
		}
	})
}

func TestHistoriesAreLogs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := ordertest.Histories("a").Draw(t, "a"), ordertest.Histories("b").Draw(t, "b")
		log := memory.New()
		for _, till := range []*ordertest.Till{a, b} {
			o, begin := order.Order{}, 0
			for _, end := range till.Bounds {
				_, err := log.Append(t.Context(), till.Records[0].Stream, uint64(begin), till.Records[begin:end]...)
				require.NoError(t, err)
				begin = end
			}
			require.Equal(t, len(till.Records), begin)
			for _, r := range till.Records {
				require.NoError(t, order.Judge(o, r), "%s", r.Event.Kind())
				o = order.Evolve(o, r)
				require.Equal(t, o.Head(), r.Head)
			}
			require.Equal(t, till.Order, o)
		}
	})
}

// TestHistoriesReachEverything: a generator that never parks or refunds tests nothing that does.
func TestHistoriesReachEverything(t *testing.T) {
	statuses, kinds := map[order.Status]int{}, map[events.Kind]int{}
	many := ordertest.Histories("o-1")
	for seed := range 3000 {
		till := many.Example(seed)
		statuses[till.Order.Status]++
		for _, r := range till.Records {
			kinds[r.Event.Kind()]++
		}
	}
	for _, s := range order.Statuses() {
		assert.Positive(t, statuses[s], "%s", s)
	}
	for _, kind := range events.Kinds() {
		if kind != events.KindCommandRefused { // of another stream, and never legal
			assert.Positive(t, kinds[kind], "%s", kind)
		}
	}
	t.Log(statuses, kinds)
}

func TestTillMakesTheSameRecordsAgain(t *testing.T) {
	steps := ordertest.Commands("o-1").Example(7)
	first, second := ordertest.NewTill(), ordertest.NewTill()
	require.NoError(t, first.Play(steps))
	require.NoError(t, second.Play(steps))
	assert.Equal(t, first.Records, second.Records)
}

func TestTillTellsWhichStepIsRefused(t *testing.T) {
	steps := ordertest.Commands("o-1").Example(7)[:1]
	steps = append(steps, ordertest.Step{At: ordertest.Opened(),
		Command: order.Refund{CommandID: "r-1", Amount: order.Money{Minor: 1, Currency: "EUR"}}})
	till := ordertest.NewTill()
	err := till.Play(steps)
	require.ErrorIs(t, err, order.ErrRejected)
	assert.ErrorContains(t, err, "step 2 of 2")
	assert.Len(t, till.Records, 1)
}

func TestGeneratorsRefuseIDsThatLeaveNoRoom(t *testing.T) {
	for _, id := range []string{"", string(make([]byte, 41))} {
		assert.Panics(t, func() { ordertest.Commands(id).Example() })
	}
}
