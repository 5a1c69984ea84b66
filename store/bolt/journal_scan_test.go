package bolt

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/store"
)

// leftWith is what a process leaves that was killed with so many groups in its journal, of which the last has more than
// one page; and the journal's bytes.
func leftWith(t *testing.T, groups int) (path string, journal []byte) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "orders.log")
	c := &Config{Journal: true, moveBounds: moveBounds{step: 64 << 10, max: 64 << 10, moveAt: 1 << 30, moveMax: 1}}
	l, err := Open(path, c)
	require.NoError(t, err)
	for i := range groups - 1 {
		require.NoError(t, appendOne(l, fmt.Sprintf("o-%d", i)))
	}
	var group []events.Record
	for i := range many {
		r := testRecord(fmt.Sprintf("many-%d", i))
		r.Keys = nil
		group = append(group, r)
	}
	_, err = l.Append(context.Background(), events.OrderStream("many"), 0, group...)
	require.NoError(t, err)
	aside := filepath.Join(t.TempDir(), "orders.log")
	journal, err = os.ReadFile(l.journalAt)
	require.NoError(t, err)
	file, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(aside, file, 0o600))
	require.NoError(t, os.WriteFile(aside+journalSuffix, journal, 0o600))
	require.NoError(t, l.Close())
	return aside, journal
}

// scanned is what a journal with these bytes holds, and what of it no power loss leaves.
func scanned(t *testing.T, path string, journal []byte) (end uint64, fault error) {
	t.Helper()
	require.NoError(t, os.WriteFile(path+journalSuffix, journal, 0o600))
	s, err := scanJournal(path+journalSuffix, 0)
	if err != nil {
		return 0, err
	}
	for _, b := range s.berths {
		if b.first != end+1 {
			return end, fmt.Errorf("none at position %d", end+1)
		}
		end = b.last()
	}
	return end, s.fault(end)
}

const (
	lone  = 3  // groups of one record
	many  = 60 // records of the last group
	whole = lone + many
)

// TestEveryByteOfAJournalIsGuarded: what rots in it, in a record or where none was written yet, is damage. It is never
// taken for a record that a power loss tore.
func TestEveryByteOfAJournalIsGuarded(t *testing.T) {
	path, journal := leftWith(t, lone+1)
	end, err := scanned(t, path, journal)
	require.NoError(t, err)
	require.EqualValues(t, whole, end)
	used := journalBegin + lone*journalPage + 3*journalPage
	for at := 0; at < len(journal); at += long.Rounds(1, 11) {
		if at >= sectorSize+journalHeader && at < journalBegin || at > used && at%251 != 0 {
			continue // nothing is read off the rest of the length's page
		}
		journal[at] ^= 0x10
		_, err := scanned(t, path, journal)
		require.Error(t, err, "byte %d", at)
		journal[at] ^= 0x10
	}
	journal[used-sectorSize]++
	for _, c := range []*Config{nil, {ReadOnly: true}, {Journal: true}} {
		require.NoError(t, os.WriteFile(path+journalSuffix, journal, 0o600))
		_, err := Open(path, c)
		require.ErrorIs(t, err, store.ErrDamaged)
		require.ErrorContains(t, err, path+journalSuffix)
	}
}

// TestNewestRecordsDoNotRotUnseen: however many they are.
func TestNewestRecordsDoNotRotUnseen(t *testing.T) {
	path, journal := leftWith(t, lone+1)
	for from := range lone + 1 {
		spoilt := bytes.Clone(journal)
		for at := journalBegin + from*journalPage; at < len(spoilt); at += sectorSize {
			if !bytes.Equal(spoilt[at:][:sectorSize], zeroPage[:sectorSize]) {
				spoilt[at+40] ^= 1
			}
		}
		_, err := scanned(t, path, spoilt)
		require.ErrorContains(t, err, fmt.Sprintf("its bytes from %d on", journalBegin+from*journalPage))
	}
}

// TestACutJournalIsDamage: it says itself how long it is.
func TestACutJournalIsDamage(t *testing.T) {
	path, journal := leftWith(t, lone+1)
	for length := 0; length < len(journal); length += long.Rounds(256, 2816) {
		_, err := scanned(t, path, journal[:length])
		require.Error(t, err, length)
	}
	require.NoError(t, os.WriteFile(path+journalSuffix, journal[:len(journal)-1], 0o600))
	_, err := Open(path, nil)
	require.ErrorIs(t, err, store.ErrDamaged)
	require.ErrorContains(t, err, "cut short")
	_, err = scanned(t, path, append(journal, "a growth that was not finished"...))
	require.NoError(t, err)
}

// TestATornGroupIsNoDamage: of the newest group, any of its sectors may be missing, and be zeros or an older record's.
func TestATornGroupIsNoDamage(t *testing.T) {
	path, journal := leftWith(t, lone+1)
	begin := journalBegin + lone*journalPage
	s, err := scanJournal(path+journalSuffix, 0)
	require.NoError(t, err)
	many := s.berths[lone]
	require.EqualValues(t, begin, many.at)
	n := sectors(many.size)
	require.Greater(t, n, 8, "more than a page")
	older, err := many.load(path+journalSuffix, s.id)
	require.NoError(t, err)
	older.count, older.past = 1, [32]byte{}
	for _, before := range []uint64{0, 1} { // zeros, or a group that the file has
		image := make([]byte, many.span())
		if before > 0 {
			older.first = before
			image = older.appendRecord(nil, s.id)
		}
		for missing := range 1<<n - 1 {
			if n > 8 && missing%37 != 0 && missing < 1<<n-n {
				continue
			}
			torn := bytes.Clone(journal)
			for i := range n {
				if (missing+1)>>i&1 == 1 {
					copy(torn[begin+i*sectorSize:][:sectorSize], image[i*sectorSize:])
				}
			}
			require.NoError(t, os.WriteFile(path+journalSuffix, torn, 0o600))
			got, err := scanJournal(path+journalSuffix, before)
			require.NoError(t, err)
			require.Len(t, got.berths, lone-int(before))
			require.NoError(t, got.fault(lone), "missing %b", missing+1)
		}
	}
}

