package bolt_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
)

// metaOf is the bucket meta of a file.
func metaOf(t *testing.T, path string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	db, err := bbolt.Open(path, 0, &bbolt.Options{ReadOnly: true})
	require.NoError(t, err)
	defer db.Close()
	require.NoError(t, db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte("meta")).ForEach(func(key, value []byte) error {
			all[string(key)] = bytes.Clone(value)
			return nil
		})
	}))
	return all
}

// setMeta makes a file's bucket meta hold just these entries.
func setMeta(t *testing.T, path string, entries map[string][]byte) {
	t.Helper()
	tamper(func(tx *bbolt.Tx) error {
		if err := tx.DeleteBucket([]byte("meta")); err != nil {
			return err
		}
		meta, err := tx.CreateBucket([]byte("meta"))
		for key, value := range entries {
			if err == nil {
				err = meta.Put([]byte(key), append([]byte{}, value...))
			}
		}
		return err
	})(t, path)
}

// metaSum is the sum of a bucket meta, by the words of docs/reference.
func metaSum(entries map[string][]byte) []byte {
	digest := sha256.New()
	for _, key := range slices.Sorted(maps.Keys(entries)) {
		if key == "sum" {
			continue
		}
		for _, part := range [][]byte{[]byte(key), entries[key]} {
			digest.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
			digest.Write(part)
		}
	}
	return digest.Sum(nil)
}

// goneOn makes a log that went on from a backup, so that all its entries say something.
func goneOn(t *testing.T, config *bolt.Config) string {
	t.Helper()
	log := openLog(t, filledWith(t, config, 1, 3), nil)
	path := filepath.Join(t.TempDir(), "backup.log")
	require.NoError(t, log.Backup(context.Background(), path, nil))
	again, err := bolt.Open(path, nil)
	require.NoError(t, err)
	grow(t, again, "more", 2)
	require.NoError(t, again.Close())
	return path
}

func TestMetaIsSummed(t *testing.T) {
	for _, config := range []*bolt.Config{nil, {Unsealed: true}} {
		path := goneOn(t, config)
		entries := metaOf(t, path)
		assert.Equal(t, metaSum(entries), entries["sum"], "as docs/reference says it")
	}
}

// refusesMeta checks that no opening takes a log whose bucket meta holds these entries, and returns one of the errors.
func refusesMeta(t *testing.T, sound string, entries map[string][]byte, what string) (err error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "orders.log")
	copyFile(t, sound, path)
	setMeta(t, path, entries)
	for _, config := range []*bolt.Config{{ReadOnly: true}, nil} {
		var log *bolt.Log
		if log, err = bolt.Open(path, config); err == nil {
			_ = log.Close()
			t.Errorf("%s: a log whose meta was altered is opened", what)
			return nil
		}
		if what != "magic" && what != "format" {
			require.ErrorIs(t, err, store.ErrDamaged, what)
		}
	}
	return err
}

// TestNoBitOfMetaCanChange: of every key and value one bit of each byte is flipped, and every entry is taken out,
// emptied and put beside another.
func TestNoBitOfMetaCanChange(t *testing.T) {
	for _, config := range []*bolt.Config{nil, {Unsealed: true}} {
		path := goneOn(t, config)
		sound := metaOf(t, path)
		altered := func(change func(entries map[string][]byte)) map[string][]byte {
			entries := maps.Clone(sound)
			change(entries)
			return entries
		}
		step := long.Rounds(1, 5)
		for key, value := range sound {
			for i := 0; i < len(value); i += step {
				refusesMeta(t, path, altered(func(e map[string][]byte) {
					e[key] = bytes.Clone(value)
					e[key][i] ^= 1 << (i % 8)
				}), key)
			}
			for i := range key {
				other := []byte(key)
				other[i] ^= 1 << (i % 5)
				refusesMeta(t, path, altered(func(e map[string][]byte) { delete(e, key); e[string(other)] = value }), key)
			}
			refusesMeta(t, path, altered(func(e map[string][]byte) { delete(e, key) }), key)
			if len(value) > 0 {
				refusesMeta(t, path, altered(func(e map[string][]byte) { e[key] = nil }), key)
			}
		}
	}
}

