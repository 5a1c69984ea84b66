package bolt

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/store/internal/ledger"
)

// TestSpaceIsGivenOutOnce: whatever comes and goes, and however the journal grows, no place is given out that is in use
// or not written yet; and where there is free space for it after what is in use, there is a place.
func TestSpaceIsGivenOutOnce(t *testing.T) {
	for seed := range uint64(long.Rounds(200, 40)) {
		random := rand.New(rand.NewPCG(seed, 0))
		s := &space{at: journalBegin, limit: journalBegin + 64*journalPage, size: journalBegin + 64*journalPage}
		var live tail
		for step := range 400 {
			if random.IntN(3) == 0 && len(live) > 0 { // the oldest go, some at a time
				live = live[min(len(live), 1+random.IntN(6)):]
			}
			if random.IntN(50) == 0 {
				s.size += 16 * journalPage
			}
			size := random.IntN(20 * journalPage)
			n := span(size)
			at, ok := s.take(n, live)
			beyond := int64(journalBegin)
			for _, g := range live {
				beyond = max(beyond, g.end())
				if ok {
					require.True(t, at >= g.end() || at+n <= g.at, "seed %d, step %d: %d bytes at %d, and %d at %d are in use",
						seed, step, n, at, g.span(), g.at)
				}
			}
			if !ok {
				require.Greater(t, beyond+n, s.size, "seed %d, step %d: there was room", seed, step)
				continue
			}
			require.Zero(t, at%journalPage)
			require.GreaterOrEqual(t, at, int64(journalBegin))
			require.LessOrEqual(t, at+n, s.size)
			live = append(live, &group{berth: berth{at: at, size: size}})
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
	page := lengthPage(h.id, 12345<<9)
	length, err := parseLength(h.id, page)
	require.NoError(t, err)
	assert.EqualValues(t, 12345<<9, length)
	for i := range sectorSize {
		spoilt := bytes.Clone(page)
		spoilt[i] ^= 1
		_, err := parseLength(h.id, spoilt)
		require.ErrorIs(t, err, errJournalLength, "byte %d", i)
	}
}

// TestTailFindsItsGroups: each position of the tail leads to its group, and no other to any.
func TestTailFindsItsGroups(t *testing.T) {
	var w waiting
	at := uint64(5)
	for _, n := range []int{1, 3, 1, 2} {
		w.add(newGroup(planOf(t, at, n), [32]byte{}))
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
