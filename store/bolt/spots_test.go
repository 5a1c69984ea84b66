package bolt_test

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/tilltape/tilltape/seal"
	"github.com/tilltape/tilltape/store/bolt"
)

// spot is where an entry of a bucket stands in the bytes of a file: its key, and right after that its value.
type spot struct {
	bucket  string
	key     string
	at, end int // of both together
	value   int // where the value begins
	element int // where the page says so
}

// bbolt's pages, as far as finding entries needs them.
const (
	headerRoot    = 32 // in a header page: the page of the root bucket
	headerTx      = 64 // and the number of the commit
	kindBranch    = 0x01
	kindAt        = 8
	countAt       = 10
	headSize      = 16
	elementSize   = 16
	bucketElement = 0x01
	bucketHead    = 16
)

// spotsOf finds every entry of every bucket by nothing but the bytes, and the keys that lead to the pages below others.
func spotsOf(t *testing.T, image []byte) (entries, inner []spot) {
	t.Helper()
	commit := func(header []byte) uint64 { return binary.NativeEndian.Uint64(header[headerTx:]) }
	header := image[:pageSize]
	if other := image[pageSize : 2*pageSize]; commit(other) > commit(header) {
		header = other
	}
	walk := pageWalk{image: image}
	walk.page("", int(binary.NativeEndian.Uint64(header[headerRoot:]))*pageSize)
	require.NotEmpty(t, walk.spots)
	return walk.spots, walk.inner
}

type pageWalk struct {
	image        []byte
	spots, inner []spot
}

// page walks the page that begins at a byte, and those below it.
func (w *pageWalk) page(bucket string, begin int) {
	page := w.image[begin:]
	branch := binary.NativeEndian.Uint16(page[kindAt:]) == kindBranch
	for i := range int(binary.NativeEndian.Uint16(page[countAt:])) {
		at := begin + headSize + i*elementSize
		e := w.image[at:]
		if branch {
			key := at + int(binary.NativeEndian.Uint32(e))
			end := key + int(binary.NativeEndian.Uint32(e[4:]))
			w.inner = append(w.inner, spot{bucket, string(w.image[key:end]), key, end, end, at})
			w.page(bucket, int(binary.NativeEndian.Uint64(e[8:]))*pageSize)
			continue
		}
		key := at + int(binary.NativeEndian.Uint32(e[4:]))
		value := key + int(binary.NativeEndian.Uint32(e[8:]))
		end := value + int(binary.NativeEndian.Uint32(e[12:]))
		if bucket != "" {
			w.spots = append(w.spots, spot{bucket, string(w.image[key:value]), key, end, value, at})
			continue
		}
		name := string(w.image[key:value])
		if root := int(binary.NativeEndian.Uint64(w.image[value:])); root != 0 {
			w.page(name, root*pageSize)
		} else {
			w.page(name, value+bucketHead)
		}
	}
}

// summedBuckets are the buckets whose values end with a checksum.
var summedBuckets = []string{"heads", "keys", "due", "status", "operation", "attention"}

// name is the bucket, and in meta the entry. The records that no full tile holds are a part of their own.
func (s spot) name() string {
	switch {
	case s.bucket == "meta":
		return s.bucket + " " + s.key
	case s.bucket == "log" && binary.BigEndian.Uint64([]byte(s.key)) > seal.TileWidth:
		return s.bucket + " end"
	}
	return s.bucket
}

// forgeable is false where the byte is one of a checksum, or of where the frames begin.
func (s spot) forgeable(image []byte, at int) bool {
	if s.bucket == "log" && at >= s.value {
		return at < s.end-6*int(binary.BigEndian.Uint16(image[s.end-2:]))
	}
	return slices.Contains(summedBuckets, s.bucket) && at < s.end-4
}

// forged is the whole entry with a bit of one that is forgeable changed, and with the checksum that such an entry or
// frame would have.
func (s spot) forged(image []byte, at int, bit byte) []byte {
	entry := bytes.Clone(image[s.at:s.end])
	entry[at-s.at] ^= bit
	key, value := entry[:s.value-s.at], entry[s.value-s.at:]
	if s.bucket == "log" && at >= s.value {
		return append(key, bolt.Chunk(framesOf(value)...)...)
	}
	n := len(value) - 4
	return append(key, bolt.Summed(string(key), value[:n:n])...)
}

// framesOf are the frames of a chunk, by its directory.
func framesOf(chunk []byte) (frames [][]byte) {
	count, begin := int(binary.BigEndian.Uint16(chunk[len(chunk)-2:])), 0
	end := len(chunk) - 6*count
	for i := range count {
		next := end
		if i < count-1 {
			next = int(binary.BigEndian.Uint16(chunk[end+2*i:]))
		}
		frames = append(frames, chunk[begin:next])
		begin = next
	}
	return frames
}

// forge puts an entry into a lazy bucket that the log never wrote, with the checksum that it would have.
func forge(tx *bbolt.Tx, bucket, key string, value []byte) error {
	return tx.Bucket([]byte(bucket)).Put([]byte(key), bolt.Summed(key, value))
}
