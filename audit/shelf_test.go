package audit

import (
	"fmt"
	"hash/maphash"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tilltape/tilltape/order"
)

// The shelf holds what a map would, whichever orders are warm.
func TestShelf_IsAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, model := newShelf(), map[string]uint64{}
		ids := rapid.SampledFrom([]int{10, 3 * warmMax}).Draw(t, "ids")
		length := rapid.SampledFrom([]int{1, 300, 70_000}).Draw(t, "length of some ids")
		for range rapid.IntRange(0, 2*warmMax).Draw(t, "steps") {
			id := fmt.Sprint("o-", rapid.IntRange(0, ids).Draw(t, "id"))
			if strings.HasSuffix(id, "7") {
				id += strings.Repeat("7", length)
			}
			n, known := s.find(id)
			_, want := model[id]
			require.Equal(t, want, known)
			if !known {
				n = s.add(id)
			}
			w := s.take(n)
			require.Equal(t, model[id], w.order.Version)
			w.order.ID, w.dirty = id, true
			w.order.Version++
			model[id]++
		}
		s.settle()
		last := ""
		for o := range s.all() {
			require.Less(t, last, o.ID)
			require.Equal(t, order.Order{ID: o.ID, Version: model[o.ID]}, o)
			got, ok := s.get(o.ID)
			require.True(t, ok)
			require.Equal(t, o, got)
			last = o.ID
			delete(model, o.ID)
		}
		require.Empty(t, model)
		_, ok := s.get("another")
		require.False(t, ok)
	})
}

// Rows whose hashes are equal are all found, and none for another hash, through every growth.
func TestIndex_Collisions(t *testing.T) {
	var s shard
	at := map[uint32][]uint32{}
	rows := func(tag uint32) (out []uint32) {
		for f := (found{slots: s.slots, tag: tag, at: tag}); f.next(); {
			out = append(out, f.row)
		}
		return out
	}
	assert.Empty(t, rows(1), "of an empty one")
	for row := range uint32(1000) {
		tag := row % 7 << (row % 5)
		s.add(tag, row)
		at[tag] = append(at[tag], row)
		if row%50 == 0 {
			for tag, want := range at {
				require.ElementsMatch(t, want, rows(tag))
			}
		}
	}
	assert.Empty(t, rows(1<<20+3))
	assert.LessOrEqual(t, s.used, len(s.slots)*3/4)
}

func TestIndex_OfAnEmptyID(t *testing.T) {
	x := newIndex()
	assert.NotEqual(t, maphash.Seed{}, x.seed)
	x.add("", 7)
	f := x.find("")
	require.True(t, f.next())
	assert.Equal(t, uint32(7), f.row)
	assert.False(t, f.next())
}
