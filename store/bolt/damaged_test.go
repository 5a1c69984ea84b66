package bolt_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/tilltape/tilltape/store"
	"github.com/tilltape/tilltape/store/bolt"
)

// left is what a damaged file yields: the positions of records, and those of records that cannot be read.
func left(t *testing.T, d *bolt.Damaged) (read, bad []uint64) {
	t.Helper()
	for f, err := range d.Surviving(context.Background()) {
		if damage, ok := errors.AsType[*store.DamagedError](err); ok {
			bad = append(bad, damage.Position)
			continue
		}
		require.NoError(t, err)
		read = append(read, f.Record.Position)
	}
	return read, bad
}

func openDamaged(t *testing.T, path string) *bolt.Damaged {
	t.Helper()
	d, err := bolt.OpenDamaged(path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	return d
}

// Of a sound file everything is left, in chunks of one record and of many, with one seal for each perfect subtree.
func TestOpenDamaged_OfASoundFileEverythingIsLeft(t *testing.T) {
	for _, each := range []int{1, 7, 300} {
		path := filled(t, 4, each)
		d := openDamaged(t, path)
		read, bad := left(t, d)
		assert.Len(t, read, 4*each)
		assert.Empty(t, bad)
		edges, past := d.DamagedSeal()
		require.NotEmpty(t, edges)
		assert.EqualValues(t, 4*each, edges[len(edges)-1].Size)
		assert.Empty(t, past)
		ofSeal, ofIndexes := d.Faults()
		assert.Empty(t, append(ofSeal, ofIndexes...))
		assert.NoError(t, d.Refusal())

		log, err := bolt.Open(path, &bolt.Config{ReadOnly: true})
		require.NoError(t, err)
		c, _, err := log.Proven(context.Background())
		require.NoError(t, err)
		assert.Equal(t, c, edges[len(edges)-1])
		require.NoError(t, log.Close())
	}
}

// A chunk whose key was altered so that it stands at the end, where no record of its positions is, hides nothing but
// itself.
func TestOpenDamaged_AChunkOutOfPlaceHidesNothing(t *testing.T) {
	path := filled(t, 30, 1)
	edit(t, path, func(tx *bbolt.Tx) error {
		log := tx.Bucket([]byte("log"))
		key, value := log.Cursor().First()
		key, value = bytes.Clone(key), bytes.Clone(value)
		if err := log.Delete(key); err != nil {
			return err
		}
		return log.Put([]byte{0, 0, 1, 0, 0, 0, 0, 0}, value)
	})
	d := openDamaged(t, path)
	require.ErrorIs(t, d.Refusal(), store.ErrDamaged)
	read, bad := left(t, d)
	assert.NotEmpty(t, read)
	assert.Empty(t, bad, "what has no record is passed over")
	assert.EqualValues(t, 30, read[len(read)-1])
	assert.Less(t, len(read), 30)
}

func TestOpenDamaged_WhatIsNoDamageIsAnErrorAsInOpen(t *testing.T) {
	path := filled(t, 2, 1)
	log, err := bolt.Open(path, nil)
	require.NoError(t, err)
	_, err = bolt.OpenDamaged(path)
	require.ErrorIs(t, err, bolt.ErrLocked)
	require.NoError(t, log.Close())

	d := openDamaged(t, path)
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	for _, err := range d.Surviving(ended) {
		require.ErrorIs(t, err, context.Canceled)
	}

	other := path + ".other"
	require.NoError(t, os.WriteFile(other, []byte("no log at all, and not an empty file"), 0o600))
	_, err = bolt.OpenDamaged(other)
	require.ErrorIs(t, err, bolt.ErrNotALog)
}

// A tile that is bad proves nothing, is named, and keeps no record from being read.
func TestOpenDamaged_ABadTileIsNamedOnce(t *testing.T) {
	path := filled(t, 2, 400)
	edit(t, path, func(tx *bbolt.Tx) error {
		tiles := tx.Bucket([]byte("tiles"))
		key, value := tiles.Cursor().First()
		value = bytes.Clone(value)
		value[100] ^= 1
		return tiles.Put(bytes.Clone(key), value)
	})
	d := openDamaged(t, path)
	read, bad := left(t, d)
	assert.Len(t, read, 800)
	assert.Empty(t, bad)
	ofSeal, _ := d.Faults()
	require.Len(t, ofSeal, 1)
	assert.ErrorContains(t, ofSeal[0], "tile")
}

// edit changes a file that nobody has open.
func edit(t *testing.T, path string, change func(tx *bbolt.Tx) error) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, nil)
	require.NoError(t, err)
	require.NoError(t, db.Update(change))
	require.NoError(t, db.Close())
}
