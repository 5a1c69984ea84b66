package bolt_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
)

func openLog(t *testing.T, path string, config *bolt.Config) *bolt.Log {
	t.Helper()
	log, err := bolt.Open(path, config)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, log.Close()) })
	return log
}

// grow appends one record to each of so many orders.
func grow(t *testing.T, log store.Log, prefix string, orders int) {
	t.Helper()
	for i := range orders {
		id := fmt.Sprintf("%s-%d", prefix, i)
		_, err := log.Append(context.Background(), events.OrderStream(id), 0, record(id))
		require.NoError(t, err)
	}
}

func frames(t *testing.T, log store.Log) (all []string) {
	t.Helper()
	records, err := readAll(log)
	require.NoError(t, err)
	for _, r := range records {
		frame, err := events.AppendFrame(nil, r)
		require.NoError(t, err)
		all = append(all, string(frame))
	}
	return all
}

func tree(t *testing.T, log *bolt.Log) seal.Checkpoint {
	t.Helper()
	c, err := log.Tree(context.Background())
	require.NoError(t, err)
	return c
}

func TestBackupOfALogInUse(t *testing.T) {
	dir, ctx := t.TempDir(), context.Background()
	log := openLog(t, filepath.Join(dir, "orders.log"), bolt.SmallGenerations(50))
	grow(t, log, "before", 300)
	before := tree(t, log)
	var group sync.WaitGroup
	for w := range 4 {
		group.Go(func() { grow(t, log, fmt.Sprintf("meanwhile-%d", w), 40) })
	}
	path, told := filepath.Join(dir, "backup.log"), uint64(0)
	require.NoError(t, log.Backup(ctx, path, func(done, total uint64) {
		assert.LessOrEqual(t, done, total)
		told = done
	}))
	group.Wait()

	backup := openLog(t, path, &bolt.Config{ReadOnly: true})
	got := tree(t, backup)
	assert.Equal(t, told, got.Size)
	assert.GreaterOrEqual(t, got.Size, before.Size, "all that was appended before")
	assert.Equal(t, before.Origin, got.Origin, "as long as it is only read it is what it is a copy of")
	assert.Equal(t, frames(t, log)[:got.Size], frames(t, backup), "byte for byte")
	proof, err := log.ProveConsistency(ctx, got.Size, tree(t, log).Size)
	require.NoError(t, err)
	require.NoError(t, seal.VerifyConsistency(proof, got.Size, got.Root, tree(t, log).Size, tree(t, log).Root))
	assert.Zero(t, backup.Recovery().Records, "nothing is left to do for its opening")
	owner, err := backup.Lookup(ctx, "paymentId:before-7")
	require.NoError(t, err)
	assert.Equal(t, events.OrderStream("before-7"), owner)
	require.NoError(t, backup.Verify(ctx, nil))
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, left, 2, "nothing lies about: %v", left)
}

func TestBackupThatGoesOnIsAnotherLog(t *testing.T) {
	dir, ctx := t.TempDir(), context.Background()
	log := openLog(t, filepath.Join(dir, "orders.log"), &bolt.Config{Origin: "shop.example/orders"})
	grow(t, log, "o", 5)
	first := tree(t, log)
	require.True(t, strings.HasPrefix(first.Origin, "shop.example/orders/"), first.Origin)
	path := filepath.Join(dir, "backup.log")
	require.NoError(t, log.Backup(ctx, path, nil))

	restored, err := bolt.Open(path, nil)
	require.NoError(t, err)
	second := tree(t, restored)
	assert.NotEqual(t, first.Origin, second.Origin)
	assert.True(t, strings.HasPrefix(second.Origin, "shop.example/orders/"), "still the same shop's: %s", second.Origin)
	past, err := restored.Ancestry(ctx)
	require.NoError(t, err)
	assert.Equal(t, []seal.Checkpoint{first}, past)
	grow(t, restored, "more", 3)
	require.NoError(t, restored.Backup(ctx, filepath.Join(dir, "again.log"), nil))
	require.NoError(t, restored.Close())

	restored = openLog(t, path, nil)
	assert.Equal(t, second.Origin, tree(t, restored).Origin, "once, not at every opening")
	third := openLog(t, filepath.Join(dir, "again.log"), nil)
	past, err = third.Ancestry(ctx)
	require.NoError(t, err)
	require.Len(t, past, 2)
	assert.Equal(t, first, past[0])
	assert.Equal(t, tree(t, restored), past[1])
}

