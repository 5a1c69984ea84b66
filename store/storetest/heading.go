package storetest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

func isClosed(err error) bool { return errors.Is(err, store.ErrClosed) }

// headIDs asks for heads and returns the orders' ids in the order they came.
func headIDs(t require.TestingT, log store.Log, filter store.Filter) []string {
	all := []string{}
	for _, h := range collect(t, log.Heads(context.Background(), filter)) {
		all = append(all, h.Stream.ID)
	}
	return all
}

func head(t *testing.T, f Factory) {
	log, ctx := f.open(t), context.Background()
	stream := events.OrderStream("o-1")
	first := events.Head{Status: "created", StatusSince: noon, Phase: "idle", Due: noon.Add(time.Hour)}
	last := events.Head{Status: "paid", StatusSince: noon.Add(1), Phase: "requested", AnomalySince: noon.Add(2)}
	mustAppend(t, log, stream, 0, record("h-1", withHead(first)))
	mustAppend(t, log, events.RefusalStream("o-1"), 0, record("h-2", withHead(events.Head{Status: "refused"})))
	have, err := log.Head(ctx, stream)
	require.NoError(t, err)
	assert.Equal(t, store.Head{Stream: stream, Version: 1, Position: 1, Head: first}, have)

	mustAppend(t, log, stream, 1, record("h-3", withHead(events.Head{Status: "between"})), record("h-4", withHead(last)))
	have, err = log.Head(ctx, stream)
	require.NoError(t, err)
	assert.Equal(t, store.Head{Stream: stream, Version: 3, Position: 4, Head: last}, have,
		"the head is that of the newest record")
	have, err = log.Head(ctx, events.RefusalStream("o-1"))
	require.NoError(t, err)
	assert.Equal(t, "refused", have.Status, "every stream has a head")
	assert.Empty(t, headIDs(t, log, store.InStatus("refused")), "but only orders are filed")
	assert.Empty(t, headIDs(t, log, store.InStatus("between")), "a head that was passed over is not filed")
}

func headsInOrder(t *testing.T, f Factory) {
	log := f.open(t)
	at := func(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }
	old := time.Unix(-1<<33, 5).UTC() // before 1970
	for i, o := range []struct {
		id   string
		head events.Head
	}{
		{"c", events.Head{Status: "paid", StatusSince: at(5), Due: at(30)}},
		{"a", events.Head{Status: "paid", StatusSince: at(9), OperationSince: at(0), ParkedSince: at(1),
			DisputeBy: at(9)}},
		{"b", events.Head{Status: "paid2", StatusSince: at(1), OperationSince: at(7), AnomalySince: at(2), Due: at(10)}},
		{"e", events.Head{Status: "pai", StatusSince: at(0), OperationSince: at(4), ParkedSince: at(5), AnomalySince: at(1),
			DisputeBy: at(8), Due: at(20)}},
		{"d", events.Head{Status: "paid", StatusSince: at(5), OperationSince: old, ParkedSince: old, Due: at(20)}},
		{"f", events.Head{Status: "paid", StatusSince: old, Due: old}},
		{"g", events.Head{Status: "paid", StatusSince: at(5).Add(1)}},
		{"h", events.Head{}},
	} {
		mustAppend(t, log, events.OrderStream(o.id), 0, record(fmt.Sprintf("h-%d", i), withHead(o.head)))
		mustAppend(t, log, events.RefusalStream(o.id), 0, record(fmt.Sprintf("h-%d-refused", i), withHead(o.head)))
	}
	for what, c := range map[string]struct {
		filter store.Filter
		want   []string
	}{
		"every order by status time; no time comes first": {store.AllOrders(),
			[]string{"h", "f", "e", "b", "c", "d", "g", "a"}},
		"one status by its time, equal times by id":    {store.InStatus("paid"), []string{"f", "c", "d", "g", "a"}},
		"a status that another one begins with":        {store.InStatus("pai"), []string{"e"}},
		"a status that begins with another one":        {store.InStatus("paid2"), []string{"b"}},
		"a status nobody has":                          {store.InStatus("refunded"), []string{}},
		"parked, by since when":                        {store.Attention(events.AttentionParked), []string{"d", "a", "e"}},
		"an anomaly, beside a parked operation or not": {store.Attention(events.AttentionAnomaly), []string{"e", "b"}},
		"a dispute, by when it has to be defended":     {store.Attention(events.AttentionDispute), []string{"e", "a"}},
		"outstanding, by since when, parked or not":    {store.Outstanding(), []string{"d", "a", "e", "b"}},
		"due, the moment itself included":              {store.DueBy(at(20)), []string{"f", "b", "d", "e"}},
		"due a nanosecond earlier":                     {store.DueBy(at(20).Add(-1)), []string{"f", "b"}},
		"due in another zone": {store.DueBy(at(10).In(time.FixedZone("UTC+8", 8*60*60))),
			[]string{"f", "b"}},
		"due before all":  {store.DueBy(old.Add(-1)), []string{}},
		"due by long ago": {store.DueBy(time.Date(1, 1, 1, 0, 0, 1, 0, time.UTC)), []string{}},
		"due ever": {store.DueBy(time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)),
			[]string{"f", "b", "d", "e", "c"}},
	} {
		assert.Equal(t, c.want, headIDs(t, log, c.filter), "%s", what)
	}
	taken := 0
	for _, err := range log.Heads(context.Background(), store.AllOrders()) {
		require.NoError(t, err)
		if taken++; taken == 3 {
			break
		}
	}
	assert.Equal(t, 3, taken, "a loop may end early")
}

