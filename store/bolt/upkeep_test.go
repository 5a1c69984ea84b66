package bolt_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
)

func TestCompactAfterAKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "orders.log")
	log := openLog(t, path, nil)
	grow(t, log, "o", 50)
	killed := killedCopy(t, path)
	size, err := bolt.Compact(context.Background(), killed, nil)
	require.NoError(t, err, "the compaction is done: %+v", size)
	assert.Len(t, frames(t, openLog(t, killed, nil)), 50)
}

func TestCompactedBackupIsStillOne(t *testing.T) {
	dir, ctx := t.TempDir(), context.Background()
	log := openLog(t, filepath.Join(dir, "orders.log"), &bolt.Config{Origin: "shop.example/orders"})
	grow(t, log, "o", 5)
	path := filepath.Join(dir, "backup.log")
	require.NoError(t, log.Backup(ctx, path, nil))
	_, err := bolt.Compact(ctx, path, nil)
	require.NoError(t, err)
	backup, err := bolt.Open(path, &bolt.Config{ReadOnly: true})
	require.NoError(t, err)
	assert.Equal(t, tree(t, log), tree(t, backup), "the log keeps its origin")
	require.NoError(t, backup.Close())
	assert.NotEqual(t, tree(t, log).Origin, tree(t, openLog(t, path, nil)).Origin, "until it goes on")
}

func TestCompactKeepsTheMode(t *testing.T) {
	path := filled(t, 3, 3)
	require.NoError(t, os.Chmod(path, 0o640))
	_, err := bolt.Compact(context.Background(), path, nil)
	require.NoError(t, err)
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o640), info.Mode().Perm())
}

// TestDamagedTileIsDamage: below the seal's edge a tile is proven when the log is opened, for reading too.
func TestDamagedTileIsDamage(t *testing.T) {
	sound := filled(t, 2, 300)
	for name, change := range map[string]func([]byte) []byte{
		"one bit":   func(b []byte) []byte { b[40] ^= 1; return b },
		"one short": func(b []byte) []byte { return b[1:] },
	} {
		path := filepath.Join(t.TempDir(), name)
		copyFile(t, sound, path)
		tamper(func(tx *bbolt.Tx) error {
			tiles, first := tx.Bucket([]byte("tiles")), make([]byte, 9)
			return tiles.Put(first, change(bytes.Clone(tiles.Get(first))))
		})(t, path)
		for _, config := range []*bolt.Config{nil, {ReadOnly: true}} {
			_, err := bolt.Open(path, config)
			isClear(t, err, store.ErrDamaged, path, "seal")
		}
	}
}

func TestClosedReaderSaysSo(t *testing.T) {
	log, err := bolt.Open(filled(t, 1, 1), &bolt.Config{ReadOnly: true})
	require.NoError(t, err)
	require.NoError(t, log.Close())
	_, err = log.Append(context.Background(), events.OrderStream("o-0"), 1, record("x"))
	require.ErrorIs(t, err, store.ErrClosed, "after Close every method fails with it")
}
