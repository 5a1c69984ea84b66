package audit

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
)

// What is fetched before a batch is folded is what folding it asks for, but for the few ids that stand beside their
// place, and nothing changes by it.
func TestShelf_Fetch(t *testing.T) {
	const orders = 20_000
	s := newShelf()
	s.fetch([]events.Record{{Stream: events.OrderStream("of an empty shelf")}})
	for i := range orders {
		id := fmt.Sprint("o-", i)
		w := s.take(s.add(id))
		w.order.ID, w.dirty = id, true
	}
	before := slices.Clone(s.warm)
	records := make([]events.Record, 0, batchMax)
	fetched := 0
	for i := range batchMax {
		id := fmt.Sprint("o-", i*150)
		if i%4 == 0 {
			id = fmt.Sprint("unknown-", i)
		}
		records = append(records, events.Record{Stream: events.OrderStream(id)})
	}
	s.fetch(records)
	for i := range records {
		n, known := s.find(records[i].Stream.ID)
		require.Equal(t, i%4 != 0, known)
		if known && s.fetching.rows[i] == s.row(n) {
			fetched++
		}
	}
	assert.Greater(t, fetched, len(records)*3/8, "of the three quarters that are known, half at least")
	assert.Equal(t, before, s.warm)
	s.fetch(slices.Repeat(records, 3)) // more than a batch of ours has
	s.fetch(nil)
}
