package seal

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// HashSize is the length of a [Hash] in bytes.
const HashSize = sha256.Size

// Hash is a SHA-256 hash of a leaf or a node of the tree.
type Hash [HashSize]byte

// String returns the hash in standard base64, 44 characters, as checkpoints and proofs write it.
func (h Hash) String() string { return base64.StdEncoding.EncodeToString(h[:]) }

// Grouped returns the hash in hex, in sixteen groups of four digits, for people who compare it on paper or read it out.
func (h Hash) Grouped() string {
	const group = 2 // bytes
	var b strings.Builder
	for i := 0; i < HashSize; i += group {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(hex.EncodeToString(h[i : i+group]))
	}
	return b.String()
}

// leafPrefix keeps leaves apart from nodes: without it, two concatenated hashes could be shown as a record.
const leafPrefix = 0x00

// leafInline is the longest frame that LeafHash copies beside its prefix instead of streaming it: one pass over a few
// hundred bytes is faster than a second call into the hash.
const leafInline = 1023

// LeafHash returns the hash of a record's stored bytes: SHA-256(0x00 || frame). It does not allocate and keeps nothing
// of frame.
func LeafHash(frame []byte) Hash {
	if len(frame) <= leafInline {
		var buf [1 + leafInline]byte
		buf[0] = leafPrefix
		n := copy(buf[1:], frame)
		return sha256.Sum256(buf[:1+n])
	}
	h := sha256.New()
	h.Write([]byte{leafPrefix}) // a hash.Hash never returns an error
	h.Write(frame)
	var sum Hash
	h.Sum(sum[:0])
	return sum
}

// nodeHash returns SHA-256(0x01 || left || right).
func nodeHash(left, right Hash) Hash { return Hash(tlog.NodeHash(tlog.Hash(left), tlog.Hash(right))) }

// emptyRoot returns the root of a tree without leaves: SHA-256 of nothing.
func emptyRoot() Hash { return sha256.Sum256(nil) }

// foldPerfect returns the root over hashes, whose number is a power of two, and uses them as its scratch space.
func foldPerfect(hashes []Hash) Hash {
	for n := len(hashes) / 2; n > 0; n /= 2 {
		for i := range n {
			hashes[i] = nodeHash(hashes[2*i], hashes[2*i+1])
		}
	}
	return hashes[0]
}
