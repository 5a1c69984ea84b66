package bolt_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
)

// indexed makes a closed log of so many orders, each in every index, a second apart.
func indexed(t *testing.T, orders int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "orders.log")
	log, err := bolt.Open(path, nil)
	require.NoError(t, err)
	for i := range orders {
		r := record(fmt.Sprintf("r-%d", i))
		at := noon.Add(time.Duration(i) * time.Second)
		r.Head = events.Head{Status: "paid", StatusSince: at, Phase: "parked", OperationSince: at, ParkedSince: at,
			AnomalySince: at, Due: at}
		_, err := log.Append(context.Background(), events.OrderStream(fmt.Sprintf("o-%d", i)), 0, r)
		require.NoError(t, err)
	}
	require.NoError(t, log.Close())
	return path
}

// indexEntry is a key as the format's page has it.
func indexEntry(word string, at time.Time, id string) []byte {
	var key []byte
	if word != "" {
		key = append([]byte{byte(len(word))}, word...)
	}
	return append(binary.BigEndian.AppendUint64(key, uint64(at.UnixNano())^1<<63), id...)
}

// TestVerifyWalksEveryIndex: an entry too many, of nobody, of no known word, or one too few, in any of the indexes.
func TestVerifyWalksEveryIndex(t *testing.T) {
	for bucket, words := range map[string][]string{
		"due": {""}, "status": {"paid", "never"}, "operation": {""}, "attention": {"parked", "anomaly", "parkee", "z"},
	} {
		for _, word := range words {
			in := func(tx *bbolt.Tx) *bbolt.Bucket { return tx.Bucket([]byte(bucket)) }
			known := indexEntry(word, noon.Add(time.Second), "o-1")
			damages := map[string]func(tx *bbolt.Tx) error{
				"at another time": func(tx *bbolt.Tx) error {
					return forge(tx, bucket, string(indexEntry(word, noon.Add(1), "o-1")), nil)
				},
				"of nobody": func(tx *bbolt.Tx) error {
					return forge(tx, bucket, string(indexEntry(word, noon.Add(1), "o-9")), nil)
				},
				"missing": func(tx *bbolt.Tx) error {
					if in(tx).Get(known) == nil { // of a word that no order has: one too many instead
						return forge(tx, bucket, string(known), nil)
					}
					return in(tx).Delete(known)
				},
			}
			for what, change := range damages {
				t.Run(bucket+" "+word+" "+what, func(t *testing.T) {
					path := indexed(t, 3)
					tamper(change)(t, path)
					log := openLog(t, path, nil)
					isClear(t, log.Verify(context.Background(), nil), store.ErrDamaged, path, `"`+bucket+`"`)
				})
			}
		}
	}
	require.NoError(t, openLog(t, indexed(t, 3), nil).Verify(context.Background(), nil))
}

// TestALimitIsAllThatIsRead: what comes after the last head that is asked for is not looked at.
func TestALimitIsAllThatIsRead(t *testing.T) {
	const orders = 20
	path, ctx := indexed(t, orders), context.Background()
	tamper(func(tx *bbolt.Tx) error {
		for bucket, word := range map[string]string{"due": "", "status": "paid", "operation": "", "attention": "anomaly"} {
			entry := indexEntry(word, noon.Add(orders/2*time.Second-1), "nobody")
			if err := forge(tx, bucket, string(entry), nil); err != nil {
				return err
			}
		}
		return nil
	})(t, path)
	log := openLog(t, path, nil)
	for _, filter := range []store.Filter{store.AllOrders(), store.InStatus("paid"), store.DueBy(noon.Add(time.Hour)),
		store.Outstanding(), store.Attention(events.AttentionAnomaly)} {
		assert.Len(t, heads(t, log, filter.Limit(orders/2)), orders/2, "%s", filter)
		var last error
		for _, last = range log.Heads(ctx, filter.Limit(orders/2+1)) {
			continue
		}
		require.ErrorIs(t, last, store.ErrDamaged, "%s", filter)
	}
}
