package bolt

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"

	"go.etcd.io/bbolt"
)

// bbolt keeps no checksums, and finds a key by comparing it with others. Where a bit of a key is flipped, the key that
// was there is not found any more, and callers act on "not found". So the value of each entry of a lazy bucket ends
// with a checksum, and that something is not there is said only between two neighbours whose checksums fit, one before
// what was looked for and one after it. An entry that is missing because it was altered still stands, as whatever it is
// now, between the two that were its neighbours. So where two that stand next to each other are as they were written,
// nothing is missing between them.
//
// A page says where each of its entries stands, and that can be altered too: what it then points to may be another
// sound entry, of another page. It leads a search astray only to its own place, and there it is out of order with the
// entry on its other side. So one more entry is looked at on each side.

// sumSize is the size of a checksum: CRC-32C over the key and the value before it, big-endian.
const sumSize = 4

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// crcOf is the checksum of the concatenation of its arguments.
func crcOf(key, value []byte) uint32 {
	return crc32.Update(crc32.Update(0, castagnoli, key), castagnoli, value)
}

// summed is what stands in the file for the value of an entry. It may use what is left of the memory that value has.
func summed(key, value []byte) []byte { return binary.BigEndian.AppendUint32(value, crcOf(key, value)) }

// unsummed is the value of an entry without its checksum; false where the two are not what was written together.
func unsummed(key, whole []byte) (value []byte, ok bool) {
	n := len(whole) - sumSize
	if n < 0 {
		return nil, false
	}
	return whole[:n], binary.BigEndian.Uint32(whole[n:]) == crcOf(key, whole[:n])
}

// entry returns the value that a lazy bucket has for the key; false where it certainly has none.
func (l *Log) entry(tx reading, bucket string, key []byte) (value []byte, found bool, err error) {
	c := l.lazyCursor(tx, bucket)
	found, _, err = c.find(key)
	return c.value, found, err
}

// lazyCursor walks a lazy bucket and proves every entry that it comes upon, and the one before those.
type lazyCursor struct {
	log    *Log
	bucket string
	cursor *bbolt.Cursor
	key    []byte // of the entry it stands at; nil at the end
	value  []byte // without its checksum
}

func (l *Log) lazyCursor(tx reading, bucket string) lazyCursor {
	return lazyCursor{log: l, bucket: bucket, cursor: tx.Bucket([]byte(bucket)).Cursor()}
}

// seek goes to the first entry that is not before the key, and tells whether it is the key's.
func (c *lazyCursor) seek(key []byte) (found bool, err error) {
	found, moved, err := c.find(key)
	if moved {
		c.cursor.Next()
	}
	return found, err
}

// find is seek without the way back: bbolt's cursor has moved on to the entry before, where there was one to look at.
func (c *lazyCursor) find(key []byte) (found, moved bool, err error) {
	if err := c.take(c.cursor.Seek(key)); err != nil {
		return false, false, err
	}
	if c.key != nil {
		switch order := bytes.Compare(c.key, key); {
		case order == 0:
			return true, false, nil
		case order < 0:
			return false, false, c.alteredError(c.key)
		}
		if after, _ := c.cursor.Next(); after != nil {
			if bytes.Compare(after, c.key) <= 0 {
				return false, false, c.alteredError(c.key)
			}
			c.cursor.Prev()
		}
	}
	before, whole := c.cursor.Prev()
	if before == nil {
		return false, false, nil
	}
	if _, ok := unsummed(before, whole); !ok || bytes.Compare(before, key) >= 0 {
		return false, false, c.alteredError(before)
	}
	if earlier, _ := c.cursor.Prev(); earlier != nil {
		if bytes.Compare(earlier, before) >= 0 {
			return false, false, c.alteredError(before)
		}
		c.cursor.Next()
	}
	return false, true, nil
}

// next goes on to the next entry.
func (c *lazyCursor) next() error {
	before := c.key
	if err := c.take(c.cursor.Next()); err != nil {
		return err
	}
	if c.key != nil && bytes.Compare(before, c.key) >= 0 {
		return c.alteredError(c.key)
	}
	return nil
}

func (c *lazyCursor) take(key, whole []byte) error {
	if c.key, c.value = key, nil; key == nil {
		return nil
	}
	value, ok := unsummed(key, whole)
	if !ok {
		return c.alteredError(key)
	}
	c.value = value
	return nil
}

func (c *lazyCursor) alteredError(key []byte) error { return c.log.alteredEntryError(c.bucket, key) }

func (l *Log) alteredEntryError(bucket string, key []byte) error {
	return l.damagedError("the entry %q of its bucket %q is not as it was written", key, bucket)
}
