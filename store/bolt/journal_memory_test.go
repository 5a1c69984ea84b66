package bolt

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/store"
)

// TestOpeningHasNoJournalInMemory: what a crash left is read a piece at a time, and what of it readers ask for is read
// when they do.
func TestOpeningHasNoJournalInMemory(t *testing.T) {
	const records, size, journal = 60, 1000, 32 << 20
	groups := long.Rounds(200, 60)
	path := filepath.Join(t.TempDir(), "orders.log")
	l, err := Open(path, &Config{Journal: true,
		moveBounds: moveBounds{step: journal, max: journal, moveAt: 1 << 30, moveMax: moveMax}})
	require.NoError(t, err)
	for i := range groups {
		var group []events.Record
		for n := range records {
			r := testRecord(fmt.Sprintf("r-%d", n))
			r.Event = events.PaymentPending{PaymentID: strings.Repeat("p", size)}
			group = append(group, r)
		}
		_, err := l.Append(context.Background(), events.OrderStream(fmt.Sprintf("o-%d", i)), 0, group...)
		require.NoError(t, err)
	}
	aside := filepath.Join(t.TempDir(), "orders.log")
	for from, to := range map[string]string{path: aside, l.journalAt: aside + journalSuffix} {
		b, err := os.ReadFile(from)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(to, b, 0o600))
	}
	require.NoError(t, l.Close())

	allocated := func(do func()) int {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		do()
		runtime.ReadMemStats(&after)
		return int(after.TotalAlloc - before.TotalAlloc)
	}
	assert.Less(t, allocated(func() {
		_, err := scanJournal(aside+journalSuffix, 0)
		require.NoError(t, err)
	}), 2*scanPiece, "a piece at a time, of 12 MB, or 4")
	small, _ := leftWith(t, 1)
	assert.Less(t, allocated(func() {
		_, err := scanJournal(small+journalSuffix, 0)
		require.NoError(t, err)
	}), scanPiece/4, "and of 64 KB no more than those")

	kept := func() int {
		var now runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&now)
		return int(now.HeapAlloc)
	}
	before := kept()
	reader, err := Open(aside, &Config{ReadOnly: true})
	require.NoError(t, err)
	assert.Less(t, kept()-before, 1<<20, "of all that the journal has, a reader's log keeps what leads to them")
	n := 0
	for r, err := range reader.All(context.Background(), store.Cursor{}) {
		require.NoError(t, err)
		require.Len(t, r.Event.(events.PaymentPending).PaymentID, size)
		n++
	}
	assert.Equal(t, groups*records, n)
	require.NoError(t, reader.Close())
	again, err := Open(aside, nil)
	require.NoError(t, err)
	assert.EqualValues(t, groups*records, again.lazy.end())
	require.NoError(t, again.Verify(context.Background(), nil))
	require.NoError(t, again.Close())
}
