package postgres_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/internal/tests/pgserver"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
	"github.com/tilltape/tilltape/store/memory"
	"github.com/tilltape/tilltape/store/postgres"
	"github.com/tilltape/tilltape/store/sealed"
)

// sealedLog is what every engine's log can do.
type sealedLog interface {
	store.Log
	sealed.Original
	Tree(ctx context.Context) (seal.Checkpoint, error)
}

// engines are logs of each kind.
func engines(t *testing.T) map[string]func() sealedLog {
	return map[string]func() sealedLog{
		"memory": func() sealedLog {
			log, err := memory.NewSealed(memory.Config{})
			require.NoError(t, err)
			return log
		},
		"bolt": func() sealedLog {
			log, err := bolt.Open(filepath.Join(t.TempDir(), "orders.log"), nil)
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, log.Close()) })
			return log
		},
		"postgres": func() sealedLog { return newLog(t, postgres.Config{}) },
	}
}

// fill appends so many records to a few streams, some of them together, with keys, heads and refusals.
func fill(t *testing.T, log store.Log, n int) {
	t.Helper()
	versions := map[events.Stream]uint64{}
	for i := 0; i < n; {
		stream := events.OrderStream(fmt.Sprintf("o-%d", i%40))
		if i%7 == 0 {
			stream = events.RefusalStream("o-1")
		}
		var records []events.Record
		for range min(1+i%5, n-i) {
			r := record(fmt.Sprintf("r-%d", i))
			if stream.Category == events.CategoryOrder && versions[stream] == 0 && len(records) == 0 {
				r.Keys = []events.Key{events.NewKey(events.KeyPaymentID, stream.ID)}
			}
			records = append(records, r)
			i++
		}
		_, err := log.Append(context.Background(), stream, versions[stream], records...)
		require.NoError(t, err)
		versions[stream] += uint64(len(records))
	}
}

func framesOf(t *testing.T, log store.Log) (all []string) {
	t.Helper()
	records, err := drain(log.All(context.Background(), store.Start()))
	require.NoError(t, err)
	for _, r := range records {
		frame, err := events.AppendFrame(nil, r)
		require.NoError(t, err)
		all = append(all, string(frame))
	}
	return all
}

// Any log moves into any other: the same frames, and so the same root.
func TestCopyFromAnyLogToAny(t *testing.T) {
	t.Parallel()
	ctx, all := context.Background(), engines(t)
	const size = 1300 // more than a batch, and five tiles
	for from, open := range all {
		if !long.Enabled() && from == "memory" {
			continue
		}
		original := open()
		fill(t, original, size)
		want := framesOf(t, original)
		for to, open := range all {
			if !long.Enabled() && from == to {
				continue
			}
			t.Run(from+" to "+to, func(t *testing.T) {
				made, told := open(), uint64(0)
				was, err := sealed.Copy(ctx, original, made, func(done, total uint64) {
					assert.Greater(t, done, told)
					assert.EqualValues(t, size, total)
					told = done
				})
				require.NoError(t, err)
				assert.EqualValues(t, size, told)
				is, err := made.Tree(ctx)
				require.NoError(t, err)
				assert.Equal(t, was.Root, is.Root)
				assert.Equal(t, want, framesOf(t, made))
				assert.NotEqual(t, was.Origin, is.Origin, "it is a log of its own")
				if log, ok := made.(kept); ok {
					past, err := log.Ancestry(ctx)
					require.NoError(t, err)
					assert.Equal(t, []seal.Checkpoint{was}, past, "and says what it is a copy of")
					require.NoError(t, log.Verify(ctx, nil))
				}
				_, err = sealed.Copy(ctx, original, made, nil)
				require.NoError(t, err, "a copy that is whole is copied again")
				_, err = made.Append(ctx, events.OrderStream("new"), 0, record("new"))
				require.NoError(t, err, "and goes on")
				_, err = sealed.Copy(ctx, original, made, nil)
				require.ErrorIs(t, err, store.ErrInvalid, "but not where it has gone on")
			})
		}
	}
}

