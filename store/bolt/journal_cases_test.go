package bolt_test

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
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
)

// beside is the path of a log's journal.
func beside(path string) string { return path + "-journal" }

// inJournal opens a log with a journal that appends of so many orders, one after another, do not fill.
func inJournal(t *testing.T, path string, orders int) *bolt.Log {
	t.Helper()
	config := bolt.WithJournal(bolt.Config{}, 1<<20)
	log, err := bolt.Open(path, &config)
	require.NoError(t, err)
	t.Cleanup(func() { _ = log.Close() })
	appendOrders(t, log, 0, orders)
	return log
}

func appendOrders(t *testing.T, log *bolt.Log, from, until int) {
	t.Helper()
	for n := from; n < until; n++ {
		id := fmt.Sprintf("o-%d", n)
		_, err := log.Append(context.Background(), events.OrderStream(id), 0, record(id))
		require.NoError(t, err)
	}
}

// crashedBehind is what a process leaves that was killed when its last appends were in the journal: the path of a copy.
func crashedBehind(t *testing.T, orders int) (path string) {
	t.Helper()
	from := filepath.Join(t.TempDir(), "orders.log")
	log := inJournal(t, from, orders)
	path = filepath.Join(t.TempDir(), "orders.log")
	copyFile(t, from, path)
	copyFile(t, beside(from), beside(path))
	require.NoError(t, log.Close())
	return path
}

// holds opens the log and requires that it has so many orders, whole.
func holds(t *testing.T, path string, config *bolt.Config, orders int) bolt.Recovery {
	t.Helper()
	log, err := bolt.Open(path, config)
	require.NoError(t, err)
	all, err := readAll(log)
	require.NoError(t, err)
	require.Len(t, all, orders)
	for n := range orders {
		_, err := log.Head(context.Background(), events.OrderStream(fmt.Sprintf("o-%d", n)))
		require.NoError(t, err)
	}
	require.NoError(t, log.Verify(context.Background(), nil))
	recovery := log.Recovery()
	require.NoError(t, log.Close())
	return recovery
}

func content(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return b
}

func TestCloseLeavesOneFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "orders.log")
	log := inJournal(t, path, 20)
	assert.FileExists(t, beside(path))
	require.NoError(t, log.Close())
	assert.NoFileExists(t, beside(path))
	for _, config := range []*bolt.Config{{ReadOnly: true}, nil, {Journal: true}, {ReadOnly: true}} {
		assert.Zero(t, holds(t, path, config, 20).Records)
		assert.NoFileExists(t, beside(path))
	}
}

// TestJournalIsReadBack: whoever opens what a crash left has all that was acknowledged.
func TestJournalIsReadBack(t *testing.T) {
	for name, config := range map[string]*bolt.Config{"with a journal": {Journal: true}, "without": nil,
		"for reading": {ReadOnly: true}} {
		t.Run(name, func(t *testing.T) {
			path := crashedBehind(t, 20)
			file, journal := content(t, path), content(t, beside(path))
			assert.EqualValues(t, 20, holds(t, path, config, 20).Records)
			if config != nil && config.ReadOnly {
				assert.True(t, bytes.Equal(file, content(t, path)) && bytes.Equal(journal, content(t, beside(path))),
					"a reader changes nothing")
				return
			}
			assert.NoFileExists(t, beside(path))
			assert.Zero(t, holds(t, path, nil, 20).Records)
		})
	}
}

func TestJournalOfAnUnsealedLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "orders.log")
	log := openLog(t, path, &bolt.Config{Journal: true, Unsealed: true})
	appendOrders(t, log, 0, 5)
	aside := filepath.Join(t.TempDir(), "orders.log")
	copyFile(t, path, aside)
	copyFile(t, beside(path), beside(aside))
	require.NoError(t, log.Close())
	holds(t, aside, &bolt.Config{ReadOnly: true}, 5)
	holds(t, aside, nil, 5)
	holds(t, path, nil, 5)
}

// TestFileWithoutItsJournalIsRefused, in whatever way it is opened, and is not changed.
func TestFileWithoutItsJournalIsRefused(t *testing.T) {
	path, other := crashedBehind(t, 5), crashedBehind(t, 5)
	journal, file := content(t, beside(path)), content(t, path)
	for name, spoil := range map[string]func(){
		"is missing":     func() { require.NoError(t, os.Remove(beside(path))) },
		"of another log": func() { copyFile(t, beside(other), beside(path)) },
		"its header is damaged": func() {
			require.NoError(t, os.WriteFile(beside(path), append([]byte{'T'}, journal[1:]...), 0o600))
		},
		"it is no journal": func() { require.NoError(t, os.WriteFile(beside(path), nil, 0o600)) },
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, os.WriteFile(beside(path), journal, 0o600))
			spoil()
			for _, config := range []*bolt.Config{nil, {Journal: true}, {ReadOnly: true}} {
				_, err := bolt.Open(path, config)
				isClear(t, err, store.ErrDamaged, path, beside(path), name)
			}
			_, err := bolt.Compact(context.Background(), path, nil)
			isClear(t, err, store.ErrDamaged, path, name)
			assert.True(t, bytes.Equal(file, content(t, path)))
		})
	}
	damaged, err := bolt.OpenDamaged(path)
	require.NoError(t, err)
	isClear(t, damaged.Refusal(), store.ErrDamaged, path)
	ofSeal, _ := damaged.Faults()
	require.Len(t, ofSeal, 1, "whoever looks at what is left learns that something may be elsewhere")
	isClear(t, ofSeal[0], store.ErrDamaged, path, beside(path), "was not looked at")
	require.NoError(t, damaged.Close())
	require.NoError(t, os.WriteFile(beside(path), journal, 0o600))
	holds(t, path, nil, 5)
}

