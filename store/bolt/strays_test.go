package bolt_test

import (
	"bytes"
	"context"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/internal/tests/long"
	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
)

// stray is something in a file that no record made.
type stray struct {
	add  func(tx *bbolt.Tx) error
	open bool // whether the opening finds it already
	word string
}

func strays() map[string]stray {
	const seven = "\x00\x00\x00\x00\x00\x00\x00"
	tile := string(make([]byte, seal.TileSize))
	put := func(bucket, key, value string) func(tx *bbolt.Tx) error {
		return func(tx *bbolt.Tx) error {
			if bucket != "tiles" {
				return forge(tx, bucket, key, []byte(value))
			}
			return tx.Bucket([]byte(bucket)).Put([]byte(key), []byte(value))
		}
	}
	again := func(bucket, from, to string) func(tx *bbolt.Tx) error {
		return func(tx *bbolt.Tx) error {
			b := tx.Bucket([]byte(bucket))
			return b.Put([]byte(to), bytes.Clone(b.Get([]byte(from))))
		}
	}
	inside := func(bucket string) func(tx *bbolt.Tx) error {
		return func(tx *bbolt.Tx) error {
			_, err := tx.Bucket([]byte(bucket)).CreateBucket([]byte(seven + "\x00\x07inside"))
			return err
		}
	}
	return map[string]stray{
		"a head of nobody":                 {put("heads", "\x05order\x03o-9", "\x01\x01"), false, "o-9"},
		"a head beyond the end":            {put("heads", "\x05order\x03o-9", "\x01\x63"), false, "position 99"},
		"a head that is no name":           {put("heads", "x", "\x01\x01"), false, "heads"},
		"a head that is no place":          {put("heads", "\x05order\x03o-9", "\x80"), false, "heads"},
		"a head of an earlier record":      {put("heads", "\x05order\x03o-0", "\x02\x03"), false, "position 5"},
		"a lookup key of nobody":           {put("keys", "\x01\x03p-9", "\x01"), false, "p-9"},
		"a lookup key beyond the end":      {put("keys", "\x01\x03p-9", "\x63"), false, "position 99"},
		"a lookup key that is none":        {put("keys", "x", "\x01"), false, "keys"},
		"a lookup key without a place":     {put("keys", "\x01\x03p-9", "\x80"), false, "keys"},
		"an order that is not in index":    {put("due", "x", ""), false, "due"},
		"a status of nobody":               {put("status", "\x04paid"+seven+"\x00o-9", ""), false, "o-9"},
		"a status that is not the order's": {put("status", "\x04paid"+seven+"\x00o-0", ""), false, "o-0"},
		"an attention of nobody":           {put("attention", "\x06parked"+seven+"\x00o-9", ""), false, "o-9"},
		"a due time of nobody":             {put("due", seven+"\x00o-9", ""), false, "o-9"},
		"an operation of nobody":           {put("operation", seven+"\x00o-9", ""), false, "o-9"},
		"a tile too many":                  {put("tiles", seven+"\x00\x07", tile), false, "tile"},
		"a tile of a level too high":       {put("tiles", "\x07"+seven+"\x00", tile), false, "tile"},
		"a tile that is none":              {put("tiles", "x", "x"), false, "tile"},
		"a record beside the records":      {again("log", seven+"\x02", seven+"\x02\x00"), false, "position 3"},
		"a record before the first":        {again("log", seven+"\x02", "\x00"), false, "position 1"},
		"a record that is there twice":     {twice, false, "position 2"},
		"a tenth bucket": {func(tx *bbolt.Tx) error {
			_, err := tx.CreateBucket([]byte("notes"))
			return err
		}, true, "notes"},
		"a bucket inside meta":      {inside("meta"), true, "inside"},
		"a bucket inside the log":   {inside("log"), true, "inside"},
		"a bucket inside heads":     {inside("heads"), true, "inside"},
		"a bucket inside keys":      {inside("keys"), true, "inside"},
		"a bucket inside due":       {inside("due"), true, "inside"},
		"a bucket inside operation": {inside("operation"), true, "inside"},
		"a bucket inside status":    {inside("status"), true, "inside"},
		"a bucket inside attention": {inside("attention"), true, "inside"},
		"a bucket inside tiles":     {inside("tiles"), true, "inside"},
	}
}

// twice has the value of the third record begin with the second, which its own value has too.
func twice(tx *bbolt.Tx) error {
	log := tx.Bucket([]byte("log"))
	frame := func(at uint64) []byte {
		chunk := log.Get(position(at))
		size, err := events.FrameSize(chunk)
		if err != nil {
			panic(err)
		}
		return bytes.Clone(chunk[:size])
	}
	return log.Put(position(3), bolt.Chunk(frame(2), frame(3)))
}

// straysEvery is how many kinds of stray lie from one that is tried everyday to the next: some of every bucket.
const straysEvery = 3

// TestStraysAreFound: what no record made would stand in the way of an order with that id one day. So Verify finds it,
// whether the log was closed in order or killed, and where memory knows better than the file too.
func TestStraysAreFound(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	closed := filled(t, 2, 3)
	killed := filepath.Join(t.TempDir(), "killed.log")
	copyFile(t, closed, killed)
	log := openLog(t, killed, nil)
	for _, order := range []string{"o-0", "o-1"} {
		_, err := log.Append(ctx, events.OrderStream(order), 3, record(order+"-3"))
		require.NoError(t, err)
	}
	killed = killedCopy(t, killed)
	states := map[string]string{"killed": killed}
	if long.Enabled() {
		states["closed"] = closed
	}
	all := strays()
	for i, name := range slices.Sorted(maps.Keys(all)) {
		if !long.Each(i, straysEvery) {
			continue
		}
		c := all[name]
		for state, sound := range states {
			t.Run(name+", "+state, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "orders.log")
				copyFile(t, sound, path)
				tamper(c.add)(t, path)
				for _, config := range []*bolt.Config{{ReadOnly: true}, nil} {
					log, err := bolt.Open(path, config)
					if c.open {
						isClear(t, err, store.ErrDamaged, path, c.word)
						continue
					}
					require.NoError(t, err)
					isClear(t, log.Verify(ctx, nil), store.ErrDamaged, path, c.word)
					require.NoError(t, log.Close())
				}
			})
		}
	}
}

// TestVerifyOfASoundLogInEveryState: none of it is said of a log that is whole.
func TestVerifyOfASoundLogInEveryState(t *testing.T) {
	ctx := context.Background()
	for _, config := range []*bolt.Config{nil, {Unsealed: true}} {
		path := filledWith(t, config, 3, 90)
		for _, config := range []*bolt.Config{{ReadOnly: true}, nil, bolt.SmallGenerations(5)} {
			log, err := bolt.Open(path, config)
			require.NoError(t, err)
			require.NoError(t, log.Verify(ctx, nil))
			if !(config != nil && config.ReadOnly) {
				grow(t, log, t.Name()+string(rune('a'+len(frames(t, log))%26)), 7)
				require.NoError(t, log.Verify(ctx, nil))
				require.NoError(t, openLog(t, killedCopy(t, path), &bolt.Config{ReadOnly: true}).Verify(ctx, nil))
			}
			require.NoError(t, log.Close())
		}
	}
}
