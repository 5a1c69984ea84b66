// Package outboxtest has the tests that every [outbox.Keeper] has to pass. It is for whoever keeps consumers somewhere
// else than in a file.
package outboxtest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/outbox"
	"github.com/tilltape/tilltape/store"
)

// TestKeeper holds keepers against the contract of [outbox.Keeper]. open is called twice, and returns a keeper over the
// same place each time, in which nothing is kept yet under the names "a" and "b": so two processes would share it.
func TestKeeper(t *testing.T, open func() outbox.Keeper) {
	t.Helper()
	one, two := open(), open()
	ctx := t.Context()
	s, err := one.Load(ctx, "a")
	require.NoError(t, err)
	assert.Zero(t, s, "nothing is kept yet")
	for _, revision := range []uint64{0, 2} {
		require.ErrorIs(t, one.Save(ctx, "a", outbox.State{Revision: revision}), outbox.ErrTaken, revision)
	}

	first := outbox.State{Revision: 1, Cursor: store.After(events.Record{Position: 7}), Record: "r-7",
		Log: "shop.example/orders", Parked: []outbox.Parked{{Stream: events.OrderStream(`o/"1"é`), Version: 3,
			Position: 5, Since: time.Date(2026, 11, 23, 6, 0, 0, 5, time.UTC), Problem: "it answered 422\x00\n"}}}
	require.NoError(t, one.Save(ctx, "a", first))
	for _, keeper := range []outbox.Keeper{one, two} {
		s, err = keeper.Load(ctx, "a")
		require.NoError(t, err)
		assert.Equal(t, first, s)
		s, err = keeper.Load(ctx, "b")
		require.NoError(t, err)
		assert.Zero(t, s, "each name has its own")
	}

	for _, revision := range []uint64{0, 1, 3} {
		for _, keeper := range []outbox.Keeper{one, two} {
			require.ErrorIs(t, keeper.Save(ctx, "a", outbox.State{Revision: revision}), outbox.ErrTaken, revision)
		}
	}
	s, err = two.Load(ctx, "a")
	require.NoError(t, err)
	assert.Equal(t, first, s, "what was refused has changed nothing")

	second := outbox.State{Revision: 2, Cursor: store.After(events.Record{Position: 9}), Record: "r-9"}
	require.NoError(t, two.Save(ctx, "a", second))
	require.ErrorIs(t, one.Save(ctx, "a", second), outbox.ErrTaken, "the same by another")
	s, err = one.Load(ctx, "a")
	require.NoError(t, err)
	assert.Equal(t, second, s)
}
