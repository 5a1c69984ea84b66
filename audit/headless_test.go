package audit_test

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/audit"
	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store/bolt"
)

// rootPages are the pages that name the buckets of a log, one for each commit that has not been written over.
func rootPages(t *testing.T, path string) (pages []int64) {
	t.Helper()
	image, err := os.ReadFile(path)
	require.NoError(t, err)
	for page := 2; (page+1)*pageBytesUsual <= len(image); page++ {
		p := image[page*pageBytesUsual:][:pageBytesUsual]
		if int(binary.NativeEndian.Uint64(p)) == page && bytes.Contains(p, []byte("operation")) &&
			bytes.Contains(p, []byte("attention")) {
			pages = append(pages, int64(page))
		}
	}
	return pages
}

// A file without header pages is read from the root of its longest log, and says that it was.
func TestVerifyDamaged_WithoutHeaderPages(t *testing.T) {
	whole, signed := shopFileOf(t, fileOrders)
	cfg := withCheckpoints(signed)
	cfg.Keys = nil
	roots := rootPages(t, whole)
	require.Greater(t, len(roots), 1, "older commits left theirs")

	path := duplicate(t, whole)
	overwriteAt(t, path, 0, make([]byte, 2*pageBytesUsual))
	require.ErrorIs(t, opens(t, path), bolt.ErrNotALog, "nobody else takes it")
	r := survivorsOf(t, path, cfg)
	assert.Equal(t, audit.Altered, r.Outcome())
	assert.Equal(t, []uint64{320, 0}, []uint64{r.Records, r.Missing})
	assert.Equal(t, r.Held[0].Checkpoint.Root, r.Seal.Root)
	assert.Equal(t, audit.StateProven, r.Held[0].State)
	assert.Equal(t, audit.StateProven, r.Level(audit.LevelLegality).State)
	require.Len(t, r.Findings, 1)
	assert.Equal(t, audit.AlteredIndex, r.Findings[0].Problem)
	assert.Contains(t, r.Findings[0].Detail, "both of its header pages are damaged")

	editIn(t, whole, fileSpot, func(record *events.Record) { record.Actor = "mallory" })
	path = duplicate(t, whole)
	overwriteAt(t, path, 0, make([]byte, 2*pageBytesUsual))
	first, found := survivorsOf(t, path, cfg).First()
	require.True(t, found)
	assert.Equal(t, audit.AlteredRecord, first.Problem)
	assert.EqualValues(t, fileSpot, first.Position)

	for _, page := range rootPages(t, path) {
		overwriteAt(t, path, page*pageBytesUsual, make([]byte, pageBytesUsual))
	}
	_, err := bolt.OpenDamaged(path)
	require.ErrorIs(t, err, bolt.ErrNotALog, "nothing says that it was one")
	refusedCorpus["both header pages"].damage(t, path)
	overwriteAt(t, path, 0, headerOf(t, whole))
	r = survivorsOf(t, path, nil)
	assert.Equal(t, audit.Unreadable, r.Outcome(), "but a header that is damaged does")
	assert.Contains(t, r.Findings[0].Detail, "header pages")
}

// headerOf is the beginning of a file's first page: enough to know it by, and no more.
func headerOf(t *testing.T, path string) []byte {
	t.Helper()
	image, err := os.ReadFile(path)
	require.NoError(t, err)
	return image[:20]
}

// What is no log of ours is none without header pages either.
func TestOpenDamaged_OfNoLog(t *testing.T) {
	noise := filepath.Join(t.TempDir(), "noise")
	require.NoError(t, os.WriteFile(noise, bytes.Repeat([]byte("meta log attention operation "), 1<<12), 0o600))
	for _, path := range []string{noise, t.TempDir()} {
		_, err := bolt.OpenDamaged(path)
		require.ErrorIs(t, err, bolt.ErrNotALog)
	}
}
