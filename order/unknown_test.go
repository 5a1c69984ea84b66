package order_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/tilltape/tilltape/order"
)

// What APO has accepted is known to be with APO, however long ago that was.
func TestUnknownIsTheOldestThatNobodyKnows(t *testing.T) {
	at := func(hour int) time.Time { return time.Date(2026, 11, 23, hour, 0, 0, 0, time.UTC) }
	operation := func(phase order.Phase, hour int) order.Operation {
		return order.Operation{Phase: phase, Since: at(hour)}
	}
	for name, c := range map[string]struct {
		o    order.Order
		want int // the hour; 0: none
	}{
		"none":           {order.Order{}, 0},
		"one":            {order.Order{Operation: operation(order.Unresolved, 9)}, 9},
		"asked just now": {order.Order{Operation: operation(order.Requested, 9)}, 9},
		"accepted":       {order.Order{Accepted: []order.Operation{operation(order.Accepted, 8)}}, 0},
		"one beside what is known": {order.Order{Operation: operation(order.Unresolved, 9),
			Accepted: []order.Operation{operation(order.Accepted, 8)}}, 9},
		"a parked one is older": {order.Order{Operation: operation(order.Unresolved, 9),
			Accepted: []order.Operation{operation(order.Accepted, 7), operation(order.Parked, 8)}}, 8},
	} {
		got, is := c.o.Unknown()
		assert.Equal(t, c.want > 0, is, name)
		if is {
			assert.Equal(t, at(c.want), got.Since, name)
		}
	}
}
