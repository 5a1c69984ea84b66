package bolt

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

// TestApplyWaitsForRoom: not more is kept in memory than has a bound; whoever applies hears why it cannot be moved, and
// goes on once it can; and a log that has stopped keeps nobody.
func TestApplyWaitsForRoom(t *testing.T) {
	ctx, sequence := context.Background(), uint64(0)
	l, err := Open(filepath.Join(t.TempDir(), "orders.log"), &Config{
		Follow:     "shop.example/orders/000102030405060708090a0b0c0d0e0f",
		moveBounds: moveBounds{max: 2 * journalPage, moveAt: 1 << 30, moveMax: 1 << 20}})
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	apply := func() error {
		r := testRecord("o-1")
		r.Stream = events.OrderStream("o-1")
		frame, err := events.Prepare(r)
		require.NoError(t, err)
		a := &Ordered{Stream: r.Stream, After: sequence, Records: []events.Record{r}, Frames: []events.Prepared{frame}}
		err = l.Apply(ctx, Followed{Sequence: sequence + 1}, []*Ordered{a})
		if err == nil {
			require.NoError(t, a.Err)
			sequence++
		}
		return err
	}
	l.writing.Lock() // so that nothing is moved
	require.NoError(t, apply())
	require.NoError(t, apply())
	l.stuck.Store(&failure{err: store.ErrFull})
	signal(l.mover.freed)
	require.ErrorIs(t, apply(), store.ErrFull)
	now, _ := l.Followed()
	assert.EqualValues(t, 2, now.Sequence, "nothing of it was applied")
	l.writing.Unlock()
	comesBack(t, func() { assert.NoError(t, apply()) })
	require.NoError(t, l.Verify(ctx, nil))
	assert.EqualValues(t, 3, l.last)

	l.writing.Lock()
	require.NoError(t, apply())
	require.NoError(t, apply())
	heard := make(chan error)
	go func() { heard <- apply() }()
	l.fail(&failure{err: store.ErrStorage})
	comesBack(t, func() { assert.ErrorIs(t, <-heard, store.ErrStorage) })
	l.writing.Unlock()
}
