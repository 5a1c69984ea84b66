package bolt

import (
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/store"
)

// left is what a log with a journal has on the disk before it is closed: a copy of the two files, the journal changed.
func left(t *testing.T, change func(journal []byte)) (path string) {
	t.Helper()
	l := openJournalled(t, Config{}, 2)
	path = filepath.Join(t.TempDir(), "orders.log")
	file, err := os.ReadFile(l.path)
	require.NoError(t, err)
	journal, err := os.ReadFile(l.journalAt)
	require.NoError(t, err)
	change(journal)
	require.NoError(t, os.WriteFile(path, file, 0o600))
	require.NoError(t, os.WriteFile(path+journalSuffix, journal, 0o600))
	return path
}

// TestNewerJournal: who reads it with an older version is told to upgrade, not to look for another journal.
func TestNewerJournal(t *testing.T) {
	path := left(t, func(journal []byte) {
		head := journal[:journalHeader-sumSize]
		binary.BigEndian.PutUint32(head[len(journalMagic):], journalVersion+1)
		binary.BigEndian.PutUint32(journal[len(head):], crc32.Checksum(head, castagnoli))
	})
	for _, c := range []*Config{nil, {ReadOnly: true}, {Journal: true}} {
		_, err := Open(path, c)
		require.ErrorIs(t, err, store.ErrNewerFormat)
		assert.NotErrorIs(t, err, store.ErrDamaged)
		require.ErrorContains(t, err, path+journalSuffix)
		require.ErrorContains(t, err, "upgrade first")
	}
}

// TestDamagedNamesTheJournalBesideTheFile, and not beside the link that it was asked for.
func TestDamagedNamesTheJournalBesideTheFile(t *testing.T) {
	path := left(t, func([]byte) {})
	link := filepath.Join(t.TempDir(), "link.log")
	require.NoError(t, os.Symlink(path, link))
	damaged, err := OpenDamaged(link)
	require.NoError(t, err)
	ofSeal, _ := damaged.Faults()
	require.NotEmpty(t, ofSeal)
	require.ErrorContains(t, ofSeal[0], "journal, "+path+journalSuffix+",")
	require.NoError(t, damaged.Close())
}
