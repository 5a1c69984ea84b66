package seal_test

import (
	"crypto/sha256"
	"fmt"
	"sync"

	"github.com/tilltape/tilltape/seal"
)

// The oracle: section 2.1 of RFC 6962 as it stands there, recursive and slow, resting on nothing but SHA-256. D[n] is a
// list of leaf hashes, so that the trees of a test need no records.

func oracleLeaf(record []byte) seal.Hash { return sha256.Sum256(append([]byte{0}, record...)) }

func oracleNode(l, r seal.Hash) seal.Hash {
	return sha256.Sum256(append(append([]byte{1}, l[:]...), r[:]...))
}

// oracleSplit is k, the largest power of two smaller than n.
func oracleSplit(n int) int {
	k := 1
	for k*2 < n {
		k *= 2
	}
	return k
}

// mth is MTH(D[n]).
func mth(d []seal.Hash) seal.Hash {
	switch len(d) {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return d[0]
	}
	k := oracleSplit(len(d))
	if len(d) < rememberedLeast {
		return oracleNode(mth(d[:k]), mth(d[k:]))
	}
	at := place{&d[0], len(d)}
	if root, known := remembered.Load(at); known {
		return root.(seal.Hash)
	}
	root := oracleNode(mth(d[:k]), mth(d[k:]))
	remembered.Store(at, root)
	return root
}

// remembered are the oracle's own roots, by where the hashes are that they are over: to compute them again and again
// would be most of what these tests do. Nobody changes hashes whose root was asked for.
var remembered sync.Map

// place is where hashes are, and how many.
type place struct {
	first *seal.Hash
	n     int
}

// rememberedLeast is how many hashes a root is over that is remembered.
const rememberedLeast = 8

// auditPath is PATH(m, D[n]).
func auditPath(m int, d []seal.Hash) []seal.Hash {
	if len(d) == 1 {
		return nil
	}
	k := oracleSplit(len(d))
	if m < k {
		return append(auditPath(m, d[:k]), mth(d[k:]))
	}
	return append(auditPath(m-k, d[k:]), mth(d[:k]))
}

// consistency is PROOF(m, D[n]), m > 0.
func consistency(m int, d []seal.Hash) []seal.Hash { return subproof(m, d, true) }

// subproof is SUBPROOF(m, D[n], b).
func subproof(m int, d []seal.Hash, b bool) []seal.Hash {
	if m == len(d) {
		if b {
			return nil
		}
		return []seal.Hash{mth(d)}
	}
	k := oracleSplit(len(d))
	if m <= k {
		return append(subproof(m, d[:k], b), mth(d[k:]))
	}
	return append(subproof(m-k, d[k:], false), mth(d[:k]))
}

// leaves returns n leaf hashes, all different.
func leaves(n int) []seal.Hash {
	d := make([]seal.Hash, n)
	for i := range d {
		d[i] = oracleLeaf(fmt.Appendf(nil, "record %d", i))
	}
	return d
}
