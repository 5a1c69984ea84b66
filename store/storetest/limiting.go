package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

// everyFilter is one filter of each kind. An order that is paid, outstanding, parked, contradicted, disputed and due on
// the suite's day is taken by all of them.
func everyFilter() []store.Filter {
	filters := []store.Filter{store.AllOrders(), store.InStatus("paid"), store.DueBy(noon.Add(span * time.Minute)),
		store.Outstanding()}
	for _, a := range events.Attentions() {
		filters = append(filters, store.Attention(a))
	}
	return filters
}

// everything is the head of such an order, by one time.
func everything(at time.Time) events.Head {
	return events.Head{Status: "paid", StatusSince: at, Phase: "parked", OperationSince: at, ParkedSince: at,
		AnomalySince: at, DisputeBy: at, Due: at}
}

// fileAll appends one such record to each of so many orders. Seven share a time.
func fileAll(t *testing.T, log store.Log, orders int) {
	t.Helper()
	together(t, "many orders", orders, func(i int) {
		r := record(fmt.Sprintf("f-%d", i), withHead(everything(noon.Add(time.Duration(i/7)*time.Second))))
		_, err := log.Append(context.Background(), events.OrderStream(fmt.Sprintf("o-%04d", i)), 0, r)
		assert.NoError(t, err)
	})
}

// limitedHeads is about limits, and about going on after the head that was the last.
func limitedHeads(t *testing.T, f Factory) {
	log := f.open(t)
	fileAll(t, log, span)
	var want []string
	for i := range span {
		want = append(want, fmt.Sprintf("o-%04d", i))
	}
	for _, filter := range everyFilter() {
		for _, n := range []int{1, 6, 255, 256, 257, span - 1, span, span + 1} {
			assert.Equal(t, want[:min(n, span)], headIDs(t, log, filter.Limit(n)), "%s", filter.Limit(n))
		}
		assert.Equal(t, want[:3], headIDs(t, log, filter.Limit(100).Limit(3)), "the last limit counts")
		var got []string
		for rest := filter.Limit(97); ; {
			page := collect(t, log.Heads(context.Background(), rest))
			for _, h := range page {
				got = append(got, h.Stream.ID)
			}
			if len(page) < 97 {
				break
			}
			rest = rest.After(page[len(page)-1])
		}
		assert.Equal(t, want, got, "%s, a page at a time: each once, and none between two pages", filter)
	}
	last, err := log.Head(context.Background(), events.OrderStream(want[span-1]))
	require.NoError(t, err)
	assert.Empty(t, headIDs(t, log, store.AllOrders().After(last)), "nothing comes after the last")
}

// limitedHeadsWhileTheyMove reads pages while every order gets a record, at its old place or at one that is later and
// still in the page: none may slip through between the pages.
func limitedHeadsWhileTheyMove(t *testing.T, f Factory) {
	for name, later := range map[string]time.Duration{"in place": 0, "a little later": 9 * time.Second} {
		if f.Short && later == 0 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			log, ctx := f.open(t), context.Background()
			fileAll(t, log, span)
			if f.Reopen != nil { // what an engine keeps in memory for a while is where it is kept now
				log = f.reopen(t, log)
			}
			const page = 400 // more than any sensible log reads at once
			filter := store.Outstanding()
			rest, moved, seen := filter.Limit(page), false, map[string]bool{}
			within(t, "pages of heads that move", func() {
				for {
					var heads []store.Head
					for h, err := range log.Heads(ctx, rest) {
						if !assert.NoError(t, err) {
							return
						}
						heads = append(heads, h)
						if seen[h.Stream.ID] = true; moved {
							continue
						}
						moved = true
						for k := range span { // the last to be appended are those that the page is about to come to
							i := (page + k) % span
							if i == 0 {
								continue
							}
							at := noon.Add(time.Duration(i/7)*time.Second + later)
							_, err := log.Append(ctx, events.OrderStream(fmt.Sprintf("o-%04d", i)), 1,
								record(fmt.Sprintf("g-%d", i), withHead(everything(at))))
							if !assert.NoError(t, err) {
								return
							}
						}
					}
					if !assert.LessOrEqual(t, len(heads), page) || len(heads) < page {
						return
					}
					last := heads[0]
					for _, h := range heads {
						if filter.Compare(h, last) > 0 {
							last = h
						}
					}
					rest = filter.Limit(page).After(last)
				}
			})
			assert.Equal(t, span, len(seen), "orders seen")
		})
	}
}