func headsOverPages(t *testing.T, f Factory) {
	log, ctx := f.open(t), context.Background()
	// Written in no order, with times that many orders share.
	order := rand.New(rand.NewPCG(1, 2)).Perm(span)
	together(t, "many orders", span, func(n int) {
		i := order[n]
		at := noon.Add(time.Duration(i/7) * time.Minute)
		_, err := log.Append(ctx, events.OrderStream(fmt.Sprintf("o-%04d", i)), 0,
			record(fmt.Sprintf("p-%d", i), withHead(everything(at))))
		assert.NoError(t, err)
	})
	var want []string
	for i := range span {
		want = append(want, fmt.Sprintf("o-%04d", i))
	}
	for _, filter := range everyFilter() {
		assert.Equal(t, want, headIDs(t, log, filter), "%s", filter)
	}
	assert.Equal(t, want[:7*50], headIDs(t, log, store.DueBy(noon.Add(49*time.Minute))), "a due time in the middle")
}

func headsThatMove(t *testing.T, f Factory) {
	log := f.open(t)
	stream := events.OrderStream("moving")
	beside := events.Head{Status: "paid", StatusSince: noon.Add(1), ParkedSince: noon.Add(1), Due: noon.Add(1)}
	mustAppend(t, log, events.OrderStream("beside"), 0, record("beside", withHead(beside)))
	version := uint64(0)
	move := func(h events.Head) {
		mustAppend(t, log, stream, version, record(fmt.Sprintf("m-%d", version), withHead(h)))
		version++
	}
	filed := func(filter store.Filter, want ...string) {
		t.Helper()
		assert.Equal(t, append([]string{}, want...), headIDs(t, log, filter), "version %d: %s", version, filter)
	}
	due, parked, anomaly := store.DueBy(noon.Add(time.Hour)), store.Attention(events.AttentionParked),
		store.Attention(events.AttentionAnomaly)

	move(events.Head{Status: "paid", StatusSince: noon, Due: noon})
	filed(due, "moving", "beside")
	filed(store.InStatus("paid"), "moving", "beside")
	filed(parked, "beside")
	move(events.Head{Status: "paid", StatusSince: noon, Due: noon.Add(2), OperationSince: noon.Add(-1), ParkedSince: noon})
	filed(due, "beside", "moving")
	filed(store.InStatus("paid"), "moving", "beside")
	filed(parked, "moving", "beside")
	filed(store.Outstanding(), "moving")
	move(events.Head{Status: "paid", StatusSince: noon, Due: noon.Add(2), OperationSince: noon.Add(-1),
		ParkedSince: noon.Add(2), AnomalySince: noon})
	filed(parked, "beside", "moving")
	filed(anomaly, "moving")
	move(events.Head{Status: "refunded", StatusSince: noon.Add(2), AnomalySince: noon.Add(2)})
	filed(due, "beside")
	filed(store.InStatus("paid"), "beside")
	filed(store.InStatus("refunded"), "moving")
	filed(parked, "beside")
	filed(anomaly, "moving")
	filed(store.Outstanding())
	filed(store.AllOrders(), "beside", "moving")
	move(events.Head{Status: "refunded", StatusSince: noon.Add(2)})
	filed(anomaly)
	filed(store.InStatus("refunded"), "moving")
	filed(store.AllOrders(), "beside", "moving")
}

// headsWhileTheyMove moves one order back and forth across the place of a walk, in the loop's body and beside it: an
// order that is due all the while must not slip through.
func headsWhileTheyMove(t *testing.T, f Factory) {
	log, ctx := f.open(t), context.Background()
	mover := events.OrderStream("mover")
	early, late := noon.Add(-time.Hour), noon.Add(math.MaxUint16*time.Second)
	due := func(at time.Time) func(*events.Record) {
		return withHead(events.Head{Status: "paid", StatusSince: noon, Due: at})
	}
	together(t, "many orders", span, func(i int) {
		_, err := log.Append(ctx, events.OrderStream(fmt.Sprintf("o-%04d", i)), 0,
			record(fmt.Sprintf("p-%d", i), due(noon.Add(time.Duration(i)*time.Second))))
		assert.NoError(t, err)
	})
	mustAppend(t, log, mover, 0, record("mover-0", due(late)))
	for _, at := range []int{1, span / 2, span - 1} {
		h, err := log.Head(ctx, mover)
		require.NoError(t, err)
		version := h.Version
		seen := map[string]int{}
		within(t, "heads that move", func() {
			for h, err := range log.Heads(ctx, store.DueBy(late)) {
				if !assert.NoError(t, err) {
					return
				}
				if seen[h.Stream.ID]++; len(seen) == at && seen[mover.ID] == 0 && h.Stream != mover {
					_, err = log.Append(ctx, mover, version, record(fmt.Sprintf("mover-%d", version), due(early)))
					assert.NoError(t, err)
				}
			}
		})
		assert.NotZero(t, seen[mover.ID], "moved back when %d heads were seen", at)
		assert.Len(t, seen, span+1)
		h, err = log.Head(ctx, mover)
		require.NoError(t, err)
		mustAppend(t, log, mover, h.Version, record(fmt.Sprintf("mover-%d-back", h.Version), due(late)))
	}
}
