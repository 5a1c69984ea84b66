package bolt_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
)

// TestARottenHeadHoldsUpNobodyElse: an entry of heads or of an index that rots under an open log is damage to whoever
// asks for it and next to it. Appends of other orders go on, whatever is taken into the file meanwhile, and so does a
// backup: it is the way out, since the file is refused once it is closed.
func TestARottenHeadHoldsUpNobodyElse(t *testing.T) {
	for _, bucket := range []string{"heads", "status", "due", "attention"} {
		t.Run(bucket, func(t *testing.T) {
			orders := long.Rounds(200, 100)
			ctx, path := context.Background(), filepath.Join(t.TempDir(), "orders.log")
			log, err := bolt.Open(path, nil)
			require.NoError(t, err)
			id := func(n int) string { return fmt.Sprintf("o-%05d", n) }
			add := func(n int, version uint64) error {
				r := record(fmt.Sprintf("%s-%d", id(n), version))
				r.Keys = nil
				_, err := log.Append(ctx, events.OrderStream(id(n)), version, r)
				return err
			}
			for n := range orders {
				require.NoError(t, add(n, 0))
			}
			require.NoError(t, log.Close()) // with all of it in the file
			log = openLog(t, path, bolt.SmallGenerations(30))
			beside := events.OrderStream("o-0005a") // in memory, and not in the file yet
			r := record(beside.ID)
			r.Keys = nil
			_, err = log.Append(ctx, beside, 0, r)
			require.NoError(t, err)
			image := settled(t, path)
			entries, _ := spotsOf(t, image)
			rotten := spot{}
			for _, s := range entries {
				if s.bucket == bucket && rotten.end == 0 && len(s.key) > 5 && s.key[len(s.key)-5:] == "00059" {
					rotten = s
				}
			}
			require.NotZero(t, rotten.end, "the entry is in the file")
			file, err := os.OpenFile(path, os.O_RDWR, 0)
			require.NoError(t, err)
			defer file.Close()
			at := rotten.value - 1 // the last byte of its key
			_, err = file.WriteAt([]byte{image[at] ^ 1}, int64(at))
			require.NoError(t, err)

			for n := range 3 * orders {
				require.NoError(t, add(orders+n, 0), "an order that is new")
			}
			for n := range orders {
				if n < 58 || n > 60 {
					require.NoError(t, add(n, 1), "an order that was there")
				}
			}
			require.ErrorIs(t, log.Verify(ctx, nil), store.ErrDamaged)
			backup := path + ".backup"
			require.NoError(t, log.Backup(ctx, backup, nil))
			copied := openLog(t, backup, &bolt.Config{ReadOnly: true})
			require.NoError(t, copied.Verify(ctx, nil))
			head, err := copied.Head(ctx, events.OrderStream(id(59)))
			require.NoError(t, err)
			assert.Equal(t, uint64(1), head.Version)
			head, err = log.Head(ctx, beside)
			require.NoError(t, err)
			assert.Equal(t, uint64(1), head.Version)
		})
	}
}

// TestVerifyFindsASecondLife: a stream that was begun anew, because its entry was not found for a moment, has two
// records of version 1. Memory knows only the second, and the file has the first.
func TestVerifyFindsASecondLife(t *testing.T) {
	ctx, path := context.Background(), filepath.Join(t.TempDir(), "orders.log")
	log := openLog(t, path, nil)
	first, other := record("first"), record("other")
	for _, r := range []events.Record{first, other} {
		_, err := log.Append(ctx, events.OrderStream(r.ID), 0, r)
		require.NoError(t, err)
	}
	require.NoError(t, log.Close())
	// The head and the key are hidden while the second life begins, and come back afterwards.
	var head, key []byte
	hide := func(tx *bbolt.Tx) error {
		heads, keys := tx.Bucket([]byte("heads")), tx.Bucket([]byte("keys"))
		head, key = bytes.Clone(heads.Get([]byte("\x05order\x05first"))), bytes.Clone(keys.Get([]byte("\x01\x05first")))
		return errors.Join(heads.Delete([]byte("\x05order\x05first")), keys.Delete([]byte("\x01\x05first")))
	}
	tamper(hide)(t, path)
	require.NotEmpty(t, head)
	log = openLog(t, path, nil)
	second := record("second")
	second.Keys = nil
	_, err := log.Append(ctx, events.OrderStream("first"), 0, second)
	require.NoError(t, err, "the entry was taken out cleanly, so nothing tells")
	killed := killedCopy(t, path)
	require.NoError(t, log.Close())
	tamper(func(tx *bbolt.Tx) error {
		return errors.Join(tx.Bucket([]byte("heads")).Put([]byte("\x05order\x05first"), head),
			tx.Bucket([]byte("keys")).Put([]byte("\x01\x05first"), key))
	})(t, killed)
	log = openLog(t, killed, &bolt.Config{ReadOnly: true})
	isClear(t, log.Verify(ctx, nil), store.ErrDamaged, killed, "position 3", "begins its stream")
}
