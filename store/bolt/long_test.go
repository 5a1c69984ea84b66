package bolt

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/internal/ledger"
)

// longMessages is a log of one stream of so many records, each with as long a message as there can be.
func longMessages(t *testing.T, count int) *Log {
	t.Helper()
	log, err := Open(filepath.Join(t.TempDir(), "long.log"), nil)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, log.Close()) })
	for i := range count {
		r := testRecord(fmt.Sprint("long-", i))
		r.Event = events.PaymentPending{PaymentID: "p", Proof: events.Proof{
			Evidence: &events.Evidence{Body: bytes.Repeat([]byte{byte('a' + i)}, events.BodyMax)}}}
		_, err := log.Append(context.Background(), events.OrderStream("o-1"), uint64(i), r)
		require.NoError(t, err)
	}
	return log
}

// A page of a stream ends where its frames become too much, so that a reader of long messages holds two at a time.
func TestAPageOfLongMessagesIsShort(t *testing.T) {
	log := longMessages(t, 5)
	of := events.OrderStream("o-1")
	require.NoError(t, log.viewStream(of, func(tx reading, end place) error {
		page, next, err := log.pageBefore(tx, of, end, 0)
		require.NoError(t, err)
		require.Len(t, page, 2)
		assert.Equal(t, []uint64{4, 5, 3}, []uint64{page[0].Version, page[1].Version, next.Version})
		return nil
	}))
	version := uint64(0)
	for r, err := range log.Read(context.Background(), of, 0) {
		require.NoError(t, err)
		version++
		assert.Equal(t, version, r.Version)
	}
	assert.EqualValues(t, 5, version)
}

// A copy of many long messages is written in steps that fit into memory, and is whole.
func TestALogOfLongMessagesIsCopied(t *testing.T) {
	log := longMessages(t, ledger.BatchBytesMax/events.BodyMax+3)
	taken := filepath.Join(t.TempDir(), "copy.log")
	steps := 0
	require.NoError(t, log.Backup(context.Background(), taken, func(uint64, uint64) { steps++ }))
	assert.Equal(t, 2, steps)
	copied, err := Open(taken, &Config{ReadOnly: true})
	require.NoError(t, err)
	defer func() { assert.NoError(t, copied.Close()) }()
	count := 0
	for r, err := range copied.All(context.Background(), store.Start()) {
		require.NoError(t, err)
		assert.Len(t, r.Event.(events.PaymentPending).Proof.Evidence.Body, events.BodyMax)
		count++
	}
	assert.Equal(t, ledger.BatchBytesMax/events.BodyMax+3, count)
}
