package memory

import (
	"crypto/sha256"

	"github.com/tilltape/tilltape/seal"
)

// The tree of RFC 6962, section 2.1, as its definitions read: recursive, over all leaves, each time it is asked for. It
// shares no line with package seal, so an engine that agrees with this log has built the right tree. A question costs a
// node hash for each leaf.

// The prefixes keep leaves and nodes apart.
const (
	leafPrefix = 0x00
	nodePrefix = 0x01
)

func leafHash(frame []byte) seal.Hash { return sha256.Sum256(append([]byte{leafPrefix}, frame...)) }

func nodeHash(left, right seal.Hash) seal.Hash {
	return sha256.Sum256(append(append([]byte{nodePrefix}, left[:]...), right[:]...))
}

// split is how many of n leaves, two or more, lie in the left half: the largest power of two below n.
func split(n int) int {
	left := 1
	for 2*left < n {
		left *= 2
	}
	return left
}

// rootOf is the root over the leaves.
func rootOf(leaves []seal.Hash) seal.Hash {
	switch len(leaves) {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return leaves[0]
	}
	left := split(len(leaves))
	return nodeHash(rootOf(leaves[:left]), rootOf(leaves[left:]))
}

// inclusion is what leads from leaf n, counted from 0, to the root, from the leaf's neighbour up.
func inclusion(leaves []seal.Hash, n int) []seal.Hash {
	if len(leaves) == 1 {
		return nil
	}
	left := split(len(leaves))
	if n < left {
		return append(inclusion(leaves[:left], n), rootOf(leaves[left:]))
	}
	return append(inclusion(leaves[left:], n-left), rootOf(leaves[:left]))
}

// consistency is what leads from the root over the first old leaves, one or more, to the root over all. known says that
// whoever verifies it has the root over those old leaves already.
func consistency(leaves []seal.Hash, old int, known bool) []seal.Hash {
	if old == len(leaves) {
		if known {
			return nil
		}
		return []seal.Hash{rootOf(leaves)}
	}
	left := split(len(leaves))
	if old <= left {
		return append(consistency(leaves[:left], old, known), rootOf(leaves[left:]))
	}
	return append(consistency(leaves[left:], old-left, false), rootOf(leaves[:left]))
}
