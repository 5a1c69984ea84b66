package salvage_test

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
	"github.com/tilltape/tilltape/store/bolt/salvage"
)

// crashed is what a process leaves that was killed with records in its journal: the bytes of both files, and how many
// records they have, of which so many are in the file.
type crashed struct {
	file, journal []byte
	records       int
	filed         int
}

func makeCrashed(t *testing.T, config bolt.Config) (c crashed) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "orders.log")
	count := func(log *bolt.Log) (n int) {
		for _, err := range log.All(context.Background(), store.Start()) {
			require.NoError(t, err)
			n++
		}
		return n
	}
	log, err := bolt.Open(path, &config)
	require.NoError(t, err)
	fill(t, log, 0, 90)
	c.filed = count(log)
	require.NoError(t, log.Close())
	config.Journal = true
	log, err = bolt.Open(path, &config)
	require.NoError(t, err)
	fill(t, log, 90, 150)
	c.records = count(log)
	c.file, err = os.ReadFile(path)
	require.NoError(t, err)
	c.journal, err = os.ReadFile(path + "-journal")
	require.NoError(t, err)
	require.NoError(t, log.Close())
	return c
}

func (c crashed) put(t *testing.T, file, journal []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "orders.log")
	require.NoError(t, os.WriteFile(path, file, 0o600))
	if journal != nil {
		require.NoError(t, os.WriteFile(path+"-journal", journal, 0o600))
	}
	return path
}

func reportOf(t *testing.T, path string) (*salvage.Found, salvage.Report) {
	t.Helper()
	found, err := salvage.Read(context.Background(), path, nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = found.Close() })
	return found, found.Report()
}

// TestTheJournalOfABrokenFile: whatever keeps bbolt from opening the file, what was acknowledged last is in the other.
func TestTheJournalOfABrokenFile(t *testing.T) {
	for name, unsealed := range map[string]bool{"sealed": false, "unsealed": true} {
		t.Run(name, func(t *testing.T) {
			c := makeCrashed(t, bolt.Config{Unsealed: unsealed})
			for what, spoil := range map[string]func(file []byte){
				"nothing":      func([]byte) {},
				"header pages": func(file []byte) { clear(file[:2*os.Getpagesize()]) },
			} {
				file := bytes.Clone(c.file)
				spoil(file)
				path := c.put(t, file, c.journal)
				found, report := reportOf(t, path)
				assert.EqualValues(t, c.records, report.Taken, what)
				assert.True(t, report.Whole(), what)
				assert.Equal(t, c.records-c.filed, report.Frames.ByJournal, what)
				require.NotNil(t, report.Journal, what)
				assert.Equal(t, salvage.JournalReport{Path: report.Journal.Path, Records: uint64(c.records - c.filed)},
					*report.Journal, what)
				assert.Contains(t, report.String(), "journal    "+report.Journal.Path)
				to := filepath.Join(t.TempDir(), "salvaged.log")
				require.NoError(t, found.Write(context.Background(), to, nil))
				log, err := bolt.Open(to, &bolt.Config{ReadOnly: true})
				require.NoError(t, err)
				require.NoError(t, log.Verify(context.Background(), nil))
				require.NoError(t, log.Close())
			}
		})
	}
}

// TestADamagedJournalGivesWhatItHas, and says what is wrong with it.
func TestADamagedJournalGivesWhatItHas(t *testing.T) {
	c := makeCrashed(t, bolt.Config{})
	for what, damage := range map[string]struct {
		spoil func(journal []byte) []byte
		says  string
		none  bool // nothing of it is left
	}{
		"a record rots":  {spoil: func(b []byte) []byte { b[8192+3*4096+100]++; return b }, says: "bytes from 20480 on"},
		"its end is cut": {spoil: func(b []byte) []byte { return b[:8192+5*4096] }, says: "cut short"},
		"its length":     {spoil: func(b []byte) []byte { b[4100]++; return b }, says: "how long it is"},
		"its header":     {spoil: func(b []byte) []byte { b[100]++; return b }, says: "no journal", none: true},
	} {
		path := c.put(t, c.file, damage.spoil(bytes.Clone(c.journal)))
		_, report := reportOf(t, path)
		require.NotNil(t, report.Journal, what)
		assert.Contains(t, report.Journal.Fault, damage.says, what)
		if damage.none {
			assert.EqualValues(t, c.filed, report.Taken, what)
			continue
		}
		assert.Greater(t, report.Taken, uint64(c.filed), what)
		assert.LessOrEqual(t, report.Taken, uint64(c.records), what)
	}
}

// TestAForeignJournalDoesNotCount: it is of another log, or of another opening of this one.
func TestAForeignJournalDoesNotCount(t *testing.T) {
	c, other := makeCrashed(t, bolt.Config{}), makeCrashed(t, bolt.Config{})
	_, report := reportOf(t, c.put(t, c.file, other.journal))
	assert.EqualValues(t, c.filed, report.Taken)
	assert.True(t, report.Journal.Foreign)
	assert.Contains(t, report.String(), "is not the one that the file names")
	_, report = reportOf(t, c.put(t, c.file, nil))
	assert.Nil(t, report.Journal)
}
