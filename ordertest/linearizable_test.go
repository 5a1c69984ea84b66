package ordertest_test

import (
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
	ordertest.Linearizable(t, inMemory, ordertest.Load{Rounds: long.Rounds(10, 4), Clients: 32})
}

func TestBoltIsLinearizable(t *testing.T) { ordertest.Linearizable(t, inBolt, ordertest.Load{}) }
