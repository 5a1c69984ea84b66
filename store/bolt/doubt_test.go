package bolt

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

func openTest(t *testing.T) *Log {
	t.Helper()
	log, err := Open(filepath.Join(t.TempDir(), "orders.log"), nil)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, log.Close()) })
	return log
}

func testRecord(id string) events.Record {
	at := time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC)
	return events.Record{ID: id, Recorded: at, Occurred: at, Event: events.PaymentPending{PaymentID: id}}
}

var errSync = errors.New("sync failed")

func TestUndoneCommitDoesNotStopTheLog(t *testing.T) {
	log, ctx, stream := openTest(t), context.Background(), events.OrderStream("o-1")
	_, err := log.Append(ctx, stream, 0, testRecord("r-1"))
	require.NoError(t, err)
	log.doubt(errSync)
	_, err = log.Append(ctx, stream, 1, testRecord("r-2"))
	require.NoError(t, err, "what bbolt has undone is no reason to stop")
}

func TestUnconfirmedCommitStopsTheLog(t *testing.T) {
	log, ctx, stream := openTest(t), context.Background(), events.OrderStream("o-1")
	_, err := log.Append(ctx, stream, 0, testRecord("r-1"))
	require.NoError(t, err)
	// As if the commit of position 1 had failed after its header was written: readers see it, the disk may not have it.
	log.last = 0
	log.commits--
	log.doubt(errSync)

	stopped := func(what string, err error) {
		t.Helper()
		require.ErrorIs(t, err, store.ErrStorage, what)
		require.NotErrorIs(t, err, errSync, "only the text of other libraries' errors is passed on")
		assert.Contains(t, err.Error(), "did not confirm")
		assert.Contains(t, err.Error(), "same record ids")
	}
	_, err = log.Append(ctx, stream, 1, testRecord("r-2"))
	stopped("append", err)
	_, err = log.Append(ctx, stream, 0, testRecord("r-1"))
	stopped("a retry is not told that it is done", err)
	_, err = log.Head(ctx, stream)
	stopped("head", err)
	for _, err = range log.All(ctx, store.Start()) {
	}
	stopped("all", err)
	require.NoError(t, log.Close())

	again, err := Open(log.path, nil)
	require.NoError(t, err, "Open commits, and so makes what it shows durable")
	defer again.Close()
	_, err = again.Append(ctx, stream, 0, testRecord("r-1"))
	require.NoError(t, err)
}

// TestUnconfirmedCommitWithoutRecords: pages of it that were not written would be missing from under the next ones.
func TestUnconfirmedCommitWithoutRecords(t *testing.T) {
	log, ctx, stream := openTest(t), context.Background(), events.OrderStream("o-1")
	_, err := log.Append(ctx, stream, 0, testRecord("r-1"))
	require.NoError(t, err)
	require.NoError(t, log.db.Update(func(*bbolt.Tx) error { return nil })) // and its sync is said to have failed
	log.doubt(errSync)
	_, err = log.Append(ctx, stream, 1, testRecord("r-2"))
	require.ErrorIs(t, err, store.ErrStorage)
	assert.Contains(t, err.Error(), "did not confirm")
}

func TestFaultInAWriteLeavesNoLock(t *testing.T) {
	log, ctx, stream := openTest(t), context.Background(), events.OrderStream("o-1")
	_, err := log.Append(ctx, stream, 0, testRecord("r-1"))
	require.NoError(t, err)
	log.db.Begin(true) // a writer's lock that nobody gives back, as after a panic in a commit
	log.doubt(&fault{})
	_, err = log.Append(ctx, stream, 1, testRecord("r-2"))
	require.ErrorIs(t, err, store.ErrDamaged)
	assert.Contains(t, err.Error(), "contradict")

	closed := make(chan error)
	go func() { closed <- log.Close() }()
	select {
	case err := <-closed:
		require.NoError(t, err)
	case <-time.After(10 * time.Second):
		t.Fatal("Close waits for a lock that nobody gives back")
	}
	again, err := Open(log.path, &Config{LockTimeout: time.Millisecond})
	require.NoError(t, err, "the file is free")
	require.NoError(t, again.Close())
}

