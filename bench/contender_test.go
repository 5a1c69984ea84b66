package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
)

const (
	preloaded = 100
	lanes     = 8
	perLane   = 5
)

// A contender that cheats has no place in a table: each is shown to keep every fact it acknowledged, after the ones
// that it was preloaded with, and to refuse what does not fit.
func TestContenders_KeepWhatTheyAcknowledge(t *testing.T) {
	for _, c := range contenders() {
		t.Run(c.Name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "log")
			run := newCourse(random)
			require.NoError(t, c.fill(path, run, preloaded))
			k, err := c.open(path)
			require.NoError(t, err)
			var (
				mu    sync.Mutex
				acked = map[string]events.Record{}
			)
			require.NoError(t, together(lanes, lanes*perLane, func(int) func() error {
				m := run.maker()
				return func() error {
					_, facts := m.newOrder()
					for i := range facts {
						if err := k.Append(&facts[i], uint64(i)); err != nil {
							return err
						}
						mu.Lock()
						acked[facts[i].ID] = facts[i]
						mu.Unlock()
					}
					return nil
				}
			}))
			require.NoError(t, k.Close())

			want := preloaded
			if c.Name == nameRaw {
				want = 0 // its file is preloaded with zeros
			}
			kept := keptBy(t, c.Name, path)
			require.Len(t, kept, want+lanes*perLane*eventsPerOrder)
			versions := map[string]uint64{}
			for i, r := range kept {
				require.Equal(t, uint64(i)+1, r.Position)
				versions[r.Stream.ID]++
				require.Equal(t, versions[r.Stream.ID], r.Version)
				given, ours := acked[r.ID]
				if ours {
					assert.Equal(t, given.Event, r.Event)
					assert.Equal(t, given.Keys, r.Keys)
				}
				delete(acked, r.ID)
			}
			assert.Empty(t, acked, "acknowledged and not there")
		})
	}
}

func TestContenders_RefuseWhatDoesNotFit(t *testing.T) {
	for _, c := range contenders() {
		if c.Name == nameRaw {
			continue // it says so
		}
		t.Run(c.Name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "log")
			run := newCourse(timeOrdered)
			m := run.maker()
			require.NoError(t, c.fill(path, run, preloaded))
			k, err := c.open(path)
			require.NoError(t, err)
			_, facts := m.newOrder()
			_, others := m.newOrder()
			require.ErrorIs(t, k.Append(&facts[1], 1), errStale, "nothing is there yet")
			require.NoError(t, k.Append(&facts[0], 0))
			again := facts[0]
			again.ID += "x"
			require.ErrorIs(t, k.Append(&again, 0), errStale, "the order is there")
			require.ErrorIs(t, k.Append(&facts[2], 2), errStale, "a version ahead")
			owned := facts[1]
			owned.Keys = []events.Key{facts[0].Keys[0], events.NewKey(events.KeyCaptureRequestID, "k-1")}
			require.NoError(t, k.Append(&owned, 1), "a key that the stream owns is fine")
			late := others[0]
			late.ID, late.Keys = "late", owned.Keys[1:]
			require.ErrorIs(t, k.Append(&late, 0), errTaken)

			thief := others[0]
			thief.ID += "x"
			thief.Keys = []events.Key{others[0].Keys[0], facts[0].Keys[1]}
			require.ErrorIs(t, k.Append(&thief, 0), errTaken)
			_, heirs := m.newOrder()
			heirs[0].Keys = thief.Keys[:1]
			require.NoError(t, k.Append(&heirs[0], 0), "the refusal took no key")
			heirs[0].Stream = others[0].Stream
			heirs[0].ID, heirs[0].Keys = "fresh", nil
			require.NoError(t, k.Append(&heirs[0], 0), "and left no stream")
			require.NoError(t, k.Close())

			k, err = c.open(path)
			require.NoError(t, err)
			require.ErrorIs(t, k.Append(&facts[2], 1), errStale, "versions are kept")
			require.NoError(t, k.Append(&facts[2], 2))
			require.NoError(t, k.Close())
			assert.Len(t, keptBy(t, c.Name, path), preloaded+5)
		})
	}
}

