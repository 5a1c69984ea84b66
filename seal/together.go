package seal

import (
	"fmt"
	"math/bits"
	"slices"
)

// Together makes the proof that some leaves of a tree are in it, all of them together: from the leaves, one after
// another, without keeping more than the tree's right edge and the proof. What the ways of several leaves up have in
// common is in it once: two neighbours in a tree of a million take 19 hashes, and alone they would take 20 each.
//
// The zero value is the empty tree. It is not safe for concurrent use.
type Together struct {
	size  uint64
	stack []proven // perfect subtrees from left to right, each smaller than the one before
}

// proven is a subtree, and what proves the leaves in it that are shown: the roots, from left to right, of the largest
// subtrees that have none.
type proven struct {
	root   Hash
	shown  bool
	hashes []Hash
}

// Append adds a leaf, and says whether it is one that the proof is to show. It computes one node hash on average.
func (t *Together) Append(leaf Hash, shown bool) {
	node := proven{root: leaf, shown: shown}
	for range bits.TrailingZeros64(^t.size) {
		last := len(t.stack) - 1
		node = join(t.stack[last], node)
		t.stack = t.stack[:last]
	}
	t.stack = append(t.stack, node)
	t.size++
}

// join returns the node over two subtrees.
func join(left, right proven) proven {
	node := proven{root: nodeHash(left.root, right.root), shown: left.shown || right.shown}
	switch {
	case left.shown && right.shown:
		node.hashes = append(left.hashes, right.hashes...)
	case left.shown:
		node.hashes = append(left.hashes, right.root)
	case right.shown:
		node.hashes = append([]Hash{left.root}, right.hashes...)
	}
	return node
}

// whole returns the node over all.
func (t *Together) whole() proven {
	if t.size == 0 {
		return proven{root: emptyRoot()}
	}
	node := t.stack[len(t.stack)-1]
	for _, left := range slices.Backward(t.stack[:len(t.stack)-1]) {
		left.hashes = slices.Clip(left.hashes)
		node = join(left, node)
	}
	return node
}

// Size returns the number of leaves.
func (t *Together) Size() uint64 { return t.size }

// Root returns the root of the tree, SHA-256 of nothing if it is empty.
func (t *Together) Root() Hash { return t.whole().root }

// Proof returns the hashes that lead from the leaves that are shown to the root; see [VerifyTogether]. None if no leaf
// is shown, for there is nothing to prove.
func (t *Together) Proof() []Hash { return slices.Clone(t.whole().hashes) }

// VerifyTogether returns nil only if the proof shows that the tree of that size and root has these leaves at these
// places, which are counted from 0 and ascend. The proof has the roots of the largest subtrees that hold none of the
// leaves, from left to right; subtrees are those of RFC 6962, where the left half has the largest power of two below
// the number of leaves. Otherwise the error is a [*ProofError], or an [*InvalidError] where the numbers alone are
// impossible. It computes at most a node hash for each leaf and doubling of the size.
func VerifyTogether(proof []Hash, size uint64, root Hash, places []uint64, leaves []Hash) error {
	if err := checkSize("size", size); err != nil {
		return err
	}
	if len(places) == 0 || len(places) != len(leaves) {
		return &InvalidError{What: "leaves",
			Problem: fmt.Sprintf("are %d, for %d places; give at least one, and each its place", len(leaves), len(places))}
	}
	for i, n := range places {
		if n >= size {
			return noLeafError(n, size)
		}
		if i > 0 && n <= places[i-1] {
			return &InvalidError{What: fmt.Sprintf("leaf %d", n),
				Problem: fmt.Sprintf("stands after leaf %d; name each once, in ascending order", places[i-1])}
		}
	}
	v := together{hashes: proof, places: places, leaves: leaves}
	if got, ok := v.root(0, size); !ok || len(v.hashes) != 0 || got != root {
		return &ProofError{
			Claim:   fmt.Sprintf("%d leaves, %d to %d, in the tree of %d", len(places), places[0], places[len(places)-1], size),
			Problem: fmt.Sprintf("they and the %d hashes do not lead to the root %v", len(proof), root),
		}
	}
	return nil
}

// together is what is left of a proof while it is verified.
type together struct {
	hashes []Hash
	places []uint64
	leaves []Hash
}

// root returns the root over the leaves from begin up to end; false where the hashes run out.
func (v *together) root(begin, end uint64) (Hash, bool) {
	if len(v.places) == 0 || v.places[0] >= end { // those before begin are used up
		if len(v.hashes) == 0 {
			return Hash{}, false
		}
		h := v.hashes[0]
		v.hashes = v.hashes[1:]
		return h, true
	}
	if end-begin == 1 {
		h := v.leaves[0]
		v.places, v.leaves = v.places[1:], v.leaves[1:]
		return h, true
	}
	middle := begin + 1<<(bits.Len64(end-begin-1)-1)
	left, ok := v.root(begin, middle)
	if !ok {
		return Hash{}, false
	}
	right, ok := v.root(middle, end)
	return nodeHash(left, right), ok
}
