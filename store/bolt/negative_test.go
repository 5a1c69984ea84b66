package bolt

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

// meddle changes the bbolt file at a path by a tool of bbolt's.
func meddle(t *testing.T, path string, change func(tx *bbolt.Tx) error) {
	t.Helper()
	db, err := bbolt.Open(path, fileMode, nil)
	require.NoError(t, err)
	require.NoError(t, db.Update(change))
	require.NoError(t, db.Close())
}

// TestNoSecondLife: a stream whose place is gone from the file does not begin anew at version 1 where its own lookup
// key says that it has been.
func TestNoSecondLife(t *testing.T) {
	log, ctx := openTest(t), context.Background()
	for _, id := range []string{"o-1", "o-2"} {
		r := testRecord(id)
		r.Keys = []events.Key{events.NewKey(events.KeyPaymentRequestID, id)}
		_, err := log.Append(ctx, events.OrderStream(id), 0, r)
		require.NoError(t, err)
	}
	require.NoError(t, log.Close())
	meddle(t, log.path, func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte(bucketHeads)).Delete(streamKey(events.OrderStream("o-1")))
	})
	log, err := Open(log.path, nil)
	require.NoError(t, err)
	defer log.Close()
	again := testRecord("o-1-again")
	again.Keys = []events.Key{events.NewKey(events.KeyPaymentRequestID, "o-1")}
	_, err = log.Append(ctx, events.OrderStream("o-1"), 0, again)
	require.ErrorIs(t, err, store.ErrDamaged)
	require.ErrorContains(t, err, "o-1")
	_, err = log.Append(ctx, events.OrderStream("o-2"), 1, testRecord("o-2-more"))
	require.NoError(t, err, "the others go on")
}

// TestCoveredIsConfirmed: a file that says that the lazy buckets have more than they have is refused, or what the last
// records changed would be taken for nothing.
func TestCoveredIsConfirmed(t *testing.T) {
	log, ctx := openTest(t), context.Background()
	const records = 5
	for i := range records {
		_, err := log.Append(ctx, events.OrderStream(fmt.Sprintf("o-%d", i)), 0, testRecord(fmt.Sprintf("r-%d", i)))
		require.NoError(t, err)
	}
	killed, err := os.ReadFile(log.path)
	require.NoError(t, err)
	require.NoError(t, log.Close())
	for covered := range uint64(records + 1) {
		require.NoError(t, os.WriteFile(log.path, killed, fileMode))
		meddle(t, log.path, func(tx *bbolt.Tx) error {
			h, err := log.readHeader(tx)
			if err != nil {
				return err
			}
			h.progress = progress{covered, covered}
			return h.put(tx) // with its sum
		})
		for _, config := range []*Config{{ReadOnly: true}, nil} {
			again, err := Open(log.path, config)
			if covered == 0 {
				require.NoError(t, err)
				require.NoError(t, again.Close())
				require.NoError(t, os.WriteFile(log.path, killed, fileMode))
				continue
			}
			require.ErrorIs(t, err, store.ErrDamaged, "covered %d", covered)
			require.ErrorContains(t, err, fmt.Sprintf("said to cover position %d, and", covered))
		}
	}
}
