package main

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/order"
	"github.com/tilltape/tilltape/store/memory"
)

func TestNewOrder_IsLegal(t *testing.T) {
	log := memory.New()
	m := newCourse(timeOrdered).maker()
	for range 3 {
		id, facts := m.newOrder()
		for i, r := range facts {
			_, err := log.Append(context.Background(), events.OrderStream(id), uint64(i), r)
			require.NoError(t, err)
		}
	}
	p, err := audit.Replay(context.Background(), log, nil)
	require.NoError(t, err)
	assert.Equal(t, map[order.Status]int{order.Captured: 3}, p.Statuses())
}

func TestNewOrder_IDs(t *testing.T) {
	const orders = 1000
	for _, ids := range []ordering{random, timeOrdered} {
		t.Run(string(ids), func(t *testing.T) {
			c := newCourse(ids)
			makers := []*maker{c.maker(), c.maker()}
			seen := map[string]bool{}
			ascending, last := 0, ""
			for i := range orders {
				id, facts := makers[i%2].newOrder()
				require.NoError(t, events.CheckID("order id", id))
				seen[id] = true
				for _, r := range facts {
					seen[r.ID] = true
					for _, k := range r.Keys {
						seen[string(k)] = true
					}
				}
				if id > last {
					ascending++
				}
				last = id
			}
			assert.Len(t, seen, orders*(1+eventsPerOrder+2), "no id twice")
			if ids == timeOrdered {
				assert.Equal(t, orders, ascending)
			} else {
				assert.InDelta(t, orders/2, ascending, orders/10)
			}
		})
	}
}

func TestMeanSizes(t *testing.T) {
	s, err := meanSizes()
	require.NoError(t, err)
	assert.InDelta(t, 300, s.payload, 15)
	assert.Greater(t, s.frame, s.payload+100, "a header has ids, places, times and a head")
}
