package bolt_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
)

// inTheWay requires that the file is refused beside this journal, whatever for, and that neither is changed.
func inTheWay(t *testing.T, path string, journal []byte, says ...string) {
	t.Helper()
	file := content(t, path)
	require.NoError(t, os.WriteFile(beside(path), journal, 0o600))
	for _, config := range []*bolt.Config{{ReadOnly: true}, nil, {Journal: true}} {
		_, err := bolt.Open(path, config)
		isClear(t, err, store.ErrStorage, beside(path), says...)
		assert.True(t, bytes.Equal(file, content(t, path)))
		assert.True(t, bytes.Equal(journal, content(t, beside(path))))
	}
}

// TestNewerJournalBesideAnOlderFile: what a restored backup, or an older plain copy, does not have is in the journal.
func TestNewerJournalBesideAnOlderFile(t *testing.T) {
	path, backup := filepath.Join(t.TempDir(), "orders.log"), filepath.Join(t.TempDir(), "orders.log")
	older := filepath.Join(t.TempDir(), "orders.log")
	require.NoError(t, inJournal(t, path, 5).Close())
	copyFile(t, path, older)
	log := inJournal(t, path, 0)
	require.NoError(t, log.Backup(context.Background(), backup, nil))
	appendOrders(t, log, 5, 8)
	journal := content(t, beside(path))
	require.NoError(t, log.Close())
	inTheWay(t, backup, journal, "position 8", "position 5")
	inTheWay(t, older, journal, "position 8", "position 5")
	for _, ours := range []string{backup, older} {
		require.NoError(t, os.Remove(beside(ours)))
		holds(t, ours, &bolt.Config{Journal: true}, 5)
	}
}

// TestJournalOfACopyThatWentAnotherWay: its records are at the same positions, and are not those of the file.
func TestJournalOfACopyThatWentAnotherWay(t *testing.T) {
	for name, unsealed := range map[string]bool{"sealed": false, "unsealed": true} {
		t.Run(name, func(t *testing.T) {
			path, other := filepath.Join(t.TempDir(), "orders.log"), filepath.Join(t.TempDir(), "orders.log")
			log, err := bolt.Open(path, &bolt.Config{Unsealed: unsealed})
			require.NoError(t, err)
			appendOrders(t, log, 0, 3)
			require.NoError(t, log.Close())
			copyFile(t, path, other)
			log = inJournal(t, path, 0)
			appendOrders(t, log, 50, 55)
			journal := content(t, beside(path))
			require.NoError(t, log.Close())
			log = openLog(t, other, nil)
			appendOrders(t, log, 100, 110)
			require.NoError(t, log.Close())
			inTheWay(t, other, journal, "another record at position 4")
		})
	}
}

// TestJournalWithoutItsFile: no new log is made in the place of one whose records are there.
func TestJournalWithoutItsFile(t *testing.T) {
	path := crashedBehind(t, 5)
	file := content(t, path)
	for name, empty := range map[string]bool{"gone": false, "empty": true} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, os.Remove(path))
			if empty {
				require.NoError(t, os.WriteFile(path, nil, 0o600))
			}
			for _, config := range []*bolt.Config{nil, {Journal: true}} {
				_, err := bolt.Open(path, config)
				isClear(t, err, store.ErrStorage, beside(path), "position 5", "not beside it")
			}
			require.NoError(t, os.WriteFile(path, file, 0o600))
		})
	}
	holds(t, path, nil, 5)
}

// TestNameAfterAJournalThatStayed: a close that was cut short before the journal went, and then the log gets its name.
func TestNameAfterAJournalThatStayed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "orders.log")
	log := inJournal(t, path, 5)
	journal := content(t, beside(path))
	require.NoError(t, log.Close())
	require.NoError(t, os.WriteFile(beside(path), journal, 0o600))
	holds(t, path, &bolt.Config{Journal: true, Origin: "shop.example/orders"}, 5)
	assert.NoFileExists(t, beside(path))
}

// TestNoJournalAtItsPlace: what is no file is in nobody's way but a journal's, and is not opened.
func TestNoJournalAtItsPlace(t *testing.T) {
	for name, put := range map[string]func(at string) error{
		"a directory":       func(at string) error { return os.Mkdir(at, 0o700) },
		"a link to nowhere": func(at string) error { return os.Symlink("nowhere", at) },
		"a device":          func(at string) error { return os.Symlink(os.DevNull, at) },
	} {
		t.Run(name, func(t *testing.T) {
			path, marked := filepath.Join(t.TempDir(), "orders.log"), crashedBehind(t, 2)
			holds(t, path, nil, 0)
			require.NoError(t, os.Remove(beside(marked)))
			require.NoError(t, put(beside(path)))
			require.NoError(t, put(beside(marked)))
			_, err := bolt.Open(path, &bolt.Config{Journal: true})
			isClear(t, err, store.ErrStorage, beside(path), "no journal")
			_, err = bolt.Open(marked, nil)
			isClear(t, err, store.ErrDamaged, beside(marked), "no journal")
			holds(t, path, &bolt.Config{ReadOnly: true}, 0)
			holds(t, path, nil, 0)
			_, err = os.Lstat(beside(path))
			require.NoError(t, err)
		})
	}
}
