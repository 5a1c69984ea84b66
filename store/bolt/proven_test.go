package bolt_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/logfile"
	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
)

// lengthen appends so many records to one order, many at a time.
func lengthen(t *testing.T, log store.Log, order string, version, count int) {
	t.Helper()
	for begin := 0; begin < count; begin += store.AppendMax {
		var records []events.Record
		for i := begin; i < min(begin+store.AppendMax, count); i++ {
			records = append(records, record(fmt.Sprintf("%s-%d", order, version+i)))
		}
		_, err := log.Append(context.Background(), events.OrderStream(order), uint64(version+begin), records...)
		require.NoError(t, err)
	}
}

// lengthy makes a log of so many records and returns its path, closed.
func lengthy(t *testing.T, count int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "orders.log")
	log, err := bolt.Open(path, nil)
	require.NoError(t, err)
	lengthen(t, log, "o", 0, count)
	require.NoError(t, log.Close())
	return path
}

// alterOne changes a record in its chunk, whose directory then fits it.
func alterOne(t *testing.T, path string, at uint64, change func(*events.Record)) {
	t.Helper()
	tamper(func(tx *bbolt.Tx) error {
		log := tx.Bucket([]byte("log"))
		key, chunk := log.Cursor().Seek(position(at))
		count := int(binary.BigEndian.Uint16(chunk[len(chunk)-2:]))
		var altered [][]byte
		for i := range count {
			size, err := events.FrameSize(chunk)
			require.NoError(t, err)
			frame := chunk[:size]
			if binary.BigEndian.Uint64(key)-uint64(count-1-i) == at {
				r, err := events.DecodeFrame(frame)
				require.NoError(t, err)
				change(&r)
				frame, err = events.AppendFrame(nil, r)
				require.NoError(t, err)
			}
			altered, chunk = append(altered, frame), chunk[size:]
		}
		return log.Put(bytes.Clone(key), bolt.Chunk(altered...))
	})(t, path)
}

// prove walks the log by its seal, to its end or to the first error.
func prove(log *bolt.Log) (c seal.Checkpoint, all []events.Record, err error) {
	c, records, err := log.Proven(context.Background())
	if err != nil {
		return c, nil, err
	}
	for r, err := range records {
		if err != nil {
			return c, all, err
		}
		all = append(all, r)
	}
	return c, all, nil
}

// provePages is prove, decoded by ourselves.
func provePages(log *bolt.Log) (c seal.Checkpoint, all []events.Record, err error) {
	var p store.Page
	c, pages, err := log.ProvenPages(context.Background(), func() *store.Page { return &p })
	if err != nil {
		return c, nil, err
	}
	for filled, failed := range pages {
		for i := range filled.Len() {
			var r events.Record
			if err := filled.Decode(nil, i, &r); err != nil {
				return c, all, err
			}
			all = append(all, r)
		}
		err = failed
	}
	return c, all, err
}

// proveBoth is prove of a log that nobody appends to, in either way.
func proveBoth(t *testing.T, log *bolt.Log) (seal.Checkpoint, []events.Record, error) {
	t.Helper()
	c, all, err := prove(log)
	paged, same, failed := provePages(log)
	require.Equal(t, c, paged)
	require.Equal(t, all, same)
	require.Equal(t, fmt.Sprint(err), fmt.Sprint(failed))
	return c, all, err
}

// proveFile is proveBoth of a file that is opened for reading.
func proveFile(t *testing.T, path string) (seal.Checkpoint, []events.Record, error) {
	t.Helper()
	log, err := bolt.Open(path, &bolt.Config{ReadOnly: true})
	if err != nil {
		return seal.Checkpoint{}, nil, err
	}
	defer func() { require.NoError(t, log.Close()) }()
	return proveBoth(t, log)
}

func TestProven_YieldsWhatAllDoes(t *testing.T) {
	for _, count := range []int{0, 1, 255, 256, 257, 512, 600} {
		path := lengthy(t, count)
		for _, readOnly := range []bool{false, true} {
			log := openLog(t, path, &bolt.Config{ReadOnly: readOnly})
			want, err := readAll(log)
			require.NoError(t, err)
			c, got, err := proveBoth(t, log)
			require.NoError(t, err)
			assert.Equal(t, want, got)
			assert.Equal(t, tree(t, log), c, "%d records", count)
			require.NoError(t, log.Close())
		}
	}
}

// Records as large as there can be make pages that end in the middle of a tile.
func TestProven_OfLargeRecords(t *testing.T) {
	log := openLog(t, filepath.Join(t.TempDir(), "orders.log"), nil)
	for i := range 40 {
		_, err := log.Append(context.Background(), events.OrderStream("o"), uint64(i), bulky(fmt.Sprint("o-", i)))
		require.NoError(t, err)
	}
	lengthen(t, log, "p", 0, 300)
	want, err := readAll(log)
	require.NoError(t, err)
	_, got, err := proveBoth(t, log)
	require.NoError(t, err)
	assert.Equal(t, want, got)
}

