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
	bucketMeta      = "meta"      // magic and format version
	bucketLog       = "log"       // position → frame
	bucketStreams   = "streams"   // stream → version and position of its newest record
	bucketKeys      = "keys"      // lookup key → stream
	bucketDue       = "due"       // due time, order id
	bucketStatus    = "status"    // status, since when, order id; and once more under no status
	bucketAttention = "attention" // attention, since when, order id; and once more under store.AnyAttention
)

var buckets = []string{bucketMeta, bucketLog, bucketStreams, bucketKeys, bucketDue, bucketStatus, bucketAttention}

// The two entries of the meta bucket.
const (
	metaMagic     = "magic"
	metaFormat    = "format"
	magic         = "tilltape log"
	formatVersion = 1
)

const (
	numberSize = 8              // a position, a version or a time
	placeSize  = 2 * numberSize // a version and a position
)

// place is where a stream's record is. The zero place is before its first.
type place struct{ version, position uint64 }

func (p place) bytes() []byte {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, placeSize), p.version)
	return binary.BigEndian.AppendUint64(b, p.position)
}

func parsePlace(b []byte) (place, bool) {
	if len(b) != placeSize {
		return place{}, false
	}
	return place{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[numberSize:])}, true
}

func positionKey(position uint64) []byte {
	return binary.BigEndian.AppendUint64(make([]byte, 0, numberSize), position)
}

// streamKey tells every two streams apart whatever their ids contain: the category's length says where the id begins.
func streamKey(s events.Stream) []byte {
	key := make([]byte, 0, 1+len(s.Category)+len(s.ID))
	key = append(key, byte(len(s.Category)))
	key = append(key, s.Category...)
	return append(key, s.ID...)
}

func parseStreamKey(key []byte) (events.Stream, bool) {
	if len(key) == 0 || len(key) < 1+int(key[0]) {
		return events.Stream{}, false
	}
	split := 1 + int(key[0])
	return events.Stream{Category: string(key[1:split]), ID: string(key[split:])}, true
}

// entry is one key of an index bucket. Its value is empty: what it stands for is in the order's newest frame.
type entry struct{ bucket, key string }

// entries returns the index entries of an order whose summary is h.
func entries(h events.Head, id string) []entry {
	all := append(make([]entry, 0, 5),
		entry{bucketStatus, string(indexKey(indexPrefix(""), h.StatusSince, id))})
	if h.Status != "" {
		all = append(all, entry{bucketStatus, string(indexKey(indexPrefix(h.Status), h.StatusSince, id))})
	}
	if h.Attention != "" {
		all = append(all,
			entry{bucketAttention, string(indexKey(indexPrefix(store.AnyAttention), h.AttentionSince, id))},
			entry{bucketAttention, string(indexKey(indexPrefix(h.Attention), h.AttentionSince, id))})
	}
	if !h.Due.IsZero() {
		all = append(all, entry{bucketDue, string(indexKey(nil, h.Due, id))})
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
