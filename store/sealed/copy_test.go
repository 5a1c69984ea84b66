package sealed_test

import (
	"context"
	"fmt"
	"iter"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
	"github.com/tilltape/tilltape/store/memory"
	"github.com/tilltape/tilltape/store/sealed"
)

// proving is what a copy is held against.
type proving interface {
	store.Log
	sealed.Original
	Tree(ctx context.Context) (seal.Checkpoint, error)
}

func inMemory(t *testing.T) proving {
	log, err := memory.NewSealed(memory.Config{})
	require.NoError(t, err)
	return log
}

func inFile(t *testing.T) proving {
	log, err := bolt.Open(filepath.Join(t.TempDir(), "orders.log"), nil)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, log.Close()) })
	return log
}

// fillLog appends so many records to seven orders, in turns.
func fillLog(t *testing.T, log store.Log, n int) {
	t.Helper()
	at := time.Date(2026, time.November, 29, 12, 0, 0, 0, time.UTC)
	for i := range n {
		id := fmt.Sprintf("r-%d", i)
		_, err := log.Append(context.Background(), events.OrderStream(fmt.Sprintf("o-%d", i%7)), uint64(i/7),
			events.Record{ID: id, Recorded: at, Occurred: at, Head: events.Head{Status: "created", StatusSince: at},
				Event: events.PaymentPending{PaymentID: id}})
		require.NoError(t, err)
	}
}

// A copy has the root of its original, whatever the engines; it goes on where it was interrupted, and leaves a log that
// holds anything else alone.
func TestCopy(t *testing.T) {
	ctx, original := context.Background(), inMemory(t)
	fillLog(t, original, 2500) // three batches
	for name, open := range map[string]func(*testing.T) proving{"to memory": inMemory, "to a file": inFile} {
		t.Run(name, func(t *testing.T) {
			made := open(t)
			breaking, cancel := context.WithCancel(ctx)
			var told []uint64
			_, err := sealed.Copy(breaking, original, made, func(done, total uint64) {
				assert.EqualValues(t, 2500, total)
				told = append(told, done)
				cancel()
			})
			require.ErrorIs(t, err, context.Canceled)
			require.Equal(t, []uint64{1024}, told)
			was, err := sealed.Copy(ctx, original, made, nil)
			require.NoError(t, err)
			is, err := made.Tree(ctx)
			require.NoError(t, err)
			assert.Equal(t, was.Root, is.Root)
			assert.EqualValues(t, 2500, is.Size)

			other := open(t)
			fillLog(t, other, 1)
			_, err = other.Append(ctx, events.OrderStream("other"), 0, events.Record{ID: "other",
				Recorded: time.Unix(1, 0), Occurred: time.Unix(1, 0), Event: events.PaymentPending{PaymentID: "p"}})
			require.NoError(t, err)
			_, err = sealed.Copy(ctx, original, other, nil)
			require.ErrorIs(t, err, store.ErrInvalid)
			longer := open(t)
			fillLog(t, longer, 2501)
			_, err = sealed.Copy(ctx, original, longer, nil)
			require.ErrorIs(t, err, store.ErrInvalid, "nor one that has gone on")
		})
	}
}

// lying is an original whose records are not those of its root.
type lying struct{ proving }

func (l lying) Proven(ctx context.Context) (c seal.Checkpoint, records iter.Seq2[events.Record, error],
	err error) {
	c, records, err = l.proving.Proven(ctx)
	c.Root[0]++
	return c, records, err
}

func TestCopyComparesTheRoot(t *testing.T) {
	original := inMemory(t)
	fillLog(t, original, 3)
	_, err := sealed.Copy(context.Background(), lying{original}, inMemory(t), nil)
	require.ErrorIs(t, err, store.ErrDamaged)
}
