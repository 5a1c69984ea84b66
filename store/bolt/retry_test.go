package bolt_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

// askedOnce is a context that has ended when it is asked again. Appends that are not repeated ask once.
type askedOnce struct {
	context.Context
	asked atomic.Bool
}

func (c *askedOnce) Err() error {
	if c.asked.Swap(true) {
		return context.Canceled
	}
	return nil
}

// TestRecognisingTakesTheCallersContext: whether an append is one that was written before can take a look at all that
// its stream has got since. A caller who has gone does not have the log look on.
func TestRecognisingTakesTheCallersContext(t *testing.T) {
	log, ctx := openLog(t, filepath.Join(t.TempDir(), "orders.log"), nil), context.Background()
	stream := events.OrderStream("o-1")
	written, err := log.Append(ctx, stream, 0, record("first"))
	require.NoError(t, err)
	const more = 300
	var later []events.Record
	for i := range more {
		later = append(later, record(fmt.Sprintf("later-%d", i)))
	}
	_, err = log.Append(ctx, stream, 1, later...)
	require.NoError(t, err)

	_, err = log.Append(&askedOnce{Context: ctx}, stream, 0, record("first"))
	require.ErrorIs(t, err, context.Canceled)
	assert.NotErrorIs(t, err, store.ErrConflict)
	assert.ErrorContains(t, err, `append to order "o-1": it wrote nothing, and whether an earlier try did is not known`)
	assert.ErrorContains(t, err, "repeat it with the same record ids")
	_, err = log.Append(&askedOnce{Context: ctx}, stream, more+1, record("last"))
	require.NoError(t, err, "an append that is none again asks once")

	again, err := log.Append(ctx, stream, 0, record("first"))
	require.NoError(t, err)
	assert.Equal(t, written, again)
}
