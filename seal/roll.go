package seal

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
)

// A roll names every stream of a log with its newest record: what nobody can tell from the log's own tree without
// reading all of it. It is a sparse Merkle tree. A stream's key is a hash, and the key's bits, the highest first, say
// which way to go at each node, to the left for 0; a subtree with one entry is that entry, however deep it stands. So
// there is one way to a key, and at its end one entry at most: under one root a log's owner cannot say to one person
// that a stream ends here, and to another that it ends there. The root is made from the log's frames alone, by anybody
// who has them.

// The first bytes of what is hashed: none is that of a leaf or node of the log's tree.
const (
	rollEntryPrefix = 0x02
	rollNodePrefix  = 0x03
	rollKeyPrefix   = 0x04
)

// MaxRollPath is how many hashes a way in a roll can have: one for each bit of a key.
const MaxRollPath = 8 * HashSize

// RollEntry is a stream in a roll.
type RollEntry struct {
	Stream   Hash   // see StreamKey
	Version  uint64 // of its newest record, and so the number of its records
	Position uint64 // of that record in the log, counted from 1
	Record   Hash   // LeafHash of that record
}

// StreamKey returns the hash that stands for a stream: SHA-256(0x04 || length of category, a byte || category || id).
// The category has at most 255 bytes.
func StreamKey(category, id string) Hash {
	b := append([]byte{rollKeyPrefix, byte(len(category))}, category...)
	return sha256.Sum256(append(b, id...))
}

// hash returns SHA-256(0x02 || stream || version || position || record), the numbers in 8 bytes, big-endian.
func (e *RollEntry) hash() Hash {
	b := make([]byte, 0, 1+3*HashSize)
	b = append(append(b, rollEntryPrefix), e.Stream[:]...)
	b = binary.BigEndian.AppendUint64(b, e.Version)
	b = binary.BigEndian.AppendUint64(b, e.Position)
	return sha256.Sum256(append(b, e.Record[:]...))
}

func rollNode(left, right Hash) Hash {
	var b [1 + 2*HashSize]byte
	b[0] = rollNodePrefix
	copy(b[1:], left[:])
	copy(b[1+HashSize:], right[:])
	return sha256.Sum256(b[:])
}

// bit returns bit n of a key, counted from the highest.
func bit(key *Hash, n int) byte { return key[n/8] >> (7 - n%8) & 1 }

// Roll is a whole roll. It is not changed after [NewRoll] and may be used by several goroutines at once.
type Roll struct{ entries []RollEntry }

// NewRoll returns the roll of these streams, each of which is named once, in any order. It sorts the slice and keeps
// it. A roll takes 80 bytes a stream. The error is an [*InvalidError] for a stream that is named twice.
func NewRoll(entries []RollEntry) (*Roll, error) {
	slices.SortFunc(entries, func(a, b RollEntry) int { return bytes.Compare(a.Stream[:], b.Stream[:]) })
	for i := 1; i < len(entries); i++ {
		if entries[i].Stream == entries[i-1].Stream {
			return nil, &InvalidError{What: fmt.Sprintf("stream %x", entries[i].Stream),
				Problem: "is named twice; name each with its newest record"}
		}
	}
	return &Roll{entries: entries}, nil
}

// Len returns the number of streams.
func (r *Roll) Len() int { return len(r.entries) }

// Root returns the root of the roll: of none, 32 zero bytes. It computes two hashes for each stream.
func (r *Roll) Root() Hash { return rollRoot(r.entries, 0) }

// rollRoot returns the root over entries that share their key's first bits.
func rollRoot(entries []RollEntry, depth int) Hash {
	switch len(entries) {
	case 0:
		return Hash{}
	case 1:
		return entries[0].hash()
	}
	half := split(entries, depth)
	return rollNode(rollRoot(entries[:half], depth+1), rollRoot(entries[half:], depth+1))
}

// split returns how many entries go to the left at that depth.
func split(entries []RollEntry, depth int) int {
	half, _ := slices.BinarySearchFunc(entries, byte(1), func(e RollEntry, one byte) int {
		return int(bit(&e.Stream, depth)) - int(one)
	})
	return half
}

// Prove returns the entry of a stream and the hashes beside its way, from the root down; see [VerifyRoll]. There are
// about as many as the number of streams has doublings. It computes what [Roll.Root] computes. False where the roll
// does not name the stream.
func (r *Roll) Prove(stream Hash) (entry RollEntry, path []Hash, ok bool) {
	entries := r.entries
	for depth := 0; len(entries) > 1; depth++ {
		half := split(entries, depth)
		on, beside := entries[:half], entries[half:]
		if bit(&stream, depth) == 1 {
			on, beside = beside, on
		}
		path = append(path, rollRoot(beside, depth+1))
		entries = on
	}
	if len(entries) == 0 || entries[0].Stream != stream {
		return RollEntry{}, nil, false
	}
	return entries[0], path, true
}

// RollRoot returns the root of every roll in which this path leads to this entry; false where no roll has so long a
// path. Only one whose root was signed says anything.
func RollRoot(path []Hash, entry RollEntry) (Hash, bool) {
	if len(path) > MaxRollPath {
		return Hash{}, false
	}
	h := entry.hash()
	for depth := len(path) - 1; depth >= 0; depth-- {
		if bit(&entry.Stream, depth) == 0 {
			h = rollNode(h, path[depth])
		} else {
			h = rollNode(path[depth], h)
		}
	}
	return h, true
}

// VerifyRoll returns nil only if the path shows that the roll with that root has this entry, and so no other for its
// stream. Otherwise the error is a [*ProofError].
func VerifyRoll(path []Hash, root Hash, entry RollEntry) error {
	if got, ok := RollRoot(path, entry); ok && got == root {
		return nil
	}
	return &ProofError{
		Claim:   fmt.Sprintf("the stream ends with version %d at position %d", entry.Version, entry.Position),
		Problem: fmt.Sprintf("the %d hashes of its way do not lead to the roll's root %v", len(path), root),
	}
}
