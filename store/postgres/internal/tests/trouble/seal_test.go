package trouble_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/pgserver"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
	"github.com/tilltape/tilltape/store/memory"
	"github.com/tilltape/tilltape/store/postgres"
	"github.com/tilltape/tilltape/store/storetest"
)

func newSigner(t *testing.T) *seal.Signer {
	t.Helper()
	key, _, err := seal.GenerateKey(nil, "shop.example")
	require.NoError(t, err)
	signer, err := seal.NewSigner(key)
	require.NoError(t, err)
	return signer
}

// TestOneRootInEveryEngine: the same appends in the same order have the same root, at every size.
func TestOneRootInEveryEngine(t *testing.T) {
	s := pgserver.Shared(t)
	signer := newSigner(t)
	inMemory, err := memory.NewSealed(memory.Config{Signer: signer})
	require.NoError(t, err)
	inFile, err := bolt.Open(filepath.Join(t.TempDir(), "log"), &bolt.Config{Signer: signer})
	require.NoError(t, err)
	inDatabase := open(t, s.URL(), postgres.Config{Schema: s.Schema(t), Migrate: true, Signer: signer})
	t.Cleanup(func() {
		assert.NoError(t, inMemory.Close())
		assert.NoError(t, inFile.Close())
	})
	engines := []storetest.Sealed{inMemory, inFile, inDatabase}
	for n := range 70 { // beyond the first full tile
		stream, after := events.OrderStream(fmt.Sprint("o-", n/4)), uint64(n%4)*8
		var given []events.Record
		for i := range 8 {
			given = append(given, record(fmt.Sprintf("r-%d-%d", n, i)))
		}
		var want seal.Checkpoint
		for i, log := range engines {
			_, err := log.Append(t.Context(), stream, after, given...)
			require.NoError(t, err)
			now, err := log.Tree(t.Context())
			require.NoError(t, err)
			if i == 0 {
				want = now
			}
			require.Equal(t, want.Size, now.Size)
			require.Equal(t, want.Root, now.Root, "%T after %d records", log, now.Size)
		}
	}
}

// TestAnOlderDumpIsNoticed by whoever kept a checkpoint or a cursor, and by a log that stood open.
func TestAnOlderDumpIsNoticed(t *testing.T) {
	s := pgserver.Shared(t)
	signer := newSigner(t)
	schema := s.Schema(t)
	pool := poolTo(t, s.URL())
	log, err := postgres.Open(t.Context(), pool, &postgres.Config{Schema: schema, Migrate: true, Signer: signer})
	require.NoError(t, err)
	fill(t, log, "old", 5)
	dump := s.Dump(t, schema)
	fill(t, log, "lost", 5)
	kept, err := log.Tree(t.Context())
	require.NoError(t, err)
	var cursor store.Cursor
	for r, err := range log.All(t.Context(), store.Start()) {
		require.NoError(t, err)
		cursor = store.After(r)
	}
	s.Restore(t, schema, dump)

	_, err = log.Append(t.Context(), events.OrderStream("new"), 0, record("new"))
	require.Error(t, err, "what this log acknowledged is gone, and it was open all the while")
	require.ErrorIs(t, err, store.ErrDamaged)
	require.NoError(t, log.Close())

	again := open(t, s.URL(), postgres.Config{Schema: schema, Signer: signer})
	for _, err := range again.All(t.Context(), cursor) {
		require.ErrorIs(t, err, store.ErrInvalid, "a cursor beyond the end")
		break
	}
	now, err := again.Tree(t.Context())
	require.NoError(t, err)
	assert.Equal(t, uint64(5), now.Size)
	_, err = again.ProveConsistency(t.Context(), kept.Size, now.Size)
	require.ErrorIs(t, err, store.ErrInvalid, "a checkpoint of more than there is")
	fill(t, again, "new", 5)
	now, err = again.Tree(t.Context())
	require.NoError(t, err)
	require.Equal(t, kept.Size, now.Size)
	assert.NotEqual(t, kept.Root, now.Root, "another log of the same size shows by its root")
	require.NoError(t, again.Verify(t.Context(), nil))
}