func TestProven_WithoutASeal(t *testing.T) {
	log := openLog(t, filepath.Join(t.TempDir(), "bare.log"), &bolt.Config{Unsealed: true})
	lengthen(t, log, "o", 0, 300)
	c, all, err := proveBoth(t, log)
	require.NoError(t, err)
	assert.Zero(t, c)
	assert.Len(t, all, 300)
}

// flips makes a copy of a file in which any byte of a record can be another one for a moment, in every place where it
// stands: pages that are free may hold it too.
type flips struct {
	t    *testing.T
	file *os.File
	path string
	all  []byte
}

func newFlips(t *testing.T, path string) *flips {
	t.Helper()
	all, err := os.ReadFile(path)
	require.NoError(t, err)
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = file.Close() })
	return &flips{t: t, file: file, path: path, all: all}
}

// each flips one bit of one after another of the frame's first bytes, and has the file looked at.
func (f *flips) each(frame string, first int, look func(i int)) {
	f.t.Helper()
	places := logfile.Places(f.all, []byte(frame))
	require.NotEmpty(f.t, places)
	write := func(i int, b byte) {
		for _, at := range places {
			_, err := f.file.WriteAt([]byte{b}, int64(at+i))
			require.NoError(f.t, err)
		}
	}
	for i := range first {
		write(i, frame[i]^1<<(i%8))
		look(i)
		write(i, frame[i])
	}
}

// Any byte of any frame: no record after the place is yielded, and the error names it, or the group it is in where no
// full tile has its hash.
func TestProven_NoByteOfAFrameIsAlteredUnseen(t *testing.T) {
	const count = 300 // a full tile, and groups of 32, 8 and 4
	path := lengthy(t, count)
	log := openLog(t, path, &bolt.Config{ReadOnly: true})
	all := frames(t, log)
	require.NoError(t, log.Close())
	f := newFlips(t, path)
	for _, tt := range []struct {
		position uint64
		group    string
	}{
		{1, ""}, {17, ""}, {256, ""},
		{257, "positions 257 to 288"}, {289, "positions 289 to 296"}, {299, "positions 297 to 300"},
	} {
		frame := all[tt.position-1]
		f.each(frame, len(frame), func(i int) {
			if !long.Each(i, 5) {
				return
			}
			_, yielded, err := proveFile(t, path)
			require.ErrorIs(t, err, store.ErrDamaged, "position %d, byte %d", tt.position, i)
			damaged, ok := errors.AsType[*store.DamagedError](err)
			require.True(t, ok, "%T", err)
			if damaged.Position == 0 && tt.group != "" {
				require.Contains(t, damaged.Reason, tt.group)
			} else {
				require.Equal(t, tt.position, damaged.Position, "byte %d: %v", i, err)
			}
			require.Less(t, len(yielded), int(tt.position))
		})
	}
	c, _, err := proveFile(t, path)
	require.NoError(t, err, "the file is as it was")
	assert.Equal(t, uint64(count), c.Size)
}

// Of two records in one tile that were altered, the first is named, though the second cannot even be read.
func TestProven_NamesTheFirstOfTwo(t *testing.T) {
	path := lengthy(t, 300)
	alterOne(t, path, 40, func(r *events.Record) { r.Actor = "eve" })
	log := openLog(t, path, &bolt.Config{ReadOnly: true})
	frame := frames(t, log)[70]
	require.NoError(t, log.Close())
	f := newFlips(t, path)
	f.each(frame, 2, func(int) { // its length
		_, yielded, err := proveFile(t, path)
		isClear(t, err, store.ErrDamaged, path, "position 40")
		assert.Less(t, len(yielded), 40)
	})
}

// A record that is altered together with the hash that its tile has for it does not fit the frontier.
func TestProven_HashesOfATileAreHeldAgainstTheFrontier(t *testing.T) {
	path := lengthy(t, 600)
	alterOne(t, path, 300, func(r *events.Record) { r.Actor = "eve" })
	log := openLog(t, path, &bolt.Config{ReadOnly: true})
	all := frames(t, log)
	require.NoError(t, log.Close())
	tamper(func(tx *bbolt.Tx) error {
		tiles, key := tx.Bucket([]byte("tiles")), []byte{0, 0, 0, 0, 0, 0, 0, 0, 1}
		tile := bytes.Clone(tiles.Get(key))
		leaf := seal.LeafHash([]byte(all[299]))
		copy(tile[(299-256)*seal.HashSize:], leaf[:])
		return tiles.Put(key, tile)
	})(t, path)
	_, _, err := proveFile(t, path)
	isClear(t, err, store.ErrDamaged, path, "positions 1 to 512")
}