func TestBackupReplacesNothing(t *testing.T) {
	dir, ctx := t.TempDir(), context.Background()
	log := openLog(t, filepath.Join(dir, "orders.log"), nil)
	grow(t, log, "o", 3)
	taken := filepath.Join(dir, "taken.log")
	require.NoError(t, os.WriteFile(taken, []byte("dear"), 0o600))
	isClear(t, log.Backup(ctx, taken, nil), store.ErrStorage, taken, "replaces nothing")
	kept, err := os.ReadFile(taken)
	require.NoError(t, err)
	assert.Equal(t, "dear", string(kept))
	nowhere := filepath.Join(dir, "nowhere", "x.log")
	isClear(t, log.Backup(ctx, nowhere, nil), store.ErrStorage, nowhere, "directory")
	require.ErrorIs(t, log.Backup(ctx, "", nil), store.ErrInvalid)
	ended, cancel := context.WithCancel(ctx)
	cancel()
	require.ErrorIs(t, log.Backup(ended, filepath.Join(dir, "x.log"), nil), context.Canceled)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, left, 2, "what fails leaves nothing behind: %v", left)
}

func TestBackupOfADamagedLogFails(t *testing.T) {
	path := filled(t, 2, 300)
	tamper(readDamages()["a frame is cut short"].change)(t, path)
	log := openLog(t, path, nil)
	to := filepath.Join(filepath.Dir(path), "backup.log")
	isClear(t, log.Backup(context.Background(), to, nil), store.ErrDamaged, path, "position 3")
	_, err := os.Stat(to)
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestCompact(t *testing.T) {
	t.Parallel()
	path, ctx := filepath.Join(t.TempDir(), "orders.log"), context.Background()
	log, err := bolt.Open(path, bolt.SmallGenerations(20))
	require.NoError(t, err)
	grow(t, log, "o", 400)
	was, all := tree(t, log), frames(t, log)
	_, err = bolt.Compact(ctx, path, nil)
	isClear(t, err, bolt.ErrLocked, path)
	require.NoError(t, log.Close())

	told := uint64(0)
	size, err := bolt.Compact(ctx, path, func(done, _ uint64) { told = done })
	require.NoError(t, err)
	assert.Less(t, size.After, size.Before)
	assert.EqualValues(t, 400, told)
	log = openLog(t, path, nil)
	assert.Equal(t, was, tree(t, log), "it is the same log")
	assert.Equal(t, all, frames(t, log))
	require.NoError(t, log.Verify(ctx, nil))
	grow(t, log, "more", 1)
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	_, err = bolt.Compact(ctx, filepath.Join(t.TempDir(), "none.log"), nil)
	require.ErrorIs(t, err, store.ErrStorage, "nothing is made where nothing is")
	empty := filepath.Join(t.TempDir(), "empty.log")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	_, err = bolt.Compact(ctx, empty, nil)
	require.ErrorIs(t, err, bolt.ErrNotALog, "nor of nothing")
	info, err = os.Stat(empty)
	require.NoError(t, err)
	assert.Zero(t, info.Size())
}

func TestCompactThroughALink(t *testing.T) {
	dir := t.TempDir()
	log, err := bolt.Open(filepath.Join(dir, "real.log"), nil)
	require.NoError(t, err)
	grow(t, log, "o", 50)
	require.NoError(t, log.Close())
	link := filepath.Join(dir, "orders.log")
	require.NoError(t, os.Symlink(filepath.Join(dir, "real.log"), link))
	_, err = bolt.Compact(context.Background(), link, nil)
	require.NoError(t, err)
	info, err := os.Lstat(link)
	require.NoError(t, err)
	assert.NotZero(t, info.Mode()&os.ModeSymlink, "the link stays a link")
	assert.Len(t, frames(t, openLog(t, link, nil)), 50)
}
