package bolt

import (
	"io"
	"runtime"
	"testing"
	"weak"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestGrowthHasItsOwnDescription: a sync of what a journal grows by, on the description that groups are synced by,
// would be told in their place that one of their writes failed.
func TestGrowthHasItsOwnDescription(t *testing.T) {
	l := openJournalled(t, Config{}, 1)
	j := l.journal
	_, err := j.more.Seek(sectorSize, io.SeekStart)
	require.NoError(t, err)
	at, err := j.file.Seek(0, io.SeekCurrent)
	require.NoError(t, err)
	require.Zero(t, at, "two descriptors of one description share their place in the file")
	size, groups := j.space.size, j.file
	j.bounds.max *= 2
	j.file = nil // and nothing of a growth needs it
	j.grow(1, true)
	j.space.growth.Wait()
	j.file = groups
	require.NoError(t, j.space.failure())
	assert.Equal(t, size+j.bounds.step, j.space.size)
	head := make([]byte, journalBegin)
	_, err = j.file.ReadAt(head, 0)
	require.NoError(t, err)
	length, err := parseLength(j.id, head[journalHeader:])
	require.NoError(t, err)
	assert.Equal(t, j.space.size, length, "it says so itself")
}

// TestDroppedGroupsAreLetGo: what has left the tail leaves memory, whatever still waits.
func TestDroppedGroupsAreLetGo(t *testing.T) {
	var w waiting
	at := uint64(0)
	add := func() *group {
		at++
		g := &group{berth: berth{first: at, count: 1, size: 1}, ends: []int{1}}
		w.add(g)
		return g
	}
	var gone []weak.Pointer[group]
	for range 1000 {
		gone = append(gone, weak.Make(add()))
	}
	asked := w.now()
	w.drop(990)
	assert.Equal(t, uint64(1), asked[0].first, "who asked before has it still")
	for range 5 {
		add()
		w.drop(1)
	}
	assert.Len(t, w.now(), 10)
	assert.EqualValues(t, 10*journalPage, w.size())
	runtime.GC()
	kept := 0
	for _, g := range gone {
		if g.Value() != nil {
			kept++
		}
	}
	assert.Less(t, kept, 100)
	runtime.KeepAlive(&w)
}
