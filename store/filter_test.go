package store_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

var noon = time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC)

// aHead is of an order that every index has, by times that all differ.
func aHead(id string) store.Head {
	return store.Head{Stream: events.OrderStream(id),
		Head: events.Head{Status: "paid", StatusSince: noon, OperationSince: noon.Add(1),
			ParkedSince: noon.Add(2), AnomalySince: noon.Add(3), Due: noon.Add(4),
			DisputeBy: noon.Add(5)}}
}

func TestFilter(t *testing.T) {
	h := aHead("o-1")
	for what, c := range map[string]struct {
		filter  store.Filter
		matches bool
		at      time.Time
		index   store.Index
		word    string
		says    string
	}{
		"all":          {store.AllOrders(), true, h.StatusSince, store.IndexStatus, "", "all orders"},
		"status":       {store.InStatus("paid"), true, h.StatusSince, store.IndexStatus, "paid", `orders in status "paid"`},
		"other status": {store.InStatus("pai"), false, h.StatusSince, store.IndexStatus, "pai", `orders in status "pai"`},
		"due":          {store.DueBy(h.Due), true, h.Due, store.IndexDue, "", "orders due by 2026-11-23T12:00:00.000000004Z"},
		"not due yet": {store.DueBy(h.Due.Add(-1)), false, h.Due, store.IndexDue, "",
			"orders due by 2026-11-23T12:00:00.000000003Z"},
		"outstanding": {store.Outstanding(), true, h.OperationSince, store.IndexOutstanding, "",
			"orders with an operation outstanding"},
		"parked": {store.Attention(events.AttentionParked), true, h.ParkedSince, store.IndexAttention, "parked",
			`orders with the attention "parked"`},
		"an anomaly beside it": {store.Attention(events.AttentionAnomaly), true, h.AnomalySince, store.IndexAttention,
			"anomaly", `orders with the attention "anomaly"`},
		"a dispute, by when": {store.Attention(events.AttentionDispute), true, h.DisputeBy, store.IndexAttention,
			"dispute", `orders with the attention "dispute"`},
	} {
		require.NoError(t, c.filter.Check(), what)
		assert.Equal(t, c.matches, c.filter.Matches(h), what)
		assert.Equal(t, c.matches, c.filter.Takes(h.Stream.ID, &h.Head), what)
		assert.Equal(t, c.at, c.filter.Time(h), what)
		assert.Equal(t, c.index, c.filter.Index(), what)
		assert.Equal(t, c.word, c.filter.Word(), what)
		assert.Equal(t, c.says, c.filter.String(), what)
		_, limited := c.filter.Most()
		assert.False(t, limited, what)
	}
	assert.Equal(t, h.Due, store.DueBy(h.Due.In(time.FixedZone("UTC+8", 8*60*60))).Until())
	assert.True(t, store.Outstanding().Until().IsZero())
	idle := store.Head{Stream: events.OrderStream("o-2"), Head: events.Head{Status: "created"}}
	for _, filter := range []store.Filter{store.DueBy(noon), store.Outstanding(),
		store.Attention(events.AttentionParked), store.Attention(events.AttentionAnomaly),
		store.Attention(events.AttentionDispute)} {
		assert.False(t, filter.Matches(idle), "%s: what is not so has no time", filter)
	}
}

// A filter that nobody made on purpose takes nothing, and says what to do.
func TestFiltersThatAskForNothing(t *testing.T) {
	for want, filter := range map[string]store.Filter{
		"make one with store.AllOrders":         {},
		"a status that is empty":                store.InStatus(""),
		"no time to be due by":                  store.DueBy(time.Time{}),
		"attention 0, which is none":            store.Attention(0),
		"attention 200, which is none":          store.Attention(200),
		"a limit of 0; give at least 1":         store.AllOrders().Limit(0),
		"a limit of -3; give at least 1":        store.Outstanding().Limit(-3).After(aHead("o-1")),
		"no time to be due by; give one":        store.DueBy(time.Time{}).Limit(0),
		"it asks for nothing; make one":         store.Filter{}.Limit(7),
		"InStatus, DueBy, Outstanding or Atten": store.Filter{}.After(aHead("o-1")),
	} {
		err := filter.Check()
		require.ErrorIs(t, err, store.ErrInvalid)
		assert.ErrorContains(t, err, want)
	}
	assert.False(t, store.Filter{}.Matches(aHead("o-1")))
	assert.False(t, store.Attention(0).Matches(aHead("o-1")))
	assert.Equal(t, "no orders", store.Filter{}.String())
}

// Pages meet without a gap: what is after a head is what comes later, or at the same time with an id that comes later.
func TestFilterGoesOn(t *testing.T) {
	filter := store.Outstanding().Limit(2)
	heads := []store.Head{aHead("b"), aHead("c"), aHead("a"), aHead("d")}
	heads[3].OperationSince = noon
	slices.SortFunc(heads, filter.Compare)
	for i, h := range heads {
		rest := filter.After(h)
		for j, other := range heads {
			assert.Equal(t, j > i, rest.Matches(other), "%d after %d", j, i)
		}
		at, id, ok := rest.From()
		assert.Equal(t, []any{h.OperationSince, h.Stream.ID, true}, []any{at, id, ok})
		n, limited := rest.Most()
		assert.Equal(t, []any{2, true}, []any{n, limited}, "the limit stays")
	}
	assert.Equal(t, `orders with an operation outstanding, after 2026-11-23T12:00:00Z "d", at most 2`,
		filter.After(heads[0]).String())
	_, _, ok := filter.From()
	assert.False(t, ok, "and the filter is as it was")
	other := heads[0]
	other.OperationSince = other.OperationSince.In(time.FixedZone("UTC+8", 8*60*60))
	assert.Equal(t, filter.After(heads[0]), filter.After(other), "filters can be compared")
}
