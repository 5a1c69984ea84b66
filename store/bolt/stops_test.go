package bolt

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/logfile"
	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/internal/ledger"
)

// soon fails the test if nothing comes.
func soon(t *testing.T, from <-chan error, what string) error {
	t.Helper()
	select {
	case err := <-from:
		return err
	case <-time.After(30 * time.Second):
		t.Fatal(what + " hangs")
		return nil
	}
}

// TestWithdrawnSpaceIsTold: a full batch whose appends are all called off is never taken, so nothing else would tell
// the appends that wait.
func TestWithdrawnSpaceIsTold(t *testing.T) {
	log := openTest(t)
	_, release := hold(t, log)
	huge := make([]events.Record, ledger.BatchBytesMax/events.BodyMax+1)
	for i := range huge {
		huge[i] = testRecord(fmt.Sprintf("huge-%d", i))
		huge[i].Event = events.PaymentPending{PaymentID: "p",
			Proof: events.Proof{Evidence: &events.Evidence{Body: make([]byte, events.BodyMax)}}}
	}
	ctx, cancel := context.WithCancel(context.Background())
	off, waiting := make(chan error, 1), make(chan error, 1)
	go func() { _, err := log.Append(ctx, events.OrderStream("huge"), 0, huge...); off <- err }()
	awaitQueue(t, log, 1)
	go func() {
		_, err := log.Append(context.Background(), events.OrderStream("o-2"), 0, testRecord("r-2"))
		waiting <- err
	}()
	awaitState(t, log, func(s ledger.State) bool { return s.Full })
	cancel()
	require.ErrorIs(t, soon(t, off, "the append that is called off"), context.Canceled)
	release()
	require.NoError(t, soon(t, waiting, "an append on an idle log"))
}

// TestRecoveryIsBoundedOverKills: processes that are killed before they have appended a generation leave no more each
// time.
func TestRecoveryIsBoundedOverKills(t *testing.T) {
	t.Parallel()
	const limit, each = 64, 40
	path := filepath.Join(t.TempDir(), "orders.log")
	for life := range long.Rounds(40, 5) {
		log, err := Open(path, &Config{generation: limit})
		require.NoError(t, err)
		require.LessOrEqual(t, log.Recovery().Records, uint64(2*limit*stretchMax), "life %d", life)
		for i := range each {
			n := life*each + i
			_, err := log.Append(context.Background(), events.OrderStream(fmt.Sprintf("o-%05d", n*7919%100_000)), 0,
				testRecord(fmt.Sprintf("r-%d", n)))
			require.NoError(t, err)
			AwaitFlush(log)
		}
		killed, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NoError(t, log.Close())
		require.NoError(t, logfile.Write(path, killed))
	}
}

// TestWatchEndsWhenTheLogStops: a watcher of a log that will never grow again is told.
func TestWatchEndsWhenTheLogStops(t *testing.T) {
	log, ctx := openTest(t), context.Background()
	_, err := log.Append(ctx, events.OrderStream("o-1"), 0, testRecord("r-1"))
	require.NoError(t, err)
	ended, seen := make(chan error, 1), make(chan struct{})
	go func() {
		for _, err := range log.Watch(ctx, store.Start()) {
			if err != nil {
				ended <- err
				return
			}
			close(seen)
		}
	}()
	<-seen
	require.Eventually(t, func() bool {
		log.lazy.mu.RLock()
		defer log.lazy.mu.RUnlock()
		return log.lazy.grown != nil
	}, 5*time.Second, time.Millisecond)
	require.NoError(t, os.Remove(log.path))
	_, err = log.Append(ctx, events.OrderStream("o-2"), 0, testRecord("r-2"))
	require.ErrorIs(t, err, store.ErrStorage)
	require.ErrorIs(t, soon(t, ended, "a watcher"), store.ErrStorage)
}

// TestHeadersDamagedUnderAnOpenLog: bbolt panics while it holds its locks; neither the next read nor Close may wait for
// these.
func TestHeadersDamagedUnderAnOpenLog(t *testing.T) {
	log, ctx := openTest(t), context.Background()
	_, err := log.Append(ctx, events.OrderStream("o-1"), 0, testRecord("r-1"))
	require.NoError(t, err)
	file, err := os.OpenFile(log.path, os.O_RDWR, 0)
	require.NoError(t, err)
	_, err = file.WriteAt(make([]byte, 2*os.Getpagesize()), 0)
	require.NoError(t, err)
	require.NoError(t, file.Close())
	done := make(chan error, 1)
	for range 3 {
		go func() {
			var err error
			for _, err = range log.All(ctx, store.Start()) {
			}
			done <- err
		}()
		require.ErrorIs(t, soon(t, done, "a read"), store.ErrDamaged)
	}
	go func() { done <- log.Close() }()
	require.NoError(t, soon(t, done, "Close"))
}

// TestOneDamagedRecordStopsNoOtherOrder: also when the place of its order is on the way into the file.
func TestOneDamagedRecordStopsNoOtherOrder(t *testing.T) {
	path, ctx := filepath.Join(t.TempDir(), "orders.log"), context.Background()
	open := func(config *Config) *Log {
		log, err := Open(path, config)
		require.NoError(t, err)
		return log
	}
	add := func(log *Log, order string, after uint64, id string) {
		t.Helper()
		_, err := log.Append(ctx, events.OrderStream(order), after, testRecord(id))
		require.NoError(t, err)
	}
	log := open(&Config{Unsealed: true})
	add(log, "o-1", 0, "r-1")
	add(log, "o-2", 0, "r-1-2")
	require.NoError(t, log.Close())
	log = open(nil)
	add(log, "o-1", 1, "r-2")
	killed, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, log.Close())
	require.NoError(t, os.WriteFile(path, killed, 0o600))
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second})
	require.NoError(t, err)
	require.NoError(t, db.Update(func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte(bucketLog)).Put(number(1), []byte("garbage"))
	}))
	require.NoError(t, db.Close())
	log = open(&Config{generation: 2})
	defer log.Close()
	for n := range 10 {
		add(log, fmt.Sprintf("other-%d", n), 0, fmt.Sprintf("x-%d", n))
	}
}

// TestSystemErrorsAreNoDamage: what the system refuses says nothing about a file that begins like one of ours.
func TestSystemErrorsAreNoDamage(t *testing.T) {
	log := openTest(t)
	for errno, kind := range map[syscall.Errno]error{
		syscall.EROFS: store.ErrStorage, syscall.EIO: store.ErrStorage, syscall.ENOMEM: store.ErrStorage,
		syscall.ENOLCK: store.ErrStorage,
		syscall.EMFILE: store.ErrStorage, syscall.ENOSPC: store.ErrFull,
	} {
		failed := &os.PathError{Op: "open", Path: log.path, Err: errno}
		require.ErrorIs(t, explain(log.path, openError(log.path, failed)), kind)
	}
}

// TestPanicLeavesNobodyOnTheWay: or every later commit would wait for an append that never comes.
func TestPanicLeavesNobodyOnTheWay(t *testing.T) {
	log := openTest(t)
	var none context.Context
	assert.Panics(t, func() { _, _ = log.Append(none, events.OrderStream("o-1"), 0, testRecord("r-1")) })
	assert.Zero(t, log.queue.State().Inside)
}
