package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"slices"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/seal"
)

// The records say what must be in the other buckets, and [verifier.linked] that it is there. Here every entry of these
// is asked which record it comes from: one that none made would stand in the way of a later order with the same id.

// entries walks every bucket but the log's to its end.
func (v *verifier) entries(ctx context.Context) error {
	for _, b := range []struct {
		name    string
		confirm func(tx reading, key, value []byte) error
	}{
		{bucketTiles, v.tile},
		{bucketHeads, v.head},
		{bucketKeys, v.key},
	} {
		if err := v.walk(ctx, b.name, b.confirm); err != nil {
			return err
		}
	}
	for _, bucket := range indexBuckets[1:] {
		if err := v.walk(ctx, bucket, v.indexed(bucket)); err != nil {
			return err
		}
	}
	return nil
}

// walk has each entry of a bucket confirmed, a page in a transaction of its own.
func (v *verifier) walk(ctx context.Context, bucket string, confirm func(tx reading, key, value []byte) error) error {
	var after []byte
	for more := true; more; {
		err := v.inLayers(ctx, func(tx reading, _ header) error {
			cursor := tx.Bucket([]byte(bucket)).Cursor()
			key, value := cursor.Seek(after)
			if after != nil && bytes.Equal(key, after) {
				key, value = cursor.Next()
			}
			for n := 0; key != nil && n < pageMax; n++ {
				if value == nil {
					return v.log.damagedError("its bucket %q has a bucket inside, %q", bucket, key)
				}
				if slices.Contains(lazyBuckets, bucket) {
					var sound bool
					if value, sound = unsummed(key, value); !sound {
						return v.log.alteredEntryError(bucket, key)
					}
				}
				if err := confirm(tx, key, value); err != nil {
					return err
				}
				after = append(after[:0], key...)
				key, value = cursor.Next()
			}
			more = key != nil
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// tile confirms that a tree of the file's size has the tile. That its hashes are true, the records have shown.
func (v *verifier) tile(tx reading, key, value []byte) error {
	size := lastPosition(tx.Tx)
	if v.tree != nil && len(key) == 1+numberSize && len(value) == seal.TileSize {
		level, index := int(key[0]), binary.BigEndian.Uint64(key[1:])
		if index < size>>(tileBits*(level+1)) { // so many are full
			return nil
		}
	}
	return v.log.damagedError("its seal has a tile %x, which a log of %d records has not", key, size)
}

// tileBits is the number of bits that stand for a record within its tile, or for a tile within the one above.
const tileBits = 8

// head confirms that a stream ends, or ended, at the record that its entry names. That none later is missing, the
// records have shown.
func (v *verifier) head(tx reading, key, value []byte) error {
	at, ok := parsePlace(value)
	if !ok {
		return v.log.damagedError("the entry %q of its heads is unreadable", key)
	}
	r, err := newFrames(v.log, tx).record(at.Position)
	if err != nil {
		return err
	}
	if r.Version != at.Version || !bytes.Equal(streamKey(r.Stream), key) {
		return v.log.damagedError("the entry %q of its heads leads to position %d, whose record is not of that place",
			key, at.Position)
	}
	return nil
}

// key confirms that the record which a lookup key leads to carries it.
func (v *verifier) key(tx reading, key, value []byte) error {
	position, ok := parseShort(value)
	if !ok {
		return v.log.damagedError("the entry %q of its lookup keys is unreadable", key)
	}
	r, err := newFrames(v.log, tx).record(position)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(r.Keys, func(k events.Key) bool { return bytes.Equal(ownerKey(k), key) }) {
		return v.log.damagedError("the entry %q of its lookup keys leads to position %d, whose record does not carry it",
			key, position)
	}
	return nil
}

// indexed confirms an entry of an index by the order's newest record that the file knows, or by the one whose place is
// on the way into the file.
func (v *verifier) indexed(bucket string) func(tx reading, key, value []byte) error {
	return func(tx reading, key, value []byte) error {
		rest := key
		if hasWords(bucket) {
			rest = rest[min(1+int(key[0]), len(rest)):]
		}
		if len(rest) <= numberSize || len(value) > 0 {
			return v.log.damagedError("the entry %q of its index %q is unreadable", key, bucket)
		}
		order, e := events.OrderStream(string(rest[numberSize:])), entry{bucket, string(key)}
		if s := v.memory.onTheWay(order); s != nil && slices.Contains(entries(s.Head, order.ID), e) {
			return nil
		}
		s, err := v.log.filed(tx, newFrames(v.log, tx), order)
		if err == nil && (s == nil || !slices.Contains(entries(s.Head, order.ID), e)) {
			err = v.log.damagedError("the index %q names order %q, whose newest record says otherwise or is not there",
				bucket, order.ID)
		}
		return err
	}
}
