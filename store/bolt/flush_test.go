package bolt

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/store"
)

// shifter appends to some orders in turn, and each record moves its order to another place of every index.
type shifter struct {
	log      *Log
	orders   int
	appended int
}

func (m *shifter) append(t *testing.T) {
	t.Helper()
	i, version := m.appended%m.orders, uint64(m.appended/m.orders)
	r := testRecord(fmt.Sprintf("r-%d", m.appended))
	at := r.Recorded.Add(time.Duration(m.appended*7919%1000) * time.Second)
	r.Head = events.Head{Status: []string{"created", "paid", "captured"}[m.appended*7%3], StatusSince: at,
		Due: at.Add(time.Hour)}
	if m.appended%4 == 0 {
		r.Head.ParkedSince = at
	}
	if m.appended%3 == 0 {
		r.Head.AnomalySince, r.Head.OperationSince = at.Add(-time.Minute), at.Add(time.Minute)
	}
	r.Keys = []events.Key{events.NewKey(events.KeyRefundRequestID, r.ID)}
	_, err := m.log.Append(context.Background(), events.OrderStream(fmt.Sprintf("o-%03d", i*7919%1000)), version, r)
	require.NoError(t, err)
	m.appended++
}

// lists is every list of heads there is.
func lists(t *testing.T, log *Log) (all []store.Head) {
	t.Helper()
	for _, filter := range []store.Filter{store.AllOrders(), store.InStatus("paid"), store.Outstanding(),
		store.Attention(events.AttentionParked), store.Attention(events.AttentionAnomaly),
		store.DueBy(time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC))} {
		for head, err := range log.Heads(context.Background(), filter) {
			require.NoError(t, err)
			all = append(all, head)
		}
	}
	return all
}

// TestAFlushThatACrashInterruptedGoesOn: a file as it is after any commit, index entries written and places not, opens
// with the same lists, and after the flush was done again and every order has moved on nothing of the first try is
// left.
func TestAFlushThatACrashInterruptedGoesOn(t *testing.T) {
	dir := t.TempDir()
	config := Config{generation: 48, MapSize: 1 << 20}
	log, err := Open(filepath.Join(dir, "orders.log"), &config)
	require.NoError(t, err)
	m := &shifter{log: log, orders: 10}
	underWay := 0
	rounds := long.Rounds(160, 24)
	for range rounds {
		m.append(t)
		bytes, err := os.ReadFile(log.path)
		require.NoError(t, err)
		crashed := filepath.Join(dir, fmt.Sprintf("crashed-%d.log", m.appended))
		require.NoError(t, os.WriteFile(crashed, bytes, fileMode))
		again, err := Open(crashed, &config)
		require.NoError(t, err)
		if again.lazy.layers().frozen != nil {
			underWay++
		}
		want := lists(t, log)
		require.Equal(t, want, lists(t, again))
		require.NoError(t, again.Verify(context.Background(), nil))
		on := &shifter{log: again, orders: m.orders, appended: m.appended}
		for range m.orders {
			on.append(t)
		}
		want = lists(t, again)
		require.NoError(t, again.Close())
		again, err = Open(crashed, nil)
		require.NoError(t, err)
		require.Zero(t, again.Recovery().Records)
		require.Equal(t, want, lists(t, again))
		require.NoError(t, again.Verify(context.Background(), nil))
		require.NoError(t, again.Close())
		require.NoError(t, os.Remove(crashed))
	}
	require.NoError(t, log.Close())
	assert.Greater(t, underWay, rounds/4, "files with a flush under way")
}

// TestListsDuringFlushes: a list that is read while generation after generation goes into the file never takes what is
// on the way for damage, and names every order. Nor does Verify.
func TestListsDuringFlushes(t *testing.T) {
	t.Parallel()
	log, err := Open(filepath.Join(t.TempDir(), "orders.log"), &Config{generation: 96, unsynced: true})
	require.NoError(t, err)
	defer func() { require.NoError(t, log.Close()) }()
	m := &shifter{log: log, orders: 3 * pageMax}
	for range m.orders {
		m.append(t)
	}
	for range long.Rounds(3, 1) {
		seen := map[string]bool{}
		for head, err := range log.Heads(context.Background(), store.AllOrders()) {
			require.NoError(t, err)
			if seen[head.Stream.ID] = true; m.appended%5 != 0 || len(seen)%2 == 0 {
				m.append(t)
			}
		}
		require.Len(t, seen, m.orders)
		require.NoError(t, log.Verify(context.Background(), func(uint64, uint64) {
			for range 30 {
				m.append(t)
			}
		}))
	}
}

// TestVerifyFindsBucketsInside: an opening looks for them no further than its pages go.
func TestVerifyFindsBucketsInside(t *testing.T) {
	for _, bucket := range buckets {
		log := openTest(t)
		m := &shifter{log: log, orders: 1}
		m.append(t)
		require.NoError(t, log.Verify(context.Background(), nil))
		require.NoError(t, log.db.Update(func(tx *bbolt.Tx) error {
			_, err := tx.Bucket([]byte(bucket)).CreateBucket([]byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff"))
			return err
		}))
		err := log.Verify(context.Background(), nil)
		require.ErrorIs(t, err, store.ErrDamaged, bucket)
		assert.Contains(t, err.Error(), bucket)
		require.NoError(t, log.db.Update(func(tx *bbolt.Tx) error { // which closing would come upon
			return tx.Bucket([]byte(bucket)).DeleteBucket([]byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff"))
		}))
	}
}