// TestFaultInACommitLeavesItInDoubt: an append that waited for that commit is not told of damage, which would promise
// that it has not happened. An append that comes later is.
func TestFaultInACommitLeavesItInDoubt(t *testing.T) {
	log, ctx := openTest(t), context.Background()
	prepared := make(chan struct{})
	close(prepared)
	log.flush = &flush{prepared: prepared} // without a generation, it panics in the middle of the transaction
	_, err := log.Append(ctx, events.OrderStream("o-1"), 0, testRecord("r-1"))
	require.ErrorIs(t, err, store.ErrStorage)
	require.NotErrorIs(t, err, store.ErrDamaged)
	assert.Contains(t, err.Error(), "may have happened: repeat it with the same record ids")
	_, err = log.Append(ctx, events.OrderStream("o-2"), 0, testRecord("r-2"))
	require.ErrorIs(t, err, store.ErrDamaged)
}

// TestFileCutUnderAnOpenLog: a page that is mapped and no longer in the file is a memory fault, the worst a file can
// do.
func TestFileCutUnderAnOpenLog(t *testing.T) {
	log, ctx := openTest(t), context.Background()
	for i := range 50 {
		_, err := log.Append(ctx, events.OrderStream(fmt.Sprintf("o-%d", i)), 0, testRecord(fmt.Sprintf("r-%d", i)))
		require.NoError(t, err)
	}
	require.NoError(t, os.Truncate(log.path, 8192))
	var err error
	for _, err = range log.All(ctx, store.Start()) {
	}
	require.ErrorIs(t, err, store.ErrDamaged, "read")
	for _, err = range log.Read(ctx, events.OrderStream("o-1"), 0) {
	}
	require.ErrorIs(t, err, store.ErrDamaged, "stream")
	_, err = log.Append(ctx, events.OrderStream("o-1"), 1, testRecord("new"))
	require.ErrorIs(t, err, store.ErrStorage, "an append whose commit came upon it is in doubt")
	_, err = log.Append(ctx, events.OrderStream("o-1"), 1, testRecord("new"))
	require.ErrorIs(t, err, store.ErrDamaged, "append again")
}

// TestFaultInJudgingIsOneAppends: a page that cannot be reached refuses the append that it is needed for, and nobody
// else's.
func TestFaultInJudgingIsOneAppends(t *testing.T) {
	ctx := context.Background()
	log, err := Open(filepath.Join(t.TempDir(), "orders.log"), nil)
	require.NoError(t, err)
	defer log.Close() // which comes upon it too
	for i := range 50 {
		_, err := log.Append(ctx, events.OrderStream(fmt.Sprintf("o-%d", i)), 0, testRecord(fmt.Sprintf("r-%d", i)))
		require.NoError(t, err)
	}
	require.NoError(t, os.Truncate(log.path, 8192))
	before := log.turn().Before
	beforeThis := &request{Stream: events.OrderStream("gone"), Look: look{epoch: log.lazy.layers().epoch - 1}}
	_, err = before.Newest(beforeThis)
	require.ErrorIs(t, err, store.ErrDamaged, "a stream")
	_, _, err = before.Owner(beforeThis, events.NewKey(events.KeyPaymentID, "gone"))
	require.ErrorIs(t, err, store.ErrDamaged, "a lookup key")
	require.NoError(t, log.usable())
}

func TestGuardedKeepsOrdinaryErrors(t *testing.T) {
	require.NoError(t, guarded(func() error { return nil }))
	require.ErrorIs(t, guarded(func() error { return errSync }), errSync)
	var broken *fault
	require.ErrorAs(t, guarded(func() error { panic("page 7: unexpected page type") }), &broken)
	assert.False(t, broken.outside)
	assert.NotContains(t, explain("x", broken).Error(), "page 7", "bbolt's words are about its insides")
	var none []byte
	require.ErrorAs(t, guarded(func() error { none[0] = 1; return nil }), &broken)
	assert.True(t, broken.outside)
	assert.NotContains(t, explain("x", broken).Error(), "runtime")
}
