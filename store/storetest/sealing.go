package storetest

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
)

// Sealed is a log that proves what it holds, as every log of a factory with a [Seal] has to be.
type Sealed interface {
	store.Log
	store.Checkpointer

	// Tree is what Checkpoint signs.
	Tree(ctx context.Context) (seal.Checkpoint, error)
	// Prove proves the record at a position, counted from 1, in the log as it is now. Where there is none, the error wraps
	// [store.ErrInvalid].
	Prove(ctx context.Context, position uint64) (seal.Proof, error)
	// ProveConsistency proves that the log of size records begins with the log of old records. Where it never had as many,
	// the error wraps [store.ErrInvalid].
	ProveConsistency(ctx context.Context, old, size uint64) ([]seal.Hash, error)
	// Ancestry is what the log held under each of its earlier origins, oldest first.
	Ancestry(ctx context.Context) ([]seal.Checkpoint, error)
	// Verify proves every record by what was sealed; the error wraps [store.ErrDamaged].
	Verify(ctx context.Context, progress func(done, total uint64)) error
}

// Seal is what the suite has to know of logs that seal themselves. What an engine cannot do is nil, and is not asked
// for.
type Seal struct {
	// Verifier is of the key that signs the logs' checkpoints.
	Verifier *seal.Verifier
	// Backup copies the log to somewhere else and opens the copy for reading, as what it is.
	Backup func(t *testing.T, log store.Log) (store.Log, error)
	// OpenToRead closes the log and opens what it kept for reading only.
	OpenToRead func(t *testing.T, log store.Log) (store.Log, error)
	// Tamper alters the record at the position where it is kept, behind the log's back, so that it still reads as a record
	// of that position and passes every checksum that has no key.
	Tamper func(t *testing.T, log store.Log, position uint64)
}

// sealedLog returns a new log with a seal. Where the factory says nothing of seals, the test ends here.
func (f Factory) sealedLog(t *testing.T) Sealed {
	t.Helper()
	if f.Seal == nil {
		t.Skip("the factory's logs have no seal")
	}
	return asSealed(t, f.open(t))
}

func asSealed(t *testing.T, log store.Log) Sealed {
	t.Helper()
	sealed, ok := log.(Sealed)
	require.True(t, ok, "the factory has a Seal, and %T is no storetest.Sealed", log)
	return sealed
}

// sizes are where a tree with tiles of 256 hashes, and one without, has its edges.
func sizes() []uint64 { return []uint64{0, 1, 2, 3, 255, 256, 257, 511, 513, 768} }

// growTo appends to streams of their own until the log has so many records.
func growTo(t *testing.T, log store.Log, have, size uint64) {
	t.Helper()
	for have < size {
		n := min(size-have, store.AppendMax)
		id := fmt.Sprintf("grown-%d", have)
		mustAppend(t, log, events.OrderStream(id), 0, records(id, int(n))...)
		have += n
	}
}

// checkpoint takes a signed checkpoint and returns what it says.
func (f Factory) checkpoint(t require.TestingT, log Sealed) seal.Checkpoint {
	signed, err := log.Checkpoint(context.Background())
	require.NoError(t, err, "checkpoint")
	c, err := seal.Open(signed, f.Seal.Verifier)
	require.NoError(t, err, "the checkpoint is signed by the factory's key")
	return c
}

// continues proves by package seal alone that a log went on from what it was.
func continues(t require.TestingT, log Sealed, was, now seal.Checkpoint) {
	require.Equal(t, was.Origin, now.Origin, "a log keeps its origin")
	require.LessOrEqual(t, was.Size, now.Size, "a log does not shrink")
	proof, err := log.ProveConsistency(context.Background(), was.Size, now.Size)
	require.NoError(t, err, "proof from %d to %d records", was.Size, now.Size)
	require.NoError(t, seal.VerifyConsistency(proof, was.Size, was.Root, now.Size, now.Root))
}

