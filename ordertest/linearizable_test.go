package ordertest_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/ordertest"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
	"github.com/tilltape/tilltape/store/memory"
)

func inMemory(*testing.T) store.Log { return memory.New() }

func inBolt(t *testing.T) store.Log {
	log, err := bolt.Open(filepath.Join(t.TempDir(), "orders.log"), nil)
	require.NoError(t, err)
	return log
}

func TestMemoryIsLinearizable(t *testing.T) {
	ordertest.Linearizable(t, inMemory, ordertest.Load{Rounds: long.Rounds(10, 2), Clients: 32})
}

func TestBoltIsLinearizable(t *testing.T) {
	ordertest.Linearizable(t, inBolt, ordertest.Load{Rounds: long.Rounds(ordertest.DefaultRounds, 2)})
}

// TestBoltWithAJournalIsLinearizable: what is read is in the journal, on its way into the file, or there.
func TestBoltWithAJournalIsLinearizable(t *testing.T) {
	ordertest.Linearizable(t, inJournal, ordertest.Load{Rounds: long.Rounds(ordertest.DefaultRounds, 2)})
}

func inJournal(t *testing.T) store.Log {
	log, err := bolt.Open(filepath.Join(t.TempDir(), "orders.log"), &bolt.Config{Journal: true})
	require.NoError(t, err)
	moving := make(chan struct{})
	go func() { // which takes what the journal has into the file, so that records are on their way all the time
		defer close(moving)
		for log.Verify(context.Background(), nil) == nil {
		}
	}()
	t.Cleanup(func() {
		require.NoError(t, log.Close())
		<-moving
	})
	return log
}
