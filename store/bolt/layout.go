package bolt

import (
	"encoding/binary"
	"time"

	"github.com/tilltape/tilltape/events"
	"github.com/tilltape/tilltape/store"
)

// The file, bucket by bucket. docs/reference has the same with examples; numbers are big-endian, so that bbolt's order
// of keys is ours.
const (
	bucketMeta      = "meta"      // what the entries below say
	bucketLog       = "log"       // position of a chunk's last record → its frames, one after another
	bucketTiles     = "tiles"     // level and index of a full tile of the seal → its hashes
	bucketHeads     = "heads"     // stream → version and position of its newest record; lazy
	bucketKeys      = "keys"      // lookup key → position of the record that made it known; lazy
	bucketDue       = "due"       // due time, order id; lazy, with heads
	bucketStatus    = "status"    // status, since when, order id; lazy, with heads
	bucketOperation = "operation" // since when an operation is outstanding, order id; lazy, with heads
	bucketAttention = "attention" // reason, since when, order id; lazy, with heads
)

var buckets = []string{bucketMeta, bucketLog, bucketTiles, bucketHeads, bucketKeys, bucketDue, bucketStatus,
	bucketOperation, bucketAttention}

// indexBuckets is the bucket of every index.
var indexBuckets = [...]string{store.IndexStatus: bucketStatus, store.IndexDue: bucketDue,
	store.IndexOutstanding: bucketOperation, store.IndexAttention: bucketAttention}

// hasWords tells whether the keys of an index begin with a word.
func hasWords(bucket string) bool { return bucket == bucketStatus || bucket == bucketAttention }

// lazyBuckets are those whose entries have sums.
var lazyBuckets = append([]string{bucketHeads, bucketKeys}, indexBuckets[1:]...)

// The entries of the meta bucket. All of them are always there, but that a log has either frontier, origin and ancestry
// or the mark that it is unsealed.
const (
	metaMagic   = "magic"
	metaFormat  = "format"
	metaCovered = "covered" // the lazy buckets hold at least what the records up to this position say
	// the records up to this position are on their way into the lazy buckets; covered, where none are
	metaFiling    = "filing"
	metaFollows   = "follows"  // how far the log has applied the order that it follows; empty: its appends are its own
	metaJournal   = "journal"  // the id of the journal beside the file; empty: there is none
	metaCopied    = "copied"   // 1: the file is a backup that nothing was appended to yet; 0: it is not
	metaUnsealed  = "unsealed" // the log was made without a seal
	metaFrontier  = "frontier" // the seal's right edge
	metaOrigin    = "origin"   // names the log in checkpoints
	metaAncestry  = "ancestry" // what it held under its earlier origins, a line each
	metaSum       = "sum"      // over all the others
	magic         = "tilltape log"
	formatVersion = 1
)

const (
	numberSize = 8 // a position, a version or a time
)

func placeBytes(p place) []byte { return append(short(p.Version), short(p.Position)...) }

func parsePlace(b []byte) (p place, ok bool) {
	version, n := binary.Uvarint(b)
	if n <= 0 {
		return place{}, false
	}
	position, ok := parseShort(b[n:])
	return place{Version: version, Position: position}, ok
}

// short is a number that nothing is sorted by.
func short(n uint64) []byte { return binary.AppendUvarint(nil, n) }

func parseShort(b []byte) (uint64, bool) {
	value, n := binary.Uvarint(b)
	return value, n > 0 && n == len(b)
}

func number(n uint64) []byte {
	return binary.BigEndian.AppendUint64(make([]byte, 0, numberSize), n)
}

func parseNumber(b []byte) (uint64, bool) {
	if len(b) != numberSize {
		return 0, false
	}
	return binary.BigEndian.Uint64(b), true
}

func tileKey(level int, index uint64) []byte {
	return binary.BigEndian.AppendUint64(append(make([]byte, 0, 1+numberSize), byte(level)), index)
}

// streamKey tells every two streams apart whatever their ids contain: the category's length says where the id begins.
func streamKey(s events.Stream) []byte {
	key := make([]byte, 0, 2+len(s.Category)+len(s.ID))
	key = append(key, byte(len(s.Category)))
	key = append(key, s.Category...)
	return events.AppendID(key, s.ID)
}

// ownerKey stands for a lookup key in the file.
func ownerKey(key events.Key) []byte {
	return events.AppendKey(make([]byte, 0, 2+len(key)), key)
}

// entry is one key of an index bucket. Its value is empty: what it stands for is in the order's newest frame.
type entry struct{ bucket, key string }

// entries returns the index entries of an order whose summary is h.
func entries(h events.Head, id string) []entry {
	all := append(make([]entry, 0, 4), entry{bucketStatus, string(indexKey(indexPrefix(h.Status), h.StatusSince, id))})
	if !h.Due.IsZero() {
		all = append(all, entry{bucketDue, string(indexKey(nil, h.Due, id))})
	}
	if !h.OperationSince.IsZero() {
		all = append(all, entry{bucketOperation, string(indexKey(nil, h.OperationSince, id))})
	}
	for _, a := range events.Attentions() {
		if since := h.Since(a); !since.IsZero() {
			all = append(all, entry{bucketAttention, string(indexKey(indexPrefix(a.String()), since, id))})
		}
	}
	return all
}

// indexPrefix begins the keys of one status or attention. Its length in front keeps "paid" and "paid2" apart.
func indexPrefix(word string) []byte {
	return append([]byte{byte(len(word))}, word...)
}

func indexKey(prefix []byte, at time.Time, id string) []byte {
	key := make([]byte, 0, len(prefix)+numberSize+len(id))
	key = append(key, prefix...)
	key = binary.BigEndian.AppendUint64(key, sortable(at))
	return append(key, id...)
}

// signBit, flipped, makes signed numbers sort like unsigned ones.
const signBit = 1 << 63

// sortable is a time as a number that grows with it: nanoseconds since 1970 with the sign flipped, no time first.
// Times outside of what 64 bits of nanoseconds can tell count as the nearest that they can.
func sortable(at time.Time) uint64 {
	switch {
	case at.IsZero() || at.Before(time.Unix(0, -1<<63)):
		return 0
	case at.After(time.Unix(0, 1<<63-1)):
		return 1<<64 - 1
	}
	return uint64(at.UnixNano()) ^ signBit
}