// rootOver is the root over the records, of their bytes alone.
func rootOver(t require.TestingT, all []events.Record) seal.Hash {
	var over seal.Tree
	for _, frame := range frames(t, all) {
		over.Append(seal.LeafHash(frame))
	}
	return over.Root()
}

// checkpoints: each is over the bytes of all records and continues every one before it, restarts included.
func checkpoints(t *testing.T, f Factory) {
	log := f.sealedLog(t)
	var past []seal.Checkpoint
	for i, size := range sizes() {
		if i > 0 {
			growTo(t, log, past[i-1].Size, size)
		}
		now := f.checkpoint(t, log)
		assert.Equal(t, size, now.Size)
		all := readAll(t, log)
		require.Equal(t, rootOver(t, all), now.Root, "the root over the bytes of all %d records", size)
		tree, err := log.Tree(context.Background())
		require.NoError(t, err)
		assert.Equal(t, now, tree, "what is signed is the tree")
		for _, was := range past {
			continues(t, log, was, now)
		}
		past = append(past, now)
	}
	for i, was := range past {
		for _, then := range past[i:] {
			continues(t, log, was, then)
		}
	}
	require.NoError(t, log.Verify(context.Background(), nil))
	ancestry, err := log.Ancestry(context.Background())
	require.NoError(t, err)
	assert.Empty(t, ancestry, "it never had another origin")

	last := past[len(past)-1]
	again := asSealed(t, f.reopen(t, log))
	assert.Equal(t, last, f.checkpoint(t, again), "after a restart")
	growTo(t, again, last.Size, last.Size+1)
	for _, was := range past {
		continues(t, again, was, f.checkpoint(t, again))
	}
}

// checkpointsWhileAppending: a checkpoint that is taken at any moment tells of one moment.
func checkpointsWhileAppending(t *testing.T, f Factory) {
	log := f.sealedLog(t)
	const writers = 8
	each := f.whole(40, 12)
	var left atomic.Int64
	left.Store(writers)
	var taken []seal.Checkpoint
	// No writer appends its last before the first checkpoint: however they are scheduled, one is taken meanwhile.
	first, begun := context.WithCancel(context.Background())
	together(t, "appends and checkpoints", writers+1, func(i int) {
		if i == writers {
			defer begun()
			for last := false; !last; {
				last = left.Load() == 0
				now := f.checkpoint(t, log)
				begun()
				if n := len(taken); n == 0 || taken[n-1].Size < now.Size {
					taken = append(taken, now)
				}
			}
			return
		}
		defer left.Add(-1)
		for v := range uint64(each) {
			if v+1 == uint64(each) {
				<-first.Done()
			}
			_, err := log.Append(context.Background(), events.OrderStream(fmt.Sprintf("o-%d", i)), v,
				record(fmt.Sprintf("o-%d-%d", i, v), nil))
			assert.NoError(t, err)
		}
	})
	require.NotEmpty(t, taken)
	all := readAll(t, log)
	for i, now := range taken {
		assert.Equal(t, rootOver(t, all[:now.Size]), now.Root, "a checkpoint of %d records, taken meanwhile", now.Size)
		if i > 0 {
			continues(t, log, taken[i-1], now)
		}
	}
	assert.EqualValues(t, writers*each, taken[len(taken)-1].Size, "the last one was taken when all had returned")
}