// TestMetaMustMakeSense: whoever gives the entries a sum that fits still has to keep to what a log can say of itself.
func TestMetaMustMakeSense(t *testing.T) {
	sealed, bare := goneOn(t, nil), goneOn(t, &bolt.Config{Unsealed: true})
	past := func(e map[string][]byte) string { return string(e["ancestry"]) }
	for name, c := range map[string]struct {
		of     string
		change func(e map[string][]byte)
		words  string
	}{
		"no frontier": {sealed, func(e map[string][]byte) { delete(e, "frontier") }, "no seal, and not the mark"},
		"frontier renamed": {sealed, func(e map[string][]byte) { e["frontieq"] = e["frontier"]; delete(e, "frontier") },
			"no seal, and not the mark"},
		"marked as unsealed": {sealed, func(e map[string][]byte) { e["unsealed"] = []byte{1} }, "is marked as having none"},
		"unsealed with an origin": {sealed, func(e map[string][]byte) { delete(e, "frontier"); e["unsealed"] = []byte{1} },
			`an entry "ancestry"`},
		"no mark":            {bare, func(e map[string][]byte) { delete(e, "unsealed") }, "no seal, and not the mark"},
		"mark without sense": {bare, func(e map[string][]byte) { e["unsealed"] = []byte{2} }, "mark"},
		"bare with origin":   {bare, func(e map[string][]byte) { e["origin"] = []byte("shop") }, `an entry "origin"`},
		"no origin":          {sealed, func(e map[string][]byte) { delete(e, "origin") }, `no entry "origin"`},
		"empty origin":       {sealed, func(e map[string][]byte) { e["origin"] = nil }, "origin"},
		"another origin":     {sealed, func(e map[string][]byte) { e["origin"] = []byte("shop.example/orders") }, "origin"},
		"no ancestry":        {sealed, func(e map[string][]byte) { delete(e, "ancestry") }, `no entry "ancestry"`},
		"garbled ancestry":   {sealed, func(e map[string][]byte) { e["ancestry"] = []byte("3 00 x\n") }, "earlier origins"},
		"ancestry cut": {sealed, func(e map[string][]byte) { e["ancestry"] = []byte(past(e)[:len(past(e))-1]) },
			"earlier origins"},
		"no copied":        {sealed, func(e map[string][]byte) { delete(e, "copied") }, `no entry "copied"`},
		"copied twice":     {sealed, func(e map[string][]byte) { e["copied"] = []byte{2} }, "backup"},
		"no covered":       {sealed, func(e map[string][]byte) { delete(e, "covered") }, `no entry "covered"`},
		"no filing":        {sealed, func(e map[string][]byte) { delete(e, "filing") }, `no entry "filing"`},
		"filing covered":   {sealed, func(e map[string][]byte) { e["filing"] = position(4) }, "cover"},
		"filing beyond":    {sealed, func(e map[string][]byte) { e["filing"] = position(99) }, "cover"},
		"filing no number": {sealed, func(e map[string][]byte) { e["filing"] = []byte{1, 2} }, "cover"},
		"an unknown entry": {sealed, func(e map[string][]byte) { e["note"] = []byte("x") }, `an entry "note"`},
	} {
		entries := metaOf(t, c.of)
		c.change(entries)
		entries["sum"] = metaSum(entries)
		err := refusesMeta(t, c.of, entries, name)
		require.Error(t, err, name)
		assert.ErrorContains(t, err, c.words, name)
	}
	entries := metaOf(t, sealed)
	delete(entries, "sum")
	assert.ErrorContains(t, refusesMeta(t, sealed, entries, "no sum"), `no entry "sum"`)
}

func TestTilesWithoutASealAreDamage(t *testing.T) {
	path := filledWith(t, &bolt.Config{Unsealed: true}, 1, 3)
	tamper(func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte("tiles")).Put(make([]byte, 9), make([]byte, seal.TileSize))
	})(t, path)
	for _, config := range []*bolt.Config{{ReadOnly: true}, nil} {
		_, err := bolt.Open(path, config)
		isClear(t, err, store.ErrDamaged, path, "tiles")
	}
}

// TestSignerNeedsASeal: a signer on a log that turns out to have no seal is an error at once, not at the first
// checkpoint.
func TestSignerNeedsASeal(t *testing.T) {
	path := filledWith(t, &bolt.Config{Unsealed: true}, 1, 3)
	for _, readOnly := range []bool{false, true} {
		_, err := bolt.Open(path, &bolt.Config{Signer: newSigner(t, "shop.example"), ReadOnly: readOnly})
		isClear(t, err, store.ErrInvalid, path, "without a seal", "Config.Signer", "backup")
	}
	fresh := filepath.Join(t.TempDir(), "orders.log")
	_, err := bolt.Open(fresh, &bolt.Config{Unsealed: true, Signer: newSigner(t, "shop.example")})
	isClear(t, err, store.ErrInvalid, fresh, "Config.Unsealed or Config.Signer")
	assert.NoFileExists(t, fresh)
}

// TestVerifyProvesTheAncestry: the records begin with what the log is said to have held under its earlier origin, which
// neither the sum nor the form of the list can show.
func TestVerifyProvesTheAncestry(t *testing.T) {
	for name, change := range map[string]func(size *uint64, root *[]byte){
		"another root": func(_ *uint64, root *[]byte) { (*root)[3] ^= 1 },
		"another size": func(size *uint64, _ *[]byte) { *size-- },
		"beyond":       func(size *uint64, _ *[]byte) { *size = 99 },
	} {
		t.Run(name, func(t *testing.T) {
			path := goneOn(t, nil)
			entries := metaOf(t, path)
			var size uint64
			var root []byte
			var origin string
			_, err := fmt.Sscanf(string(entries["ancestry"]), "%d %x %s\n", &size, &root, &origin)
			require.NoError(t, err)
			change(&size, &root)
			entries["ancestry"] = fmt.Appendf(nil, "%d %x %s\n", size, root, origin)
			entries["sum"] = metaSum(entries)
			setMeta(t, path, entries)
			log := openLog(t, path, &bolt.Config{ReadOnly: true})
			isClear(t, log.Verify(context.Background(), nil), store.ErrDamaged, path, origin)
		})
	}
}

// TestMetaIsWrittenFromMemory: what rots in the file under an open log is not summed up anew by the next commit.
func TestMetaIsWrittenFromMemory(t *testing.T) {
	path, ctx := filled(t, 1, 3), context.Background()
	origin := string(metaOf(t, path)["origin"])
	log, err := bolt.Open(path, nil)
	require.NoError(t, err)
	require.Positive(t, rot(t, path, []byte(origin), 0))
	isClear(t, log.Verify(ctx, nil), store.ErrDamaged, path)
	assert.Equal(t, origin, tree(t, log).Origin, "checkpoints name the log as it was opened")
	grow(t, log, "more", 1)
	isClear(t, log.Verify(ctx, nil), store.ErrDamaged, path)
	backup := path + ".backup"
	require.NoError(t, log.Backup(ctx, backup, nil))
	require.NoError(t, log.Close())
	_, err = bolt.Open(path, nil)
	isClear(t, err, store.ErrDamaged, path, "sum")
	assert.Equal(t, origin, string(metaOf(t, backup)["origin"]), "and a backup is of the log as it was opened")
}
