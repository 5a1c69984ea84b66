package bolt_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
)

func newSigner(t *testing.T, name string) *seal.Signer {
	t.Helper()
	key, _, err := seal.GenerateKey(nil, name)
	require.NoError(t, err)
	signer, err := seal.NewSigner(key)
	require.NoError(t, err)
	return signer
}

// TestCheckpointsProveTheLog: over the edges of tiles and over openings, every checkpoint is signed, every record is
// proven by its bytes alone, and every checkpoint continues all earlier ones.
func TestCheckpointsProveTheLog(t *testing.T) {
	path, ctx := filepath.Join(t.TempDir(), "orders.log"), context.Background()
	signer := newSigner(t, "shop.example/orders")
	config := &bolt.Config{Signer: signer}
	var past []seal.Checkpoint
	for _, orders := range []int{0, 1, 254, 1, 1, 300} {
		log, err := bolt.Open(path, config)
		require.NoError(t, err)
		grow(t, log, string(rune('a'+len(past))), orders)
		signed, err := log.Checkpoint(ctx)
		require.NoError(t, err)
		now, err := seal.Open(signed, signer.Verifier())
		require.NoError(t, err)
		assert.Equal(t, tree(t, log), now)
		for _, old := range past {
			assert.Equal(t, old.Origin, now.Origin)
			proof, err := log.ProveConsistency(ctx, old.Size, now.Size)
			require.NoError(t, err)
			require.NoError(t, seal.VerifyConsistency(proof, old.Size, old.Root, now.Size, now.Root))
		}
		past = append(past, now)
		all := frames(t, log)
		for position := uint64(1); position <= now.Size; position += 51 {
			proof, err := log.Prove(ctx, position)
			require.NoError(t, err)
			_, err = proof.Verify([]byte(all[position-1]), signer.Verifier())
			require.NoError(t, err, "position %d of %d", position, now.Size)
			_, err = proof.Verify([]byte(all[position%now.Size]), signer.Verifier())
			if now.Size > 1 {
				require.ErrorIs(t, err, seal.ErrProof, "another record")
			}
		}
		require.NoError(t, log.Verify(ctx, nil))
		require.NoError(t, log.Close())
	}
}

func TestSealRefusals(t *testing.T) {
	dir, ctx := t.TempDir(), context.Background()
	log := openLog(t, filepath.Join(dir, "orders.log"), nil)
	_, err := log.Checkpoint(ctx)
	isClear(t, err, store.ErrInvalid, "orders.log", "Config.Signer")
	_, err = log.ProveConsistency(ctx, 0, 1)
	isClear(t, err, store.ErrInvalid, "it has 0")

	bare := openLog(t, filepath.Join(dir, "bare.log"), &bolt.Config{Unsealed: true})
	grow(t, bare, "o", 3)
	_, err = bare.Tree(ctx)
	isClear(t, err, store.ErrInvalid, "bare.log", "Config.Unsealed")
	_, err = bare.ProveConsistency(ctx, 1, 2)
	isClear(t, err, store.ErrInvalid, "bare.log", "Config.Unsealed")
	_, err = bare.Ancestry(ctx)
	isClear(t, err, store.ErrInvalid, "bare.log", "Config.Unsealed")
	require.NoError(t, bare.Verify(ctx, nil), "links, heads and keys can be verified without a seal")

	signed := openLog(t, filepath.Join(dir, "signed.log"), &bolt.Config{Signer: newSigner(t, "shop.example")})
	for _, position := range []uint64{0, 1} {
		_, err = signed.Prove(ctx, position)
		isClear(t, err, store.ErrInvalid, "position")
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	_, err = signed.Tree(ended)
	require.ErrorIs(t, err, context.Canceled)

	_, err = bolt.Open(filepath.Join(dir, "other.log"), &bolt.Config{Origin: "two words"})
	isClear(t, err, store.ErrInvalid, "Origin", "space")
}

// TestAlteredRecordIsSeen: whoever changes a record so well that it still reads, and even the hashes beside it, is
// found out by an auditor with a checkpoint; and without touching the hashes, by Verify.
func TestAlteredRecordIsSeen(t *testing.T) {
	path, ctx := filled(t, 2, 200), context.Background()
	before := func() seal.Checkpoint {
		log := openLog(t, path, &bolt.Config{ReadOnly: true})
		defer log.Close()
		return tree(t, log)
	}()
	alterOne(t, path, 7, func(r *events.Record) { r.Actor = "somebody else" })
	log := openLog(t, path, nil)
	err := log.Verify(ctx, nil)
	isClear(t, err, store.ErrDamaged, path, "position 7", "seal")
	assert.Equal(t, before.Root, tree(t, log).Root,
		"the hashes alone still look right, which is why Verify reads the records")
}
