package bolt_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
	"github.com/tilltape/tilltape/store/storetest"
)

// TestConfigChangesNoAnswer: the same operations on differently configured logs have the same results.
func TestConfigChangesNoAnswer(t *testing.T) {
	with := func(config *bolt.Config) storetest.Factory {
		open := func(t *testing.T, path string) store.Log {
			log, err := bolt.Open(path, config)
			require.NoError(t, err)
			return kept{log, path}
		}
		return storetest.Factory{
			Open: func(t *testing.T) store.Log { return open(t, filepath.Join(t.TempDir(), "orders.log")) },
			Reopen: func(t *testing.T, log store.Log) store.Log {
				require.NoError(t, log.Close())
				return open(t, log.(kept).path)
			},
		}
	}
	storetest.Same(t, with(nil), with(&bolt.Config{MapSize: 1, LockTimeout: time.Minute}))
}

// TestManyOpenANewFile: of many that open one new file at once, those that get it see the same log, and all others are
// told that it is locked. None finds it half made.
func TestManyOpenANewFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "orders.log")
	const openers = 8
	ctx := context.Background()
	var group sync.WaitGroup
	var mu sync.Mutex
	appended := 0
	for i := range openers {
		group.Go(func() {
			log, err := bolt.Open(path, &bolt.Config{LockTimeout: 300 * time.Millisecond})
			if err != nil {
				assert.ErrorIs(t, err, bolt.ErrLocked)
				return
			}
			_, err = log.Append(ctx, events.OrderStream(fmt.Sprintf("o-%d", i)), 0, record(fmt.Sprintf("r-%d", i)))
			assert.NoError(t, err)
			mu.Lock()
			appended++
			mu.Unlock()
			assert.NoError(t, log.Close())
		})
	}
	group.Wait()
	require.Positive(t, appended, "somebody gets the file")
	log, err := bolt.Open(path, nil)
	require.NoError(t, err)
	defer log.Close()
	all, err := readAll(log)
	require.NoError(t, err)
	assert.Len(t, all, appended, "what each of them appended is there")
}

// TestNewerFrame: a record that a newer version wrote ends every read that meets it, and is never skipped.
func TestNewerFrame(t *testing.T) {
	path, ctx := filledWith(t, &bolt.Config{Unsealed: true}, 2, 2), context.Background()
	tamper(func(tx *bbolt.Tx) error {
		log := tx.Bucket([]byte("log"))
		frame := onlyFrame(t, log.Get(position(3)))
		frame[2]++ // its format version
		return log.Put(position(3), bolt.Chunk(frame))
	})(t, path)
	log, err := bolt.Open(path, nil)
	require.NoError(t, err)
	defer log.Close()
	all, err := readAll(log)
	isClear(t, err, store.ErrNewerFormat, path, "position 3", "upgrade first")
	require.ErrorIs(t, err, events.ErrUpgrade)
	assert.Len(t, all, 2, "what stands before it is read")
	_, err = log.Head(ctx, events.OrderStream("o-0"))
	isClear(t, err, store.ErrNewerFormat, path)
	_, err = log.Append(ctx, events.OrderStream("o-0"), 2, record("new"))
	isClear(t, err, store.ErrNewerFormat, path)

	tamper := tamper(func(tx *bbolt.Tx) error {
		log := tx.Bucket([]byte("log"))
		frame := onlyFrame(t, log.Get(position(4)))
		frame[2]++
		return log.Put(position(4), bolt.Chunk(frame))
	})
	require.NoError(t, log.Close())
	tamper(t, path)
	_, err = bolt.Open(path, nil)
	isClear(t, err, store.ErrNewerFormat, path, "position 4", "upgrade first")
}

// TestReadersMeetClose closes the log under many loops: each ends with ErrClosed or with what it had, and none hangs.
func TestReadersMeetClose(t *testing.T) {
	path, ctx := filled(t, 40, 10), context.Background()
	log, err := bolt.Open(path, nil)
	require.NoError(t, err)
	var group sync.WaitGroup
	ended := func(err error) bool {
		if err != nil && !errors.Is(err, store.ErrClosed) {
			assert.ErrorIs(t, err, store.ErrClosed)
		}
		return err != nil
	}
	for i := range 16 {
		group.Go(func() {
			for end := false; !end; {
				switch i % 3 {
				case 0:
					_, err := readAll(log)
					end = ended(err)
				case 1:
					for _, err := range log.Heads(ctx, store.DueBy(noon)) {
						end = ended(err)
					}
				case 2:
					_, err := log.Lookup(ctx, "paymentId:o-1-1")
					end = ended(err)
				}
			}
		})
	}
	time.Sleep(5 * time.Millisecond)
	require.NoError(t, log.Close())
	done := make(chan struct{})
	go func() { defer close(done); group.Wait() }()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatal("a reader hangs after Close")
	}
	again, err := bolt.Open(path, &bolt.Config{LockTimeout: 10 * time.Millisecond})
	require.NoError(t, err, "Close gives the file back")
	require.NoError(t, again.Close())
}
