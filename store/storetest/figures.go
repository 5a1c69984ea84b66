package storetest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

// figures is the contract of [store.Measured], for logs that are one.
func figures(t *testing.T, f Factory) {
	log := f.Open(t)
	measured, ok := log.(store.Measured)
	if !ok {
		_ = log.Close()
		t.Skip("this log is no store.Measured")
	}
	before := measured.Figures()
	assert.Zero(t, before.Appends+before.Records+before.Refused+before.Failed+before.Last+before.Took.Count())

	stream, ctx := events.OrderStream("counted"), context.Background()
	keyed := record("keyed", func(r *events.Record) { r.Keys = []events.Key{events.NewKey("name", "value")} })
	mustAppend(t, log, stream, 0, append(records("counted", 2), keyed)...)
	_, err := log.Append(ctx, stream, 1, record("late", nil))
	require.ErrorIs(t, err, store.ErrConflict)
	keyed.ID = "keyed-again"
	_, err = log.Append(ctx, events.OrderStream("other"), 0, keyed)
	require.ErrorIs(t, err, store.ErrKeyTaken)
	mustAppend(t, log, stream, 3, record("fourth", nil))
	_, err = log.Append(ctx, stream, 3, record("fourth", nil))
	require.NoError(t, err, "the same again finds what was written")

	now := measured.Figures()
	assert.Equal(t, []uint64{2, 4, 3, 0, 4}, []uint64{now.Appends, now.Records, now.Refused, now.Failed, now.Last},
		"appends, records, refused, failed, last")
	assert.Equal(t, now.Appends, now.Took.Count(), "one time for each append")
	assert.Positive(t, now.Took.Sum)
	assert.Zero(t, now.Waiting)
	require.NoError(t, log.Close())
	closed := measured.Figures()
	closed.Bytes = now.Bytes
	assert.Equal(t, now, closed, "a closed log tells what it did")
}
