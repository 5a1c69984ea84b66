package export_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/export"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
)

// large appends more records than a tile holds, and more than are passed before progress is told.
func large(t *testing.T, to store.Log) (records uint64) {
	t.Helper()
	const orders, each = 70, 150
	for i := range orders {
		var batch []events.Record
		for n := range each {
			batch = append(batch, events.Record{ID: fmt.Sprintf("r-%d-%d", i, n), Recorded: noon, Occurred: noon,
				Event: events.PaymentPending{PaymentID: fmt.Sprint(n)}})
		}
		_, err := to.Append(t.Context(), events.OrderStream(fmt.Sprint("o-", i)), 0, batch...)
		require.NoError(t, err)
	}
	return orders * each
}

// The proofs of a log of many tiles hold, and long work tells how far it is.
func TestALogOfManyTiles(t *testing.T) {
	original := inMemory(t)
	size := large(t, original)
	var told [][2]uint64
	progress := func(done, total uint64) { told = append(told, [2]uint64{done, total}) }
	_, text := exported(t, original, &export.Config{Progress: progress})
	require.NoError(t, opened(t, text).Verify(t.Context(), progress))
	h, some := exported(t, original, &export.Config{Filter: export.Filter{Orders: []string{"o-0", "o-5", "o-69"}},
		Progress: progress})
	assert.EqualValues(t, 450, h.Count)
	require.NoError(t, opened(t, some).Verify(t.Context(), nil))
	assert.Equal(t, [][2]uint64{{10_000, size}, {10_000, size}, {10_000, 2 * size}, {20_000, 2 * size}}, told)

	asked := opened(t, text)
	told = nil
	asked.Indexing(progress)
	for range 2 { // the index is made once
		_, err := asked.Head(t.Context(), events.OrderStream("o-0"))
		require.NoError(t, err)
	}
	assert.Equal(t, [][2]uint64{{10_000, size}, {size, size}}, told)

	to := inMemory(t)
	_, err := export.Import(t.Context(), opened(t, text), to, nil)
	require.NoError(t, err)
	_, again := exported(t, to, nil)
	assert.Equal(t, records(text), records(again))
}

// What is appended while an export is written is not in it, and does it no harm.
func TestAnExportOfALogThatGrows(t *testing.T) {
	for _, filter := range []export.Filter{{}, {Orders: []string{"o-0", "new"}}} {
		for name, make := range engines(t) {
			original := make()
			large(t, original)
			before, err := original.Tree(t.Context())
			require.NoError(t, err)
			var version uint64
			var out bytes.Buffer
			h, err := export.Write(t.Context(), &out, original, &export.Config{Filter: filter, Progress: func(_, _ uint64) {
				_, err := original.Append(t.Context(), events.OrderStream("new"), version, events.Record{
					ID: fmt.Sprint("n-", version), Recorded: noon, Occurred: noon, Event: events.PaymentPending{PaymentID: "p"}})
				assert.NoError(t, err, name)
				version++
			}})
			require.NoError(t, err, name)
			assert.NotZero(t, version)
			assert.Equal(t, before, h.Checkpoint, name)
			require.NoError(t, opened(t, out.Bytes()).Verify(t.Context(), nil), name)
		}
	}
}

var errDisk = errors.New("the disk is full")

// full is a writer with room for so many bytes.
type full struct{ room int }

func (f *full) Write(b []byte) (int, error) {
	if f.room -= len(b); f.room < 0 {
		return 0, errDisk
	}
	return len(b), nil
}

// What interrupts an export is told.
func TestAnExportThatIsInterrupted(t *testing.T) {
	original := inMemory(t)
	large(t, original)
	for _, filter := range []export.Filter{{}, {From: noon}} {
		_, err := export.Write(t.Context(), &full{2 << 20}, original, &export.Config{Filter: filter})
		require.ErrorIs(t, err, errDisk)
		ctx, cancel := context.WithCancel(t.Context())
		_, err = export.Write(ctx, &full{1 << 30}, original, &export.Config{Filter: filter,
			Progress: func(_, _ uint64) { cancel() }})
		require.ErrorIs(t, err, context.Canceled)
	}
}

// short is a log that ends before what its seal is over.
type short struct{ log }

func (s short) Proven(ctx context.Context) (c seal.Checkpoint, all iter.Seq2[events.Record, error], err error) {
	c, all, err = s.log.Proven(ctx)
	c.Size++
	return c, all, err
}

func TestALogThatEndsTooSoon(t *testing.T) {
	original := inMemory(t)
	sold(t, original, 1)
	_, err := export.Write(t.Context(), &full{1 << 20}, short{original}, nil)
	require.ErrorIs(t, err, store.ErrDamaged)
	assert.ErrorContains(t, err, "its seal is over")
}
