package bolt_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
	"github.com/tilltape/tilltape/store/sealed"
)

// A list with a limit is the beginning of the list without one, however much of it is in memory only, and in whatever
// order it came there.
func TestAShortListIsTheBeginningOfALongOne(t *testing.T) {
	const orders = 1500
	log, err := bolt.Open(filepath.Join(t.TempDir(), "orders"), nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, log.Close()) }()
	dawn := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	chance := rand.New(rand.NewPCG(1, 2))
	var appends []sealed.Append
	for i := range orders {
		at := dawn.Add(time.Duration(chance.IntN(orders)) * time.Second)
		appends = append(appends, sealed.Append{Stream: events.OrderStream(fmt.Sprint("o-", i)), Records: []events.Record{
			{ID: fmt.Sprint("r-", i), Recorded: at, Occurred: at, Actor: "test", Event: events.CancelDated{},
				Head: events.Head{Status: "paid", StatusSince: at, Phase: "idle"}}}})
	}
	require.NoError(t, log.AppendAll(t.Context(), appends))
	read := func(f store.Filter) (heads []store.Head) {
		for h, err := range log.Heads(t.Context(), f) {
			require.NoError(t, err)
			heads = append(heads, h)
		}
		return heads
	}
	for name, filter := range map[string]store.Filter{"all": store.AllOrders(), "of a status": store.InStatus("paid")} {
		whole := read(filter)
		require.Len(t, whole, orders, name)
		for _, n := range []int{1, 2, 50, 255, 256, 257, 1000, orders - 1, orders, orders + 1} {
			assert.Equal(t, whole[:min(n, orders)], read(filter.Limit(n)), "%s: %d", name, n)
		}
		assert.Equal(t, whole[700:750], read(filter.After(whole[699]).Limit(50)), name)
	}
}
