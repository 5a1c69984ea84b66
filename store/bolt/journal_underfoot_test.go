package bolt_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store/bolt"
)

// TestJournalWhereverTheProcessGoes: a log that was opened by a relative path keeps to its own journal, and another
// log's, where that path leads by now, stays.
func TestJournalWhereverTheProcessGoes(t *testing.T) {
	here, there := t.TempDir(), t.TempDir()
	other := crashedBehind(t, 5)
	copyFile(t, other, filepath.Join(there, "orders.log"))
	copyFile(t, beside(other), beside(filepath.Join(there, "orders.log")))
	t.Chdir(here)
	log, err := bolt.Open("orders.log", &bolt.Config{Journal: true})
	require.NoError(t, err)
	t.Chdir(there)
	_, err = log.Append(context.Background(), events.OrderStream("o-0"), 0, record("o-0"))
	require.NoError(t, err)
	require.NoError(t, log.Close())
	assert.NoFileExists(t, beside(filepath.Join(here, "orders.log")))
	holds(t, filepath.Join(here, "orders.log"), nil, 1)
	holds(t, filepath.Join(there, "orders.log"), nil, 5)
}
