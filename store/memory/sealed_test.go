package memory_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/memory"
)

func newSigner(t *testing.T, name string) *seal.Signer {
	t.Helper()
	key, _, err := seal.GenerateKey(nil, name)
	require.NoError(t, err)
	signer, err := seal.NewSigner(key)
	require.NoError(t, err)
	return signer
}

func newSealed(t *testing.T, config memory.Config) *memory.Log {
	t.Helper()
	log, err := memory.NewSealed(config)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, log.Close()) })
	return log
}

// grow appends n records, each to a stream of its own.
func grow(t *testing.T, log *memory.Log, prefix string, n int) {
	t.Helper()
	for i := range n {
		id := fmt.Sprintf("%s-%d", prefix, i)
		_, err := log.Append(context.Background(), events.OrderStream(id), 0, record(id, time.Time{}))
		require.NoError(t, err)
	}
}

// TestTheNaiveTreeIsTheTree: package seal, which builds its tree in another way, comes to the same root at every size,
// and takes every proof.
func TestTheNaiveTreeIsTheTree(t *testing.T) {
	log, ctx := newSealed(t, memory.Config{Signer: newSigner(t, "shop.example")}), context.Background()
	const size = 40
	var over seal.Tree
	roots := []seal.Hash{over.Root()}
	for i := range size {
		grow(t, log, fmt.Sprint(i), 1)
		for r, err := range log.All(ctx, store.After(events.Record{Position: uint64(i)})) {
			require.NoError(t, err)
			frame, err := events.AppendFrame(nil, r)
			require.NoError(t, err)
			over.Append(seal.LeafHash(frame))
		}
		now, err := log.Tree(ctx)
		require.NoError(t, err)
		require.Equal(t, over.Root(), now.Root, "root over %d", i+1)
		roots = append(roots, now.Root)
	}
	for to := range uint64(size + 1) {
		for from := range to + 1 {
			proof, err := log.ProveConsistency(ctx, from, to)
			require.NoError(t, err)
			require.NoError(t, seal.VerifyConsistency(proof, from, roots[from], to, roots[to]), "from %d to %d", from, to)
		}
	}
}

// TestAlteredRecordIsSeen: what was sealed is not made from what stands there now.
func TestAlteredRecordIsSeen(t *testing.T) {
	log, ctx := newSealed(t, memory.Config{Signer: newSigner(t, "shop.example")}), context.Background()
	grow(t, log, "o", 300)
	var told [2]uint64
	require.NoError(t, log.Verify(ctx, func(done, total uint64) { told = [2]uint64{done, total} }))
	assert.Equal(t, [2]uint64{300, 300}, told)
	before, err := log.Tree(ctx)
	require.NoError(t, err)

	require.NoError(t, log.Tamper(280))
	var damage *store.DamagedError
	require.ErrorAs(t, log.Verify(ctx, nil), &damage)
	assert.Equal(t, uint64(280), damage.Position)
	_, err = log.Prove(ctx, 280)
	require.ErrorIs(t, err, store.ErrDamaged)
	_, err = log.Prove(ctx, 279)
	require.NoError(t, err, "of the others it can still prove")
	now, records, err := log.Proven(ctx)
	require.NoError(t, err)
	assert.Equal(t, before, now)
	seen := 0
	for _, err = range records {
		if err == nil {
			seen++
		}
	}
	require.ErrorIs(t, err, store.ErrDamaged)
	assert.Equal(t, 279, seen)
	have, err := pagesOf(t, log)
	require.ErrorIs(t, err, store.ErrDamaged)
	assert.Equal(t, 279, have)
}

// pagesOf counts the records that a log proves in pages.
func pagesOf(t *testing.T, log *memory.Log) (n int, err error) {
	t.Helper()
	var p store.Page
	c, pages, err := log.ProvenPages(context.Background(), func() *store.Page { return &p })
	require.NoError(t, err)
	was, _, err := log.Proven(context.Background())
	require.NoError(t, err)
	require.Equal(t, was, c)
	for p, failed := range pages {
		for i := range p.Len() {
			var r events.Record
			require.NoError(t, p.Decode(nil, i, &r))
			n++
		}
		err = failed
	}
	return n, err
}

// Pages have all that Proven yields, sealed or not.
func TestProvenPages(t *testing.T) {
	for name, log := range map[string]*memory.Log{"bare": memory.New(), "sealed": newSealed(t, memory.Config{})} {
		for _, more := range []int{0, 1, store.PageMax - 1, 1, 300} {
			had, err := pagesOf(t, log)
			require.NoError(t, err)
			grow(t, log, fmt.Sprintf("o-%d", had), more)
			n, err := pagesOf(t, log)
			require.NoError(t, err)
			assert.Equal(t, had+more, n, name)
		}
		ctx, cancel := context.WithCancel(context.Background())
		_, pages, err := log.ProvenPages(ctx, func() *store.Page { return new(store.Page) })
		require.NoError(t, err)
		for _, err = range pages {
			cancel()
		}
		require.ErrorIs(t, err, context.Canceled)
		_, _, err = log.ProvenPages(ctx, nil)
		require.ErrorIs(t, err, context.Canceled)
		cancel()
		require.NoError(t, log.Close())
		_, pages, err = log.ProvenPages(context.Background(), func() *store.Page { return new(store.Page) })
		if err == nil {
			for _, err = range pages {
			}
		}
		require.ErrorIs(t, err, store.ErrClosed, name)
	}
}

func TestSealRefusals(t *testing.T) {
	ctx := context.Background()
	bare := memory.New()
	_, err := bare.Tree(ctx)
	require.ErrorIs(t, err, store.ErrInvalid)
	assert.Contains(t, err.Error(), "NewSealed")
	_, err = bare.Ancestry(ctx)
	require.ErrorIs(t, err, store.ErrInvalid)
	grow(t, bare, "o", 3)
	require.NoError(t, bare.Verify(ctx, nil), "that its records can be read can be verified without a seal")
	sealed, records, err := bare.Proven(ctx)
	require.NoError(t, err)
	assert.Equal(t, seal.Checkpoint{}, sealed)
	n := 0
	for _, err := range records {
		require.NoError(t, err)
		n++
	}
	assert.Equal(t, 3, n)

	unsigned := newSealed(t, memory.Config{})
	_, err = unsigned.Checkpoint(ctx)
	require.ErrorIs(t, err, store.ErrInvalid)
	assert.Contains(t, err.Error(), "Config.Signer")
	now, err := unsigned.Tree(ctx)
	require.NoError(t, err)
	assert.Contains(t, now.Origin, memory.DefaultOrigin+"/")

	_, err = memory.NewSealed(memory.Config{Origin: "two words"})
	require.ErrorIs(t, err, store.ErrInvalid)
	_, err = memory.NewSealed(memory.Config{Signer: newSigner(t, "shop.example"), Origin: "other.example"})
	require.ErrorIs(t, err, store.ErrInvalid, "a name that the signer cannot sign for")

	ended, cancel := context.WithCancel(ctx)
	cancel()
	_, _, err = unsigned.Proven(ended)
	require.ErrorIs(t, err, context.Canceled)
	grow(t, unsigned, "o", 1)
	require.ErrorIs(t, unsigned.Verify(ended, nil), context.Canceled)
	require.NoError(t, unsigned.Close())
	_, err = unsigned.Tree(ctx)
	require.ErrorIs(t, err, store.ErrClosed)
	require.ErrorIs(t, unsigned.Verify(ctx, nil), store.ErrClosed)
	_, _, err = unsigned.Proven(ctx)
	require.ErrorIs(t, err, store.ErrClosed)
}
