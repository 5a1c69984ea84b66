package bolt

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store/internal/ledger"
)

// TestSpaceIsGivenOutOnce: whatever comes and goes, and however the journal grows, no place is given out that is in use
// or not written yet; and where there is free space for it after what is in use, there is a place.
func TestSpaceIsGivenOutOnce(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 0))
		s := &space{at: journalHeader, limit: journalHeader + 64*journalAlign, size: journalHeader + 64*journalAlign}
		var live tail
		for step := range 400 {
			if random.IntN(3) == 0 && len(live) > 0 { // the oldest go, some at a time
				live = live[min(len(live), 1+random.IntN(6)):]
			}
			if random.IntN(50) == 0 {
				s.size += 16 * journalAlign
			}
			n := int64(1+random.IntN(20)) * journalAlign
			at, ok := s.take(n, live)
			beyond := int64(journalHeader)
			for _, g := range live {
				beyond = max(beyond, g.end())
				if ok {
					require.True(t, at >= g.end() || at+n <= g.at, "seed %d, step %d: %d bytes at %d, and %d at %d are in use",
						seed, step, n, at, len(g.record), g.at)
				}
			}
			if !ok {
				require.Greater(t, beyond+n, s.size, "seed %d, step %d: there was room", seed, step)
				continue
			}
			require.Zero(t, at%journalAlign)
			require.GreaterOrEqual(t, at, int64(journalHeader))
			require.LessOrEqual(t, at+n, s.size)
			live = append(live, &group{at: at, record: make([]byte, n)})
		}
	}
}

// planOf is a plan of so many records of one stream, after a position.
func planOf(t *testing.T, after uint64, records int) *plan {
	t.Helper()
	p := new(plan)
	p.Reset(nil, after, nil)
	for i := range records {
		r := testRecord(fmt.Sprintf("r-%d", i))
		r.Stream, r.Version, r.Position = events.OrderStream("o-1"), uint64(i)+1, after+uint64(i)+1
		frame, err := events.AppendFrame(nil, r)
		require.NoError(t, err)
		p.Import(r, frame)
	}
	return p
}

// TestARecordIsOfItsPlace: a record of a journal is one only in that journal, at that place, with all its bytes.
func TestARecordIsOfItsPlace(t *testing.T) {
	id, other := string(bytes.Repeat([]byte{1}, journalIDSize)), string(bytes.Repeat([]byte{2}, journalIDSize))
	g := newGroup(planOf(t, 6, 3))
	g.put(id, 4096)
	assert.Zero(t, len(g.record)%journalAlign)
	got := parseGroup(id, 4096, append(bytes.Clone(g.record), "more"...))
	require.NotNil(t, got)
	assert.Equal(t, g, got)
	assert.EqualValues(t, 9, got.last())
	for position := uint64(7); position <= 9; position++ {
		r, err := events.DecodeFrame(got.frame(position))
		require.NoError(t, err)
		assert.Equal(t, position, r.Position)
	}
	assert.Nil(t, parseGroup(other, 4096, g.record), "of another journal")
	assert.Nil(t, parseGroup(id, 8192, g.record), "at another place")
	whole := recordHeader + len(g.frames)
	for i := range g.record {
		spoilt := bytes.Clone(g.record)
		spoilt[i] ^= 4
		assert.Equal(t, i >= whole, parseGroup(id, 4096, spoilt) != nil, "byte %d", i)
	}
	for n := range whole {
		assert.Nil(t, parseGroup(id, 4096, g.record[:n]), "cut at %d", n)
	}
}

// TestAForgedRecordIsNone: what has a checksum that fits and no frames that fit is no record, and no panic.
func TestAForgedRecordIsNone(t *testing.T) {
	id := string(make([]byte, journalIDSize))
	for what, forge := range map[string]func(record []byte){
		"more frames":      func(b []byte) { binary.BigEndian.PutUint32(b[8+sumSize:], 4) },
		"no frames":        func(b []byte) { binary.BigEndian.PutUint32(b[8+sumSize:], 0) },
		"a length too far": func(b []byte) { binary.BigEndian.PutUint32(b[4+sumSize:], 1<<31) },
		"no frame":         func(b []byte) { b[recordHeader] = 0xff },
	} {
		g := newGroup(planOf(t, 0, 3))
		forge(g.record)
		g.put(id, 4096)
		assert.Nil(t, parseGroup(id, 4096, g.record), what)
	}
}

func TestJournalHeadsAreReadAsWritten(t *testing.T) {
	h := journalHead{id: string(bytes.Repeat([]byte{7}, journalIDSize)), origin: "shop.example/orders/0123", begin: 99}
	b := h.bytes()
	require.Len(t, b, journalHeader)
	got, err := parseJournalHead(b)
	require.NoError(t, err)
	assert.Equal(t, h, got)
	for i := range b {
		spoilt := bytes.Clone(b)
		spoilt[i] ^= 1
		_, err := parseJournalHead(spoilt)
		require.ErrorIs(t, err, errNoJournal, "byte %d", i)
	}
	for n := range b {
		_, err := parseJournalHead(b[:n])
		require.ErrorIs(t, err, errNoJournal, "cut at %d", n)
	}
}

// TestTailFindsItsGroups: each position of the tail leads to its group, and no other to any.
func TestTailFindsItsGroups(t *testing.T) {
	var w waiting
	at := uint64(5)
	for _, n := range []int{1, 3, 1, 2} {
		w.add(newGroup(planOf(t, at, n)))
		at += uint64(n)
	}
	before := w.now()
	for position := uint64(0); position < 15; position++ {
		g := before.at(position)
		require.Equal(t, position > 5 && position <= at, g != nil, position)
		if g != nil {
			assert.True(t, g.first <= position && position <= g.last())
		}
	}
	assert.Len(t, w.next(0), 1, "at least one")
	assert.Len(t, w.next(ledger.BatchBytesMax), 4)
	w.drop(3)
	assert.Nil(t, w.now().at(8))
	assert.NotNil(t, before.at(8), "who asked before keeps what there was")
	w.drop(1)
	assert.Zero(t, w.size())
	assert.Nil(t, w.now().at(at))
}
