package bolt_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
)

// openedWith opens the log with the configuration, has it looked at, and closes it.
func openedWith(t *testing.T, path string, config *bolt.Config, look func(*bolt.Log)) {
	t.Helper()
	log, err := bolt.Open(path, config)
	require.NoError(t, err)
	look(log)
	require.NoError(t, log.Close())
}

// pastOf is what the log says it held under earlier origins.
func pastOf(t *testing.T, log *bolt.Log) []seal.Checkpoint {
	t.Helper()
	past, err := log.Ancestry(context.Background())
	require.NoError(t, err)
	return past
}

// TestALogWithoutANameTakesOne: as soon as somebody gives it one, by name or by signer, once, and on record.
func TestALogWithoutANameTakesOne(t *testing.T) {
	ctx, signer := context.Background(), newSigner(t, "shop.example")
	for what, config := range map[string]*bolt.Config{
		"signer": {Signer: signer},
		"origin": {Origin: "shop.example"},
		"both":   {Origin: "shop.example", Signer: signer},
	} {
		for _, orders := range []int{0, 300} {
			path := filled(t, orders, 1)
			var was, now seal.Checkpoint
			openedWith(t, path, nil, func(log *bolt.Log) { was = tree(t, log) })
			require.True(t, strings.HasPrefix(was.Origin, bolt.DefaultOrigin+"/"), was.Origin)
			openedWith(t, path, config, func(log *bolt.Log) {
				now = tree(t, log)
				assert.True(t, strings.HasPrefix(now.Origin, "shop.example/"), "%s: %s", what, now.Origin)
				assert.Equal(t, was.Root, now.Root, what)
				assert.Equal(t, []seal.Checkpoint{was}, pastOf(t, log), what)
				grow(t, log, "more", 3)
				require.NoError(t, log.Verify(ctx, nil), what)
			})
			openedWith(t, path, &bolt.Config{Signer: signer}, func(log *bolt.Log) {
				signed, err := log.Checkpoint(ctx)
				require.NoError(t, err, what)
				read, err := seal.Open(signed, signer.Verifier())
				require.NoError(t, err, what)
				assert.Equal(t, now.Origin, read.Origin, "%s: once, not at every opening", what)
				assert.Len(t, pastOf(t, log), 1, what)
			})
		}
	}
}

func TestCopiesKeepTheNameThatALogTook(t *testing.T) {
	ctx, path, config := context.Background(), filled(t, 2, 20), &bolt.Config{Signer: newSigner(t, "shop.example")}
	backup := filepath.Join(filepath.Dir(path), "backup.log")
	var now seal.Checkpoint
	var past []seal.Checkpoint
	openedWith(t, path, config, func(log *bolt.Log) {
		now, past = tree(t, log), pastOf(t, log)
		require.NoError(t, log.Backup(ctx, backup, nil))
	})
	_, err := bolt.Compact(ctx, path, nil)
	require.NoError(t, err)
	for file, config := range map[string]*bolt.Config{path: config, backup: {ReadOnly: true}} {
		openedWith(t, file, config, func(log *bolt.Log) {
			assert.Equal(t, now, tree(t, log), file)
			assert.Equal(t, past, pastOf(t, log), file)
			require.NoError(t, log.Verify(ctx, nil), file)
		})
	}
	openedWith(t, backup, config, func(log *bolt.Log) {
		assert.Equal(t, append(past, now), pastOf(t, log), "a backup that goes on is a log of its own")
	})
}

func TestALogKeepsItsName(t *testing.T) {
	path := filepath.Join(t.TempDir(), "orders.log")
	shop, other := newSigner(t, "shop.example"), newSigner(t, "other.example")
	openedWith(t, path, nil, func(*bolt.Log) {})
	openedWith(t, path, &bolt.Config{Signer: shop}, func(*bolt.Log) {})
	before := metaOf(t, path)
	_, err := bolt.Open(path, &bolt.Config{Signer: other})
	isClear(t, err, store.ErrInvalid, path, `"shop.example"`, `"other.example"`, "Config.Signer")
	_, err = bolt.Open(path, &bolt.Config{Origin: "other.example"})
	isClear(t, err, store.ErrInvalid, path, `"shop.example"`, `"other.example"`, "Config.Origin")
	assert.Equal(t, before, metaOf(t, path))
	for _, config := range []*bolt.Config{nil, {Origin: "shop.example"}, {Signer: shop},
		{Origin: "shop.example", Signer: shop}} {
		openedWith(t, path, config, func(log *bolt.Log) { assert.Len(t, pastOf(t, log), 1) })
	}

	fresh := filepath.Join(t.TempDir(), "orders.log")
	_, err = bolt.Open(fresh, &bolt.Config{Origin: "shop.example/orders", Signer: other})
	isClear(t, err, store.ErrInvalid, fresh, `"shop.example/orders"`, `"other.example"`, "Config.Signer")
	assert.NoFileExists(t, fresh)
	openedWith(t, fresh, &bolt.Config{Origin: "shop.example/orders", Signer: shop}, func(log *bolt.Log) {
		_, err := log.Checkpoint(context.Background())
		require.NoError(t, err, "a key speaks for what is below its name")
	})
}

// TestALogThatIsOnlyReadTakesNoName: nothing is written to it.
func TestALogThatIsOnlyReadTakesNoName(t *testing.T) {
	path := filled(t, 1, 3)
	signer := newSigner(t, "shop.example")
	before := metaOf(t, path)
	openedWith(t, path, &bolt.Config{ReadOnly: true, Signer: signer}, func(log *bolt.Log) {
		_, err := log.Checkpoint(context.Background())
		isClear(t, err, store.ErrInvalid, path, bolt.DefaultOrigin, "open it once without Config.ReadOnly")
	})
	assert.Equal(t, before, metaOf(t, path))
}

// TestASignerIsGivenAsItsKey too: by whoever needs no package seal, as the text that the key's file has.
func TestASignerIsGivenAsItsKey(t *testing.T) {
	ctx, path := context.Background(), filepath.Join(t.TempDir(), "orders.tilltape")
	key, public, err := seal.GenerateKey(nil, "shop.example")
	require.NoError(t, err)
	verifier, err := seal.NewVerifier(public)
	require.NoError(t, err)
	openedWith(t, path, &bolt.Config{SignerKey: key + "\n"}, func(log *bolt.Log) {
		signed, err := log.Checkpoint(ctx)
		require.NoError(t, err)
		read, err := seal.Open(signed, verifier)
		require.NoError(t, err)
		assert.True(t, strings.HasPrefix(read.Origin, "shop.example/"), read.Origin)
	})
	for says, config := range map[string]*bolt.Config{
		"Config.SignerKey: ":          {SignerKey: key[1:]},
		"are both given":              {SignerKey: key, Signer: newSigner(t, "shop.example")},
		"Config.Unsealed":             {SignerKey: key, Unsealed: true},
		"speaks for \"shop.example\"": {SignerKey: key, Origin: "mall.example"},
	} {
		_, err := bolt.Open(path, config)
		require.ErrorIs(t, err, store.ErrInvalid, says)
		assert.ErrorContains(t, err, says)
		assert.NotContains(t, err.Error(), key[len(key)-20:], "no error shows the key")
	}
}