// A group whose members are refused commits the others.
func TestGroup_ARefusalIsNobodyElses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	table, err := openSQLiteFile(path)
	require.NoError(t, err)
	k := &sqliteGroup{sqliteFile: table}
	m := newCourse(random).maker()
	_, a := m.newOrder()
	_, b := m.newOrder()
	var items []*item
	for _, r := range []*events.Record{&a[0], &a[2], &b[0]} {
		after := uint64(0)
		if r == &a[2] {
			after = 7
		}
		it, err := newItem(r, after)
		require.NoError(t, err)
		items = append(items, it)
	}
	require.NoError(t, k.commit(items))
	require.NoError(t, items[0].err)
	require.ErrorIs(t, items[1].err, errStale)
	require.NoError(t, items[2].err)
	require.NoError(t, table.Close())
	assert.Len(t, keptBy(t, nameSQLite, path), 2)
}

func TestGroup_ClosedTakesNothing(t *testing.T) {
	committed := 0
	g := newGroup(func(items []*item) error { committed += len(items); return nil })
	require.NoError(t, g.do(&item{}))
	g.close()
	require.ErrorIs(t, g.do(&item{}), errGroupClosed)
	assert.Equal(t, 1, committed)
}

// keptBy reads a closed log's records in the order of their positions, not through what wrote them.
func keptBy(t *testing.T, name, path string) []events.Record {
	switch name {
	case nameRaw:
		return keptRaw(t, path)
	case namePlain:
		return keptPlain(t, path)
	case nameSQLite, nameSQLiteGroup:
		return keptSQLite(t, path)
	case namePebble:
		return keptPebble(t, path)
	}
	log, err := bolt.Open(path, nil)
	require.NoError(t, err)
	defer log.Close()
	var kept []events.Record
	for r, err := range log.All(context.Background(), store.Start()) {
		require.NoError(t, err)
		kept = append(kept, r)
	}
	return kept
}

func decoded(t *testing.T, frame []byte) events.Record {
	r, err := events.DecodeFrame(frame)
	require.NoError(t, err)
	return r
}

func keptRaw(t *testing.T, path string) (kept []events.Record) {
	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()
	b := make([]byte, 1<<20)
	_, err = io.ReadFull(file, b)
	require.NoError(t, err)
	for b[0] != 0 || b[1] != 0 {
		size, err := events.FrameSize(b)
		require.NoError(t, err)
		kept = append(kept, decoded(t, b[:size]))
		b = b[size:]
	}
	return kept
}

func keptPlain(t *testing.T, path string) (kept []events.Record) {
	db, err := bbolt.Open(path, 0o600, nil)
	require.NoError(t, err)
	defer db.Close()
	require.NoError(t, db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket(plainLog).ForEach(func(_, frame []byte) error {
			kept = append(kept, decoded(t, frame))
			return nil
		})
	}))
	return kept
}

func keptSQLite(t *testing.T, path string) (kept []events.Record) {
	table, err := openSQLiteFile(path)
	require.NoError(t, err)
	rows, err := table.conn.QueryContext(context.Background(), `SELECT frame FROM log ORDER BY position`)
	require.NoError(t, err)
	for rows.Next() {
		var frame []byte
		require.NoError(t, rows.Scan(&frame))
		kept = append(kept, decoded(t, frame))
	}
	require.NoError(t, rows.Err())
	require.NoError(t, rows.Close())
	require.NoError(t, table.Close())
	return kept
}

func keptPebble(t *testing.T, path string) (kept []events.Record) {
	k, err := openLSM(path)
	require.NoError(t, err)
	it, err := k.db.NewIter(&pebble.IterOptions{LowerBound: []byte{pebbleLog}, UpperBound: []byte{pebbleLog + 1}})
	require.NoError(t, err)
	for it.First(); it.Valid(); it.Next() {
		kept = append(kept, decoded(t, it.Value()))
	}
	require.NoError(t, it.Close())
	require.NoError(t, k.Close())
	return kept
}
