package refusing

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/order"
)

// What is remembered only to save work must not grow with the number of orders. Nothing of it shows from outside.

func TestRefusalsOfSoManyOrdersAreRemembered(t *testing.T) {
	q := New(Config{})
	for i := range 3 * ordersMax {
		id := fmt.Sprint("o-", i)
		q.keep(id, order.Refusals{Version: 1})
		q.keep(id, order.Refusals{Version: 2})
		assert.EqualValues(t, 2, q.known[id].Version, "the newest is always kept")
	}
	assert.Len(t, q.known, ordersMax)
}

// A refusal that comes while very many wait is told of, since it will not stand in the log.
func TestARefusalTooManyIsTold(t *testing.T) {
	var lost []error
	var q *Recorder
	q = New(Config{
		Go: func(func()) {}, // nobody writes
		Lost: func(r Refusal, err error) {
			require.True(t, q.mu.TryLock(), "the hook may give commands, and those may be refused")
			q.mu.Unlock()
			assert.Equal(t, "o-7", r.Err.OrderID)
			lost = append(lost, err)
		},
	})
	refused := Refusal{Command: order.Cancel{}, Err: &order.RejectedError{OrderID: "o-7", Status: order.Captured}}
	for range queueMax {
		q.Record(refused)
	}
	require.Empty(t, lost)
	q.Record(refused)
	assert.Equal(t, []error{errOthersWait}, lost)
	assert.Len(t, q.queue, queueMax)
}