// TestTwoTornGroupsAreDamage: the one before the newest was synced before that was begun.
func TestTwoTornGroupsAreDamage(t *testing.T) {
	path, journal := leftWith(t, lone+1)
	blank := func(b []byte, at int) { copy(b[at:][:sectorSize], zeroPage[:]) }
	for name, spoil := range map[string]func([]byte){
		"on only a part": func(b []byte) {
			blank(b, journalBegin+(lone-1)*journalPage)
			blank(b, journalBegin+lone*journalPage)
		},
		"none at position 3": func(b []byte) { blank(b, journalBegin+(lone-1)*journalPage) },
	} {
		spoilt := bytes.Clone(journal)
		spoil(spoilt)
		_, err := scanned(t, path, spoilt)
		require.ErrorContains(t, err, name)
	}
}

// TestASectorIsOfItsPlace: one of another journal, or of another place, is none.
func TestASectorIsOfItsPlace(t *testing.T) {
	id, other := string(bytes.Repeat([]byte{1}, journalIDSize)), string(bytes.Repeat([]byte{2}, journalIDSize))
	g := newGroup(planOf(t, 6, 3), [32]byte{7})
	g.at = journalBegin
	record := g.appendRecord([]byte("before"), id)[len("before"):]
	require.Len(t, record, int(g.span()))
	s, ok := parseSector(journalSeed(id), journalBegin, record[:sectorSize])
	require.True(t, ok)
	got, ok := parseBerth(s, journalBegin)
	require.True(t, ok)
	assert.Equal(t, g.berth, got)
	assert.EqualValues(t, 9, got.last())
	_, ok = parseSector(journalSeed(other), journalBegin, record[:sectorSize])
	assert.False(t, ok, "of another journal")
	_, ok = parseSector(journalSeed(id), journalBegin+journalPage, record[:sectorSize])
	assert.False(t, ok, "at another place")
}

// TestSpans: what a record takes, at the edges.
func TestSpans(t *testing.T) {
	for size, want := range map[int]int{1: 1, sectorRoom - recordHeader: 1, sectorRoom - recordHeader + 1: 2,
		8*sectorRoom - recordHeader: 8, 8*sectorRoom - recordHeader + 1: 9} {
		assert.Equal(t, want, sectors(size), size)
		assert.EqualValues(t, (want+7)/8*journalPage, span(size))
		g := &group{berth: berth{first: 1, count: 1, size: size, at: journalBegin}, frames: make([]byte, size)}
		assert.Len(t, g.appendRecord(nil, "id"), int(span(size)))
	}
}

// TestAForgedRecordIsNone: what has checksums that fit and frames that do not is damage, and no panic.
func TestAForgedRecordIsNone(t *testing.T) {
	for what, forge := range map[string]func(g *group){
		"more frames": func(g *group) { g.count = 19 },
		"no frame":    func(g *group) { g.frames[0] = 0xff },
	} {
		path, journal := leftWith(t, lone+1)
		s, err := scanJournal(path+journalSuffix, 0)
		require.NoError(t, err)
		g, err := s.berths[lone].load(path+journalSuffix, s.id)
		require.NoError(t, err)
		forge(g)
		copy(journal[g.at:], g.appendRecord(nil, s.id))
		require.NoError(t, os.WriteFile(path+journalSuffix, journal, 0o600))
		_, err = Open(path, nil)
		require.ErrorIs(t, err, store.ErrDamaged, what)
	}
}

// TestAJournalOfAnotherPast: its records continue the streams that this file has, at the positions that come next, and
// were written after other records.
func TestAJournalOfAnotherPast(t *testing.T) {
	path, journal := leftWith(t, lone+1)
	s, err := scanJournal(path+journalSuffix, 0)
	require.NoError(t, err)
	g, err := s.berths[1].load(path+journalSuffix, s.id)
	require.NoError(t, err)
	g.past[0]++
	copy(journal[g.at:], g.appendRecord(nil, s.id))
	require.NoError(t, os.WriteFile(path+journalSuffix, journal, 0o600))
	for _, c := range []*Config{nil, {ReadOnly: true}, {Journal: true}} {
		_, err := Open(path, c)
		require.ErrorIs(t, err, store.ErrDamaged)
		require.ErrorContains(t, err, "position 2")
		require.ErrorContains(t, err, "another way")
	}
}

// TestALeftoverJournalHasPartsOfOlderRecords: newer ones were written over them, and the file has both.
func TestALeftoverJournalHasPartsOfOlderRecords(t *testing.T) {
	path, journal := leftWith(t, lone+1)
	l, err := Open(path, nil)
	require.NoError(t, err)
	require.NoError(t, l.Close())
	for _, at := range []int{0, lone * journalPage, lone*journalPage + sectorSize} {
		copy(journal[journalBegin+at:][:sectorSize], zeroPage[:])
	}
	require.NoError(t, os.WriteFile(path+journalSuffix, journal, 0o600))
	for _, c := range []*Config{{ReadOnly: true}, {Journal: true}} {
		l, err := Open(path, c)
		require.NoError(t, err)
		assert.EqualValues(t, whole, l.lazy.end())
		require.NoError(t, l.Close())
	}
}