func TestProven_WhatIsWrongWithTheSealItself(t *testing.T) {
	meta := func(change func(meta *bbolt.Bucket) error) func(*testing.T, string) {
		return tamper(func(tx *bbolt.Tx) error { return change(tx.Bucket([]byte("meta"))) })
	}
	frontier := func(change func([]byte) []byte) func(*testing.T, string) {
		return meta(func(b *bbolt.Bucket) error {
			return b.Put([]byte("frontier"), change(bytes.Clone(b.Get([]byte("frontier")))))
		})
	}
	tiles := func(change func(b *bbolt.Bucket, key []byte) error) func(*testing.T, string) {
		return tamper(func(tx *bbolt.Tx) error { return change(tx.Bucket([]byte("tiles")), make([]byte, 9)) })
	}
	for name, damage := range map[string]func(*testing.T, string){
		"another root": frontier(func(b []byte) []byte { b[len(b)-1] ^= 1; return b }),
		"cut short":    frontier(func(b []byte) []byte { return b[:len(b)-1] }),
		"empty":        frontier(func([]byte) []byte { return nil }),
		"of fewer":     frontier(func(b []byte) []byte { return append([]byte{0, 0, 0, 0, 0, 0, 1, 0}, b[8:40]...) }),
		"a tile's hash": tiles(func(b *bbolt.Bucket, key []byte) error {
			tile := bytes.Clone(b.Get(key))
			tile[33] ^= 4
			return b.Put(key, tile)
		}),
		"no tile":        tiles(func(b *bbolt.Bucket, key []byte) error { return b.Delete(key) }),
		"half of a tile": tiles(func(b *bbolt.Bucket, key []byte) error { return b.Put(key, make([]byte, 100)) }),
	} {
		t.Run(name, func(t *testing.T) {
			path := lengthy(t, 300)
			damage(t, path)
			_, _, err := proveFile(t, path)
			isClear(t, err, store.ErrDamaged, path)
		})
	}
}

func TestProven_TilesAboveAreProvenToo(t *testing.T) {
	if !long.Enabled() {
		t.Skip("left out: a tile of tiles takes a log of 65 792 records; set " + long.Variable + "=1")
	}
	t.Parallel()
	path := lengthy(t, 65_536+256)
	_, _, err := proveFile(t, path)
	require.NoError(t, err)
	tamper(func(tx *bbolt.Tx) error {
		tiles, key := tx.Bucket([]byte("tiles")), []byte{1, 0, 0, 0, 0, 0, 0, 0, 0}
		tile := bytes.Clone(tiles.Get(key))
		tile[3*seal.HashSize] ^= 1
		return tiles.Put(key, tile)
	})(t, path)
	_, yielded, err := proveFile(t, path)
	isClear(t, err, store.ErrDamaged, path, "positions 1 to 65536")
	assert.Less(t, len(yielded), 65_536)
}

// While others append, a walk proves the log as it was when it began, whatever commits are under way.
func TestProven_OfALogInUse(t *testing.T) {
	log := openLog(t, filepath.Join(t.TempDir(), "orders.log"), bolt.SmallGenerations(50))
	lengthen(t, log, "before", 0, 200)
	var group sync.WaitGroup
	for w := range 4 {
		group.Go(func() { grow(t, log, fmt.Sprintf("meanwhile-%d", w), 60) })
	}
	done := make(chan struct{})
	go func() { group.Wait(); close(done) }()
	for {
		for _, walk := range []func(*bolt.Log) (seal.Checkpoint, []events.Record, error){prove, provePages} {
			c, all, err := walk(log)
			require.NoError(t, err)
			assert.Len(t, all, int(c.Size))
		}
		select {
		case <-done:
			c, _, err := prove(log)
			require.NoError(t, err)
			assert.Equal(t, tree(t, log), c)
			return
		default:
		}
	}
}

func TestProven_OfAContextOrALogThatHasEnded(t *testing.T) {
	log := openLog(t, lengthy(t, 300), nil)
	ctx, leave := context.WithCancel(context.Background())
	defer leave()
	_, records, err := log.Proven(ctx)
	require.NoError(t, err)
	seen := 0
	for _, err = range records {
		if seen++; seen == 1 {
			leave()
		}
	}
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, 257, seen, "what is proven is yielded")
	_, _, err = log.Proven(ctx)
	require.ErrorIs(t, err, context.Canceled)

	one, stop := context.WithCancel(context.Background())
	defer stop()
	_, pages, err := log.ProvenPages(one, func() *store.Page { return new(store.Page) })
	require.NoError(t, err)
	seen = 0
	for p, failed := range pages {
		stop()
		seen, err = seen+p.Len(), failed
	}
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, store.PageMax, seen)
	_, _, err = log.ProvenPages(one, func() *store.Page { return new(store.Page) })
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, log.Close())
	_, _, err = proveBoth(t, log)
	require.ErrorIs(t, err, store.ErrClosed)
}