// A copy that was interrupted goes on; a log with anything else in it is left alone.
func TestCopyGoesOn(t *testing.T) {
	ctx := context.Background()
	original, err := memory.NewSealed(memory.Config{})
	require.NoError(t, err)
	fill(t, original, 3000)
	for name, open := range engines(t) {
		t.Run(name, func(t *testing.T) {
			made := open()
			breaking, cancel := context.WithCancel(ctx)
			_, err := sealed.Copy(breaking, original, made, func(done, _ uint64) { cancel() })
			require.ErrorIs(t, err, context.Canceled)
			half := len(framesOf(t, made))
			require.Greater(t, half, 1000)
			require.Less(t, half, 3000)
			was, err := sealed.Copy(ctx, original, made, nil)
			require.NoError(t, err)
			is, err := made.Tree(ctx)
			require.NoError(t, err)
			assert.Equal(t, was.Root, is.Root)

			other := open()
			fill(t, other, 1)
			_, err = other.Append(ctx, events.OrderStream("other"), 0, record("other"))
			require.NoError(t, err)
			before := framesOf(t, other)
			_, err = sealed.Copy(ctx, original, other, nil)
			require.ErrorIs(t, err, store.ErrInvalid)
			assert.Equal(t, before, framesOf(t, other))
		})
	}
}

// What the log does not begin with is not adopted.
func TestAdoptProves(t *testing.T) {
	ctx := context.Background()
	log := newLog(t, postgres.Config{})
	fill(t, log, 10)
	tree, err := log.Tree(ctx)
	require.NoError(t, err)
	other := tree
	other.Root[3]++
	require.ErrorIs(t, log.Adopt(ctx, []seal.Checkpoint{other}), store.ErrDamaged)
	past, err := log.Ancestry(ctx)
	require.NoError(t, err)
	assert.Empty(t, past)
	require.NoError(t, log.Adopt(ctx, []seal.Checkpoint{tree}))
	require.NoError(t, log.Adopt(ctx, slices.Clone([]seal.Checkpoint{tree})), "twice is once")
	past, err = log.Ancestry(ctx)
	require.NoError(t, err)
	assert.Equal(t, []seal.Checkpoint{tree}, past)
	require.NoError(t, log.Verify(ctx, nil))
}

// A backup is opened for appends as a log of its own, and says what it is a copy of.
func TestBackupGoesOn(t *testing.T) {
	ctx := context.Background()
	log := newLog(t, postgres.Config{})
	fill(t, log, 300)
	path := filepath.Join(t.TempDir(), "backup.log")
	require.NoError(t, log.Backup(ctx, path, nil))
	require.ErrorIs(t, log.Backup(ctx, path, nil), store.ErrStorage, "a backup replaces nothing")
	require.ErrorIs(t, log.Backup(ctx, "", nil), store.ErrInvalid)
	was, err := log.Tree(ctx)
	require.NoError(t, err)
	file, err := bolt.Open(path, nil)
	require.NoError(t, err)
	past, err := file.Ancestry(ctx)
	require.NoError(t, err)
	assert.Equal(t, []seal.Checkpoint{was}, past)
	require.NoError(t, file.Verify(ctx, nil))
	require.NoError(t, file.Close())
}

// What a log is a copy of is put on record also where the log gets its name at that moment.
func TestAdoptWhileTheLogIsNamed(t *testing.T) {
	ctx := context.Background()
	s, log := pgserver.Shared(t), newLog(t, postgres.Config{})
	_, err := log.Append(ctx, events.OrderStream("o-1"), 0, record("r-1"))
	require.NoError(t, err)
	tree, err := log.Tree(ctx)
	require.NoError(t, err)
	elsewhere, err := seal.NewOrigin("elsewhere.example/orders", [seal.OriginIDSize]byte{1})
	require.NoError(t, err)
	past := seal.Checkpoint{Origin: elsewhere, Size: tree.Size, Root: tree.Root}
	naming, err := log.pool.Begin(ctx)
	require.NoError(t, err)
	named := sealed.FormatAncestor(tree)
	_, err = naming.Exec(ctx, inSchema(log.config.Schema, "update {}.log set ancestry = $1"), named)
	require.NoError(t, err)
	adopted := make(chan error, 1)
	go func() { adopted <- log.Adopt(ctx, []seal.Checkpoint{past}) }()
	require.Eventually(t, func() bool {
		return s.MustExec(t, "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and query like '%"+
			log.config.Schema+".log set ancestry%'") == "1"
	}, 10*time.Second, 10*time.Millisecond, "it waits for the row")
	require.NoError(t, naming.Commit(ctx))
	require.NoError(t, <-adopted)
	have, err := log.Ancestry(ctx)
	require.NoError(t, err)
	assert.Equal(t, []seal.Checkpoint{tree, past}, have)
	require.NoError(t, log.Adopt(ctx, []seal.Checkpoint{past}), "and once")
	again, err := log.Ancestry(ctx)
	require.NoError(t, err)
	assert.Equal(t, have, again)
	require.NoError(t, log.Verify(ctx, nil))
}