// TestOlderFileBesideItsJournal: the journal's space is used again, so what an older copy of the file lacks is gone.
func TestOlderFileBesideItsJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "orders.log")
	config := bolt.WithJournal(bolt.Config{}, 128<<10)
	log, err := bolt.Open(path, &config)
	require.NoError(t, err)
	aside := filepath.Join(t.TempDir(), "orders.log")
	copyFile(t, path, aside)
	appendOrders(t, log, 0, 300)
	copyFile(t, beside(path), beside(aside))
	require.NoError(t, log.Close())
	_, err = bolt.Open(aside, nil)
	isClear(t, err, store.ErrDamaged, aside, "none at position 1")
}

// TestJournalThatTheFileDoesNotName: a crash may leave it, and then it goes; another's is never removed.
func TestJournalThatTheFileDoesNotName(t *testing.T) {
	path := filepath.Join(t.TempDir(), "orders.log")
	log := inJournal(t, path, 5)
	aside := filepath.Join(t.TempDir(), "journal")
	copyFile(t, beside(path), aside)
	backup := filepath.Join(t.TempDir(), "orders.log")
	require.NoError(t, log.Close())
	copyFile(t, path, backup)

	copyFile(t, aside, beside(path))
	holds(t, path, &bolt.Config{ReadOnly: true}, 5)
	assert.FileExists(t, beside(path))
	holds(t, path, nil, 5)
	assert.NoFileExists(t, beside(path), "all of it is in the file")

	log = inJournal(t, path, 0)
	appendOrders(t, log, 5, 8)
	copyFile(t, beside(path), beside(backup))
	require.NoError(t, log.Close())
	for _, config := range []*bolt.Config{nil, {Journal: true}} {
		_, err := bolt.Open(backup, config)
		isClear(t, err, store.ErrStorage, beside(backup), "position 8", "position 5")
	}

	for name, journal := range map[string][]byte{"is no journal": []byte("notes"), "of another log": content(t, aside)} {
		fresh := filepath.Join(t.TempDir(), "orders.log")
		holds(t, fresh, nil, 0)
		require.NoError(t, os.WriteFile(beside(fresh), journal, 0o600))
		_, err := bolt.Open(fresh, &bolt.Config{Journal: true})
		isClear(t, err, store.ErrStorage, beside(fresh), name)
		holds(t, fresh, nil, 0)
		assert.True(t, bytes.Equal(journal, content(t, beside(fresh))), "it is in nobody's way")
	}
}

func TestBackupWhileTheFileIsBehind(t *testing.T) {
	path := filepath.Join(t.TempDir(), "orders.log")
	log := inJournal(t, path, 30)
	backup := filepath.Join(t.TempDir(), "backup.log")
	require.NoError(t, log.Backup(context.Background(), backup, nil))
	assert.NoFileExists(t, beside(backup))
	holds(t, backup, &bolt.Config{ReadOnly: true}, 30)
	want, err := log.Tree(context.Background())
	require.NoError(t, err)
	copied := openLog(t, backup, &bolt.Config{ReadOnly: true})
	got, err := copied.Tree(context.Background())
	require.NoError(t, err)
	assert.Equal(t, want, got)
}

func TestBackupOfWhatACrashLeft(t *testing.T) {
	path := crashedBehind(t, 30)
	log := openLog(t, path, &bolt.Config{ReadOnly: true})
	backup := filepath.Join(t.TempDir(), "backup.log")
	require.NoError(t, log.Backup(context.Background(), backup, nil))
	holds(t, backup, &bolt.Config{ReadOnly: true}, 30)
}

func TestCompactTakesTheJournalIn(t *testing.T) {
	path := crashedBehind(t, 30)
	_, err := bolt.Compact(context.Background(), path, nil)
	require.NoError(t, err)
	assert.NoFileExists(t, beside(path))
	holds(t, path, nil, 30)
}

// TestJournalUnderfoot: nobody is told that a record is kept in a file that is gone.
func TestJournalUnderfoot(t *testing.T) {
	path := filepath.Join(t.TempDir(), "orders.log")
	log := inJournal(t, path, 5)
	require.NoError(t, os.Rename(beside(path), beside(path)+".away"))
	_, err := log.Append(context.Background(), events.OrderStream("o-6"), 0, record("o-6"))
	isClear(t, err, store.ErrStorage, path, beside(path), "removed")
	_, err = log.Append(context.Background(), events.OrderStream("o-7"), 0, record("o-7"))
	require.ErrorIs(t, err, store.ErrStorage, "it stops")
	require.NoError(t, log.Close())
	require.NoError(t, os.Rename(beside(path)+".away", beside(path)))
	log = openLog(t, path, nil)
	all, err := readAll(log)
	require.NoError(t, err)
	assert.GreaterOrEqual(t, len(all), 5)
}

// TestJournalGrowsNoFurther: a journal that is full has appends wait, and its space is used again.
func TestJournalGrowsNoFurther(t *testing.T) {
	path := filepath.Join(t.TempDir(), "orders.log")
	const step = 128 << 10
	config := bolt.WithJournal(bolt.Config{}, step)
	log, err := bolt.Open(path, &config)
	require.NoError(t, err)
	appendOrders(t, log, 0, 600) // of a page each
	info, err := os.Stat(beside(path))
	require.NoError(t, err)
	assert.LessOrEqual(t, info.Size(), int64(8192+4*step))
	require.NoError(t, log.Close())
	holds(t, path, nil, 600)
}