// proofs: a proof, the record's bytes and the key are enough for package seal.
func proofs(t *testing.T, f Factory) {
	log, ctx := f.sealedLog(t), context.Background()
	have := uint64(0)
	for _, size := range sizes() {
		growTo(t, log, have, size)
		have = size
		all := frames(t, readAll(t, log))
		for _, position := range []uint64{1, 2, size / 2, 256, 257, size - 1, size} {
			if position == 0 || position > size {
				continue
			}
			proof, err := log.Prove(ctx, position)
			require.NoError(t, err, "prove position %d of %d", position, size)
			now, err := proof.Verify(all[position-1], f.Seal.Verifier)
			require.NoError(t, err, "the proof of position %d of %d", position, size)
			assert.Equal(t, f.checkpoint(t, log), now)
			assert.Equal(t, position-1, proof.Index)
			if other := all[position%size]; size > 1 {
				_, err = proof.Verify(other, f.Seal.Verifier)
				require.ErrorIs(t, err, seal.ErrProof, "it proves no other record")
			}
		}
		for _, position := range []uint64{0, size + 1} {
			_, err := log.Prove(ctx, position)
			require.ErrorIs(t, err, store.ErrInvalid, "there is no record at position %d of %d", position, size)
		}
		_, err := log.ProveConsistency(ctx, 0, size+1)
		require.ErrorIs(t, err, store.ErrInvalid, "it never had more than %d records", size)
	}
	_, err := log.ProveConsistency(ctx, 2, 1)
	require.ErrorIs(t, err, store.ErrInvalid, "the past does not continue what came after it")

	ended, cancel := context.WithCancel(ctx)
	cancel()
	_, err = log.Checkpoint(ended)
	require.ErrorIs(t, err, context.Canceled, "checkpoint")
	_, err = log.Tree(ended)
	require.ErrorIs(t, err, context.Canceled, "tree")
	_, err = log.Prove(ended, 1)
	require.ErrorIs(t, err, context.Canceled, "prove")
	_, err = log.ProveConsistency(ended, 1, 2)
	require.ErrorIs(t, err, context.Canceled, "prove consistency")
	_, err = log.Ancestry(ended)
	require.ErrorIs(t, err, context.Canceled, "ancestry")
	require.ErrorIs(t, log.Verify(ended, nil), context.Canceled, "verify")
}

// backups: a copy is its log, byte for byte, and under the same root.
func backups(t *testing.T, f Factory) {
	log := f.sealedLog(t)
	if f.Seal.Backup == nil {
		t.Skip("the factory's logs make no backups")
	}
	have := uint64(0)
	for _, size := range []uint64{0, 1, 257, 600} {
		growTo(t, log, have, size)
		have = size
		opened, err := f.Seal.Backup(t, log)
		require.NoError(t, err, "backup of %d records", size)
		backup := asSealed(t, opened)
		want, got := readAll(t, log), readAll(t, backup)
		sameBytes(t, want, got, "a backup's records")
		was, err := log.Tree(context.Background())
		require.NoError(t, err)
		is, err := backup.Tree(context.Background())
		require.NoError(t, err)
		assert.Equal(t, was, is, "a backup is what its log was")
		assert.Equal(t, rootOver(t, got), is.Root)
		require.NoError(t, backup.Verify(context.Background(), nil))
		require.NoError(t, backup.Close())
	}
}

// tampering: what was altered where it is kept is found by whatever vouches for it. Opening reads the newest records
// and not all, so it is asked about the last one.
func tampering(t *testing.T, f Factory) {
	if f.Seal == nil || f.Seal.Tamper == nil {
		t.Skip("nobody can alter the factory's logs")
	}
	const size = 300 // more than a tile
	for _, position := range []uint64{1, 128, size} {
		t.Run(fmt.Sprintf("position %d", position), func(t *testing.T) {
			log, ctx := f.sealedLog(t), context.Background()
			growTo(t, log, 0, size)
			require.NoError(t, log.Verify(ctx, nil), "before anything was altered")
			before, err := log.Tree(ctx)
			require.NoError(t, err)
			f.Seal.Tamper(t, log, position)

			require.ErrorIs(t, log.Verify(ctx, nil), store.ErrDamaged, "verify")
			_, err = log.Prove(ctx, position)
			require.ErrorIs(t, err, store.ErrDamaged, "prove")
			if f.Seal.Backup != nil {
				_, err = f.Seal.Backup(t, log)
				require.ErrorIs(t, err, store.ErrDamaged, "backup")
			}
			now, err := log.Tree(ctx)
			require.NoError(t, err)
			assert.Equal(t, before, now, "what is vouched for is what was appended")
			if f.Seal.OpenToRead != nil && position == size {
				_, err = f.Seal.OpenToRead(t, log)
				require.ErrorIs(t, err, store.ErrDamaged, "opening for reading")
			}
		})
	}
}
