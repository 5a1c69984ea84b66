package storetest

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
)

// adopter is a log that can put on record what it is a copy of, as one that others are imported into has to.
type adopter interface {
	Adopt(ctx context.Context, past []seal.Checkpoint) error
}

// adopting: what the log begins with is put on record once, beside appends and for good; anything else is refused.
func adopting(t *testing.T, f Factory) {
	log, ctx := f.sealedLog(t), context.Background()
	if _, ok := log.(adopter); !ok {
		t.Skip("the factory's logs cannot say what they are copies of")
	}
	adopt := func(log Sealed, past ...seal.Checkpoint) error { return log.(adopter).Adopt(ctx, past) }
	ancestry := func(log Sealed) []seal.Checkpoint {
		past, err := log.Ancestry(ctx)
		require.NoError(t, err)
		return past
	}
	growTo(t, log, 0, 300)
	first, err := log.Tree(ctx)
	require.NoError(t, err)
	first.Origin = "shop.example/orders/00000000000000000000000000000001"
	growTo(t, log, 300, 600)
	second, err := log.Tree(ctx)
	require.NoError(t, err)
	second.Origin = "shop.example/orders/00000000000000000000000000000002"

	other, longer := first, second
	other.Root[3]++
	longer.Size++
	require.ErrorIs(t, adopt(log, other), store.ErrDamaged, "another root")
	require.ErrorIs(t, adopt(log, first, longer), store.ErrDamaged, "more than there is")
	assert.Empty(t, ancestry(log), "nothing of what was refused")

	require.NoError(t, adopt(log))
	require.NoError(t, adopt(log, first))
	require.NoError(t, adopt(log, first), "twice is once")
	assert.Equal(t, []seal.Checkpoint{first}, ancestry(log))
	appended := make(chan error, 1)
	go func() {
		var failed error
		for i := range 30 {
			id := fmt.Sprintf("beside-%d", i)
			if _, err := log.Append(ctx, events.OrderStream(id), 0, records(id, 1)...); err != nil {
				failed = err
			}
		}
		appended <- failed
	}()
	require.NoError(t, adopt(log, second), "while others append")
	require.NoError(t, <-appended)
	require.NoError(t, log.Verify(ctx, nil))
	growTo(t, log, 630, 640)

	again := asSealed(t, f.reopen(t, log))
	assert.Equal(t, []seal.Checkpoint{first, second}, ancestry(again), "after a restart")
	require.NoError(t, again.Verify(ctx, nil))
	assert.EqualValues(t, 640, len(readAll(t, again)))
}
